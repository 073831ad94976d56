"""What `show` writes is what an author could have written: it reads back with the same meaning."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.columns import display_width
from crm_rules.ir.check import scope_of
from crm_rules.ir.evaluate import Scope, evaluate, parameter_values, passes, value_of
from crm_rules.ir.nodes import (
    Add,
    AddTime,
    AnyOf,
    Anything,
    Bound,
    Constant,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    LatestStart,
    Multiply,
    Negate,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    Round,
    StepValue,
    Subtract,
    Test,
    Today,
    Within,
)
from crm_rules.ir.program import (
    Column,
    Dated,
    Derive,
    Field,
    Output,
    Parameter,
    Program,
    Row,
    Table,
    Total,
)
from crm_rules.ir.show import show_expr, show_program, show_test, show_value
from crm_rules.ir.types import Boolean, Choice, Date, Integer, Money, Number, Text
from crm_rules.kinds.cells import lower_cell
from crm_rules.kinds.findings import Findings
from crm_rules.kinds.formulas import lower_formula
from crm_rules.reader.cells import parse_value
from crm_rules.reader.syntax import Name, Quoted
from crm_rules.source import Span
from crm_rules.source import Text as Written
from tests.strategies import DECLARED, FUNCTIONS, parts, programs, todays, values

A, B, C = FieldValue("a"), FieldValue("b"), FieldValue("c")


def whole(number: int) -> Constant:
    """A whole constant."""
    return Constant(number, Integer())


def written(text: str) -> Written:
    """A text as the reader hands it over."""
    return Written(text, Span("p.yaml", 1, 1, 1 + len(text)))


def findings_of(program: Program) -> Findings:
    """A collection of findings in which the program's names are known."""
    return Findings(scope_of(program, DECLARED))


@given(data=st.data())
def test_a_shown_cell_reads_back(data: st.DataObject) -> None:
    """The text of a cell is read as a test that passes the same values and is shown alike."""
    program = data.draw(programs(calls=True))
    today = data.draw(todays(program))
    result = evaluate(program, data.draw(values(program, today)), today, FUNCTIONS)
    scope = Scope({}, parameter_values(program, today), today, {}, {})
    findings = findings_of(program)
    for table in program.tables:
        for position, column in enumerate(table.columns):
            seen = [None, *(value for value in result.steps[table.id].subjects[position : position + 1])]
            for row in table.rows:
                test = row.tests[position]
                seen += [node.value for node in parts(test) if isinstance(node, Constant)]
                text = show_test(test)
                read = lower_cell(written(text), column.type, findings)
                assert read is not None, (text, findings.diagnostics)
                assert show_test(read) == text
                assert [passes(read, value, scope) for value in seen] == [passes(test, value, scope) for value in seen]


def unwritable(expr: Expr) -> bool:
    """True for what no author can write: weeks, years, tests, missing values and numbers with a unit."""
    return any(
        isinstance(node, Holds | LatestStart | Nothing)
        or (isinstance(node, AddTime) and node.unit in {"week", "year"})
        or (isinstance(node, Constant) and isinstance(node.value, bool | str))
        or (isinstance(node, Constant) and getattr(node.type, "unit", None) is not None)
        or (isinstance(node, StepValue) and node.step != node.output)
        for node in parts(expr)
    )


@given(data=st.data())
def test_a_shown_formula_reads_back(data: st.DataObject) -> None:
    """The text of a formula is read as an expression of the same value that is shown alike."""
    program = data.draw(programs(calls=True))
    today = data.draw(todays(program))
    record = data.draw(values(program, today))
    steps = evaluate(program, record, today, FUNCTIONS).steps
    scope = Scope(record, parameter_values(program, today), today, steps, FUNCTIONS)
    findings = findings_of(program)
    for step in program.steps:
        if isinstance(step, Derive) and not unwritable(step.expr):
            text = show_expr(step.expr)
            read = lower_formula(written(text), findings)
            assert read is not None, text
            assert show_expr(read[0]) == text
            assert value_of(read[0], scope) == value_of(step.expr, scope)


@given(st.text(min_size=1, max_size=12))
def test_a_shown_text_reads_back(text: str) -> None:
    """A text is a bare word or in quotes, and read as the same text."""
    tree, diagnostics = parse_value(written(show_value(text)))
    assert diagnostics == []
    assert isinstance(tree, Name | Quoted)
    assert tree.text == text


