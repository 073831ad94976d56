"""A small policy over every type of field, one that requires it, and a way to run `crm-rules decide` on a folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_rules.cli.decide import NOTHING
from crm_rules.cli.main import main

if TYPE_CHECKING:
    import pytest

ORDER = """
policy: order
kind: decision-table
hit_policy: first
title: {en: Order check, zh: 订单审核}
version: 1.0.0
fields:
  need: {type: choice, one_of: [clear, potential, none], label: {en: Need, zh: 需求}}
  amount: {type: money, unit: CNY, min: 0, label: {en: Amount, zh: 金额}}
  urgent: {type: boolean}
  due: {type: date, optional: true}
output:
  grade:
    type: choice
    one_of: [A, B, C]
    label: {en: Grade, zh: 等级}
    value_labels:
      A: {en: at once, zh: 立即处理}
  limit: {type: number}
rules: |
  | id    | need             | amount  | urgent | due     | grade | limit |
  | big   | clear            | >= 1000 | -      | -       | A     | 2.50  |
  | rush  | clear, potential | < 1000  | true   | -       | B     | 1     |
  | dated | -                | -       | -      | present | C     | 0.5   |
"""

SHIPPING = """
policy: shipping
kind: decision-table
version: 1.0.0
title: {en: Shipping, zh: 发货}
requires: {grade: order.grade}
fields:
  weight: {type: number}
output:
  carrier: {type: choice, one_of: [truck, post]}
rules: |
  | id    | grade | weight | carrier |
  | heavy | -     | > 20   | truck   |
  | light | -     | <= 20  | post    |
  | best  | A     | > 10   | truck   |
"""

HEADER = "id,need,amount,urgent,due"
ROWS = ["1,clear,1500,false,", "2,potential,10.5,true,", "3,none,5,false,2026-05-01", "4,none,5,false,"]
STANDARD = "\n".join([HEADER, *ROWS, ""])


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of the command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with the policies, to which a test adds data and a mapping."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def write(self, name: str, content: str | bytes) -> str:
        """Put a file into the folder; its path."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def run(self, data: str, *options: str, policy: str = "order") -> Result:
        """Run `crm-rules decide` on a file of the folder."""
        return self.run_address(str(self.folder / data), *options, policy=policy)

    def run_address(self, data: str, *options: str, policy: str = "order") -> Result:
        """Run `crm-rules decide` on whatever the words mean."""
        self.capture.readouterr()
        code = main(["decide", str(self.folder / "policies"), data, "--policy", policy, *options])
        out, err = self.capture.readouterr()
        place = str(self.folder) + "/"
        return Result(code, out.replace(place, ""), err.replace(place, ""))

    def decide(self, data: str, *options: str, out: str = "out.csv", policy: str = "order") -> list[dict[str, Any]]:
        """Run it into a file, and the rows of that file."""
        result = self.run(data, "--out", str(self.folder / out), *options, policy=policy)
        assert result.code == 0
        assert result.err in {"", f"crm-rules: {NOTHING}\n"}
        return self.read(out)

    def read(self, name: str) -> list[dict[str, Any]]:
        """The rows of a file of the folder."""
        text = (self.folder / name).read_text("utf-8")
        if name.endswith(".csv"):
            return list(csv.DictReader(io.StringIO(text, newline="")))
        return [json.loads(line) for line in text.splitlines()]

    def mapping(self, text: str) -> Sequence[str]:
        """The options that name a mapping file of this text."""
        return "--mapping", self.write("mapping.yaml", text)


def new_desk(folder: Path, capture: pytest.CaptureFixture[str]) -> Desk:
    """A desk with both policies."""
    write_policies(folder)
    return Desk(folder, capture)


def write_policies(folder: Path) -> None:
    """Both policies in the folder `policies`."""
    (folder / "policies").mkdir()
    (folder / "policies" / "order.yaml").write_text(ORDER, "utf-8")
    (folder / "policies" / "shipping.yaml").write_text(SHIPPING, "utf-8")
