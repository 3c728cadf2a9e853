"""Plants that change after learning, or slowly: lines, products, filters, seasons, pumps that take turns."""

import numpy as np

from tests.bench_detection.scene_b import spans
from tests.bench_detection.world.shifts import build, ordinary
from tests.bench_detection.world.works import Works, cube


def lines_change(works: Works) -> None:
    """The works changes its machines.

    0: a line sold, its meter stays · 1: its meter goes too · 2: a metered line begins · 3: a second fan
    takes half of the air · 4: the old fan is replaced by a better one.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    change = works.slot_of(int(rng.integers(10, 15)), 12)
    after = np.arange(works.n) >= change
    works.note(
        change, ("line p2 sold", "line p2 and its meter gone", "line p2 begins", "second fan", "new fan")[v]
    )
    _, treatment = build(works, base)
    if v <= 2:
        own = base.on & (works.hold(0, 1, 120) > 0.15)
        own &= ~after if v < 2 else after
        works.machine("p2", own, 0.6 * base.load, rest_w=0 if v == 2 else base.rest_w, noise=base.noise)
        if v == 0:
            works.machines[-1].watts[after] = 0.0
        if v == 1:
            works.lost["p2"] = after
        if v == 2:
            treatment.watts = np.where(after & base.run, 1.12 * treatment.watts, treatment.watts)
        return
    mine = base.run & after
    works.machine(
        "t2",
        mine,
        treatment.watts * (0.48 if v == 3 else 0.86),
        rest_w=base.panel_w if v == 3 else 0,
        noise=0.005,
    )
    left = rng.uniform(0.5, 0.56) if v == 3 else 0.0
    treatment.watts = np.where(mine, left * treatment.watts, treatment.watts)
    treatment.on &= ~mine | (v == 3)


def product(works: Works) -> None:
    """Something else is made, 30 % more load with a fifth less power for air.

    0: from a day on · 1: within ten days · 2: by turns · 3: less of both · 4: half as much again, same
    air.
    """
    v = works.variant
    base = ordinary(works)
    begin = works.slot_of(int(works.rng.integers(9, 14)), 6)
    through = (np.arange(works.n) >= begin).astype(np.float64)
    if v == 1:
        through = np.clip((np.arange(works.n) - begin) / works.slots(14_400), 0, 1)
    if v == 2:
        through *= works.day % 2
    up, air = {3: (-0.4, -0.3), 4: (0.5, 0.0)}.get(v, (0.3, -0.2))
    works.note(begin, f"another product: load {up:+.0%}, air {air:+.0%}")
    base.load = base.load * (1 + up * through)
    base.draught = base.draught * (1 + air * through)
    build(works, base)


def clogging(works: Works) -> None:
    """Filters clog and are cleaned.

    0: power falls by a fifth in three weeks, the filter is changed · 1: a drive holds the flow, power
    rises by a third · 2: in two days, cleaned every second night · 3: pulses of cleaning each half hour.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    age = works.day + works.hour / 24
    if v in {0, 1}:
        life = rng.uniform(18, 24)
        base.draught = base.draught * (
            1 + (-rng.uniform(0.15, 0.22) if v == 0 else rng.uniform(0.25, 0.35)) * (age % life) / life
        )
    if v == 2:
        base.draught = base.draught * (1 - 0.16 * (age % 2) / 2)
    if v == 3:
        cleaning = np.arange(works.n) % works.slots(30) < works.slots(rng.uniform(0.5, 2))
        base.draught = base.draught * np.where(cleaning, rng.uniform(0.6, 0.75), 1.0)
    build(works, base)


