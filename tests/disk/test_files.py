import errno
import os
import stat
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest
from attrs import define, field

from disk.files import (
    create_file,
    move,
    open_folder,
    open_output,
    replace_file,
    write_all,
    write_at,
    write_output,
)
from tests.disk.faulty import FaultyOs, litter

OLD: Final = b"old " * 100
NEW: Final = b"new " * 150


def test_a_file_is_made_and_replaced_with_all_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (OLD, NEW, b""):
        replace_file(path, data)
        assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_mode_is_given_or_that_of_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, OLD, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o664)  # more than the umask gives
    replace_file(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    replace_file(path, NEW, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_owner_is_given_or_root_keeps_that_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    given: list[tuple[int, ...]] = []
    path.write_bytes(OLD)
    fake = FaultyOs()
    with fake.mounted(), mock.patch.object(os, "fchown", lambda _, *ids: given.append(ids)):
        replace_file(path, NEW, 0o600, owner=(12, 34))
        with mock.patch.object(os, "geteuid", return_value=1000):
            replace_file(path, NEW)
        assert given == [(12, 34)]
        with mock.patch.object(os, "geteuid", return_value=0):
            replace_file(path, NEW)
    assert given[1:] == [(os.getuid(), os.getgid())]


def test_what_cannot_be_given_away_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with mock.patch.object(os, "fchmod", side_effect=PermissionError):  # as on FAT
        replace_file(path, NEW)
    assert path.read_bytes() == NEW


def test_neither_a_link_at_the_place_nor_one_under_the_drafts_name_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(OLD)
    for name in ("file", "file.new"):
        (tmp_path / name).symlink_to(victim)
    replace_file(tmp_path / "file", NEW)
    assert victim.read_bytes() == OLD
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").read_bytes() == NEW


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    with open_folder(tmp_path / "real", os.O_NOFOLLOW) as folder:
        (tmp_path / "real").rename(tmp_path / "moved")
        (tmp_path / "real").mkdir()
        replace_file(tmp_path / "real" / "file", NEW, 0o600, folder=folder)
    assert (tmp_path / "moved" / "file").read_bytes() == NEW
    assert not list((tmp_path / "real").iterdir())


def test_what_is_there_is_never_overwritten_by_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    create_file(path, OLD, 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError) as caught:
        create_file(path, NEW)
    assert caught.value.filename == str(path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "nowhere", NEW)
    assert path.read_bytes() == OLD
    assert not litter(tmp_path)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_links_gets_its_new_file_too(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file"
    with mock.patch.object(os, "link", side_effect=OSError(number, "no links here")):
        create_file(path, NEW)
        with pytest.raises(FileExistsError):
            create_file(path, OLD)
    assert path.read_bytes() == NEW
    assert not litter(tmp_path)


def test_an_output_follows_a_link_and_keeps_the_old_file_when_the_block_fails(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(OLD)
    link.symlink_to(real)
    with pytest.raises(ValueError, match="half"), open_output(link) as output:  # noqa: PT012 - the block
        output.write(b"half")
        raise ValueError("half")
    assert (real.read_bytes(), litter(tmp_path)) == (OLD, [])
    with open_output(link) as output:
        output.write(NEW[:5])
        output.write(NEW[5:])
    assert link.is_symlink()
    assert real.read_bytes() == NEW


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    write_output(Path("/dev/null"), NEW)
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="No space left"):
        write_output(Path("/dev/full"), NEW)
    assert Path("/dev/full").is_char_device()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    write_output(fifo, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_a_folder_cannot_be_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    for write in (replace_file, create_file, write_output):
        with pytest.raises(OSError, match=r"directory|exists") as caught:
            write(tmp_path / "file", NEW)
        assert caught.value.filename == str(tmp_path / "file")
    assert not litter(tmp_path)


def test_a_second_writer_of_the_same_file_makes_the_first_fail(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(OSError, match="another process"), open_output(path) as output:  # noqa: PT012
        output.write(b"first")
        replace_file(path, NEW)
        (tmp_path / "file.new").write_bytes(b"of a third one")
    assert path.read_bytes() == NEW


def test_a_short_write_goes_on_and_one_of_nothing_is_an_error() -> None:
    took: list[bytes] = []

    def one_byte(_: int, data: bytes) -> int:
        took.append(data[:1])
        return 1

    with mock.patch.object(os, "write", one_byte):
        write_all(0, b"abc")
    assert took == [b"a", b"b", b"c"]
    with mock.patch.object(os, "write", return_value=0), pytest.raises(OSError, match="nothing"):
        write_all(0, b"abc")
    with mock.patch.object(os, "pwrite", return_value=2), pytest.raises(OSError, match="2 of 3"):
        write_at(0, b"abc", 7)


def test_a_folder_that_knows_no_sync_is_no_error_and_one_that_fails_is(tmp_path: Path) -> None:
    fsync = os.fsync

    def failing(number: int) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            fsync(descriptor)

        return sync

    with mock.patch.object(os, "fsync", failing(errno.EINVAL)):
        replace_file(tmp_path / "file", NEW)
    with mock.patch.object(os, "fsync", failing(errno.EIO)):
        for act in (replace_file, create_file):
            with pytest.raises(OSError, match="Input/output") as caught:
                act(tmp_path / act.__name__, NEW)
            assert caught.value.filename == str(tmp_path / act.__name__)
    assert (tmp_path / "replace_file").read_bytes() == NEW  # a power cut may still take it away
    assert not (tmp_path / "create_file").exists()


# ---- power cuts


@define
class Model:
    """A folder with one file and its draft, and what of them a power cut may leave.

    Attributes:
        names: What the names lead to, now and after each change since the folder was synced; of the
            changes that were not synced, some first part is on the disk.
        draft: What may be in the draft: all of it or, unsynced, nothing, a half, or zeros.
    """

    names: list[dict[str, list[bytes]]]
    draft: list[bytes] = field(factory=list)

    def take(self, name: str, args: tuple[Any, ...]) -> None:
        """One call."""
        if name == "write":
            self.draft[:] = [b"", args[1][: len(args[1]) // 2], bytes(len(args[1])), args[1]]
        elif name == "fsync" and len(self.draft) > 1:
            del self.draft[:-1]
        elif name == "fsync":
            del self.names[:-1]
        elif name in {"rename", "link", "unlink"} or (name == "open" and args[1] & os.O_CREAT):
            self.names.append(self._renamed(name, [Path(arg).name for arg in args if isinstance(arg, Path)]))

    def _renamed(self, name: str, at: list[str]) -> dict[str, list[bytes]]:
        now = dict(self.names[-1])
        if name in {"rename", "link"}:
            now[at[1]] = now[at[0]]
        if name in {"rename", "unlink"}:
            del now[at[0]]
        if name == "open":
            now[at[0]] = self.draft = [b""]
        return now

    def states(self) -> Iterator[dict[str, bytes]]:
        """Name and content of the files that a power cut may leave now."""
        for known in self.names:
            for contents in product(*known.values()):
                yield dict(zip(known, contents, strict=True))


@pytest.mark.parametrize("write", [replace_file, create_file, write_output])
def test_a_power_cut_at_any_step_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "file"
    before = None if write is create_file else OLD
    if before is not None:
        path.write_bytes(before)
    with FaultyOs().mounted() as log:
        write(path, NEW)
    model, seen = Model([{} if before is None else {"file": [before]}]), set[bytes | None]()
    for call in log.calls:
        model.take(*call)
        for state in model.states():
            assert state.get("file") in {before, NEW}, f"after {call}: {state}"
            seen.add(state.get("file"))
    assert seen == {before, NEW}
    assert list(model.states()) == [{"file": NEW}], "the file is called written too early"


def test_a_rename_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(NEW)
    with FaultyOs().mounted() as log:
        move(tmp_path / "a", tmp_path / "b")
    assert [name for name, _ in log.calls] == ["rename", "open", "fsync", "close"]
    assert (tmp_path / "b").read_bytes() == NEW


def test_a_good_write_makes_no_call_that_it_need_not(tmp_path: Path) -> None:
    with FaultyOs().mounted() as log:
        replace_file(tmp_path / "file", NEW, 0o600)
    assert [name for name, _ in log.calls] == "open write fsync close rename open fsync close".split()  # noqa: SIM905
    descriptor = os.open(tmp_path / "file", os.O_WRONLY)
    with FaultyOs().mounted() as log:
        write_at(descriptor, b"x", 3)
    os.close(descriptor)
    assert [name for name, _ in log.calls] == ["pwrite"]
