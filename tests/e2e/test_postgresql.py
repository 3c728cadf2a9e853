"""Agent, broker and centre as processes, the store in PostgreSQL, both killed in the midst of it."""

import json
from pathlib import Path

import pytest

from centre.store.reading import read_standings
from provisioning.demo.parts import Part, PartError
from provisioning.terminal.exits import EXIT_OUTSIDE
from tests.counterparts.postgresql import serving
from tests.e2e.plant import small_plant
from tests.e2e.test_once import dianjian

pytestmark = pytest.mark.e2e


def ends_with(part: Part, code: int) -> bool:
    """Whether a part has ended, with this code."""
    try:
        part.must_live()
    except PartError as error:
        return f"ended with {code}: " in str(error)
    return False


def test_a_crash_of_the_server_and_a_kill_of_the_subscriber_lose_and_double_nothing(tmp_path: Path) -> None:
    with serving() as server:
        server.stop()
        server.start("fsync=on")
        url = server.make_database()
        with small_plant(tmp_path, store=url) as plant:
            plant.subscriber.start()
            plant.agent.start()
            plant.until_verified(3)
            server.stop("immediate")
            plant.until(lambda: ends_with(plant.subscriber, EXIT_OUTSIDE), "the end of the subscriber")
            server.start("fsync=on")
            plant.subscriber.start()
            plant.until_verified(plant.verified.seal + 3)
            plant.subscriber.kill()
            plant.subscriber.start()
            plant.until_verified(whole_up_to := plant.verified.seal + 3)

            def is_whole() -> bool:
                return read_standings(plant.store)["e2e-1"].held.up_to >= whole_up_to

            plant.until(is_whole, "every body of before the kill")
            plant.agent.stop()
            plant.subscriber.stop()
            hashes, forks, report = plant.centre()
            assert (report.error, forks) == ("", [])
            assert list(hashes) == list(range(1, len(hashes) + 1))
            assert hashes.items() <= plant.acknowledged().items()
            lines = dianjian("consume", "--store", url).stdout.splitlines()
            keys = [json.loads(line)["key"] for line in lines]
            assert len(keys) == len(set(keys)) > len(hashes)
            register = str(tmp_path / "gateways.jsonl")
            listed = dianjian("centre", "list", "--register", register, "--store", url, "--json")
            assert json.loads(listed.stdout)[0]["number"] == len(hashes)
