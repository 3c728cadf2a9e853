"""The DL/T 645 side of `dianjian scan`: the meters of a bus by wildcards, and which model reads them.

Where the URL of a serial bus does not give its baud rate, the usual ones are tried until a meter answers.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.dlt645.codec import FUNCTION
from drivers.errors import BusDownError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.points.model import Model, load, names
from drivers.poll.bus import open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import PollGroup, Quantity
from drivers.search.dlt645 import SEARCH_TIMEOUT_S, FoundMeter, search
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, fail
from provisioning.terminal.say import say_json
from provisioning.terminal.show import console, table

BAUDRATES: Final = (2400, 9600, 4800, 1200)
"""What DL/T 645 meters are set to, the most usual first."""
TRIES: Final = 3
SECOND_PHASE_ID: Final = 0x02010200
"""The voltage of phase B alone (DL/T 645-2007, table A.3)."""

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
                say_json(row)
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
    """The models whose voltages the meter has, the one with most points first.

    A meter may lack the blocks of all phases and have the items of each: one that has a second phase is never
    taken for a meter of one. A lost answer proves nothing, so each model is tried TRIES times.
    """
    known = [model for name in names() if (model := load(name)).is_dlt645]
    for model in sorted(known, key=lambda model: len(model.points), reverse=True):
        voltages = [point.name for point in model.points if point.quantity is Quantity.VOLTAGE]
        if _has_all(bus, model, address, voltages) or (len(voltages) > 1 and _has_second_phase(bus, address)):
            yield model.name
            if len(voltages) > 1:
                return


def _has_all(bus: Dlt645Bus, model: Model, address: str, points: list[str]) -> bool:
    setup = MeterSetup(model.name, model, address=address)
    meter = Meter(setup, bus.gap_registers_max)
    for _ in range(TRIES):
        values = model.decode(meter.poll(bus, PollGroup.FAST, SystemClock()).blocks)
        if all(name in values for name in points):
            return True
    return False


def _has_second_phase(bus: Dlt645Bus, address: str) -> bool:
    for _ in range(TRIES):
        try:
            answer = bus.read(int(address, 16), FUNCTION, SECOND_PHASE_ID, 2, timeout_s=SEARCH_TIMEOUT_S)
        except ExceptionReplyError:
            return False
        except (ReplyTimeoutError, ReplyError):
            continue
        return answer.words != b"\xff\xff"
    return False
