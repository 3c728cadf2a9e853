"""The sections `event` and `fault` of a plant file."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from firmware_sim.electrical import PHASES
from firmware_sim.layout import BusKind, BusPlan, FaultKind, FaultPlan, LineKind, LinePlan, MeterPlan
from firmware_sim.plant_table import PlantTable, known
from firmware_sim.timetable import LINE_EVENTS, Event, What

DURATION_MAX_S: Final = 366 * 86_400.0
_DELAY_MAX_S: Final = 60.0
_ENDLESS: Final = frozenset({What.DUMMY, What.CT_OFF, What.STUCK_METER, What.DEAD_METER, What.EARLY_STOP})
"""Events that go on for ever (early_stop: to the end of the run) if no duration is given."""


def read_event(
    table: PlantTable,
    start_s: float,
    lines: Sequence[LinePlan],
    meters: Iterable[str],
    buses: Iterable[str],
) -> Event:
    """One event; it names exactly what it happens to."""
    what = table.choice("what", What)
    line = meter = bus = ""
    if what in LINE_EVENTS:
        line = known(table, "line", "line", [line.id for line in lines])
        if any(other.id == line and other.kind is not LineKind.TREATMENT for other in lines):
            table.note("line", f"{what} happens to treatment lines only")
    elif what is What.GAP and table.has("bus"):
        bus = known(table, "bus", "bus", tuple(buses))
    else:
        meter = known(table, "meter", "meter", tuple(meters))
    begin_s = table.moment("at", start_s)
    endless = math.inf if what in _ENDLESS and not table.has("duration_s") else None
    event = Event(
        what=what,
        begin_s=begin_s,
        end_s=begin_s + (endless or table.number("duration_s", low=1.0, high=DURATION_MAX_S)),
        line=line,
        meter=meter,
        bus=bus,
        power_share=_share(table, "power_share", {What.IDLE: 0.2, What.DUMMY: 0.5}.get(what)),
        current_share=_share(table, "current_share", {What.IDLE: 0.4}.get(what)),
        frequency_hz=(
            table.number("frequency_hz", 35.0, low=1.0, high=60.0) if what is What.UNDERSPEED else 0.0
        ),
        phases=_phases(table) if what is What.CT_OFF else frozenset(),
    )
    table.finish()
    return event


def read_fault(
    table: PlantTable, start_s: float, buses: Sequence[BusPlan], meters: Sequence[MeterPlan]
) -> FaultPlan:
    """One line of the fault script."""
    what = table.choice("what", FaultKind)
    meter = known(table, "meter", "meter", [meter.id for meter in meters]) if table.has("meter") else ""
    bus = "" if meter else known(table, "bus", "bus", [bus.id for bus in buses])
    place = next((item.bus for item in meters if item.id == meter), bus)
    tcp = any(one.id == place and one.kind is BusKind.TCP for one in buses)
    if tcp and what in {FaultKind.CRC_NOISE, FaultKind.BABBLE}:
        table.note("what", f"frames on the tcp bus {place!r} have no CRC, so nobody could notice")
    late = what is FaultKind.LATE
    delay_s = table.number("delay_s", 1.0, low=0.0, high=_DELAY_MAX_S) if late else 0.0
    fault = FaultPlan(
        what=what,
        bus=bus,
        meter=meter,
        share=table.number("share", 1.0, low=0.0, high=1.0),
        begin_s=table.moment("from", start_s, -math.inf),
        end_s=table.moment("to", start_s, math.inf),
        delay_s=delay_s,
        delay_max_s=table.number("delay_max_s", delay_s, low=delay_s, high=_DELAY_MAX_S) if late else 0.0,
        code=table.whole("code", 4, low=1, high=255) if what is FaultKind.EXCEPTION else 0,
    )
    if not fault.begin_s < fault.end_s:
        table.note("to", "is not after from")
    table.finish()
    return fault


def _share(table: PlantTable, key: str, default: float | None) -> float:
    """A share that only some events have."""
    return 0.0 if default is None else table.number(key, default, low=0.0, high=1.0)


def _phases(table: PlantTable) -> frozenset[int]:
    names = table.words("phases", PHASES) if table.has("phases") else PHASES
    return frozenset(PHASES.index(name) for name in names)
