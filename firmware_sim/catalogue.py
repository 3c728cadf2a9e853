"""Everything that a plant file can script, as `dianjian-sim events` lists it.

The details are in firmware_sim.timetable (events), firmware_sim.wiring (wiring), firmware_sim.faults and
firmware_sim.bus_faults (faults).
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from firmware_sim.layout import FaultKind
from firmware_sim.timetable import EventKind
from firmware_sim.wiring import Mistake


@frozen
class Entry:
    """One name in a section of a plant file ("event", "wiring" or "fault") and its meaning in a sentence.

    Attributes:
        where: What it applies to: keys of the section.
        keys: Its own keys; those with a value are optional.
    """

    section: str
    what: str
    where: str
    keys: str
    meaning: str


def _entries(section: str, where: str, *rows: tuple[StrEnum, str, str]) -> tuple[Entry, ...]:
    return tuple(Entry(section, what.value, where, keys, meaning) for what, keys, meaning in rows)


COMMON: Final = {
    "event": "at; duration_s, where it does not go on for ever",
    "wiring": 'wiring = { mistake = … } of a [[meter]], or of an [[event]] with what = "wiring"',
    "fault": "share = 1.0, from, to",
}
"""Keys that all entries of a section have."""
CATALOGUE: Final = (
    *_entries(
        "event",
        "treatment line",
        (EventKind.TREATMENT_OFF, "", "switched off: only standby power"),
        (EventKind.LATE_START, "", "off from the begin of the run until after `at`"),
        (EventKind.EARLY_STOP, "", "off from `at` to the end of the run"),
        (EventKind.ON_OFF, "off_s = 60, on_s = 60", "off and on again, each time shorter than the delay"),
        (EventKind.IDLE, "power_share = 0.2, current_share = 0.4", "belt off, damper shut, pump dry"),
        (EventKind.UNDERSPEED, "frequency_hz = 35", "drive turned down: power goes with the cube"),
        (EventKind.DUMMY, "power_share = 0.5", "a heater in place of the fan: flat, power factor 1"),
    ),
    *_entries("event", "line", (EventKind.UNMETERED, "power_share = 0.5", "a part is fed past the meters")),
    *_entries(
        "event",
        "line, or all",
        (
            EventKind.POWER_CUT,
            'counters = "stop" | "go_on"',
            "meters silent; the line stands still or runs in the dark",
        ),
    ),
    *_entries(
        "event",
        "meter",
        (EventKind.WIRING, "wiring", "a wiring mistake comes, and goes again"),
        (EventKind.CT_OFF, "phases = all", "transformers removed or shorted: one step to no current"),
        (EventKind.CT_MOVED, "to_line, phases = all", "transformers moved to the cable of another line"),
        (EventKind.STUCK_METER, "", "registers stay as they were"),
        (EventKind.REPLAYED_METER, "window_s = 3600", "the last hour is shown again and again"),
        (EventKind.DEAD_METER, "", "no answer any more"),
        (
            EventKind.METER_REPLACED,
            "counter_wh = 0, serial = drawn",
            "another meter: serial number and counter",
        ),
        (EventKind.METER_RESET, "counter_wh = 0", "counters start anew, the serial number stays"),
        (
            EventKind.COUNTER_WRAP,
            "wraps_at_wh = 1e8",
            "the counter of import wraps to nothing at this moment",
        ),
        (EventKind.NO_NUMBERS, "points = all that is measured", 'registers hold NaN or "not available"'),
        (
            EventKind.SETTINGS_CHANGED,
            "ct_ratio, pt_ratio, firmware",
            "registers of its settings; readings follow the CT ratio where they are primary",
        ),
    ),
    *_entries(
        "event", "bus", (EventKind.UNPLUGGED, "", "the terminal or the listener is gone, then there again")
    ),
    *_entries("event", "bus or meter", (EventKind.GAP, "", "no answer for a time")),
    *_entries(
        "wiring",
        "meter",
        (Mistake.CT_REVERSED, "phases = all", "negative power of these phases; all three: export counts"),
        (Mistake.CTS_SWAPPED, "phases (two)", "unequal powers, together nothing"),
        (Mistake.CTS_ROTATED, "", "L1 sees L2: −1.15 of the power at PF 0.8"),
        (Mistake.CTS_ROTATED_BACK, "", "L1 sees L3: at PF 0.5 only Q is negative"),
        (Mistake.VOLTAGE_LOST, "phases = all", "no voltage with current"),
        (Mistake.CT_OPEN, "phases = all", "no current with voltage"),
        (Mistake.SAME_PHASE, "phases (one)", "one phase's current in all three"),
        (Mistake.WRONG_RATIO, "ratio, phases = all", "currents read `ratio` times what they are"),
        (Mistake.OTHER_CABLE, "line, phases = all", "the currents of another line"),
    ),
    *_entries(
        "fault",
        "bus or meter",
        (FaultKind.LATE, "delay_s = 1, delay_max_s", "right, but late"),
        (FaultKind.SILENCE, "", "no answer"),
        (FaultKind.EXCEPTION, "code = 4", "an exception in its place"),
        (FaultKind.WRONG_UNIT, "", "in another meter's name"),
        (FaultKind.WRONG_FUNCTION, "", "function 4 for 3 and 3 for 4"),
        (FaultKind.WRONG_COUNT, "", "a register more or less"),
        (FaultKind.ODD_BYTES, "", "a byte more or less"),
        (FaultKind.BYTE_GAP, "gap_s = 0.02", "the frame stops at some place and goes on"),
        (FaultKind.SLOW_LORIS, "gap_s = 0.1", "every byte by itself"),
        (FaultKind.DUPLICATE, "gap_s = 0.005", "the answer comes twice"),
    ),
    *_entries(
        "fault",
        "serial frames",
        (FaultKind.CRC_NOISE, "", "a bit flipped, the end cut off, or noise in front"),
        (FaultKind.BABBLE, "", "noise that keeps the bus busy, in its place"),
        (
            FaultKind.SECOND_MASTER,
            "",
            "another master asks and is answered, before, behind or in place of it",
        ),
        (FaultKind.CHATTER, "gap_s = 1", "another master asks and is answered also while we are silent"),
    ),
    *_entries("fault", "bus over TCP", (FaultKind.FLOOD, "bytes = 65536", "as much noise in its place")),
)
