"""What happens to an ordinary works: holidays, power cuts, main switches, hands on the fan, gaps, clocks."""

import numpy as np

from tests.bench_detection.scene_b import spans
from tests.bench_detection.world.shifts import SATURDAY, build, closed_days, ordinary
from tests.bench_detection.world.works import LEARN_DAYS, Works


def festival(works: Works) -> None:
    """A week or ten days at home.

    0: standby stays · 1: the main switch is off, watts of the meters' own stay · 2: gateway dark all
    week · 3: the fan is tried for half an hour a day · 4: half a crew works half days.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    first = int(rng.integers(9, 14))
    last = first + int(rng.integers(6, 10))
    shut = (works.day >= first) & (works.day <= last)
    if v == 4:
        base.on &= ~shut | ((works.hour >= 8) & (works.hour < 12))
        base.load = np.where(shut, 0.6 * base.load, base.load)
        base.run = works.around(base.on, (1, 6), (3, 15))
    else:
        closed_days(works, base, first, last)
    works.note(works.slot_of(first, 8), "holiday week")
    if v == 3:
        for day in range(first, last + 1):
            a = works.slot_of(day, rng.uniform(9, 11))
            base.run[a : a + works.slots(30)] = True
    production, treatment = build(works, base)
    if v == 1:
        off = shut & ~base.on & ~base.run
        for one in (production, treatment):
            one.watts[off] = np.maximum(0, rng.uniform(0, 12) + rng.normal(0, 0.4, off.sum()))
    if v == 2:
        works.dark |= shut


def cuts(works: Works) -> None:
    """The supply of all lines fails at once; the fan starts first after it.

    0: meters live on a UPS · 1: gateway dark too · 2: dips of seconds, motors trip, fan back in a minute
    or two · 3: a planned cut of a whole day.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    for a in works.moments(3 if v == 3 else 12, base.on, 1200):
        out = (
            works.spread(0.2, 1.5)
            if v == 2
            else works.spread(420, 700)
            if v == 3
            else works.slots(float(np.exp(rng.uniform(-1, 5.8))))
        )
        b = min(a + out, works.n)
        works.note(a, f"power cut of {out * works.dt_s / 60:.0f} min")
        works.dead[a:b] = True
        fan, back = works.spread(0.5, 2.0), works.spread(2.5, 40)
        base.on[a : b + back] = False
        base.run[a : b + fan] = False
        base.run[b + fan : b + back + 1] = True
        if v == 1:
            works.dark[a : b + works.slots(1)] = True
    build(works, base)


