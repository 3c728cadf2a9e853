"""Machines that somebody switches by hand while the plant runs.

    off     only standby power
    on      as in a run of its profile, whatever the clock says
    40%     this share of the line's rated power, 0 to 200
    auto    as the profile says

A switch takes effect at the next full second, for registers change no faster, and the load goes from
what it was to what it becomes within the `ramp_s` of the line's profile: that is its run-up and its
run-down. Events of the timetable happen on top of it. A line that follows another goes on following the
profile of that line: treatment does not know who stopped the production.

Switches are kept in the order in which they were made and none is taken back, so the plant stays a
function of its file, its switches and the time.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import frozen

from firmware_sim.noise import Floats

PERCENT_MAX: Final = 200.0
"""As in a profile: no line takes more than twice its rated power for longer than a start."""
WORDS: Final = "off, on, auto or a share of the rated power like 40%"
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%")


class Way(StrEnum):
    """What a machine is switched to."""

    AUTO = "auto"
    OFF = "off"
    ON = "on"
    SHARE = "share"


@frozen
class Switch:
    """One line is switched at one moment.

    Attributes:
        line: Which.
        way: To what.
        begin_s: When, seconds since 1970 UTC.
        share: `share`: of the rated power.
    """

    line: str
    way: Way
    begin_s: float
    share: float = 0.0

    @property
    def word(self) -> str:
        """As a person says it."""
        return f"{self.share * 100:g}%" if self.way is Way.SHARE else self.way.value


def read_way(text: str) -> tuple[Way, float]:
    """What a person wants a machine to do.

    Raises:
        ValueError: It is none of WORDS; the message is one line.
    """
    text = text.strip()
    word = text.lower()
    if word in {Way.AUTO, Way.OFF, Way.ON}:
        return Way(word), 0.0
    match = _PERCENT.fullmatch(word)
    if match is None or float(match[1]) > PERCENT_MAX:
        raise ValueError(f"cannot switch to {text!r}: {WORDS}")
    return Way.SHARE, float(match[1]) / 100


def switched(
    watts: Floats,
    switches: Iterable[Switch],
    t_s: Floats,
    *,
    of: Callable[[Switch], Floats],
    ramp_s: float,
) -> Floats:
    """The load of a line after its switches; `of` has what each of them makes of it in the end."""
    out = watts
    for switch in switches:
        done = np.clip((t_s - switch.begin_s) / max(ramp_s, 1e-3), 0.0, 1.0)
        if done.any():
            out = np.asarray(out * (1 - done) + of(switch) * done, dtype=np.float64)
    return out
