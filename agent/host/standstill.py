"""A pause of the whole process becomes a GAP record when it wakes: stopped, swapped out, or a machine asleep.

{"what": "process", "ms": for how long, "from_ms", "to_ms": between which times since boot, "why": text}

A process that is stopped (SIGSTOP, a debugger, a frozen container) reads nothing and seals nothing, and
without a word of its own the chain would show only fewer readings. The time since boot goes on meanwhile,
also while the machine sleeps. It is that of the machine and not of the plant: under a simulated clock nobody
stands still.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource, Urgency
from drivers.clock import Stamp
from evidence.record import NS_PER_MS, Kind

LOG: Final = logging.getLogger("dianjian.standstill")

PAUSE_MS: Final = 15_000
"""Between two looks, several of which come in a second: no disk that works holds a commit up for so long."""


def read_boottime_ms() -> int:
    """Milliseconds since the machine booted, with the time that it slept."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // NS_PER_MS


@define(eq=False, repr=False)
class Standstill(RecordSource):
    """See the module."""

    boottime_ms: Callable[[], int] = read_boottime_ms
    _seen_ms: int | None = field(default=None, init=False)

    def due(self, stamp: Stamp, /) -> Iterable[NewRecord]:
        """The record of a pause that is over."""
        now_ms, seen_ms = self.boottime_ms(), self._seen_ms
        self._seen_ms = now_ms
        if seen_ms is None or now_ms - seen_ms <= PAUSE_MS:
            return ()
        gap_ms, to_ms = now_ms - seen_ms, stamp.boottime_ns // NS_PER_MS
        LOG.warning("the process stood still for %.1f s", gap_ms / 1000)
        why = "the process stood still: it was stopped, or the machine slept"
        times = {"ms": gap_ms, "from_ms": max(to_ms - gap_ms, 0), "to_ms": to_ms}
        body = {"what": "process", **times, "why": why}
        return (NewRecord(Kind.GAP, body, Urgency.AT_ONCE),)
