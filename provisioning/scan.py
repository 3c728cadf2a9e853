"""`dianjian scan`: find the meters of a bus and say what they are. Reads only, never writes."""

import json
from collections.abc import Iterator

import click

from drivers.bus import Dlt645Bus, MeterBus, open_bus
from drivers.clock import SystemClock
from drivers.errors import BusDownError, BusUrlError
from drivers.meter import METER_UNIT_ID_MAX
from drivers.model import load, names
from drivers.probe import SCAN_TIMEOUT_S, Match, identify, probe
from provisioning.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, FiniteRange, fail
from provisioning.scan_dlt645 import scan_line
from provisioning.show import console, progress, table

Row = dict[str, object]


@click.command("scan", short_help="find the meters of a bus")
@click.argument("url")
@click.option("--first", type=click.IntRange(1, METER_UNIT_ID_MAX), default=1, show_default=True)
@click.option(
    "--last", type=click.IntRange(1, METER_UNIT_ID_MAX), default=METER_UNIT_ID_MAX, show_default=True
)
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(min=0.001, max=60),
    default=SCAN_TIMEOUT_S,
    show_default=True,
    help="Seconds each.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a meter, as soon as it is found.")
def command(url: str, first: int, last: int, timeout_s: float, as_json: bool) -> None:
    """Ask every address of the bus at URL, and name what answers; DL/T 645 lines by wildcards."""
    if first > last:
        raise fail(EXIT_USAGE, f"--first {first} is above --last {last}")
    try:
        bus = open_bus(url, SystemClock())
    except BusUrlError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if isinstance(bus, Dlt645Bus):
        scan_line(bus, as_json=as_json)
        return
    found: list[Row] = []
    try:
        for row in _walk(bus, range(first, last + 1), timeout_s):
            found.append(row)
            if as_json:
                click.echo(json.dumps(row))
    except BusDownError as error:
        raise fail(EXIT_OUTSIDE, f"{url}: {error}") from error
    finally:
        bus.close()
    if not found:
        raise fail(
            EXIT_NO, f"{url}: no meter answers at {first}..{last}; check baud rate, parity and A/B wires"
        )
    if not as_json:
        rows = [[str(row[key]) for key in ("unit_id", "how", "model", "certain")] for row in found]
        console().print(table(("unit", "life", "model", "certain"), rows))


def _walk(bus: MeterBus, unit_ids: range, timeout_s: float) -> Iterator[Row]:
    models = [load(name) for name in names()]
    with progress() as bar:
        task = bar.add_task(bus.url, total=len(unit_ids))
        for unit_id in unit_ids:
            how = probe(bus, unit_id, timeout_s=timeout_s)
            if how:
                matches = identify(bus, unit_id, models, SystemClock()) if how != "garbled" else ()
                yield _row(unit_id, how, matches)
            bar.advance(task)


def _row(unit_id: int, how: str, matches: tuple[Match, ...]) -> Row:
    best = matches[0] if matches else None
    return {
        "unit_id": unit_id,
        "how": how,
        "model": best.model.name if best else "",
        "certain": best.certain if best else False,
        "others": [match.model.name for match in matches[1:]],
    }
