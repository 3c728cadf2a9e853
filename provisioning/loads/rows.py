"""The rows below the names, as numbers: many at once, or one by one where something is unusual.

A row that is no sample is left out and counted: a total, a remark, the names again, a row without a time or
with too few cells, and the last line where it has no end. A cell that holds digits and is no number is a
mistake; so is a row with more cells than columns, because then it is not known which cell is which.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from attrs import define, field, frozen

from evidence.words import Words
from provisioning.loads.columns import Columns
from provisioning.loads.loads import Floats, LoadsError, Note, NoteKind
from provisioning.loads.moments import MomentReader
from provisioning.loads.numbers import WORDS_MAX, NumberReader
from provisioning.loads.source import Numbered, Row, Source, Tell
from provisioning.loads.survey import Style
from provisioning.loads.table import Table, is_comment
from provisioning.loads.units import plain
from provisioning.loads.words import NOTES, PROBLEMS

ROWS_MAX: Final = 4_000_000
"""More than a month at 1 s, more than a year at 10 s."""
CHUNK_ROWS: Final = 20_000
"""Rows read at once: enough for reading by columns to pay off, few enough to keep little text in memory."""
MISTAKES_MAX: Final = 20
"""Mistakes shown at once; a file with more is wrong as a whole."""
ODD_MAX: Final = 0.01
"""Share of the rows that may have no readable time or too few cells; with more it is another kind of file."""
TOTALS: Final = (
    *(
        "合计",
        "总计",
        "小计",
        "累计",
        "平均",
        "均值",
        "最大",
        "最小",
        "峰值",
        "汇总",
        "统计",
        "制表",
        "审核",
        "备注",
    ),
    *("total", "sum", "subtotal", "average", "avg", "mean", "max", "min", "summe", "mittel", "gesamt"),
)


@frozen
class Body:
    """Everything below the names.

    Attributes:
        times_s: As the file has them, in its order.
        columns: One for each column that is read.
        lines: The number of each row's line.
        notes: What was left out.
    """

    times_s: Floats
    columns: tuple[Floats, ...]
    lines: Floats
    notes: tuple[Note, ...]


@frozen
class _Part:
    times_s: Floats
    columns: tuple[Floats, ...]
    lines: Floats


def read_body(source: Source, table: Table, columns: Columns, style: Style, tell: Tell) -> Body:
    """All rows.

    Raises:
        LoadsError: With every mistake, at most MISTAKES_MAX.
    """
    reader = _Reader(source.path, table, columns, style)
    parts: list[_Part] = []
    rows = (one for one in source.rows(table.separator, tell) if one[0] >= table.first)
    count = 0
    ahead = list(islice(rows, CHUNK_ROWS))
    while ahead:
        chunk, ahead = ahead, list(islice(rows, CHUNK_ROWS))
        while ahead and not any(cell.strip() for _, row in ahead for cell in row):
            ahead = list(islice(rows, CHUNK_ROWS))
        count += len(chunk)
        if count > ROWS_MAX:
            raise LoadsError([PROBLEMS["too long"].fill(path=source.path, rows=ROWS_MAX)])
        if not ahead:
            chunk = reader.cut_last(chunk, ends=source.ends)
        parts.append(reader.read(chunk))
        if len(reader.problems) >= MISTAKES_MAX:
            break
    reader.check(count)
    times_s, lines = (
        np.concatenate(pieces) for pieces in zip(*((p.times_s, p.lines) for p in parts), strict=True)
    )
    pieces = [list(column) for column in zip(*(part.columns for part in parts), strict=True)]
    parts.clear()
    return Body(times_s, tuple(_join(one) for one in pieces), lines, tuple(reader.notes()))


def _join(pieces: list[Floats]) -> Floats:
    """One column, whose pieces are given up at once."""
    joined = np.concatenate(pieces)
    pieces.clear()
    return joined


@define
class _Odd:
    """Rows of one kind that were left out: how many, the first line, what it had."""

    count: int = 0
    line: int = 0
    text: str = ""

    def add(self, line: int, text: str = "") -> None:
        self.count += 1
        if self.count == 1:
            self.line, self.text = line, text


@define
class _Reader:
    path: Path
    table: Table
    columns: Columns
    style: Style
    problems: list[Words] = field(factory=list)
    odd: dict[str, _Odd] = field(factory=dict)
    moments: MomentReader = field(init=False)
    numbers: NumberReader = field(init=False)
    _width: int = field(init=False)
    _last: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.moments = MomentReader(self.style.form, self.style.has_zone)
        self.numbers = NumberReader(self.style.decimal)
        self._width = len(self.table.names)
        self._last = max(*(one.at for one in self.columns.used), self.table.time, self.table.clock or 0)

    def cut_last(self, chunk: list[Numbered], *, ends: bool) -> list[Numbered]:
        """Without a last line that is not whole: it may have lost digits as well as cells."""
        while chunk and not any(cell.strip() for cell in chunk[-1][1]):
            chunk = chunk[:-1]
        if chunk and not ends:
            self._add("cut", chunk[-1][0])
            return chunk[:-1]
        return chunk

    def read(self, chunk: Sequence[Numbered]) -> _Part:
        """The samples of some rows."""
        if all(len(row) == self._width for _, row in chunk):
            rows = [row for _, row in chunk]
            try:
                times = self.moments.read([self.table.time_text(row) for row in rows])
            except (ValueError, OverflowError):
                pass
            else:
                return self._read_numbers(times, chunk)
        timed = list(self._sort_out(chunk))
        times = np.array([at_s for at_s, _ in timed], np.float64)
        return self._read_numbers(times, [one for _, one in timed])

    def _sort_out(self, chunk: Sequence[Numbered]) -> Iterator[tuple[float, Numbered]]:
        """The rows that are samples, with their times."""
        for number, row in chunk:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > self._width and any(cell.strip() for cell in row[self._width :]):
                self._refuse("cells", line=number, count=len(row), columns=self._width)
                continue
            if len(row) <= max(self.table.time, self.table.clock or 0):
                self._add(self._name_untimed(row), number)
                continue
            text = self.table.time_text(row)
            at_s = self.moments.read_one(text)
            if at_s is None:
                kind = self._name_untimed(row)
                self._add(kind if text.strip() or kind != "bad time" else "no time", number, text.strip())
            elif len(row) <= self._last:
                self._add("short", number)
            else:
                yield at_s, (number, row)

    def _name_untimed(self, row: Row) -> str:
        """What a row without a time is."""
        words = [plain(cell) for cell in row]
        if is_comment(row):
            return "comments"
        if any(word.startswith(TOTALS) for word in words[:3] if word) or any(
            word in TOTALS for word in words
        ):
            return "totals"
        if [cell.strip() for cell in row[: self._width]][self.table.time :][:1] == [
            self.table.names[self.table.time]
        ]:
            return "repeated head"
        return "bad time" if len(row) > self._last else "short"

    def _read_numbers(self, times_s: Floats, rows: Sequence[Numbered]) -> _Part:
        found: list[Floats] = []
        for one in self.columns.used:
            cells = [row[one.at] for _, row in rows]
            try:
                found.append(self.numbers.read(cells))
            except ValueError:
                found.append(self._read_slowly(cells, rows, one.at))
        return _Part(times_s, tuple(found), np.array([number for number, _ in rows], np.float64))

    def _read_slowly(self, cells: Sequence[str], rows: Sequence[Numbered], at: int) -> Floats:
        """Cell by cell, to tell every mistake."""
        values = np.full(len(cells), math.nan)
        reader = NumberReader(self.style.decimal)  # its words are of a file that is refused
        for place, cell in enumerate(cells):
            try:
                values[place] = reader.read([cell])[0]
            except ValueError:
                name = self.table.names[at]
                self._refuse("number", line=rows[place][0], column=at + 1, name=name, text=cell.strip()[:40])
        return values

    def _refuse(self, key: str, **values: object) -> None:
        if len(self.problems) < MISTAKES_MAX:
            self.problems.append(PROBLEMS[key].fill(path=self.path, **values))

    def _add(self, kind: str, line: int, text: str = "") -> None:
        self.odd.setdefault(kind, _Odd()).add(line, text[:40])

    def check(self, count: int) -> None:
        """Raise the mistakes; rows without a time or with too few cells are mistakes where they are many."""
        for kind in ("bad time", "short"):
            odd = self.odd.get(kind)
            if odd and odd.count > max(1, ODD_MAX * count):
                name = self.table.names[self.table.time]
                values = {"line": odd.line, "column": self.table.time + 1, "name": name, "text": odd.text}
                if kind == "bad time":
                    form = self.table.time_text(self.table.sample[0][1]).strip()
                    self._refuse("time", form=form, count=odd.count, **values)
                else:
                    self._refuse("few cells", line=odd.line, columns=self._width, count=odd.count)
        if self.problems:
            raise LoadsError(self.problems)

    def notes(self) -> Iterator[Note]:
        """What was left out."""
        for kind, odd in self.odd.items():
            words = NOTES[kind].fill(count=odd.count, line=odd.line, text=odd.text)
            yield Note(NoteKind.ASSUMED if kind == "bad time" else NoteKind.LEFT_OUT, words)
        for kind, counter in (("marks", self.numbers.marks), ("words", self.numbers.words)):
            if counter:
                told = ", ".join(f"{word!r} ({count})" for word, count in counter.most_common(WORDS_MAX))
                yield Note(
                    NoteKind.LEFT_OUT if kind == "marks" else NoteKind.ASSUMED, NOTES[kind].fill(words=told)
                )
