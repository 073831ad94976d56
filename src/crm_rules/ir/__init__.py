"""The waist: what a policy means, and nothing about how it is written or run.

A policy lowers to a `Program` (`program`): declared fields and parameters, then an ordered tuple
of named steps over typed expressions and tests (`nodes`, `types`). `check` says whether a
program is well typed, `evaluate` says what it answers, `normalize` rewrites it without changing
that, `show` prints it. Only the standard library is used here; front ends (`kinds`) and back ends
(`backends`) meet in these modules and nowhere else.
"""
