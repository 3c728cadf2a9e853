"""The sections `event` and `fault` of a plant file."""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import evolve

from drivers.points.point import Ratio
from drivers.reading import Quantity
from firmware_sim.layout import (
    BusKind,
    BusPlan,
    BusProtocol,
    FaultKind,
    FaultPlan,
    LineKind,
    LinePlan,
    MeterPlan,
)
from firmware_sim.plant_table import PlantTable, read_known, read_phases, read_wiring
from firmware_sim.timetable import LINE_EVENTS, SETTINGS, TREATMENT_EVENTS, Event, EventKind, Shows
from firmware_sim.wiring import Mistake, Wiring

DURATION_MAX_S: Final = 366 * 86_400.0
_COUNTER_MAX_WH: Final = 1e12
_SERIAL_MAX: Final = 99_999_999
"""Eight digits: see firmware_sim.device."""
_DELAY_MAX_S: Final = 60.0
_FLOOD_MAX: Final = 16 * 1024 * 1024
"""Bytes of one flood: more shows nothing new."""
_RATIO_MAX: Final = 1e5
_FIRMWARE_MAX: Final = 65_535
_POWER_SHARES: Final = {
    EventKind.IDLE: 0.2,
    EventKind.DUMMY: 0.5,
    EventKind.THROTTLED: 0.5,
    EventKind.UNMETERED: 0.5,
}
_GAPS_S: Final = {
    FaultKind.BYTE_GAP: 0.02,
    FaultKind.SLOW_LORIS: 0.1,
    FaultKind.DUPLICATE: 0.005,
    FaultKind.CHATTER: 1.0,
}
_GAPS_MIN_S: Final = {FaultKind.CHATTER: 0.05}
"""Shorter pauses would leave the bus no time for our requests."""
_MOMENTARY: Final = frozenset(
    {
        EventKind.METER_REPLACED,
        EventKind.METER_RESET,
        EventKind.METER_RESTARTED,
        EventKind.COUNTER_WRAP,
    }
)
"""Events that take no time unless a duration is given."""
_ENDLESS: Final = frozenset(
    {
        EventKind.DUMMY,
        EventKind.WIRING,
        EventKind.CT_OFF,
        EventKind.CT_MOVED,
        EventKind.UNMETERED,
        EventKind.STUCK_METER,
        EventKind.REPLAYED_METER,
        EventKind.DEAD_METER,
        EventKind.EARLY_STOP,
        EventKind.NO_NUMBERS,
        EventKind.SETTINGS_CHANGED,
    }
)
"""Events that go on for ever (early_stop: to the end of the run) if no duration is given."""


class Counters(StrEnum):
    """What the counters do in a power cut."""

    STOP = "stop"
    GO_ON = "go_on"


def read_event(
    table: PlantTable,
    start_s: float,
    lines: Sequence[LinePlan],
    meters: Sequence[MeterPlan],
    buses: Sequence[BusPlan],
) -> Event:
    """One event; it names exactly what it applies to."""
    what = table.choice("what", EventKind)
    line, meter, bus = _read_place(table, what, lines, [one.id for one in meters], buses)
    begin_s = table.moment("at", start_s)
    event = Event(
        what=what,
        begin_s=begin_s,
        end_s=begin_s + _read_duration_s(table, what),
        line=line,
        meter=meter,
        bus=bus,
        power_share=_read_share(table, "power_share", _POWER_SHARES.get(what)),
        current_share=_read_share(table, "current_share", {EventKind.IDLE: 0.4}.get(what)),
    )
    event = evolve(event, **_read_own_keys(table, what, [one.id for one in lines]))
    plan = next((one for one in meters if one.id == meter), None)
    if plan is not None and what in {EventKind.SETTINGS_CHANGED, EventKind.NO_NUMBERS}:
        event = evolve(event, **_read_model_keys(table, what, plan))
    table.finish()
    return event


def _read_place(
    table: PlantTable,
    what: EventKind,
    lines: Sequence[LinePlan],
    meters: Iterable[str],
    buses: Sequence[BusPlan],
) -> tuple[str, str, str]:
    """The line, the meter or the bus that an event happens to."""
    if what is EventKind.POWER_CUT and not table.has("line"):
        return "", "", ""
    if what in LINE_EVENTS:
        line = read_known(table, "line", "line", [line.id for line in lines])
        other = any(one.id == line and one.kind is not LineKind.TREATMENT for one in lines)
        if what in TREATMENT_EVENTS and other:
            table.note("line", f"{what} happens to treatment lines only")
        if any(one.id == line and one.kind is LineKind.INCOMER for one in lines):
            table.note("line", f"{what} happens to no incomer; a power_cut without a line happens to all")
        return line, "", ""
    if what is EventKind.UNPLUGGED or (what is EventKind.GAP and table.has("bus")):
        bus = read_known(table, "bus", "bus", [one.id for one in buses])
        if what is EventKind.UNPLUGGED and any(
            one.id == bus and one.kind is BusKind.PTY and not one.link for one in buses
        ):
            table.note("bus", "needs a link: the terminal has another name when it comes back")
        return "", "", bus
    return "", read_known(table, "meter", "meter", tuple(meters)), ""


def _read_duration_s(table: PlantTable, what: EventKind) -> float:
    if not table.has("duration_s") and what in _ENDLESS | _MOMENTARY:
        return math.inf if what in _ENDLESS else 0.0
    return table.number("duration_s", low=1.0, high=DURATION_MAX_S)


