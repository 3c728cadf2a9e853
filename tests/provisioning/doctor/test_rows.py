"""What stands beside the signed chain in the database: the doctor never calls an edited row in order."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.judging.checkpoints import BEHAVIOUR, CHECKPOINT, EPISODES, METERS
from agent.store.checkpoint import pack
from agent.store.names import DATABASE_NAME
from provisioning.doctor.finding import Finding, State
from provisioning.doctor.rows import SETTLED_SEALS
from provisioning.doctor.verb import CHECKS
from tests.agent.rig import Rig
from tests.provisioning.doctor.place import look, place

CHAIN = next(check for check in CHECKS if check.name == "chain")
JUNK = {
    "nothing": b"",
    "no CBOR": b"\xff" * 9,
    "deep": b"\x81" * 100_000,
    "long": b"\x5b" + b"\x7f" * 8,
    "a number": b"\x01",
    "a map of others": b"\xa1\x01\x02",
    "a bomb": pack(bytes(1 << 20)) + b"\0",
    "text": "text",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return place(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def file(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole.parent, tmp_path / "copy")
    return tmp_path / "copy/site.toml"


def change(file: Path, sql: str, *values: object) -> None:
    database = file.parent / "g1" / DATABASE_NAME
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(sql, values)


def about(file: Path, name: str) -> list[Finding]:
    return [one for one in look(file, CHAIN) if one.about == name]


def test_a_database_that_nobody_touched_has_no_finding(file: Path) -> None:
    assert [one for one in look(file, CHAIN) if one.about in {"columns", "checkpoints", "receipts"}] == []


@pytest.mark.parametrize("column", ["count", "first_record"])
@pytest.mark.parametrize("value", ["? + 1", "?", "2 * ?", "-?", "NULL + ? || 'x'"])
def test_a_column_that_is_not_what_was_signed_is_told(file: Path, column: str, value: str) -> None:
    to = {"?": "'text'", "NULL + ? || 'x'": "x'00'"}.get(value, value.replace("?", column))
    change(file, f"UPDATE seals SET {column} = {to} WHERE number = 2")  # noqa: S608 - a table of this test
    (one,) = about(file, "columns")
    assert one.state is State.FAILED
    assert "beside seals 2 " in one.text.en


@pytest.mark.parametrize(
    "name",
    [
        CHECKPOINT,
        EPISODES,
        METERS,
        BEHAVIOUR,
        "marks",
        "postbox",
        "tpm",
        "orders",
        "curtail",
        "curtail.at",
        "curtail.p1",
    ],
)
@pytest.mark.parametrize("junk", JUNK)
def test_a_checkpoint_that_nobody_can_use_is_told(file: Path, name: str, junk: str) -> None:
    change(file, "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", name, JUNK[junk])
    (one,) = about(file, "checkpoints")
    assert one.state is State.WARNING
    assert f"checkpoint {name} cannot be used" in one.text.en


def test_a_checkpoint_that_no_part_of_the_program_writes_is_told(file: Path) -> None:
    change(file, "INSERT INTO checkpoints VALUES ('hidden', x'00')")
    assert [one.text.en.partition(" (")[0] for one in about(file, "checkpoints")] == [
        "checkpoint hidden cannot be used"
    ]


@pytest.fixture(scope="module")
def receipted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway that has sealed for some minutes and got a receipt for each seal."""
    folder = tmp_path_factory.mktemp("receipted")
    file = place(folder, seals=False)
    rig = Rig(folder / "rig")
    for _ in range(2 * SETTLED_SEALS):
        rig.run(10, 30_000, 12_000)
        rig.receipt(rig.seals()[-1])
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()
    (folder / "rig/state").rename(folder / "g1")
    return file


def copy_of(file: Path, to: Path) -> Path:
    shutil.copytree(file.parent, to / "copy")
    return to / "copy/site.toml"


def test_receipts_that_are_all_there_have_no_finding(receipted: Path) -> None:
    assert about(receipted, "receipts") == []


def all_of_them(file: Path) -> None:
    change(file, "DELETE FROM receipts")


def the_newest_ones(file: Path) -> None:
    change(file, "DELETE FROM receipts WHERE number > 2")


@pytest.mark.parametrize("edit", [all_of_them, the_newest_ones])
def test_receipts_that_the_chain_itself_knows_and_that_are_gone_are_told(
    receipted: Path, tmp_path: Path, edit: Callable[[Path], None]
) -> None:
    file = copy_of(receipted, tmp_path)
    edit(file)
    (one,) = about(file, "receipts")
    assert one.state is State.WARNING
    assert one.text.en.startswith("the chain says that the centre had receipted seals up to ")
