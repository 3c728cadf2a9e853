"""Recorded loads of lines from a CSV file; every mistake is named with its row.

The file has a column `time` (ISO 8601 with zone, or epoch seconds) and one column a line id with
active power in W; an empty cell is a missing sample. Optional columns of a line are `ID.pf` (power
factor), `ID.i` (current in A, the mean of the phases) and `ID.u` (voltage in V, the mean of the
phases). Times rise strictly. Row 1 is the header.
"""

import csv
import math
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen

from agent.detect.learning.backtest import Recording
from provisioning.learning.loads_rows import MISTAKES_MAX, UNITS, Exact, Floats, Layout, Part, Row, read_bulk

ROWS_MAX: Final = 4_000_000
"""More than a year at 10 s."""
CHUNK_ROWS: Final = 20_000
"""Rows read at once: enough for the bulk reader to pay off, few enough to keep little text in memory."""
NAMES_SHOWN: Final = 12
CHANNELS: Final = {"pf": "pf", "i": "current_a", "u": "voltage_v"}
"""The other columns of a line, and what the detector calls them."""
TIME: Final = "time"


class LoadsError(Exception):
    """The file is wrong; `problems` has one line per mistake."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@frozen
class Loads:
    """What was recorded.

    Attributes:
        times_s: Epoch seconds, shape (n,).
        watts: By line id, shape (n,) each; NaN where nothing was recorded.
        channels: The same for the other columns: by line id, and then by `pf`, `i` or `u`.
        epoch: The file's own times are epoch seconds, not ISO 8601.
    """

    times_s: Floats
    watts: dict[str, Floats]
    channels: dict[str, dict[str, Floats]] = field(factory=dict)
    epoch: bool = True

    def to_recording(self) -> Recording:
        """The same with the detector's names of the channels."""
        evidence = {
            line: {CHANNELS[name]: column for name, column in channels.items()}
            for line, channels in self.channels.items()
        }
        return Recording(self.times_s, self.watts, evidence)


def read_loads(path: Path, lines: Collection[str], others: Collection[str] = ()) -> Loads:
    """The loads of `lines` in the file at `path`; columns of the `others` may be there.

    Raises:
        LoadsError: With the row of every mistake (at most MISTAKES_MAX).
        OSError: It cannot be read.
    """
    # Bytes that are not UTF-8 stay in their cell, which then is reported, with its row, as not a number.
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
        reader = csv.reader(stream)
        try:
            header = [name.strip() for name in next(reader, [])]
            problems = _check_header(header, lines, others)
            if problems:
                raise LoadsError(f"{path}: row 1: {problem}" for problem in problems)
            return _read_body(path, reader, Layout(tuple(header), header.index(TIME)))
        except csv.Error as error:
            raise LoadsError([f"{path}: row {reader.line_num}: {error}"]) from error


def _check_header(header: list[str], lines: Collection[str], others: Collection[str]) -> list[str]:
    known = {*lines, *others}
    if TIME not in header:
        return [f"no column 'time'; found: {_list_names(header)}"]
    columns = set(header) - {TIME}
    if not known & columns:
        return [
            f"no column is a line of the site; columns: {_list_names(columns)}; lines: {_list_names(known)}"
        ]
    wanted = sorted(set(lines) - columns)
    problems = [f"no column for line {name!r}" for name in wanted]
    for name in sorted(columns - known):
        line, _, channel = name.partition(".")
        if line not in known or not channel or channel not in UNITS:
            problems.append(f"column {name!r} is no line of the site; known: {_list_names(known)}")
        elif line not in columns:
            problems.append(f"column {name!r} without a column {line!r}")
    return [*problems, "a column is named twice"] if len(set(header)) != len(header) else problems


def _list_names(names: Iterable[str]) -> str:
    ordered = [ascii(name) for name in sorted(names)]
    more = [f"and {len(ordered) - NAMES_SHOWN} more"] if len(ordered) > NAMES_SHOWN else []
    return ", ".join([*ordered[:NAMES_SHOWN], *more]) or "nothing"


def _read_body(path: Path, rows: Iterator[Row], layout: Layout) -> Loads:
    exact = Exact(layout)
    parts: list[Part] = []
    last_s, epoch = -math.inf, True
    numbered = ((number, row) for number, row in enumerate(rows, 2) if row)
    while chunk := list(islice(numbered, CHUNK_ROWS)):
        if chunk[-1][0] > ROWS_MAX:
            raise LoadsError([f"{path}: more than {ROWS_MAX} rows"])
        if not parts:
            epoch = _is_number(chunk[0][1], layout.time)
        part = read_bulk([row for _, row in chunk], layout, last_s)
        if part is None:
            part = exact.read(iter(chunk), last_s)
        if exact.problems:
            # All mistakes of the file are wanted, beyond this chunk too.
            if len(exact.problems) < MISTAKES_MAX:
                exact.read(islice(numbered, ROWS_MAX), exact.last_s)
            raise LoadsError(f"{path}: {problem}" for problem in exact.problems)
        last_s = float(part.times_s[-1])
        parts.append(part)
    if not parts:
        raise LoadsError([f"{path}: row 2: no rows"])
    return _join_parts(parts, layout, epoch=epoch)


def _is_number(row: Row, at: int) -> bool:
    try:
        float(row[at])
    except (ValueError, IndexError):
        return False
    return True


def _join_parts(parts: list[Part], layout: Layout, *, epoch: bool) -> Loads:
    names = [name for name in layout.names if name != TIME]
    columns = [np.concatenate(pieces) for pieces in zip(*(part.columns for part in parts), strict=True)]
    loads = Loads(np.concatenate([part.times_s for part in parts]), {}, epoch=epoch)
    for name, column in zip(names, columns, strict=True):
        line, _, channel = name.partition(".")
        if channel:
            loads.channels.setdefault(line, {})[channel] = column
        else:
            loads.watts[line] = column
    return loads
