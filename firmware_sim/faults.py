"""The fault script: what happens to an answer on its way.

Whether a fault strikes is drawn from (seed, its place in the script, the number of the request on its
bus), so a script gives the same faults each time the same requests are made. The first that strikes
applies. `change` acts before framing, so the frame around a wrong PDU is right (its CRC fits); `disturb`
acts on the finished frame.

    late            the answer is right and comes `delay_s` to `delay_max_s` after its time
    silence         no answer
    exception       an exception with `code` in its place
    wrong_unit      in another meter's name
    wrong_function  function 4 for 3 and 3 for 4
    wrong_count     one register more or one less, byte count to match
    odd_bytes       one byte more or one less, byte count to match
    crc_noise       a bit flipped, the end cut off, or noise in front (RTU frames only)
    babble          a burst of noise in its place that keeps the bus busy (RTU frames only)

Faults of more than one frame are in firmware_sim.bus_faults.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import numpy as np
from attrs import evolve, frozen

from firmware_sim.layout import FaultKind, FaultPlan
from firmware_sim.noise import key_of, uniform

UNIT_ID_MAX: Final = 247
_EXCEPTION_BIT: Final = 0x80
_OTHER_FUNCTION: Final = {3: 4, 4: 3}
_OF_PDU: Final = frozenset({FaultKind.WRONG_FUNCTION, FaultKind.WRONG_COUNT, FaultKind.ODD_BYTES})
_DRAWS: Final = 8
_NOISE_BYTES_MAX: Final = 4
_CUT_BYTES_MAX: Final = 3
BABBLE_BYTES_MAX: Final = 300
"""Longer than any frame; at 9600 baud a third of a second."""


@frozen
class Reply:
    """An answer before framing: the unit, the PDU, and its delay beyond the usual time."""

    unit_id: int
    pdu: bytes
    delay_s: float = 0.0


@frozen
class Strike:
    """A fault that struck, with the numbers drawn for it, each in [0, 1)."""

    fault: FaultPlan
    draws: tuple[float, ...]

    @property
    def late_s(self) -> float:
        """The delay of a late answer."""
        return self.fault.delay_s + self.draws[0] * (self.fault.delay_max_s - self.fault.delay_s)


@frozen
class FaultScript:
    """All faults of a plant."""

    faults: tuple[FaultPlan, ...]
    seed: int

    def strike(self, bus: str, meter: str, t_s: float, number: int) -> Strike | None:
        """The fault that strikes the answer of `meter` to request `number` of `bus`, if any."""
        return self._draw(bus, meter, t_s, number, chatter=False)

    def chatter(self, bus: str, t_s: float, number: int) -> Strike | None:
        """Another master's exchange `number` on a bus, if there is one at that moment."""
        return self._draw(bus, "", t_s, number, chatter=True)

    def _draw(self, bus: str, meter: str, t_s: float, number: int, *, chatter: bool) -> Strike | None:
        for place, fault in enumerate(self.faults):
            is_here = fault.meter == meter if fault.meter else fault.bus == bus
            is_wanted = is_here and (fault.what is FaultKind.CHATTER) is chatter
            if not is_wanted or not fault.begin_s <= t_s < fault.end_s:
                continue
            key = key_of(self.seed, "chatter" if chatter else "fault", str(place), bus)
            draws = uniform(key, np.arange(number * _DRAWS, (number + 1) * _DRAWS, dtype=np.int64))
            if draws[0] < fault.share:
                return Strike(fault, tuple(float(draw) for draw in draws[1:]))
        return None


def change(reply: Reply, strike: Strike | None) -> Reply | None:
    """The answer after the fault; None if there is none any more."""
    if strike is None:
        return reply
    fault = strike.fault
    match fault.what:
        case FaultKind.SILENCE:
            return None
        case FaultKind.LATE:
            return evolve(reply, delay_s=strike.late_s)
        case FaultKind.EXCEPTION:
            return evolve(reply, pdu=bytes((reply.pdu[0] | _EXCEPTION_BIT, fault.code)))
        case FaultKind.WRONG_UNIT:
            return evolve(reply, unit_id=reply.unit_id % UNIT_ID_MAX + 1)
    if fault.what not in _OF_PDU or reply.pdu[0] & _EXCEPTION_BIT:
        return reply
    if fault.what is FaultKind.WRONG_FUNCTION:
        return evolve(reply, pdu=bytes((_OTHER_FUNCTION[reply.pdu[0]],)) + reply.pdu[1:])
    width = 2 if fault.what is FaultKind.WRONG_COUNT else 1
    return evolve(reply, pdu=_resize(reply.pdu, width, strike.draws))


def disturb(frame: bytes, strike: Strike | None) -> bytes:
    """The finished frame with noise on the wire."""
    if strike is not None and strike.fault.what is FaultKind.BABBLE:
        return _babble(strike.draws)
    if strike is None or strike.fault.what is not FaultKind.CRC_NOISE:
        return frame
    how, where, what, *more = strike.draws
    if how < 1 / 3:
        bit = int(where * len(frame) * 8)
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8
        return bytes(flipped)
    if how < 2 / 3:
        return frame[: -1 - int(where * _CUT_BYTES_MAX)]
    noise = bytes(int(draw * 256) for draw in (what, *more)[: 1 + int(where * _NOISE_BYTES_MAX)])
    return noise + frame


def _babble(draws: Sequence[float]) -> bytes:
    seed = b"".join(int(draw * 256).to_bytes() for draw in draws)
    noise = b"".join(sha256(seed + bytes((part,))).digest() for part in range(10))
    return noise[: 1 + int(draws[0] * BABBLE_BYTES_MAX)]


def _resize(pdu: bytes, width: int, draws: Sequence[float]) -> bytes:
    """The answer with `width` data bytes more or less, its byte count to match."""
    data = pdu[2:]
    shorter = draws[0] < 0.5 or len(data) + width > 0xFF
    if shorter and len(data) > width:
        data = data[:-width]
    else:
        data += bytes(int(draw * 256) for draw in draws[1 : 1 + width])
    return bytes((pdu[0], len(data))) + data
