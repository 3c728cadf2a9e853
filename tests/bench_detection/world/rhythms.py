"""Plants whose treatment keeps other hours than production, and plants seen through poor meters."""

import numpy as np

from tests.bench_detection.scene_b import spans
from tests.bench_detection.world.shifts import PATTERNS, Base, build, ordinary
from tests.bench_detection.world.works import SUNDAY, Mask, Works


def plain(works: Works) -> None:
    """Nothing special; the measure of all others. Variants are the shift patterns."""
    build(works, ordinary(works, PATTERNS[works.variant]))


def tanks(works: Works) -> None:
    """Waste water waits in a tank.

    0: the pump runs between two levels · 1: a large tank, treated on cheap power by night · 2: blowers
    by timer day and night · 3: aeration without end, pumps by level on a second meter · 4: small sump.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, str(rng.choice(["day", "lunch", "two", "three"])))
    works.duty = True
    flow = np.where(base.on, base.load / base.load.max(), 0.02)
    hours = {0: rng.uniform(1, 4), 1: 40.0, 2: 1.0, 3: rng.uniform(1, 3), 4: rng.uniform(0.15, 0.5)}[v]
    night = (works.hour >= 22) | (works.hour < 6)
    run = levelled(works, flow, hours, rng.uniform(1.3, 2.2), night if v == 1 else None)
    if v == 2:
        run = np.arange(works.n) % works.slots(rng.uniform(25, 60)) < works.slots(rng.uniform(12, 24))
    works.producing = base.on.copy()
    works.machine("p1", base.on, base.load, rest_w=base.rest_w, noise=base.noise)
    power = float(base.draught.max())
    if v == 3:
        works.machine("t1", np.ones(works.n, np.bool_), power * works.sway(0.02, 120), rest_w=10, noise=0.01)
        works.machine("t2", run, 0.35 * power, rest_w=base.panel_w, noise=0.012)
    else:
        works.machine("t1", run, power * works.sway(0.01, 60), rest_w=base.panel_w, noise=base.hum)


def levelled(
    works: Works, flow: np.ndarray, full_hours: float, strength: float, allowed: Mask | None
) -> Mask:
    """A pump that starts at the high level and stops near the ground; hours of full flow fill the tank."""
    run = np.zeros(works.n, np.bool_)
    level, pumping, hour = 0.4, False, works.dt_s / 3600
    free = np.ones(works.n, np.bool_) if allowed is None else allowed
    for n, (inflow, may) in enumerate(zip(flow.tolist(), free.tolist(), strict=True)):
        level += (inflow - (strength if pumping else 0)) * hour / full_hours
        start = level >= 0.9 if allowed is None else level >= 0.1
        pumping = may and level > 0.03 and (pumping or start)
        run[n] = pumping
    return run


def runs_on(works: Works) -> None:
    """The fan is left running.

    0: for hours after most shifts · 1: some nights · 2: all weekend · 3: never off again · 4: by a timer
    until midnight.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, str(rng.choice(["day", "lunch", "two"])))
    new = works.day >= 8
    for a, b in spans(~base.run):
        if not new[a]:
            continue
        if v == 0 and rng.random() < 0.7:
            base.run[a : min(b, a + works.spread(60, 360))] = True
        if (v == 1 and rng.random() < 0.4) or (v == 2 and b - a > works.slots(1500)):
            base.run[a:b] = True
        if v == 4:
            base.run[a:b] |= works.hour[a:b] > 12
    if v == 3:
        base.run |= works.day >= int(rng.integers(9, 16))
    works.note(works.slot_of(8, 18), "the fan is left running after work")
    build(works, base)


def early(works: Works) -> None:
    """Hours that were not known while learning, treatment always with them.

    0: work from four o'clock · 1: the fan three hours before · 2: Sundays · 3: a night shift · 4: the
    line warms up for an hour at a fifth, unladen, fan off.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, "day")
    new = works.day >= 8
    works.note(
        works.slot_of(8, 4),
        ("work from four", "fan three hours early", "Sunday work", "night shift", "warms up")[v],
    )
    extra = np.zeros(works.n, np.bool_)
    if v == 0:
        extra = (works.hour >= 4) & (works.hour < 8) & (works.weekday != SUNDAY)
    if v == 2:
        extra = (works.weekday == SUNDAY) & (works.hour >= 8) & (works.hour < 15)
    if v == 3:
        extra = (works.hour >= 20) | (works.hour < 4)
    base.on |= extra & new
    base.run = works.around(base.on, (150, 200) if v == 1 else (1, 8), (3, 20))
    if v == 1:
        base.run = np.where(new, base.run, works.around(base.on, (1, 8), (3, 20)))
    production, _ = build(works, base)
    if v == 4:
        warming = ~base.on & (works.hour >= 6) & (works.hour < 7.4) & (works.weekday != SUNDAY) & ~base.run
        share = rng.uniform(0.1, 0.2)
        production.watts[warming] = (
            share * base.load[warming] * (1 + 0.02 * rng.standard_normal(warming.sum()))
        )


def coarse(works: Works) -> None:
    """Meters that count in lumps.

    0: 1 kW of a CT 2000/5 · 1: 4 kW · 2: pulses of 100 Wh each minute · 3: pulses of 10 Wh · 4: hundreds
    of watts for a fan of a few kilowatts.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    top = {0: 25e3, 1: 45e3, 2: 40e3, 3: 12e3, 4: 4e3}[v] * rng.uniform(0.8, 1.6)
    base.draught = base.draught / base.draught.max() * top
    build(works, base)
    if v in {2, 3}:
        works.pulse_wh[""] = 100.0 if v == 2 else 10.0
        works.channels = False
    else:
        works.step_w[""] = {0: 1e3, 1: 4e3, 4: 400.0}[v]
        works.channels = works.channels and v != 1


def polling(works: Works) -> None:
    """Ordinary works read every 1, 2, 3 or 5 minutes; the last also at 5, where the fan stops at noon."""
    base = ordinary(works, "lunch" if works.variant == 4 else "")
    _bound(works, base)
    build(works, base)


def _bound(works: Works, base: Base) -> None:
    """Between two slow polls a start of treatment may look late by one poll; it is well ahead here."""
    base.run = works.around(base.on, (works.dt_s / 60, 12), (works.dt_s / 60, 25))
