"""The simulated disk does what it says: each state that it leaves is one that a disk could leave."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sealing.key_slots import KeySlots, Slot, first_slot
from agent.store.gateway import GatewayStore, read_seals
from tests.evidence.chains import Chain, secret
from tests.plant.disk import DATABASE, KEYS, Disk, PowerCutError

QUOTA = 1 << 30


@pytest.fixture
def disk(ground: Path, tmp_path: Path) -> Iterator[Disk]:
    with Disk.mounted():
        one = Disk(ground / tmp_path.name, random.Random(1))
        (one.folder / DATABASE).write_bytes((ground / "templates" / "gateway.db").read_bytes())
        yield one
        one.forget()


def opened(disk: Disk) -> GatewayStore:
    return GatewayStore(disk.folder / DATABASE, QUOTA)


def numbers(disk: Disk) -> list[int]:
    return [seal.number for seal in read_seals(disk.folder / DATABASE)]


def let_go(store: GatewayStore) -> None:
    store._database.close()
    store._lock.release()


def test_a_cut_keeps_every_commit_that_returned(disk: Disk) -> None:
    store, chain = opened(disk), Chain()
    for _ in range(5):
        store.append(chain.seal())
    disk.cut()
    store.append(chain.seal())
    let_go(store)
    assert numbers(disk) == [1, 2, 3, 4, 5], "and what the dying process still writes goes nowhere"


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_a_lying_disk_loses_whole_commits_from_the_end(disk: Disk, lost: int) -> None:
    store, chain = opened(disk), Chain()
    for _ in range(5):
        store.append(chain.seal())
    disk.cut()
    let_go(store)
    assert disk.lose_commits(lost) == lost
    assert numbers(disk) == list(range(1, 6 - lost))


def test_what_was_brought_into_the_database_is_not_lost(disk: Disk) -> None:
    store, chain = opened(disk), Chain()
    for _ in range(3):
        store.append(chain.seal())
    store._database.read("PRAGMA wal_checkpoint(PASSIVE)")
    store.append(chain.seal())
    disk.cut()
    let_go(store)
    assert disk.lose_commits(10) <= 1
    assert numbers(disk)[:3] == [1, 2, 3]


def append_for_ever(store: GatewayStore, chain: Chain, returned: list[int]) -> None:
    while True:
        seal = chain.seal()
        store.append(seal)
        returned.append(seal.number)


@pytest.mark.parametrize("how", ["before", "after", "torn"])
@pytest.mark.parametrize("step", range(1, 10))
def test_a_cut_at_any_step_leaves_a_prefix(disk: Disk, how: str, step: int) -> None:
    store, chain = opened(disk), Chain()
    returned: list[int] = []
    disk.plan_cut(step, how)
    with pytest.raises(PowerCutError):
        append_for_ever(store, chain, returned)
    let_go(store)
    left = numbers(disk)
    assert left == list(range(1, len(left) + 1))
    assert len(returned) <= len(left) <= len(returned) + 1, "of the last one nobody knows"


@pytest.mark.parametrize("seed", range(5))
def test_a_torn_sector_of_the_key_file_is_not_believed(disk: Disk, seed: int) -> None:
    disk.rng = random.Random(seed)
    slots = KeySlots(disk.folder / KEYS)
    slots.create(secret(1))
    seal = Chain().seal()
    slot = Slot(2, secret(2), 2, seal.hash, seal.cose)
    disk.plan_cut(1, "torn")
    with pytest.raises(PowerCutError):
        slots.write(slot)
    slots.close()
    left = {one.number: one for one in KeySlots(disk.folder / KEYS).load()}
    assert left[1] == first_slot(secret(1))
    assert 2 not in left or left[2].secret in {None, slot.secret}


@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_a_commit_that_fails_is_there_or_not_and_the_error_does_not_say(disk: Disk, kept: float) -> None:
    store, chain = opened(disk), Chain()
    store.append(chain.seal())
    disk.eio, disk.eio_kept = 1.0, kept
    with pytest.raises(Exception, match="disk I/O error"):
        store.append(chain.seal())
    disk.eio = 0.0
    store.reopen()
    assert len(store.rows(1)) == 1 + kept
    let_go(store)
