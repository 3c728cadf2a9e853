"""Recorded loads out of a file as people have it: a table of text in any usual form, or a workbook.

What has one reading is read; what was assumed is told, one note a thing; what has two readings is asked for
(`QuestionError`); everything else is refused with its line and what to do. No value is read in two ways.

The file is gone through up to three times, always as a stream: for its encoding, for its style (`survey`),
for its rows. In memory are its times and the columns that are read, 8 bytes a value.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen

from agent.detect.params import DT_MAX_S, DT_S
from evidence.words import Words
from provisioning.loads import order
from provisioning.loads.columns import Columns, choose_columns
from provisioning.loads.loads import Floats, Loads, LoadsError, Note, NoteKind
from provisioning.loads.moments import NUMBERS, Form
from provisioning.loads.powers import PowerMaker
from provisioning.loads.rows import Body, read_body
from provisioning.loads.settings import ReadSettings, WantedLine
from provisioning.loads.source import Source, Tell, open_source
from provisioning.loads.survey import Style, survey
from provisioning.loads.table import Table, find_table
from provisioning.loads.words import NOTES, PROBLEMS
from provisioning.loads.zones import to_utc

COARSE_S: Final = DT_MAX_S
"""Rows further apart than this are levels of intervals; so are energies of more than MINUTE_S."""
MINUTE_S: Final = 60
DAY_S: Final = 86_400
SHARED_MIN: Final = 0.5
"""Share of rows with the time of another, from which on times have no seconds."""
SEPARATORS: Final = {
    "\t": Words("制表符", "tabs"),
    ";": Words("分号", "semicolons"),
    "|": Words("竖线", "bars"),
    "，": Words("全角逗号", "full-width commas"),
    "；": Words("全角分号", "full-width semicolons"),
    ",": Words("逗号", "commas"),
}


def read_loads(
    path: Path,
    lines: Sequence[WantedLine],
    settings: ReadSettings | None = None,
    tell: Tell = lambda _done, _all: None,
) -> Loads:
    """The loads of `lines` in the file at `path`.

    Raises:
        LoadsError: It is not read, with every mistake.
        QuestionError: It has two readings.
        OSError: It cannot be opened.
    """
    given = settings or ReadSettings()
    source = open_source(path, given.sheet)
    table = find_table(source)
    if table is None:
        begin = next((row for _, row in source.rows(",") if any(row)), [])
        if not begin:
            raise LoadsError([PROBLEMS["empty"].fill(path=path)])
        raise LoadsError([PROBLEMS["no times"].fill(path=path, line=repr(",".join(begin)[:60]))])
    if not table.names:
        known = ",".join(line.id for line in lines)
        raise LoadsError([PROBLEMS["no names"].fill(path=path, lines=known)])
    columns = choose_columns(path, table, lines, given)
    style = survey(source, table, columns, given)
    body = read_body(source, table, columns, style, tell)
    if not len(body.times_s):
        raise LoadsError([PROBLEMS["empty"].fill(path=path)])
    notes = [*_describe(source, table), *style.notes, *columns.notes, *body.notes]
    frame = _order(path, given, style, body, notes)
    del body  # of a month of seconds it is 200 MB, the frame a tenth
    return _finish(path, given, columns, style, frame, notes)


@frozen
class _Frame:
    """Rows in their order, one a slot; times in UTC, the first of them on the plant's clock too."""

    times_s: Floats
    values: list[Floats]
    first_local_s: float
    step_s: float
    ends_day: bool


def _describe(source: Source, table: Table) -> list[Note]:
    notes = []
    if source.book is not None and len(source.book.sheets) > 1:
        notes.append(NOTES["book"].fill(sheet=source.sheet))
    elif source.encoding is not None and (source.encoding.label != "UTF-8" or table.separator != ","):
        separator = SEPARATORS.get(table.separator, Words.same(table.separator))
        notes.append(NOTES["text"].fill(encoding=source.encoding.label, separator=separator))
    if table.names_line > 1:
        notes.append(NOTES["head"].fill(line=table.names_line, count=table.names_line - 1))
    return [Note(NoteKind.READ, words) for words in notes]


