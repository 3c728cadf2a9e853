"""Recorded loads of lines from a CSV file; every mistake is named with its row.

The file has a column `time` (ISO 8601 with zone, or epoch seconds) and one column a line id with
active power in W; an empty cell is a missing sample. Times rise strictly.
"""

import csv
import math
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

ROWS_MAX: Final = 4_000_000
"""More than a year at 10 s."""
MISTAKES_MAX: Final = 20
"""Shown at once; a file with more is wrong as a whole."""

Floats = NDArray[np.float64]


class LoadsError(Exception):
    """The file is wrong; `problems` has one line a mistake."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@frozen
class Loads:
    """What was recorded.

    Attributes:
        times_s: Epoch seconds, shape (n,).
        watts: By line id, shape (n,) each; NaN where nothing was recorded.
    """

    times_s: Floats
    watts: dict[str, Floats]


def read_loads(path: Path, lines: Collection[str]) -> Loads:
    """The loads of `lines` in the file at `path`.

    Raises:
        LoadsError: With the row of every mistake (at most MISTAKES_MAX).
        OSError: It cannot be read.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        header = [name.strip() for name in next(rows, [])]
        problems = _header_problems(header, lines)
        if problems:
            raise LoadsError(f"{path}: {problem}" for problem in problems)
        return _body(path, rows, header)


def _header_problems(header: list[str], lines: Collection[str]) -> list[str]:
    if "time" not in header:
        return [f"row 1: no column 'time'; found: {', '.join(header) or 'nothing'}"]
    wanted = sorted(set(lines) - set(header))
    unknown = sorted(set(header) - set(lines) - {"time"})
    problems = [f"row 1: no column for line {name!r}" for name in wanted]
    problems += [
        f"row 1: column {name!r} is no line of the site; known: {', '.join(sorted(lines))}"
        for name in unknown
    ]
    problems += ["row 1: a column is named twice"] if len(set(header)) != len(header) else []
    return problems


def _body(path: Path, rows: Iterable[list[str]], header: list[str]) -> Loads:
    problems: list[str] = []
    times: list[float] = []
    values: list[list[float]] = []
    at = header.index("time")
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        try:
            if len(row) != len(header):
                raise ValueError(f"{len(row)} cells, but {len(header)} columns")  # noqa: TRY301 told with its row below
            moment = _moment(row[at])
            if times and moment <= times[-1]:
                raise ValueError(f"time {row[at]} is not after the row before")  # noqa: TRY301 told with its row below
            values.append(
                [_watts(cell, name) for cell, name in zip(row, header, strict=True) if name != "time"]
            )
            times.append(moment)
        except ValueError as error:
            problems.append(f"{path}: row {number}: {error}")
            if len(problems) >= MISTAKES_MAX:
                break
        if number > ROWS_MAX:
            problems.append(f"{path}: more than {ROWS_MAX} rows")
            break
    if not times and not problems:
        problems.append(f"{path}: no rows")
    if problems:
        raise LoadsError(problems)
    table = np.array(values, dtype=np.float64)
    names = [name for name in header if name != "time"]
    return Loads(np.array(times), {name: table[:, column] for column, name in enumerate(names)})


def _moment(cell: str) -> float:
    text = cell.strip()
    try:
        return _finite(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is neither ISO 8601 nor epoch seconds") from None
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone; write +08:00 behind it")
    return moment.timestamp()


def _watts(cell: str, name: str) -> float:
    text = cell.strip()
    if not text:
        return math.nan
    try:
        return _finite(float(text))
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no number of watts") from None


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value
