"""One bus of DL/T 645-2007 meters: requests in, frames with their delays out; no clock, no socket.

As `firmware_sim.server_bus` for Modbus: a meter that is missing, dead or in a gap does not answer, and
every request has its number, so the fault script can be repeated. A wildcard is answered by every meter
that matches; if there are several, they send at once and what arrives is not a frame.

Faults mean here: `exception` error flags (code), `wrong_unit` another meter's answer,
`wrong_function` the answer for another data id, `wrong_count` and `odd_bytes` a byte more or less.
"""

from typing import Final

from attrs import evolve, frozen

from firmware_sim.bus_faults import Outgoing, arrange_frames
from firmware_sim.device import Device
from firmware_sim.dlt645_frames import READ, READ_ADDRESS, Dlt645Request, Dlt645Stream, answer_frame
from firmware_sim.faults import Strike, disturb
from firmware_sim.layout import FaultKind
from firmware_sim.quirks import SILENCE
from firmware_sim.server_bus import BusCore

OTHER_ERROR: Final = 1
NO_SUCH_DATA: Final = 2
"""Bits of the error flags."""
_ADDRESSES: Final = 10**12


@frozen
class _Reply:
    """An answer before framing: address, control code of the request, and data or error flags."""

    address: str
    control: int
    data: bytes
    flags: int = 0
    delay_s: float = 0.0

    @property
    def frame(self) -> bytes:
        return answer_frame(self.address, self.control, self.data, self.flags)


class Dlt645Core(BusCore):
    """The DL/T 645 meters of one bus; no other master is scripted there."""

    def stream(self) -> Dlt645Stream:
        """A new stream of requests to this bus."""
        return Dlt645Stream()

    def handle(self, request: Dlt645Request, t_s: float) -> Outgoing | None:
        """The answer to a request that is complete at plant time `t_s`, or None for silence."""
        self._number += 1
        sent = [
            one
            for device in self._devices
            if request.addresses(device.plan.address)
            and (one := self._answer(device, request, t_s)) is not None
        ]
        if not sent:
            return None
        for device in self._devices:
            if request.addresses(device.plan.address):
                self._pause(device, t_s, evolve(sent[0], delay_s=self._think_s(request.length)))
        out = sent[0] if len(sent) == 1 else Outgoing(_collide([one.frame for one in sent]), 0.0)
        return evolve(out, delay_s=self._think_s(request.length) + min(one.delay_s for one in sent))

    def _answer(self, device: Device, request: Dlt645Request, t_s: float) -> Outgoing | None:
        if not self._hears(device, t_s):
            return None
        reply = _build_reply(device, request, t_s)
        if reply is None:
            return None
        strike = self._script.strike(self.plan.id, device.plan.id, t_s, self._number)
        changed = _change(reply, strike)
        if changed is None:
            return None
        return arrange_frames(Outgoing(disturb(changed.frame, strike), changed.delay_s), strike)


def _build_reply(device: Device, request: Dlt645Request, t_s: float) -> _Reply | None:
    """The answer; None is silence."""
    reply = _Reply(device.plan.address, request.control, request.data)
    if request.control == READ_ADDRESS and not request.data:
        return evolve(reply, data=bytes.fromhex(device.plan.address)[::-1])
    if request.control != READ or len(request.data) != 4:
        return evolve(reply, flags=OTHER_ERROR)
    datum, refusal = device.datum(request.data_id, t_s), device.refuse_datum(request.data_id, t_s)
    if refusal == SILENCE:
        return None
    if datum is None or refusal is not None:
        return evolve(reply, flags=NO_SUCH_DATA)
    return evolve(reply, data=request.data + datum)


def _change(reply: _Reply, strike: Strike | None) -> _Reply | None:
    """The answer as the fault leaves it; None if there is none any more."""
    if strike is None:
        return reply
    fault, draw = strike.fault, strike.draws[0]
    match fault.what:
        case FaultKind.SILENCE:
            return None
        case FaultKind.LATE:
            return evolve(reply, delay_s=strike.late_s)
        case FaultKind.EXCEPTION:
            return evolve(reply, flags=fault.code)
        case FaultKind.WRONG_UNIT:
            return evolve(reply, address=f"{(int(reply.address) + 1) % _ADDRESSES:012d}")
        case FaultKind.WRONG_FUNCTION:
            return evolve(reply, data=bytes((reply.data[0] ^ 1,)) + reply.data[1:]) if reply.data else reply
        case FaultKind.WRONG_COUNT | FaultKind.ODD_BYTES:
            longer = reply.data + bytes((int(strike.draws[1] * 256),))
            return evolve(reply, data=reply.data[:-1] if draw < 0.5 else longer)
    return reply


def _collide(frames: list[bytes]) -> bytes:
    """What is left on the wire when several send at once: a 0 of one wins over a 1 of another."""
    longest = max(map(len, frames))
    garbled = b"\xff" * longest
    for frame in frames:
        mine = frame.ljust(longest, b"\xff")
        garbled = bytes(a & b for a, b in zip(garbled, mine, strict=True))
    return garbled