def _order(path: Path, settings: ReadSettings, style: Style, body: Body, notes: list[Note]) -> _Frame:
    times, values, lines = body.times_s, list(body.columns), body.lines
    if order.is_reversed(times):
        times, values, lines = times[::-1], [column[::-1] for column in values], lines[::-1]
        notes.append(Note(NoteKind.READ, NOTES["reversed"]))
    local, ends_day = times, False
    if not style.has_zone and style.form not in NUMBERS - {Form.EXCEL}:
        local, moved = order.mend_midnights(times)
        ends_day = moved > 0
        if moved:
            notes.append(Note(NoteKind.ASSUMED, NOTES["midnight"].fill(count=moved)))
        if not settings.zone:
            notes.append(Note(NoteKind.ASSUMED, NOTES["zone"].fill(zone=settings.site_zone)))
        times = to_utc(local, settings.zone or settings.site_zone)
    keep = _arrange(path, times, lines, notes)
    first_local_s = float(local[keep][0])
    times = times[keep]
    step_s = order.usual_step_s(times)
    if not 0 < step_s < DT_S:
        return _Frame(times, [column[keep] for column in values], first_local_s, step_s, ends_day)
    notes.append(Note(NoteKind.READ, NOTES["thinned"].fill(step=step_s, slot=DT_S)))
    slots = np.floor(times / DT_S)
    last = np.flatnonzero(np.append(np.diff(slots) != 0, True))
    begin = np.concatenate(([0], last[:-1] + 1))
    values = [_latest(column[keep], begin, last) for column in values]
    return _Frame(times[last], values, first_local_s, step_s, ends_day)


def _finish(
    path: Path, settings: ReadSettings, columns: Columns, style: Style, frame: _Frame, notes: list[Note]
) -> Loads:
    times, step_s = frame.times_s, frame.step_s
    maker = PowerMaker(path, columns.used, settings, step_s)
    watts: dict[str, Floats] = {}
    channels: dict[str, dict[str, Floats]] = {}
    for one, column in maker.make(times, frame.values):
        if one.channel:
            channels.setdefault(one.line.id, {})[one.channel] = column
        else:
            watts[one.line.id] = column
    notes += maker.notes
    absent = tuple(line.id for line in columns.absent)
    watts |= {name: np.full(len(times), np.nan) for name in absent}
    is_end = frame.ends_day or (maker.interval and frame.first_local_s % DAY_S != 0)
    is_coarse = step_s > (MINUTE_S if maker.interval else COARSE_S)
    if is_coarse:
        times = _note_coarse(times, step_s, notes, is_end=is_end)
    elif maker.interval and is_end:
        times = times - step_s
    epoch = style.form in {Form.EPOCH_S, Form.EPOCH_MS}
    return Loads(times, watts, channels, epoch, tuple(notes), step_s if is_coarse else 0.0, absent)


def _note_coarse(times_s: Floats, step_s: float, notes: list[Note], *, is_end: bool) -> Floats:
    minutes = step_s / MINUTE_S
    side = NOTES["before" if is_end else "after"]
    notes.append(Note(NoteKind.ASSUMED, NOTES["mean"].fill(side=side, minutes=minutes)))
    notes.append(Note(NoteKind.UNSEEN, NOTES["coarse"].fill(minutes=minutes, twice=2 * minutes)))
    return times_s - step_s if is_end else times_s


def _arrange(path: Path, times_s: Floats, lines: Floats, notes: list[Note]) -> order.Flags:
    """Which rows count, with a note for those that do not."""
    try:
        found = order.arrange(times_s)
    except order.DisorderError as error:
        raise LoadsError([PROBLEMS["disorder"].fill(path=path, line=int(lines[error.row]))]) from error
    if found.back:
        values = {
            "line": int(lines[found.first_back]),
            "minutes": found.back_s / MINUTE_S,
            "count": found.back,
        }
        notes.append(Note(NoteKind.ASSUMED, NOTES["back"].fill(**values)))
    if found.doubled > SHARED_MIN * len(times_s):
        count = round(len(times_s) / int(found.keep.sum()))
        notes.append(Note(NoteKind.ASSUMED, NOTES["minutes"].fill(count=count)))
    elif found.doubled:
        notes.append(Note(NoteKind.LEFT_OUT, NOTES["doubled"].fill(count=found.doubled)))
    return found.keep


def _latest(column: Floats, begin: np.ndarray, last: np.ndarray) -> Floats:
    """The latest number of each slot, NaN where it has none."""
    places = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(len(column)), -1))[last]
    return np.where(places >= begin, column[np.maximum(places, 0)], np.nan)
