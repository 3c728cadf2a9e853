"""`dianjian read`: read one meter, and show its values: raw, decoded, or as JSON."""

import contextlib
from pathlib import Path
from typing import Any, Final

import click

from disk.translation import translate_message
from drivers.clock import SystemClock
from drivers.dlt645.codec import is_address
from drivers.errors import BusDownError, BusUrlError, DriverError, ModelError
from drivers.link.bus_url import parse_url
from drivers.link.port import HUNG_UP_TWICE
from drivers.link.verdict import GATEWAY_EXCEPTIONS, UNIT_ID_MAX
from drivers.points.model import Model, load, load_file
from drivers.points.registers import Value
from drivers.poll.asking import TOO_LATE
from drivers.poll.bus import MeterBus
from drivers.poll.meter import Meter, MeterSetup
from drivers.poll.patience import POLLS_MAX, poll_patiently
from drivers.reading import UNITS, Quality, Reading
from drivers.search.identify import probe
from drivers.search.patient import PatientBus
from drivers.search.sunspec import NAME as SUNSPEC
from drivers.search.sunspec import discover, parse_choice
from provisioning.meters.access import HANGS_UP
from provisioning.meters.bus_option import RECORD, REPLAY, meter_bus
from provisioning.meters.words import WORDS
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, FiniteRange, fail
from provisioning.terminal.paths import FORCE
from provisioning.terminal.say import say, say_json
from provisioning.terminal.typed import read_ratio
from provisioning.words.language import translate
from provisioning.words.points import explain_point


class PlateRatio(FiniteRange):
    """A ratio as it stands on the plate of a transformer: 20, 100/5, 10/0.1 kV."""

    name = "ratio"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        with contextlib.suppress(ValueError):
            value = read_ratio(str(value))
        return super().convert(value, param, ctx)


RATIO: Final = PlateRatio(min=0, max=100_000, min_open=True)
_UNIT = click.IntRange(0, UNIT_ID_MAX)


@click.command("read", short_help="read one meter and show its values")
@click.argument("url", required=False)
@click.option(
    "--unit",
    "unit_id",
    type=_UNIT,
    help="The meter's address on a Modbus bus; 0, 255 over TCP.  [default: 1]",
)
@click.option("--address", help="The address of a DL/T 645 meter, 12 digits.")
@click.option(
    "--model",
    "model_name",
    required=True,
    help="A known model, the path of a model file, or sunspec to find the registers at the meter; "
    "sunspec:2 is the second meter of a SunSpec device.",
)
@click.option(
    "--ct", "ct_ratio", type=RATIO, default=1.0, help="Current transformer ratio, e.g. 20 for 100/5 A."
)
@click.option("--pt", "pt_ratio", type=RATIO, default=1.0, help="Voltage transformer ratio.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--raw", is_flag=True, help="Show the words as well as the values.")
@RECORD
@FORCE
@REPLAY
def command(
    url: str | None,
    unit_id: int | None,
    address: str | None,
    model_name: str,
    ct_ratio: float,
    pt_ratio: float,
    as_json: bool,
    raw: bool,
    record: Path | None,
    replay: Path | None,
) -> None:
    """Read the meter at URL (tcp://host:502, rtu:/dev/ttyS1?baudrate=9600&parity=N, rtu+tcp://host:port).

    DL/T 645 meters are at dlt645:/dev/ttyS1?baudrate=2400&parity=E or dlt645+tcp://host:port.
    """
    choice = parse_choice(model_name)
    known = load_model(model_name) if choice is None else None
    with meter_bus(url, record, replay) as bus:
        url = bus.url
        model = known or _discover(bus, 1 if unit_id is None else unit_id, choice or 1)
        setup = setup_of(url, model, unit_id, address, ct_ratio, pt_ratio)
        readings, left_out = poll_all(bus, setup)
        if any(HUNG_UP_TWICE in reading.reason for reading in readings):
            raise BusDownError(HANGS_UP)
    values: dict[str, Value] = {}
    for reading in readings:
        values.update(model.decode(reading.blocks, ct_ratio, pt_ratio))
    if as_json:
        told = {"left_out": left_out} if left_out else {}
        say_json(_as_json(setup, readings, values, raw=raw) | told)
    else:
        say(*_list_lines(model, readings, values, raw=raw))
    if left_out:
        points = ", ".join(f"{_full_name(name)} ({translate_message(why)})" for name, why in left_out.items())
        say(f"dianjian: {translate(WORDS['left out'], points=points)}", err=True)
    silent = [reading.reason for reading in readings if reading.quality is not Quality.GOOD]
    if silent:
        place = setup.address or setup.unit_id
        if TOO_LATE in silent[0]:
            raise fail(EXIT_NO, f"{url}: {silent[0]}; {translate(WORDS['too late'])}")
        key = "gateway finds none" if is_gateway_refusal(silent[0]) else "not read"
        raise fail(EXIT_NO, f"{url}: {translate(WORDS[key], place=place, reason=silent[0])}")


