"""Every rule that a whole program must satisfy, and that a program without findings never fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any, TypeAlias, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_rules.ir.check import check, scope_of
from crm_rules.ir.evaluate import evaluate
from crm_rules.ir.nodes import (
    ANYTHING,
    Add,
    AddTime,
    Call,
    Coalesce,
    Constant,
    DaysBetween,
    Divide,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    Minimum,
    Multiply,
    Nothing,
    OneOf,
    Round,
    StepValue,
    Test,
    Today,
)
from crm_rules.ir.program import (
    Aggregation,
    Column,
    Dated,
    Derive,
    Field,
    HitPolicy,
    Output,
    Parameter,
    Program,
    Row,
    Step,
    Table,
    Total,
)
from crm_rules.ir.record import read_record
from crm_rules.ir.rewrite import nodes_of, over_nodes, rebuilt
from crm_rules.ir.types import (
    Boolean,
    Choice,
    Date,
    Integer,
    ListOfValues,
    Money,
    Number,
    Text,
    Type,
    is_value,
)
from crm_rules.ir.typing import FACT_DIGITS, MAX_DIGITS, Named
from crm_rules.source import Span
from crm_rules.testing.functions import DECLARED, FUNCTIONS
from tests.strategies import cases, programs


def squared(expr: Expr) -> Expr:
    """The expression times itself."""
    return Multiply(expr, expr)


Finding: TypeAlias = tuple[str, str]

WHOLE, NUMBER, DATE, CNY, GRADES, TEXT = Integer(), Number(), Date(), Money("CNY"), Choice(("A", "B")), Text()
QUOTIENT = Number(quotient=True)
N, X, D, YUAN = FieldValue("n"), FieldValue("x"), FieldValue("d"), FieldValue("cny")
FIELDS = (Field("n", WHOLE), Field("x", NUMBER, optional=True), Field("d", DATE), Field("cny", CNY))
COLUMN_N = Column("n", N, WHOLE)
ONE, TWO = Constant(1, WHOLE), Constant(2, WHOLE)
LONG = squared(squared(squared(squared(N))))  # 70 digits, 141, 283, 567, and beyond the limit
TOO_LONG = ("number-too-long", "the number can grow beyond 1000 digits")
# Words of a programmer, which no author should have to read.
FOREIGN = re.compile(
    r"\b(str|int|float|bool|dict|list\[|tuple|None|NoneType|Fraction|Integer|Number|Money|Boolean|Choice|Date|Text|True"
    r"|False|object|instance|operand type)\b"
)


def made(
    *steps: Step,
    fields: tuple[Field, ...] = FIELDS,
    parameters: tuple[Parameter, ...] = (),
    outputs: tuple[Output, ...] = (Output("v", WHOLE, N),),
) -> Program:
    """A program over four fields whose one output is the field `n`."""
    return Program("p", "1", "decision-table", fields, parameters, steps, outputs)


def out(expr: Expr, kind: Type = WHOLE, *steps: Step, **more: Any) -> Program:
    """A program whose one output `v` is an expression."""
    return made(*steps, outputs=(Output("v", kind, expr, **more),))


def row(output: Expr = ONE, test: Test = ANYTHING, id: str = "r", *, otherwise: bool = False) -> Row:  # noqa: A002 - as the row calls it
    """A rule with one test and one output."""
    return Row(id, (test,), (output,), otherwise=otherwise)


def table(*rows: Row, kind: Type = WHOLE, column: Column = COLUMN_N, **more: Any) -> Table:
    """A table over one column with one output `v`."""
    return Table("t", (column,), rows, (("v", kind),), **more)


def field(kind: Type, **more: Any) -> Program:
    """A program with one more field, called `f`."""
    return made(fields=(*FIELDS, Field("f", kind, **more)))


def total(
    *terms: tuple[str, Any], kind: Type = WHOLE, initial: Any = 0, points: Type = WHOLE, cell: Expr = ONE
) -> Program:
    """A scorecard of one table `a`, and a total."""
    scores = Table("a", (), (Row("r", (), (cell,)),), (("points", points),))
    return made(scores, Total("total", initial, terms, kind))


GOOD: dict[str, Program] = {
    "the smallest": made(),
    "a table of two rules": out(StepValue("t", "v"), WHOLE, table(row(), row(id="s", otherwise=True))),
    "an output that is said to be optional": out(X, NUMBER, optional=True),
    "a missing value with a last resort": out(Coalesce((X, ONE)), NUMBER),
    "a whole number where a number is said": out(N, NUMBER),
    "a rounded quotient": out(Round(Divide(N, TWO), 2, "half_up"), NUMBER, optional=True),
    "limits and a default": field(NUMBER, low=0, high=10, default=Fraction(1, 2), decimals=2),
    "days as limits": field(DATE, low=date(2026, 1, 1), high=date(2026, 1, 1)),
    "money with its currency": field(CNY, currency="currency"),
    "a total of fractions": total(("a", Fraction(1, 2)), kind=NUMBER, initial=3),
    "a total of money": total(("a", 2), kind=CNY, points=CNY, cell=Constant(5, CNY)),
    "a total of nothing": total(kind=WHOLE, initial=4),
    "an ordered number": out(N, NUMBER, order="best-first"),
    "a list of values": out(
        StepValue("t", "v"), ListOfValues(WHOLE), table(row(), hit_policy="collect", aggregation="list")
    ),
    "a count of texts": out(
        StepValue("t", "v"), WHOLE,
        table(row(Constant("a", TEXT)), kind=TEXT, hit_policy="collect", aggregation="count"),
    ),
    "the first of days": out(
        StepValue("t", "v"), DATE, table(row(D), kind=DATE, hit_policy="collect", aggregation="min")
    ),
    "a blank parameter": made(parameters=(Parameter("q", WHOLE),)),
    "otherwise needs no tests": made(table(Row("r", (), (ONE,), otherwise=True))),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_program_without_mistakes_has_no_findings(name: str) -> None:
    """Nothing is found where nothing is wrong."""
    assert check(GOOD[name], DECLARED) == []


PLAIN_BAD: dict[str, tuple[Program, list[Finding]]] = {
    "no output": (made(outputs=()), [("no-output", "the policy declares no output")]),
    "field twice": (made(fields=(*FIELDS, Field("n", WHOLE))), [("duplicate-name", "the field `n` is declared twice")]),
    "parameter twice": (
        made(parameters=(Parameter("q", WHOLE), Parameter("q", DATE))),
        [("duplicate-name", "the parameter `q` is declared twice")],
    ),
    "step twice": (
        made(Derive("s", N, WHOLE), Derive("s", ONE, WHOLE)),
        [("duplicate-name", "the step `s` stands twice")],
    ),
    "output twice": (
        made(outputs=(Output("v", WHOLE, N), Output("v", DATE, D))),
        [("duplicate-name", "the output `v` is declared twice")],
    ),
    # fields and parameters
    "default of another type": (
        field(WHOLE, default="a"), [("bad-default", "the default of `f` is not a whole number")],
    ),
    "default outside the limits": (
        field(WHOLE, high=3, default=4), [("bad-default", "the default of `f` is not at most 3")],
    ),
    "default with too many decimals": (
        field(NUMBER, decimals=1, default=Fraction(1, 4)),
        [("bad-default", "the default of `f` is not at most 1 decimals")],
    ),
    "default that is no choice": (
        field(GRADES, default="C"),
        [("bad-default", "the default of `f` is not one of A, B")],
    ),
    "limits the wrong way round": (field(WHOLE, low=4, high=3), [("bad-range", "`min` of `f` is above its `max`")]),
    "days the wrong way round": (
        field(DATE, low=date(2026, 1, 2), high=date(2026, 1, 1)), [("bad-range", "`min` of `f` is above its `max`")],
    ),
    "a day as the limit of a number": (
        field(WHOLE, low=date(2026, 1, 1), high=3, default=2), [("bad-range", "`min` of `f` is not a whole number")],
    ),
    "a number as the limit of a day": (field(DATE, high=3), [("bad-range", "`max` of `f` is not a date")]),
    "limits of a text": (
        field(TEXT, low=1, high=3, default="a"),
        [("unsuited-key", f"`{word}` is for numbers and dates, and `f` is a text") for word in ("min", "max")],
    ),
    "decimals of a day": (
        field(DATE, decimals=2), [("unsuited-key", "`decimals` is for numbers and money, and `f` is a date")],
    ),
    "currency of a number": (
        field(WHOLE, currency="c"), [("unsuited-key", "`currency` is for money, and `f` is a whole number")],
    ),
    "parameter of another type": (
        made(parameters=(Parameter("q", WHOLE, (Dated(None, 1), Dated(date(2026, 1, 1), Fraction(1, 2)))),)),
        [("type-mismatch", "a value of the parameter `q` is not a whole number")],
    ),
    # derived fields
    "an unknown name": (made(Derive("s", FieldValue("y"), WHOLE)), [("type-mismatch", "`y` is not declared")]),
    "a later step": (
        made(Derive("s", StepValue("u", "u"), WHOLE), Derive("u", N, WHOLE)),
        [("type-mismatch", "`u.u` is not declared")],
    ),
    "a step of itself": (made(Derive("s", StepValue("s", "s"), WHOLE)), [("type-mismatch", "`s.s` is not declared")]),
    "a derived field of another type": (
        made(Derive("s", X, WHOLE)), [("type-mismatch", "`s` is said to be a whole number, and is a number")],
    ),
    "a constant of another type": (
        made(Derive("s", Add(N, Constant("a", WHOLE)), WHOLE)),
        [("type-mismatch", "expected a whole number, found a constant of another type")],
    ),
    "a function that is not there": (
        made(Derive("s", Call("f", (), WHOLE), WHOLE)),
        [("type-mismatch", "there is no function `f`")],
    ),
    # totals
    "points of a table that is not there": (total(("b", 1)), [("type-mismatch", "`b` gives no points to add up")]),
    "points that are no numbers": (
        total(("a", 1), points=TEXT, cell=Constant("x", TEXT)), [("type-mismatch", "`a` gives no points to add up")],
    ),
    "points that can be missing": (
        total(("a", 1), points=NUMBER, cell=X), [("type-mismatch", "`a` gives no points to add up")],
    ),
    "a broken weight": (
        total(("a", Fraction(1, 2))), [("type-mismatch", "`total` is said to be a whole number, and is a number")],
    ),
    "a broken start": (
        total(("a", 1), initial=Fraction(1, 2)),
        [("type-mismatch", "`total` is said to be a whole number, and is a number")],
    ),
    "a total that is a day": (
        total(("a", 1), kind=DATE), [("type-mismatch", "`total` is said to be a date, and is a whole number")],
    ),
    "points added to money": (
        total(("a", 1), initial=3, kind=CNY, points=CNY, cell=Constant(1, CNY)),
        [
            ("type-mismatch", "a whole number and money in CNY cannot be added, subtracted or compared"),
            ("type-mismatch", "`total` is said to be money in CNY, and is a whole number"),
        ],
    ),
    # tables
    "no rules": (made(table()), [("no-rules", "`t` has no rules")]),
    "a rule twice": (made(table(row(), row())), [("duplicate-rule", "the rule `r` stands twice in `t`")]),
    "otherwise before the end": (
        made(table(row(otherwise=True), row(id="s"))),
        [("otherwise-not-last", "`otherwise` must be the last rule of its table")],
    ),
    "too many tests": (
        made(table(Row("r", (ANYTHING, ANYTHING), (ONE,)))), [("ragged-row", "the rule `r` has 2 tests for 1 columns")],
    ),
    "too few tests": (made(table(Row("r", (), (ONE,)))), [("ragged-row", "the rule `r` has 0 tests for 1 columns")]),
    "too few outputs": (
        made(table(Row("r", (ANYTHING,), ()))),
        [("ragged-row", "the rule `r` does not fill every output")],
    ),
    "too many outputs": (
        made(table(Row("r", (ANYTHING,), (ONE, ONE)))), [("ragged-row", "the rule `r` does not fill every output")],
    ),
    "a column of another type": (
        made(table(row(), column=Column("c", N, DATE))),
        [("type-mismatch", "`c` is said to be a date, and is a whole number")],
    ),
    "a column that has no type": (
        made(table(row(), column=Column("c", Add(N, D), WHOLE))),
        [("type-mismatch", "expected a number, found a date")],
    ),
    "a cell that does not suit": (
        made(table(row(test=OneOf((D,))))), [("type-mismatch", "in column `n`: expected a whole number, found a date")],
    ),
    "an output of another type": (
        made(table(row(D))), [("type-mismatch", "`v` is a whole number, and the rule `r` gives a date")],
    ),
    "a choice that is not declared": (
        made(table(row(Constant("C", Choice(("C",)))), kind=GRADES)),
        [("type-mismatch", "`v` is one of A, B, and the rule `r` gives one of C")],
    ),
    "an output that has no type": (made(table(row(FieldValue("y")))), [("type-mismatch", "`y` is not declared")]),
    "a quotient in a rule": (
        made(table(row(Divide(N, TWO)), kind=NUMBER)),
        [("type-mismatch", "`v` is a number, and the rule `r` gives a quotient")],
    ),
    "the outputs of an optional table": (
        out(StepValue("t", "v"), WHOLE, table(row(), optional=True)), [("output-may-be-missing", "`v` can be missing")],
    ),
    "the output of a rule that can be missing": (
        out(StepValue("t", "v"), NUMBER, table(row(id="s"), row(X), kind=NUMBER)),
        [("output-may-be-missing", "`v` can be missing")],
    ),
    # hit policies
    "collect without an aggregation": (
        made(table(row(), hit_policy="collect")),
        [("hit-policy", "`aggregation` goes with the hit policy `collect` and only with it")],
    ),
    "an aggregation without collect": (
        made(table(row(), aggregation="sum")),
        [("hit-policy", "`aggregation` goes with the hit policy `collect` and only with it")],
    ),
    "a sum of days": (
        made(table(row(D), kind=DATE, hit_policy="collect", aggregation="sum")),
        [("hit-policy", "`sum` cannot gather `v`: a date")],
    ),
    "the smallest choice": (
        made(table(row(Constant("A", GRADES)), kind=GRADES, hit_policy="collect", aggregation="min")),
        [("hit-policy", "`min` cannot gather `v`: one of A, B")],
    ),
    "the largest text": (
        made(table(row(Constant("A", TEXT)), kind=TEXT, hit_policy="collect", aggregation="max")),
        [("hit-policy", "`max` cannot gather `v`: a text")],
    ),
    # outputs
    "a quotient": (
        out(Divide(N, TWO), QUOTIENT), [("unrounded-quotient", "`v` is a quotient, which has no exact decimal form")],
    ),
    "a list of quotients": (
        out(
            StepValue("t", "v"), ListOfValues(QUOTIENT),
            table(row(Divide(N, TWO)), kind=QUOTIENT, hit_policy="collect", aggregation="list"),
        ),
        [("unrounded-quotient", "`v` is a quotient, which has no exact decimal form")],
    ),
    "an output of the program of another type": (
        out(D), [("type-mismatch", "`v` is a whole number, and its rules give a date")],
    ),
    "a list where one value is said": (
        out(StepValue("t", "v"), WHOLE, table(row(), hit_policy="collect", aggregation="list")),
        [("type-mismatch", "`v` is a whole number, and its rules give a list of a whole number")],
    ),
    "an output without a type": (out(Minimum(())), [("type-mismatch", "expected at least one operand, found none")]),
    "an output that can be missing": (out(X, NUMBER), [("output-may-be-missing", "`v` can be missing")]),
    "an output beyond the calendar": (
        out(AddTime(D, Constant(8000, WHOLE), "year"), DATE), [("output-may-be-missing", "`v` can be missing")],
    ),
    "a text in order": (
        out(Constant("a", TEXT), TEXT, order="best-first"), [("unsuited-key", "`v` is a text and cannot be ordered")],
    ),
    "a day in order": (out(D, DATE, order="worst-first"), [("unsuited-key", "`v` is a date and cannot be ordered")]),
    # numbers without end, wherever they stand
    "a long derived field": (made(Derive("s", LONG, WHOLE)), [TOO_LONG]),
    "a long column": (made(table(row(), column=Column("c", LONG, WHOLE))), [TOO_LONG]),
    "a long border": (made(table(row(test=OneOf((LONG,))))), [TOO_LONG]),
    "a long result": (made(table(row(LONG))), [TOO_LONG]),
    "a long output": (out(LONG), [TOO_LONG]),
    "a long test": (made(Derive("s", Holds(LONG, IsPresent()), Boolean())), [TOO_LONG]),
    "a long argument": (made(Derive("s", Call("last_digit", (LONG,), WHOLE), WHOLE)), [TOO_LONG]),
    "a long amount": (made(Derive("s", AddTime(D, LONG, "day"), DATE)), [TOO_LONG]),
    "a long way through steps": (
        made(
            Derive("s0", N, WHOLE),
            *(Derive(f"s{i + 1}", squared(StepValue(f"s{i}", f"s{i}")), WHOLE) for i in range(4)),
        ),
        [TOO_LONG],
    ),
    "a long way through a table": (
        made(table(row(squared(squared(N)))), Derive("s", squared(squared(StepValue("t", "v"))), WHOLE)),
        [TOO_LONG],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN_BAD)
def test_a_mistake_has_its_finding(name: str) -> None:
    """One mistake, its code and its words, and nothing besides."""
    program, expected = PLAIN_BAD[name]
    found = check(program, DECLARED)
    assert [(item.code, item.message) for item in found] == expected
    assert {item.severity for item in found} == {"error"}
    assert not any(FOREIGN.search(words) for item in found for words in (item.message, item.help))


HELPS: dict[str, str] = {
    "default of another type": "change the default",
    "a quotient in a rule": "round the quotient",
    "a quotient": "round it: round(x, 2, half_up)",
    "an output that can be missing": "give it a value in every case, or declare the output `optional: true`",
    "a long output": "round an intermediate result",
    "an output of another type": "",
}


@pytest.mark.parametrize("name", HELPS)
def test_a_finding_says_how_to_mend_it(name: str) -> None:
    """Where there is one thing to do, it is said."""
    assert [item.help for item in check(PLAIN_BAD[name][0], DECLARED)] == [HELPS[name]]


def test_all_mistakes_are_found_at_once() -> None:
    """A mistake hides no other: names, steps and outputs are all looked at."""
    several = made(
        Derive("s", Add(N, D), WHOLE),
        table(row(D), row(test=OneOf((D,)))),
        fields=(*FIELDS, Field("n", WHOLE, low=2, high=1)),
        outputs=(Output("v", DATE, N), Output("v", NUMBER, X)),
    )
    assert [item.code for item in check(several)] == [
        "duplicate-name",
        "bad-range",
        "type-mismatch",
        "type-mismatch",
        "duplicate-rule",
        "type-mismatch",
        "type-mismatch",
        "duplicate-name",
        "output-may-be-missing",
    ]


def span(line: int) -> Span:
    """A place in a file."""
    return Span("p.yaml", line, 1, 2)


def test_a_finding_points_at_its_cause() -> None:
    """The cell before the rule, the value before the parameter; without a place the program's, or its name."""
    bad_cells = Row("r", (OneOf((D,)), OneOf((D,))), (ONE,), span=span(5), cells=(span(6), None))
    columns = (Column("a", N, WHOLE), Column("b", N, WHOLE))
    values = (Dated(None, "a", span(3)), Dated(date(2026, 1, 1), "b"))
    placed = made(
        Table("t", columns, (bad_cells,), (("v", WHOLE),)), parameters=(Parameter("q", WHOLE, values, span=span(2)),)
    )
    assert [item.span.line for item in check(placed)] == [3, 2, 6, 5]
    nowhere = made(outputs=())
    assert [item.span for item in check(nowhere)] == [Span("<p>", 1, 1, 1)]
    assert [item.span for item in check(replace(nowhere, span=span(9)))] == [span(9)]


