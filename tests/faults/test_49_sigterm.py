"""SIGTERM at any instant while the agent publishes: it ends with 0 in time, and the next start is clean."""

import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.plant import small_plant
from tests.faults.agent_process import begun, checked, read_log, sealed_on, witness
from tests.faults.invariants import Witness

SEED: Final = 49
STOPS: Final = 2
STOPS_LONG: Final = 30
END_S_MAX: Final = 20.0
"""The supervisor kills then."""


def stopped(tmp_path: Path, stops: int) -> None:
    pick, seen = random.Random(SEED), Witness()
    with small_plant(tmp_path, fast_s=0.5, interval_s=0.5) as plant:
        begun(plant, 1)
        for _ in range(stops):
            sealed_on(plant, 1)
            time.sleep(pick.uniform(0.0, 0.6))  # the instant is the point of the test
            began_s = time.monotonic()
            assert plant.agent.stop() == 0
            assert time.monotonic() - began_s < END_S_MAX
            witness(plant, seen)
            plant.agent.start()
        sealed_on(plant, 1)
        checked(plant, seen)
        starts = [line.split("start: ")[1].split(",")[0] for line in read_log(plant) if "start: " in line]
        assert starts[1:] == ["clean"] * stops


@pytest.mark.e2e
def test_49_a_stop_while_publishing_is_clean(tmp_path: Path) -> None:
    stopped(tmp_path, STOPS)


@pytest.mark.e2e
@pytest.mark.minutes
def test_49_thirty_stops_while_publishing_are_clean(tmp_path: Path) -> None:
    stopped(tmp_path, STOPS_LONG)
