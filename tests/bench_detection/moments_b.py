"""Where a deed breaks a rule.

Production clearly runs and treatment honestly ran. Where treatment has a duty cycle, a deed outlasts twice
its longest honest rest. Pairs of short batches have no long run: there a deed begins under load and goes
on over several batches.
"""

from typing import Final

from tests.bench_detection.cases import ACCEPTS, Event
from tests.bench_detection.scene_b import Scene, Span, spans

TRIES: Final = 60
MINUTE_S: Final = 60.0
LEAD_S: Final = 1200.0
"""Into the run, so that treatment has been seen."""


def minutes(scene: Scene, low: float, high: float) -> int:
    return scene.slots(scene.rng.uniform(low, high) * MINUTE_S)


def moment(scene: Scene, slots: int) -> Span | None:
    """A stretch of clear production with treatment, well within one run."""
    lead = scene.slots(LEAD_S)
    runs = [run for run in scene.runs if run[1] - run[0] >= lead + slots and run[1] > scene.first]
    for _ in range(TRIES if runs else 0):
        start, stop = runs[scene.rng.integers(len(runs))]
        a = int(scene.rng.integers(start + lead, stop - slots + 1))
        if scene.free(a, a + slots) and breaks(scene, a, a + slots):
            return a, a + slots
    return None


def _over_runs(scene: Scene, slots: int) -> Span | None:
    """The same for short batches: begins under load and goes on over several."""
    for _ in range(TRIES):
        start, stop = scene.runs[scene.rng.integers(len(scene.runs))]
        a = start + (stop - start) // 3
        b = min(a + max(slots, scene.slots(10_800)), len(scene.busy))
        enough = scene.production.on[a:b].sum() >= scene.slots(2700)
        if (
            stop - a >= scene.slots(360)
            and enough
            and scene.free(a, b)
            and scene.treatment.on[a]
            and runs_with(scene, a, b)
        ):
            return a, b
    return None


def runs_with(scene: Scene, a: int, b: int) -> bool:
    """Treatment honestly runs while production does."""
    on = scene.production.on[a:b]
    return bool((scene.treatment.on[a:b] & on).sum() >= (0.2 if scene.pair.duty_cycled else 0.8) * on.sum())


def breaks(scene: Scene, a: int, b: int) -> bool:
    clear = scene.clear[a:b]
    pauses = max((y - x for x, y in spans(~clear)), default=0)
    return bool(
        clear.mean() >= 0.9
        and pauses <= scene.slots(120)
        and scene.treatment.on[a]
        and runs_with(scene, a, b)
    )


def place(scene: Scene, low: float, high: float) -> Span | None:
    slots = minutes(scene, low, high) + 2 * scene.longest_pause
    return (
        moment(scene, slots)
        or moment(scene, scene.slots(low * MINUTE_S) + 2 * scene.longest_pause)
        or _over_runs(scene, slots)
    )


def done(scene: Scene, klass: str, a: int, b: int, variant: str = "", until: int = 0) -> bool:
    """Note the deed; `until` is how far its traces reach if they outlast the breach."""
    begins = any(a < start < b for start, _ in scene.runs)
    # A run that begins without treatment while the deed lasts is a late start as well.
    more = {"late_start"} if begins and klass in {"off", "idle"} else set()
    event = Event(
        klass=klass,
        begin_s=scene.time(a),
        end_s=scene.time(b),
        accepts=ACCEPTS[klass] | more,
        variant=variant,
    )
    scene.take(a, max(b, until), event)
    return True
