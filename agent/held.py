"""Which bodies the centre holds, as its receipts told: a sorted list of closed ranges of seal numbers.

A receipt proves holding and nothing ever disproves it, so ranges are only added and merged.
"""

from bisect import bisect_right

from attrs import define, field


@define
class Held:
    """Closed ranges of seal numbers, disjoint, sorted, with a gap of at least one between two."""

    _ranges: list[tuple[int, int]] = field(factory=list)

    def add(self, first: int, last: int) -> bool:
        """Add every number from `first` to `last`; whether one of them was new."""
        if last < first or self.end_of(first) >= last:
            return False
        merged: list[tuple[int, int]] = []
        for low, high in self._ranges:
            if high < first - 1 or low > last + 1:
                merged.append((low, high))
            else:
                first, last = min(first, low), max(last, high)
        self._ranges = sorted([*merged, (first, last)])
        return True

    def end_of(self, number: int) -> int:
        """Last number of the range that holds `number`, or `number - 1` where none does."""
        at = bisect_right(self._ranges, number, key=lambda ends: ends[0]) - 1
        if at >= 0 and self._ranges[at][1] >= number:
            return self._ranges[at][1]
        return number - 1

    def next_missing(self, number: int) -> int:
        """Smallest number from `number` on that is not held."""
        return self.end_of(number) + 1

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The ranges, lowest first."""
        return tuple(self._ranges)
