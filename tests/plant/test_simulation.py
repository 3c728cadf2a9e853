"""The whole agent on virtual time: seeds of stories and faults, after each of which everything must hold.

`make test` runs QUICK of them, `make test-faults` SEEDS. One seed again, with its faults told:

    DIANJIAN_SEED=115 .venv/bin/python -m pytest tests/plant/test_simulation.py
"""

import os
from pathlib import Path

import pytest

from agent.evidence.seal import seal_hash
from tests.plant import checks
from tests.plant.run import GATEWAY, World

SEEDS = 1_000
QUICK = 12
AGAIN = os.environ.get("DIANJIAN_SEED", "")


def lived(seed: int, ground: Path) -> World:
    """A seed that has been lived through; what goes wrong in it says how to see it again."""
    world = World(seed, ground / f"seed-{seed}", ground / "templates")
    try:
        world.run()
        checks.check(world)
    except BaseException as error:
        again = f"DIANJIAN_SEED={seed} .venv/bin/python -m pytest tests/plant/test_simulation.py"
        error.add_note(f"{world.describe()}\nagain: {again}")
        world.forget()
        raise
    return world


@pytest.mark.parametrize("seed", [int(AGAIN)] if AGAIN else range(QUICK))
def test_whatever_strikes_the_promises_hold(seed: int, ground: Path) -> None:
    lived(seed, ground).forget()


@pytest.mark.minutes
@pytest.mark.parametrize("seed", range(QUICK, SEEDS))
def test_whatever_strikes_in_a_thousand_lives_the_promises_hold(seed: int, ground: Path) -> None:
    lived(seed, ground).forget()


def test_a_seed_is_the_same_life_every_time(ground: Path) -> None:
    lives = []
    for _ in range(2):
        world = lived(7, ground)
        store = world.centre.open().store
        chain = [seal_hash(cose) for _, cose, *_ in store.chain(GATEWAY)]
        world.centre.close()
        lives.append((chain, world.machine.ends, world.machine.sent, world.disk.done))
        world.forget()
    assert lives[0] == lives[1]
    assert lives[0][0]
