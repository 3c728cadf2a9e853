"""Whether a meter shows again, reading by reading, what it showed before: a recording is played.

The last digits of a real load are noise, so no long stretch of readings comes twice. From each reading that
ANCHOR_OF divides (an arbitrary one in so many, the same ones when a stretch comes again) a pattern of PATTERN
consecutive readings is kept as a checksum with its slot, the last PATTERNS_MAX of them. A pattern that is
known already has come again; if those that follow come again at the same distance in time, and nothing else
comes between, the stretch is a repetition.

The chance of that is measured on the line itself: the share of all its patterns before that came again, which
counts the resolution of the meter, the noise of the load and everything that repeats for an honest reason.
Patterns are taken as independent, so a repetition needs a chance of at most CHANCE_MAX, and an hour, which no
buffer of a meter or a gateway answers from. Patterns with fewer than DISTINCT_MIN different readings prove
nothing and are not kept: a coarse meter of a steady fan has no others, and is never accused by this.
"""

import struct
from array import array
from typing import Any, Final
from zlib import crc32

ANCHOR_OF: Final = 127
"""A prime, so that meters of round steps have anchors as others do; about three an hour at 10 s."""
PATTERN: Final = 9
DISTINCT_MIN: Final = 6
PATTERNS_MAX: Final = 200
"""Three days of a fan that never stops, five of two shifts; 1.2 kB of state."""
TRIED_MIN: Final = 20
"""Fewer patterns do not measure how often they come again by chance."""
TRIED_MAX: Final = 2000
CHANCE_MAX: Final = 1e-9
LEAST_S: Final = 3600
LOST: Final = 6
"""So many patterns in a row that are not known end a repetition; single ones fall to lost samples."""
KNOWN_LEAST: Final = 2
"""Of three patterns of a recording two are known again; a meter that answers twice from a buffer has one."""
SLOT_BITS: Final = 0xFFFF_FFFF
_PACK: Final = struct.Struct(f"<{PATTERN}i")


class Repetition:
    """The patterns of one line; `note` is called for the readings that count.

    Attributes:
        repeats: Whether a stretch comes again.
        pending: Whether a pattern is being read.
        since: The slot in which the stretch began.
        until: The slot of its last pattern.
        back: How many slots before it was shown first.
        count: Patterns that came again.
    """

    __slots__ = (
        "_at", "_least", "_lost", "_met", "_missed", "_readings", "_slots", "_start", "_sums", "_tried",
        "back", "count", "pending", "repeats", "since", "until",
    )  # fmt: skip

    def __init__(self, dt_s: int) -> None:
        self._least = -(-LEAST_S // dt_s)
        self._sums = array("H", [0]) * PATTERNS_MAX
        self._slots = array("I", [0]) * PATTERNS_MAX
        self._at = self._tried = self._met = self._start = self._lost = self._missed = 0
        self._readings: list[int] = []
        self.pending = self.repeats = False
        self.since = self.until = self.back = self.count = 0

    @property
    def chance(self) -> float:
        """The chance that so many patterns in a row come again at one distance without a recording."""
        if self._tried < TRIED_MIN or self.count < 2:
            return 1.0
        return min(1.0, (self._met + 1) / self._tried) ** (self.count - 1)

    def note(self, slot: int, raw: int) -> None:
        """Take the reading of `slot`, W."""
        if not self.pending:
            if raw % ANCHOR_OF == 0:
                self._start, self._readings, self.pending = slot, [raw], True
            return
        if slot != self._start + len(self._readings):
            self.pending = False
            return
        self._readings.append(raw)
        if len(self._readings) == PATTERN:
            self.pending = False
            if len(set(self._readings)) >= DISTINCT_MIN:
                self._judge(crc32(_PACK.pack(*self._readings)) & 0xFFFF)

    def describe(self, dt_s: int) -> dict[str, Any]:
        """The evidence: from when the stretch was shown first, its length so far, and the chance of it."""
        return {
            "repeated_from_at_s": (self.since - self.back) * dt_s,
            "repeated_for_s": (self.until - self.since + PATTERN) * dt_s,
            "repeated_readings": self.count * PATTERN,
            "repeated_chance": float(f"{self.chance:.0e}"),
        }

    def _judge(self, pattern: int) -> None:
        back = self._find_back(pattern)
        if back and back == self.back:
            self.count += 1
            self.until, self._lost = self._start, 0
            is_whole = self._start - self.since >= self._least and self.count >= KNOWN_LEAST * self._missed
            self.repeats = self.repeats or (is_whole and self.chance <= CHANCE_MAX)
            return
        if not back:
            self._keep(pattern)
        if self.count:
            self._lost += 1
            self._missed += 1
        if back and self.count < 2:
            self.end()
            self.since = self.until = self._start
            self.back, self.count = back, 1
        elif self._lost >= LOST:
            self.end()
        self._count(met=back > 0)

    def _find_back(self, pattern: int) -> int:
        """How many slots ago this pattern was shown, if possible as long as the one before; 0 if never."""
        found = 0
        at = -1
        for _ in range(self._sums.count(pattern)):
            at = self._sums.index(pattern, at + 1)
            if self._slots[at]:
                found = (self._start - self._slots[at]) & SLOT_BITS
                if found == self.back:
                    return found
        return found

    def _keep(self, pattern: int) -> None:
        self._sums[self._at], self._slots[self._at] = pattern, self._start & SLOT_BITS
        self._at = (self._at + 1) % PATTERNS_MAX

    def _count(self, *, met: bool) -> None:
        self._tried += 1
        self._met += met
        if self._tried >= TRIED_MAX:
            self._tried //= 2
            self._met //= 2

    def end(self) -> None:
        """Forget the stretch; what did not suffice as proof was chance."""
        if self.count > 1 and not self.repeats:
            for _ in range(self.count - 1):
                self._count(met=True)
        self.repeats = False
        self.back = self.count = self._lost = self._missed = 0

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        numbers = [self._at, self._tried, self._met, self._start, self._lost, self._missed]
        numbers += [self.since, self.until, self.back, self.count, int(self.pending), int(self.repeats)]
        return [numbers, self._readings.copy(), self._sums.tobytes(), self._slots.tobytes()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`."""
        numbers, readings, sums, slots = state
        self._at, self._tried, self._met, self._start, self._lost, self._missed = numbers[:6]
        self.since, self.until, self.back, self.count = numbers[6:10]
        self.pending, self.repeats = bool(numbers[10]), bool(numbers[11])
        self._readings = list(readings)
        self._sums, self._slots = array("H", sums), array("I", slots)
        if not len(self._sums) == len(self._slots) == PATTERNS_MAX:
            raise ValueError("the patterns have another length")
