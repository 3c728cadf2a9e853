"""The kinds of plant of the second world: how each is drawn, variants, days, seconds between polls."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from tests.bench_detection.world import calendar, changes, industries, rhythms
from tests.bench_detection.world.works import Works


@frozen
class Kind:
    """One kind; `polls_s` is by variant, its last entry for all that follow."""

    draw: Callable[[Works], None]
    variants: int
    days: int = 33
    polls_s: tuple[int, ...] = (30,)


KINDS: Final[dict[str, Kind]] = {
    "plain": Kind(rhythms.plain, 5),
    "kiln": Kind(industries.kiln, 5),
    "foundry": Kind(industries.foundry, 5),
    "coating": Kind(industries.coating, 4),
    "pelletizer": Kind(industries.pelletizer, 4),
    "cycling": Kind(industries.cycling, 4, polls_s=(10, 10, 30)),
    "festival": Kind(calendar.festival, 5),
    "cuts": Kind(calendar.cuts, 4, polls_s=(30, 30, 10, 30)),
    "main_switch": Kind(calendar.main_switch, 5),
    "maintenance": Kind(calendar.maintenance, 4, polls_s=(30, 10, 30)),
    "lost_phase": Kind(calendar.lost_phase, 4),
    "gaps": Kind(calendar.gaps, 5),
    "lines_change": Kind(changes.lines_change, 5),
    "product": Kind(changes.product, 5),
    "clogging": Kind(changes.clogging, 4),
    "seasons": Kind(changes.seasons, 5, days=70, polls_s=(60,)),
    "pumps": Kind(changes.pumps, 5),
    "shared": Kind(changes.shared, 4),
    "series": Kind(changes.series, 4),
    "tanks": Kind(rhythms.tanks, 5),
    "runs_on": Kind(rhythms.runs_on, 5),
    "early": Kind(rhythms.early, 5),
    "coarse": Kind(rhythms.coarse, 5, polls_s=(30, 30, 60, 60, 30)),
    "polling": Kind(rhythms.polling, 5, polls_s=(60, 120, 180, 300)),
}


def draw(kind: str, variant: int, seed: int, *, days: int = 0) -> Works:
    """The honest plant of this kind, variant and seed."""
    one = KINDS[kind]
    works = Works.open(
        kind, variant, seed, days=days or one.days, dt_s=one.polls_s[min(variant, len(one.polls_s) - 1)]
    )
    one.draw(works)
    return works
