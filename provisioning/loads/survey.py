"""What only many rows can say: in which form times are written, and which sign is the decimal one.

The survey goes through the rows that are read until everything is settled; a file that settles nothing is
gone through to its end. What then has two readings is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from attrs import define, field, frozen

from evidence.words import Words
from provisioning.loads import moments
from provisioning.loads.columns import Columns
from provisioning.loads.loads import LoadsError, Note, NoteKind, QuestionError
from provisioning.loads.moments import Form
from provisioning.loads.numbers import Signs
from provisioning.loads.settings import ReadSettings
from provisioning.loads.source import Numbered, Source
from provisioning.loads.table import Table
from provisioning.loads.words import NOTES, PROBLEMS

CHUNK_ROWS: Final = 5_000
NUMBERS_KEPT: Final = 1_000
"""Numbers of the column of times that tell how it counts."""
NEXT_DAY_MAX: Final = 4
"""Days from one date to the next in a table without month-long holes: a week-end between."""
JUMP_MIN: Final = 25
"""Days from one date to the next where day and month are taken for each other."""


@frozen
class Style:
    """How the times and numbers of a file are written."""

    form: Form
    has_zone: bool
    decimal: str
    notes: tuple[Note, ...]


def survey(source: Source, table: Table, columns: Columns, settings: ReadSettings) -> Style:
    """How the file is written.

    Raises:
        LoadsError: It is written in two ways.
        QuestionError: It has two readings.
    """
    told = {"point": ".", "comma": ","}.get(settings.decimal, "")
    seen = _Seen(source.path, table, is_told=bool(told) or source.book is not None)
    places = [one.at for one in columns.used]
    rows = (one for one in source.rows(table.separator) if one[0] >= table.first)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        whole = [one for one in chunk if len(one[1]) >= len(table.names)]
        seen.look_times(whole)
        if not seen.signs.is_settled:
            for at in places:
                seen.signs.look([row[at] for _, row in whole])
        if seen.is_settled():
            break
    notes: list[Note] = []
    form = seen.find_form(settings, notes)
    decimal = told or ("." if source.book is not None else seen.find_decimal(notes))
    if decimal == "," and not told:
        notes.append(Note(NoteKind.READ, NOTES["decimal comma"]))
    if form not in {Form.YMD, Form.DMY, Form.MDY, Form.EPOCH_S}:
        notes.append(Note(NoteKind.READ, NOTES["form"].fill(form=form.value)))
    return Style(form, seen.has_zone, decimal, tuple(notes))


@define
class _Seen:
    """What the rows so far have shown."""

    path: Path
    table: Table
    is_told: bool
    signs: Signs = field(factory=Signs)
    form: Form | None = None
    has_zone: bool = False
    dates: dict[str, int] = field(factory=dict)
    day_first: str = ""
    month_first: str = ""
    _numbers: list[float] = field(factory=list)

    def look_times(self, rows: Sequence[Numbered]) -> None:
        """Take the times of some rows into account."""
        if self.form is Form.TWO:
            for number, row in rows:
                day = row[self.table.time].strip().partition(" ")[0]
                if day not in self.dates:
                    self._look_date(moments.tidy(day), number)
            return
        if self.form is not None:
            return
        texts = [(number, moments.tidy(self.table.time_text(row))) for number, row in rows]
        if self._find_first(texts) is Form.TWO:
            self.look_times(rows)

    def _find_first(self, texts: list[tuple[int, str]]) -> Form | None:
        """The form of the first time; numbers are collected until one is found."""
        for number, text in texts:
            self.form = moments.form_of(text)
            if self.form is not None:
                parts = moments.split(text)
                clock = moments.read_clock(parts[1]) if parts and parts[1] else None
                self.has_zone = clock is not None and clock[1] is not None
                return self.form
            self._refuse_short_year(text, number)
        self._numbers += list(_to_numbers(text for _, text in texts[: NUMBERS_KEPT - len(self._numbers)]))
        return None

    def _refuse_short_year(self, text: str, number: int) -> None:
        parts = text.split(" ", maxsplit=1)[0].replace("/", "-").replace(".", "-").split("-")
        if len(parts) == 3 and all(len(part) <= 2 and part.isdecimal() for part in parts):
            raise LoadsError([PROBLEMS["two-digit year"].fill(path=self.path, line=number, text=text)])

    def _look_date(self, day: str, number: int) -> None:
        pair = moments.read_pair(day)
        if pair is None:
            return
        self.dates[day] = number
        if pair.ordinal(Form.MDY) is None:
            self.day_first = self.day_first or day
        if pair.ordinal(Form.DMY) is None:
            self.month_first = self.month_first or day

    def is_settled(self) -> bool:
        """Whether no further row can say more."""
        dated = self.form is not Form.TWO or bool(self.day_first or self.month_first)
        counted = self.form is not None or len(self._numbers) >= NUMBERS_KEPT
        return dated and counted and (self.is_told or self.signs.is_settled)

    def find_form(self, settings: ReadSettings, notes: list[Note]) -> Form:
        """The form of the times."""
        if self.form is None:
            form = moments.number_form(np.array(self._numbers)) if self._numbers else None
            if form is None:
                begins = next((row for _, row in self.table.sample), [])
                raise LoadsError([PROBLEMS["no times"].fill(path=self.path, line=",".join(begins)[:60])])
            return form
        if self.form is not Form.TWO:
            return self.form
        if self.day_first and self.month_first:
            one, other = self.day_first, self.month_first
            raise LoadsError(
                [
                    PROBLEMS["both dates"].fill(
                        path=self.path,
                        text=one,
                        line=self.dates[one],
                        other=other,
                        other_line=self.dates[other],
                    )
                ]
            )
        if settings.dates:
            form = Form(settings.dates)
        elif self.day_first or self.month_first:
            form = Form.DMY if self.day_first else Form.MDY
            why = NOTES["dates seen"].fill(text=repr(self.day_first or self.month_first))
            notes.append(_note_dates(NoteKind.READ, form, why))
        else:
            form = self._find_by_run()
            notes.append(_note_dates(NoteKind.ASSUMED, form, NOTES["dates run"]))
        return form

    def _find_by_run(self) -> Form:
        """The order in which each date follows the one before, where the other one jumps by months."""
        pairs = [pair for day in self.dates if (pair := moments.read_pair(day))]
        if all(pair.first == pair.second for pair in pairs):
            return Form.DMY
        steps = {
            form: np.abs(np.diff([pair.ordinal(form) or 0 for pair in pairs]))
            for form in (Form.DMY, Form.MDY)
        }
        for form, other in ((Form.DMY, Form.MDY), (Form.MDY, Form.DMY)):
            if len(pairs) > 1 and steps[form].max() <= NEXT_DAY_MAX and steps[other].min() >= JUMP_MIN:
                return form
        day, line = next(iter(self.dates.items()), ("", 0))
        choices = [(Form.DMY.value, PROBLEMS["day first"]), (Form.MDY.value, PROBLEMS["month first"])]
        raise QuestionError(
            PROBLEMS["which date"].fill(path=self.path, line=line, text=day), "--dates", choices
        )

    def find_decimal(self, notes: list[Note]) -> str:
        """The decimal sign, "" for none."""
        try:
            decimal = self.signs.decimal()
        except ValueError as error:
            raise LoadsError([PROBLEMS["both decimals"].fill(path=self.path, why=error)]) from error
        if decimal is not None:
            return decimal
        if set(self.signs.either) == {"."} and self.table.separator == "," and not self.signs.whole:
            notes.append(Note(NoteKind.ASSUMED, NOTES["three places"].fill(text=self.signs.either["."])))
            return "."  # of thousands some would be below one thousand, and have no point
        sign, text = next(iter(self.signs.either.items()))
        choices = [("point", PROBLEMS["decimal point"]), ("comma", PROBLEMS["decimal comma"])]
        raise QuestionError(
            PROBLEMS["which decimal"].fill(path=self.path, text=text, sign=sign), "--decimal", choices
        )


def _note_dates(kind: NoteKind, form: Form, why: Words) -> Note:
    order = PROBLEMS["day first" if form is Form.DMY else "month first"]
    return Note(kind, NOTES["dates"].fill(order=order, why=why))


def _to_numbers(texts: Iterable[str]) -> Iterator[float]:
    for text in texts:
        try:
            value = float(text)
        except ValueError:
            continue
        if np.isfinite(value) and "_" not in text:
            yield value