def test_what_later_steps_know_of_earlier_ones() -> None:
    """Type, absence, length and range follow from the expression, the rows and the aggregation."""
    soon = AddTime(Constant(date(2026, 1, 1), DATE), ONE, "day")
    known = scope_of(
        made(
            Derive("day", soon, DATE),
            Derive("sum", Add(N, X), NUMBER),
            table(row(D), row(soon, id="s"), kind=DATE),
            replace(table(row(D), row(Nothing(DATE), id="s"), kind=DATE), id="gaps"),
            replace(
                table(*(row(N, id=str(i)) for i in range(10)), hit_policy="collect", aggregation="sum"), id="gathered"
            ),
            replace(table(row(N), hit_policy="collect", aggregation="list", optional=True), id="listed"),
            replace(table(row(D), kind=DATE, hit_policy="collect", aggregation="count"), id="counted"),
            Total("total", 0, (("gathered", 1),), WHOLE, output="v"),
        )
    ).steps
    assert known == {
        ("day", "day"): Named(DATE, low=date(2026, 1, 2), high=date(2026, 1, 2)),
        ("sum", "sum"): Named(NUMBER, optional=True, digits=2 * FACT_DIGITS + 1),
        ("t", "v"): Named(DATE, low=date(1900, 1, 1), high=date(2199, 12, 31)),
        ("gaps", "v"): Named(DATE, optional=True),
        ("gathered", "v"): Named(WHOLE, digits=FACT_DIGITS + 2),
        ("listed", "v"): Named(ListOfValues(WHOLE)),
        ("counted", "v"): Named(WHOLE, low=date(1900, 1, 1), high=date(2199, 12, 31)),
        ("total", "v"): Named(WHOLE, digits=3 * FACT_DIGITS + 2),
    }


