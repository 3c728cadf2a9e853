import errno
import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.sealing.key_slots import (
    SECTOR_BYTES,
    SLOTS,
    KeySlots,
    KeySlotsError,
    Slot,
    decode_slot,
    encode_slot,
    first_slot,
)
from evidence.seal import COSE_BYTES_MAX
from tests.evidence.chains import Chain, secret


def slot(number: int) -> Slot:
    chain = Chain(number=number - 1)
    seal = chain.seal()
    return Slot(number, secret(number), chain.next_record, seal.hash, seal.cose)


SLOT_VALUES = st.builds(
    Slot,
    number=st.integers(1, 2**40),
    secret=st.binary(min_size=32, max_size=32),
    next_record=st.integers(1, 2**63),
    previous=st.binary(min_size=32, max_size=32),
    cose=st.binary(max_size=COSE_BYTES_MAX),
)


@given(SLOT_VALUES)
@settings(deadline=None)
def test_a_slot_comes_back_whole_and_only_at_its_place(value: Slot) -> None:
    sector = encode_slot(value)
    assert len(sector) == SECTOR_BYTES
    assert decode_slot(sector, value.number % SLOTS) == value
    assert decode_slot(sector, (value.number + 1) % SLOTS) is None


@given(st.binary(max_size=SECTOR_BYTES))
@settings(deadline=None)
def test_foreign_bytes_are_no_slot(raw: bytes) -> None:
    assert decode_slot(raw, 0) is None
    assert decode_slot(raw.ljust(SECTOR_BYTES, b"\0"), 0) is None


def test_a_changed_bit_costs_the_slot_or_its_secret_and_never_gives_another() -> None:
    sector = encode_slot(slot(5))
    for bit in range(SECTOR_BYTES * 8):
        mutated = bytearray(sector)
        mutated[bit // 8] ^= 1 << bit % 8
        found = decode_slot(bytes(mutated), 5)
        assert found is None or found.secret is None, f"bit {bit}"


def test_a_write_torn_at_any_byte_leaves_the_old_slot_or_the_new_one_or_none() -> None:
    old, new = slot(5), slot(5 + SLOTS)
    before, after = encode_slot(old), encode_slot(new)
    for cut in range(SECTOR_BYTES + 1):
        found = decode_slot(after[:cut] + before[cut:], 5)
        if found is not None and found.secret is not None:
            assert found == (new if cut else old) or after[:cut] + before[cut:] in {before, after}


def test_an_erased_secret_is_nowhere_in_the_file_and_the_seal_stays(tmp_path: Path) -> None:
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    slots.write(slot(2))
    slots.erase(1)
    raw = (tmp_path / "keys").read_bytes()
    assert secret(1) not in raw
    assert secret(2) in raw
    assert [(found.number, found.secret) for found in slots.load()] == [(1, None), (2, secret(2))]
    slots.erase(2)
    assert secret(2) not in (tmp_path / "keys").read_bytes()
    assert slots.load()[1].cose == slot(2).cose
    slots.close()


def test_the_ring_keeps_the_last_seals_and_its_size(tmp_path: Path) -> None:
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    for number in range(2, 150):
        slots.write(slot(number))
        slots.erase(number - 1)
    assert [found.number for found in slots.load()] == list(range(150 - SLOTS, 150))
    assert (tmp_path / "keys").stat().st_size == SLOTS * SECTOR_BYTES
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    slots.close()


def test_a_key_file_is_never_made_over_another(tmp_path: Path) -> None:
    slots = KeySlots(tmp_path / "keys")
    assert not slots.exists()
    slots.create(secret(1))
    with pytest.raises(KeySlotsError, match="there already"):
        slots.create(secret(2))
    assert slots.load() == (first_slot(secret(1)),)


def test_a_draft_that_was_never_renamed_is_no_key_file(tmp_path: Path) -> None:
    (tmp_path / "keys.new").write_bytes(b"half")
    slots = KeySlots(tmp_path / "keys")
    assert not slots.exists()
    slots.create(secret(1))
    assert slots.load() == (first_slot(secret(1)),)


def test_a_file_cut_short_gives_what_is_whole(tmp_path: Path) -> None:
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    (tmp_path / "keys").write_bytes((tmp_path / "keys").read_bytes()[: 2 * SECTOR_BYTES])
    assert slots.load() == (first_slot(secret(1)),)
    (tmp_path / "keys").write_bytes(b"")
    assert slots.load() == ()


def refuse_direct(at: str, patch: pytest.MonkeyPatch) -> None:
    """As file systems without O_DIRECT do when a file is opened, or disks of larger sectors at a write."""
    opened, written = os.open, os.pwrite

    def open_(path: str, flags: int, mode: int = 0o777, **where: int) -> int:
        if at == "open" and flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return opened(path, flags, mode, **where)

    def pwrite(descriptor: int, raw: bytes, offset: int) -> int:
        if at == "write" and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return written(descriptor, raw, offset)

    patch.setattr(os, "open", open_)
    patch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("at", ["nowhere", "open", "write"])
def test_where_single_sectors_are_not_taken_the_same_file_is_written_through_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    refuse_direct(at, monkeypatch)
    for number in range(2, 8):
        slots.write(slot(number))
        slots.erase(number - 1)
    slots.close()
    again = KeySlots(tmp_path / "keys")  # that has not written what it erases
    again.erase(7)
    raw = (tmp_path / "keys").read_bytes()
    assert [found.number for found in again.load()] == list(range(1, 8))
    assert [found.cose for found in again.load()][1:] == [slot(number).cose for number in range(2, 8)]
    assert not any(secret(number) in raw for number in range(1, 8))
    assert len(raw) == SLOTS * SECTOR_BYTES
    again.close()


def test_an_error_of_the_disk_is_no_reason_to_write_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    tried: list[int] = []

    def fail(_descriptor: int, raw: bytes, _offset: int) -> int:
        tried.append(len(raw))
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(KeySlotsError, match="the disk is gone"):
        slots.write(slot(2))
    with pytest.raises(KeySlotsError, match="the disk is gone"):
        slots.erase(1)
    assert tried == [SECTOR_BYTES, SECTOR_BYTES]
    slots.close()


def test_every_sector_is_written_whole_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write of more could tear a neighbour; a write of less cannot go past the page cache."""
    slots = KeySlots(tmp_path / "keys")
    slots.create(secret(1))
    seen: list[tuple[int, int]] = []
    written = os.pwrite

    def look(descriptor: int, raw: bytes, offset: int) -> int:
        seen.append((offset, len(raw)))
        return written(descriptor, raw, offset)

    monkeypatch.setattr(os, "pwrite", look)
    slots.write(slot(2))
    slots.erase(1)
    assert seen == [(2 * SECTOR_BYTES, SECTOR_BYTES), (SECTOR_BYTES, SECTOR_BYTES)]
    slots.close()


def test_a_missing_or_unwritable_file_is_a_clear_error(tmp_path: Path) -> None:
    slots = KeySlots(tmp_path / "missing")
    for action in (slots.load, lambda: slots.erase(1), lambda: slots.write(slot(2))):
        with pytest.raises(KeySlotsError, match="missing"):
            action()
    with pytest.raises(KeySlotsError, match="nowhere"):
        KeySlots(tmp_path / "nowhere" / "keys").create(secret(1))
