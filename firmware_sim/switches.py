"""Machines that are switched by hand while the plant runs.

    off     only standby power
    on      as in a run of its profile, whatever the clock says
    40%     this share of the line's rated power, 0 to 200
    auto    as the profile says

A switch takes effect at the next full second, because registers change no faster, and the load moves
from the old to the new value within the `ramp_s` of the line's profile, for run-up and run-down
alike. Events of the timetable apply on top of it. A line that follows another keeps following the
profile of that line: treatment does not see that production was switched by hand.

Switches are kept in the order in which they were made and none is removed, so the plant stays a
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
SYNTAX: Final = "off, on, auto or a share of the rated power like 40%"
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%")


class SwitchState(StrEnum):
    """What a machine is switched to."""

    AUTO = "auto"
    OFF = "off"
    ON = "on"
    SHARE = "share"


@frozen
class Switch:
    """A line is switched at `begin_s`, seconds since 1970 UTC, by `share` to that much of its rated power."""

    line: str
    state: SwitchState
    begin_s: float
    share: float = 0.0

    @property
    def label(self) -> str:
        """As a person types it."""
        return f"{self.share * 100:g}%" if self.state is SwitchState.SHARE else self.state.value


def parse_state(text: str) -> tuple[SwitchState, float]:
    """The state and the share that a person typed.

    Raises:
        ValueError: It is not SYNTAX; the message is one line.
    """
    text = text.strip()
    word = text.lower()
    if word in {SwitchState.AUTO, SwitchState.OFF, SwitchState.ON}:
        return SwitchState(word), 0.0
    match = _PERCENT.fullmatch(word)
    if match is None or float(match[1]) > PERCENT_MAX:
        raise ValueError(f"cannot switch to {text!r}: {SYNTAX}")
    return SwitchState.SHARE, float(match[1]) / 100


def apply_switches(
    watts: Floats, switches: Iterable[Switch], t_s: Floats, *, of: Callable[[Switch], Floats], ramp_s: float
) -> Floats:
    """The load of a line after its switches; `of` is the load that each of them leads to."""
    out = watts
    for switch in switches:
        done = np.clip((t_s - switch.begin_s) / max(ramp_s, 1e-3), 0.0, 1.0)
        if done.any():
            out = np.asarray(out * (1 - done) + of(switch) * done, dtype=np.float64)
    return out
