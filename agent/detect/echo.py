"""Whether the noise of a load follows, reading by reading, that of its own past: a recording drives it.

The noise of a real load never comes twice. A heater that is driven by a recording of the fan has the fan's
noise, though it adds a wander of its own, so that no reading is the same and `repetition` sees nothing. What
is kept of a load is therefore one sign a reading: whether it lies above or below the line between the one
before and the one after it. That leaves out slow changes, and with them what a process does by its programme.

Once in BLOCK slots the signs of the last BLOCK are searched in the HISTORY before: PROBES stretches of PROBE
signs each give the distances in time at which they stood before, and at such a distance the whole block is
compared. Of n known pairs of signs a half is the same by chance, with a deviation of √n / 2; signs of
neighbours depend on each other, which widens it by a fifth. SURE deviations are thus more than eight, and no
load has so many distances. Measured: at most 6.5 over 110 honest plants, 14 to 18 of recordings.

An echo is told once it has lasted for ECHOES blocks at one distance. A machine that repeats itself honestly
has a period: its block is alike to itself at some distance within half of it, or it has always been so.
Neither is told, so nothing is before QUIET blocks without an echo. Meters of steps have hardly any signs and
are not judged.
"""

import zlib
from array import array
from collections.abc import Iterator
from itertools import islice
from math import sqrt
from typing import Any, Final

from agent.detect.signs import DOWN, UNKNOWN, UP, code_signs, count_alike, find_stretch

