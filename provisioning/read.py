"""`dianjian read`: ask one meter, and show what it says: raw, decoded, or as JSON."""

import json
from typing import Any

import click

from drivers.bus import open_bus
from drivers.clock import SystemClock
from drivers.errors import BusDownError, BusUrlError, ModelError
from drivers.meter import METER_UNIT_ID_MAX, Meter, MeterSetup
from drivers.model import Model, load, load_file
from drivers.reading import UNITS, Quality, Reading
from drivers.registers import Value
from provisioning.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, FiniteRange, fail

RATIO = FiniteRange(min=0, max=100_000, min_open=True)
_UNIT = click.IntRange(1, METER_UNIT_ID_MAX)


@click.command("read", short_help="ask one meter and show what it says")
@click.argument("url")
@click.option(
    "--unit", "unit_id", type=_UNIT, default=1, show_default=True, help="The meter's address on the bus."
)
@click.option("--model", "model_name", required=True, help="A known model, or the path of a model file.")
@click.option(
    "--ct", "ct_ratio", type=RATIO, default=1.0, help="Current transformer ratio, e.g. 20 for 100/5 A."
)
@click.option("--pt", "pt_ratio", type=RATIO, default=1.0, help="Voltage transformer ratio.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--raw", is_flag=True, help="Show the words as well as the values.")
def command(
    url: str, unit_id: int, model_name: str, ct_ratio: float, pt_ratio: float, as_json: bool, raw: bool
) -> None:
    """Ask the meter at URL (tcp://host:502, rtu:/dev/ttyS1?baudrate=9600&parity=N, rtu+tcp://host:port)."""
    model = load_model(model_name)
    setup = MeterSetup(model.name, model, unit_id, ct_ratio, pt_ratio)
    readings = poll_all(url, setup)
    values: dict[str, Value] = {}
    for reading in readings:
        values.update(model.decode(reading.blocks, ct_ratio, pt_ratio))
    if as_json:
        click.echo(json.dumps(_as_json(unit_id, model, readings, values, raw=raw), ensure_ascii=False))
    else:
        click.echo(_as_text(model, readings, values, raw=raw))
    silent = [reading.reason for reading in readings if reading.quality is not Quality.GOOD]
    if silent:
        raise fail(
            EXIT_NO, f"unit {unit_id} on {url}: {silent[0]}; check address, model, baud rate and wiring"
        )


def load_model(name: str) -> Model:
    """A shipped model, or the one in a file; ends the verb where there is none."""
    try:
        return load_file(name) if name.endswith(".toml") else load(name)
    except ModelError as error:
        raise fail(EXIT_USAGE, *error.problems) from error


def poll_all(url: str, setup: MeterSetup) -> list[Reading]:
    """One reading of each group of the meter; ends the verb where the bus cannot be used."""
    clock = SystemClock()
    try:
        bus = open_bus(url, clock)
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    try:
        meter = Meter(setup, bus.gap_registers_max)
        return [meter.poll(bus, group, clock) for group in setup.intervals_s]
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{url}: {error}") from error
    finally:
        bus.close()


def _as_json(
    unit_id: int, model: Model, readings: list[Reading], values: dict[str, Value], *, raw: bool
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "unit_id": unit_id,
        "model": model.name,
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


def _as_text(model: Model, readings: list[Reading], values: dict[str, Value], *, raw: bool) -> str:
    lines = []
    if raw:
        for reading in readings:
            for block in reading.blocks:
                words = block.words.hex(" ", 2)
                lines.append(f"function {block.function} address {block.address:#06x}: {words}")
    width = max(map(len, values), default=0)
    for name, value in values.items():
        unit = UNITS.get(model.point(name).quantity, "")
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        lines.append(f"{name:<{width}}  {shown} {unit}".rstrip())
    return "\n".join(lines)
