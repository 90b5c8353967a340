"""Values: made whole, never changed, equal where their fields are.

What a frozen dataclass gives, without methods that are compiled for each class anew: luci knows a hundred kinds of
values, and to define them as dataclasses takes longer than to plan a script. The standard library takes them for
dataclasses all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import Field

T = TypeVar("T")
V = TypeVar("V", bound="Value")


def anew(make: Callable[[], T]) -> T:
    """The default of a field that each value gets its own of: `names: dict[str, str] = anew(dict)`."""
    return _Anew(make)  # type: ignore[return-value]


class _Anew:
    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


class _OfDataclass:
    """What the standard library wants to know of a dataclass, worked out when it asks."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, value: object, kind: Any) -> Any:
        return getattr(_as_dataclass(kind), self.name)


@functools.cache
def _as_dataclass(kind: Any) -> type:
    import dataclasses  # 10 ms with what it imports

    fields: list[tuple[str, Any, Any]] = [
        (name, Any, dataclasses.field(default_factory=default.make))
        if isinstance(default, _Anew)
        else (name, Any, dataclasses.field(default=dataclasses.MISSING if name in kind.__required__ else default))
        for name, default in kind.__defaults__.items()
    ]
    return dataclasses.make_dataclass(kind.__name__, fields, frozen=True)


@dataclass_transform(frozen_default=True)
class Value:
    """The fields are what a class annotates, those of its base first; what is assigned to one is its default.

    >>> class Point(Value):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(x=1, y=0), replace(Point(1), y=2)
    (Point(x=1, y=0), True, Point(x=1, y=2))
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    __defaults__: ClassVar[dict[str, Any]] = {}  # of every field, None of those that have none
    __required__: ClassVar[frozenset[str]] = frozenset()
    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:
        __dataclass_fields__ = _OfDataclass()
        __dataclass_params__ = _OfDataclass()

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]
        cls.__defaults__ = cls.__defaults__ | {name: vars(cls).get(name) for name in own}
        cls.__required__ = cls.__required__ | {name for name in own if name not in vars(cls)}
        cls.__match_args__ = tuple(cls.__defaults__)  # type: ignore[misc]  # mypy knows it of each class itself

    def __init__(self, *given: Any, **named: Any) -> None:
        names = self.__match_args__
        told = dict(zip(names, given, strict=False), **named)
        held = {**self.__defaults__, **told}
        if len(told) < len(given) + len(named) or len(held) > len(names) or not self.__required__ <= told.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        for name, default in held.items():
            if type(default) is _Anew:
                held[name] = default.make()
        self.__dict__.update(held)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Bring the fields to one form, or refuse them."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be taken away")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _held(self) == _held(other)

    def __hash__(self) -> int:
        return hash(_held(self))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={held!r}" for name, held in _named(self).items())
        return f"{type(self).__qualname__}({told})"


def fields(kind: Value | type[Value]) -> tuple[str, ...]:
    return kind.__match_args__


def replace(value: V, **changes: Any) -> V:
    """Return a value that differs in these fields."""
    return type(value)(**{**_named(value), **changes})


def as_dict(value: Value) -> dict[str, Any]:
    """Return the fields by their names, and the same of values that are in them."""
    return {name: _plain(held) for name, held in _named(value).items()}


def _plain(held: Any) -> Any:
    if isinstance(held, Value):
        return as_dict(held)
    if isinstance(held, dict):
        return {name: _plain(each) for name, each in held.items()}
    if type(held) in (tuple, list):
        return type(held)(map(_plain, held))
    return held


def _named(value: Value) -> dict[str, Any]:
    return dict(zip(value.__match_args__, _held(value), strict=True))


def _held(value: Value) -> tuple[Any, ...]:
    return tuple(map(value.__dict__.__getitem__, value.__match_args__))
