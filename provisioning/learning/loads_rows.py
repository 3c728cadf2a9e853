"""Rows of a loads file as numbers: many at once, or one by one to locate a mistake.

Both ways read the same: `read_bulk` gives what `Exact` gives, or None; then `Exact` finds the mistake or
reads what is legal but unusual. Times rise strictly, cells are finite numbers or empty.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

MISTAKES_MAX: Final = 20
"""Mistakes shown at once; a file with more is wrong as a whole."""
UNITS: Final = {
    "": "number of watts",
    "pf": "power factor",
    "i": "number of amperes",
    "u": "number of volts",
}
"""What the cells of a column hold, by the part of its name after the dot."""

Floats = NDArray[np.float64]
Row = list[str]


@frozen
class Layout:
    """The columns of a file: all names, and the place of `time`."""

    names: tuple[str, ...]
    time: int


@frozen
class Part:
    """Rows that were read: times, and one column of numbers for each name but `time`."""

    times_s: Floats
    columns: tuple[Floats, ...]


def read_bulk(rows: Sequence[Row], layout: Layout, after_s: float) -> Part | None:
    """All of `rows` (none empty) after the time `after_s`, or None if something is unusual."""
    if any(len(row) != len(layout.names) for row in rows):
        return None
    columns = list(zip(*rows, strict=True))
    try:
        times = _read_times(columns[layout.time])
        numbers = tuple(_read_numbers(cells) for at, cells in enumerate(columns) if at != layout.time)
    except (ValueError, OverflowError):
        return None
    if not (np.isfinite(times).all() and times[0] > after_s and (np.diff(times) > 0).all()):
        return None
    return Part(times, numbers)


def _read_times(cells: Sequence[str]) -> Floats:
    try:
        return _read_floats(cells)
    except ValueError:
        moments = [datetime.fromisoformat(cell) for cell in cells]
    if any(moment.tzinfo is None for moment in moments):
        raise ValueError("a time without a zone")
    return np.array([moment.timestamp() for moment in moments], np.float64)


def _read_floats(cells: Sequence[str]) -> Floats:
    if "_" in ",".join(cells):
        raise ValueError("Python reads 1_000 as a number; nobody else does")
    return np.array(list(map(float, cells)), np.float64)


def _read_numbers(cells: Sequence[str]) -> Floats:
    missing = cells.count("")
    found = _read_floats([cell or "nan" for cell in cells] if missing else cells)
    if np.count_nonzero(np.isfinite(found)) + missing != len(cells):
        raise ValueError("not finite")
    return found


@define
class Exact:
    """Reads row by row and keeps the mistakes."""

    layout: Layout
    problems: list[str] = field(factory=list)
    last_s: float = -math.inf

    def read(self, rows: Iterator[tuple[int, Row]], after_s: float) -> Part:
        """What is in `rows` (number and cells, none empty), without those that are wrong."""
        self.last_s = after_s
        times: list[float] = []
        values: list[list[float]] = []
        for number, row in rows:
            try:
                moment, cells = self._read_row(row)
            except ValueError as error:
                self.problems.append(f"row {number}: {error}")
                if len(self.problems) >= MISTAKES_MAX:
                    break
                continue
            self.last_s = moment
            times.append(moment)
            values.append(cells)
        table = np.array(values, np.float64).reshape(len(times), len(self.layout.names) - 1)
        return Part(np.array(times, np.float64), tuple(table.T))

    def _read_row(self, row: Row) -> tuple[float, list[float]]:
        names = self.layout.names
        if len(row) != len(names):
            raise ValueError(f"{len(row)} cells, but {len(names)} columns")
        text = row[self.layout.time].strip()
        moment = _read_moment(text)
        if moment <= self.last_s:
            raise ValueError(f"time {text} is not after the row before")
        cells = zip(row, names, strict=True)
        return moment, [_read_number(cell, name) for cell, name in cells if name != names[self.layout.time]]


def _read_moment(text: str) -> float:
    try:
        return _read_finite(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is neither ISO 8601 nor epoch seconds") from None
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone; write +08:00 behind it")
    return moment.timestamp()


def _read_number(cell: str, name: str) -> float:
    text = cell.strip()
    if not text:
        return math.nan
    try:
        return _read_finite(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no {UNITS[name.partition('.')[2]]}") from None


def _read_finite(text: str) -> float:
    value = float(text)
    if "_" in text or not math.isfinite(value):
        raise ValueError("not finite, or not written as a number")
    return value
