"""The DL/T 645 side of `dianjian scan`: the meters of a line by wildcards, and which model reads them."""

import json
from collections.abc import Iterator

import click

from drivers.bus import Dlt645Bus
from drivers.clock import SystemClock
from drivers.dlt645_search import FoundMeter, search
from drivers.errors import BusDownError
from drivers.meter import Meter, MeterSetup
from drivers.model import Model, load, names
from drivers.reading import PollGroup, Quantity
from provisioning.exits import EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.show import console, table

Row = dict[str, object]


def scan_line(bus: Dlt645Bus, *, as_json: bool) -> None:
    """Show every meter of the line, as soon as it is found if `as_json`."""
    found: list[Row] = []
    try:
        for meter in search(bus):
            found.append(_row(bus, meter))
            if as_json:
                click.echo(json.dumps(found[-1]))
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{bus.url}: {error}") from error
    finally:
        bus.close()
    if not found:
        raise fail(
            EXIT_NO,
            f"{bus.url}: no DL/T 645 meter answers; check baud rate (2400 or 9600), parity E and A/B wires",
        )
    if not as_json:
        cells = [[str(row[key]) for key in ("address", "how", "model")] for row in found]
        console().print(table(("address", "life", "model"), cells))


def _row(bus: Dlt645Bus, meter: FoundMeter) -> Row:
    model = next(_fitting(bus, meter.address), "") if meter.how == "answers" else ""
    return {"address": meter.address, "how": meter.how, "model": model, "certain": False}


def _fitting(bus: Dlt645Bus, address: str) -> Iterator[str]:
    """The models all of whose voltages the meter has, the one with most points first."""
    known = sorted((model for name in names() if (model := load(name)).is_dlt645), key=_points, reverse=True)
    for model in known:
        setup = MeterSetup(model.name, model, address=address)
        reading = Meter(setup, bus.gap_registers_max).poll(bus, PollGroup.FAST, SystemClock())
        values = model.decode(reading.blocks)
        voltages = [point.name for point in model.points if point.quantity is Quantity.VOLTAGE]
        if all(name in values for name in voltages):
            yield model.name


def _points(model: Model) -> int:
    return len(model.points)
