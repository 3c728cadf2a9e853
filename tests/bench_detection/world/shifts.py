"""Ordinary works, from which most plants of this world are bent: shifts, a load, and treatment around it.

Shapes and sizes come from the seed. Shift patterns: one shift with and without a break at noon, two, three
from Monday to Saturday, and nights on cheap power. Loads wander, go by orders, or by batches without a pause.
Treatment is a fan at the mains, a drive that follows the load, or stages.
"""

from typing import Final

import numpy as np
from attrs import define

from tests.bench_detection.cases import Floats
from tests.bench_detection.loads import delayed
from tests.bench_detection.scene_b import spans
from tests.bench_detection.world.works import SUNDAY, Machine, Mask, Works, cube

PATTERNS: Final = ("day", "lunch", "two", "three", "night")
SATURDAY: Final = 5


@define
class Base:
    """What an ordinary works does, to be bent before machines are made of it."""

    on: Mask
    run: Mask
    load: Floats
    draught: Floats
    rest_w: float
    panel_w: float
    noise: float
    hum: float


def shift_pattern(works: Works, pattern: str) -> Mask:
    """When production runs."""
    rng, hour = works.rng, works.hour
    late = rng.normal(0, 0.12, works.day.max() + 2)[works.day]
    over = rng.normal(0, 0.2, works.day.max() + 2)[works.day]
    begin, end = {
        "day": (7.5, 17.5),
        "lunch": (7.5, 17.0),
        "two": (6.0, 22.0),
        "three": (0, 24),
        "night": (8.0, 21.5),
    }[pattern]
    free = works.weekday >= (SATURDAY if rng.random() < 0.3 and pattern != "three" else SUNDAY)
    if pattern == "three":
        first = (works.weekday == 0) & (hour < 6 + late)
        last = (works.weekday == SATURDAY) & (hour > 20 + over)
        return ~(free | first | last)
    on = (hour >= begin + late) & (hour < end + over)
    if pattern == "night":
        on = ~on
    if pattern == "lunch":
        on &= ~((hour >= 11.8 + late) & (hour < 12.9 + over / 2))
    return on & ~free


def ordinary(works: Works, pattern: str = "", *, law: str = "", load: str = "") -> Base:
    """One of many ordinary works."""
    rng = works.rng
    on = shift_pattern(works, pattern or str(rng.choice(PATTERNS)))
    size = float(np.exp(rng.uniform(np.log(40e3), np.log(500e3))))
    style = load or str(rng.choice(["wander", "orders", "batches"]))
    demand = {
        "wander": lambda: works.level(0.6, 1.0, rng.uniform(5, 40)),
        "orders": lambda: works.hold(0.55, 1.0, rng.uniform(60, 240)) * works.sway(0.03, 6),
        "batches": lambda: (
            np.where(works.hold(0, 1, rng.uniform(15, 50)) < 0.25, 0.45, 0.95) * works.sway(0.04, 8)
        ),
    }[style]()
    run = works.around(on, (1.0, rng.uniform(3, 12)), (2.0, rng.uniform(5, 30)))
    fan = size * float(rng.uniform(0.06, 0.35))
    return Base(
        on=on, run=run, load=size * demand, draught=fan * draught_law(works, demand, law),
        rest_w=float(rng.choice([0.0, 35.0, 0.004 * size, 0.02 * size])), panel_w=float(rng.uniform(4, 45)),
        noise=float(rng.uniform(0.01, 0.05)), hum=float(rng.uniform(0.004, 0.015)),
    )  # fmt: skip


def draught_law(works: Works, demand: Floats, law: str = "") -> Floats:
    """Share of its full power that treatment takes."""
    law = law or str(works.rng.choice(["mains", "drive", "stages"]))
    if law == "mains":
        return works.sway(0.015, 90)
    felt = delayed(demand, works.slots(works.rng.uniform(0.5, 4)))
    if law == "drive":
        speed = np.clip(0.72 + 0.28 * (felt - 0.5) / 0.5, 0.72, 1.0)
        return cube(speed) * works.sway(0.01, 30)
    return np.where(felt > 0.75, 1.0, 0.7) * works.sway(0.012, 30)


def build(works: Works, base: Base) -> tuple[Machine, Machine]:
    """One production and one treatment line, and that production must be treated."""
    works.producing = base.on & ~works.dead
    production = works.machine(
        "p1", base.on, base.load, rest_w=base.rest_w, noise=base.noise, pf=float(works.rng.uniform(0.7, 0.92))
    )
    treatment = works.machine(
        "t1",
        base.run,
        base.draught,
        rest_w=base.panel_w,
        noise=base.hum,
        pf=float(works.rng.uniform(0.78, 0.95)),
    )
    return production, treatment


def closed_days(works: Works, base: Base, first: int, last: int) -> None:
    """Nothing runs on these days."""
    shut = (works.day >= first) & (works.day <= last)
    base.on &= ~shut
    base.run = trimmed(base.run, base.on, works)


def trimmed(run: Mask, on: Mask, works: Works) -> Mask:
    """Runs of treatment that still have production, or end within an hour of it."""
    out = run.copy()
    for a, b in spans(run):
        if not on[a:b].any():
            out[a:b] = False
        else:
            last = b - int(np.argmax(on[a:b][::-1]))
            out[min(b, last + works.slots(60)) : b] = False
    return out
