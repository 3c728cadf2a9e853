"""Kinds of values in a table, for `disk.tables`: the name in messages, the test, the conversion."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")

TEXT_CHARACTERS_MAX: Final = 4000
"""Longer than any sentence; no file can fill a page with one value."""
_SHOWN_CHARACTERS_MAX: Final = 40
"""How much of a wrong value is repeated in a message: one line must stay one line."""


def show(value: object) -> str:
    """A wrong value in a message, cut short."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS_MAX else shown[:_SHOWN_CHARACTERS_MAX] + "…"


def join_place(place: str, key: str) -> str:
    """The place of `key` in the table at `place`, on one line."""
    shown = key if key.isprintable() and len(key) <= _SHOWN_CHARACTERS_MAX else show(key)
    return f"{place}.{shown}" if place else shown


@frozen
class Kind(Generic[T]):
    """A kind of value: its name in messages, its test, and its conversion."""

    wanted: str
    fits: Callable[[Any], bool]
    take: Callable[[Any], T]

    def check(self, value: Any) -> T:
        """The value; raises ValueError with one line that says what is wanted."""
        if not self.fits(value):
            raise ValueError(f"must be {self.wanted}, not {show(value)}")
        return self.take(value)


def is_number(value: object) -> bool:
    """Whether `value` is a finite int or float; a bool is neither."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def is_text(value: object) -> bool:
    """Whether `value` is a text that can be written again: not too long, no half characters."""
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def whole(low: int, high: int) -> Kind[int]:
    """A whole number."""
    return Kind(
        f"a whole number from {low} to {high}", lambda value: type(value) is int and low <= value <= high, int
    )


def number(low: float, high: float) -> Kind[float]:
    """A number."""
    return Kind(
        f"a number from {low:g} to {high:g}", lambda value: is_number(value) and low <= value <= high, float
    )


def choice(options: Iterable[str], kind: Callable[[Any], T]) -> Kind[T]:
    """One of the given texts."""
    known = tuple(options)
    return Kind("one of " + ", ".join(known), lambda value: isinstance(value, str) and value in known, kind)


TEXT: Final = Kind(f"a text in quotes, of at most {TEXT_CHARACTERS_MAX} characters", is_text, str)
LABEL: Final = Kind(
    "a text", lambda value: is_text(value) and bool(value.strip()) and value.isprintable(), str
)
"""A readable text: not blank, and printable."""
FLAG: Final = Kind("true or false", lambda value: isinstance(value, bool), bool)
