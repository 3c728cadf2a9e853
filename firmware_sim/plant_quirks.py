"""The section `quirk` of a plant file: only the keys that the quirk has, on what can have it."""

from collections.abc import Sequence
from typing import Any, Final

from firmware_sim.layout import BusKind, BusPlan, BusProtocol, MeterPlan
from firmware_sim.pacing import SPEEDS
from firmware_sim.plant_table import PlantTable, read_known
from firmware_sim.quirks import (
    OF_BUS,
    OF_METER,
    SILENCE,
    Absent,
    Extra,
    HangUpBy,
    Overflow,
    QuirkKind,
    QuirkPlan,
    Sends,
)

WAITS_MAX_S: Final = 30.0
"""No gateway that is sold waits longer for a meter."""
QUEUE_MAX: Final = 256
PAUSE_MAX_S: Final = 10.0
IDLE_MAX_S: Final = 86_400.0
CLIENTS_MAX: Final = 32
"""Every simulated TCP bus turns away more: firmware_sim.server_ports."""
ANSWERS_MAX: Final = 1_000_000
_CODE_MAX: Final = 4
"""Exceptions 1 to 4 are what a meter says to a read."""
_REGISTERS_MAX: Final = 125


def read_quirk(table: PlantTable, buses: Sequence[BusPlan], meters: Sequence[MeterPlan]) -> QuirkPlan:
    """One quirk; it names the bus or the meter that has it."""
    what = table.choice("what", QuirkKind)
    bus_id, meter_id = _read_place(table, what, buses, meters)
    meter = next((one for one in meters if one.id == meter_id), None)
    if (bus := next((one for one in buses if one.id == bus_id), None)) is not None:
        _check_bus(table, what, bus)
    if meter is not None:
        _check_meter(table, what, meter)
    plan = QuirkPlan(what, bus_id, meter_id, **_read_keys(table, what, meter))
    table.finish()
    return plan


def find_doubles(quirks: Sequence[QuirkPlan]) -> list[str]:
    """One line for each quirk that the same bus or meter was given before."""
    places = [(one.what, one.bus, one.meter) for one in quirks]
    return [
        f"quirk[{i}].what: {place[0]} of {place[1] or place[2]!r} is given twice"
        for i, place in enumerate(places)
        if place in places[:i]
    ]


def _read_place(
    table: PlantTable, what: QuirkKind, buses: Sequence[BusPlan], meters: Sequence[MeterPlan]
) -> tuple[str, str]:
    """The bus or the meter that has the quirk."""
    if what in OF_METER or (what not in OF_BUS and table.has("meter")):
        return "", read_known(table, "meter", "meter", [one.id for one in meters])
    return read_known(table, "bus", "bus", [one.id for one in buses]), ""


def _read_keys(table: PlantTable, what: QuirkKind, meter: MeterPlan | None) -> dict[str, Any]:
    """The keys specific to this quirk."""
    match what:
        case QuirkKind.GATEWAY:
            return {
                "waits_s": table.number("waits_s", 1.0, low=0.01, high=WAITS_MAX_S),
                "absent": table.choice("absent", Absent, Absent.EXCEPTION_11),
                "queue": table.whole("queue", 8, low=0, high=QUEUE_MAX),
                "overflow": table.choice("overflow", Overflow, Overflow.DROP_NEWEST),
            }
        case QuirkKind.HANG_UP:
            return _read_hang_up(table)
        case QuirkKind.FEW_CLIENTS:
            return {
                "clients": table.whole("clients", 1, low=1, high=CLIENTS_MAX),
                "extra": table.choice("extra", Extra, Extra.CLOSED),
            }
        case QuirkKind.TRANSACTION_ID:
            return {"sends": table.choice("sends", Sends, Sends.ZERO)}
        case QuirkKind.PAUSE:
            return {"pause_s": table.number("pause_s", 0.1, low=0.001, high=PAUSE_MAX_S)}
        case QuirkKind.MISSING:
            names = [] if meter is None else [point.name for point in meter.model.points]
            points = table.texts("points", names) if table.has("points") else ()
            return {"points": points, "code": _read_code(table)}
        case QuirkKind.BLOCK_MAX:
            return {
                "registers": table.whole("registers", 10, low=1, high=_REGISTERS_MAX),
                "code": _read_code(table),
            }
    return {}


def _read_hang_up(table: PlantTable) -> dict[str, Any]:
    if not table.has("after") and not table.has("idle_s"):
        table.note("after", "missing: hang_up needs it or idle_s")
    cut = table.flag("cut", default=False)
    if cut and not table.has("after"):
        table.note("cut", "needs after: the answer in which it hangs up")
    return {
        "after": table.whole("after", 0, low=1, high=ANSWERS_MAX) if table.has("after") else 0,
        "idle_s": table.number("idle_s", low=0.01, high=IDLE_MAX_S) if table.has("idle_s") else 0.0,
        "by": table.choice("by", HangUpBy, HangUpBy.FIN),
        "cut": cut,
    }


def _read_code(table: PlantTable) -> int:
    return table.whole("code", 2, low=SILENCE, high=_CODE_MAX)


def _check_bus(table: PlantTable, what: QuirkKind, bus: BusPlan) -> None:
    """Note a quirk that its bus cannot have."""
    terminal = bus.kind is BusKind.PTY
    if what is QuirkKind.STRICT_SERIAL:
        if not terminal:
            table.note("what", f"strict_serial is for a terminal (pty), not for bus {bus.id!r}")
        elif bus.wire is None or bus.wire.baudrate not in SPEEDS:
            table.note("what", f"strict_serial: a terminal cannot be set to the baud rate of bus {bus.id!r}")
    elif what in OF_BUS and terminal:
        table.note("what", f"{what} is for a bus over TCP, not for the terminal of bus {bus.id!r}")
    if what is QuirkKind.GATEWAY and bus.protocol is not BusProtocol.MODBUS:
        table.note("what", f"gateway is for Modbus, not for bus {bus.id!r}")
    if what is QuirkKind.TRANSACTION_ID and bus.kind is BusKind.RTU_TCP:
        table.note("what", f"RTU frames on bus {bus.id!r} have no transaction id")


def _check_meter(table: PlantTable, what: QuirkKind, meter: MeterPlan) -> None:
    """Note a quirk that its meter cannot have."""
    if what is QuirkKind.NO_BLOCKS and not meter.model.is_dlt645:
        table.note("what", f"no_blocks is for DL/T 645; {meter.model.name} speaks Modbus")
    if what is QuirkKind.BLOCK_MAX and meter.model.is_dlt645:
        table.note("what", f"block_max is for Modbus; {meter.model.name} speaks DL/T 645")
