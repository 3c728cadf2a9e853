"""What happens to a finished answer on the wire: frames before and after it, and pauses in it.

The faults that need more than one frame (see firmware_sim.faults for the others):

    second_master   another master reads a meter of the bus and is answered: before our answer, after
    it, or in its place, because both requests collided (Modbus on a serial bus)
    chatter         another master reads and is answered every `gap_s`, whether we read or not (Modbus
                    on a serial bus)
    byte_gap        the frame stops at some place for `gap_s` and goes on
    slow_loris      every byte by itself, `gap_s` apart
    duplicate       the answer comes again after `gap_s`
    flood           `bytes` of noise in its place, as fast as the peer takes it (over TCP)
"""

from collections.abc import Callable
from hashlib import shake_128
from typing import Final

from attrs import evolve, frozen

from firmware_sim.faults import Strike
from firmware_sim.layout import FaultKind

FOREIGN_PAUSE_S: Final = 0.02
"""Between the frames of another master's exchange: about what a meter needs to answer."""

Exchange = Callable[[float, float], tuple[bytes, bytes]]
"""Request and answer of another master, drawn with two numbers in [0, 1)."""


@frozen
class Outgoing:
    """A frame to be sent.

    Attributes:
        delay_s: After the request came in, or after the frame before it.
        pauses: Places in the frame and how long it stops there, ascending.
    """

    frame: bytes
    delay_s: float
    pauses: tuple[tuple[int, float], ...] = ()
    then: "Outgoing | None" = None

    @property
    def pieces(self) -> tuple[tuple[float, bytes], ...]:
        """The frame cut at its pauses, each piece with the pause before it."""
        cuts = ((0, 0.0), *self.pauses)
        ends = (*(place for place, _ in self.pauses), len(self.frame))
        return tuple((pause_s, self.frame[at:end]) for (at, pause_s), end in zip(cuts, ends, strict=True))


def arrange_frames(out: Outgoing, strike: Strike | None, foreign: Exchange | None = None) -> Outgoing:
    """The answer after the fault, as it goes onto the wire."""
    if strike is None:
        return out
    fault, (how, *draws) = strike.fault, strike.draws
    match fault.what:
        case FaultKind.BYTE_GAP if len(out.frame) > 1:
            return evolve(out, pauses=((1 + int(how * (len(out.frame) - 1)), fault.gap_s),))
        case FaultKind.SLOW_LORIS:
            return evolve(out, pauses=tuple((at, fault.gap_s) for at in range(1, len(out.frame))))
        case FaultKind.DUPLICATE:
            return evolve(out, then=Outgoing(out.frame, fault.gap_s))
        case FaultKind.FLOOD:
            return evolve(out, frame=shake_128(repr(strike.draws).encode()).digest(fault.bytes))
        case FaultKind.SECOND_MASTER if foreign is not None:
            return _mix(out, *foreign(draws[0], draws[1]), how)
    return out


def to_outgoing(exchange: tuple[bytes, bytes]) -> Outgoing:
    """Another master's exchange on an idle wire."""
    return Outgoing(exchange[0], 0.0, then=Outgoing(exchange[1], FOREIGN_PAUSE_S))


def _mix(out: Outgoing, request: bytes, answer: bytes, how: float) -> Outgoing:
    if how < 1 / 3:  # before
        ours = evolve(out, delay_s=FOREIGN_PAUSE_S)
        return Outgoing(request, out.delay_s, then=Outgoing(answer, FOREIGN_PAUSE_S, then=ours))
    behind = Outgoing(request, FOREIGN_PAUSE_S, then=Outgoing(answer, FOREIGN_PAUSE_S))
    if how < 2 / 3:
        return evolve(out, then=behind)
    return evolve(behind, delay_s=out.delay_s)
