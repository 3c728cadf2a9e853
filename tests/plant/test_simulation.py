"""The whole agent on virtual time: seeds of stories and faults, after each of which everything must hold.

`make test` runs QUICK of them, `make test-faults` SEEDS. One seed again, with its faults told:

    DIANJIAN_SEED=115 .venv/bin/python -m pytest tests/plant/test_simulation.py
"""

import os
from pathlib import Path

import pytest

from evidence.seal import seal_hash
from tests.plant import checks
from tests.plant.faults import Fault
from tests.plant.run import World
from tests.plant.story import GATEWAY

SEEDS = 1_000
QUICK = 6
AGAIN = os.environ.get("DIANJIAN_SEED", "")


def lived(seed: int, ground: Path, faults: tuple[Fault, ...] = ()) -> World:
    """A seed that has been lived through; what goes wrong in it says how to see it again."""
    world = World(seed, ground / f"seed-{seed}", ground / "templates")
    world.faults = list(faults) or world.faults
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


PAIRS = [
    # no commit succeeds after a lost tail, and the centre's receipt is above what the database has
    (Fault("commits lost", 400.0, 60.0, 3), Fault("EIO", 440.0, 45.0, 3)),
    # nothing is left but the key file, and the rows that it gives back cannot be stored
    (Fault("database lost", 400.0, 60.0, 3), Fault("EIO", 440.0, 45.0, 3)),
    # the same, and nobody was there to say what has arrived
    (Fault("link down", 300.0, 700.0, 1), Fault("database lost", 400.0, 60.0, 1)),
    # bodies go in parts, and parts get lost
    (Fault("small packets", 300.0, 400.0, 4), Fault("broker forgets", 400.0, 200.0, 4)),
]


@pytest.mark.parametrize("faults", PAIRS, ids=lambda pair: " + ".join(fault.kind for fault in pair))
def test_a_pair_that_struck_once_does_not_strike_again(faults: tuple[Fault, ...], ground: Path) -> None:
    lived(3, ground, faults).forget()


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