def test_a_total_of_many_characteristics_has_a_bounded_length() -> None:
    """Twenty tables of points are no mistake, however long the bound on their sum would be."""
    many = tuple(replace(table(row(N)), id=f"t{i}") for i in range(20))
    summed = made(*many, Total("total", 0, tuple((one.id, 1) for one in many), WHOLE, output="v"))
    assert check(summed) == []
    assert scope_of(summed).steps["total", "v"].digits == MAX_DIGITS


def test_a_step_with_a_mistake_is_unknown_to_later_ones_of_its_kind_only() -> None:
    """A table's outputs keep their declared types, so that one mistake is not found twice."""
    later = out(Add(StepValue("t", "v"), ONE), WHOLE, table(row(D)))
    assert [item.message for item in check(later)] == ["`v` is a whole number, and the rule `r` gives a date"]


# Programs that were spoiled

KINDS: tuple[Type, ...] = (WHOLE, NUMBER, DATE, CNY, Money("USD"), GRADES, TEXT, Boolean(), Integer("day"), QUOTIENT)
VALUES = (0, 1, -3, Fraction(1, 2), "A", "", True, date(2026, 1, 31), date(9999, 12, 31), ())
PARTS = ("fields", "parameters", "steps", "outputs")
CELLS: tuple[Test, ...] = (IsMissing(), IsPresent(), OneOf((ONE,)), OneOf((Today(),)))
Spoil: TypeAlias = Callable[[Any, Program], Program]


