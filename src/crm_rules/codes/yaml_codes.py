"""The pages of the codes of files, YAML and pipe tables.

A page says what the code means and what an author does about it; see `crm_rules.codes`.
"""

from __future__ import annotations

PAGES: dict[str, tuple[str, str]] = {
    "file-too-large": (
        "the file is larger than a policy may be",
        """
        A policy file holds rules, not data, and is refused unread above the size limit.
        Move records into a data file, or split the policy into several files of one pack.
        """,
    ),
    "not-utf-8": (
        "the file is not encoded as UTF-8",
        """
        Policy files are UTF-8 text. A file saved as GBK, Windows-1252 or UTF-16 is refused, because
        its labels would come out garbled. The place is the first byte that does not fit.
        Remedy: save the file again and choose UTF-8 as its encoding.
        """,
    ),
    "empty-file": (
        "the file says nothing",
        """
        The file is empty or holds only comments.
        Write a policy into it, or delete it.
        """,
    ),
    "control-character": (
        "an invisible control character",
        """
        The file holds a character that no editor shows and YAML does not allow, usually pasted from a
        word processor or a terminal. The message names it by its Unicode number.
        Remedy: delete the character at that column, or type the text again.
        """,
    ),
    "tab-indentation": (
        "a tab where spaces are expected",
        """
        YAML indents by spaces only; how wide a tab is depends on the editor.
            bands:
            <tab>A: ">= 14"
        Remedy: replace the tab by spaces, and set the editor to insert spaces.
        """,
    ),
    "yaml-syntax": (
        "the text is not valid YAML",
        """
        The structure of the file cannot be read at this place: a bracket or a quote that is not closed,
        a line that does not line up with its neighbours, a `:` inside of a text.
            title: Grades: the first        # the second `:` needs quotes around the text
            title: "Grades: the first"
        What follows the place was not read, so there may be more to find after the repair.
        """,
    ),
    "unquoted-cell": (
        "a cell that YAML reads as something else",
        """
        Characters such as `>`, `[`, `-`, `%` or a comma mean something to YAML, so a test of a rule has
        to stand in quotes wherever it is not in a pipe table.
            A: >= 14                A: ">= 14"
            B: [12..14)             B: "[12..14)"
            C: "x", "y"             C: '"x", "y"'
        In a pipe table (`rules: |` and lines of `| >= 14 | A |`) no cell needs quotes.
        """,
    ),
    "duplicate-key": (
        "the same key twice",
        """
        A key may stand once in its mapping; of two values one would be lost without a word.
            bands:
              A: ">= 14"
              A: "[12..14)"
        Rename one of the two or remove it. The first one is marked as well.
        """,
    ),
    "key-not-text": (
        "a key that is not a plain text",
        """
        A key is one word or text before a `:`. Lists and mappings as keys, and a `:` with nothing
        before it, are refused.
            ? [a, b]
            : 1
        Give the entry a name.
        """,
    ),
    "anchor": (
        "a YAML anchor",
        """
        `&name` marks a value for repetition elsewhere. Policies do without: every value stands where
        it is used, so that a reviewer sees it there.
        Write the value out, declare it as a parameter, or put the text in quotes if the `&` is part of it.
        """,
    ),
    "alias": (
        "a YAML alias",
        """
        `*name` repeats a value that was marked elsewhere. Policies do without: every value stands where
        it is used.
        Write the value out, declare it as a parameter, or put the text in quotes if the `*` is part of it.
        """,
    ),
    "merge-key": (
        "a YAML merge key",
        """
        `<<:` copies the keys of another mapping. Policies do without, because what is copied
        cannot be seen where it counts.
        Write the keys out; to build on another policy, use `extends`.
        """,
    ),
    "tag": (
        "a YAML tag",
        """
        `!name` or `!!name` asks YAML to convert a value. In a policy the declared type of a field decides,
        and loading a file never runs code.
        Remove the tag, or put the text in quotes if the `!` is part of it.
        """,
    ),
    "several-documents": (
        "more than one document in a file",
        """
        A line of `---` starts a second document. One file holds one policy; what follows is not read.
        Move the second document to a file of its own.
        """,
    ),
    "nested-too-deep": (
        "brackets or indentation nested too deep",
        """
        No policy needs more than 32 levels of lists and mappings within each other, so a deeper
        file is refused, unread from there on. Usually it is a file that is no policy.
        """,
    ),
    "empty-table": (
        "a table without rows",
        """
        A table has a header line and at least one row below it.
            rules: |
              | id  | amount | points |
              | top | >= 10  | 4      |
        """,
    ),
    "ragged-row": (
        "a row with too many or too few cells",
        """
        Every row has as many cells as the header has columns; a test that says nothing is `-`.
            | id  | amount | points |
            | top | >= 10  |
        Add or remove the cell. A bar that belongs to the text of a cell is written `\\|`.
        """,
    ),
    "missing-bar": (
        "a row that does not begin and end with a bar",
        """
        A row begins with `|` and ends with `|`, so that no cell can be lost at its ends.
            | top | >= 10 | 4
        Add the bar.
        """,
    ),
    "text-outside-table": (
        "text that stands outside of the bars",
        """
        In a block that holds a table each line is a row, blank, or a comment that begins with `#`.
            | top | >= 10 | 4 |  as of 2026
        Put the text on a line of its own and begin it with `#`.
        """,
    ),
    "full-width-bar": (
        "a full-width bar between cells",
        """
        Cells are separated by the bar `|` of the plain keyboard. The full-width bar U+FF5C of a Chinese
        input method looks alike and is another character.
        Replace it. Inside of a cell's text it may stay.
        """,
    ),
    "duplicate-column": (
        "two columns of the same name",
        """
        A column is found by its name, so a name stands once in the header.
        To test one field twice, write both tests in one cell, or use an interval such as `[5..10)`.
        """,
    ),
    "unnamed-column": (
        "a column without a name",
        """
        Every column of a table names the field it tests or the output it sets.
            | id |   | points |
        Write the name into the header, or remove the column.
        """,
    ),
    # The limit of a file is shown by a test, since its case would be a large file.
    "too-many-values": (
        "a file with too many keys, values or cells",
        """
        A policy file holds at most 50,000 keys, values and cells, bars and commas counted in advance.
        A policy derives at most 500 fields, a field has at most 1,000 choices, a parameter at most 200 values by date.
        Split it into several policies of one pack; records of customers are data and stand elsewhere.
        """,
    ),
}
