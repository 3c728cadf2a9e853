"""When the characters of a frame arrive on a serial wire.

A frame that begins at `begin_s` has its n-th character complete n character times later; that is when
a receiver can have it. Characters are handed over in groups, because no timer is fine enough for single
ones at high speed: the group comes when its last character is complete, so nothing comes early.
"""

import math
import termios
from typing import Final

from attrs import frozen

from firmware_sim.layout import Wire

SPEEDS: Final = {
    baudrate: int(speed)
    for baudrate in (
        300,
        600,
        1200,
        2400,
        4800,
        9600,
        19_200,
        38_400,
        57_600,
        115_200,
        230_400,
        460_800,
        921_600,
    )
    if (speed := getattr(termios, f"B{baudrate}", None)) is not None
}
"""The constants of the baud rates that a terminal can be set to."""


@frozen
class Part:
    """Bytes of a frame and the moment when the last of them is complete."""

    at_s: float
    data: bytes


def split_frame(frame: bytes, wire: Wire | None, begin_s: float, step_s: float) -> tuple[Part, ...]:
    """The frame in groups that come at least `step_s` apart; in one piece without a serial wire."""
    if wire is None or not frame:
        return (Part(begin_s, frame),) if frame else ()
    group = max(1, math.ceil(step_s / wire.character_s))
    ends = [*range(group, len(frame), group), len(frame)]
    starts = [0, *ends[:-1]]
    return tuple(
        Part(begin_s + end * wire.character_s, frame[start:end])
        for start, end in zip(starts, ends, strict=True)
    )


def duration_s(count: int, wire: Wire | None) -> float:
    """How long `count` characters take."""
    return 0.0 if wire is None else count * wire.character_s
