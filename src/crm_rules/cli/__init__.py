"""The command line: one module for each command, over the same surface that an application uses.

`main` knows the table of commands; `console` knows terminals; `packs`, `choose` and `facts` read
what a user types: paths, policies and editions, records. No rule is decided here.
"""
