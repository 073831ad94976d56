"""The time from starting Python to the first decision, with 30 policies of 80 lines loaded, in milliseconds.

It writes the policies to a temporary folder, then starts a fresh interpreter five times and prints
the median of the whole process; the bytecode of the library is there already, as it is when installed.
A second figure is what the interpreter and the imported packages alone take in the same run: it tells a
slow machine from a slow library.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POLICIES = 30
CHARACTERISTICS = 9
STARTS = 5
PROGRAM = """
import sys
from datetime import date
import crm_rules
pack = crm_rules.load(sys.argv[1])
record = {f"number_{i}": 5 for i in range(int(sys.argv[2]))}
assert pack["policy-7"].decide(record, today=date(2026, 11, 21)).status == "decided"
"""

# What the same interpreter needs for the packages that reading a policy needs, and nothing of ours.
BARE = """
import msgspec, yaml
from pydantic import BaseModel
class Empty(BaseModel): pass
"""


def policy(number: int) -> str:
    """A scorecard of about 80 lines."""
    lines = [
        f"policy: policy-{number}",
        "kind: scorecard",
        f"title: {{en: Policy {number}, zh: 政策 {number}}}",
        "version: 1.0.0",
        "valid_from: 2026-01-01",
        "source: {document: benchmark}",
        "fields:",
    ]
    names = [f"number_{index}" for index in range(CHARACTERISTICS)]
    lines += [f"  {name}: {{type: number, min: 0, label: {{en: Number, zh: 数}}}}" for name in names]
    lines += ["characteristics:"]
    for name in names:
        lines += [
            f"  by_{name}:",
            "    rules: |",
            f"      | id   | {name} | points |",
            "      | top  | >= 100   | 3      |",
            "      | some | [10..100) | 2     |",
            "      | few  | < 10     | 1      |",
        ]
    lines += [
        "output:",
        "  grade: {type: choice, one_of: [A, B, C], ordered: best-first}",
        "bands:",
        '  A: ">= 20"',
        '  B: "[12..20)"',
        '  C: "< 12"',
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the median."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pack.yaml").write_text("pack: benchmark\n", encoding="utf-8")
        for number in range(POLICIES):
            Path(folder, f"policy-{number}.yaml").write_text(policy(number), encoding="utf-8")
        whole = [sys.executable, "-c", PROGRAM, folder, str(CHARACTERISTICS)]
        bare = [sys.executable, "-c", BARE]
        milliseconds(whole)  # fills the bytecode cache
        pairs = [(milliseconds(whole), milliseconds(bare)) for _ in range(STARTS)]
    print(*(f"{statistics.median(times):.1f}" for times in zip(*pairs, strict=True)))


def milliseconds(command: list[str]) -> float:
    """The time of a process from start to end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True)  # noqa: S603 - this interpreter and the programs above
    return (time.perf_counter() - begin) * 1e3


if __name__ == "__main__":
    main()
