"""Plants by industry: each function draws one on an open `Works`; its docstring says why it is honest.

A kiln and a cement mill never idle; a foundry melts by recipe; a coating line's fans follow its booths; a
pelletizer chokes and rests; presses and welders work in seconds.
"""

import numpy as np

from tests.bench_detection.cases import Floats
from tests.bench_detection.loads import delayed
from tests.bench_detection.scene_b import bridged, spans
from tests.bench_detection.world.works import SUNDAY, Mask, Works, cube


def kiln(works: Works) -> None:
    """It burns for weeks.

    0: never a stop · 1: one stop for new bricks, fan kept on to cool · 2: feed is cut at times · 3:
    brick tunnel with a push every half hour · 4: cement mill by hours, filter on a drive.
    """
    rng, v = works.rng, works.variant
    size, fan = rng.uniform(150e3, 900e3), rng.uniform(25e3, 160e3)
    on = np.ones(works.n, np.bool_)
    demand, share = works.level(0.82, 1.0, 240), works.sway(0.02, 180)
    if v == 1:
        a = works.moments(1, on, 1)[0]
        b = min(works.n, a + works.spread(8 * 60, 40 * 60))
        works.note(a, "stopped for new bricks; barring drive and cooling fan go on")
        on[a:b] = False
        share[a + works.spread(10, 40) : b] *= rng.uniform(0.35, 0.6)
    if v == 2:
        for a in works.moments(8, on, 600):
            b = a + works.spread(10, 60)
            works.note(a, "feed cut, drive at half; filter fan follows")
            demand[a:b], share[a:b] = rng.uniform(0.25, 0.45), cube(rng.uniform(0.78, 0.9))
    if v == 3:
        demand = np.where(
            np.arange(works.n) % works.slots(rng.uniform(20, 40)) < works.slots(1.5), 1.0, 0.55
        ) * works.sway(0.02, 30)
    if v == 4:
        mill = works.hold(0, 1, 300) > 0.35
        demand = np.where(mill, 0.95, 0.6) * works.sway(0.03, 20)
        share = cube(np.where(delayed(mill.astype(np.float64), works.slots(2)) > 0, 0.97, 0.84)) * works.sway(
            0.015, 60
        )
    works.producing = on
    works.machine("p1", on, size * demand, rest_w=0.045 * size, noise=0.02, pf=0.86)
    works.machine("t1", np.ones(works.n, np.bool_), fan * share, rest_w=20, noise=0.008, pf=0.88)


def _melts(
    works: Works, hours: tuple[float, float], strengths: tuple[float, ...], new: float
) -> tuple[Mask, Floats, Floats]:
    """Furnace on, shares of power and draught; the last recipe comes `new` days after learning, if any."""
    rng = works.rng
    open_ = (
        (works.hour >= hours[0]) & (works.hour < hours[1])
        if hours[0] < hours[1]
        else (works.hour >= hours[0]) | (works.hour < hours[1])
    )
    open_ &= works.weekday != SUNDAY
    on, power, draught = np.zeros(works.n, np.bool_), np.zeros(works.n), np.full(works.n, 0.6)
    for first, last in spans(open_):
        at = first + works.spread(0, 25)
        while at < last - works.slots(40):
            known = len(strengths) - (1 if new and at < works.rare_from + works.slots(new * 1440) else 0)
            recipe = strengths[int(rng.integers(known))]
            melt, hold = works.spread(42, 75), works.spread(6, 25)
            end = min(at + melt + hold, works.n)
            on[at:end] = True
            power[at : at + melt], power[at + melt : end] = recipe, rng.uniform(0.12, 0.2)
            draught[at:end] = 0.55 + 0.45 * recipe
            if known == len(strengths) and new and recipe == strengths[-1]:
                works.note(at, f"a recipe not melted while learning: {recipe:.2f} of the power, less draught")
            at = end + works.spread(6, 20)
    return on, power, draught


def foundry(works: Works) -> None:
    """Melt, hold, tap, charge.

    0: three recipes, all known · 1: a weaker recipe comes later, hood damper half shut · 2: two
    furnaces, one filter · 3: only at night · 4: the fan rests between melts.
    """
    rng, v = works.rng, works.variant
    size, fan = rng.uniform(200e3, 1200e3), rng.uniform(18e3, 75e3)
    hours = (22.0, 6.5) if v == 3 else (7.0, rng.uniform(16, 22))
    on, power, draught = _melts(
        works, hours, (1.0, 0.8, 0.62, 0.45) if v == 1 else (1.0, 0.8, 0.62), 3.0 if v == 1 else 0
    )
    noise = rng.uniform(0.01, 0.03)
    works.machine("p1", on, size * power, rest_w=rng.choice([0.0, 900.0]), noise=noise, pf=0.95)
    if v == 2:
        second, power2, draught2 = _melts(works, hours, (0.9, 0.7), 0)
        works.machine("p2", second, 0.7 * size * power2, rest_w=600, noise=noise, pf=0.95)
        draught, on = np.where(on & second, 1.0, np.where(on, draught, 0.85 * draught2)), on | second
    works.producing = on & (power > 0.3) if v != 2 else on
    run = (
        works.around(on, (1, 4), (2, 5))
        if v == 4
        else works.around(bridged(on, works.slots(60)), (2, 10), (5, 20))
    )
    works.machine("t1", run, fan * draught * works.sway(0.015, 40), rest_w=rng.uniform(5, 60), noise=0.01)


