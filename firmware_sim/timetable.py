"""The events of a plant beyond its ordinary day, and their effect on power, meters and buses.

    on a treatment line   treatment_off  only standby power is taken
                          late_start     off from the begin of the run at `at` until `duration_s` later
                          early_stop     off from `at` to the end of that run
                          on_off         off for `off_s`, on for `on_s`, again and again
                          idle           belt off, damper shut: `power_share` of the active power at
                                         `current_share` of the current, so the power factor falls
                          underspeed     drive turned down to `frequency_hz`: power goes with its cube
                          dummy          a heater in place of the fan: `power_share` of the rated
                                         power, flat, power factor 1
    on a line             stopped        stands at standby power, as when an order is obeyed
                          throttled      takes `power_share` of what it would take
                          unmetered      `power_share` of it is fed past its meters
    on a line or all      power_cut      its meters are silent; `counters`: they "stop", because the
                                         line stands still, or "go_on", because it runs in the dark
    on a meter            wiring         one of firmware_sim.wiring
                          ct_off         no current on `phases`, voltage as before
                          ct_moved       the transformers of `phases` sit on the cable of `to_line`
                          stuck_meter    registers stay as they were at `at`
                          replayed_meter the last `window_s` before `at`, again and again
                          dead_meter     no answer any more
                          meter_replaced another `serial` and another `counter_wh`, after a silence
                          meter_reset    the counters are at `counter_wh`, the serial number stays
                          meter_restarted   no answer for `duration_s`; then its counters show 0 or
                                         "garbage" for `settles_s`, and then what they were, going on
                          counter_wrap   the counter of import is at `wraps_at_wh` at this moment, and
                                         goes on from nothing
                          no_numbers     registers of `points`, or of all that is measured, hold no
                                         number: NaN, or what the meter sends for "not available"
                          settings_changed   its registers of `ct_ratio`, `pt_ratio` and `firmware`; a
                                         meter of primary values reads its currents by the new ratio
    on a bus              unplugged      the terminal and its link, or the listener and all its
                                         connections, are gone; then they are there again
    on a bus or a meter   gap            no answer for `duration_s`

Events on a line change what truly happens, except `unmetered` and a `power_cut` in which the counters
go on; these, and events on a meter or a bus, change what is seen of it. An edited clock and an abused
maintenance mark are scripted at the gateway: they do not involve a meter.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import evolve, frozen

from drivers.reading import Quantity
from firmware_sim.noise import Floats
from firmware_sim.signals import Run
from firmware_sim.wiring import Wiring

MAINS_HZ: Final = 50.0
RESTART_RAMP_S: Final = 20.0
"""A fan that is switched on again needs this long to reach full power."""
DUMMY_POWER_FACTOR: Final = 0.999


class Shows(StrEnum):
    """What the counters of a restarted meter show until they have settled."""

    ZERO = "zero"
    GARBAGE = "garbage"


class EventKind(StrEnum):
    """What an event does."""

    TREATMENT_OFF = "treatment_off"
    LATE_START = "late_start"
    EARLY_STOP = "early_stop"
    IDLE = "idle"
    UNDERSPEED = "underspeed"
    DUMMY = "dummy"
    ON_OFF = "on_off"
    STOPPED = "stopped"
    THROTTLED = "throttled"
    UNMETERED = "unmetered"
    POWER_CUT = "power_cut"
    WIRING = "wiring"
    CT_OFF = "ct_off"
    CT_MOVED = "ct_moved"
    STUCK_METER = "stuck_meter"
    REPLAYED_METER = "replayed_meter"
    DEAD_METER = "dead_meter"
    METER_REPLACED = "meter_replaced"
    METER_RESET = "meter_reset"
    METER_RESTARTED = "meter_restarted"
    COUNTER_WRAP = "counter_wrap"
    NO_NUMBERS = "no_numbers"
    SETTINGS_CHANGED = "settings_changed"
    UNPLUGGED = "unplugged"
    GAP = "gap"


TREATMENT_EVENTS: Final = frozenset(
    {
        EventKind.TREATMENT_OFF,
        EventKind.LATE_START,
        EventKind.EARLY_STOP,
        EventKind.ON_OFF,
        EventKind.IDLE,
        EventKind.UNDERSPEED,
        EventKind.DUMMY,
    }
)
LINE_EVENTS: Final = TREATMENT_EVENTS | {
    EventKind.STOPPED,
    EventKind.THROTTLED,
    EventKind.UNMETERED,
    EventKind.POWER_CUT,
}
NEW_COUNTERS: Final = frozenset({EventKind.METER_REPLACED, EventKind.METER_RESET})
SILENT: Final = NEW_COUNTERS | {EventKind.METER_RESTARTED, EventKind.DEAD_METER, EventKind.GAP}
"""Events of a meter or a bus in which no meter answers."""
SETTINGS: Final = (Quantity.CT_RATIO, Quantity.PT_RATIO, Quantity.FIRMWARE)
"""What `settings_changed` writes: each a field of `Event`, and a key of the plant file, of that name."""
_OFF: Final = frozenset(
    {EventKind.TREATMENT_OFF, EventKind.LATE_START, EventKind.EARLY_STOP, EventKind.STOPPED}
)


@frozen
class Event:
    """One event: it names a line, a meter or a bus, "" for the others; its own keys are in the module.

    Attributes:
        begin_s, end_s: Seconds since 1970 UTC; the end is infinity if it is never over.
        counters_stop: `power_cut`: whether the line stands still during it.
        wiring: `wiring`, `ct_off`, `ct_moved`: what is wrong; `settings_changed`: what a new ratio does.
        serial: `meter_replaced`: 0 draws one.
        settles_s, shows: `meter_restarted`: for how long its counters show what.
        points: `no_numbers`: names of points; none are all that is measured.
        ct_ratio, pt_ratio, firmware: `settings_changed`: 0 where it stays.
    """

    what: EventKind
    begin_s: float
    end_s: float
    line: str = ""
    meter: str = ""
    bus: str = ""
    power_share: float = 0.2
    current_share: float = 0.4
    frequency_hz: float = 35.0
    off_s: float = 60.0
    on_s: float = 60.0
    counters_stop: bool = True
    wiring: Wiring | None = None
    window_s: float = 3600.0
    counter_wh: float = 0.0
    serial: int = 0
    wraps_at_wh: float = 0.0
    settles_s: float = 0.0
    shows: Shows = Shows.ZERO
    points: tuple[str, ...] = ()
    ct_ratio: float = 0.0
    pt_ratio: float = 0.0
    firmware: int = 0

    def covers(self, t_s: float) -> bool:
        """Whether it goes on at a moment."""
        return self.begin_s <= t_s < self.end_s


@frozen
class Load:
    """What a line takes: active power in W and apparent power in VA, moment by moment."""

    watts: Floats
    apparent: Floats


def fit_to_run(event: Event, runs: Iterable[Run]) -> Event:
    """The event with its true begin and end, given the runs of its line."""
    for run in runs:
        if not run.begin_s <= event.begin_s < run.end_s:
            continue
        if event.what is EventKind.LATE_START:
            return evolve(event, begin_s=run.begin_s)
        if event.what is EventKind.EARLY_STOP:
            return evolve(event, end_s=run.end_s)
    return event


def apply_events(
    load: Load, events: Iterable[Event], t_s: Floats, *, standby_w: float, rated_w: float
) -> Load:
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
        elif event.what is EventKind.POWER_CUT and event.counters_stop:
            left = np.where(inside, 0.0, _restart(event, t_s))
            watts, apparent = watts * left, apparent * left
        elif event.what is EventKind.ON_OFF:
            off = inside & ((t_s - event.begin_s) % (event.off_s + event.on_s) < event.off_s)
            kept = np.divide(np.minimum(watts, standby_w), watts, out=np.ones_like(watts), where=watts > 0)
            watts, apparent = (np.where(off, taken * kept, taken) for taken in (watts, apparent))
        elif event.what is EventKind.DUMMY:
            watts[inside] = event.power_share * rated_w
            apparent[inside] = watts[inside] / DUMMY_POWER_FACTOR
        elif event.what is EventKind.THROTTLED:
            watts[inside] *= event.power_share
            apparent[inside] *= event.power_share
        elif event.what is EventKind.IDLE:
            watts[inside] *= event.power_share
            apparent[inside] = np.maximum(apparent[inside] * event.current_share, watts[inside])
        elif event.what is EventKind.UNDERSPEED:
            cube = (event.frequency_hz / MAINS_HZ) ** 3
            watts[inside] *= cube
            apparent[inside] *= cube
    return Load(watts, apparent)


def to_metered(load: Load, events: Iterable[Event], t_s: Floats) -> Load:
    """The part of a line's load that is fed through its meters."""
    through = np.ones_like(load.watts)
    for event in events:
        if event.what is EventKind.UNMETERED:
            through[(t_s >= event.begin_s) & (t_s < event.end_s)] *= 1 - event.power_share
    return Load(load.watts * through, load.apparent * through)


def _restart(event: Event, t_s: Floats) -> Floats:
    """How far the line is up again after the end of an event; 1 before the end."""
    since_end = t_s - event.end_s
    return np.where(since_end < 0, 1.0, np.clip(since_end / RESTART_RAMP_S, 0.0, 1.0))
