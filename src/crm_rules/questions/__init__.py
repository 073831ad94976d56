"""Questions about a program: sets of values, and records whose values lie in given sets.

A question is asked in set arithmetic over intervals, choices and missing; nothing here knows a
finding, a policy file or a solver. `sets` is the arithmetic, `preimage` turns a wish about an
expression into a wish about one field, `solve` finds a record for several wishes, `words` says a set
as an author would.
"""
