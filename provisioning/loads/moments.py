"""Times as tables write them, into seconds.

| form | examples |
|---|---|
| ymd | `2026-03-02 08:00:00`, `2026/3/2 8:00`, `2026.3.2 8:00`, `2026年3月2日 8时00分`, `20260302 080000` |
| named | `2-Mar-2026 08:00`, `2 March 2026 8:00` |
| dmy, mdy | `02/03/2026 08:00`, `2.3.2026 8:00 PM`: only the whole column, or a person, can say which |
| epoch_s, epoch_ms | `1772409600`, `1772409600.5`, `1772409600123` |
| excel | `46083.3333`: days since 1899-12-30 |

A clock may have seconds, a fraction, AM or PM (`上午`, `下午`), 24:00, and a zone (`Z`, `+08:00`).
A time without a zone is the plant's own. Two-digit years are refused: 26/3/2 has three readings.

Seconds count from 1970-01-01 00:00, in UTC if the time has a zone or is an epoch, else on the plant's own
clock.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S: Final = 86_400
HOUR_S: Final = 3600
MINUTE_S: Final = 60
EXCEL_DAYS: Final = (20_000.0, 80_000.0)
"""Days from 1954 to 2119, as Excel counts them."""
EXCEL_EPOCH_DAYS: Final = 25_569
"""1970-01-01 as Excel counts."""
EPOCH_MS_MIN: Final = 1e11
"""Seconds reach this in the year 5138, milliseconds did in 1973."""
EPOCH_MS_MAX: Final = 1e14
CACHE_MAX: Final = 200_000
"""Texts of dates and of clocks that are kept: two days of seconds."""
_UNIX: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = {
    name: at
    for at, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}

_YMD: Final = re.compile(
    r"(?P<y>[0-9]{4})(?:(?P<sep>[-/.])(?P<m>[0-9]{1,2})(?P=sep)(?P<d>[0-9]{1,2})"
    r"|年(?P<m2>[0-9]{1,2})月(?P<d2>[0-9]{1,2})日|(?P<m3>[0-9]{2})(?P<d3>[0-9]{2}))"
)
_TWO: Final = re.compile(r"(?P<a>[0-9]{1,2})(?P<sep>[-/.])(?P<b>[0-9]{1,2})(?P=sep)(?P<y>[0-9]{4})")
_NAMED: Final = re.compile(r"(?P<d>[0-9]{1,2})[- ./]?(?P<m>[A-Za-z]{3,9})[- ./]?,?(?P<y>[0-9]{4})")
_CLOCK: Final = re.compile(
    r"(?P<before>AM|PM|上午|下午|早上|晚上)?\s*"
    r"(?P<h>[0-9]{1,2})(?:"
    r"(?::|时|点)(?P<m>[0-9]{1,2})(?:(?::|分)(?P<s>[0-9]{1,2})(?:[.,](?P<f>[0-9]{1,9}))?秒?|分)?"
    r"|时|点|(?P<m2>[0-9]{2})(?P<s2>[0-9]{2})?)\s*(?P<after>AM|PM|上午|下午)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.IGNORECASE,
)
_LATE: Final = frozenset({"pm", "下午", "晚上"})
_SPLIT: Final = re.compile(
    r"(?P<date>[0-9]{8}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日"
    r"|[0-9]{1,2}[- ./]?[A-Za-z]{3,9}[- ./]?,?[0-9]{4})(?:(?:[ T]+|(?<=日))(?P<clock>.+))?"
)
_JOINED: Final = re.compile(r"(?P<date>[0-9]{8})(?P<clock>[0-9]{6})")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class Form(StrEnum):
    """How the times of a column are written."""

    YMD = "year-first"
    NAMED = "named month"
    DMY = "day-first"
    MDY = "month-first"
    TWO = "day or month first"
    EPOCH_S = "epoch seconds"
    EPOCH_MS = "epoch milliseconds"
    EXCEL = "Excel days"


NUMBERS: Final = frozenset({Form.EPOCH_S, Form.EPOCH_MS, Form.EXCEL})


@frozen
class Pair:
    """A date whose day and month could be either: the first and the second number, and the year."""

    first: int
    second: int
    year: int

    def ordinal(self, form: Form) -> int | None:
        """Its day number under DMY or MDY, None if there is no such day."""
        day, month = (self.first, self.second) if form is Form.DMY else (self.second, self.first)
        return _ordinal(self.year, month, day)


def tidy(text: str) -> str:
    """The text in plain digits and punctuation, with single blanks."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.split())


def split(text: str) -> tuple[str, str] | None:
    """The date and the clock ("" if there is none) of a tidy text; None if it is no date."""
    found = _SPLIT.fullmatch(text) or _JOINED.fullmatch(text)
    return (found["date"], found["clock"] or "") if found else None


def form_of(text: str) -> Form | None:
    """How one tidy time is written; numbers are `number_form`'s."""
    parts = split(text)
    if parts is None or (parts[1] and read_clock(parts[1]) is None):
        return None
    if _YMD.fullmatch(parts[0]):
        return Form.YMD if _read_ymd(parts[0]) is not None else None
    if _TWO.fullmatch(parts[0]):
        return Form.TWO if read_pair(parts[0]) else None
    return Form.NAMED if _read_named(parts[0]) is not None else None


def is_clock(text: str) -> bool:
    """Whether a tidy text is a time of day alone."""
    return ":" in text and read_clock(text) is not None


def read_pair(text: str) -> Pair | None:
    """The two numbers of a date whose year is last; None if it is no such date in either order."""
    found = _TWO.fullmatch(text)
    if not found:
        return None
    pair = Pair(int(found["a"]), int(found["b"]), int(found["y"]))
    return None if pair.ordinal(Form.DMY) is None and pair.ordinal(Form.MDY) is None else pair


