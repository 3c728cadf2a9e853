"""Recognises a reading that differs from one known to be good only where any value is good. Pure.

A meter's readings are alike: only the times, the words and the latency change. Checking each by decoding and
encoding it again takes 28 µs, comparing it with one that was checked 3 µs, and a chain has millions.
What is recognised here is a record for `evidence.record.decode_record` too (a property test holds that); what
is not may be one.
"""

from typing import Final

from attrs import define, field, frozen

from evidence.cbor import UINT64_MAX
from evidence.record import LATENCY_US_MAX

TEMPLATES_MAX: Final = 4_096
"""Kept at once: 400 meters of three poll groups, some with two lengths of a number; 2 MB."""
_LEAST: Final = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}
"""The smallest number that needs an argument of so many bytes: a smaller one has a shorter form."""


@frozen
class _Template:
    """The bytes that stay, by their place, and the numbers that may change, by place, least and greatest."""

    fixed: tuple[tuple[int, int, bytes], ...]
    numbers: tuple[tuple[int, int, int, int], ...]

    def fits(self, raw: bytes) -> bool:
        return all(raw[begin:end] == known for begin, end, known in self.fixed) and all(
            least <= int.from_bytes(raw[begin:end]) <= most for begin, end, least, most in self.numbers
        )


@define(eq=False, repr=False)
class Templates:
    """Readings that are known to be good, by their length and the bytes in which the meter's name begins."""

    _known: dict[tuple[int, bytes], list[_Template]] = field(factory=dict)
    _count: int = 0

    def knows(self, raw: bytes) -> bool:
        """Whether `raw` is certainly a good reading."""
        return any(one.fits(raw) for one in self._known.get(_key_of(raw), ()))

    def learn(self, raw: bytes) -> None:
        """Keep a reading that `decode_record` has taken."""
        if self._count >= TEMPLATES_MAX:
            self._known.clear()
            self._count = 0
        self._known.setdefault(_key_of(raw), []).insert(0, _make(raw))
        self._count += 1


def _key_of(raw: bytes) -> tuple[int, bytes]:
    """What sorts readings: behind the two times, of which the second has four bytes or eight."""
    begin = 17 if raw[11:12] == b"\x1a" else 21
    return len(raw), raw[begin : begin + 16]


def _make(raw: bytes) -> _Template:
    """The template of a good reading, in the order of its items."""
    at = 2  # behind the heads of array and kind
    free: list[tuple[int, int]] = []
    numbers: list[tuple[int, int, int, int]] = []
    for most in (UINT64_MAX, UINT64_MAX):  # utc_ms, boottime_ms
        at = _note_number(raw, at, most, free, numbers)
    at = _skip(raw, at + 1)  # clock, meter
    at = _skip(raw, at + 1)  # group, model
    blocks, at = _argument(raw, at)
    for _ in range(blocks):
        _, at = _argument(raw, at + 1)  # array of three, function
        _, at = _argument(raw, at)  # address
        size, at = _argument(raw, at)
        free.append((at, at + size))
        at += size
    at = _skip(raw, at + 1)  # quality, reason
    _note_number(raw, at, LATENCY_US_MAX, free, numbers)
    begins = [0, *(end for _, end in free)]
    ends = [*(begin for begin, _ in free), len(raw)]
    fixed = tuple((a, b, raw[a:b]) for a, b in zip(begins, ends, strict=True) if b > a)
    return _Template(fixed, tuple(numbers))


def _note_number(
    raw: bytes, at: int, most: int, free: list[tuple[int, int]], numbers: list[tuple[int, int, int, int]]
) -> int:
    """Where the number at `at` ends; its argument may change, the size of it may not."""
    _, end = _argument(raw, at)
    size = end - at - 1
    if size:
        free.append((at + 1, end))
        numbers.append((at + 1, end, _LEAST[size], min(most, (1 << 8 * size) - 1)))
    return end


def _skip(raw: bytes, at: int) -> int:
    """The end of the string at `at`."""
    size, begin = _argument(raw, at)
    return begin + size


def _argument(raw: bytes, at: int) -> tuple[int, int]:
    """The argument of the head at `at`, and where the head ends."""
    low = raw[at] & 31
    if low < 24:
        return low, at + 1
    size = 1 << (low - 24)
    return int.from_bytes(raw[at + 1 : at + 1 + size]), at + 1 + size
