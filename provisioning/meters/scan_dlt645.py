"""The DL/T 645 side of `dianjian scan`: the meters of a bus by wildcards, and which model reads them.

Where the URL of a serial bus does not give its baud rate, the usual ones are tried until a meter answers.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import click

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError
from drivers.points.model import load, names
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quantity
from drivers.search.dlt645 import FoundMeter, search
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.show import console, table

BAUDRATES: Final = (2400, 9600, 4800, 1200)
"""What DL/T 645 meters are set to, the most usual first."""

Row = dict[str, object]


def scan_bus(bus: Dlt645Bus, *, as_json: bool) -> None:
    """Show every meter of the bus, as soon as it is found if `as_json`."""
    bus.close()
    found: list[Row] = []
    urls = urls_to_try(bus.url)
    for url in urls:
        for row in _search(url):
            found.append(row)
            if as_json:
                click.echo(json.dumps(row))
        if found:
            break
    else:
        tried = f" at {', '.join(map(str, BAUDRATES))} baud" if len(urls) > 1 else ""
        raise fail(
            EXIT_NO, f"{bus.url}: no DL/T 645 meter answers{tried}; check baud rate, parity E and A/B wires"
        )
    if not as_json:
        cells = [[str(row[key]) for key in ("address", "how", "model", "url")] for row in found]
        console().print(table(("address", "life", "model", "url"), cells))


def urls_to_try(url: str) -> list[str]:
    """The bus at each usual baud rate, or as it is where its URL names one or it has none."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme != "dlt645" or "baudrate" in options:
        return [url]
    queries = (urlencode({"baudrate": baudrate} | options) for baudrate in BAUDRATES)
    return [urlunsplit(parts._replace(query=query)) for query in queries]


def _search(url: str) -> Iterator[Row]:
    bus = open_bus(url, SystemClock())
    assert isinstance(bus, Dlt645Bus)
    try:
        for meter in search(bus):
            yield _row(bus, meter)
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{url}: {error}") from error
    finally:
        bus.close()


def _row(bus: Dlt645Bus, meter: FoundMeter) -> Row:
    model = next(find_fitting_models(bus, meter.address), "") if meter.how == "answers" else ""
    return {"address": meter.address, "how": meter.how, "model": model, "certain": False, "url": bus.url}


def find_fitting_models(bus: Dlt645Bus, address: str) -> Iterator[str]:
    """The models all of whose voltages the meter has, the one with most points first."""
    known = [model for name in names() if (model := load(name)).is_dlt645]
    for model in sorted(known, key=lambda model: len(model.points), reverse=True):
        setup = MeterSetup(model.name, model, address=address)
        reading = Meter(setup, bus.gap_registers_max).poll(bus, PollGroup.FAST, SystemClock())
        values = model.decode(reading.blocks)
        voltages = [point.name for point in model.points if point.quantity is Quantity.VOLTAGE]
        if all(name in values for name in voltages):
            yield model.name
