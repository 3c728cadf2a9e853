"""The four violations, as an owner would commit them; each finds its moment or reports that there is none.

What is left of treatment is nothing, or at most IDLE_SHARE of what is normal at that load.
"""

from typing import Final

import numpy as np

from tests.bench_detection.cases import GRACE_S
from tests.bench_detection.means_b import apply_load, dead_feeder, ramp, rest
from tests.bench_detection.moments_b import LEAD_S, TRIES, breaks, done, minutes, moment, place, runs_with
from tests.bench_detection.scene_b import IDLE_SHARE, Scene

DAMPER_S: Final = (60.0, 180.0)
"""What damper actuators take to close."""
COUNTED_S: Final = 180.0
"""0.75 tau: the shortest time without treatment, added up, that any setting calls a violation."""


def off(scene: Scene) -> bool:
    """Contactor, drive ramped down, feeder opened; or only for minutes, but again and again."""
    way = scene.rng.choice(["contactor", "drive", "feeder", "interruptions"])
    if way == "interruptions" and not scene.longest_pause:
        return _interruptions(scene)
    found = place(scene, 10, 150)
    if found is None:
        return False
    a, b = found
    if way == "feeder":
        dead_feeder(scene.treatment, a, b)
    else:
        rest(scene.treatment, a, b, scene.rng)
    if way == "drive":
        slots = min(scene.slots(scene.rng.uniform(30, 120)), b - a)
        speed = ramp(slots, slots * scene.pair.dt_s, scene.pair.dt_s, down_to=0.15)
        apply_load(scene.treatment, a, a + slots, scene.treatment.healthy[a : a + slots] * speed**3, None)
        a += int(np.argmax(speed**3 <= scene.band_share))
    return done(scene, "off", a, b, str(way))


def _interruptions(scene: Scene) -> bool:
    """Off for two to four minutes, on for a little: each too short to count, all together not."""
    found = moment(scene, minutes(scene, 60, 180))
    if found is None:
        return False
    a, stop = found
    at, away, begin, end = a, 0, 0, a
    while at < stop - scene.slots(240):
        slots = minutes(scene, 2, 4)
        rest(scene.treatment, at, at + slots, scene.rng)
        if away < scene.slots(COUNTED_S) <= away + slots:
            begin = at + scene.slots(COUNTED_S) - away
        away, end = away + slots, at + slots
        at = end + minutes(scene, 1.5, 3.5)
    return done(scene, "off", begin, end, "interruptions")


def idle(scene: Scene) -> bool:
    """Belt off, pump dry, damper closed, drive turned down, or one fan of several left running."""
    found = place(scene, 15, 240)
    if found is None:
        return False
    a, b = found
    side, rng, slots, dt = scene.treatment, scene.rng, b - a, scene.pair.dt_s
    ratio = side.healthy[a:b] / scene.normal_w[a:b]
    highest = IDLE_SHARE / max(float(np.quantile(ratio[side.on[a:b]], 0.99)), 1.0)
    lowest = max(0.1, 1.3 * side.levels.off_w / side.levels.on_w)
    if lowest >= highest:
        return False
    way = str(rng.choice(["belt", "damper", "drive", "partial"]))
    low, high, slow = {
        "belt": (0.1, 0.3, 0.0), "damper": (0.25, 0.44, rng.uniform(*DAMPER_S)),
        "drive": (0.15, 0.44, rng.uniform(20, 60)), "partial": (0.2, 0.4, 0.0),
    }[way]  # fmt: skip
    share = float(np.clip(rng.uniform(low, high), lowest, highest))
    curve = ramp(slots, slow, dt, down_to=share ** (1 / 3)) ** 3
    watts = side.healthy[a:b] * curve * (1 + rng.normal(0, 0.01, slots))
    watts = np.where(side.on[a:b], np.maximum(watts, side.levels.off_w), side.healthy[a:b])
    pf = None
    if side.pf is not None and way in {"belt", "damper"}:
        amps = 0.3 + 0.45 * share  # an unloaded motor keeps its magnetising current
        pf = np.where(
            side.on[a:b],
            side.pf[a:b] * (1 - (1 - min(share / amps, 1)) * (1 - curve) / (1 - share)),
            side.pf[a:b],
        )
    apply_load(side, a, b, watts, pf)
    return done(scene, "idle", a + int(np.argmax(curve <= scene.band_share)), b, way)


def late_start(scene: Scene) -> bool:
    """The shift or the afternoon begins; treatment follows when somebody thinks of it."""
    rng, grace = scene.rng, scene.slots(GRACE_S)
    late = minutes(scene, 8, 60) + 2 * scene.longest_pause
    for n in rng.permutation(np.arange(1, len(scene.runs)))[:TRIES]:
        (_, before), (start, stop) = scene.runs[n - 1], scene.runs[n]
        late_here = min(late, stop - start - grace)
        wait = min(scene.slots(rng.uniform(600, 1800)), (start - before) // 2)
        end = start + grace + late_here
        if (
            late_here < scene.slots(480) + 2 * scene.longest_pause
            or start - before < scene.slots(900)
            or not scene.free(start - wait, end)
        ):
            continue
        abrupt = scene.clear[start + scene.slots(180) : end].mean() >= 0.9
        if abrupt and runs_with(scene, start + grace, end) and scene.treatment.on[start + grace : end].any():
            rest(scene.treatment, start - wait, end, rng)
            # The line was switched on somewhere after the last sample that shows it off: hence the 1.
            return done(
                scene,
                "late_start",
                start - 1 + grace,
                end,
                "lunch" if start - before < scene.slots(7800) else "shift",
            )
    return False


def early_stop(scene: Scene) -> bool:
    """Treatment goes home before the shift does, and stays away until it would have rested anyway."""
    rng = scene.rng
    lead = minutes(scene, 8, 40)
    if 2 * scene.longest_pause > lead:
        return False  # a rest of so long is honest here
    for n in rng.permutation(np.arange(len(scene.runs) - 1))[:TRIES]:
        (start, stop), after = scene.runs[n], scene.runs[n + 1][0]
        a = stop - lead
        still = ~scene.treatment.on[stop:after]
        gone = stop + (int(np.argmax(still)) if still.any() else (after - stop) // 2)
        if a - start < scene.slots(LEAD_S) or after - stop < scene.slots(1800) or not scene.free(a, gone):
            continue
        if not breaks(scene, a, stop - scene.slots(60)):
            continue
        rest(scene.treatment, a, gone, rng)
        return done(scene, "early_stop", a, stop, until=gone)
    return False
