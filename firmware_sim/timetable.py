"""What happens in a plant beside its ordinary day, and what it does to power, meters and buses.

    on a treatment line   treatment_off  only standby power is taken
                          late_start     off from the begin of the run at `at` until `duration_s` later
                          early_stop     off from `at` to the end of that run
                          idle           belt off, damper shut: `power_share` of the active power at
                                         `current_share` of the current, so the power factor falls
                          underspeed     drive turned down to `frequency_hz`: power goes with its cube
                          dummy          a heater in place of the fan: `power_share` of the rated
                                         power, flat, power factor 1
    on a meter            ct_off         no current on `phases`, voltage as before
                          stuck_meter    registers stay as they were at `at`
                          dead_meter     no answer any more
    on a bus or a meter   gap            no answer for `duration_s`

Events on a line change what truly happens; events on a meter or a bus only what is seen of it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import evolve, frozen

from firmware_sim.noise import Floats
from firmware_sim.signals import Run

MAINS_HZ: Final = 50.0
RESTART_RAMP_S: Final = 20.0
"""A fan that is switched on again needs this long to full power."""
DUMMY_POWER_FACTOR: Final = 0.999


class What(StrEnum):
    """What an event does."""

    TREATMENT_OFF = "treatment_off"
    LATE_START = "late_start"
    EARLY_STOP = "early_stop"
    IDLE = "idle"
    UNDERSPEED = "underspeed"
    DUMMY = "dummy"
    CT_OFF = "ct_off"
    STUCK_METER = "stuck_meter"
    DEAD_METER = "dead_meter"
    GAP = "gap"


LINE_EVENTS: Final = frozenset(
    {What.TREATMENT_OFF, What.LATE_START, What.EARLY_STOP, What.IDLE, What.UNDERSPEED, What.DUMMY}
)
_OFF: Final = frozenset({What.TREATMENT_OFF, What.LATE_START, What.EARLY_STOP})


@frozen
class Event:
    """One event; it names a line, a meter or a bus. Times are seconds since 1970 UTC.

    Attributes:
        what: What happens.
        begin_s: When it begins.
        end_s: When it is over; infinity if never.
        line: The line it happens to, or "".
        meter: The meter, or "".
        bus: The bus, or "".
        power_share: `idle`: of the normal active power; `dummy`: of the rated power.
        current_share: `idle`: of the normal current.
        frequency_hz: `underspeed`: what the drive runs at.
        phases: `ct_off`: whose current is lost, 0 to 2.
    """

    what: What
    begin_s: float
    end_s: float
    line: str = ""
    meter: str = ""
    bus: str = ""
    power_share: float = 0.2
    current_share: float = 0.4
    frequency_hz: float = 35.0
    phases: frozenset[int] = frozenset({0, 1, 2})

    def covers(self, t_s: float) -> bool:
        """Whether it goes on at a moment."""
        return self.begin_s <= t_s < self.end_s


@frozen
class Load:
    """What a line takes: active power in W and apparent power in VA, moment by moment."""

    watts: Floats
    apparent: Floats


def window(event: Event, runs: Iterable[Run]) -> Event:
    """The event with its true begin and end, given the runs of its line."""
    for run in runs:
        if not run.begin_s <= event.begin_s < run.end_s:
            continue
        if event.what is What.LATE_START:
            return evolve(event, begin_s=run.begin_s)
        if event.what is What.EARLY_STOP:
            return evolve(event, end_s=run.end_s)
    return event


def happened(load: Load, events: Iterable[Event], t_s: Floats, *, standby_w: float, rated_w: float) -> Load:
    """The load of a line after its events, each in the order given."""
    watts, apparent = load.watts.copy(), load.apparent.copy()
    for event in events:
        inside = (t_s >= event.begin_s) & (t_s < event.end_s)
        if event.what in _OFF:
            running = np.where(inside, 0.0, _restart(event, t_s))
            wanted = np.minimum(watts, standby_w)
            factor = np.divide(apparent, watts, out=np.ones_like(watts), where=watts > 0)
            watts = wanted + (watts - wanted) * running
            apparent = watts * factor
        elif event.what is What.DUMMY:
            watts[inside] = event.power_share * rated_w
            apparent[inside] = watts[inside] / DUMMY_POWER_FACTOR
        elif event.what is What.IDLE:
            watts[inside] *= event.power_share
            apparent[inside] = np.maximum(apparent[inside] * event.current_share, watts[inside])
        elif event.what is What.UNDERSPEED:
            cube = (event.frequency_hz / MAINS_HZ) ** 3
            watts[inside] *= cube
            apparent[inside] *= cube
    return Load(watts, apparent)


def _restart(event: Event, t_s: Floats) -> Floats:
    """How far the line is running after the end of an event: 1 before it."""
    since_end = t_s - event.end_s
    return np.where(since_end < 0, 1.0, np.clip(since_end / RESTART_RAMP_S, 0.0, 1.0))