def number_form(numbers: Floats) -> Form | None:
    """How a column of numbers counts time; None if it cannot be time."""
    low, high = float(numbers.min()), float(numbers.max())
    if low >= EPOCH_MS_MIN and high < EPOCH_MS_MAX:
        return Form.EPOCH_MS
    step = float(np.median(np.diff(numbers))) if len(numbers) > 1 else 0.0
    if EXCEL_DAYS[0] <= low and high <= EXCEL_DAYS[1] and 0.0 < abs(step) < 1.0:
        return Form.EXCEL
    return Form.EPOCH_S if high < EPOCH_MS_MIN else None


def read_clock(text: str) -> tuple[float, int | None] | None:
    """Seconds since midnight and the offset of the zone; None if it is no time of day."""
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hour, minute = int(found["h"]), int(found["m"] or found["m2"] or 0)
    second = int(found["s"] or found["s2"] or 0)
    half = (found["before"] or found["after"] or "").casefold()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in _LATE else 0)
    if minute >= MINUTE_S or second >= MINUTE_S or hour > 24 or (hour == 24 and (minute or second)):
        return None
    fraction = float(f"0.{found['f']}") if found["f"] else 0.0
    return hour * HOUR_S + minute * MINUTE_S + second + fraction, _read_zone(found["zone"])


def _read_zone(text: str | None) -> int | None:
    if text is None:
        return None
    if not text[1:2].isdigit():
        return 0
    east = int(text[1:3]) * HOUR_S + int(text[3:].lstrip(":") or 0) * MINUTE_S
    return -east if text[0] == "-" else east


def _ordinal(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal() - _UNIX
    except ValueError:
        return None


def _read_ymd(text: str) -> int | None:
    found = _YMD.fullmatch(text)
    if not found:
        return None
    month, day = (found[key] or found[f"{key}2"] or found[f"{key}3"] for key in ("m", "d"))
    return _ordinal(int(found["y"]), int(month), int(day))


def _read_named(text: str) -> int | None:
    found = _NAMED.fullmatch(text)
    month = _MONTHS.get(found["m"][:3].casefold()) if found else None
    return None if not found or month is None else _ordinal(int(found["y"]), month, int(found["d"]))


class _Dates(dict[str, float]):
    """Seconds at the midnight of a date, by its text."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, text: str) -> float:
        day = self._read(text)
        if day is None:
            raise ValueError(text)
        if len(self) >= CACHE_MAX:
            self.clear()
        self[text] = float(day * DAY_S)
        return self[text]

    def _read(self, text: str) -> int | None:
        if self._form is Form.YMD:
            return _read_ymd(text)
        if self._form is Form.NAMED:
            return _read_named(text)
        pair = read_pair(text)
        return None if pair is None else pair.ordinal(self._form)


class _Clocks(dict[str, tuple[float, int | None]]):
    """Seconds since midnight and offset of the zone, by the text of a clock."""

    def __missing__(self, text: str) -> tuple[float, int | None]:
        found = read_clock(text)
        if found is None:
            raise ValueError(text)
        if len(self) >= CACHE_MAX:
            self.clear()
        self[text] = found
        return found


@define
class MomentReader:
    """Reads a column of times in one form; `has_zone` says whether its times carry one."""

    form: Form
    has_zone: bool
    _dates: _Dates = field(init=False)
    _clocks: _Clocks = field(factory=_Clocks, init=False)

    def __attrs_post_init__(self) -> None:
        self._dates = _Dates(self.form)

    def read(self, cells: Sequence[str]) -> Floats:
        """All times of `cells`, which are as a row has them.

        Raises:
            ValueError: One of them is not such a time.
        """
        if self.form in NUMBERS:
            return self._scale(_read_floats(cells))
        return np.array([self._read_text(cell) for cell in cells], np.float64)

    def read_one(self, cell: str) -> float | None:
        """One time, None if it is not such a time."""
        text = tidy(cell)
        try:
            if self.form not in NUMBERS:
                return self._read_text(text)
            if not _NUMBER.fullmatch(text):
                return None
            value = float(self._scale(np.array([float(text)]))[0])
            return value if np.isfinite(value) else None
        except (ValueError, OverflowError):
            return None

    def _scale(self, numbers: Floats) -> Floats:
        if self.form is Form.EPOCH_MS:
            return numbers / 1000
        if self.form is Form.EXCEL:
            return np.round((numbers - EXCEL_EPOCH_DAYS) * DAY_S, 3)
        return numbers

    def _read_text(self, text: str) -> float:
        """Quick for the usual form with one blank or T, by the caches; exact for all others."""
        day, blank, clock = text.partition(" ")
        if not blank:
            day, blank, clock = text.partition("T")
        try:
            seconds, zone = self._clocks[clock] if clock else (-1.0, None)
            midnight = self._dates[day]
        except ValueError:
            parts = split(tidy(text))
            if parts is None:
                raise
            midnight = self._dates[parts[0]]
            seconds, zone = self._clocks[parts[1]] if parts[1] else (-1.0, None)
        if seconds < 0:
            raise ValueError(text)  # a date alone: the midnight, or the total of a day
        if (zone is not None) != self.has_zone:
            raise ValueError(text)
        return midnight + seconds - (zone or 0)


def _read_floats(cells: Sequence[str]) -> Floats:
    if "_" in ",".join(cells):
        raise ValueError("Python reads 1_000 as a number; nobody else does")
    numbers = np.array(list(map(float, cells)), np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return numbers
