"""Smaller expressions and tests of the same meaning: constants computed, cells in their simplest form.

A cell such as `not(A)` over a closed choice becomes its other options, `[3..3]` becomes `3`, the
outside of an interval becomes its two sides. Everything here looks at one node and its children;
what needs the whole program is in `unfold`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from crm_rules.ir.evaluate import Scope, value_of
from crm_rules.ir.nodes import (
    AnyOf,
    Anything,
    Bound,
    Call,
    Coalesce,
    Constant,
    Expr,
    FieldValue,
    Holds,
    IsMissing,
    IsPresent,
    Nothing,
    NotPassing,
    OneOf,
    ParameterValue,
    StepValue,
    Test,
    Today,
    Within,
)
from crm_rules.ir.numbers import decimal_parts
from crm_rules.ir.program import Column, Program
from crm_rules.ir.rewrite import TESTS, descendants, over_nodes, rebuilt
from crm_rules.ir.types import Boolean, Choice, Money, Number, Type
from crm_rules.ir.typing import TypeScope, type_of

NEVER = NotPassing(IsPresent())
EMPTY = Scope({}, {}, None, {}, {})
NO_NAMES = TypeScope()


# Constants


def fold_constants(program: Program) -> Program:
    """Compute what depends on no field, parameter, step, day or plug-in."""

    def border(_: Column, test: Test) -> Test:
        return rebuilt_test(test, folded)

    return over_nodes(program, folded, border)


def rebuilt_test(test: Test, change: Callable[[Expr], Expr]) -> Test:
    """The test with every border and literal changed."""

    def below(node: Any) -> Any:
        return rebuilt(node, below) if isinstance(node, (*TESTS, Bound)) else change(node)

    return rebuilt(test, below)


def folded(expr: Expr) -> Expr:
    """The expression with its closed parts computed; a quotient without a finite decimal stays one."""

    def below(node: Any) -> Any:
        return rebuilt_test(node, folded) if type(node) in TESTS else folded(node)

    expr = rebuilt(expr, below)
    if isinstance(expr, Coalesce):
        return coalesced(expr)
    if isinstance(expr, Constant | Nothing) or not is_closed(expr):
        return expr
    # A parameter that became its value may leave an interval empty, which nobody wrote and holds for nothing.
    kind = Boolean() if isinstance(expr, Holds) else plain(type_of(expr, NO_NAMES))
    value = value_of(expr, EMPTY)
    if value is None:
        return Nothing(kind)
    if isinstance(kind, Number | Money) and decimal_parts(value) is None:  # type: ignore[arg-type]
        return expr
    return Constant(value, kind)


def is_closed(expr: Expr) -> bool:
    """True when the value depends on nothing outside the expression."""
    open_nodes = (FieldValue, ParameterValue, StepValue, Today, Call)
    return not any(isinstance(node, open_nodes) for node in descendants(expr))


def plain(kind: Type) -> Type:
    """The type without its mark of a quotient: the value is known to be a finite decimal."""
    return replace(kind, quotient=False) if isinstance(kind, Number | Money) and kind.quotient else kind


def coalesced(expr: Coalesce) -> Expr:
    """Without operands that are always missing, and without those behind one that never is."""
    kept: list[Expr] = []
    for operand in expr.operands:
        if not isinstance(operand, Nothing):
            kept.append(operand)
        if isinstance(operand, Constant | Today | ParameterValue | Holds):
            break
    if len(kept) == 1:
        return kept[0]
    return Coalesce(tuple(kept)) if kept else expr.operands[0]


# Tests


def simplify_tests(program: Program) -> Program:
    """Bring each cell to the smallest form that passes the same values."""

    def inner(node: Any) -> Any:
        return rebuilt(node, lambda child: simplified(child, None) if type(child) in TESTS else inner(child))

    return over_nodes(program, inner, lambda column, test: simplified(test, column.type))


def simplified(test: Test, kind: Type | None) -> Test:  # noqa: PLR0911 - one case a node
    """The smallest form of a test over values of a type (None: not known)."""
    match test:
        case Anything() | IsMissing() | IsPresent():
            return test
        case OneOf(values):
            return one_of(values, kind)
        case Within(None, None):
            return IsPresent()
        case Within(low, high):
            if low is not None and high is not None and low.closed and low == high:
                return OneOf((low.at,))
            return test
        case NotPassing(inner):
            return negated(simplified(inner, kind), kind)
        case AnyOf(tests):
            return any_of(tuple(simplified(inner, kind) for inner in tests), kind)
        case _:
            assert_never(test)


def options(kind: Type | None) -> tuple[Constant, ...]:
    """All values of a closed type, as constants; empty for the others."""
    match kind:
        case Choice(one_of=texts):
            return tuple(Constant(text, kind) for text in texts)
        case Boolean():
            return (Constant(False, kind), Constant(True, kind))  # noqa: FBT003 - values, not flags
        case _:
            return ()


def one_of(values: tuple[Expr, ...], kind: Type | None) -> Test:
    """Each value once; all options of a closed type are any present value."""
    kept = tuple(dict.fromkeys(values))
    known = {value.value for value in kept if isinstance(value, Constant)}
    if not kept:
        return NEVER
    everything = options(kind)
    return IsPresent() if everything and all(option.value in known for option in everything) else OneOf(kept)


def negated(test: Test, kind: Type | None) -> Test:  # noqa: PLR0911 - one case a node
    """A present value that fails the (simplified) test."""
    match test:
        case Anything() | IsPresent():
            return NEVER
        case IsMissing():
            return IsPresent()
        case NotPassing(inner):  # which passes no missing value: `not` has dropped what does
            return inner
        case OneOf(values) if options(kind) and all(isinstance(value, Constant) for value in values):
            named = {value.value for value in values if isinstance(value, Constant)}
            return one_of(tuple(option for option in options(kind) if option.value not in named), kind)
        case Within(low, high) if all(bound is None or is_known(bound.at) for bound in (low, high)):
            below = () if low is None else (Within(None, Bound(low.at, not low.closed)),)
            above = () if high is None else (Within(Bound(high.at, not high.closed), None),)
            return any_of(below + above, kind)
        case AnyOf(tests) if IsMissing() in tests:
            return negated(any_of(tuple(inner for inner in tests if inner != IsMissing()), kind), kind)
        case _:
            return NotPassing(test)


def is_known(border: Expr) -> bool:
    """True for a border that is never missing: a value is on one side of it or on the other."""
    return isinstance(border, Constant | ParameterValue | Today)


def any_of(tests: tuple[Test, ...], kind: Type | None) -> Test:
    """One of the (simplified) tests: nested ones flattened, literals gathered at the first of them."""
    flat: list[Test] = []
    for test in tests:
        flat += test.tests if isinstance(test, AnyOf) else (test,)
    literals = tuple(value for test in flat if isinstance(test, OneOf) for value in test.values)
    kept: dict[Test, None] = {}
    for test in flat:
        if test != NEVER:
            kept[one_of(literals, kind) if isinstance(test, OneOf) else test] = None
    if Anything() in kept or (IsMissing() in kept and IsPresent() in kept):
        return Anything()
    if IsPresent() in kept:
        return IsPresent()
    if not kept:
        return NEVER
    return next(iter(kept)) if len(kept) == 1 else AnyOf(tuple(kept))
