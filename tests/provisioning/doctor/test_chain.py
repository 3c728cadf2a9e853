"""Keys and chain: damaged, lost, rolled back, foreign, newer; and what the chain itself tells."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from agent.sealing.key_slots import SECTOR_BYTES, SLOTS
from agent.sealing.source import NewRecord, Urgency
from agent.site.enrolment import note_first_key
from agent.store.reading import read_tip
from evidence.receipt import Receipt, sign_receipt
from evidence.record import Kind
from provisioning.doctor.finding import State
from provisioning.doctor.verb import CHECKS, find_target
from tests.agent.rig import BEGIN_S, CENTRE, Rig
from tests.provisioning.doctor.place import bad, look, place, the_bad

BY_NAME = {check.name: check for check in CHECKS}
KEYS, CHAIN = BY_NAME["keys"], BY_NAME["chain"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway that is well; its site file."""
    return place(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def file(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole.parent, tmp_path / "copy")
    return tmp_path / "copy/site.toml"


def test_whole_keys_that_fit_their_chain_are_good(file: Path) -> None:
    (one,) = look(file, KEYS)
    assert one.state is State.OK
    assert "fit the chain" in one.text.en


def damaged(folder: Path) -> None:
    keys = folder / "keys"
    keys.write_bytes(bytes(SLOTS * SECTOR_BYTES))


def lost(folder: Path) -> None:
    (folder / "keys").unlink()


def torn(folder: Path) -> None:
    keys = folder / "keys"
    keys.write_bytes(bytes(octet ^ 1 for octet in keys.read_bytes()))


def cut(folder: Path) -> None:
    (folder / "keys").write_bytes(b"")


def of_another_life(folder: Path) -> None:
    other = folder.parent / "other"
    rig = Rig(other)
    rig.run(60, 1.0, 1.0)
    rig.close()
    shutil.copy(other / "state/keys", folder / "keys")


@pytest.mark.parametrize("deed", [damaged, lost, torn, cut, of_another_life])
def test_keys_that_do_not_continue_the_chain_ask_for_a_new_key_with_its_command(
    file: Path, deed: Callable[[Path], None]
) -> None:
    deed(file.parent / "g1")
    one = next(one for one in look(file, KEYS) if one.check == "keys")
    assert one.state is State.FAILED
    assert f"dianjian-agent rekey --config {file} --recovery FILE" in str(one.remedy)


def test_the_chain_of_another_gateway_is_named(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace('gateway = "g1"', 'gateway = "g2"'), "utf-8")
    one = the_bad(look(file, KEYS))
    assert "gateway g1, not g2" in one.text.en


def test_a_gateway_without_keys_is_not_enrolled_yet(tmp_path: Path) -> None:
    one = the_bad(look(place(tmp_path, seals=False), KEYS, CHAIN))
    assert one.state is State.WARNING
    assert "dianjian enrol" in str(one.remedy)


def test_a_database_of_a_newer_program_is_named_and_left_alone(file: Path) -> None:
    database = file.parent / "g1/chain.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version=99")
    before = database.read_bytes()
    one = the_bad(look(file, KEYS, CHAIN))
    assert (one.state, one.about) == (State.FAILED, "schema")
    assert "99" in one.text.en
    assert database.read_bytes() == before


def test_a_database_that_is_none_is_said(file: Path) -> None:
    (file.parent / "g1/chain.db").write_bytes(b"no database" * 500)
    one = the_bad(look(file, KEYS, CHAIN))
    assert "not a database" in one.text.en


def test_a_gateway_without_a_recovery_key_is_warned(file: Path) -> None:
    note_first_key(file.parent / "g1", "g1", bytes(32))
    one = the_bad(look(file, KEYS))
    assert (one.state, one.about) == (State.WARNING, "recovery")


def test_a_database_that_waits_for_salvage_is_said(file: Path) -> None:
    (file.parent / "g1/chain.db.suspect").touch()
    assert "salvages" in look(file, CHAIN)[0].text.en


