"""What happens to the key file on the disk, and what the next start makes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.sealing.key_slots import SECTOR_BYTES, SLOTS, KeySlots
from agent.sealing.recovery import Start
from agent.sealing.sealer import Sealer, SealingStoppedError
from tests.evidence.chains import GATEWAY, Bench, MemoryStore, PowerCutError, heartbeat, stamp

SEALED = 5


def tear(path: Path, number: int, at: int = 480) -> None:
    image = bytearray(path.read_bytes())
    image[number % SLOTS * SECTOR_BYTES + at] ^= 0xFF
    path.write_bytes(image)


def current_slot_torn(path: Path) -> None:
    tear(path, SEALED + 1)


def old_slot_torn(path: Path) -> None:
    tear(path, SEALED)


def everything_zero(path: Path) -> None:
    path.write_bytes(bytes(SLOTS * SECTOR_BYTES))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 3 * SECTOR_BYTES])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def deleted(path: Path) -> None:
    path.unlink()


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (nothing, Start.CLEAN),
        (old_slot_torn, Start.CLEAN),
        (current_slot_torn, Start.REKEY),
        (everything_zero, Start.REKEY),
        (cut_short, Start.REKEY),
        (empty, Start.REKEY),
        (deleted, Start.REKEY),
    ],
)
def test_after_clean_seals(tmp_path: Path, damage: Callable[[Path], None], expected: Start) -> None:
    path, store = tmp_path / "keys", MemoryStore()
    sealer = Sealer(GATEWAY, KeySlots(path), store)
    sealer.recover()
    for number in range(SEALED):
        sealer.seal([heartbeat(number)], stamp(number))
    damage(path)
    sealer = Sealer(GATEWAY, KeySlots(path), store)
    assert sealer.recover().start is expected
    if expected is Start.REKEY:
        with pytest.raises(SealingStoppedError):
            sealer.seal([heartbeat(9)], stamp(9))
        assert len(store.seals) == SEALED
    else:
        assert sealer.seal([heartbeat(9)], stamp(9)).number == SEALED + 1


@pytest.mark.parametrize("at", [0, 4, 100, 300, 460, 470, 505, 511])
@pytest.mark.parametrize("committed", [False, True])
def test_a_slot_that_was_torn_while_it_was_written(tmp_path: Path, at: int, committed: bool) -> None:
    """Before the commit the old key still lives. After it a slot cannot be torn, because it was synced."""
    path, store = tmp_path / "keys", MemoryStore()
    sealer = Sealer(GATEWAY, KeySlots(path), store)
    sealer.recover()
    for number in range(SEALED):
        sealer.seal([heartbeat(number)], stamp(number))
    store.bench = Bench("append", after=committed)
    with pytest.raises(PowerCutError):
        sealer.seal([heartbeat(6)], stamp(6))
    store.bench = Bench()
    tear(path, SEALED + 2, at)
    recovery = Sealer(GATEWAY, KeySlots(path), store).recover()
    assert recovery.start is (Start.REKEY if committed else Start.CLEAN)
    assert recovery.number == SEALED + (2 if committed else 1)


def test_a_key_file_that_was_both_lost_and_made_anew_elsewhere_is_refused(tmp_path: Path) -> None:
    store, other = MemoryStore(), MemoryStore()
    for folder, filled in (("a", store), ("b", other)):
        (tmp_path / folder).mkdir()
        sealer = Sealer(GATEWAY, KeySlots(tmp_path / folder / "keys"), filled)
        sealer.recover()
        for number in range(SEALED):
            sealer.seal([heartbeat(number)], stamp(number))
    recovery = Sealer(GATEWAY, KeySlots(tmp_path / "b" / "keys"), store).recover()
    assert (recovery.start, recovery.reason) == (Start.REKEY, "key file and database are of different chains")
