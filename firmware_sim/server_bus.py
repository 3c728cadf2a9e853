"""One bus of the plant: requests in, frames with their delays out; no clock, no socket.

A meter that is missing, dead, in a gap or deaf after its last answer does not answer, and on a serial bus
no meter answers a broadcast. Every request
has its number on its bus, so the fault script and the jitter of the turnaround can be repeated.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Protocol

from attrs import define, field

from firmware_sim.bus_faults import Outgoing, arrange_frames, to_outgoing
from firmware_sim.device import Device
from firmware_sim.faults import FaultScript, Reply, change, disturb
from firmware_sim.layout import BusKind, BusPlan
from firmware_sim.noise import key_of, uniform_at
from firmware_sim.pacing import duration_s
from firmware_sim.plant import Plant
from firmware_sim.quirks import SILENCE, QuirkKind, QuirkPlan, answer_id
from firmware_sim.server_frames import RequestStream, ServerRequest, answer_pdu, read_request_pdu, to_frame

_TURNAROUND_SPREAD: Final = 0.3
"""A meter takes up to this much more or less than its usual time to answer."""


class Stream(Protocol):
    """Finds the requests of one peer in bytes that come in pieces."""

    @property
    def pending(self) -> bool:
        """Whether the beginning of a frame is waiting for its end."""
        ...

    def feed(self, data: bytes) -> Sequence[Any]:
        """All requests that are complete with `data`."""
        ...

    def clear(self) -> None:
        """Drop the beginning of a frame."""
        ...


@define
class BusCore(ABC):
    """The meters of one bus, whatever its protocol; it handles the requests of its own streams."""

    plan: BusPlan
    plant: Plant
    _devices: tuple[Device, ...] = field(init=False)
    _script: FaultScript = field(init=False)
    _number: int = field(default=0, init=False)
    _deaf_until_s: dict[str, float] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        meters = (meter for meter in self.plant.layout.meters if meter.bus == self.plan.id)
        self._devices = tuple(Device(meter, self.plant) for meter in meters)
        self._script = FaultScript(self.plant.layout.faults, self.plant.layout.seed)

    @property
    def rtu(self) -> bool:
        """Whether a silence ends a frame."""
        return self.plan.kind is not BusKind.TCP

    @abstractmethod
    def stream(self) -> Stream:
        """A new stream of requests to this bus."""

    @abstractmethod
    def handle(self, request: Any, t_s: float) -> Outgoing | None:
        """The answer to a request that is complete at plant time `t_s`, or None for silence."""

    def chatter(self, t_s: float, number: int) -> Outgoing | None:
        """Another master's exchange by itself, if there is one at that moment."""
        del t_s, number
        return None

    def refuse(self, request: Any, code: int) -> bytes:
        """What a gateway says in its own name; nothing where the protocol has no words for it."""
        del request, code
        return b""

    def quirk(self, what: QuirkKind) -> QuirkPlan | None:
        """That quirk of the bus, if it has it."""
        return self.plant.layout.quirks.of_bus(what, self.plan.id)

    def _hears(self, device: Device, t_s: float) -> bool:
        """Whether a meter takes up a request."""
        deaf = max(self._deaf_until_s.get(place, t_s) for place in (device.plan.id, self.plan.id))
        return t_s >= deaf and not self.plant.is_silent(device.plan.id, t_s)

    def _pause(self, device: Device, t_s: float, out: Outgoing) -> None:
        """A meter answers a request of this moment, and may be deaf for a while then."""
        end_s = t_s + out.delay_s + duration_s(len(out.frame), self.plan.wire)
        of_meter = self.plant.layout.quirks.of_meter(QuirkKind.PAUSE, device.plan.id)
        for place, quirk in ((device.plan.id, of_meter), (self.plan.id, self.quirk(QuirkKind.PAUSE))):
            if quirk is not None:
                self._deaf_until_s[place] = end_s + quirk.pause_s

    def _think_s(self, request_bytes: int) -> float:
        """From the start of the current request to that of its answer, if no fault delays it."""
        key = key_of(self.plant.layout.seed, self.plan.id, "turnaround")
        jitter = _TURNAROUND_SPREAD * (2 * uniform_at(key, self._number) - 1)
        return duration_s(request_bytes, self.plan.wire) + self.plan.turnaround_s * (1 + jitter)


@define
class ModbusCore(BusCore):
    """The Modbus meters of one bus."""

    _previous_id: int = field(default=0, init=False)

    def stream(self) -> RequestStream:
        """A new stream of requests to this bus."""
        return RequestStream(self.rtu)

    def handle(self, request: ServerRequest, t_s: float) -> Outgoing | None:
        """The answer to a request that is complete at plant time `t_s`, or None for silence."""
        self._number += 1
        device = next((one for one in self._devices if one.plan.unit_id == request.unit_id), None)
        transaction_id = self._answer_id(request)
        if device is None or not self._hears(device, t_s):
            return None
        pdu = self._pdu(device, request, t_s)
        if pdu is None:
            return None
        reply = Reply(request.unit_id, pdu)
        strike = self._script.strike(self.plan.id, device.plan.id, t_s, self._number)
        changed = change(reply, strike)
        if changed is None:
            return None
        frame = to_frame(changed.unit_id, transaction_id, changed.pdu, rtu=self.rtu)
        out = Outgoing(disturb(frame, strike), self._think_s(request.length) + changed.delay_s)
        self._pause(device, t_s, out)
        return arrange_frames(out, strike, lambda meter, point: self._exchange(meter, point, t_s))

    def chatter(self, t_s: float, number: int) -> Outgoing | None:
        """Another master's exchange by itself, if there is one at that moment."""
        strike = self._script.chatter(self.plan.id, t_s, number)
        if strike is None or not self._devices:
            return None
        return to_outgoing(self._exchange(strike.draws[0], strike.draws[1], t_s))

    def refuse(self, request: ServerRequest, code: int) -> bytes:
        """What a gateway says in its own name to a request."""
        pdu = answer_pdu(request.function, code)
        return to_frame(request.unit_id, request.transaction_id, pdu, rtu=self.rtu)

    def _answer_id(self, request: ServerRequest) -> int:
        """The transaction id of the answer."""
        quirk = self.quirk(QuirkKind.TRANSACTION_ID)
        chosen = answer_id(quirk, request.transaction_id, self._previous_id)
        self._previous_id = request.transaction_id
        return chosen

    def _exchange(self, meter_draw: float, point_draw: float, t_s: float) -> tuple[bytes, bytes]:
        """Another master's request of a drawn point of a drawn meter, and the answer."""
        device = self._devices[int(meter_draw * len(self._devices))]
        points = device.plan.model.points
        point = points[int(point_draw * len(points))]
        unit_id = device.plan.unit_id
        request_pdu = read_request_pdu(point.function, point.address, point.count)
        request = ServerRequest(unit_id, 0, point.function, point.address, point.count)
        pdu = self._pdu(device, request, t_s)
        asked = to_frame(unit_id, 0, request_pdu, rtu=True)
        return asked, b"" if pdu is None else to_frame(unit_id, 0, pdu, rtu=True)

    def _pdu(self, device: Device, request: ServerRequest, t_s: float) -> bytes | None:
        """The answer; None is silence."""
        answer = request.refusal or device.answer(request.function, request.address, request.count, t_s)
        return None if answer == SILENCE else answer_pdu(request.function, answer)
