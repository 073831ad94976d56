"""The frozen dataclass made without generated code behaves as the standard library's does."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from crm_rules import dataclass as own


@own.dataclass(frozen=True, slots=True)
class Own:
    """A class made by the project's decorator."""

    first: int
    second: str = "b"
    third: tuple[int, ...] = dataclasses.field(default_factory=tuple)
    place: str | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """The same class made by the standard decorator."""

    first: int
    second: str = "b"
    third: tuple[int, ...] = dataclasses.field(default_factory=tuple)
    place: str | None = dataclasses.field(default=None, compare=False)


@own.dataclass(frozen=True, slots=True)
class Empty:
    """A class without fields."""


BOTH = pytest.mark.parametrize("kind", [Own, Standard])


@BOTH
def test_construction_by_place_and_name(kind: Callable[..., Any]) -> None:
    """Values go in by place or by name, and what is left out has its default."""
    one = kind(1, third=(2,))
    assert (one.first, one.second, one.third, one.place) == (1, "b", (2,), None)


@BOTH
@pytest.mark.parametrize(
    ("values", "names"), [((), {}), ((1, "b", (), None, 5), {}), ((1,), {"other": 2}), ((1,), {"first": 2})]
)
def test_wrong_arguments_are_refused(kind: Callable[..., Any], values: tuple[Any, ...], names: dict[str, Any]) -> None:
    """A missing, a surplus, an unknown and a repeated value are errors."""
    with pytest.raises(TypeError):
        kind(*values, **names)


@BOTH
def test_equality_and_hash_leave_out_what_is_not_compared(kind: Callable[..., Any]) -> None:
    """Two values are equal by their compared fields, and only within one class."""
    assert kind(1, place="here") == kind(1, place="there")
    assert hash(kind(1, place="here")) == hash(kind(1, place="there"))
    assert kind(1) != kind(2)
    assert kind(1) != (1, "b", (), None)
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_it_shows_as_the_standard_one_does() -> None:
    """The text names the class and its fields."""
    assert repr(Own(1)) == repr(Standard(1)).replace("Standard", "Own")


@BOTH
def test_it_is_frozen_and_slotted(kind: Callable[..., Any]) -> None:
    """Nothing is set, deleted or added."""
    one = kind(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.first
    assert not hasattr(one, "__dict__")


@BOTH
def test_it_copies_pickles_replaces_and_matches(kind: Callable[..., Any]) -> None:
    """The library's tools for dataclasses work on it."""
    one = kind(1, "x", (3,), "here")
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - its own bytes
    assert (again, again.place) == (one, "here")
    assert copy.deepcopy(one) == one
    assert dataclasses.replace(one, first=2) == kind(2, "x", (3,))
    assert [member.name for member in dataclasses.fields(one)] == ["first", "second", "third", "place"]
    match one:
        case Own(first, second) | Standard(first, second):
            assert (first, second) == (1, "x")
        case _:
            pytest.fail("no pattern matches")


def test_other_wishes_are_refused() -> None:
    """Only frozen, slotted classes are made here."""
    with pytest.raises(TypeError, match="frozen"):
        own.dataclass(frozen=False, slots=True)
