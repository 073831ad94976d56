"""The standard library's frozen, slotted dataclass, made without generating code.

`dataclasses.dataclass(frozen=True, slots=True)` compiles half a dozen methods a class, about a third of
a millisecond; the nodes and records of this library are more than a hundred classes and would
cost more to make than thirty policies to load. Here the standard decorator only collects the
fields, and the methods are shared functions that walk them. `fields`, `replace`, `match`, copying and
pickling work as with the original, which type checkers take this for.

Only `frozen=True, slots=True` is offered; a class with other wishes uses the original.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - the type checker's view of the decorator below
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """The decorator; both arguments must be true."""
        if not (frozen and slots):
            raise TypeError("only frozen, slotted classes are made here")
        return make


MISSING: Any = dataclasses.MISSING
put = object.__setattr__


def make(cls: type) -> type:
    """The class with its fields as slots and the shared methods."""
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    members = dataclasses.fields(made)
    names = tuple(member.name for member in members)
    compared = tuple(member.name for member in members if member.compare)
    setters = tuple(made.__dict__[name].__set__ for name in names)
    made.__init__ = constructor(made.__name__, members, setters)
    made.__eq__, hashed = equality(compared)
    if "__hash__" not in cls.__dict__:
        made.__hash__ = hashed
    if "__repr__" not in cls.__dict__:
        made.__repr__ = shown
    made.__setattr__ = made.__delattr__ = refused
    made.__getstate__, made.__setstate__ = taken_state, put_state
    made.__dataclass_params__.frozen = True
    result: type = made
    return result


def constructor(owner: str, members: tuple[Any, ...], setters: tuple[Any, ...]) -> Callable[..., None]:
    """The `__init__` of a class with these fields and the setters of their slots."""
    count = len(setters)
    absent = tuple((member.name, member.default, member.default_factory) for member in members)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is the method
        if len(args) > count:
            raise TypeError(f"{owner} takes {count} values, found {len(args)}")
        for set_slot, value in zip(setters, args, strict=False):
            set_slot(self, value)
        if len(args) == count and not kwargs:
            return
        for name, default, factory in absent[len(args) :]:
            if name in kwargs:
                put(self, name, kwargs.pop(name))
            elif default is not MISSING:
                put(self, name, default)
            elif factory is not MISSING:
                put(self, name, factory())
            else:
                raise TypeError(f"{owner} needs {name}")
        if kwargs:
            raise TypeError(f"{owner} does not take {', '.join(kwargs)}")

    return __init__


def equality(names: tuple[str, ...]) -> tuple[Callable[[Any, Any], Any], Callable[[Any], int]]:
    """The `__eq__` and `__hash__` over these fields."""
    if not names:
        return lambda self, other: type(self) is type(other) or NotImplemented, lambda self: hash(type(self))
    values = attrgetter(*names)

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807 - it is the method
        if type(self) is not type(other):
            return NotImplemented
        return self is other or values(self) == values(other)

    def __hash__(self: Any) -> int:  # noqa: N807 - it is the method
        return hash((type(self), values(self)))

    return __eq__, __hash__


def shown(self: Any) -> str:
    """The class and its fields, as the standard library shows them."""
    members = (f"{member.name}={getattr(self, member.name)!r}" for member in dataclasses.fields(self) if member.repr)
    return f"{type(self).__qualname__}({', '.join(members)})"


def refused(self: Any, name: str, value: Any = None) -> None:  # noqa: ARG001 - the signature of both methods
    """Nothing is set or deleted after construction."""
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")


def taken_state(self: Any) -> list[Any]:
    """The values of the fields, for copying and pickling."""
    return [getattr(self, member.name) for member in dataclasses.fields(self)]


def put_state(self: Any, state: list[Any]) -> None:
    """The fields from the values of `taken_state`."""
    for member, value in zip(dataclasses.fields(self), state, strict=True):
        put(self, member.name, value)
