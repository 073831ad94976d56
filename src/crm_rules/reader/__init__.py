"""Reading a policy file: YAML, pipe tables, cells and formulas, each with the place it stands at.

`yaml_text` makes a tree of text out of a file, `pipe_table` a table out of a block of lines;
what the text means is decided later, by the type of the field it is written for.
"""