def test_seals_without_a_receipt_for_long_are_a_warning(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False)
    rig = Rig(tmp_path / "rig")
    rig.run(300, 30_000, 12_000)
    first = rig.seals()[0]
    raw = sign_receipt(Receipt("g1", first.number, first.hash, first.number, (), BEGIN_S * 1000), CENTRE)
    rig.gateway.sealing.store.put_receipt(first.number, raw)
    rig.gateway.sealing.store.flush()
    rig.close()
    (tmp_path / "rig/state").rename(tmp_path / "g1")
    one = look(file, CHAIN)[0]
    assert one.state is State.WARNING
    assert "receipted up to 1 (2026-03-01 21:20 UTC)" in one.text.en
    other = bytes(32).hex()
    mine = rig.parts.site.broker
    assert mine is not None
    assert mine.centre_key is not None
    file.write_text(file.read_text("utf-8").replace(mine.centre_key.hex(), other), "utf-8")
    assert "no receipt" in look(file, CHAIN)[0].text.en, "one that another centre signed counts for nothing"


def receipt_for(number: int, gateway: str = "g1", secret: bytes = CENTRE) -> bytes:
    return sign_receipt(Receipt(gateway, number, bytes([number]) * 32, number, (), BEGIN_S * 1000), secret)


@pytest.mark.parametrize(
    ("number", "raw"),
    [
        (1, b""), (1, b"\0"), (1, bytes(5_000_000)), (1, "text"), (1, 7), (1, receipt_for(1)[:-1] + b"\0"),
        (1, receipt_for(2)), (1, receipt_for(1, "g2")), (1, receipt_for(1, secret=bytes(32))),
        (2**63 - 1, receipt_for(1)), (-1, receipt_for(1)),
    ],
)  # fmt: skip
def test_a_row_that_is_no_receipt_of_the_centre_is_told(file: Path, number: int, raw: object) -> None:
    assert not [one for one in look(file, CHAIN) if one.about == "receipts"]
    with closing(sqlite3.connect(file.parent / "g1/chain.db")) as connection, connection:
        connection.execute("DELETE FROM receipts WHERE number = ?", (number,))
        connection.execute("INSERT INTO receipts VALUES (?, ?)", (number, raw))
    (one,) = (one for one in look(file, CHAIN) if one.about == "receipts")
    assert one.state is State.WARNING
    assert f"for seals {number} are none of this centre" in one.text.en


def test_what_a_meter_showed_is_told_from_the_chain(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False)
    rig = Rig(tmp_path / "rig")
    for was, now in ((20, 30), (30, 40)):
        body = {"what": "meter changed", "meter": "mp", "point": "ct_ratio", "was": was, "now": now}
        rig.gateway.sealing.put(NewRecord(Kind.TAMPER, body, Urgency.AT_ONCE), rig.stamp())
        rig.run(20, 1.0, 1.0)
    rig.close()
    (tmp_path / "rig/state").rename(tmp_path / "g1")
    told = [one for one in look(file, CHAIN) if one.about == "mp"]
    assert len(told) == 1, "the last of its kind"
    assert "the CT ratio was 30 and is 40" in told[0].text.en


def test_what_a_later_record_withdraws_is_not_told(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False)
    rig = Rig(tmp_path / "rig")
    for what, meter in (("counter backwards", "mp"), ("counter backwards", "mt"), ("counter returned", "mp")):
        body = {"what": what, "meter": meter, "point": "active_energy_import", "was": 2_000, "now": 1_000}
        rig.gateway.sealing.put(NewRecord(Kind.TAMPER, body, Urgency.AT_ONCE), rig.stamp())
        rig.run(20, 1.0, 1.0)
    rig.close()
    (tmp_path / "rig/state").rename(tmp_path / "g1")
    assert [one.about for one in look(file, CHAIN) if one.about in {"mp", "mt"}] == ["mt"]


def test_a_look_changes_nothing(file: Path) -> None:
    folder = file.parent / "g1"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not bad(look(file, KEYS))
    look(file, CHAIN)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in after if name not in before} <= {"chain.db-shm", "chain.db-wal"}
    assert {name: after[name] for name in before} == before


def test_a_seal_that_is_made_between_two_looks_is_no_damage(file: Path) -> None:
    """The key file is one seal ahead of the database for the time of a commit."""
    folder = file.parent / "g1"
    tip = read_tip(folder / "chain.db").last
    assert tip is not None
    with closing(sqlite3.connect(folder / "chain.db")) as connection, connection:
        connection.execute("DELETE FROM seals WHERE number = ?", (tip.number,))
    running = evolve(find_target(file), owner=1)
    (one,) = KEYS.look(running, lambda _: None)
    assert one.state is State.OK
