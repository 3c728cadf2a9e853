"""The plant's own archive: whole, behind what is there, never in the agent's way, never through a link."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import define, field
from click.testing import CliRunner

from agent.store import archiving
from agent.store.archiving import PIECE_SEALS, Archiver, ArchiveTask
from agent.store.gateway import GatewayStore, read_seals
from evidence.pack.export import verify_file
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import StoredSeal
from provisioning.cli import cli
from tests.evidence.chains import GATEWAY, Chain

MIB = 1 << 20


@define
class Plant:
    """A state folder with a chain, and a stick."""

    folder: Path
    chain: Chain = field(factory=Chain)
    store: GatewayStore = field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in ("state/files", "stick"):
            (self.folder / name).mkdir(parents=True)
        self.store = GatewayStore(self.folder / "state/chain.db", 16 * MIB)

    @property
    def stick(self) -> Path:
        return self.folder / "stick"

    @property
    def copy(self) -> Path:
        return self.stick / GATEWAY

    def seal(self, count: int) -> list[StoredSeal]:
        made = [self.chain.seal() for _ in range(count)]
        self.store.append(*made)
        return made

    def archiver(self) -> Archiver:
        return Archiver(self.stick, self.folder / "state", GATEWAY)

    def kept(self) -> list[StoredSeal]:
        return list(read_seals(self.copy / "chain.db"))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    made.store.close()


def all_of(archiver: Archiver) -> None:
    while archiver.look():
        pass


def test_everything_is_copied_as_it_is_and_the_copy_proves_itself(plant: Plant) -> None:
    seals = plant.seal(PIECE_SEALS + 7)
    plant.store.put_receipt(5, sign_receipt(Receipt(GATEWAY, 5, seals[4].hash, 5, (), 1), bytes(32)))
    plant.store.flush()
    (plant.folder / "state/statements.jsonl").write_text("{}\n")
    (plant.folder / "state/files" / ("a" * 64)).write_bytes(b"a picture")
    archiver = plant.archiver()
    assert archiver.look(), "a piece, and more at once"
    all_of(archiver)
    assert plant.kept() == seals
    figures = archiver.figures.to_plain()
    assert (figures["copied"], figures["own"], figures["trouble"]) == (len(seals), len(seals), "")
    assert (plant.copy / "statements.jsonl").read_text() == "{}\n"
    assert (plant.copy / "files" / ("a" * 64)).read_bytes() == b"a picture"
    with closing(GatewayStore(plant.copy / "chain.db", 16 * MIB)) as kept:
        assert len(kept.receipts()) == 1
    out = plant.folder / "chain.cbor"
    ran = CliRunner().invoke(cli, ["export", "--state", str(plant.copy), str(out)])
    assert ran.exit_code == 0, ran.output
    report = verify_file(out, plant.chain.enrolled().first_key)
    assert (report.ok, report.seals, report.bodies) == (True, len(seals), len(seals))


def test_a_start_goes_on_behind_what_is_there_also_after_the_agent_has_pruned(plant: Plant) -> None:
    first = plant.seal(3)
    all_of(plant.archiver())
    plant.store.prune_below(3)
    second = plant.seal(4)
    archiver = plant.archiver()
    all_of(archiver)
    assert plant.kept() == [*first, *second]
    assert archiver.figures.missing is None


def test_what_was_pruned_before_it_could_be_copied_is_told(plant: Plant) -> None:
    plant.seal(2)
    archiver = plant.archiver()
    all_of(archiver)
    plant.seal(5)
    plant.store.prune_below(6)
    all_of(archiver)
    assert archiver.figures.missing == (3, 5)
    assert [one.number for one in plant.kept()] == [1, 2, 6, 7]
    again = plant.archiver()
    again.look()
    assert again.figures.missing == (3, 5), "also by the next run"


def test_whatever_other_hands_put_on_the_stick_is_told_and_ends_no_thread(plant: Plant) -> None:
    plant.seal(2)
    all_of(plant.archiver())
    with closing(sqlite3.connect(plant.copy / "chain.db")) as connection, connection:
        connection.execute("CREATE TABLE other AS SELECT * FROM seals")
        connection.execute("DROP TABLE seals")
        connection.execute("CREATE TABLE seals (number, first_record, count, hash, cose, body)")
        connection.execute("INSERT INTO seals SELECT 'x', first_record, count, hash, cose, body FROM other")
    archiver = plant.archiver()
    assert not archiver.look()
    assert archiver.figures.trouble == "error"


def test_a_body_that_the_agent_gives_up_later_stays_in_the_archive(plant: Plant) -> None:
    seals = plant.seal(3)
    all_of(plant.archiver())
    plant.store.drop_bodies(1, 2, at_once=True)
    all_of(plant.archiver())
    assert plant.kept() == seals


def put_link(plant: Plant) -> None:
    plant.copy.mkdir()
    (plant.copy / "chain.db").symlink_to(plant.folder / "state/chain.db")


def put_hard_link(plant: Plant) -> None:
    plant.copy.mkdir()
    (plant.copy / "chain.db").hardlink_to(plant.folder / "state/chain.db")


def put_linked_folder(plant: Plant) -> None:
    plant.copy.symlink_to(plant.folder / "state", target_is_directory=True)


def put_pipe(plant: Plant) -> None:
    plant.copy.mkdir()
    os.mkfifo(plant.copy / "chain.db-wal")


def pull_out(plant: Plant) -> None:
    plant.stick.rmdir()


def link_stick(plant: Plant) -> None:
    plant.stick.rmdir()
    plant.stick.symlink_to(plant.folder / "state", target_is_directory=True)


def put_other_chain(plant: Plant) -> None:
    plant.copy.mkdir()
    other = Chain()
    with closing(GatewayStore(plant.copy / "chain.db", 16 * MIB)) as store:
        store.append(*(other.seal([b"\x80"]) for _ in range(2)))


def put_newer(plant: Plant) -> None:
    plant.copy.mkdir()
    with closing(GatewayStore(plant.copy / "chain.db", 16 * MIB)) as store:
        store.append(*(plant.chain.seal() for _ in range(3)))


def put_garbage(plant: Plant) -> None:
    plant.copy.mkdir()
    (plant.copy / "chain.db").mkdir()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (put_link, "link"),
        (put_hard_link, "link"),
        (put_linked_folder, "link"),
        (put_pipe, "link"),
        (link_stick, "link"),
        (pull_out, "absent"),
        (put_other_chain, "other_chain"),
        (put_newer, "other_chain"),
        (put_garbage, "error"),
    ],
)
def test_what_may_not_be_written_is_told_and_left_alone(
    plant: Plant, spoil: Callable[[Plant], None], code: str
) -> None:
    seals = plant.seal(3) if spoil is not put_newer else plant.seal(1)
    spoil(plant)
    before = sorted(path.name for path in plant.folder.rglob("*"))
    archiver = plant.archiver()
    assert not archiver.look()
    assert (archiver.figures.trouble, bool(archiver.figures.text)) == (code, True)
    assert list(read_seals(plant.folder / "state/chain.db")) == seals
    after = sorted(path.name for path in plant.folder.rglob("*"))
    assert [name for name in after if name not in before and not name.startswith("chain.db")] == []


def test_a_folder_of_another_user_is_not_written(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.seal(1)
    plant.copy.mkdir()
    monkeypatch.setattr(archiving.os, "geteuid", lambda: os.getuid() + 1)
    archiver = plant.archiver()
    archiver.look()
    assert archiver.figures.trouble == "foreign"


def test_a_full_stick_is_told_and_what_fits_stays(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "BYTES_MAX", 256 * 1024)
    monkeypatch.setattr(archiving, "PIECE_SEALS", 5)
    for _ in range(30):
        plant.store.append(*(plant.chain.seal([os.urandom(20_000)]) for _ in range(2)))
    archiver = plant.archiver()
    all_of(archiver)
    assert archiver.figures.trouble == "full"
    assert 0 < len(plant.kept()) == archiver.figures.copied < 60


def test_a_stick_that_comes_back_is_written_again(plant: Plant) -> None:
    seals = plant.seal(2)
    archiver = plant.archiver()
    pull_out(plant)
    archiver.look()
    plant.stick.mkdir()
    archiver.look()
    assert (archiver.figures.trouble, plant.kept()) == ("", seals)


def test_a_kill_at_any_time_leaves_whole_pieces_and_the_next_start_goes_on(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "PIECE_SEALS", 3)
    seals = plant.seal(60)
    for wanted in (1, 20, 40):
        child = os.fork()
        if child == 0:
            all_of(plant.archiver())
            os._exit(0)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not os.waitpid(child, os.WNOHANG)[0]:
            if (plant.copy / "chain.db").exists() and len(read_or_none(plant)) >= wanted:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                break
        assert plant.kept() == seals[: len(plant.kept())]
        assert len(plant.kept()) % 3 == 0
    all_of(plant.archiver())
    assert plant.kept() == seals


def read_or_none(plant: Plant) -> list[StoredSeal]:
    try:
        return plant.kept()
    except Exception:  # noqa: BLE001 - its tables are made at this moment
        return []


def test_a_stick_that_hangs_holds_up_no_end(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, release = threading.Event(), threading.Event()

    def hang(_: Archiver) -> bool:
        hanging.set()
        release.wait()
        return False

    monkeypatch.setattr(Archiver, "look", hang)
    task = ArchiveTask(plant.archiver())
    task.start()
    assert hanging.wait(60)
    task.stop(0.01)
    assert not release.is_set(), "the end did not wait for it"
    release.set()
