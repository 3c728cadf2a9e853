"""Checked values out of a parsed TOML or JSON table; every mistake is noted with its place.

A person who wrote a file wants to hear of all mistakes at once, so nothing is raised here: a wrong
value is noted in `problems` as `place.key: what is wrong`, the default is returned and reading goes
on; `refuse` raises at the end. `finish` notes the keys that nobody asked for.
"""

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from drivers.errors import ModelError

EnumT = TypeVar("EnumT", bound=StrEnum)

FILE_BYTES_MAX: Final = 256 * 1024
"""Largest file or table that is read at all; the largest shipped model has a tenth of it."""
_SHOWN_CHARACTERS_MAX: Final = 40
"""How much of a wrong value is repeated in a message: one line must stay one line."""


class Table:
    """One table of a file, read key by key."""

    def __init__(self, data: object, place: str, problems: list[str]) -> None:
        self.place = place
        self.problems = problems
        self._asked: set[str] = set()
        self._data: Mapping[str, Any] = {}
        if isinstance(data, Mapping):
            self._data = data
        else:
            problems.append(f"{place}: must be a table, not {_shown(data)}")

    def note(self, key: str, what: str) -> None:
        """Note a mistake at `key`."""
        self.problems.append(f"{self.at(key)}: {what}")

    def at(self, key: str) -> str:
        """The place of `key` in the file."""
        shown = key if key.isprintable() and len(key) <= _SHOWN_CHARACTERS_MAX else _shown(key)
        return f"{self.place}.{shown}" if self.place else shown

    def says(self, key: str, value: object) -> bool:
        """Whether the file says exactly `value`; then `key` is known."""
        said = self._data.get(key) == value and type(self._data.get(key)) is type(value)
        if said:
            self._asked.add(key)
        return said

    def has(self, key: str) -> bool:
        """Whether the file says anything about `key`."""
        return key in self._data

    def text(self, key: str, default: str | None = None) -> str:
        """A string of at least one printable character; required where there is no default."""
        value = self._get(key, default)
        if isinstance(value, str) and (value == default or (value.strip() and value.isprintable())):
            return value
        self._wrong(key, value, "a text")
        return default or ""

    def number(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A finite number from `low` to `high`."""
        value = self._get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return low if default is None else default

    def whole(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._wrong(key, value, f"a whole number from {low} to {high}")
        return low if default is None else default

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._get(key, default)
        if isinstance(value, bool):
            return value
        self._wrong(key, value, "true or false")
        return default

    def choice(self, key: str, kind: type[EnumT], default: EnumT | None = None) -> EnumT:
        """One of the words of `kind`."""
        value = self._get(key, default)
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        self._wrong(key, value, "one of " + ", ".join(kind))
        return next(iter(kind)) if default is None else default

    def hexadecimal(self, key: str) -> bytes:
        """Bytes written in hexadecimal, with or without spaces."""
        value = self._get(key, None)
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            self._wrong(key, value, "bytes in hexadecimal")
            return b""

    def values(self, key: str) -> tuple[int | float | str, ...]:
        """An array of numbers and texts, at least one."""
        value = self._get(key, None)
        if isinstance(value, list) and value and all(isinstance(v, str) or is_number(v) for v in value):
            return tuple(value)
        self._wrong(key, value, "an array of numbers or texts")
        return ()

    def table(self, key: str, *, required: bool = False) -> "Table":
        """The table under `key`, empty if it is not there."""
        if required and not self.has(key):
            self.note(key, "missing, a table")
        return Table(self._get(key, {}), self.at(key), self.problems)

    def tables(self, key: str) -> tuple["Table", ...]:
        """The array of tables under `key`."""
        value = self._get(key, [])
        if not isinstance(value, list):
            self._wrong(key, value, "an array of tables")
            return ()
        return tuple(Table(item, f"{self.at(key)}[{i}]", self.problems) for i, item in enumerate(value))

    def items(self) -> tuple[tuple[str, "Table"], ...]:
        """All keys with their tables; none of them is unknown then."""
        self._asked.update(self._data)
        return tuple((key, Table(value, self.at(key), self.problems)) for key, value in self._data.items())

    def raw(self) -> Mapping[str, Any]:
        """The whole table unchecked; none of its keys is unknown then."""
        self._asked.update(self._data)
        return self._data

    def finish(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._data.keys() - self._asked:
            self.note(key, f"unknown key{self._meant(key)}")

    def _get(self, key: str, default: object) -> Any:
        self._asked.add(key)
        return self._data.get(key, default)

    def _wrong(self, key: str, value: object, wanted: str) -> None:
        self.note(key, f"must be {wanted}, not {_shown(value)}" if self.has(key) else f"missing, {wanted}")

    def _meant(self, key: str) -> str:
        import difflib  # noqa: PLC0415 -- 2 ms at import, needed only to explain a mistake

        close = difflib.get_close_matches(key, self._asked, n=1)
        return f", did you mean {close[0]}?" if close else ""


def parsed(text: bytes, place: str, parse: Callable[[str], object]) -> object:
    """What `parse` makes of the bytes of a file.

    Raises:
        ModelError: They are too many, no UTF-8, or `parse` does not take them.
    """
    if len(text) > FILE_BYTES_MAX:
        raise ModelError((f"{place}: more than {FILE_BYTES_MAX} bytes",))
    try:
        return parse(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # what tomllib, json and utf-8 raise on bad text
        raise ModelError((f"{place}: {error}",)) from error


def refuse(problems: list[str], place: str) -> None:
    """Raise what was noted, if anything was.

    Raises:
        ModelError: `problems` is not empty.
    """
    if problems:
        raise ModelError(tuple(f"{place}: {problem}" for problem in problems))


def is_number(value: object) -> bool:
    """Whether `value` is a finite int or float; a bool is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)  # a whole number beyond float is finite too


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS_MAX else shown[:_SHOWN_CHARACTERS_MAX] + "…"
