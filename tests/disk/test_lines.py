import errno
import os
from pathlib import Path
from typing import Final
from unittest import mock

import pytest

from disk.lines import append_line, cut_torn
from tests.disk.faulty import FaultyOs, steps_of

FIRST: Final = '{"gateway": "first"}\n'
SECOND: Final = '{"gateway": "second"}\n'


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("", ""),
        (FIRST, FIRST),
        (FIRST + SECOND, FIRST + SECOND),
        (FIRST + SECOND[:-1], FIRST + SECOND[:-1]),  # an editor wrote no newline
        (FIRST + SECOND[:-2], FIRST),
        (FIRST + "{", FIRST),
        (SECOND[:9], ""),
        (FIRST + "\0\0\0", FIRST),  # a power cut left the length and not the bytes
        (FIRST + SECOND[:-1] + "\0", FIRST),
        (FIRST + "not ours", FIRST + "not ours"),  # for the reader to name
        (FIRST + "[]", FIRST + "[]"),
    ],
)
def test_a_last_line_without_its_end_is_cut_if_a_crash_tore_it(raw: str, kept: str) -> None:
    assert cut_torn(raw.encode()) == kept.encode()


@pytest.mark.parametrize("cut", range(len(SECOND)))
def test_wherever_a_line_is_torn_the_next_one_takes_its_place(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "lines"
    path.write_text(FIRST + SECOND[:cut], "ascii")
    append_line(path, SECOND)
    is_whole = cut == len(SECOND) - 1
    assert path.read_text("ascii") == FIRST + SECOND * (1 + is_whole)


@pytest.mark.parametrize("fault", ["EIO", "ENOSPC", "short"])
def test_a_line_that_could_not_be_added_is_taken_back(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "lines"
    path.write_text(FIRST, "ascii")
    steps = steps_of(lambda: append_line(path, SECOND))
    for at in range(1, steps + 1):
        path.write_text(FIRST, "ascii")
        refused = False
        with FaultyOs(fault, at).mounted() as faulty:
            try:
                append_line(path, SECOND)
            except OSError:
                refused = True
        assert refused == faulty.met, f"call {at}"
        is_there = "fsync" in [name for name, _ in faulty.calls]  # only the folder, or a close, has failed
        assert path.read_text("ascii") == (FIRST + SECOND if is_there else FIRST), f"call {at}"


def test_what_another_process_has_added_meanwhile_is_not_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text(FIRST, "ascii")
    other = '{"gateway": "other"}\n'

    def fail(_: int) -> None:
        with path.open("a", encoding="ascii") as stream:
            stream.write(other)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with mock.patch.object(os, "fsync", fail), pytest.raises(OSError, match="Input/output"):
        append_line(path, SECOND)
    assert path.read_text("ascii") == FIRST + SECOND + other
