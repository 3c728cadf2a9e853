"""The third injector: deeds after learning, hours apart, in shuffled rounds; the same for the same seed."""

from typing import Final

import numpy as np
from attrs import frozen

from tests.bench_detection.world.deeds import DEEDS, off_tank
from tests.bench_detection.world.meters import Plant, show
from tests.bench_detection.world.scene import Deed, Scene
from tests.bench_detection.world.tricks import TRICKS, Change
from tests.bench_detection.world.works import Works

ROUNDS_IN_VAIN: Final = 2
"""So many rounds of all deeds without a place, and the plant is full."""


@frozen
class Guilty:
    """What the meters of a plant show after the deeds, and the deeds."""

    plant: Plant
    deeds: tuple[Deed, ...]


def commit(works: Works) -> Guilty:
    """Deeds until the recording is full; `works` is changed."""
    rng = np.random.default_rng([works.seed, works.variant, 0xDEED])
    honest, scene = show(works), Scene.of(works, rng)
    changes: list[Change] = []
    vain = 0
    while vain < ROUNDS_IN_VAIN and scene.cursor < works.n - works.slots(240):
        before = len(scene.deeds)
        for n in rng.permutation(len(DEEDS) + len(TRICKS)).tolist():
            _one(scene, n, changes)
        vain = vain + 1 if len(scene.deeds) == before else 0
    plant = show(works)
    for change in changes:
        plant = change(plant, honest)
    return Guilty(plant, tuple(scene.deeds))


def _one(scene: Scene, n: int, changes: list[Change]) -> None:
    if scene.works.duty:
        off_tank(scene)
    elif n < len(DEEDS):
        DEEDS[n](scene)
    elif (change := TRICKS[n - len(DEEDS)](scene)) is not None:
        changes.append(change)
