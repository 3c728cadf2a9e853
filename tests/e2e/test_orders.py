"""Orders through a real mosquitto with our access rules: an officer's command, a gateway that is killed."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.store.archive import open_gateway
from agent.store.gateway import read_seals
from evidence import cose, keys
from evidence.record import Kind, Record, decode_record
from evidence.seal import open_body, peek_header
from provisioning.cli import cli
from tests.e2e.plant import SmallPlant, small_plant
from tests.evidence.response.ordered import LIST
from tests.wire.certificates import Authority

BUREAU = "青岛市生态环境局"


def centre(plant: SmallPlant, group: str, verb: str, *words: str) -> Any:
    call = ["centre", group, verb, "--orders", str(plant.folder / "orders"), "--json", *words]
    ran = CliRunner().invoke(cli, call)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def send(plant: SmallPlant, id_: str) -> None:
    who = ["--key", str(plant.folder / "bureau.key"), "--issuer", BUREAU]
    centre(plant, "order", "send", *who, "--kind", "supervise", "--id", id_, "e2e-1")


def alert(plant: SmallPlant) -> None:
    """A reduction list, and an alert by it that begins in an hour."""
    who = ["--key", str(plant.folder / "bureau.key"), "--issuer", BUREAU]
    body = plant.folder / "list.json"
    body.write_text(json.dumps(LIST.to_body()))
    centre(plant, "order", "send", *who, "--kind", "list", "--id", "l-1", "--body", str(body), "e2e-1")
    begin, end = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 5))
    times = ["--from", f"{begin:%Y-%m-%dT%H:%M:%SZ}", "--until", f"{end:%Y-%m-%dT%H:%M:%SZ}"]
    centre(plant, "order", "alert", *who, "--list", "l-1", "--level", "red", *times, "--id", "a-1", "e2e-1")


def states(plant: SmallPlant) -> dict[str, tuple[str, list[str]]]:
    board = centre(plant, "order", "board", "--store", str(plant.folder / "centre.db"))
    return {row["order"]: (row["state"], [one["state"] for one in row["answers"]]) for row in board["orders"]}


def sealed(plant: SmallPlant) -> list[tuple[str, str]]:
    """The orders and answers in the gateway's own chain."""
    found = []
    for seal in read_seals(plant.folder / "state/chain.db"):
        for raw in open_body(peek_header(seal.cose), seal.body or b""):
            one = decode_record(raw)
            if isinstance(one, Record) and one.kind in {Kind.ORDER, Kind.ANSWER, Kind.BASELINE}:
                name = (
                    one.body["order"] if one.kind is not Kind.ORDER else one.body.get("id", one.body["what"])
                )
                found.append((one.kind.name, str(name)))
    return found


def certify_bureau(plant: SmallPlant, root: list[str]) -> None:
    public = keys.public(keys.create_key_file(plant.folder / "bureau.key")).hex()
    kinds = [word for kind in ("supervise", "list", "alert") for word in ("--kind", kind)]
    centre(plant, "keys", "certify", *root, "--role", "bureau", "--name", BUREAU, *kinds, public)


def verify_with_own_key(plant: SmallPlant, root: list[str]) -> None:
    """Have the subscriber sign with a receipt key that the root has certified, and never read the root's."""
    file = str(plant.folder / "verifier.key")
    public = keys.public(keys.create_key_file(Path(file))).hex()
    centre(plant, "keys", "certify", *root, "--role", "receipt", "--name", "verifier 1", public)
    own = str(plant.folder / "centre.key")
    plant.subscriber.arguments = [file if one == own else one for one in plant.subscriber.arguments]


def receipts_with_certificates(plant: SmallPlant) -> list[bool]:
    """Of the receipts that the gateway has kept: whether each came with the certificate of its key."""
    with closing(open_gateway(plant.folder / "state/chain.db", "e2e-1")) as archive:
        return [raw[:1] != cose.TAG_SIGN1 for raw in archive.receipts]


@pytest.mark.e2e
def test_an_order_is_obeyed_and_told_once_though_the_gateway_is_killed(tmp_path: Path) -> None:
    with small_plant(tmp_path, authority=Authority(tmp_path / "tls"), orders=tmp_path / "orders") as plant:
        root = ["--key", str(tmp_path / "centre.key")]
        centre(plant, "keys", "root", *root)
        certify_bureau(plant, root)
        verify_with_own_key(plant, root)
        plant.subscriber.start()
        plant.subscriber.first_line()
        (tmp_path / "stick").mkdir()
        with (tmp_path / "site.toml").open("a") as site:
            site.write('[archive]\npath = "stick"\n')
        plant.agent.start()
        plant.until_verified(2)
        send(plant, "d-1")
        alert(plant)
        held = ("held", ["received"])
        first = {"d-1": held, "l-1": held, "a-1": held}
        plant.until(lambda: states(plant) == first, "the first orders on the board")
        plant.agent.kill()
        send(plant, "d-2")
        plant.agent.start()
        plant.until(lambda: states(plant) == {**first, "d-2": held}, "all orders on the board")
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(b"a picture")
        words = ["answer", "--config", str(tmp_path / "site.toml"), "--by", "王", "--text", "检修", "--json"]
        said = CliRunner().invoke(cli, [*words, "--file", str(photo), "d-1", "declared"])
        assert said.exit_code == 0, said.output
        digest = json.loads(said.stdout)["files"][0]["sha256"]
        assert (tmp_path / "state/files" / digest).read_bytes() == b"a picture"
        told = ("held", ["received", "declared"])
        plant.until(lambda: states(plant)["d-1"] == told, "the answer on the board")
        shelf = tmp_path / "centre.db.files/e2e-1" / digest
        plant.until(shelf.exists, "the photograph at the centre")
        assert shelf.read_bytes() == b"a picture"
        look = ["centre", "order", "files", "--store", str(tmp_path / "centre.db"), "--json", "e2e-1"]
        (row,) = json.loads(CliRunner().invoke(cli, look).stdout)["files"]
        assert (row["what"], row["about"], row["found"]) == ("answer", "d-1", "same")
        assert CliRunner().invoke(cli, [*words, "d-9", "declared"]).exit_code == 2
        shown = json.loads(CliRunner().invoke(cli, [*words[:3], "--json"]).stdout)["orders"]
        assert {one["order"]: one["state"] for one in shown if one["order"][0] == "d"} == {
            "d-1": "declared",
            "d-2": "pending",
        }
        status = json.loads(CliRunner().invoke(cli, ["status", *words[1:3], "--json"]).stdout)
        assert [(one["order"], one["line"], one["state"]) for one in status["alerts"]] == [
            ("a-1", "p1", "waiting")
        ]
        assert (status["archive"]["trouble"], status["archive"]["missing"]) == ("", None)
        plant.agent.stop()
        assert set(receipts_with_certificates(plant)) == {True}
        archived = {seal.number: seal.cose for seal in read_seals(tmp_path / "stick/e2e-1/chain.db")}
        own = {seal.number: seal.cose for seal in read_seals(tmp_path / "state/chain.db")}
        assert archived, "the plant's own archive"
        assert archived == {number: own[number] for number in range(1, len(archived) + 1)}
        assert sorted(one for one in sealed(plant) if one[1] != "newest") == [
            ("ANSWER", "a-1"), ("ANSWER", "d-1"), ("ANSWER", "d-1"), ("ANSWER", "d-2"), ("ANSWER", "l-1"),
            ("BASELINE", "a-1"),
            ("ORDER", "a-1"), ("ORDER", "d-1"), ("ORDER", "d-2"), ("ORDER", "l-1"),
        ]  # fmt: skip
