"""The second injector: written from the domain alone, without sight of the detector or of injector A.

`inject(pair, seed)` does one deed for each DEED_EVERY_S of what follows commissioning, class after class in
shuffled rounds, so that each class has its turn; a class that the pair offers no moment for is passed over.
`inject(pair, seed, clean=True)` does none. Both carry the nuisances, over the whole recording: 2 % missing
samples, single dips of treatment, jogs of production of less than a minute and a half without treatment,
and treatment that runs on a little longer than usual after a shift.
"""

import zlib
from typing import Final

import numpy as np

from tests.bench_detection.cases import MISSING, Case, Pair
from tests.bench_detection.deeds_b import early_stop, idle, late_start, off
from tests.bench_detection.means_b import apply_load
from tests.bench_detection.scene_b import MARGIN_S, Scene, spans
from tests.bench_detection.tampering_b import blank, ct_prod, dummy, gap, stuck_production, stuck_treatment

DEEDS: Final = (
    off, idle, late_start, early_stop, dummy, ct_prod, stuck_treatment, stuck_production, gap,
)  # fmt: skip
NAME: Final = "b"
DEED_EVERY_S: Final = 10 * 3600
ROUNDS_IN_VAIN: Final = 3
"""So many rounds of all classes without a place, and the pair is full."""
MISSING_SHARE: Final = 0.02
DIPS_A_DAY: Final = 4.0
JOG_CHANCE, OVERRUN_CHANCE = 0.4, 0.3
JOG_PAUSE_S: Final = 3 * 3600
OVERRUN_TOTAL_S: Final = (1200.0, 3300.0)
"""After the end of production; a limit of less than 90 minutes is never learned."""


def inject(pair: Pair, seed: int, *, clean: bool = False) -> Case:
    """The pair with deeds and nuisances; the same for the same pair and seed."""
    rng = np.random.default_rng([seed, zlib.crc32(pair.name.encode()), 0xB])
    scene = Scene.of(pair, rng)
    if not clean:
        _commit(scene)
    _jogs(scene)
    _overruns(scene)
    _dips(scene)
    _losses(scene)
    events = tuple(sorted(scene.events, key=lambda event: event.begin_s))
    return Case(pair=scene.result(), events=events, injector=NAME, seed=seed)


def _commit(scene: Scene) -> None:
    wanted = int((len(scene.busy) - scene.first) * scene.pair.dt_s / DEED_EVERY_S)
    in_vain = 0
    while len(scene.events) < wanted and in_vain < ROUNDS_IN_VAIN:
        before = len(scene.events)
        for n in scene.rng.permutation(len(DEEDS)):
            if len(scene.events) < wanted:
                DEEDS[n](scene)
        in_vain = in_vain + 1 if len(scene.events) == before else 0


def _far(scene: Scene, a: int, b: int) -> bool:
    """No deed near; before the first hour after commissioning there is none anyway."""
    margin = scene.slots(MARGIN_S)
    return not scene.busy[max(a - margin, scene.first) : b + margin].any()


def _jogs(scene: Scene) -> None:
    side = scene.production
    for a, b in spans(~side.on):
        if b - a < scene.slots(JOG_PAUSE_S) or scene.rng.random() >= JOG_CHANCE:
            continue
        at = a + (b - a) // 2 + int(scene.rng.integers(scene.slots(1800)))
        end = at + scene.slots(scene.rng.uniform(20, 80))
        if _far(scene, at, end) and not scene.treatment.on[at:end].any():
            watts = (
                scene.rng.uniform(0.4, 0.9) * side.levels.on_w * np.exp(scene.rng.normal(0, 0.05, end - at))
            )
            apply_load(side, at, end, watts, 0.7)


def _overruns(scene: Scene) -> None:
    side = scene.treatment
    for (_, stop), (after, _) in zip(scene.runs[:-1], scene.runs[1:], strict=True):
        total = scene.slots(scene.rng.uniform(*OVERRUN_TOTAL_S))
        if after - stop < scene.slots(JOG_PAUSE_S) or scene.rng.random() >= OVERRUN_CHANCE:
            continue
        last = np.arange(stop - scene.slots(600), stop)
        running = side.healthy[last[side.on[last]]]
        still = ~side.on[stop:after]
        rests = stop + int(np.argmax(still))
        usual = side.on[stop - 1] and still.any() and rests - stop <= scene.slots(1200)
        if not usual or rests >= stop + total or not _far(scene, stop, stop + total):
            continue
        pf = None if side.pf is None else float(np.nanmedian(side.pf[side.on]))
        apply_load(side, rests, stop + total, scene.rng.choice(running, stop + total - rests), pf)


def _dips(scene: Scene) -> None:
    side = scene.treatment
    days = len(scene.busy) * scene.pair.dt_s / 86_400
    for at in scene.rng.choice(len(scene.busy), scene.rng.poisson(DIPS_A_DAY * days), replace=False):
        if side.on[at] and _far(scene, at, at + 1):
            apply_load(side, at, at + 1, side.healthy[at : at + 1] * scene.rng.uniform(0, 0.4), None)


def _losses(scene: Scene) -> None:
    for side in (scene.production, scene.treatment):
        blank(
            side,
            np.flatnonzero((scene.rng.random(len(scene.busy)) < MISSING_SHARE) & (side.parts[0] != MISSING)),
        )
