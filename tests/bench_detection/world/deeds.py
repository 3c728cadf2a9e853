"""What is done to treatment itself: switched off, turned down, started late; each finds its place or says no.

Written from the domain, without sight of the detector. Plain deeds are those that an inspector would see by
standing there. Treatment by level or timer is only stopped for good, long beyond its rests.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.bench_detection.cases import GRACE_S, Floats
from tests.bench_detection.world.scene import Scene
from tests.bench_detection.world.works import cube

LEAD_MIN: Final = 30
WHOLE_DAYS_H: Final = (5, 40)
SLOWER_THEN_OFF: Final = "slower, then off"


def off_at_once(scene: Scene) -> bool:
    """The contactor."""
    return _off(scene, "off at once", scene.place(10, 240))


def off_at_night(scene: Scene) -> bool:
    """When no inspector comes."""
    night = (scene.works.hour >= 21.5) | (scene.works.hour < 6)
    return _off(scene, "off at night", scene.place(15, 300, night))


def off_at_low_load(scene: Scene) -> bool:
    """Nobody will notice at a third of the load."""
    low = scene.load_w <= np.quantile(scene.load_w[scene.solid], 0.25)
    return _off(scene, "off at low load", scene.place(12, 60, low))


def _off(scene: Scene, name: str, found: tuple[int, int] | None) -> bool:
    if found is None:
        return False
    scene.all_rest(*found)
    return scene.done(name, *found, plain=True)


def off_for_days(scene: Scene) -> bool:
    """Over several batches, a night, or days."""
    first = scene.place(12, 20)
    if first is None:
        return False
    hours = scene.rng.uniform(*WHOLE_DAYS_H)
    b = min(first[0] + scene.works.slots(60 * hours), scene.works.n - scene.works.slots(180))
    if b <= first[1]:
        return False
    scene.all_rest(first[0], b)
    return scene.done("off over batches or days", first[0], b, plain=True)


def off_tank(scene: Scene) -> bool:
    """Treatment by level or timer stands still far beyond the longest rest that was learned."""
    works = scene.works
    length = round(2.5 * scene.longest_rest) + works.spread(360, 1800)
    a = scene.cursor + works.spread(60, 900)
    if a + length + works.slots(60) >= works.n or works.producing[a : a + length].mean() < 0.15:
        return False
    scene.all_rest(a, a + length)
    return scene.done("off, treatment by level or timer", a, a + length, plain=True, again_h=(24, 60))


def ramped_down(scene: Scene) -> bool:
    """A little slower each quarter of an hour; broken from where a seventh is lacking."""
    found = scene.place(150, 420)
    if found is None:
        return False
    a, b = found
    down = np.clip(1.15 * np.linspace(1, 0, b - a), 0, 1)
    _scale(scene, a, b, down, pf_loss=0.2)
    at = a + int(np.argmax(down < 6 / 7))
    return scene.done(
        "ramped down over hours", at, b, plain=False, hidden=scene.why_hidden(a + 2 * (b - a) // 3, b)
    )


def turned_down(scene: Scene) -> bool:
    """The drive at a quarter to four fifths of the speed it would have."""
    speed = float(scene.rng.uniform(0.25, 0.8))
    name = "drive at 25..55 % speed" if speed < 0.55 else "drive at 55..80 % speed"
    return _less(scene, name, float(cube(speed)), pf_loss=0.05)


def idling(scene: Scene) -> bool:
    """It turns for nothing: belt off, damper shut (a third to six tenths of its power), pump dry."""
    belt = scene.rng.random() < 0.4
    share = float(scene.rng.uniform(0.1, 0.3) if belt else scene.rng.uniform(0.33, 0.6))
    return _less(scene, "belt off or pump dry" if belt else "fan against a shut damper", share, pf_loss=0.3)


def half(scene: Scene) -> bool:
    """Half of the fans."""
    found = scene.place(20, 300)
    if found is None:
        return False
    a, b = found
    sets = [one for one in scene.works.of(treatment=True) if one.on[a:b].mean() > 0.9]
    if len(sets) >= 2:
        scene.rest(sets[int(scene.rng.integers(len(sets)))], a, b)
    else:
        _scale(scene, a, b, np.full(b - a, 0.5), pf_loss=0.0)
    return scene.done("half of the fans", a, b, plain=True, hidden=scene.why_hidden(a, b))


def _less(scene: Scene, name: str, share: float, pf_loss: float) -> bool:
    found = scene.place(20, 360)
    if found is None:
        return False
    a, b = found
    _scale(scene, a, b, np.full(b - a, share), pf_loss)
    return scene.done(name, a, b, plain=True, hidden=scene.why_hidden(a, b))


def _scale(scene: Scene, a: int, b: int, share: Floats, pf_loss: float) -> None:
    for one in scene.works.of(treatment=True):
        lower = one.watts[a:b] * share * (1 + 0.004 * scene.rng.standard_normal(b - a))
        one.watts[a:b] = np.where(one.on[a:b], np.maximum(lower, one.rest_w), one.watts[a:b])
        one.pf[a:b] = np.where(one.on[a:b], one.pf[a:b] * (1 - pf_loss * (1 - share)), one.pf[a:b])


def late_start(scene: Scene) -> bool:
    """By minutes to three hours beyond the grace."""
    works, grace = scene.works, round(GRACE_S / scene.works.dt_s)
    found = scene.run_after(45, 60)
    if found is None:
        return False
    a, b = found
    late = max(works.spread(8, 180), 8)
    end = min(a + grace + late, b - works.slots(5))
    if end - a - grace < max(works.slots(8), 6):
        return False
    scene.all_rest(a - works.slots(50), end)
    return scene.done("late start", a + grace, end, plain=True)


def early_stop(scene: Scene) -> bool:
    """Minutes to two hours before production."""
    works = scene.works
    found = scene.run_after(90, 60)
    if found is None:
        return False
    a, b = found
    early = max(works.spread(12, 120), 8)
    at = b - early
    if at < a + works.slots(LEAD_MIN) or scene.solid[at:b].mean() < 0.9:
        return False
    after = next((begin for begin, _ in scene.runs if begin > b), works.n)
    back = min(after - works.slots(20), b + works.slots(90))
    scene.all_rest(at, max(b, back))
    return scene.done("early stop", at, b, plain=True)


def by_turns(scene: Scene) -> bool:
    """Off for two to four minutes, on for two to six, so that no limit is met."""
    works = scene.works
    found = scene.place(60, 360)
    if found is None or works.dt_s > 60:
        return False
    a, b = found
    at, last = a, a
    while at < b - works.slots(5):
        last = at + works.spread(2, 4)
        scene.all_rest(at, last)
        at = last + works.spread(2, 6)
    return scene.done("off and on by turns", a, last, plain=False)


def slower_then_off(scene: Scene) -> bool:
    """Half speed first, then off, in one go."""
    found = scene.place(50, 300)
    if found is None:
        return False
    a, b = found
    middle = a + round((b - a) * scene.rng.uniform(0.3, 0.6))
    _scale(scene, a, middle, np.full(middle - a, float(cube(scene.rng.uniform(0.45, 0.7)))), 0.05)
    scene.all_rest(middle, b)
    begin = a if not scene.why_hidden(a, middle) else middle
    return scene.done(SLOWER_THEN_OFF, begin, b, plain=True)


def not_restarted(scene: Scene) -> bool:
    """The supply fails for minutes; production comes back and treatment is forgotten."""
    works, grace = scene.works, round(GRACE_S / scene.works.dt_s)
    found = scene.place(60, 240)
    if found is None:
        return False
    a, b = found
    back = a + works.spread(3, 15)
    again = back + works.spread(2, 6)
    works.dead[a:back] = True
    for one in works.of(treatment=False):
        scene.rest(one, a, again)
    scene.all_rest(a, b)
    return scene.done("not started again after a power cut", again + grace, b, plain=True)


DEEDS: Final[tuple[Callable[[Scene], bool], ...]] = (
    off_at_once, off_at_night, off_at_low_load, off_for_days, ramped_down, turned_down, idling, half,
    late_start, early_stop, by_turns, slower_then_off, not_restarted,
)  # fmt: skip
