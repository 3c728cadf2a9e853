"""The connection to the centre as the gateway's core sees it: a courier that also gives records.

Records: EVENT for what the broker or the centre refuses and for each alarm of the outbox, DROP for a body
that was found damaged when it was to be sent.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource, lost_body
from agent.uplink.courier import Courier
from drivers.clock import Stamp
from evidence.record import NS_PER_MS, Kind
from wire.mqtt_events import Connected, Disconnected, MqttEvent

LOG: Final = logging.getLogger("dianjian.uplink")


@define
class Connection(RecordSource):
    """See the module.

    Attributes:
        connected: The broker is there.
        clock_ahead_ms: How far the wall clock was ahead of the centre's at its last beacon; None before one.
    """

    courier: Courier
    connected: bool = field(default=False, init=False)
    clock_ahead_ms: int | None = field(default=None, init=False)
    _logged: str = field(default="", init=False)

    def resume(self, now_s: float) -> None:
        """Take the stored receipt into account, before anything is sealed or sent."""
        self.courier.resume(now_s)

    def handle(self, event: MqttEvent, stamp: Stamp, now_s: float) -> list[NewRecord]:
        """Take what the connection reports."""
        if isinstance(event, Connected | Disconnected):
            self.connected = isinstance(event, Connected)
            text = event.reason if isinstance(event, Disconnected) else "connected"
            if text != self._logged:  # the same failure again and again is one line
                LOG.info("broker: %s", text)
            self._logged = text
        bodies = self.courier.handle(event, now_s)
        for body in bodies:
            LOG.warning("%s on %s: %s", body["what"], body["topic"], body.get("text", body.get("code")))
        beacon_ms = self.courier.take_beacon_ms()
        if beacon_ms is not None:
            self.clock_ahead_ms = stamp.utc_ns // NS_PER_MS - beacon_ms
        return [NewRecord(Kind.EVENT, body) for body in bodies]

    def due(self, _stamp: Stamp, /) -> Iterator[NewRecord]:
        """Alarms since the last call, and bodies that turned out to be damaged."""
        for body in self.courier.events():
            LOG.error("%s: %s", body["what"], body["text"])
            yield NewRecord(Kind.EVENT, body)
        yield from map(lost_body, self.courier.take_damaged())

    def send(self, now_s: float) -> None:
        """Send what is due."""
        self.courier.tick(now_s)

    def wants_reconnect(self, now_s: float) -> bool:
        """Whether another connection is worth trying."""
        return self.courier.outbox.wants_reconnect(now_s)

    @property
    def is_rolled_back(self) -> bool:
        """Whether the centre has proved that it holds a seal which this disk has not."""
        return self.courier.status().stopped

    def figures(self) -> Mapping[str, Any]:
        """What a heartbeat says of delivery."""
        delivery = self.courier.status()
        return {
            "receipted": delivery.received,
            "backlog": delivery.backlog,
            "connected": self.connected,
        }
