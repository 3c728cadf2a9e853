"""What is done to meters, and loads that stand in for a fan: seen by the meters alone, on what they show.

Each finds its place in the scene, and leaves behind how the shown plant is changed. Where power cannot show
it (a flat fan replayed, a coarse meter that stands still, a line without standby whose CT is off) it says so.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import evolve

from tests.bench_detection.cases import MISSING, Line
from tests.bench_detection.world.meters import Plant
from tests.bench_detection.world.scene import Scene
from tests.bench_detection.world.works import Machine

Change = Callable[[Plant], Plant]
DAY_MIN: Final = 1440
DIFFERENT: Final = 0.25
STANDBY_LEAST_W: Final = 20.0
STANDBY_LEAST_SHARE: Final = 0.002


def dummy(scene: Scene) -> Change | None:
    """The fan is off and a heater takes what it took."""
    found = scene.place(120, 720)
    if found is None:
        return None
    a, b = found
    for one in scene.works.of(treatment=True):
        if one.on[a:b].mean() < 0.9:
            continue
        level = float(np.mean(one.watts[a:b])) * scene.rng.uniform(0.97, 1.03)
        one.watts[a:b] = level * (1 + 0.0004 * scene.rng.standard_normal(b - a))
        one.pf[a:b] = 0.999
    lumps = scene.works.pulse_wh or scene.works.step_w
    hidden = (
        ""
        if scene.works.channels
        else "a heater that matches the fan, on a coarse meter of power alone"
        if lumps
        else ""
    )
    scene.done("heater instead of the fan", a, b, plain=False, hidden=hidden)
    return _same


def frozen(scene: Scene) -> Change | None:
    """The treatment meter repeats its last values; the fan is off."""
    found = scene.place(90, 600)
    if found is None:
        return None
    a, b = found
    lumps = scene.works.pulse_wh or scene.works.step_w
    scene.done(
        "treatment meter stuck, fan off",
        a,
        b,
        plain=False,
        hidden="a coarse meter that stands still anyway" if lumps else "",
    )
    return lambda plant: _rewrite(plant, [one.id for one in plant.lines if one.treatment], a, b, _stuck)


def ct_lifted(scene: Scene) -> Change | None:
    """The CTs of production hang in the air; line and fan go on."""
    found = scene.place(40, 480)
    if found is None:
        return None
    a, b = found
    lines = scene.works.of(treatment=False)
    seen = all(
        one.rest_w > max(STANDBY_LEAST_W, STANDBY_LEAST_SHARE * one.rated_w) for one in lines
    ) and not _never_rests(lines)
    scene.done(
        "CTs of production lifted off",
        a,
        b,
        plain=False,
        hidden="" if seen else "CTs off a line that has no standby",
    )
    return lambda plant: _rewrite(plant, [one.id for one in lines], a, b, _nothing)


def _never_rests(lines: list[Machine]) -> bool:
    return any(bool(one.on.all()) for one in lines)


def cts_turned(scene: Scene) -> Change | None:
    """One CT, or all three, are put back the wrong way round."""
    found = scene.place(120, 900)
    if found is None:
        return None
    a, b = found
    treatment, every = bool(scene.rng.random() < 0.5), bool(scene.rng.random() < 0.4)
    share = -1.0 if every else 1 / 3
    name = f"{'all CTs' if every else 'one CT'} of {'treatment' if treatment else 'production'} turned"
    hidden = "one CT of production turned: a third of the load" if not treatment and not every else ""
    if treatment and not every and scene.never_off:
        hidden = "a part of treatment that never stopped while learning"
    scene.done(name, a, b, plain=False, hidden=hidden)
    return lambda plant: _rewrite(
        plant,
        [one.id for one in plant.lines if one.treatment == treatment],
        a,
        b,
        lambda line, x, y: _turned(line, x, y, share),
    )


def replay(scene: Scene) -> Change | None:
    """The fan is off and its meter plays an earlier day at the same hours."""
    found = scene.place(180, 900)
    if found is None:
        return None
    a, b = found
    back = scene.works.slots(DAY_MIN) * int(scene.rng.integers(2, 6))
    then, now = scene.healthy_w[a - back : b - back], scene.healthy_w[a:b]
    differs = (np.abs(then - now) > DIFFERENT * np.maximum(now, 1))[scene.solid[a:b]].mean()
    scene.done(
        "earlier day replayed",
        a,
        b,
        plain=False,
        hidden="" if differs > 0.3 else "replay of a fan that is always the same",
    )
    return lambda plant: _rewrite(
        plant,
        [one.id for one in plant.lines if one.treatment],
        a,
        b,
        lambda line, x, y: _copied(line, x, y, back),
    )


def _same(plant: Plant) -> Plant:
    return plant


def _rewrite(plant: Plant, ids: list[str], a: int, b: int, change: Callable[[Line, int, int], None]) -> Plant:
    lines = []
    for line in plant.lines:
        if line.id in ids:
            own = {name: values.copy() for name, values in line.channels.items()}
            shown = evolve(line, watts=line.watts.copy(), channels=own)
            change(shown, a, b)
            shown.watts[line.watts == MISSING] = MISSING
            lines.append(shown)
        else:
            lines.append(line)
    return evolve(plant, lines=tuple(lines))


def _stuck(line: Line, a: int, b: int) -> None:
    known = np.flatnonzero(line.watts[:a] != MISSING)[-1]
    line.watts[a:b] = line.watts[known]
    for values in line.channels.values():
        values[a:b] = np.where(np.isnan(values[a:b]), np.nan, values[known])


def _nothing(line: Line, a: int, b: int) -> None:
    line.watts[a:b] = 0
    for name, nothing in (("current_a", 0.0), ("pf", 1.0)):
        if name in line.channels:
            values = line.channels[name]
            values[a:b] = np.where(np.isnan(values[a:b]), np.nan, nothing)  # type: ignore[index]


def _turned(line: Line, a: int, b: int, share: float) -> None:
    line.watts[a:b] = np.rint(line.watts[a:b] * share).astype(np.int64)
    if "pf" in line.channels:
        line.channels["pf"][a:b] *= abs(share)


def _copied(line: Line, a: int, b: int, back: int) -> None:
    line.watts[a:b] = np.where(
        line.watts[a - back : b - back] == MISSING, line.watts[a:b], line.watts[a - back : b - back]
    )
    for values in line.channels.values():
        values[a:b] = np.where(np.isnan(values[a:b]), np.nan, values[a - back : b - back])


TRICKS: Final[tuple[Callable[[Scene], Change | None], ...]] = (dummy, frozen, ct_lifted, cts_turned, replay)
