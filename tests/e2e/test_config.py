"""A site file changed from the officer's desk through a real broker: kept, or back again, by itself."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.site.file import load_own_site, load_site
from evidence import keys
from evidence.orders.change import hash_site
from provisioning.cli import cli
from provisioning.demo.broker import find_free_port
from provisioning.demo.parts import PartError
from tests.e2e.plant import SmallPlant, small_plant
from tests.wire.certificates import Authority

BUREAU = "青岛市生态环境局"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[SmallPlant]:
    with small_plant(tmp_path, authority=Authority(tmp_path / "tls"), orders=tmp_path / "orders") as plant:
        root = ("--orders", str(tmp_path / "orders"), "--key", str(tmp_path / "centre.key"))
        public = keys.public(keys.create_key_file(tmp_path / "bureau.key")).hex()
        call("centre", "keys", "root", *root)
        may = ("--role", "bureau", "--name", BUREAU, "--kind", "config", "--kind", "diagnose", public)
        call("centre", "keys", "certify", *root, *may)
        plant.subscriber.start()
        plant.subscriber.first_line()
        plant.agent.start()
        plant.until_verified(2)
        yield plant


def call(*words: str, code: int = 0) -> str:
    ran = CliRunner().invoke(cli, [*words])
    assert ran.exit_code == code, ran.output
    return ran.stdout


def change(plant: SmallPlant, verb: str, *words: str, code: int = 0) -> str:
    store = ("--store", str(plant.folder / "centre.db"))
    ledger = ("--orders", str(plant.folder / "orders")) if verb != "diff" else ()
    who = ("--key", str(plant.folder / "bureau.key"), "--issuer", BUREAU) if verb == "send" else ()
    return call("centre", "config", verb, *store, *ledger, *who, *words, code=code)


def stage(plant: SmallPlant, id_: str) -> Any:
    ran = CliRunner().invoke(
        cli,
        ["centre", "config", "status", "--store", str(plant.folder / "centre.db"), "--orders",
         str(plant.folder / "orders"), "--id", id_, "--json"],
    )  # fmt: skip
    rows = json.loads(ran.stdout)["gateways"]
    return rows[0]["stage"] if rows else None


def follow(plant: SmallPlant, id_: str, wanted: str) -> None:
    """Until it has come so far; what its service does when the agent ends is done here."""

    def holds() -> bool:
        with contextlib.suppress(PartError):
            plant.agent.must_live()
            return bool(stage(plant, id_) == wanted)
        plant.agent.start()
        return False

    plant.until(holds, f"{id_} is {wanted}")


@pytest.mark.e2e
def test_a_change_is_shown_sent_taken_over_and_kept(plant: SmallPlant) -> None:
    shown = json.loads(change(plant, "diff", "--set", "seal.interval_s=1", "--json", "e2e-1"))["gateways"][0]
    assert shown["changes"] == [{"key": "seal.interval_s", "was": 0.5, "is": 1.0, "kind": "free"}]
    assert "+interval_s = 1" in shown["diff"]
    change(plant, "send", "--id", "c-1", "--set", "seal.interval_s=1", "e2e-1")
    follow(plant, "c-1", "kept")
    site = plant.folder / "site.toml"
    assert (load_own_site(site).seal.interval_s, load_site(site).seal.interval_s) == (0.5, 1.0)
    change(plant, "diff", "--set", "seal.interval_s=1", "e2e-1", code=1)  # it has it
    words = ("--store", str(plant.folder / "centre.db"), "--orders", str(plant.folder / "orders"), "--json")
    listed = json.loads(call("centre", "fleet", "--register", str(plant.folder / "register"), *words))
    one = listed["gateways"][0]
    assert (one["site_sha256"], one["drift"]) == (hash_site(load_site(site).text).hex(), None)
    assert one["memory_available_bytes"] > 0
    refused = change(plant, "diff", "--set", "site.gateway=other", "e2e-1", code=1)
    assert "no order may change it" in refused
    change(plant, "send", "--id", "c-2", "--set", "line.p1.rated_w=1", "e2e-1", code=1)  # no metrology
    assert stage(plant, "c-2") is None


@pytest.mark.e2e
@pytest.mark.minutes
def test_a_broker_that_is_not_there_comes_back_by_itself(plant: SmallPlant) -> None:
    nowhere = f"broker.url=mqtts://127.0.0.1:{find_free_port()}"
    change(plant, "send", "--id", "c-1", "--set", nowhere, "--keep-s", "60", "e2e-1")
    follow(plant, "c-1", "accepted")
    follow(plant, "c-1", "back")
    assert load_site(plant.folder / "site.toml").broker == load_own_site(plant.folder / "site.toml").broker
