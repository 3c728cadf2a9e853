"""No descriptor is left: sealing goes on, it is told, and what heals is used again."""

import resource
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.plant import SmallPlant, small_plant
from tests.faults.agent_process import begun, checked, events, limited, sealed_on, witness
from tests.faults.invariants import Witness


def list_descriptor_events(plant: SmallPlant, *, good: bool) -> list[dict[str, Any]]:
    return [body for body in events(plant) if body["what"] == "descriptors" and body["good"] is good]


@pytest.mark.e2e
def test_51_without_descriptors_the_agent_seals_on_says_so_and_connects_again_when_there_are_some(
    tmp_path: Path,
) -> None:
    with small_plant(tmp_path) as plant:
        begun(plant)
        seen, pid = witness(plant, Witness()), plant.agent.pid
        before = limited(plant, resource.RLIMIT_NOFILE, 3)  # below what is open: nothing more can be
        assert plant.broker is not None
        plant.broker.kill()
        plant.start_broker()
        plant.until(lambda: bool(list_descriptor_events(plant, good=False)), "a word on the descriptors")
        sealed_on(plant, 4)
        tip = max(plant.acknowledged())
        limited(plant, resource.RLIMIT_NOFILE, before)
        seen.healed_at_s = time.monotonic()
        plant.until_verified(tip)
        seen.recovered_at_s = time.monotonic()
        plant.until(
            lambda: bool(list_descriptor_events(plant, good=True)), "a word that there are descriptors again"
        )
        assert plant.agent.pid == pid
        assert plant.agent._process is not None
        assert plant.agent._process.poll() is None, "it did not live through it"
        seen.rejections, seen.events = 1, list_descriptor_events(plant, good=False)
        checked(plant, seen)
