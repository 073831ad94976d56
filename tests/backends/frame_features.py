"""How far each kind of frame goes: a fixed list of small policies, asked on every engine and compared with `decide`.

`python -m tests.backends.frame_features` writes the table into docs/frames.md; `test_frame_table` asks whether
what stands there is true. A cell says `yes` when no row differs, `refused` when the engine says that it cannot,
`differs` when a row does, and `fails` when the engine raises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import crm_rules
from crm_rules.errors import CallError
from crm_rules.policy import Policy
from crm_rules.testing.agreement import check_agreement

TODAY = date(2024, 2, 29)
PAGE = Path(__file__).parents[2] / "docs" / "frames.md"
BEGIN, END = "<!-- engines: begin -->\n", "<!-- engines: end -->\n"
ENGINES: Mapping[str, str] = {
    "polars": "polars",
    "polars-lazy": "polars, lazy",
    "polars-streaming": "polars, streaming",
    "pandas": "pandas",
    "pandas-nullable": "pandas, nullable",
    "pandas-arrow": "pandas, arrow",
    "pyarrow": "pyarrow",
    "duckdb": "duckdb",
    "pyspark": "pyspark",
    "dask": "dask",
    "ibis": "ibis on duckdb",
}
Rows: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True)
class Feature:
    """Something that a policy may ask of an engine: a policy, and the records that tell whether it does it right."""

    title: str
    policy: str
    rows: Rows = field(default_factory=list)
    today: date | None = None
    generated: int = 0  # with no rows of its own: so many, near the borders of the policy


def numbers(name: str, values: Iterable[Any]) -> Rows:
    """A record for each value of a field."""
    return [{name: value} for value in values]


GRADES = """
policy: {id}
kind: decision-table
hit_policy: first
fields:
  {field}
output:
  grade: {{type: choice, one_of: [甲, 乙, 丙]}}
rules: |
  | id     | {name} | grade |
{rules}
"""


def graded(id: str, name: str, kind: str, rules: Mapping[str, str]) -> str:  # noqa: A002 - the word of the language
    """A table over one field; rules are cell and grade by id."""
    lines = "\n".join(f"  | {rule} | {cell} |" for rule, cell in rules.items())
    return GRADES.format(id=id, field=f"{name}: {kind}", name=name, rules=lines)


FEATURES = (
    Feature(
        "whole numbers compared",
        graded(
            "whole",
            "count",
            "{type: integer, optional: true}",
            {
                "none": "missing | 丙",
                "low": "< 10 | 甲",
                "ten": "10, 12 | 乙",
                "high": "> 9007199254740992 | 甲",
                "rest": "- | 丙",
            },
        ),
        numbers("count", [None, 9, 10, 11, 12, 13, -(2**63), 2**53, 2**53 + 1, 2**63 - 1]),
    ),
    Feature(
        "floats compared (NaN, infinities)",
        graded(
            "amount",
            "amount",
            "{type: number, optional: true}",
            {
                "none": "missing | 丙",
                "low": "< 0.1 | 甲",
                "middle": "[0.1..5000000) | 乙",
                "high": ">= 5000000 | 丙",
            },
        ),
        numbers(
            "amount",
            [
                None,
                0.1,
                0.30000000000000004,
                0.09999999999999999,
                4999999.99,
                5e6,
                1e33,
                -0.0,
                float("nan"),
                float("inf"),
                -float("inf"),
                1e300,
            ],
        ),
    ),
    Feature(
        "decimals compared",
        graded(
            "price",
            "price",
            "{type: money, unit: CNY, optional: true}",
            {
                "none": "missing | 丙",
                "low": "< 0.105 | 甲",
                "exact": "0.11 | 丙",
                "high": ">= 0.105 | 乙",
            },
        ),
        numbers(
            "price",
            [None, Decimal("0.10"), Decimal("0.11"), Decimal("0.1050"), Decimal("-0.01"), Decimal("99999999.99")],
        ),
    ),
    Feature(
        "texts and booleans",
        graded(
            "need",
            "need",
            "{type: choice, one_of: [明显, none, '无 need']}",
            {
                "clear": '"明显" | 甲',
                "other": 'not("none") | 乙',
                "rest": "otherwise | 丙",
            },
        ),
        numbers("need", ["明显", "none", "无 need", "", "None", None, "明"]),
    ),
    Feature(
        "dates compared, dates with a time",
        graded(
            "since",
            "since",
            "{type: date, optional: true}",
            {
                "none": "missing | 丙",
                "early": "< 2024-02-29 | 甲",
                "late": ">= 2024-02-29 | 乙",
            },
        ),
        [
            *numbers(
                "since",
                [None, date(2024, 2, 28), date(2024, 2, 29), date(1900, 1, 1), date(2199, 12, 31), date(1899, 12, 31)],
            ),
        ],
    ),
    Feature(
        "moments of a day",
        graded("seen", "seen", "{type: date}", {"early": "< 2024-02-29 | 甲", "late": ">= 2024-02-29 | 乙"}),
        numbers("seen", [datetime(2024, 2, 29), datetime(2024, 2, 28, 23, 59, 59), datetime(2023, 12, 31), None]),  # noqa: DTZ001 - a column has none
    ),
    Feature(
        "days and months from today",
        """
