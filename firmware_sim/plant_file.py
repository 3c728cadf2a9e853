"""The text of a plant: a TOML file, checked as a whole, every mistake in one go with its place.

[plant]
start = 2026-03-02T07:30:00+08:00   # where the plant's time begins; needs its offset
seed = 1

[[bus]]
id = "b1"
kind = "pty"                        # tcp | rtu+tcp | pty
protocol = "modbus"                 # or "dlt645": 2400 baud, parity E unless it says otherwise
baudrate = 9600                     # paces the answers; on TCP only if given
parity = "E"
link = "/tmp/b1"                    # optional symbolic link to the pty
# tcp, rtu+tcp: host = "127.0.0.1", port = 0 (a free one); all: turnaround_s = 0.02

[[line]]
id = "p1"
kind = "production"                 # production | treatment | incomer
rated_w = 75000
profile = { shape = "batch", shifts = ["08:00-12:00"], on_s = 1800, off_s = 300 }
                                    # keys and defaults: firmware_sim.signals.Profile
# a line of kind "incomer" has no profile: it takes what all other lines take, and losses = 0.02 of it

[[meter]]
id = "m1"
model = "eastron-sdm630"            # a shipped model, or a model file, relative to this one
bus = "b1"
unit_id = 1                         # tcp: also 0 and 255; on a dlt645 bus: address = "123456789012"
line = "p1"
share = 1.0                         # without it the meters of a line share its power evenly
ct_ratio = 40
# pt_ratio = 1, voltage = 230, power_factor = 0.86, strict_holes = false
# an analyser of emissions has no share: `line` is the production whose emission it sees, and
# treatment = "t1" the line that treats it; without one the emission is seen as it arises
# wiring = { mistake = "ct_reversed", phases = ["l2"] }     # firmware_sim.wiring

[[event]]                           # firmware_sim.timetable
what = "treatment_off"
line = "t1"
at = 1500                           # seconds from the start, or a date and time with offset
duration_s = 900

[[fault]]                           # firmware_sim.faults
what = "late"
bus = "b1"                          # or meter = "m1"
share = 0.3
delay_s = 0.5
# delay_max_s, code = 4 (exception), from, to (as `at`)

[[quirk]]                           # firmware_sim.quirks
what = "gateway"
bus = "b1"                          # or, for what a meter can have, meter = "m1"
waits_s = 3
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from disk.tables import TableError, parse_toml, read_text
from drivers.points.model import Model
from firmware_sim.layout import (
    BusKind,
    BusPlan,
    BusProtocol,
    Layout,
    LineKind,
    LinePlan,
    MeterPlan,
    Parity,
    Wire,
)
from firmware_sim.plant_events import read_event, read_fault
from firmware_sim.plant_lines import read_profile
from firmware_sim.plant_quirks import find_doubles, read_quirk
from firmware_sim.plant_table import PlantTable, read_known, read_model, read_wiring
from firmware_sim.quirks import Quirks
from firmware_sim.signals import Profile, Shape

FILE_BYTES_MAX: Final = 1024 * 1024
"""Largest plant file that is read; a plant of a hundred meters has a fiftieth of it."""
_WATTS_MAX: Final = 1e9
_RATIO_MAX: Final = 1e5
_SHARE_SLACK: Final = 1e-6
_ADDRESS_DIGITS: Final = 12
_UNIT_OF_TCP: Final = 255
_LOSSES: Final = 0.02
"""Of a plant's transformer and cables, of what goes through them."""


