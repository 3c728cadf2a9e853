"""The other five deeds: a heater for a fan, and what is done to meters and gateways.

A frozen register is planted only where the healthy one does not repeat itself, a lifted CT only where
standby shows that it was there, a heater without power factor only where the noise of the real machine, or
its rest after the shift, gives it away.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tests.bench_detection.cases import AT_REST, MISSING, Floats
from tests.bench_detection.means_b import apply_load
from tests.bench_detection.moments_b import TRIES, done, minutes, moment
from tests.bench_detection.scene_b import Scene, Side, bridged, spans

REPLAY_S: Final = 13 * 3600.0
CT_SHARE, CT_LEAST_W = 0.002, 20.0
"""Less standby cannot be told from none."""
MAINS_NOISE: Final = 0.0015
"""Of a heater's power, from sample to sample."""


def _heat(scene: Scene, a: int, b: int, watts: Floats) -> None:
    """A resistive load: P follows U squared; a power factor of a heater."""
    sway = np.cumsum(scene.rng.normal(0, 0.0002, b - a))
    watts = watts * (1 + np.clip(sway, -0.01, 0.01)) * (1 + scene.rng.normal(0, MAINS_NOISE / 5, b - a))
    apply_load(scene.treatment, a, b, watts, scene.rng.normal(0.998, 0.001, b - a))


def dummy(scene: Scene) -> bool:
    """A heater stands in for the fan: plain, or driven by a recording of the fan."""
    return _replayed(scene) if scene.rng.random() < 0.4 else _flat(scene)


def _flat(scene: Scene) -> bool:
    side = scene.treatment
    running = side.on[1:] & side.on[:-1]
    noise = (
        np.median(np.abs(np.diff(side.healthy))[running] / side.healthy[1:][running])
        if running.any()
        else 0.0
    )
    if (side.pf is None and noise < 4 * MAINS_NOISE) or scene.longest_pause:
        return False  # neither noise nor power factor nor a missing residual would show it
    found = moment(scene, minutes(scene, 60, 360)) or moment(scene, minutes(scene, 45, 60))
    if found is None:
        return False
    a, b = found
    level = scene.rng.uniform(0.9, 1.1) * float(np.median(scene.normal_w[a:b]))
    _heat(scene, a, b, np.full(b - a, min(level, side.rated_w)))
    return done(scene, "dummy", a, b, "flat")


def _replayed(scene: Scene) -> bool:
    side, slots = scene.treatment, scene.slots(REPLAY_S)
    longest = max(
        (run for run in scene.runs if run[1] <= scene.first), key=lambda s: s[1] - s[0], default=(0, 0)
    )
    length = min(longest[1] - longest[0], scene.slots(4 * 3600))
    if length < scene.slots(1800):
        return False
    start = int(scene.rng.integers(longest[0], longest[1] - length + 1))
    tape = np.resize(side.healthy[start : start + length], slots)
    silent = ~bridged(scene.production.on, scene.slots(120))
    overrun = max((y - x for x, y in spans(~scene.production.on & side.on)), default=0)
    for _ in range(TRIES):
        a = int(scene.rng.integers(scene.first, max(len(scene.busy) - slots, scene.first + 1)))
        b = a + slots
        if not scene.free(a, b) or not (scene.clear[a] and side.on[a]):
            continue
        # Without a power factor it shows only where the real one would have rested.
        pauses = max((y - x for x, y in spans(silent[a:b])), default=0)
        if side.pf is not None or pauses > max(2.5 * overrun, scene.slots(7200)):
            _heat(scene, a, b, tape)
            return done(scene, "dummy", a, b, "replayed")
    return False


def _median3(watts: Floats) -> Floats:
    return np.median(np.stack([watts[:-2], watts[1:-1], watts[2:]]), axis=0)


def ct_prod(scene: Scene) -> bool:
    """A CT of production is lifted or shorted: from one sample to the next nothing, at full voltage."""
    side, rng = scene.production, scene.rng
    line = int(rng.integers(len(side.parts)))
    part, sound = side.parts[line], side.parts[line][: scene.first]
    standby = np.quantile(_median3(sound[sound != MISSING].astype(np.float64)), 0.001)
    slots = minutes(scene, 20, 480)
    a = int(rng.integers(scene.first, max(len(scene.busy) - slots, scene.first + 1)))
    if standby <= 1.5 * max(CT_LEAST_W, CT_SHARE * side.rated_w) or not scene.free(a, a + slots):
        return False
    b = a + slots
    part[a:b] = np.where(part[a:b] == MISSING, MISSING, 0)
    if len(side.parts) == 1:
        if side.current is not None:
            side.current[a:b] = 0.0
        if side.pf is not None:
            side.pf[a:b] = rng.choice([0.0, 1.0])
    rests = "" if side.on[a:b].any() else AT_REST
    return done(scene, "ct_prod", a, b, rests or ("one line" if len(side.parts) > 1 else ""))


def _freeze(scene: Scene, side: Side, klass: str) -> bool:
    """A register that no longer moves; the meter still answers."""
    line = int(scene.rng.integers(len(side.parts)))
    part = side.parts[line]
    same = spans(np.diff(part[: scene.first]) == 0)
    repeats = max((y - x for x, y in same), default=0)
    slots = max(minutes(scene, 40, 300), 6 * repeats + scene.slots(900))
    if slots > scene.slots(6 * 3600):
        return False
    for _ in range(TRIES):
        a = int(scene.rng.integers(scene.first, max(len(scene.busy) - slots, scene.first + 1)))
        b = a + slots
        if not scene.free(a, b) or not side.on[a] or part[a] < side.levels.split_w:
            continue
        part[a:b] = np.where(part[a:b] == MISSING, MISSING, part[a])
        for channel in (side.pf, side.current, side.voltage):
            if channel is not None and len(side.parts) == 1:
                channel[a:b] = channel[a]
        return done(scene, klass, a, b)
    return False


def stuck_treatment(scene: Scene) -> bool:
    """The treatment meter frozen in full run."""
    return _freeze(scene, scene.treatment, "stuck_treatment")


def stuck_production(scene: Scene) -> bool:
    """The production meter frozen in full run."""
    return _freeze(scene, scene.production, "stuck_production")


def gap(scene: Scene) -> bool:
    """Gateway unplugged, network of the meters away, or one meter dead; twice in three under load."""
    slots = minutes(scene, 10, 300)
    way = str(scene.rng.choice(["gateway", "production meter", "treatment meter"]))
    for _ in range(TRIES):
        a = int(scene.rng.integers(scene.first, max(len(scene.busy) - slots, scene.first + 1)))
        if not scene.free(a, a + slots) or (not scene.clear[a] and scene.rng.random() < 0.7):
            continue
        for name, side in (("production", scene.production), ("treatment", scene.treatment)):
            if way in {"gateway", f"{name} meter"}:
                blank(side, np.arange(a, a + slots))
        return done(scene, "gap", a, a + slots, way)
    return False


def blank(side: Side, where: NDArray[Any]) -> None:
    """No sample there."""
    for part in side.parts:
        part[where] = MISSING
    for channel in (side.pf, side.current, side.voltage):
        if channel is not None:
            channel[where] = np.nan
