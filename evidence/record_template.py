"""Recognises a reading that differs from one known to be good only where any value is good. Pure.

A meter's readings are alike: only the times, the words and the latency change. Checking each by decoding and
encoding it again takes ten times as long as comparing it with one that was checked, and a chain has millions.
What is recognised here is a record for `evidence.record.decode_record` too (a property test holds that), of
the same meter and model as the one that it is alike; what is not recognised may be one all the same.
"""

from collections.abc import Callable
from operator import le
from struct import Struct
from typing import Any, Final

from attrs import define, field, frozen

from evidence.cbor import UINT64_MAX
from evidence.record import LATENCY_US_MAX

TEMPLATES_MAX: Final = 4_096
"""Kept at once: 400 meters of three poll groups, some with two lengths of a number; 4 MB."""
ALIKE_MAX: Final = 16
"""Kept of one length and one beginning, the newest first: to compare with more takes longer than to decode,
and a gateway's owner may sign as many as he likes."""
_LEAST: Final = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}
"""The smallest number that needs an argument of so many bytes: a smaller one has a shorter form."""
_FORMAT: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}


@frozen(eq=False)
class Template:
    """A good reading: the bytes that stay, and the numbers that may change, with the least and greatest.

    Attributes:
        meter, model: As in ReadingRecord.
    """

    meter: str
    model: bytes
    _fixed: tuple[bytes, ...]
    _fixed_in: Callable[[bytes], tuple[Any, ...]]
    _numbers_in: Callable[[bytes], tuple[Any, ...]]
    _least: tuple[int, ...]
    _most: tuple[int, ...]

    def fits(self, raw: bytes) -> bool:
        """Whether `raw`, which has the same length, is alike."""
        if self._fixed_in(raw) != self._fixed:
            return False
        numbers = self._numbers_in(raw)
        return all(map(le, self._least, numbers)) and all(map(le, numbers, self._most))


@define(eq=False, repr=False)
class Templates:
    """Readings that are known to be good, by their length and the bytes in which the meter's name begins."""

    _known: dict[tuple[int, bytes], list[Template]] = field(factory=dict)
    _count: int = 0

    def find(self, raw: bytes) -> Template | None:
        """The template that `raw` fits, which then certainly is a good reading."""
        for one in self._known.get(_key_of(raw), ()):
            if one.fits(raw):
                return one
        return None

    def learn(self, raw: bytes) -> None:
        """Keep a reading that `decode_record` has taken."""
        if self._count >= TEMPLATES_MAX:
            self._known.clear()
            self._count = 0
        alike = self._known.setdefault(_key_of(raw), [])
        alike.insert(0, _make(raw))
        self._count += 1 - len(alike[ALIKE_MAX:])
        del alike[ALIKE_MAX:]


def _key_of(raw: bytes) -> tuple[int, bytes]:
    """What sorts readings: behind the two times, of which the second has four bytes or eight."""
    begin = 17 if raw[11:12] == b"\x1a" else 21
    return len(raw), raw[begin : begin + 16]


def _make(raw: bytes) -> Template:
    """The template of a good reading, in the order of its items."""
    at = 2  # behind the heads of array and kind
    free: list[tuple[int, int]] = []
    numbers: list[tuple[int, int, int, int]] = []
    for most in (UINT64_MAX, UINT64_MAX):  # utc_ms, boottime_ms
        at = _note_number(raw, at, most, free, numbers)
    meter, at = _string(raw, at + 1)  # behind the clock
    model, at = _string(raw, at + 1)  # behind the group
    blocks, at = _argument(raw, at)
    for _ in range(blocks):
        _, at = _argument(raw, at + 1)  # array of three, function
        _, at = _argument(raw, at)  # address
        size, at = _argument(raw, at)
        free.append((at, at + size))
        at += size
    _, at = _string(raw, at + 1)  # quality, reason
    _note_number(raw, at, LATENCY_US_MAX, free, numbers)
    begins = [0, *(end for _, end in free)]
    ends = [*(begin for begin, _ in free), len(raw)]
    fixed_in = Struct(_lay_out([(a, b, f"{b - a}s") for a, b in zip(begins, ends, strict=True)], len(raw)))
    numbers_in = Struct(_lay_out([(a, b, _FORMAT[b - a]) for a, b, _, _ in numbers], len(raw)))
    return Template(
        meter.decode(),
        model,
        fixed_in.unpack(raw),
        fixed_in.unpack,
        numbers_in.unpack,
        tuple(least for _, _, least, _ in numbers),
        tuple(most for _, _, _, most in numbers),
    )


def _lay_out(pieces: list[tuple[int, int, str]], length: int) -> str:
    """The format of `struct` for pieces (first, end, format) of `length` bytes; others are passed over."""
    text, at = ">", 0
    for begin, end, form in pieces:
        text, at = f"{text}{begin - at}x{form}", end
    return f"{text}{length - at}x"


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


def _string(raw: bytes, at: int) -> tuple[bytes, int]:
    """The string at `at`, and its end."""
    size, begin = _argument(raw, at)
    return raw[begin : begin + size], begin + size


def _argument(raw: bytes, at: int) -> tuple[int, int]:
    """The argument of the head at `at`, and where the head ends."""
    low = raw[at] & 31
    if low < 24:
        return low, at + 1
    size = 1 << (low - 24)
    return int.from_bytes(raw[at + 1 : at + 1 + size]), at + 1 + size
