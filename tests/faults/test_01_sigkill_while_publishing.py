"""The agent is killed at random instants while it publishes: nothing acknowledged is lost, nothing forks."""

import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant
from tests.faults.invariants import Held, Witness, check

KILLS: Final = 4
KILLS_LONG: Final = 20
SEED: Final = 20261123
PUBLISHING_S: Final = (0.0, 0.8)
"""Real seconds between the first seal of a life and its end: a seal is made every half second."""
STARTING_S: Final = (0.1, 0.6)
"""Every fourth life ends while it starts."""


@pytest.mark.e2e
@pytest.mark.parametrize("kills", [KILLS, pytest.param(KILLS_LONG, marks=pytest.mark.minutes)])
def test_01_kills_while_publishing_lose_nothing_and_make_no_fork(tmp_path: Path, kills: int) -> None:
    instants = random.Random(SEED)
    seen: dict[int, bytes] = {}
    with small_plant(tmp_path, fast_s=0.5, interval_s=0.5) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        for life in range(kills):
            plant.agent.start()
            if life % 4:
                tip = max(seen, default=0)
                plant.until(lambda tip=tip: max(plant.acknowledged(), default=0) > tip, "a seal of this life")
                time.sleep(instants.uniform(*PUBLISHING_S))  # the instant is the point of the test
            else:
                time.sleep(instants.uniform(*STARTING_S))
            plant.agent.kill()
            for number, digest in plant.acknowledged().items():
                assert seen.setdefault(number, digest) == digest, f"seal {number} changed after a kill"
        plant.agent.start()
        plant.until_verified(max(seen, default=0) + 1)
        plant.agent.stop()
        seen |= plant.acknowledged()
        plant.until_verified(max(seen))
        plant.subscriber.stop()
        hashes, forks, report = plant.centre()
        held = plant.acknowledged()
    assert len(seen) >= kills * 3 // 4
    published = Witness()
    for number, digest in seen.items():
        published.acknowledged(number, digest)
    check(published, Held(tuple(sorted(held.items()))), Held(tuple(sorted(hashes.items()))))
    assert {number: hashes.get(number) for number in seen} == seen
    assert forks == []
    assert report.ok, report.error
    assert report.absent == 0
    assert max(plant.verified.records.values()) == 1
    assert sorted(plant.verified.records) == list(range(1, report.records + 1))