class PlantError(Exception):
    """A plant file is wrong; `problems` has one line a mistake, each with its place."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_layout(path: Path | str) -> Layout:
    """The contents of a plant file.

    Raises:
        PlantError: It cannot be read or has mistakes.
    """
    try:
        table = parse_toml(read_text(Path(path), FILE_BYTES_MAX))
    except TableError as error:
        raise PlantError(tuple(f"{path}: {problem}" for problem in error.problems)) from error
    return to_layout(table, Path(path).parent)


def to_layout(data: dict[str, Any], folder: Path = Path()) -> Layout:
    """The plant that a parsed file in `folder` describes.

    Raises:
        PlantError: It has mistakes.
    """
    problems: list[str] = []
    file = PlantTable(data, "", problems)
    plant = file.table("plant")
    start_s = plant.moment("start", 0.0)
    seed = plant.whole("seed", 1, low=0, high=2**63 - 1)
    plant.finish()
    buses = tuple(_read_bus(table) for table in file.tables("bus", required=True))
    lines = tuple(_read_line(table) for table in file.tables("line", required=True))
    line_ids = [line.id for line in lines]
    meters = _read_meters(file, buses, line_ids, folder)
    layout = Layout(
        start_s=start_s,
        seed=seed,
        buses=buses,
        lines=tuple(
            evolve(line, meters=tuple(meter.id for meter in meters if meter.line == line.id))
            for line in lines
        ),
        meters=meters,
        events=tuple(read_event(table, start_s, lines, meters, buses) for table in file.tables("event")),
        faults=tuple(read_fault(table, start_s, buses, meters) for table in file.tables("fault")),
        quirks=Quirks(tuple(read_quirk(table, buses, meters) for table in file.tables("quirk"))),
    )
    file.finish()
    problems += _check_layout(layout)
    if problems:
        raise PlantError(tuple(problems))
    return layout


def _read_bus(table: PlantTable) -> BusPlan:
    kind = table.choice("kind", BusKind)
    protocol = table.choice("protocol", BusProtocol, BusProtocol.MODBUS)
    if protocol is BusProtocol.DLT645 and kind is BusKind.TCP:
        kind = BusKind.RTU_TCP  # the only way over TCP: the bytes of the wire
    paced = kind is BusKind.PTY or table.has("baudrate")
    usual = Wire.usual(protocol)
    wire = Wire(
        baudrate=table.whole("baudrate", usual.baudrate, low=300, high=921_600),
        parity=table.choice("parity", Parity, usual.parity),
        stopbits=table.whole("stopbits", 1, low=1, high=2),
    )
    bus = BusPlan(
        id=table.text("id"),
        kind=kind,
        wire=wire if paced else None,
        host="" if kind is BusKind.PTY else table.text("host", "127.0.0.1"),
        port=0 if kind is BusKind.PTY else table.whole("port", 0, low=0, high=65_535),
        link=table.text("link", "") if kind is BusKind.PTY else "",
        turnaround_s=table.number("turnaround_s", 0.02, low=0.0, high=10.0),
        protocol=protocol,
    )
    table.finish()
    return bus


def _read_line(table: PlantTable) -> LinePlan:
    old = table.matches("kind", "feed")  # plant files of version 0.1
    kind = LineKind.INCOMER if old else table.choice("kind", LineKind)
    incomer = kind is LineKind.INCOMER
    line = LinePlan(
        id=table.text("id"),
        kind=kind,
        rated_w=table.number("rated_w", low=1.0, high=_WATTS_MAX),
        profile=Profile(Shape.CONTINUOUS) if incomer else read_profile(table.table("profile", required=True)),
        losses=table.number("losses", _LOSSES, low=0.0, high=1.0) if incomer else 0.0,
    )
    table.finish()
    return line


def _read_meters(
    file: PlantTable, buses: tuple[BusPlan, ...], lines: list[str], folder: Path
) -> tuple[MeterPlan, ...]:
    tables = file.tables("meter", required=True)
    models = [read_model(table, folder) for table in tables]
    pairs = tuple(zip(tables, models, strict=True))
    on_line = Counter(table.text("line", "") for table, model in pairs if not model.is_analyser)
    return tuple(_read_meter(table, model, buses, lines, on_line) for table, model in pairs)


def _read_meter(
    table: PlantTable, model: Model, buses: tuple[BusPlan, ...], lines: list[str], on_line: Counter[str]
) -> MeterPlan:
    line = read_known(table, "line", "line", lines)
    treated = model.is_analyser and table.has("treatment")
    bus = read_known(table, "bus", "bus", [one.id for one in buses])
    dlt645 = any(one.id == bus and one.protocol is BusProtocol.DLT645 for one in buses)
    over_tcp = any(one.id == bus and one.kind is BusKind.TCP for one in buses)
    meter = MeterPlan(
        id=table.text("id"),
        model=model,
        bus=bus,
        unit_id=0 if dlt645 else _read_unit(table, over_tcp=over_tcp),
        address=_read_address(table) if dlt645 else "",
        line=line,
        treatment=read_known(table, "treatment", "line", lines) if treated else "",
        share=0.0
        if model.is_analyser
        else table.number("share", 1 / max(on_line[line], 1), low=0.0, high=1.0),
        ct_ratio=table.number("ct_ratio", 1.0, low=1 / _RATIO_MAX, high=_RATIO_MAX),
        pt_ratio=table.number("pt_ratio", 1.0, low=1 / _RATIO_MAX, high=_RATIO_MAX),
        voltage=table.number("voltage", 230.0, low=1.0, high=1e6),
        power_factor=table.number("power_factor", 0.86, low=0.01, high=1.0),
        strict_holes=table.flag("strict_holes", default=False),
        wiring=read_wiring(table.table("wiring"), lines) if table.has("wiring") else None,
    )
    table.finish()
    if meter.model.is_dlt645 is not dlt645:
        table.note("model", f"{meter.model.name} does not speak the protocol of bus {bus!r}")
    return meter


def _read_unit(table: PlantTable, *, over_tcp: bool) -> int:
    """The unit of a meter; one with a network of its own is at 0 or 255 (Messaging on TCP/IP, 4.4.2)."""
    if over_tcp and (table.matches("unit_id", 0) or table.matches("unit_id", _UNIT_OF_TCP)):
        return table.whole("unit_id", low=0, high=_UNIT_OF_TCP)
    return table.whole("unit_id", low=1, high=247)


def _read_address(table: PlantTable) -> str:
    text = table.text("address")
    if len(text) == _ADDRESS_DIGITS and text.isascii() and text.isdecimal():
        return text
    table.note("address", f"must be {_ADDRESS_DIGITS} digits in quotes")
    return "0" * _ADDRESS_DIGITS


def _check_layout(layout: Layout) -> Iterable[str]:
    """Mistakes that lie between sections: names and addresses given twice, shares, followed lines."""
    for name, items in (("bus", layout.buses), ("line", layout.lines), ("meter", layout.meters)):
        ids = [item.id for item in items]
        yield from (
            f"{name}[{i}].id: {text!r} is given twice"
            for i, text in enumerate(ids)
            if text and text in ids[:i]
        )
    places = [(meter.bus, meter.address or meter.unit_id) for meter in layout.meters]
    for i, place in enumerate(places):
        if place in places[:i]:
            first = places.index(place)
            key = "address" if layout.meters[i].address else "unit_id"
            yield f"meter[{i}].{key}: {place[1]} on bus {place[0]!r} is taken by meter[{first}]"
    production = {line.id for line in layout.lines if line.kind is LineKind.PRODUCTION}
    yield from find_doubles(layout.quirks.plans)
    yield from (
        f"meter[{i}].treatment: {meter.treatment!r} is a production line"
        for i, meter in enumerate(layout.meters)
        if meter.treatment in production
    )
    for i, line in enumerate(layout.lines):
        shares = sum(meter.share for meter in layout.meters if meter.line == line.id)
        if shares > 1 + _SHARE_SLACK:
            yield f"line[{i}]: its meters' shares add up to {shares:g}, more than 1"
        if line.kind is not LineKind.INCOMER:
            yield from _check_leaders(i, line, layout.lines)


def _check_leaders(number: int, line: LinePlan, lines: tuple[LinePlan, ...]) -> Iterable[str]:
    leaders = {other.id: other for other in lines if other.kind is not LineKind.INCOMER}
    for name in line.profile.lines:
        if name not in leaders:
            yield f"line[{number}].profile.lines: unknown line {name!r}; known: {', '.join(leaders)}"
        elif leaders[name].profile.lines:
            yield f"line[{number}].profile.lines: {name!r} follows other lines itself"
