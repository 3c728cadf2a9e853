"""What others may have put in the place of a file: nothing is followed, waited for or read without end."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from disk.files import read_plain


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


MADE: dict[str, Callable[[Path], object]] = {
    "a link to a file": lambda path: path.symlink_to(__file__),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": make_socket,
    "a file of 11 bytes": lambda path: path.write_bytes(bytes(11)),
    "a sparse file of a terabyte": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
}


@pytest.mark.parametrize("what", MADE)
def test_what_is_no_plain_file_of_at_most_ten_bytes_is_an_error_at_once(tmp_path: Path, what: str) -> None:
    path = tmp_path / "one"
    MADE[what](path)
    with pytest.raises(OSError, match="one") as found:
        read_plain(path, 10)
    assert found.value.strerror
    assert found.value.filename == str(path)


def test_a_plain_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"0123456789")
    assert read_plain(path, 10) == b"0123456789"
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "two", 10)


def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="no plain file"):
        read_plain(Path("/dev/zero"), 10)
