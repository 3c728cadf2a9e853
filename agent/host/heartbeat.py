"""The HEARTBEAT record, and an EVENT when file descriptors run out and when there are some again.

{"resident_bytes", "threads", "descriptors", "buses": [see `agent.status.bus_figures`], …}
and the figures of the agent's parts, see `agent.build`
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.host.health import read_health
from agent.sealing.source import NewRecord, RecordSource
from agent.status.bus_figures import BusFigures, heartbeat
from drivers.clock import NS_PER_S, Stamp
from evidence.record import Kind

LOG: Final = logging.getLogger("dianjian.heartbeat")


@define(eq=False, repr=False)
class Heartbeat(RecordSource):
    """See the module.

    Attributes:
        interval_s: Between two of them.
        buses: The present figures of the buses.
        parts: Each gives some of the body's keys.
    """

    interval_s: float
    buses: Callable[[], Sequence[BusFigures]]
    parts: Sequence[Callable[[], Mapping[str, Any]]]
    _last_ns: int | None = field(default=None, init=False)
    _last_buses: dict[str, BusFigures] = field(factory=dict, init=False)
    _exhausted: bool = field(default=False, init=False)

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """The heartbeat, if it is time for one; the first an interval after the start."""
        if self._last_ns is None:
            self._last_ns = stamp.boottime_ns
        if stamp.boottime_ns - self._last_ns < self.interval_s * NS_PER_S:
            return
        self._last_ns = stamp.boottime_ns
        health, figures = read_health(), self.buses()
        if health.is_exhausted != self._exhausted:
            self._exhausted = health.is_exhausted
            text = f"{health.descriptors} of {health.descriptors_max} are open"
            LOG.log(logging.ERROR if health.is_exhausted else logging.INFO, "descriptors: %s", text)
            body = {"what": "descriptors", "good": not health.is_exhausted, "text": text}
            yield NewRecord(Kind.EVENT, body)
        body = {**health.figures(), "buses": heartbeat(figures, self._last_buses)}
        self._last_buses = {one.id: one for one in figures}
        for part in self.parts:
            body |= part()
        yield NewRecord(Kind.HEARTBEAT, body)