def is_gateway_refusal(reason: str) -> bool:
    """Whether a reading is bad because a gateway finds no meter there."""
    return reason in {f"exception {code}" for code in GATEWAY_EXCEPTIONS}


def load_model(name: str) -> Model:
    """A shipped model, or the one in a file; ends the command if there is none."""
    try:
        return load_file(name) if name.endswith(".toml") else load(name)
    except ModelError as error:
        raise fail(EXIT_USAGE, *error.problems) from error


def setup_of(
    url: str,
    model: Model,
    unit_id: int | None,
    address: str | None,
    ct_ratio: float = 1.0,
    pt_ratio: float = 1.0,
) -> MeterSetup:
    """The meter of that name at `url`; ends the command if URL, model and name do not fit together."""
    try:
        dlt645 = parse_url(url).is_dlt645
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if model.is_dlt645 is not dlt645:
        protocol = "DL/T 645" if model.is_dlt645 else "Modbus"
        raise fail(EXIT_USAGE, f"--model {model.name} speaks {protocol}, the bus at {url} does not")
    if not dlt645:
        if address is not None:
            raise fail(EXIT_USAGE, f"--address is for DL/T 645; a meter at {url} has a --unit")
        return MeterSetup(model.name, model, 1 if unit_id is None else unit_id, ct_ratio, pt_ratio)
    if unit_id is not None or address is None or not is_address(address):
        raise fail(EXIT_USAGE, f"a meter at {url} needs --address with its 12 digits; dianjian scan finds it")
    return MeterSetup(model.name, model, ct_ratio=ct_ratio, pt_ratio=pt_ratio, address=address)


def poll_all(bus: MeterBus, setup: MeterSetup) -> tuple[list[Reading], dict[str, str]]:
    """One reading of each group of the meter, and the points that it does not give; raises BusDownError."""
    meter, clock = Meter(setup, bus.gap_registers_max), SystemClock()
    readings: list[Reading] = []
    for group in setup.intervals_s:
        is_there = not readings or any(one.quality is Quality.GOOD for one in readings)
        polls_max = POLLS_MAX if is_there else 1
        readings.append(poll_patiently(meter, bus, group, clock, polls_max))
    return readings, meter.left_out


def _discover(bus: MeterBus, unit_id: int, number: int) -> Model:
    """The point table of a meter of a SunSpec device; the others are named on stderr."""
    try:
        patient = PatientBus(bus, unit_id, probe(bus, unit_id).control, SystemClock())
        meters = discover(patient, unit_id)
    except BusDownError:
        raise
    except DriverError as error:
        raise fail(EXIT_NO, f"{bus.url}: {error}") from error
    chosen = next((one for one in meters if one.number == number), None)
    if chosen is None:
        text = translate(WORDS["no such meter"], unit=unit_id, count=len(meters), number=number)
        raise fail(EXIT_NO, f"{bus.url}: {text}")
    others = [f"{SUNSPEC}:{one.number} {one.serial}".rstrip() for one in meters if one is not chosen]
    if others:
        say(f"dianjian: {translate(WORDS['other meters'], others=', '.join(others))}", err=True)
    return chosen.model


def _as_json(
    setup: MeterSetup, readings: list[Reading], values: dict[str, Value], *, raw: bool
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        **({"address": setup.address} if setup.address else {"unit_id": setup.unit_id}),
        "model": setup.model.name,
        "quality": "good" if all(reading.quality is Quality.GOOD for reading in readings) else "bad",
        "reasons": sorted({reading.reason for reading in readings if reading.reason}),
        "latency_ms": round(max(reading.latency_ns for reading in readings) / 1e6, 3),
        "values": values,
    }
    if raw:
        answer["blocks"] = [
            {"function": block.function, "address": block.address, "words": block.words.hex()}
            for reading in readings
            for block in reading.blocks
        ]
    return answer


def _list_lines(model: Model, readings: list[Reading], values: dict[str, Value], *, raw: bool) -> list[str]:
    lines = []
    if raw:
        for reading in readings:
            for block in reading.blocks:
                words = block.words.hex(" ", 2)
                lines.append(f"function {block.function} address {block.address:#06x}: {words}")
    rows = []
    for name, value in values.items():
        unit = UNITS.get(model.point(name).quantity, "")
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        rows.append((name, f"{shown} {unit}".rstrip(), translate(explain_point(name))))
    wide, wider = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return lines + [f"{name:<{wide}}  {shown:<{wider}}  {told}".rstrip() for name, shown, told in rows]


def _full_name(name: str) -> str:
    return f"{name} {translate(explain_point(name))}".rstrip()