policy: late
kind: ladder
fields:
  due: {type: date}
derive:
  months: started_months(due, today)
by: months
output:
  level: {type: choice, one_of: [1, 2, 3]}
steps:
  - {id: first, up to: 0, level: 1}
  - {id: second, up to: 2, level: 2}
  - {id: third, up to: "-", level: 3}
""",
        numbers(
            "due",
            [
                date(2024, 2, 29),
                date(2024, 1, 31),
                date(2023, 12, 29),
                date(2023, 11, 30),
                date(2023, 12, 28),
                date(2025, 1, 1),
                None,
            ],
        ),
        TODAY,
    ),
    Feature(
        "arithmetic, rounding",
        """
policy: rebate
kind: decision-table
fields:
  price: {type: number, decimals: 2, min: 0, max: 10000000}
  count: {type: integer, min: 1, max: 100000}
derive:
  total: round(price * count * 0.015, 2, half_up)
  each: floor(total / count)
output:
  size: {type: choice, one_of: [tiny, small, large, odd]}
rules: |
  | id    | total       | each | size  |
  | tiny  | <= 0.01     | 0    | tiny  |
  | small | (0.01..1.5) | 0    | small |
  | large | >= 1.5      | 0    | large |
  | odd   | -           | > 0  | odd   |
""",
        [
            {"price": price, "count": count}
            for price in (0.0, 0.01, 33.33, 99.99, 100.0, 0.001, 1e7)
            for count in (1, 3, 100000, 0)
        ],
    ),
    Feature(
        "a table of 100 rules",
        "\n".join(
            (
                "policy: large",
                "kind: decision-table",
                "hit_policy: first",
                "fields:",
                "  a: {type: integer, min: 0, max: 1000}",
                "  b: {type: integer, min: 0, max: 1000}",
                "output:",
                "  grade: {type: integer}",
                "rules: |",
                "  | id | a | b | grade |",
                *(f"  | r{n} | [{n * 5}..{n * 5 + 40}] | < {(n * 37) % 500 + 20} | {n % 17} |" for n in range(99)),
                "  | rest | - | - | 99 |",
            )
        ),
        [{"a": a, "b": b} for a in range(0, 601, 83) for b in (0, 19, 20, 150, 300, 519, 1000)],
    ),
    Feature(
        "points and several rules that hold",
        """
policy: discount
kind: decision-table
hit_policy: collect
aggregation: sum
fields:
  years: {type: integer, min: 0}
  prepaid: {type: boolean}
output:
  discount: {type: number}
rules: |
  | id      | years | prepaid | discount |
  | loyal   | >= 3  | -       | 2%       |
  | veteran | >= 10 | -       | 1%       |
  | prepaid | -     | true    | 1.5%     |
""",
        [{"years": years, "prepaid": prepaid} for years in (0, 2, 3, 10, -1, None) for prepaid in (True, False, None)],
    ),
)


def outcome(feature: Feature, engine: str, folder: Path) -> str:
    """What an engine makes of a feature."""
    policy = policy_of(feature, folder)
    try:
        check_agreement(policy, [engine], records=feature.rows, today=feature.today)
    except AssertionError:
        return "differs"
    except CallError:
        return "refused"
    except Exception:  # noqa: BLE001 - whatever an engine raises
        return "fails"
    return "yes"


def by_column(_feature: Feature, engine: str, folder: Path) -> str:
    """A column that holds the day of each row."""
    late = next(feature for feature in FEATURES if feature.title.startswith("days and months"))
    policy = policy_of(late, folder)
    try:
        check_agreement(policy, [engine], examples=30)
    except AssertionError:
        return "differs"
    except CallError:
        return "refused"
    except Exception:  # noqa: BLE001 - whatever an engine raises
        return "fails"
    return "yes"


def policy_of(feature: Feature, folder: Path) -> Policy:
    """The policy of a feature."""
    path = folder / "policy.yaml"
    path.write_text(feature.policy, encoding="utf-8")
    pack = crm_rules.load(path)
    return pack[next(iter(pack))]


ASKED: tuple[tuple[str, Callable[[Feature, str, Path], str], Feature], ...] = (
    *((feature.title, outcome, feature) for feature in FEATURES),
    ("a column of days as `today`", by_column, FEATURES[0]),
)


def column_of(engine: str) -> list[str]:
    """What an engine makes of each feature."""
    with TemporaryDirectory() as folder:
        return [ask(feature, engine, Path(folder)) for _, ask, feature in ASKED]


def written_table(columns: Mapping[str, list[str]]) -> str:
    """The table of the page: a line for each engine, a column for each feature."""
    lines = ["| | " + " | ".join(title for title, _, _ in ASKED) + " |", "| --- |" + " --- |" * len(ASKED)]
    lines += [f"| {ENGINES[engine]} | " + " | ".join(cells) + " |" for engine, cells in columns.items()]
    return "\n".join(lines) + "\n"


def shown_table() -> dict[str, list[str]]:
    """What the page says, by the engine's title."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return {row[0]: row[1:] for row in rows}


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    asked = sys.argv[1:] or list(ENGINES)
    known = {engine: cells for engine, title in ENGINES.items() if (cells := shown_table().get(title))}
    table = written_table({name: column_of(name) if name in asked else known[name] for name in ENGINES})
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")