VALUES: list[tuple[Any, str]] = [
    (True, "true"),
    (False, "false"),
    (5_000_000, "5000000"),
    (Fraction(3, 20), "0.15"),
    (Fraction(1, 3), "1/3"),
    (date(2026, 1, 31), "2026-01-31"),
    ("重点客户", "重点客户"),
    ("clear-debt", "clear-debt"),
    ("v1.2", "v1.2"),
    ("_x", "_x"),
    ("a..b", '"a..b"'),
    ("Inc.", '"Inc."'),
    ("1", '"1"'),
    ("2026-01-31", '"2026-01-31"'),
    ("Missing", '"Missing"'),
    ("true", '"true"'),
    ("", '""'),
    ('say "x" \\', '"say ""x"" \\\\"'),
    (("A", 1), "[A, 1]"),
    (None, "missing"),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_is_shown_as_a_cell_writes_it(value: Any, text: str) -> None:
    """Bare words stay bare, what could be taken for something else is quoted."""
    assert show_value(value) == text


def at(number: int, *, closed: bool) -> Bound:
    """A bound at a number."""
    return Bound(whole(number), closed)


def texts(*options: str) -> OneOf:
    """Some choices."""
    return OneOf(tuple(Constant(option, Choice(options)) for option in options))


TESTS: list[tuple[Test, str]] = [
    (Anything(), "-"),
    (IsMissing(), "missing"),
    (IsPresent(), "present"),
    (Within(at(2_000_000, closed=True), at(5_000_000, closed=False)), "[2000000..5000000)"),
    (Within(at(1, closed=False), at(2, closed=True)), "(1..2]"),
    (Within(at(14, closed=True), None), ">= 14"),
    (Within(at(14, closed=False), None), "> 14"),
    (Within(None, at(14, closed=True)), "<= 14"),
    (Within(None, at(-14, closed=False)), "< -14"),
    (Within(None, None), "present"),
    (texts("A", "B"), "A, B"),
    (NotPassing(texts("A")), "not(A)"),
    (AnyOf((texts("A"), IsMissing())), "A, missing"),
    (OneOf((ParameterValue("big"),)), "$big"),
    (OneOf(()), "not(present)"),
    (AnyOf(()), "not(present)"),
    (Within(None, Bound(AddTime(Today(), whole(3), "month"), closed=True)), "<= add_months(today, 3)"),
]


@pytest.mark.parametrize(("test", "text"), TESTS)
def test_a_cell_is_shown_in_the_grammar_of_cells(test: Test, text: str) -> None:
    """Each test has one spelling."""
    assert show_test(test) == text


EXPRS: list[tuple[Expr, str]] = [
    (Add(A, Add(B, C)), "a + (b + c)"),
    (Add(Add(A, B), C), "a + b + c"),
    (Subtract(A, Subtract(B, C)), "a - (b - c)"),
    (Multiply(Add(A, B), C), "(a + b) * c"),
    (Divide(A, Multiply(B, C)), "a / (b * c)"),
    (Negate(Multiply(A, B)), "-(a * b)"),
    (Multiply(A, whole(-3)), "a * -3"),
    (Multiply(A, Constant(Fraction(1, 3), Number())), "a * (1/3)"),
    (DaysBetween(Today(), A), "days_between(today, a)"),
    (LatestStart(Today(), whole(2)), "latest_start(today, 2)"),
    (AddTime(A, whole(2), "week"), "add_weeks(a, 2)"),
    (Round(A, 2, "half_up"), "round(a, 2, half_up)"),
    (Holds(A, Within(at(0, closed=True), None)), "holds(a, >= 0)"),
    (StepValue("derived", "derived"), "derived"),
    (StepValue("rules", "stage"), "rules.stage"),
    (Nothing(Date()), "missing"),
    (Constant("A", Text()), '"A"'),
]


@pytest.mark.parametrize(("expr", "text"), EXPRS)
def test_a_formula_has_only_the_parentheses_it_needs(expr: Expr, text: str) -> None:
    """Each expression has one spelling."""
    assert show_expr(expr) == text


SHOWN = """\
policy grade 1.0 (scorecard)

field amount: money in CNY, min 0, max 9, decimals 2, currency in code, default 1, optional, sensitive
field 类型: one of A, B|C
parameter $big: money in CNY = 5, 6 from 2026-01-01
parameter $low: a whole number = blank
require 类型: stages.stage
order $low < $big
derive half: amount / 2

characteristic size (unique)
| id     | size = half | 类型      | points |
| 大     | >= $big     | "B\\|C"    | 4      |
| others | otherwise   | otherwise | 0      |

total total: 1 + 0.5 * size.points

override list (collect list, optional)
| id | 类型 | names |
| r  | A    | A     |

output points: a number = total.points
output 类型: one of A, optional = missing
"""


def test_a_program_is_shown_whole() -> None:
    """Fields, parameters and steps stand in order, tables are aligned, also under Chinese headings."""
    kinds = Choice(("A", "B|C"))
    only_a = OneOf((Constant("A", kinds),))
    money = Money("CNY")
    from_big = Within(Bound(ParameterValue("big"), closed=True), None)
    program = Program(
        "grade",
        "1.0",
        "scorecard",
        (
            Field("amount", money, True, 1, 0, 9, 2, "code", True),  # noqa: FBT003 - in the order of the members
            Field("类型", kinds),
        ),
        (Parameter("big", money, (Dated(None, 5), Dated(date(2026, 1, 1), 6))), Parameter("low", Integer())),
        (
            Derive("half", Divide(FieldValue("amount"), whole(2)), Money("CNY", quotient=True)),
            Table(
                "size",
                (Column("size", StepValue("half", "half"), money), Column("类型", FieldValue("类型"), kinds)),
                (
                    Row("大", (from_big, OneOf((Constant("B|C", kinds),))), (whole(4),)),
                    Row("others", (Anything(), Anything()), (whole(0),), otherwise=True),
                ),
                (("points", Integer()),),
                role="characteristic",
            ),
            Total("total", 1, (("size", Fraction(1, 2)),), Number()),
            Table(
                "list",
                (Column("类型", FieldValue("类型"), kinds),),
                (Row("r", (only_a,), (Constant("A", kinds),)),),
                (("names", kinds),),
                "collect",
                "list",
                optional=True,
                role="override",
            ),
        ),
        (
            Output("points", Number(), StepValue("total", "points")),
            Output("类型", Choice(("A",)), Nothing(Boolean()), optional=True),
        ),
        (("类型", "stages", "stage"),),
        (("low", "big"),),
    )
    assert show_program(program) == SHOWN


@given(programs())
def test_every_line_of_a_table_is_of_one_width(program: Program) -> None:
    """The bars of a table stand under each other on a screen."""
    for block in show_program(program).split("\n\n"):
        assert len({display_width(line) for line in block.splitlines() if line.startswith("|")}) <= 1
