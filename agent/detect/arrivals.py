"""Samples that wait until their slot is closed.

One row per slot, with a place for each line: the lines of a site are read together, so a slot is opened and
closed once for all of them. Of several samples of a line in one slot the latest counts, of two with the same
time the greater, so the order of arrival makes no difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agent.detect.channels import Sample, channels_of, unpack_channels

PENDING_MAX: Final = 64
"""Slots that may wait; enough for any burst between two calls of `advance` on a live gateway."""

Row = list[Sample | None]


class Arrivals:
    """The waiting rows of a site.

    Attributes:
        places: Index of each line in a row.
        rows: By slot.
        empty: The row of a slot without samples; never write to it.
    """

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.rows: dict[int, Row] = {}
        self.empty: Row = []

    def adopt(self, lines: Iterable[str]) -> None:
        """Give each of these lines a place; the lines of a site never change while it runs."""
        self.places.update((name, place) for place, name in enumerate(lines))
        self.empty = [None] * len(self.places)

    def open(self, slot: int) -> Row:
        """A new row; beyond PENDING_MAX the latest row is dropped, even if it is this one."""
        row = self.rows[slot] = self.empty.copy()
        if len(self.rows) > PENDING_MAX:
            del self.rows[max(self.rows)]
        return row

    def add(self, slot: int, place: int, sample: Sample) -> None:
        """Keep `sample` if it is the first of its line and slot, or outranks the one that waits."""
        row = self.rows.get(slot) or self.open(slot)
        waiting = row[place]
        if waiting is None or _rank(sample) > _rank(waiting):
            row[place] = sample

    def earliest(self, end: int) -> int:
        """The first slot before `end` that has a sample, or `end`."""
        return min((slot for slot in self.rows if slot < end), default=end)

    def drop_before(self, slot: int) -> None:
        """Drop the samples of slots before `slot`."""
        for old in [old for old in self.rows if old < slot]:
            del self.rows[old]

    def state(self) -> dict[str, list[list[Any]]]:
        """Everything that `restore` needs: by line its slots, times, powers and channels."""
        return {
            name: [
                [slot, *_rank(sample)]
                for slot, row in sorted(self.rows.items())
                if (sample := row[place]) is not None
            ]
            for name, place in self.places.items()
        }

    def restore(self, state: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        """Continue from `state`."""
        self.rows.clear()
        for name, place in self.places.items():
            for slot, t_s, watts, other in state.get(name, ()):
                row = self.rows.setdefault(slot, self.empty.copy())
                row[place] = (t_s, watts, *unpack_channels(tuple(other)))


def _rank(sample: Sample) -> tuple[Any, ...]:
    t_s, watts, *_ = sample
    return t_s, watts, channels_of(sample)
