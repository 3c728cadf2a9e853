"""The order of times: what a recorder's clock did to them, and which rows count.

Three things are mended, in this order, and everything else is refused by `reader`:

- a table with the newest row first is turned round;
- with a quarter of an hour or the like between rows, a midnight that carries the date of the day that it ends
  (`01/01 23:45`, `01/01 00:00`, `02/01 00:15`) is moved to the next day;
- where times go back, the fewer rows are left out: the stray ones before, or those behind until the time is
  passed again (the second hour of a clock set back). Of rows with one time the last counts.
"""

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DAY_S: Final = 86_400
COARSE_S: Final = 60
"""From here on a row can be a whole interval, whose last one of a day ends at midnight."""
BACK_MAX: Final = 0.1
"""Share of rows that may be left out because times go back; beyond it the table is in no order."""
STEPS_BACK_MAX: Final = 200
"""A clock that was set back more often is no clock."""


class DisorderError(ValueError):
    """The times are in no order; `row` is the first that goes back."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(row)


@frozen
class Order:
    """Which rows count.

    Attributes:
        keep: For each row.
        doubled: Rows with the time of a later one.
        back: Rows left out because times went back, and the first of them.
        first_back: -1 if there is none.
        back_s: How far the clock went back there.
    """

    keep: Flags
    doubled: int = 0
    back: int = 0
    first_back: int = -1
    back_s: float = 0.0


def is_reversed(times_s: Floats) -> bool:
    """Whether the newest row is first."""
    steps = np.diff(times_s)
    return len(steps) > 1 and bool((steps <= 0).all()) and bool((steps < 0).any())


def usual_step_s(times_s: Floats) -> float:
    """The median distance of rows in time; 0 for fewer than two."""
    steps = np.diff(times_s)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0


def mend_midnights(local_s: Floats) -> tuple[Floats, int]:
    """The times with every midnight on the day that begins with it, and how many were moved."""
    step_s = usual_step_s(local_s)
    if step_s < COARSE_S or len(local_s) < 2:
        return local_s, 0
    before = np.concatenate(([-np.inf], local_s[:-1]))
    after = np.concatenate((local_s[1:], [np.inf]))
    is_midnight = local_s % DAY_S == 0
    moved = local_s + DAY_S
    wrong = (
        is_midnight & (local_s < before) & (moved > before) & (moved - before <= DAY_S / 2) & (after > moved)
    )
    return np.where(wrong, moved, local_s), int(wrong.sum())


def arrange(times_s: Floats) -> Order:
    """Which rows count, so that times rise.

    Raises:
        DisorderError: More rows than BACK_MAX would be left out.
    """
    count = len(times_s)
    keep = np.ones(count, np.bool_)
    first_back, back_s = -1, 0.0
    for _ in range(STEPS_BACK_MAX):
        kept = np.flatnonzero(keep)
        steps = np.diff(times_s[kept])
        falls = np.flatnonzero(steps < 0)
        if not len(falls):
            break
        at = int(falls[0])
        if first_back < 0:
            first_back, back_s = int(kept[at + 1]), -float(steps[at])
        keep[kept[_find_fewer(times_s[kept], at)]] = False
    else:
        raise DisorderError(first_back)
    back = count - int(keep.sum())
    if back > max(BACK_MAX * count, 1):
        raise DisorderError(first_back)
    kept = np.flatnonzero(keep)
    same = kept[:-1][np.diff(times_s[kept]) == 0]
    keep[same] = False
    return Order(keep, len(same), back, first_back, back_s)


def _find_fewer(times_s: Floats, at: int) -> slice:
    """Around a fall behind row `at`: the rows before that are too late, or those behind too early."""
    behind = at + 1
    low, high = times_s[behind], times_s[at]
    before = times_s[:behind] >= low
    first = behind - int(np.argmin(before[::-1])) if not before.all() else 0
    later = times_s[behind:] <= high
    end = behind + int(np.argmin(later)) if not later.all() else len(times_s)
    return slice(first, behind) if behind - first < end - behind else slice(behind, end)