def coating(works: Works) -> None:
    """Booths open and close; a drive holds the pressure.

    0: one to four booths · 1: a heater desorbs, half an hour on and off · 2: at noon the line rests and
    the fan idles at a third · 3: weekly colour change, booths shut, ovens hot.
    """
    rng, v = works.rng, works.variant
    on = (works.hour >= 6.5) & (works.hour < rng.uniform(18, 23)) & (works.weekday != SUNDAY)
    size, fan = rng.uniform(80e3, 350e3), rng.uniform(22e3, 90e3)
    booths = np.floor(works.hold(1, 4.999, 70))
    period = works.slots(rng.uniform(3, 8))
    oven = (
        np.arange(works.n) + np.cumsum(rng.normal(0, 0.05, works.n)).astype(np.int64)
    ) % period < period * 0.55
    demand = 0.22 + 0.07 * booths + 0.5 * oven
    speed = np.clip(0.62 + 0.095 * delayed(booths, works.slots(1)), 0, 1)
    run = works.around(on, (3, 15), (5, 25))
    share = cube(speed) * works.sway(0.02, 12)
    if v == 2:
        noon = on & (works.hour >= 11.7) & (works.hour < 12.7)
        on &= ~noon
        share = np.where(noon, cube(0.68), share)
    if v == 3:
        change = on & (works.weekday == 2) & (works.hour >= 14)
        demand = np.where(change, 0.3 + 0.4 * oven, demand)
        share = np.where(change, cube(0.7), share)
    treat = fan * share
    if v == 1:
        heat = np.arange(works.n) % works.slots(rng.uniform(50, 80)) < works.slots(rng.uniform(18, 30))
        treat = treat + np.where(heat, rng.uniform(0.5, 1.1) * fan, 0)
    works.producing = on
    works.machine("p1", on, size * demand, rest_w=rng.uniform(100, 2500), noise=0.02, pf=0.93)
    works.machine("t1", run, treat, rest_w=rng.uniform(15, 60), noise=0.01, pf=0.95)


def pelletizer(works: Works) -> None:
    """A heavy, ragged load that chokes; its exhaust fan does not care.

    0: stops daily · 1: runs Monday to Saturday · 2: the fan is interlocked and stops with each choke of
    the line · 3: rests by orders, whole days off.
    """
    rng, v = works.rng, works.variant
    size, fan = rng.uniform(70e3, 260e3), rng.uniform(4e3, 30e3)
    on = works.weekday != SUNDAY
    if v in {0, 2}:
        on = on & (works.hour >= 5.5) & (works.hour < 23)
    if v == 3:
        on = on & (works.hold(0, 1, 1800) > 0.35)
    level = works.hold(0.55, 1.0, 90) * works.sway(0.08, 3)
    choked = np.zeros(works.n, np.bool_)
    for a in rng.choice(works.n, 3 * works.days, replace=False).tolist():
        choked[a : a + works.spread(2, 20)] = True
    share = works.sway(0.03, 120)
    if v == 2:
        on = on & ~choked
        run = works.around(on, (0.5, 2), (1, 4))
    else:
        level = np.where(choked, 0.3, level)  # the motor turns without feed
        run = works.around(on, (1, 10), (5, 40))
    works.producing = on
    works.machine(
        "p1", on, size * level, rest_w=rng.choice([0.0, 60.0, 1500.0]), noise=rng.uniform(0.04, 0.12), pf=0.82
    )
    works.machine("t1", run, fan * share, rest_w=rng.uniform(3, 30), noise=0.012, pf=0.84)


def cycling(works: Works) -> None:
    """Work in seconds or minutes, fan all shift long.

    0: presses · 1: welding, hours without an arc · 2: moulding, heaters by thermostat · 3: autoclave,
    two hours of heat, one of rest.
    """
    rng, v = works.rng, works.variant
    shift = (works.hour >= 7) & (works.hour < 19) & (works.weekday != SUNDAY)
    size, fan = rng.uniform(40e3, 200e3), rng.uniform(5e3, 30e3)
    if v == 0:
        beat = rng.random(works.n) < 0.45
        level = np.where(beat, 1.0, 0.12)
    elif v == 1:
        arc = (rng.random(works.n) < 0.4) & (works.hold(0, 1, 40) > 0.35)
        level = np.where(arc, rng.uniform(0.5, 1.0, works.n), 0.03)
    elif v == 2:
        level = (
            0.35
            + 0.4 * (np.arange(works.n) % works.slots(4) < works.slots(1.6))
            + 0.25 * (rng.random(works.n) < 0.3)
        )
    else:
        level = np.where(np.arange(works.n) % works.slots(180) < works.slots(120), 1.0, 0.06) * works.sway(
            0.03, 10
        )
    run = works.around(shift, (2, 8), (3, 20))
    works.producing = shift & (level > 0.1)
    works.machine("p1", shift, size * level, rest_w=rng.choice([0.0, 120.0]), noise=0.02, pf=0.75)
    works.machine("t1", run, fan * works.sway(0.015, 60), rest_w=rng.uniform(3, 30), noise=0.01, pf=0.86)