def main_switch(works: Works) -> None:
    """Standby by night until somebody begins to save it: then the main switch is off, some watts are left.

    0: voltage stays (meter upstream) · 1: it goes · 2: of treatment too · 3: the fan airs the hall on
    after it · 4: on weekends.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, str(rng.choice(["day", "lunch", "two"])))
    base.rest_w = float(rng.uniform(0.004, 0.04)) * float(base.load.max())
    begin = LEARN_DAYS + 1
    off = ~base.on & (works.day >= begin)
    if v == 4:
        off &= works.weekday >= SATURDAY
    for a, b in spans(off):
        off[a : min(b, a + works.spread(1, 6))] = False
        off[max(a, b - works.spread(4, 20)) : b] = False
    if v == 3:
        for a, _ in spans(off):
            base.run[max(0, a - works.slots(10)) : a + works.spread(15, 40)] = True
    works.note(works.slot_of(begin, 18), "from now on the main switch is off by night")
    production, treatment = build(works, base)
    left = 0.0 if v == 1 else rng.uniform(0, 20)
    production.watts[off] = np.maximum(0, left + rng.normal(0, 0.03 * left, off.sum()))
    if v == 2:
        quiet = off & ~base.run
        treatment.watts[quiet] = np.maximum(0, rng.uniform(0, 2) + rng.normal(0, 0.2, quiet.sum()))
    if v == 1:
        works.phase["p1"] = np.where(off, 0.0, 1.0)


def maintenance(works: Works) -> None:
    """Hands on the fan.

    0: declared stops under production · 1: trips of less than two and a half minutes, started again at
    once · 2: production stopped first, fan off for hours, tried in between, line turned over for a
    minute · 3: two days.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    count = {0: 3, 1: 14, 2: 5, 3: 1}[v]
    ripe = base.on & np.roll(base.on, works.slots(40))
    for a in works.moments(count, ripe, 900):
        if v == 0:
            b = a + works.spread(20, 60)
            base.run[a:b] = False
            works.excused.append((a, b))
            works.note(a, "declared: bags are changed, production goes on")
        elif v == 1:
            b = a + max(1, int(rng.uniform(30, 150) / works.dt_s))
            base.run[a:b] = False
            works.note(a, f"fan tripped, back after {(b - a) * works.dt_s} s")
        else:
            b = min(works.n, a + (works.spread(120, 360) if v == 2 else works.spread(2000, 2900)))
            works.note(a, "line stopped, then the fan serviced")
            base.on[a:b] = False
            base.run[a + works.slots(5) : b - works.slots(8)] = False
            base.run[b - works.slots(8) : b] = True
            tried = a + (b - a) // 2
            base.run[tried : tried + works.spread(1, 5)] = True
            turned = a + (b - a) // 3
            base.on[turned : turned + max(1, works.slots(1))] = True
    build(works, base)


def lost_phase(works: Works) -> None:
    """The fuse of a voltage tap blows; the meter shows two thirds until it is replaced.

    0: production · 1: treatment · 2: both · 3: treatment, a loose clamp that comes and goes.
    """
    v = works.variant
    works.channels = True
    base = ordinary(works)
    build(works, base)
    for line in {0: ("p1",), 1: ("t1",), 2: ("p1", "t1"), 3: ("t1",)}[v]:
        share = np.ones(works.n)
        for a in works.moments(2, base.on, 3000):
            b = min(works.n, a + works.spread(240, 3600))
            works.note(a, f"one phase of {line}'s meter lost for {(b - a) * works.dt_s / 3600:.0f} h")
            seen = (works.hold(0, 1, 25) < 0.5)[a:b] if v == 3 else np.ones(b - a, np.bool_)
            share[a:b] = np.where(seen, 2 / 3, 1.0)
        works.phase[line] = share


def gaps(works: Works) -> None:
    """Reading fails.

    0: one meter for up to a day · 1: the gateway, likewise · 2: a fifth of all samples, in bursts · 3:
    the clock jumps and is set right · 4: gaps begin and end with shifts.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    build(works, base)
    anywhere = np.ones(works.n, np.bool_)
    if v == 3:
        for a in works.moments(4, anywhere, 3000):
            b = min(works.n, a + works.spread(30, 1500))
            jump = float(rng.choice([-900, -120, -40, 45, 600, 3600]))
            works.clock_s[a:b] = jump
            works.note(a, f"clock off by {jump:.0f} s until it is set right")
        return
    if v == 2:
        for line in ("p1", "t1"):
            works.lost[line] = (works.hold(0, 1, 3) < 0.2) & (np.arange(works.n) > works.rare_from)
        return
    edges = [a for a, _ in spans(base.on)]
    picked = (
        [a - works.spread(5, 30) for a in edges if a > works.rare_from][::2]
        if v == 4
        else works.moments(10, anywhere, 1500)
    )
    for a in picked:
        b = min(
            works.n,
            a + (works.spread(20, 240) if v == 4 else works.slots(float(np.exp(rng.uniform(2.3, 7.1))))),
        )
        works.note(a, f"not read for {(b - a) * works.dt_s / 60:.0f} min")
        if v == 1:
            works.dark[a:b] = True
        else:
            lost = works.lost.setdefault(str(rng.choice(["p1", "t1"])), np.zeros(works.n, np.bool_))
            lost[a:b] = True