def _read_own_keys(table: PlantTable, what: EventKind, lines: Sequence[str]) -> dict[str, Any]:
    """The keys specific to this event."""
    match what:
        case EventKind.UNDERSPEED:
            return {"frequency_hz": table.number("frequency_hz", 35.0, low=1.0, high=60.0)}
        case EventKind.ON_OFF:
            return {key: table.number(key, 60.0, low=1.0, high=86_400.0) for key in ("off_s", "on_s")}
        case EventKind.POWER_CUT:
            return {"counters_stop": table.choice("counters", Counters, Counters.STOP) is Counters.STOP}
        case EventKind.WIRING:
            return {"wiring": read_wiring(table.table("wiring", required=True), lines)}
        case EventKind.CT_OFF:
            return {"wiring": Wiring(Mistake.CT_OPEN, read_phases(table))}
        case EventKind.CT_MOVED:
            line = read_known(table, "to_line", "line", lines)
            return {"wiring": Wiring(Mistake.OTHER_CABLE, read_phases(table), line=line)}
        case EventKind.COUNTER_WRAP:
            return {"wraps_at_wh": table.number("wraps_at_wh", 1e8, low=1.0, high=_COUNTER_MAX_WH)}
        case EventKind.REPLAYED_METER:
            return {"window_s": table.number("window_s", 3600.0, low=1.0, high=DURATION_MAX_S)}
        case EventKind.METER_REPLACED | EventKind.METER_RESET | EventKind.METER_RESTARTED:
            return _read_counter_keys(table, what)
    return {}


def _read_counter_keys(table: PlantTable, what: EventKind) -> dict[str, Any]:
    """What the counters of a meter show after it was silent."""
    if what is EventKind.METER_RESTARTED:
        return {
            "settles_s": table.number("settles_s", 10.0, low=0.0, high=DURATION_MAX_S),
            "shows": table.choice("shows", Shows, Shows.ZERO),
        }
    new = what is EventKind.METER_REPLACED
    return {
        "counter_wh": table.number("counter_wh", 0.0, low=0.0, high=_COUNTER_MAX_WH),
        "serial": table.whole("serial", 0, low=0, high=_SERIAL_MAX) if new else 0,
    }


def _read_model_keys(table: PlantTable, what: EventKind, meter: MeterPlan) -> dict[str, Any]:
    """The keys of events that depend on which registers the meter has."""
    if what is EventKind.NO_NUMBERS:
        names = [point.name for point in meter.model.points]
        return {"points": table.texts("points", names) if table.has("points") else ()}
    has = {point.quantity for point in meter.model.points}
    wanted = [key for key in SETTINGS if table.has(key)]
    if not wanted:
        table.note("what", f"settings_changed needs one of {', '.join(SETTINGS)}")
    for key in wanted:
        if key not in has:
            table.note(key, f"{meter.model.name} has no such register")
    ratios = [key for key in wanted if key is not Quantity.FIRMWARE]
    new: dict[str, Any] = {key: table.number(key, low=1 / _RATIO_MAX, high=_RATIO_MAX) for key in ratios}
    if Quantity.FIRMWARE in wanted:
        new["firmware"] = table.whole("firmware", low=1, high=_FIRMWARE_MAX)
    if "ct_ratio" in new and _is_primary(meter):
        new["wiring"] = Wiring(Mistake.WRONG_RATIO, ratio=new["ct_ratio"] / meter.ct_ratio)
    return new


def _is_primary(meter: MeterPlan) -> bool:
    """Whether the meter itself multiplies by the ratio of its transformers."""
    currents = [point for point in meter.model.points if point.quantity is Quantity.CURRENT]
    return all(point.ratio is Ratio.NONE for point in currents)


def read_fault(
    table: PlantTable, start_s: float, buses: Sequence[BusPlan], meters: Sequence[MeterPlan]
) -> FaultPlan:
    """One entry of the fault script."""
    what = table.choice("what", FaultKind)
    meter = read_known(table, "meter", "meter", [meter.id for meter in meters]) if table.has("meter") else ""
    bus = "" if meter else read_known(table, "bus", "bus", [bus.id for bus in buses])
    place = next((item.bus for item in meters if item.id == meter), bus)
    if what is FaultKind.CHATTER and meter:
        table.note("meter", "chatter is on a whole bus: give bus in its place")
    _check_bus(table, what, next((one for one in buses if one.id == place), None))
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
        gap_s=(
            table.number("gap_s", _GAPS_S[what], low=_GAPS_MIN_S.get(what, 0.0), high=_DELAY_MAX_S)
            if what in _GAPS_S
            else 0.0
        ),
        bytes=table.whole("bytes", 65_536, low=1, high=_FLOOD_MAX) if what is FaultKind.FLOOD else 0,
    )
    if not fault.begin_s < fault.end_s:
        table.note("to", "is not after from")
    table.finish()
    return fault


def _check_bus(table: PlantTable, what: FaultKind, bus: BusPlan | None) -> None:
    """Note a fault that cannot happen on its bus."""
    if bus is None:
        return
    if bus.kind is BusKind.TCP and what in {FaultKind.CRC_NOISE, FaultKind.BABBLE}:
        table.note(
            "what", f"frames on the tcp bus {bus.id!r} have no CRC, so noise in them cannot be detected"
        )
    if what in {FaultKind.SECOND_MASTER, FaultKind.CHATTER} and (
        bus.kind is BusKind.TCP or bus.protocol is not BusProtocol.MODBUS
    ):
        table.note("what", f"{what} is for Modbus on a serial bus, not for bus {bus.id!r}")
    if what is FaultKind.FLOOD and bus.kind is BusKind.PTY:
        table.note("what", f"flood is for TCP; on the terminal of bus {bus.id!r} take babble")


def _read_share(table: PlantTable, key: str, default: float | None) -> float:
    """A share that only some events have."""
    return 0.0 if default is None else table.number(key, default, low=0.0, high=1.0)
