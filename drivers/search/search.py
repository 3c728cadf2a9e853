"""The loop of a search: a walk asks, an asker sends, whoever is found is handed out at once.

`walk_for` chooses the walk of a bus; both kinds look the same here.
"""

from collections.abc import Callable, Iterator
from typing import Final

from drivers.link.bus_url import parse_url
from drivers.link.verdict import SERIAL_UNIT_ID_MAX, SERIAL_UNIT_ID_MIN, UNIT_ID_MAX, Framing
from drivers.search.gateway_walk import OWN_UNIT_IDS, QUICK_S, GatewayWalk
from drivers.search.prober import Asker, settings_to_try
from drivers.search.walk import Ask, Probe, Walk

SCAN_TIMEOUT_S: Final = QUICK_S
"""On a serial bus, too: 247 silent addresses take 75 s at one request."""

AnyWalk = Walk | GatewayWalk


def list_units(url: str, first: int | None, last: int | None) -> tuple[int, ...]:
    """The units from `first` to `last`; where neither is given all of the bus, over TCP with 0 and 255."""
    meters = range(SERIAL_UNIT_ID_MIN, SERIAL_UNIT_ID_MAX + 1)
    everyone = (*meters, *(OWN_UNIT_IDS if parse_url(url).is_connection else ()))
    if first is None and last is None:
        return everyone
    low, high = SERIAL_UNIT_ID_MIN if first is None else first, UNIT_ID_MAX if last is None else last
    return tuple(unit for unit in everyone if low <= unit <= high)


def walk_for(
    url: str,
    units: tuple[int, ...],
    timeout_s: float = SCAN_TIMEOUT_S,
    *,
    quick: bool = False,
    everything: bool = False,
) -> AnyWalk:
    """The walk of the bus at `url`.

    Raises:
        BusUrlError: The URL cannot be understood.
    """
    settings = settings_to_try(url, everything=everything)
    if settings == (None,):
        has_ids = parse_url(url).framing is Framing.TCP
        return GatewayWalk(units, timeout_s, quick=quick, has_ids=has_ids, thorough=everything)
    return Walk(settings, units, timeout_s, keep_settings=everything, quick=quick)


def search(
    walk: AnyWalk,
    asker: Asker,
    before: Callable[[Ask, bool], bool] = lambda _ask, _quick: True,
    after: Callable[[Ask, float], object] = lambda _ask, _seconds: None,
) -> Iterator[Probe]:
    """Each unit that is there; the asker has released its port at that moment.

    Args:
        walk: The order.
        asker: Who sends.
        before: Called with each question, and whether it is of the quick pass; False ends the search.
        after: Called with each question and how long it took.

    Raises:
        BusDownError: The bus cannot be used.
    """
    while True:
        quick = walk.is_quick
        ask = walk.next()
        if ask is None:
            return
        if not before(ask, quick):
            walk.stop()
            return
        heard, seconds = asker.ask(ask)
        after(ask, seconds)
        for probe in walk.take(ask, heard, seconds):
            asker.close()
            yield probe
            if isinstance(walk, GatewayWalk) and walk.ignores_unit_id:
                walk.stop()