BLOCK: Final = 360
"""An hour of 10 s."""
STEP: Final = BLOCK // 6
"""Readings are made signs so often, and few of them are state."""
HISTORY: Final = 20 * BLOCK
"""Twenty hours of 10 s, two days and a half of 30 s: 0.9 kB of state."""
KNOWN_LEAST: Final = BLOCK // 2
PROBES, PROBE = 8, 16
"""Of a recording with a wander of its own 95 signs in 100 are the same, so nearly half of the probes stood
before as a whole; by chance one in eight did."""
FINDS_MAX: Final = 4
SURE: Final = 10.0
ECHOES: Final = 2
QUIET: Final = 16
"""What repeats itself in shifts or cycles has done so before."""
PERIODS: Final = range(3, BLOCK // 2)
"""The signs of direct neighbours depend on each other in any noise."""
PERIODIC: Final = 6.0
_NONE: Final = -1
"""No power of a running load."""


class Echo:
    """The signs of one line; `note` is called for the readings of a running load, in order.

    Attributes:
        due: The slot from which on the next reading has to be preceded by `close`.
        back: How many slots before the echo it was heard first; 0 without one.
        since: The slot in which the echo began.
        until: The slot after its last block.
        count: Blocks of the echo.
        pairs: Signs that were compared in it.
        alike: How many of them were the same.
    """

    __slots__ = (
        "_begin", "_quiet", "_signs", "alike", "back", "count", "due", "pairs", "readings", "since", "until",
    )  # fmt: skip

    def __init__(self, slot: int) -> None:
        self._begin = slot - slot % BLOCK
        self.due = self._begin + STEP
        self.readings: dict[int, int] = {}
        self._signs = bytearray()
        self._quiet = self.back = self.since = self.until = self.count = self.pairs = self.alike = 0

    @property
    def echoes(self) -> bool:
        """Whether a recording is played."""
        return self.count >= ECHOES

    def close(self, slot: int) -> None:
        """Take the readings before `due`, judge a block that is over, and go on with `slot`."""
        self._signs.extend(self._find_signs())
        self._begin = self.due
        if self._begin % BLOCK == 0:
            self._judge()
        rested = (slot - self._begin) // STEP * STEP
        self._signs += bytes([UNKNOWN]) * min(rested, HISTORY + BLOCK)
        del self._signs[: -HISTORY - BLOCK]
        self._begin += rested
        self.due = self._begin + STEP
        before = self.readings
        self.readings = {at: before[at] for at in (self._begin - 2, self._begin - 1) if at in before}

    def _find_signs(self) -> list[int]:
        """The signs of STEP readings, the last of which is the last but one that is known."""
        get = self.readings.get
        row = [get(slot) for slot in range(self._begin - 2, self._begin + STEP)]
        return [
            UNKNOWN
            if before is None or now is None or after is None or now + now == before + after
            else UP
            if now + now > before + after
            else DOWN
            for before, now, after in zip(row, row[1:], row[2:])  # noqa: B905  three neighbours
        ]

    def _judge(self) -> None:
        block = bytes(self._signs[-BLOCK:])
        if BLOCK - block.count(UNKNOWN) < KNOWN_LEAST:
            return  # too little of it is known, or it rested
        if self.back and self._is_alike(block, self.back):
            self._go_on(block)
        else:
            self._end()
            back = next((back for back in self._find_backs(block) if self._is_alike(block, back)), 0)
            if not back:
                self._quiet += 1
            elif self._quiet < QUIET or _is_periodic(block):
                self._quiet = 0
            else:
                self.back, self.since = back, self._begin - BLOCK
                self._go_on(block)

    def _go_on(self, block: bytes) -> None:
        pairs, alike = count_alike(block, self._take_past(self.back))
        self.pairs, self.alike = self.pairs + pairs, self.alike + alike
        self.count += 1
        self.until = self._begin

    def _end(self) -> None:
        self.back = self.count = self.pairs = self.alike = 0

    def _is_alike(self, block: bytes, back: int) -> bool:
        pairs, alike = count_alike(block, self._take_past(back))
        return pairs >= KNOWN_LEAST and 2 * alike - pairs >= SURE * sqrt(pairs)

    def _take_past(self, back: int) -> bytes:
        begin = len(self._signs) - BLOCK - back
        return bytes(self._signs[begin : begin + BLOCK]) if begin >= 0 else b""

    def _find_backs(self, block: bytes) -> Iterator[int]:
        """Distances at which a part of the block stood before, at least a block back."""
        end = len(self._signs) - BLOCK
        codes = code_signs(self._signs)
        for begin in range(0, BLOCK - PROBE, BLOCK // PROBES):
            probe = block[begin : begin + PROBE]
            if UNKNOWN in probe:
                continue
            place = slice(end + begin, end + begin + PROBE)
            for at in islice(find_stretch(self._signs, codes, place, end), FINDS_MAX):
                back = end + begin - at
                if back >= BLOCK:
                    yield back

    def describe(self, dt_s: int) -> dict[str, Any]:
        """The evidence: what is followed, for how long so far, and how closely."""
        return {
            "echo_from_at_s": (self.since - self.back) * dt_s,
            "echo_for_s": (self.until - self.since) * dt_s,
            "echo_readings": self.pairs,
            "echo_percent": 100 * self.alike // self.pairs,
        }

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        signs = int(self._signs.replace(b"?", b"0") or b"0", 2).to_bytes(len(self._signs) // 8 + 1, "big")
        unknown = self._signs.replace(b"1", b"0").replace(b"?", b"1") or b"0"
        mask = zlib.compress(int(unknown, 2).to_bytes(len(signs), "big"), 9)
        numbers = [self._begin, self._quiet, self.back, self.since, self.until, self.count, self.pairs]
        row = (self.readings.get(at, _NONE) for at in range(self._begin - 2, self.due))
        return [[*numbers, self.alike, len(self._signs)], array("i", row).tobytes(), signs, mask]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        numbers, readings, signs, mask = state
        self._begin, self._quiet, self.back, self.since, self.until, self.count, self.pairs = numbers[:7]
        self.alike, length = numbers[7:]
        if not 0 <= length <= HISTORY + BLOCK:
            raise ValueError("the signs have another length")
        self.due = self._begin + STEP
        row = enumerate(array("i", readings), self._begin - 2)
        self.readings = {at: raw for at, raw in row if raw != _NONE}
        known, unknown = (_to_digits(one, length) for one in (signs, zlib.decompress(mask)))
        pairs = zip(known, unknown, strict=True)
        self._signs = bytearray(UNKNOWN if hole == UP else sign for sign, hole in pairs)


def _to_digits(packed: bytes, length: int) -> bytes:
    return f"{int.from_bytes(packed, 'big'):0{length}b}".encode()[-length:] if length else b""


def _is_periodic(block: bytes) -> bool:
    """Whether a block is alike to itself at a distance within half of it."""
    compared = (count_alike(block[period:], block[:-period]) for period in PERIODS)
    return any(2 * alike - pairs >= PERIODIC * sqrt(pairs) for pairs, alike in compared if pairs)