def without_one(data: Any, items: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tuple without one of its members."""
    at = data.draw(st.integers(0, max(len(items) - 1, 0)))
    return items[:at] + items[at + 1 :]


def with_one(data: Any, items: tuple[Any, ...], change: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The tuple with one of its members changed."""
    if not items:
        return items
    at = data.draw(st.integers(0, len(items) - 1))
    return (*items[:at], change(items[at]), *items[at + 1 :])


def drop(data: Any, program: Program) -> Program:
    """A field, parameter, step or output is gone."""
    part = data.draw(st.sampled_from(PARTS))
    less: dict[str, Any] = {part: without_one(data, getattr(program, part))}
    return replace(program, **less)


def retype(data: Any, program: Program) -> Program:
    """A field, parameter, output, derived field, total, column or table output is said to be of another type."""
    kind = data.draw(st.sampled_from(KINDS))
    part = data.draw(st.sampled_from(PARTS))

    def changed(item: Any) -> Any:
        if not isinstance(item, Table):
            return replace(item, type=kind)
        if data.draw(st.booleans()):
            return replace(item, columns=with_one(data, item.columns, lambda column: replace(column, type=kind)))
        return replace(item, outputs=with_one(data, item.outputs, lambda output: (output[0], kind)))

    other: dict[str, Any] = {part: with_one(data, getattr(program, part), changed)}
    return replace(program, **other)


def shuffle(data: Any, program: Program) -> Program:
    """Steps stand in another order, or outputs have each other's expressions."""
    if data.draw(st.booleans()):
        return replace(program, steps=tuple(data.draw(st.permutations(program.steps))))
    exprs = data.draw(st.permutations([output.expr for output in program.outputs]))
    swapped = tuple(replace(output, expr=expr) for output, expr in zip(program.outputs, exprs, strict=True))
    return replace(program, outputs=swapped)


def misplace(data: Any, program: Program) -> Program:
    """An expression stands where another one stood, or a constant has the value of another type."""
    places = [node for node in nodes_of(program) if isinstance(node, Expr)]
    old = data.draw(st.sampled_from(places))
    new = data.draw(st.sampled_from([*places, ONE, Today(), Nothing(WHOLE), Minimum(()), DaysBetween(Today(), ONE)]))
    if isinstance(old, Constant) and data.draw(st.booleans()):
        new = replace(old, value=data.draw(st.sampled_from(VALUES)))

    def below(node: Any) -> Any:
        return new if node == old else rebuilt(node, below)

    return over_nodes(program, below, lambda _, test: rebuilt(test, below))


def spoil_rows(data: Any, program: Program) -> Program:
    """A rule is gone, stands twice, has another test, or lacks a cell."""

    def other_test(one: Row) -> Row:
        return replace(one, tests=with_one(data, one.tests, lambda _: data.draw(st.sampled_from(CELLS))))

    def shorter(one: Row) -> Row:
        if data.draw(st.booleans()):
            return replace(one, tests=without_one(data, one.tests))
        return replace(one, outputs=without_one(data, one.outputs))

    def changed(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        match data.draw(st.integers(0, 3)):
            case 0:
                return without_one(data, rows)
            case 1:
                return rows * 2
            case 2:
                return with_one(data, rows, other_test)
            case _:
                return with_one(data, rows, shorter)

    return over_one_table(data, program, lambda step: replace(step, rows=changed(step.rows)))


def spoil_hit_policy(data: Any, program: Program) -> Program:
    """A table matches or gathers in another way, or is optional where it was not."""
    policies, gathered = get_args(HitPolicy), [None, *get_args(Aggregation)]
    return over_one_table(
        data,
        program,
        lambda step: replace(
            step,
            hit_policy=data.draw(st.sampled_from(policies)),
            aggregation=data.draw(st.sampled_from(gathered)),
            optional=data.draw(st.booleans()),
        ),
    )


def over_one_table(data: Any, program: Program, change: Callable[[Table], Table]) -> Program:
    """The program with one of its steps changed, if it is a table."""
    steps = with_one(data, program.steps, lambda step: change(step) if isinstance(step, Table) else step)
    return replace(program, steps=steps)


def spoil_field(data: Any, program: Program) -> Program:
    """A field has a limit, default, number of decimals or currency that may not suit it, or is optional."""
    key = data.draw(st.sampled_from(["low", "high", "default", "decimals", "optional"]))
    chosen: dict[str, Any] = {"decimals": (0, 2), "optional": (True, False)}
    value = data.draw(st.sampled_from(chosen.get(key, VALUES)))
    return replace(program, fields=with_one(data, program.fields, lambda one: replace(one, **{key: value})))


SPOILS: tuple[Spoil, ...] = (drop, retype, shuffle, misplace, spoil_rows, spoil_hit_policy, spoil_field)
FACTS = (0, 1, -1, 1.5, 10**12, "A", "B", "", True, date(2026, 1, 31), date(2199, 12, 31), date(1900, 1, 1), None)


def answer_is_of_its_types(program: Program, record: dict[str, Any], today: date) -> bool:
    """Decide the record; True when it does not fit, is undecided, or every output is of its type and present."""
    reading = read_record(program, record)
    if reading.problems or program.blank_parameters:
        return True
    found = evaluate(program, reading.values, today, FUNCTIONS)
    return all(
        output.optional if value is None else is_value(value, output.type)
        for output in program.outputs
        if found.status == "decided"
        for value in [found.outputs[output.name]]
    )


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
@given(data=st.data())
def test_a_spoiled_program_has_findings_or_answers(spoil: Spoil, data: st.DataObject) -> None:
    """Whatever is broken, the check says so in an author's words, or every fitting record gets a good answer."""
    program = spoil(data, data.draw(programs(calls=True)))
    found = check(program, DECLARED)
    for item in found:
        assert not FOREIGN.search(re.sub(r"`[^`]*`", "", item.message)), item.message
    if not found:
        record, today = data.draw(cases(program, bad=False))
        assert answer_is_of_its_types(program, record, today)
        other = {one.name: data.draw(st.sampled_from(FACTS)) for one in program.fields}
        assert answer_is_of_its_types(program, {**record, **other}, today)
