"""Which bodies of one gateway the centre holds: all up to m, and ranges beyond. Pure.

The centre keeps such a set of what it has, the gateway one of what receipts have reported. Numbers are only
added. A body that the gateway declared lost, in a sealed record, counts as held: it is not awaited.
Stored as one CBOR array [m, [[a, b], ...]], ascending, never touching.

There are at most HELD_RANGES_MAX ranges. A number that would begin one more is not taken (`has_room`): its
body is awaited still, and comes again when holes were filled. So what `to_cbor` writes can always be read.
"""

from bisect import bisect_left
from typing import Final

from attrs import define, field

from evidence import cbor
from evidence.seal import FIRST_NUMBER, NUMBER_MAX

HELD_RANGES_MAX: Final = 4_096
"""Holes in one gateway's bodies. Old bodies come in their order and new ones at the end, so an honest gateway
has as many holes as messages were lost on the way; a set of so many is encoded in 2 ms."""
_STORED_BYTES_MAX: Final = 16 * 1024 * 1024
"""Longest set that is read: an older program wrote more ranges than it could read again."""


@define(repr=False)
class Held:
    """A set of seal numbers, in most cases one run from 1."""

    up_to: int = 0
    _ranges: list[tuple[int, int]] = field(factory=list)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The runs beyond `up_to`."""
        return tuple(self._ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._ranges, (number + 1,))
        return number <= self.up_to or (at > 0 and number <= self._ranges[at - 1][1])

    def add(self, first: int, last: int | None = None) -> bool:
        """Add `first` to `last`, or `first` alone; whether any of them was new and had room."""
        last = first if last is None else last
        if self.find_missing_from(first) > last or not self.has_room(first, last):
            return False
        begin = bisect_left(self._ranges, (first,))
        if begin and self._ranges[begin - 1][1] >= first - 1:
            begin -= 1
        end = bisect_left(self._ranges, (last + 2,))
        touched = self._ranges[begin:end]
        if touched:
            first, last = min(first, touched[0][0]), max(last, touched[-1][1])
        self._ranges[begin:end] = [(first, last)]
        if self._ranges[0][0] <= self.up_to + 1:
            self.up_to = self._ranges.pop(0)[1]
        return True

    def has_room(self, first: int, last: int) -> bool:
        """Whether `first` to `last` can be added: they touch what is there, or begin a range that fits."""
        if len(self._ranges) < HELD_RANGES_MAX or first <= self.up_to + 1:
            return True
        at = bisect_left(self._ranges, (first,))
        touches_before = at > 0 and self._ranges[at - 1][1] >= first - 1
        return touches_before or (at < len(self._ranges) and self._ranges[at][0] <= last + 1)

    def find_missing_from(self, number: int) -> int:
        """The smallest number from `number` on that is not held."""
        if number <= self.up_to:
            return self.up_to + 1
        at = bisect_left(self._ranges, (number + 1,)) - 1
        return max(number, self._ranges[at][1] + 1) if at >= 0 else number

    def list_missing(self, last: int) -> list[tuple[int, int]]:
        """First and last of each run of numbers up to `last` that are not held."""
        return self.list_missing_within(FIRST_NUMBER, last)

    def list_missing_within(self, first: int, last: int) -> list[tuple[int, int]]:
        """First and last of each run of numbers from `first` to `last` that are not held."""
        missing, number = [], self.find_missing_from(first)
        for begin, end in self._ranges[bisect_left(self._ranges, (number,)) :]:
            if begin > last:
                break
            missing.append((number, begin - 1))
            number = end + 1
        return [*missing, (number, last)] if number <= last else missing

    def to_cbor(self) -> bytes:
        """The set as bytes."""
        return cbor.encode([self.up_to, [list(span) for span in self._ranges]])

    @classmethod
    def from_cbor(cls, raw: bytes) -> "Held":
        """The set in `raw`, without ranges beyond HELD_RANGES_MAX; raises FormatError."""
        up_to, spans = cbor.array(cbor.decode(raw, _STORED_BYTES_MAX), "held", 2)
        held = cls(cbor.natural(up_to, "up_to", NUMBER_MAX))
        if type(spans) is not list:
            raise cbor.FormatError("held ranges are no array")
        for span in spans[:HELD_RANGES_MAX]:
            first = cbor.natural(cbor.array(span, "range", 2)[0], "range", NUMBER_MAX, held._end() + 2)
            held._ranges.append((first, cbor.natural(span[1], "range", NUMBER_MAX, first)))
        return held

    def _end(self) -> int:
        return self._ranges[-1][1] if self._ranges else self.up_to
