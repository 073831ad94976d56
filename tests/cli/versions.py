"""Two versions of a small policy in two folders, and a way to run `crm-rules diff` and `crm-rules changes` on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_rules.cli.main import main

if TYPE_CHECKING:
    import pytest

LIMIT = """
policy: limit
kind: decision-table
hit_policy: first
version: 1.0.0
fields:
  orders: {type: integer, min: 0, max: 100}
  region: {type: choice, one_of: [north, south]}
output:
  grade: {type: choice, one_of: [A, B, C]}
rules: |
  | id    | orders | region | grade |
  | many  | >= 50  | -      | A     |
  | south | >= 10  | south  | B     |
  | rest  | -      | -      | C     |
"""

TERMS = """
policy: terms
kind: decision-table
version: 1.0.0
requires: {grade: limit.grade}
fields:
  new: {type: boolean}
output:
  days: {type: integer}
rules: |
  | id    | grade | new   | days |
  | first | -     | true  | 0    |
  | best  | A     | false | 60   |
  | other | B, C  | false | 30   |
"""

DATA = "id,orders,region,new,amount\n1,60,north,true,100\n2,45,south,false,20.5\n3,12,south,false,7\n4,x,north,true,1\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with `old` and `new`, both with the two policies; a test edits the new one."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def write(self, name: str, content: str) -> str:
        """Put a file into the folder; its path."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, "utf-8")
        return str(place)

    def edit(self, name: str, changes: Mapping[str, str]) -> None:
        """Replace texts of a file of the new version, each of which must be there."""
        place = self.folder / "new" / name
        text = place.read_text("utf-8")
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        place.write_text(text, "utf-8")

    def run(self, command: str, *words: str) -> Result:
        """Run a command; names of files and folders here, and editions of them, are given their place."""
        placed = [str(self.folder / word) if self.is_here(word) else word for word in words]
        self.capture.readouterr()
        code = main([command, *placed])
        out, err = self.capture.readouterr()
        place = str(self.folder) + "/"
        return Result(code, out.replace(place, ""), err.replace(place, ""))

    def is_here(self, word: str) -> bool:
        """True for a path below the folder, whether or not with an edition."""
        path, sign, _ = word.rpartition("@")
        return bool(word) and (self.folder / (path if sign else word)).exists()

    def diff(self, *options: str) -> Result:
        """Compare the two folders."""
        return self.run("diff", "old", "new", *options)


def new_bench(folder: Path, capture: pytest.CaptureFixture[str]) -> Bench:
    """A bench whose versions are the same."""
    bench = Bench(folder, capture)
    for version in ("old", "new"):
        bench.write(f"{version}/limit.yaml", LIMIT)
        bench.write(f"{version}/terms.yaml", TERMS)
    bench.write("data.csv", DATA)
    return bench