def seasons(works: Works) -> None:
    """Two to three months.

    0: warm air is thin, the fan takes an eighth less · 1: cold, a tenth more · 2: orders grow by a
    quarter, the drive follows · 3: frost heating of the scrubber by night · 4: belts wear, 15 % less,
    then new ones.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, law="drive" if v == 2 else "")
    through = np.linspace(0, 1, works.n)
    if v == 2:
        base.load = base.load * (1 + 0.25 * through)
        base.draught = base.draught * (1 + 0.2 * through)
    elif v == 4:
        base.draught = base.draught * (1 - 0.15 * (through * 1.7 % 1))
    else:
        base.draught = base.draught * (1 + {0: -0.125, 1: 0.1, 3: 0.0}[v] * through)
    _, treatment = build(works, base)
    if v == 3:
        warm = (
            ~base.run
            & (works.day > works.days // 3)
            & (np.arange(works.n) % works.slots(75) < works.slots(30))
        )
        treatment.watts[warm] += rng.uniform(0.08, 0.25) * float(base.draught.max())
        treatment.pf[warm] = 0.995


def pumps(works: Works) -> None:
    """Duty and standby change over.

    0: weekly, both run for some minutes · 1: weekly, half a minute or more without · 2: weekly, one
    meter for both · 3: daily · 4: three pumps, two of them run.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works)
    works.producing = base.on.copy()
    works.machine("p1", base.on, base.load, rest_w=base.rest_w, noise=base.noise)
    turn = works.day if v in {3, 4} else (works.day + int(rng.integers(7))) // 7
    mates = 3 if v == 4 else 2
    sizes = [1.0, *(rng.uniform(0.72, 1.25, mates - 1))]
    power = float(base.draught.max())
    parts = []
    for n, size in enumerate(sizes):
        rests = turn % mates == n if v == 4 else turn % mates != n
        parts.append((base.run & ~rests, power * size * works.sway(0.012, 60)))
    for a in np.flatnonzero(np.diff(turn)) + 1:
        works.note(
            int(a),
            "pumps change over, powers "
            + " and ".join(f"{power * size / 1e3:.1f}" for size in sizes)
            + " kW",
        )
        if not base.run[a]:
            continue
        for on, _ in parts:
            if v == 1:
                on[a : a + max(1, int(rng.uniform(20, 90) / works.dt_s))] = False
            elif on[a]:
                on[max(0, a - works.spread(1, 5)) : a] = True
    if v == 2:
        watts = np.sum([np.where(on, load, 0) for on, load in parts], axis=0)
        one = works.machine(
            "t1", np.logical_or.reduce([on for on, _ in parts]), watts, rest_w=base.panel_w, noise=base.hum
        )
        one.rated_w = 1.2 * power * sum(sizes)  # the meter of both has the CTs of both
        return
    for n, (on, load) in enumerate(parts, 1):
        works.machine(f"t{n}", on, load, rest_w=base.panel_w / 2, noise=base.hum)


def shared(works: Works) -> None:
    """Several lines, one treatment.

    0: a fan at the mains · 1: a drive by lines that run · 2: the third line runs only after learning ·
    3: four small lines by turns, a drive at three speeds.
    """
    rng, v = works.rng, works.variant
    count = {0: 2, 1: 3, 2: 3, 3: 4}[v]
    on_any, running = np.zeros(works.n, np.bool_), np.zeros(works.n)
    for n in range(1, count + 1):
        base = ordinary(works)
        own = base.on
        if v == 3:
            own = own & (works.hold(0, 1, 150) > 0.4)
        if v == 2 and n == 3:
            late = int(rng.integers(9, 13))
            own = own & (works.day >= late)
            works.note(works.slot_of(late, 8), "the third line runs for the first time")
        works.machine(f"p{n}", own, base.load, rest_w=base.rest_w, noise=base.noise)
        on_any |= own
        running += own
    works.producing = on_any
    run = works.around(on_any, (1, 8), (3, 25))
    fan = float(rng.uniform(12e3, 90e3))
    steps = {0: np.ones(works.n), 3: cube(0.72 + 0.14 * np.minimum(np.ceil(running / 2), 2))}
    share = steps.get(v, cube(0.66 + 0.34 * running / count))
    works.machine("t1", run, fan * share * works.sway(0.015, 30), rest_w=rng.uniform(5, 60), noise=0.01)


def series(works: Works) -> None:
    """Two treatments one behind the other, each with a linkage of its own.

    0: the scrubber's pump · 1: the oxidiser, hot two hours before the shift, burner fan by temperature ·
    2: both in one linkage · 3: carbon that is steamed out by night.
    """
    rng, v = works.rng, works.variant
    base = ordinary(works, str(rng.choice(["day", "two", "lunch"])))
    works.producing = base.on.copy()
    works.machine("p1", base.on, base.load, rest_w=base.rest_w, noise=base.noise)
    fan = float(base.draught.max())
    hot = works.around(base.on, (100, 140), (15, 40))
    oxidiser = np.where(hot, fan * cube(0.85 + 0.15 * works.level(0, 1, 15)), 0)
    dosing = np.arange(works.n) % works.slots(12) < works.slots(2)
    pump = 0.3 * fan * (1 + 0.15 * dosing)
    if v == 0:
        works.machine("t1", base.run, pump, rest_w=base.panel_w, noise=0.01)
    elif v == 1:
        works.machine("t1", hot, oxidiser, rest_w=120.0, noise=0.01)
    elif v == 2:
        works.machine("t1", base.run, pump, rest_w=base.panel_w, noise=0.01)
        works.machine("t2", hot, oxidiser, rest_w=120.0, noise=0.01)
    else:
        made = works.machine("t1", base.run, base.draught, rest_w=base.panel_w, noise=base.hum)
        for a, b in spans(~base.run):
            if b - a > works.slots(360) and rng.random() < 0.5:
                steam = slice(a + works.slots(60), a + works.slots(60) + works.spread(60, 150))
                made.watts[steam] = 0.6 * fan * (1 + 0.01 * rng.standard_normal(len(made.watts[steam])))
                made.pf[steam] = 0.99
