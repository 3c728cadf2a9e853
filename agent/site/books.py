"""From the site file to what an alert is judged by: the lines, a book of energies for each, the bench."""

from collections.abc import Callable
from typing import Final

from agent.site.file import Site
from agent.site.linkages import find_hold_s, find_open_wiring, linkages_of
from agent.site.setups import lines_of
from evidence.curtailment.ledger import LineLedger
from evidence.moments import zone_s
from evidence.orders.order import Order
from evidence.response.asked import Asked, Line
from evidence.response.bench import Bench

FULL_OF_RATED: Final = 2.0
"""CTs are chosen with a margin; twice the nameplate is assumed."""


def asked_lines_of(site: Site) -> dict[str, Line]:
    """The lines of `site` that have a meter."""
    hold_s, wiring, metered = find_hold_s(site), find_open_wiring(site), set(lines_of(site).values())
    off_w = learned_off_of(site)
    return {
        line.id: Line(float(line.rated_w), hold_s, line.id in wiring, off_w.get(line.id))
        for line in site.line
        if line.id in metered
    }


def learned_off_of(site: Site) -> dict[str, float]:
    """The power below which a line is off, W, of those that commissioning has seen both on and off.

    Of a line in several linkages the highest, which is in its favour. Raises ConfigError as `linkages_of`.
    """
    found: dict[str, float] = {}
    for linkage in linkages_of(site):
        for one in linkage.lines:
            if linkage.learned_to_s and not one.threshold.provisional:
                found[one.id] = max(found.get(one.id, 0.0), float(one.threshold.lo_w))
    return found


def bench_of(site: Site, may_cancel: Callable[[Order, Order], bool]) -> Bench:
    """The bench that judges alerts at the lines of `site`; see `Asked` for `may_cancel`."""
    return Bench(Asked(asked_lines_of(site), may_cancel), books_of(site), lines_of(site))


def books_of(site: Site) -> dict[str, LineLedger]:
    """An empty book for each line that has meters."""
    full_w = {str(line.id): FULL_OF_RATED * float(line.rated_w) for line in site.line}
    meters: dict[str, list[str]] = {}
    for meter, owner in lines_of(site).items():
        meters.setdefault(owner, []).append(meter)
    offset_s, hold_s = zone_s(site.site.utc_offset), find_hold_s(site)
    return {
        owner: LineLedger.of(own, offset_s, hold_s, dict.fromkeys(own, full_w.get(owner, 0.0)))
        for owner, own in meters.items()
    }
