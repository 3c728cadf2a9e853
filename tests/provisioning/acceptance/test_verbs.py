"""The verbs that say whether a sheet is on record: at the centre, at the bureau, on the gateway."""

import json
from pathlib import Path

import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from agent.sealing.key_slots import KeySlots
from agent.sealing.sealer import Sealer
from agent.site.enrolment import write_enrolment
from agent.store.gateway import GatewayStore
from agent.store.names import DATABASE_NAME, KEYS_NAME
from evidence.pack.export import ExportedSeal, write_chain
from evidence.record import Kind, encode_record
from provisioning.acceptance.sheet import write_sheet
from provisioning.cli import cli
from tests.evidence.chains import stamp
from tests.provisioning.acceptance.journals import SITE, site, whole

QUOTA_BYTES = 1 << 24


@frozen
class Place:
    folder: Path
    first_key: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The folder of a setup with its state folder, and the chain as somebody else holds it."""
    folder = tmp_path_factory.mktemp("verbs")
    written = write_sheet(whole(), site(), folder, at="", version="0.1.0")
    (folder / "site.toml").write_text(SITE, "utf-8")
    (folder / "state").mkdir()
    store = GatewayStore(folder / "state" / DATABASE_NAME, QUOTA_BYTES)
    sealer = Sealer("gw-7", KeySlots(folder / "state" / KEYS_NAME), store)
    first_key = sealer.recover().next_key
    write_enrolment(folder / "state", "gw-7", first_key)
    body = {"what": "sheet", "name": "acceptance.html", "sha256": written.sha256}
    sealer.seal([encode_record(Kind.COMMISSIONING, stamp(), body)], stamp())
    with (folder / "chain.cbor").open("wb") as stream:
        write_chain(stream, "gw-7", [ExportedSeal(seal.cose, seal.body) for seal in store.rows(1)])
    store.close()
    (folder / "changed.html").write_text((folder / "acceptance.html").read_text("utf-8") + " ", "utf-8")
    return Place(folder, first_key.hex())


def call(*arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(cli, ["--lang", lang, *arguments], prog_name="dianjian")


def verify(place: Place, sheet: str, *more: str) -> Result:
    known = ["verify", "--first-key", place.first_key, "--sheet", str(place.folder / sheet), *more]
    return call(*known, str(place.folder / "chain.cbor"))


def test_who_holds_an_export_is_told_in_which_seal_the_sheet_is(place: Place) -> None:
    told = verify(place, "acceptance.html")
    assert told.exit_code == 0, told.output
    assert "verdict: good" in told.output
    assert told.output.endswith("is on record in seal 1, and the chain holds.\n")


def test_a_changed_sheet_is_not_on_record_though_the_chain_is_good(place: Place) -> None:
    told = verify(place, "changed.html")
    assert told.exit_code == 1
    assert "verdict: good" in told.output
    assert "the file was changed" in told.stderr


def test_a_script_gets_a_json_object_for_the_chain_and_one_for_the_sheet(place: Place) -> None:
    told = verify(place, "acceptance.html", "--json")
    chain, sheet = map(json.loads, told.stdout.splitlines())
    assert chain["ok"]
    assert [one["seal"] for one in sheet["seals"]] == [1]
    assert sheet["verified"]


def test_on_the_gateway_the_setup_looks_into_its_own_chain(place: Place) -> None:
    here = ["setup", "sheet", "--folder", str(place.folder), "--check"]
    told = call(*here, str(place.folder / "acceptance.html"))
    assert (told.exit_code, told.stderr) == (0, "")
    assert "is on record in seal 1." in told.stdout
    told = call(*here, str(place.folder / "changed.html"), lang="zh")
    assert told.exit_code == 1
    assert "文件被改动过" in told.stderr
    assert call(*here, str(place.folder / "nosuch.html")).exit_code == 2
    assert not (place.folder / "setup.json").exists(), "to look begins no setup"
