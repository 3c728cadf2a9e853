"""Agent, mosquitto and centre as processes, where the broker takes small packets only."""

import json
from pathlib import Path
from typing import Any

import pytest

from centre.store.sqlite import SqliteStore
from evidence.seal import peek_header
from tests.e2e.plant import SmallPlant, small_plant
from tests.e2e.test_once import agent, dianjian

pytestmark = pytest.mark.e2e
METERS = 20


def status(plant: SmallPlant) -> dict[str, Any]:
    shown = dianjian("status", "--config", str(plant.folder / "site.toml"), "--json")
    found: dict[str, Any] = json.loads(shown.stdout) if not shown.returncode else {"seals": {"delivered": -1}}
    return found


def broker_lines(plant: SmallPlant, state: str) -> list[dict[str, str]]:
    shown = dianjian("doctor", "--config", str(plant.folder / "site.toml"), "--json")
    return [one for one in json.loads(shown.stdout) if one["check"] == "broker" and one["state"] == state]


def read_records(plant: SmallPlant, delivered: int) -> list[int]:
    """The numbers of all records that the centre holds up to a seal, in order; each body has come."""
    store = SqliteStore(plant.folder / "centre.db")
    try:
        rows = [
            (peek_header(cose), body) for number, cose, body, _ in store.chain("e2e-1") if number <= delivered
        ]
    finally:
        store.close()
    assert all(body is not None for _, body in rows), [header.number for header, body in rows if body is None]
    return [
        number
        for header, _ in rows
        for number in range(header.first_record, header.first_record + header.count)
    ]


@pytest.mark.parametrize("option", ["max_packet_size", "message_size_limit"])
@pytest.mark.parametrize(("takes", "interval_s"), [(1_024, 0.5), (1_024, 9.0), (2_048, 9.0), (4_096, 9.0)])
@pytest.mark.minutes
def test_over_a_broker_of_small_packets_all_readings_arrive_and_status_says_so(
    tmp_path: Path, option: str, takes: int, interval_s: float
) -> None:
    with small_plant(
        tmp_path, METERS, fast_s=0.5, interval_s=interval_s, options=(f"{option} {takes}",)
    ) as plant:
        first = agent("run", "--once", "--config", str(tmp_path / "site.toml"))
        once = json.loads(first.stdout.splitlines()[-1])
        assert (first.returncode, once["delivered"]) == (1, 0), (
            "no centre: its seal waits, larger than a packet"
        )
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until(lambda: status(plant)["seals"]["delivered"] >= 5, "five seals with their readings")
        seen = status(plant)
        assert seen["broker"]["alarms"] == []
        assert seen["broker"]["packets"]["bytes_max"] <= takes + 40
        assert (seen["broker"]["packets"]["refused"] == 0) == (option == "max_packet_size")
        shown = dianjian("status", "--config", str(tmp_path / "site.toml"), "--once").stdout
        assert "readings up to" in shown
        assert "bodies go in parts" in " ".join(shown.split())
        assert broker_lines(plant, "failed") == []
        delivered = status(plant)["seals"]["delivered"]
        plant.agent.stop()
        plant.subscriber.stop()
        records = read_records(plant, delivered)
        assert records == list(range(1, len(records) + 1))
        bodies = [len(body or b"") for _, _, body, _ in centre_chain(plant)]
        assert max(bodies) > takes, "or nothing had to be cut"


def centre_chain(plant: SmallPlant) -> list[tuple[int, bytes, bytes | None, int]]:
    store = SqliteStore(plant.folder / "centre.db")
    try:
        return list(store.chain("e2e-1"))
    finally:
        store.close()


@pytest.mark.parametrize(
    "option", ["max_packet_size", pytest.param("message_size_limit", marks=pytest.mark.minutes)]
)
def test_a_broker_that_takes_not_even_a_seal_is_one_failed_line_and_goes_on_when_it_is_put_right(
    tmp_path: Path, option: str
) -> None:
    with small_plant(tmp_path, interval_s=1.0, options=(f"{option} 200",)) as plant:
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until(lambda: "oversize" in status(plant).get("broker", {}).get("alarms", ()), "an alarm")
        seen = status(plant)
        assert (seen["seals"]["receipted"], seen["seals"]["delivered"]) == (0, 0)
        assert seen["seals"]["backlog"] == seen["seals"]["last"] > 0
        assert seen["seals"]["records_waiting"] > 0
        (line,) = broker_lines(plant, "failed")
        assert line["about"] == "packets"
        assert "mosquitto max_packet_size and message_size_limit" in line["remedy"]
        shown = dianjian("--lang", "zh", "status", "--config", str(tmp_path / "site.toml"), "--once").stdout
        assert "一个签封" in shown
        assert plant.broker is not None
        plant.broker.stop()
        plant.options = (f"{option} 4096",)
        plant.start_broker()
        plant.until(lambda: status(plant)["seals"]["delivered"] > seen["seals"]["last"], "all of it")
        assert status(plant)["broker"]["alarms"] == []
