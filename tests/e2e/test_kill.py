"""The agent is killed at random instants while it publishes: nothing acknowledged is lost, nothing forks."""

import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant

KILLS: Final = 20
SEED: Final = 20261123
LIVES_S: Final = (0.2, 1.2)
"""Real seconds of each life, start included: some end before the first seal, most while publishing."""


@pytest.mark.e2e
def test_twenty_kills_while_publishing_lose_nothing_and_make_no_fork(tmp_path: Path) -> None:
    instants = random.Random(SEED)
    seen: dict[int, bytes] = {}
    with small_plant(tmp_path, fast_s=0.5, interval_s=0.5) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        for _ in range(KILLS):
            plant.agent.start()
            time.sleep(instants.uniform(*LIVES_S))  # the instant is the point of the test
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
    assert len(seen) > KILLS
    assert {number: hashes.get(number) for number in seen} == seen
    assert forks == []
    assert report.ok, report.error
    assert report.absent == 0
    assert max(plant.verified.records.values()) == 1
    assert sorted(plant.verified.records) == list(range(1, report.records + 1))
