"""Kills at every step of every write, over many lives: each record is in the chain once, in its order.

The chain is a model here (a list of seals and the secrets that live); the file is the real one, in memory.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.spool.frames import FRAME_BYTES, FULL_BYTES, Spooled, encode_head
from agent.spool.spool import Spool

BOOT = b"this boot......."
MEMORY = "/dev/shm"  # noqa: S108 - where the file lies in life
HOWS = ("before", "after", "torn")
CALLS = ("open", "write", "pwrite", "rename", "unlink", "ftruncate", "close")


class KilledError(BaseException):
    """The process is gone; nothing after this line happens."""


@define
class Process:
    """What runs until a kill, and the descriptors that the kernel closes then."""

    opened: set[int] = field(factory=set)

    def do(self, name: str, real: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """A call into the system."""
        result = real(*args, **named)
        if name == "open":
            self.opened.add(result)
        elif name == "close":
            self.opened.discard(args[0])
        return result

    def end(self) -> None:
        """As the kernel ends it, killed or not."""
        for descriptor in self.opened:
            with suppress(OSError):  # closed by a file object
                os.close(descriptor)


@contextmanager
def killed_at(step: int, how: str) -> Iterator[None]:
    """A kill at the call `step` into the system; a write may be made in part."""
    left, process = [step], Process()

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] > 0:
                return process.do(name, real, *args, **named)
            if left[0] < 0:
                raise KilledError
            if how == "torn" and name in {"write", "pwrite"}:
                real(args[0], args[1][: len(args[1]) // 2], *args[2:])
            elif how == "after":
                process.do(name, real, *args, **named)
            raise KilledError

        return call

    try:
        with mock.patch.multiple(os, **{name: wrap(name, getattr(os, name)) for name in CALLS}):
            yield
    finally:
        process.end()


def secret(number: int) -> bytes:
    return number.to_bytes(32, "little")


@define
class Chain:
    """What survives a kill beside the spool: seals, living secrets; and what was added and returned."""

    path: Path
    seals: dict[int, list[bytes]] = field(factory=dict)
    living: set[int] = field(factory=lambda: {1})
    added: list[bytes] = field(factory=list)
    unsure: set[bytes] = field(factory=set)
    made: int = 0

    def start(self) -> tuple[Spool, list[bytes]]:
        """As `Sealer.recover` does it."""
        tip = max(self.seals, default=0)
        number = tip + 1
        spool = Spool(self.path, BOOT)
        spool.take_up({one: secret(one) for one in self.living}, number, secret(number), self.seals.get)
        self.living = {number}
        assert not spool.refused
        return spool, list(spool.kept.records)

    def live(self, acts: list[int]) -> None:
        """Add and seal until the acts are done; a kill may come from anywhere."""
        spool, pending = self.start()
        for act in acts:
            if act:
                self.made += 1
                record = b"%d" % self.made + b"." * (self.made * 37 % 200)
                self.unsure.add(record)
                spool.add(record)
                self.unsure.discard(record)
                self.added.append(record)
                pending.append(record)
            elif pending:
                self.seal(spool, pending)

    def seal(self, spool: Spool, pending: list[bytes]) -> None:
        """As `Sealer.seal` does it: key, commit, spool, key destroyed. Now and then not all fit."""
        number = max(self.seals, default=0) + 1
        taken = pending[: max(len(pending) - number % 3, 1)]
        self.living.add(number + 1)
        os.close(os.open(MEMORY, os.O_RDONLY))  # steps at which a kill may come between the others
        self.seals[number] = [b"LOST_TAIL", *taken] if number % 5 == 0 else taken
        os.close(os.open(MEMORY, os.O_RDONLY))
        spool.move_on(number + 1, secret(number + 1), self.seals[number])
        self.living.discard(number)
        del pending[: len(taken)]

    def records(self) -> list[bytes]:
        return [one for number in sorted(self.seals) for one in self.seals[number] if one != b"LOST_TAIL"]


LIVES = st.lists(
    st.tuples(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 60), st.sampled_from(HOWS)),
    min_size=1,
    max_size=8,
)


@given(lives=LIVES)
@settings(max_examples=200, deadline=None)
def test_whatever_is_killed_each_record_is_in_the_chain_once_and_in_order(
    lives: list[tuple[list[int], int, str]],
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        chain = Chain(Path(folder) / "a.spool")
        for acts, step, how in lives:
            try:
                with killed_at(step, how):
                    chain.live(acts)
            except KilledError:
                pass
        spool, pending = chain.start()
        while pending:
            chain.seal(spool, pending)
        found = chain.records()
        assert len(found) == len(set(found)), "a record twice"
        assert [one for one in found if one not in chain.unsure] == chain.added
        numbers = [int(one.partition(b".")[0]) for one in found]
        assert numbers == sorted(numbers)
        spool.close()
        assert {one.name for one in Path(folder).iterdir()} <= {"a.spool.new"}


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder) / "a.spool"


def nothing(_: int) -> None:
    return None


def filled(path: Path, *records: bytes, bytes_max: int = 1 << 20) -> Spool:
    """A spool of seal 1 whose process was killed."""
    spool = Spool(path, BOOT, bytes_max)
    spool.take_up({1: secret(1)}, 1, secret(1), nothing)
    for record in records:
        spool.add(record)
    return spool


def taken_up(path: Path, **changes: Any) -> Spool:
    names = {"secrets": {1: secret(1)}, "number": 1, "secret": secret(1), "sealed": nothing}
    boot = changes.pop("boot", BOOT)
    spool = Spool(path, boot, changes.pop("bytes_max", 1 << 20))
    spool.take_up(**{**names, **changes})
    return spool


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"boot": b"the next boot..."}, "another boot"),
        ({"secrets": {2: secret(2)}, "number": 2, "secret": secret(2)}, "key is gone"),
        ({"secrets": {1: secret(1), 3: secret(3)}, "number": 3, "secret": secret(3)}, "not known"),
        ({"secrets": {1: secret(1), 2: secret(2)}, "number": 2, "secret": secret(2)}, "not known"),
        ({"bytes_max": 40}, "longer than 40"),
    ],
    ids=["another boot", "an old copy", "seals between", "a seal without its body", "too long"],
)
def test_a_file_that_is_not_of_this_boot_and_key_is_refused_and_goes(
    path: Path, changes: dict[str, Any], words: str
) -> None:
    filled(path, b"one", b"two")
    spool = taken_up(path, **changes)
    assert spool.kept == Spooled()
    assert words in spool.refused
    assert not path.exists()


def test_of_a_file_with_another_key_not_one_record_holds(path: Path) -> None:
    filled(path, b"invented")
    spool = taken_up(path, secrets={1: secret(9)}, secret=secret(9))
    assert spool.kept == Spooled(torn=True)


def test_a_file_cut_anywhere_gives_the_records_before_the_cut(path: Path) -> None:
    filled(path, b"one", b"two", b"three")
    whole = path.read_bytes()
    ends = [len(encode_head(BOOT, 1))]
    for record in (b"one", b"two", b"three"):
        ends.append(ends[-1] + FRAME_BYTES + len(record))
    assert ends[-1] == len(whole)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        kept = taken_up(path).kept
        count = sum(end <= length for end in ends[1:])
        assert kept.records == (b"one", b"two", b"three")[:count]
        assert kept.torn == (length not in ends and length > ends[0])


def test_a_bit_that_is_turned_anywhere_ends_the_file_there(path: Path) -> None:
    filled(path, b"one", b"two")
    whole = path.read_bytes()
    for at in range(len(encode_head(BOOT, 1)), len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert taken_up(path).kept.records in ((), (b"one",))


@pytest.mark.parametrize("how", ["symlink", "folder", "fifo"])
def test_what_is_no_file_is_not_followed_and_stops_nobody(path: Path, how: str) -> None:
    filled(path.with_name("b.spool"), b"elsewhere")
    match how:
        case "symlink":
            path.symlink_to("b.spool")
        case "folder":
            path.mkdir()
        case _:
            os.mkfifo(path)
    spool = taken_up(path)
    assert spool.kept == Spooled()
    assert spool.refused
    spool.add(b"mine")
    spool.close()
    assert path.with_name("b.spool").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path: Path) -> None:
    filled(path, b"theirs")
    os.chown(path, 4242, 4242)
    assert "user 4242" in taken_up(path).refused


def test_a_full_file_keeps_the_oldest_and_counts_the_rest(path: Path) -> None:
    room = len(encode_head(BOOT, 1)) + 3 * (FRAME_BYTES + 4) + FULL_BYTES
    spool = filled(path, *(b"%04d" % one for one in range(10)), bytes_max=room)
    assert path.stat().st_size <= room
    kept = taken_up(path).kept
    assert kept == Spooled((b"0000", b"0001", b"0002"), unkept=7)
    spool.move_on(2, secret(2), [b"%04d" % one for one in range(8)])
    assert taken_up(path, secrets={2: secret(2)}, number=2, secret=secret(2)).kept.records == (
        b"0008",
        b"0009",
    )


def test_records_that_are_alike_are_each_kept_and_each_sealed(path: Path) -> None:
    spool = filled(path, b"same", b"same", b"same")
    spool.move_on(2, secret(2), [b"same"])
    kept = taken_up(path, secrets={2: secret(2)}, number=2, secret=secret(2)).kept
    assert kept.records == (b"same", b"same")


def test_without_room_in_memory_sealing_goes_on_and_the_next_seal_heals(path: Path) -> None:
    spool = filled(path, b"one")
    with mock.patch.object(os, "write", side_effect=OSError(errno.ENOSPC, "No space left on device")):
        spool.add(b"two")
        spool.add(b"three")
    spool.move_on(2, secret(2), [b"one"])
    spool.add(b"four")
    kept = taken_up(path, secrets={2: secret(2)}, number=2, secret=secret(2)).kept
    assert kept.records == (b"two", b"three", b"four")


def test_what_is_discarded_or_sealed_leaves_no_file(path: Path) -> None:
    spool = filled(path, b"sealed", b"left out")
    spool.discard(b"left out")
    spool.move_on(2, secret(2), [b"sealed"])
    assert not path.exists()
    spool.add(b"waits")
    spool.close()
    assert path.exists()


def test_without_a_place_nothing_is_kept_and_nothing_fails() -> None:
    spool = Spool(None, b"")
    spool.take_up({1: secret(1)}, 1, secret(1), nothing)
    spool.add(b"one")
    spool.discard(b"one")
    spool.move_on(2, secret(2), [b"one"])
    spool.close()
    assert spool.kept == Spooled()
