"""One bus of the plant: requests in, frames with their delays out. It knows no clock and no socket.

A meter that is missing, dead or in a gap does not answer, and no meter answers a broadcast. Every request
has its number on its bus, so the fault script and the jitter of the turnaround can be repeated.
"""

from typing import Final

from attrs import define, field

from firmware_sim.bus_faults import Outgoing, arrange_frames, to_outgoing
from firmware_sim.device import Device
from firmware_sim.faults import FaultScript, Reply, change, disturb
from firmware_sim.layout import BusKind, BusPlan
from firmware_sim.noise import key_of, uniform_at
from firmware_sim.pacing import duration_s
from firmware_sim.plant import Plant
from firmware_sim.server_frames import (
    RequestStream,
    ServerRequest,
    exception_pdu,
    read_pdu,
    read_request_pdu,
    to_frame,
)

_TURNAROUND_SPREAD: Final = 0.3
"""A meter takes up to this much more or less than its usual time to answer."""


@define
class BusCore:
    """The meters of one bus."""

    plan: BusPlan
    plant: Plant
    _devices: dict[int, Device] = field(init=False)
    _script: FaultScript = field(init=False)
    _number: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._devices = {
            meter.unit_id: Device(meter, self.plant)
            for meter in self.plant.layout.meters
            if meter.bus == self.plan.id
        }
        self._script = FaultScript(self.plant.layout.faults, self.plant.layout.seed)

    @property
    def rtu(self) -> bool:
        """Whether its frames are RTU frames."""
        return self.plan.kind is not BusKind.TCP

    def stream(self) -> RequestStream:
        """A new stream of requests to this bus."""
        return RequestStream(self.rtu)

    def handle(self, request: ServerRequest, t_s: float) -> Outgoing | None:
        """The answer to a request that is complete at plant time `t_s`, or None for silence."""
        self._number += 1
        device = self._devices.get(request.unit_id)
        if device is None or self.plant.is_silent(device.plan.id, t_s):
            return None
        reply = Reply(request.unit_id, self._pdu(device, request, t_s))
        strike = self._script.strike(self.plan.id, device.plan.id, t_s, self._number)
        changed = change(reply, strike)
        if changed is None:
            return None
        frame = to_frame(changed.unit_id, request.transaction_id, changed.pdu, rtu=self.rtu)
        asking_s = duration_s(request.length, self.plan.wire)
        thinking_s = turnaround_s(self.plan, self.plant, self._number)
        out = Outgoing(disturb(frame, strike), asking_s + thinking_s + changed.delay_s)
        return arrange_frames(out, strike, lambda who, what: self._exchange(who, what, t_s))

    def chatter(self, t_s: float, number: int) -> Outgoing | None:
        """Another master's exchange by itself, if there is one at that moment."""
        strike = self._script.chatter(self.plan.id, t_s, number)
        if strike is None or not self._devices:
            return None
        return to_outgoing(self._exchange(strike.draws[0], strike.draws[1], t_s))

    def _exchange(self, who: float, what: float, t_s: float) -> tuple[bytes, bytes]:
        """Another master's request of a drawn point of a drawn meter, and the answer."""
        device = tuple(self._devices.values())[int(who * len(self._devices))]
        points = device.plan.model.points
        point = points[int(what * len(points))]
        unit_id = device.plan.unit_id
        asked = read_request_pdu(point.function, point.address, point.count)
        request = ServerRequest(unit_id, 0, point.function, point.address, point.count)
        answered = self._pdu(device, request, t_s)
        return to_frame(unit_id, 0, asked, rtu=True), to_frame(unit_id, 0, answered, rtu=True)

    def _pdu(self, device: Device, request: ServerRequest, t_s: float) -> bytes:
        if request.refusal:
            return exception_pdu(request.function, request.refusal)
        answer = device.answer(request.function, request.address, request.count, t_s)
        if isinstance(answer, int):
            return exception_pdu(request.function, answer)
        return read_pdu(request.function, answer)


def turnaround_s(plan: BusPlan, plant: Plant, number: int) -> float:
    """How long a meter takes to begin its answer to request `number` of a bus."""
    key = key_of(plant.layout.seed, plan.id, "turnaround")
    jitter = _TURNAROUND_SPREAD * (2 * uniform_at(key, number) - 1)
    return plan.turnaround_s * (1 + jitter)
