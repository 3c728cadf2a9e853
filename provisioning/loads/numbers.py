"""Numbers as tables write them: decimal point or comma, separators of thousands, marks for a missing value.

`1,234` and `1.234` have two readings. Which one holds is decided for the whole file from cells that have only
one (`Signs`); if it has none, a person decides. Afterwards every cell must fit the decision, so that nothing
is read in two ways. A cell without any digit is no number: a known mark, or a word that is counted.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MARKS: Final = frozenset(
    (
        *("", "-", "--", "---", "----", "—", "——", "/", "\\", "\\n"),
        *("*", "**", "***", "****", "?", "??", "???"),
        *("nan", "null", "nil", "none", "n/a", "na", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "#num!"),
        *("#name?", "#null!", "bad", "no data", "nodata", "invalid", "error", "err", "missing", "void"),
        *("无", "空", "缺", "缺失", "缺测", "坏", "坏点", "坏数据", "无数据", "无效"),
    )
)
"""Cells that say that there is no value, in lower case."""
WORDS_MAX: Final = 5
"""Other words shown; a column with more kinds of them is a text."""
SENTINELS: Final = frozenset((-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0))
"""What recorders write for a missing value, where a load cannot be negative."""

_GROUP: Final = " \u00a0\u2009\u202f'’_"
_BLANKS: Final = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f'’](?=[0-9]{3}(?![0-9]))")
"""Blanks and apostrophes between groups of three digits; they have one reading only."""
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_DIGIT: Final = re.compile(r"[0-9]")
_POINT: Final = re.compile(
    r"[0-9]{1,3},[0-9]{3}\.|,[0-9]{3},[0-9]{3}|"  # 1,234.5  1,234,567
    r"(?<![0-9.,])(?:0[0-9]*|[0-9]{4,})?\.[0-9]+(?![0-9.,])|"  # 0.123  1234.567  .5
    r"(?<![0-9.,])[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})(?![0-9.,])|"  # 45.5
    r"(?<![0-9.,])[0-9]+\.[0-9]+[eE]"
)
"""Only a decimal point explains this."""
_COMMA: Final = re.compile(
    r"[0-9]{1,3}\.[0-9]{3},|\.[0-9]{3}\.[0-9]{3}|"
    r"(?<![0-9.,])(?:0[0-9]*|[0-9]{4,})?,[0-9]+(?![0-9.,])|"
    r"(?<![0-9.,])[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})(?![0-9.,])|"
    r"(?<![0-9.,])[0-9]+,[0-9]+[eE]"
)
"""Only a decimal comma explains this."""
_EITHER: Final = {",": re.compile(r"[0-9],[0-9]{3}(?![0-9])"), ".": re.compile(r"[0-9]\.[0-9]{3}(?![0-9])")}
_WHOLE: Final = re.compile(r"(?<![0-9.,])[0-9]+(?![0-9.,])")
_BIG: Final = re.compile(r"(?<![0-9.,])[0-9]{4,}(?![0-9.,])")
"""Four digits without a separator: this file separates no thousands."""


@define
class Signs:
    """What the numbers of a file say about its decimal sign, by column after column."""

    point: str = ""
    comma: str = ""
    big: bool = False
    whole: bool = False
    either: dict[str, str] = field(factory=dict)

    def look(self, cells: Sequence[str]) -> None:
        """Take the cells of a column of numbers into account."""
        text = tidy("\n".join(cells))
        if not self.point and (found := _POINT.search(text)):
            self.point = _word_at(text, found.start())
        if not self.comma and "," in text and (found := _COMMA.search(text)):
            self.comma = _word_at(text, found.start())
        self.big = self.big or bool(_BIG.search(text))
        self.whole = self.whole or bool(_WHOLE.search(text))
        for sign, pattern in _EITHER.items():
            if sign not in self.either and (found := pattern.search(text)):
                self.either[sign] = _word_at(text, found.start())

    @property
    def is_settled(self) -> bool:
        """Whether no further cell can change the decision: one that disagrees is a mistake."""
        return bool(self.point or self.comma)

    def decimal(self) -> str | None:
        """The decimal sign; "" for numbers without any; None if they have two readings.

        Raises:
            ValueError: Some numbers have a decimal point and others a decimal comma; it names two.
        """
        if self.point and self.comma:
            raise ValueError(f"{self.point!r} has a decimal point, {self.comma!r} a decimal comma")
        if self.point or self.comma:
            return "." if self.point else ","
        if len(self.either) == 1 and self.big:
            return next(iter(self.either))
        return None if self.either else ""


def _word_at(text: str, at: int) -> str:
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return text[begin : None if end < 0 else end].strip()


def tidy(text: str) -> str:
    """In plain digits, without blanks and apostrophes between thousands."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    if " " in text or "'" in text or not text.isascii():
        text = _BLANKS.sub("", text)
    return text


def read_number(cell: str, decimal: str) -> float:
    """One cell in a file with this decimal sign, "" for none.

    Raises:
        ValueError: It is no such number.
    """
    text = tidy(cell).strip()
    if decimal == ",":
        text = text.translate(_SWAPPED)
    if not _PLAIN.fullmatch(text):
        if not _GROUPED.fullmatch(text):
            raise ValueError(cell)
        text = text.replace(",", "")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


_SWAPPED: Final = str.maketrans(",.", ".,")


@define
class NumberReader:
    """Reads columns of numbers with one decimal sign, and counts the words in them.

    Attributes:
        decimal: "." or ",", or "" for a file without either.
        marks: How often which mark stood for a missing value.
        words: The same for words that are no known mark.
    """

    decimal: str
    marks: Counter[str] = field(factory=Counter)
    words: Counter[str] = field(factory=Counter)

    def read(self, cells: Sequence[str]) -> Floats:
        """All cells, NaN for a missing value.

        Raises:
            ValueError: A cell holds digits, but no such number; its one argument is the place in `cells`.
        """
        if self.decimal != ",":
            try:
                return self._read_plain(cells)
            except ValueError:
                pass
        return np.array([self._read_cell(cell, at) for at, cell in enumerate(cells)], np.float64)

    def _read_plain(self, cells: Sequence[str]) -> Floats:
        text = ",".join(cells)
        if "_" in text or not text.isascii():
            raise ValueError
        missing = cells.count("")
        numbers = np.array(
            list(map(float, (cell or "nan" for cell in cells) if missing else cells)), np.float64
        )
        if np.count_nonzero(np.isfinite(numbers)) + missing != len(cells):
            raise ValueError
        return numbers

    def _read_cell(self, cell: str, at: int) -> float:
        try:
            return read_number(cell, self.decimal)
        except ValueError:
            word = unicodedata.normalize("NFKC", cell).strip().casefold()
        if word in MARKS:
            if word:
                self.marks[word] += 1
            return math.nan
        if _DIGIT.search(word):
            raise ValueError(at)
        self.words[word[:20]] += 1
        return math.nan


def find_sentinel(numbers: Floats) -> float | None:
    """The one negative value of a column that stands for a missing one: -1, -9999 and the like."""
    negative = np.unique(numbers[numbers < 0])
    if len(negative) == 1 and float(negative[0]) in SENTINELS and bool((numbers > 0).any()):
        return float(negative[0])
    return None
