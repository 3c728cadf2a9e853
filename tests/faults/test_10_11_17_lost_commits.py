"""The disk loses its WAL, its database or its last commits: the keys know, and the chain stays whole."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from agent.sealing.key_slots import SLOTS
from agent.sealing.recovery import Start
from evidence.record import Kind
from tests.agent.rig import Rig
from tests.faults.core_life import GATEWAY, STATE, records_of
from tests.faults.disk import DATABASE, KEYS, opened, rows_of
from tests.faults.invariants import Held, Witness, check
from tests.faults.reference_centre import ReferenceCentre

FILES: Final = ("", "-wal", "-shm")
LATER_S: Final = 100_000.0


def begun(folder: Path) -> tuple[Rig, bytes]:
    """A new gateway and its first key."""
    (folder / STATE).mkdir(parents=True)
    store, _, recovery = opened(folder / STATE, gateway=GATEWAY)
    store.close()
    return Rig(folder), recovery.next_key


def saved(rig: Rig, aside: Path) -> None:
    """What the disk holds of the database at this moment."""
    aside.mkdir()
    for suffix in FILES:
        file = rig.folder / STATE / f"{DATABASE}{suffix}"
        if file.exists():
            shutil.copy(file, aside)


def put_back(aside: Path, folder: Path) -> None:
    """The disk holds `aside` of the database, whatever was committed since."""
    for suffix in FILES:
        (folder / STATE / f"{DATABASE}{suffix}").unlink(missing_ok=True)
    for file in aside.iterdir():
        shutil.copy(file, folder / STATE)


def deliver_again(rig: Rig, centre: ReferenceCentre, seen: Witness, lost: tuple[int, int]) -> None:
    """The gateway seals on, declares `lost`, and the centre follows without a gap or a fork."""
    rig.run(30, 1000, 1000)
    tails = records_of(rig, Kind.LOST_TAIL)
    assert (tails[-1]["first"], tails[-1]["last"]) == lost
    centre.deliver(rig, seen)
    rows = Held.of_rows(rows_of(rig.gateway.sealing.store))
    seen.rejections, seen.events = 1, [tails[-1]]
    check(seen, rows, centre.held())
    assert centre.held().seals[-1] == rows.seals[-1], "the centre could not follow"
    assert not centre.forks()


def lose(
    tmp_path: Path, lost: int, delivered: int, damage: str
) -> tuple[Rig, ReferenceCentre, Witness, tuple[int, int]]:
    """A gateway whose centre has `delivered` so many of its last seals before the disk lost `lost`."""
    rig, first_key = begun(tmp_path / "gateway")
    centre, seen = ReferenceCentre(tmp_path / "centre.db", first_key), Witness()
    rig.run(100, 1000, 1000, step_s=10.0)
    if damage == "wal":
        rig.gateway.sealing.store._database.read("PRAGMA wal_checkpoint(TRUNCATE)")
    saved(rig, tmp_path / "aside")
    begin = rows_of(rig.gateway.sealing.store)[-1].number
    centre.deliver(rig, seen)
    while rows_of(rig.gateway.sealing.store)[-1].number < begin + lost:
        rig.run(10, 1000, 1000, step_s=10.0)
    rows = rows_of(rig.gateway.sealing.store)
    for row in rows[: len(rows) - lost + delivered]:
        centre.deliver_rows([row])
        seen.acknowledged(row.number, row.hash)
    tip = rows[-1].number
    saved(rig, tmp_path / "now")
    rig.close()
    if damage == "database":
        (tmp_path / "nothing").mkdir()
        put_back(tmp_path / "nothing", rig.folder)
        begin = 0
    elif damage == "wal":
        put_back(tmp_path / "now", rig.folder)
        (rig.folder / STATE / f"{DATABASE}-wal").unlink()
        (rig.folder / STATE / f"{DATABASE}-shm").unlink()
    else:
        put_back(tmp_path / "aside", rig.folder)
    return Rig(rig.folder, passed_s=LATER_S), centre, seen, (begin + 1, tip)


@pytest.mark.parametrize("delivered", [0, 5])
def test_10_a_deleted_wal_is_declared_and_the_chain_stays_whole(tmp_path: Path, delivered: int) -> None:
    rig, centre, seen, lost = lose(tmp_path, lost=8, delivered=delivered, damage="wal")
    with centre:
        deliver_again(rig, centre, seen, lost)
    rig.close()


@pytest.mark.parametrize("lost", [1, 10, SLOTS - 1])
def test_17_a_disk_that_drops_its_last_commits_makes_no_fork(tmp_path: Path, lost: int) -> None:
    rig, centre, seen, declared = lose(tmp_path, lost=lost, delivered=lost // 2, damage="commits")
    assert declared[1] - declared[0] + 1 == lost
    with centre:
        deliver_again(rig, centre, seen, declared)
    rig.close()


@pytest.mark.parametrize("sealed", [SLOTS + 20, pytest.param(20, marks=pytest.mark.minutes)])
def test_11_a_deleted_database_whose_keys_are_kept_is_a_declared_gap(tmp_path: Path, sealed: int) -> None:
    rig, centre, seen, lost = lose(tmp_path, lost=sealed, delivered=sealed, damage="database")
    with centre:
        assert lost[0] == 1
        first = rig.gateway.sealing.store.first_number()
        assert first == max(1, lost[1] - SLOTS + 1), "the ring gives back fewer seals than it holds"
        seen.gone = set(range(1, first))
        deliver_again(rig, centre, seen, lost)
    rig.close()


def test_11_what_the_centre_never_got_of_a_deleted_database_is_a_gap_that_it_proves(tmp_path: Path) -> None:
    rig, centre, seen, lost = lose(tmp_path, lost=SLOTS + 20, delivered=3, damage="database")
    with centre:
        rig.run(30, 1000, 1000)
        before = centre.held().seals[-1][0]
        centre.deliver(rig, seen)
        assert centre.held().seals[-1][0] == before, "it went on over a gap"
        assert "gap" in {line["code"] for line in centre.lines if line["type"] == "finding"}
        tails = records_of(rig, Kind.LOST_TAIL)
        assert (tails[0]["first"], tails[0]["last"]) == lost
        seen.gone = set(range(1, rig.gateway.sealing.store.first_number() or 0))
        seen.events = [tails[0]]
        check(seen, Held.of_rows(rows_of(rig.gateway.sealing.store)), centre.held())
    rig.close()


def test_17_keys_that_are_older_than_the_database_seal_nothing(tmp_path: Path) -> None:
    rig, _ = begun(tmp_path / "gateway")
    keys = tmp_path / "gateway" / STATE / KEYS
    rig.run(60, 1000, 1000)
    shutil.copy(keys, tmp_path)
    rig.run(60, 1000, 1000)
    rows = rows_of(rig.gateway.sealing.store)
    rig.close()
    shutil.copy(tmp_path / KEYS, keys)
    store, _, recovery = opened(tmp_path / "gateway" / STATE, gateway=GATEWAY)
    assert recovery.start is Start.REKEY
    seen = Witness()
    for row in rows:
        seen.acknowledged(row.number, row.hash)
    check(seen, Held.of_rows(rows_of(store)))
    store.close()
