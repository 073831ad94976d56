"""Two versions side by side: of a policy or a pack (`policies`), and of what became of many records (`migration`).

`policies` asks the proofs, `words` tells what they found; `migration` only counts and knows no policy, so that two
result files are compared in the same way as two versions on one table.
"""
