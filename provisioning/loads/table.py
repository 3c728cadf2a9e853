"""Where the table in a file begins: its separator, the names of its columns, a row of units.

The first row of data is the first that has a time; names stand above it, in one row or, where a group of
columns has a heading of its own, in two. The separator is the one that cuts names and data into equally many
cells.
"""

import csv
import io
from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np
from attrs import frozen

from provisioning.loads import moments
from provisioning.loads.source import HEAD_ROWS, Numbered, Row, Source
from provisioning.loads.units import find_unit, plain

SEPARATORS: Final = (",", ";", "\t", "|", "，", "；")
COMMENTS: Final = ("#", "//", ";;", "--  ")
TIME_NAMES: Final = (
    *("time", "datetime", "timestamp", "date time", "date_time", "ts", "zeit", "zeitpunkt", "zeitstempel"),
    *("时间", "日期时间", "采集时间", "数据时间", "记录时间", "时刻", "时标", "日期/时间", "日期"),
    *("date", "datum", "day", "t"),
)
CLOCK_NAMES: Final = (*("时间", "时刻"), *("time", "zeit", "uhrzeit", "clock", "hour"))
_TIME_WORDS: Final = (*("时间", "时刻", "时标", "日期"), *("time", "date", "zeit", "datum"))
NUMBERS_MIN: Final = 1e9
"""A number in a column without a name for time is one from here on: seconds since 2001."""


@frozen
class Table:
    """What is above the data.

    Attributes:
        separator: Between cells.
        names: Of the columns.
        units: In a row below them, "" where there is none.
        names_line: The line of the names.
        first: The line of the first row of data.
        time: The column of the times, or of the dates.
        clock: The column of the clocks, if dates stand alone.
        sample: The first rows of data.
    """

    separator: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    names_line: int
    first: int
    time: int
    clock: int | None
    sample: tuple[Numbered, ...]

    def time_text(self, row: Row) -> str:
        """The time of a row as one text."""
        return row[self.time] if self.clock is None else f"{row[self.time].strip()} {row[self.clock].strip()}"


def find_table(source: Source) -> Table | None:
    """The table in a file, None if no row has a time."""
    if source.book is not None:
        return _look(list(islice(source.rows(","), HEAD_ROWS)), ",")
    told = source.head.split("\n", 1)[0].strip()
    separators = (told[4:5] or ",",) if told.casefold().startswith("sep=") and len(told) == 5 else SEPARATORS
    found = []
    for separator in separators:
        try:
            rows = list(islice(csv.reader(_lines(source.head), delimiter=separator), HEAD_ROWS))
        except csv.Error:
            continue
        table = _look([(number, row) for number, row in enumerate(rows, 1)], separator)
        if table is not None:
            found.append(table)
    return max(found, key=_rate, default=None)


def _lines(head: str) -> list[str]:
    """The whole lines of the first characters."""
    lines = list(io.StringIO(head, newline=""))  # as a file is read: no other character ends a line
    return lines[:-1] if len(lines) > 2 and not lines[-1].endswith("\n") else lines


def _rate(table: Table) -> tuple[float, int]:
    """How well a separator fits: the share of rows with as many cells as names, then the number of cells."""
    same = sum(len(row) == len(table.names) for _, row in table.sample)
    return same / len(table.sample), len(table.names)


def _look(rows: Sequence[Numbered], separator: str) -> Table | None:
    for at, (number, row) in enumerate(rows):
        if len(row) < 2 or is_comment(row):
            continue
        head = [one for one in rows[:at] if len(one[1]) > 1 and any(cell.strip() for cell in one[1])]
        head = [one for one in head if not is_comment(one[1])]
        names, units, line = _read_names(head, len(row))
        place = _find_time(row, names, [one for _, one in rows[at + 1 : at + 20] if len(one) >= len(row)])
        if place is None:
            continue
        if any(len(name) > len(row) for name in (names,)) and not any(names[len(row) :]):
            names, units = names[: len(row)], units[: len(row)]
        sample = tuple(one for one in rows[at:] if len(one[1]) > 1)
        return Table(separator, names, units, line, number, *place, sample)
    return None


def is_comment(row: Row) -> bool:
    """Whether a row is a remark of the program that wrote it."""
    first = row[0].lstrip() if row else ""
    return first.startswith(COMMENTS[:3])


def _read_names(head: Sequence[Numbered], width: int) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Names and units from the rows above the data, and the line of the names (0: there are none)."""
    rows = list(head)
    units: Row = []
    if len(rows) > 1 and _is_units(rows[-1][1]):
        units = rows.pop()[1]
    rows = [one for one in rows if sum(bool(cell.strip()) for cell in one[1]) > 1]
    if not rows:
        return (), (), 0
    line, names = rows[-1][0], [cell.strip() for cell in rows[-1][1]]
    if len(rows) > 1 and len(rows[-2][1]) >= width and len(set(names)) < len(names):
        group, joined = "", []
        for at, name in enumerate(names):
            above = rows[-2][1][at].strip() if at < len(rows[-2][1]) else ""
            group = above or group
            joined.append(f"{group} {name}".strip() if group != name else name)
        names = joined
    units += [""] * (len(names) - len(units))
    return tuple(names), tuple(cell.strip() for cell in units[: len(names)]), line


def _is_units(row: Row) -> bool:
    words = [cell.strip("()[]（）【】 ") for cell in row]
    known = [bool(find_unit(word)) for word in words if word]
    others = [word for word in words if word and not find_unit(word)]
    return (
        any(known)
        and all(word == "-" or len(word) <= 8 or word.casefold().startswith("yyyy") for word in others)
        and sum(known) * 2 >= len(known)
    )


def _find_time(row: Row, names: Sequence[str], more: Sequence[Row]) -> tuple[int, int | None] | None:
    """The column of times (and of clocks) of a row of data, None if it has no time."""
    texts = [moments.tidy(cell) for cell in row]
    called = [plain(names[at]) if at < len(names) else "" for at in range(len(row))]
    dated = [at for at, text in enumerate(texts) if moments.form_of(text) or _has_short_year(text)]
    clocked = [at for at, text in enumerate(texts) if moments.is_clock(text)]
    whole = [at for at in dated if _has_clock(texts[at]) or any(_has_clock(one[at]) for one in more)]
    if whole:
        return _prefer(whole, called), None
    if dated and clocked:
        return _prefer(dated, called), _prefer(clocked, called, CLOCK_NAMES)
    numbered = [at for at, text in enumerate(texts) if _is_time_number(text, called[at])]
    if numbered:
        return _prefer(numbered, called), None
    return (_prefer(dated, called), None) if dated else None


def _has_clock(text: str) -> bool:
    parts = moments.split(moments.tidy(text))
    return parts is not None and bool(parts[1])


def _has_short_year(text: str) -> bool:
    day = text.split(" ", maxsplit=1)[0]
    parts = day.replace("/", "-").replace(".", "-").split("-")
    return len(parts) == 3 and all(part.isdecimal() and len(part) <= 2 for part in parts) and ":" in text


def _is_time_number(text: str, name: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    if not np.isfinite(value) or "_" in text or not text.isascii():
        return False
    return name in TIME_NAMES or (value >= NUMBERS_MIN and any(word in name for word in _TIME_WORDS))


def _prefer(places: Sequence[int], called: Sequence[str], names: Sequence[str] = TIME_NAMES) -> int:
    for name in names:
        for at in places:
            if called[at] == name:
                return at
    for at in places:
        if any(word in called[at] for word in _TIME_WORDS):
            return at
    return places[0]
