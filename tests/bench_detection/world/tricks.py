"""What is done to meters, and loads that stand in for a fan: seen by the meters alone, on what they show.

Each finds its place in the scene, and leaves behind how the shown plant is changed. Where power cannot show
it (a flat fan replayed, a coarse meter that stands still, a line without standby whose CT is off) it says so.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs
import numpy as np

from tests.bench_detection.cases import MISSING, Line
from tests.bench_detection.world.meters import Plant
from tests.bench_detection.world.scene import Scene
from tests.bench_detection.world.works import Machine

Change = Callable[[Plant, Plant], Plant]
"""Of what the meters show now, and what they show of the honest plant."""
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
    is_alike = lumps and not scene.works.channels
    hidden = "a heater that matches the fan, on a coarse meter of power alone" if is_alike else ""
    scene.done("heater instead of the fan", a, b, plain=False, hidden=hidden)
    return _same


def stuck_meter(scene: Scene) -> Change | None:
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
    return _Rewrite(_ids(scene, treatment=True), a, b, _stuck)


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
    return _Rewrite(_ids(scene, treatment=False), a, b, _nothing)


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
    return _Rewrite(_ids(scene, treatment=treatment), a, b, partial(_turned, share=share))


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
    return _Rewrite(_ids(scene, treatment=True), a, b, partial(_copied, back=back))


def _same(plant: Plant, _honest: Plant) -> Plant:
    return plant


def _ids(scene: Scene, *, treatment: bool) -> frozenset[str]:
    return frozenset(one.id for one in scene.works.of(treatment=treatment))


@attrs.frozen
class _Rewrite:
    """Meters of some lines show something else from slot a to b; samples that are lost stay lost."""

    ids: frozenset[str]
    a: int
    b: int
    change: Callable[[Line, Line, slice], None]

    def __call__(self, plant: Plant, honest: Plant) -> Plant:
        lines = []
        for line, sound in zip(plant.lines, honest.lines, strict=True):
            shown = line
            if line.id in self.ids:
                own = {name: values.copy() for name, values in line.channels.items()}
                shown = attrs.evolve(line, watts=line.watts.copy(), channels=own)
                self.change(shown, sound, slice(self.a, self.b))
                shown.watts[line.watts == MISSING] = MISSING
                for name, values in own.items():
                    values[np.isnan(line.channels[name])] = np.nan
            lines.append(shown)
        return attrs.evolve(plant, lines=tuple(lines))


def _stuck(line: Line, _sound: Line, at: slice) -> None:
    known = np.flatnonzero(line.watts[: at.start] != MISSING)[-1]
    line.watts[at] = line.watts[known]
    for values in line.channels.values():
        values[at] = values[known]


def _nothing(line: Line, _sound: Line, at: slice) -> None:
    line.watts[at] = 0
    for name, nothing in (("current_a", 0.0), ("pf", 1.0)):
        if name in line.channels:
            line.channels[name][at] = nothing


def _turned(line: Line, _sound: Line, at: slice, *, share: float) -> None:
    line.watts[at] = np.rint(line.watts[at] * share).astype(np.int64)
    if "pf" in line.channels:
        line.channels["pf"][at] *= abs(share)


def _copied(line: Line, sound: Line, at: slice, *, back: int) -> None:
    then = slice(at.start - back, at.stop - back)
    line.watts[at] = np.where(sound.watts[then] == MISSING, sound.watts[at], sound.watts[then])
    for name, values in line.channels.items():
        values[at] = sound.channels[name][then]


TRICKS: Final[tuple[Callable[[Scene], Change | None], ...]] = (
    dummy,
    stuck_meter,
    ct_lifted,
    cts_turned,
    replay,
)
