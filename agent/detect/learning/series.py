"""Recorded samples on the detector's slots, as numpy arrays.

A series is a pair of arrays (UTC seconds, watts) of one length; NaN is a missing sample. On the grid every
slot has the latest sample that fell into it, as in `detector`, rounded to whole watts, or NaN.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

from agent.detect.line import POWER_MAX_W

Floats = NDArray[np.float64]
Series = tuple[ArrayLike, ArrayLike]

SLOTS_MAX: Final = 10_000_000
"""Three years of 10 s slots; a longer span comes from a wrong time stamp."""


@frozen
class Grid:
    """Samples of several lines on the same slots.

    Attributes:
        dt_s: Length of a slot.
        first: Number of the first slot.
        watts: For each line its power by slot, NaN where missing.
    """

    dt_s: int
    first: int
    watts: dict[str, Floats]

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(next(iter(self.watts.values())))

    def total(self, lines: Sequence[str], hold: int) -> Floats:
        """Sum of these lines, each held for `hold` slots; NaN where one is missing for longer."""
        total: Floats = np.sum([hold_last(self.watts[line], hold) for line in lines], axis=0)
        return total

    def at_s(self, slot: float) -> int:
        """UTC seconds at the start of the slot with this index."""
        return int((self.first + slot) * self.dt_s)


def to_grid(series: Mapping[str, Series], dt_s: int) -> Grid:
    """All series on one grid.

    Raises:
        ValueError: No finite sample at all, or times that span more than SLOTS_MAX.
    """
    parts = {name: _clean(one, dt_s) for name, one in series.items()}
    filled = [slots for slots, _ in parts.values() if len(slots)]
    if not filled:
        raise ValueError("no line has a sample")
    first, last = min(int(slots.min()) for slots in filled), max(int(slots.max()) for slots in filled)
    if last - first >= SLOTS_MAX:
        raise ValueError(f"the samples span {last - first} slots, more than {SLOTS_MAX}")
    watts = {}
    for name, (slots, values) in parts.items():
        row = np.full(last - first + 1, np.nan)
        row[slots - first] = values
        watts[name] = row
    return Grid(dt_s, first, watts)


def _clean(series: Series, dt_s: int) -> tuple[NDArray[np.int64], Floats]:
    times, watts = np.asarray(series[0], np.float64), np.asarray(series[1], np.float64)
    if times.shape != watts.shape:
        raise ValueError(f"{times.shape} times do not belong to {watts.shape} powers")
    good = np.isfinite(times) & (np.abs(np.nan_to_num(watts, nan=np.inf)) <= POWER_MAX_W)
    times, watts = times[good], watts[good]
    order = np.argsort(times, kind="stable")
    slots = np.floor(times[order] / dt_s).astype(np.int64)
    return slots, np.rint(watts[order])


def hold_last(values: Floats, slots: int) -> Floats:
    """The values, with holes of up to `slots` filled by the value before."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    usable = (last >= 0) & (np.arange(len(values)) - last <= slots)
    return np.where(usable, values[np.maximum(last, 0)], np.nan)


def find_runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
