"""The wall clock against the time since boot: a step that somebody set becomes a CLOCK record.

{"step_ms": by how much, "state": clock state}
… with "was_offset_ms", "offset_ms" where the detector gets a new offset (`DetectorFeed.redate`):
what was recorded in this boot is to be read with the new offset
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource
from drivers.clock import Stamp
from evidence.record import NS_PER_MS, Kind

LOG: Final = logging.getLogger("dianjian.clock")

STEP_MS: Final = 2000
"""A wall clock that departs from the time since boot by more than this was set by somebody."""
SLEW: Final = 600e-6
"""Up to this it is drift, not a step: the kernel slews by 500 ppm, and crystals add to it."""


@define(eq=False, repr=False)
class WallClock(RecordSource):
    """See the module; `redate` gives the detector's offset before and from now on, ms, when it changes."""

    redate: Callable[[Stamp], tuple[int, int] | None]
    _ahead_ms: float | None = field(default=None, init=False)
    _checked_ns: int = field(default=0, init=False)

    def due(self, stamp: Stamp, /) -> Iterable[NewRecord]:
        """The record of a step."""
        ahead_ms = (stamp.utc_ns - stamp.boottime_ns) // NS_PER_MS
        step_ms = self._step_ms(ahead_ms, stamp)
        offsets = self.redate(stamp)
        if not step_ms and offsets is None:
            return ()
        self._ahead_ms = ahead_ms
        body: dict[str, Any] = {"step_ms": step_ms, "state": stamp.clock_state.value}
        if offsets is not None:
            body |= {"was_offset_ms": offsets[0], "offset_ms": offsets[1]}
        LOG.warning("the wall clock was set by %d ms", step_ms)
        return (NewRecord(Kind.CLOCK, body),)

    def _step_ms(self, ahead_ms: int, stamp: Stamp) -> int:
        """By how much somebody set the wall clock; ordinary drift is followed and gives 0."""
        slew_ms = (stamp.boottime_ns - self._checked_ns) / NS_PER_MS * SLEW
        self._checked_ns = stamp.boottime_ns
        if self._ahead_ms is None:
            self._ahead_ms = ahead_ms
        step_ms = ahead_ms - self._ahead_ms
        if abs(step_ms) > STEP_MS + slew_ms:
            return round(step_ms)
        self._ahead_ms += min(max(step_ms, -slew_ms), slew_ms)
        return 0
