"""Two processes that put the same file on one shelf make one whole file of it, and nobody is accused."""

import fcntl
import hashlib
import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pytest

from centre.files.shelf import PART, Kept, Put, Shelf

RAW: Final = os.urandom(50_000)
SHA: Final = hashlib.sha256(RAW).hexdigest()
PIECE: Final = 700
WAIT_S: Final = 60.0


def feed(folder: Path, channel: Connection) -> None:
    """Put the file as a gateway sends it, from what is missing, until it is whole; tell what each put did."""
    shelf, done = Shelf(folder), set[Put]()
    channel.send("ready")
    channel.recv()
    while (first := shelf.find_missing("g1", SHA, len(RAW))) is not None:
        for at in range(first, len(RAW), PIECE):
            done.add(shelf.put("g1", SHA, len(RAW), at, RAW[at : at + PIECE]))
    channel.send(done)


def test_a_file_that_two_processes_put_at_once_is_whole(tmp_path: Path) -> None:
    context = get_context("fork")
    ends, processes = [], []
    for _ in range(2):
        here, there = context.Pipe()
        process = context.Process(target=feed, args=(tmp_path, there))
        process.start()
        ends.append(here)
        processes.append(process)
    try:
        for end in ends:
            assert end.poll(WAIT_S)
            end.recv()
        for end in ends:
            end.send("go")
        told: set[Put] = set()
        for end in ends:
            assert end.poll(WAIT_S)
            told |= end.recv()
    finally:
        for process in processes:
            process.kill()
            process.join()
    assert (tmp_path / "g1" / SHA).read_bytes() == RAW
    assert told <= {Put.ADDED, Put.WHOLE, Put.IGNORED}
    assert [path.name for path in (tmp_path / "g1").iterdir()] == [SHA]


def test_a_piece_that_comes_while_another_process_adds_is_dropped_and_not_added_twice(tmp_path: Path) -> None:
    context = get_context("fork")
    here, there = context.Pipe()

    def hold() -> None:
        with (tmp_path / "g1" / (SHA + PART)).open("ab") as part:
            fcntl.flock(part, fcntl.LOCK_EX)
            there.send("held")
            there.recv()
            part.write(RAW[PIECE : 2 * PIECE])
        there.send("added")

    shelf = Shelf(tmp_path)
    assert shelf.put("g1", SHA, len(RAW), 0, RAW[:PIECE]) is Put.ADDED
    other = context.Process(target=hold)
    other.start()
    try:
        assert here.poll(WAIT_S)
        here.recv()
        assert shelf.put("g1", SHA, len(RAW), PIECE, RAW[PIECE : 2 * PIECE]) is Put.IGNORED
        here.send("go")
        assert here.poll(WAIT_S)
        here.recv()
    finally:
        other.kill()
        other.join()
    assert shelf.put("g1", SHA, len(RAW), PIECE, RAW[PIECE : 2 * PIECE]) is Put.IGNORED
    assert shelf.put("g1", SHA, len(RAW), 2 * PIECE, RAW[2 * PIECE :]) is Put.WHOLE
    assert shelf.look("g1", SHA) is Kept.HELD


@pytest.mark.parametrize(("is_other", "said"), [(False, Put.OTHER), (True, Put.AGAIN)])
def test_only_a_part_that_one_process_wrote_alone_says_that_a_file_was_edited(
    tmp_path: Path, is_other: bool, said: Put
) -> None:
    wrong = bytes(len(RAW))
    shelf, other = Shelf(tmp_path), Shelf(tmp_path)
    assert shelf.put("g1", SHA, len(RAW), 0, wrong[:PIECE]) is Put.ADDED
    middle = other if is_other else shelf
    assert middle.put("g1", SHA, len(RAW), PIECE, wrong[: 2 * PIECE]) is Put.ADDED
    assert shelf.put("g1", SHA, len(RAW), 3 * PIECE, wrong[3 * PIECE :]) is said
    assert shelf.look("g1", SHA) is Kept.ABSENT
