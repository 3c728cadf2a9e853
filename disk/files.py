"""Writes files whole or not at all.

`replace_file` and `create_file` write a draft beside the file (`NAME.new`, never reusing an existing
one), sync it, put it in place in one step (rename, or link where nothing may be replaced) and sync the
folder. A crash between any two steps leaves the old file or the new one, never a part; the next write
removes the draft that it may leave. An error removes the draft and is raised with the file's name. The
file is on the disk once these functions return; if syncing the folder fails, the new file is visible
but a power cut may still bring the old one back.

`read_plain` and `read_piece` read what others may have put in a place: no link, pipe or device.

`write_all` and `write_at` write every byte or raise: write(2) may take a part, on a full disk or at a limit.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EBUSY, EEXIST, EFBIG, EINVAL, EIO, EISDIR, ELOOP, ENXIO, EOPNOTSUPP, EPERM
from mmap import mmap
from pathlib import Path
from typing import Final

from attrs import frozen

DRAFT: Final = ".new"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Root writes into folders of the agent's user: nothing that lies there already is followed or opened."""
ANY_MODE: Final = 0o666
"""Less the umask, as for any file."""

Owner = tuple[int, int]
"""User and group id."""


@frozen
class Output:
    """An open file that takes every byte or raises OSError."""

    _descriptor: int

    def write(self, data: bytes) -> None:
        """Append `data` to what was written."""
        write_all(self._descriptor, data)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; after an OSError a part may be written."""
    done = 0
    while done < len(data):
        count = os.write(descriptor, data[done:])
        if count <= 0:
            raise OSError(EIO, "nothing could be written")
        done += count


def write_at(descriptor: int, data: bytes | mmap, offset: int) -> None:
    """Write `data` at `offset` in one call, as a sector needs; after an OSError a part may be written."""
    count = os.pwrite(descriptor, data, offset)
    if count != len(data):
        raise OSError(EIO, f"{count} of {len(data)} bytes were written")


def replace_file(
    path: Path, data: bytes, mode: int | None = None, *, owner: Owner | None = None, folder: int | None = None
) -> None:
    """Write `data` to `path`; a symbolic link there is replaced, not followed.

    Args:
        path: The file.
        data: Its bytes.
        mode: Its permissions, less the umask; without it those of the old file, and its owner, are kept.
        owner: Its new owner.
        folder: Descriptor of the folder, if its path must not be resolved again.

    Raises:
        OSError: It may not be there.
    """
    with _draft(path, _replace, mode, owner, folder) as descriptor:
        write_all(descriptor, data)


def create_file(path: Path, data: bytes, mode: int = ANY_MODE) -> None:
    """Create `path` with `data`; an existing file is not replaced.

    Raises:
        FileExistsError: The path exists.
        OSError: It could not be made.
    """
    with _draft(path, _create, mode) as descriptor:
        write_all(descriptor, data)


@contextmanager
def open_output(path: Path) -> Iterator[Output]:
    """A file that a person has named, to be written in pieces; it is at `path` when the block ends.

    A symbolic link is followed; a pipe or device is written to directly. An error in the block leaves the
    old file.

    Raises:
        OSError: It may not be there.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            yield Output(descriptor)
        finally:
            os.close(descriptor)
    else:
        with _draft(Path(os.path.realpath(path)), _replace) as descriptor:
            yield Output(descriptor)


def write_output(path: Path, data: bytes) -> None:
    """As `open_output`, with all data at once."""
    with open_output(path) as output:
        output.write(data)


def read_plain(path: Path, bytes_max: int, *, follow: bool = False) -> bytes:
    """The content of a plain file that somebody else may have put there, such as on a stick.

    A link is not followed unless asked, and neither pipe nor device is waited for or read.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It is no plain file, has more than `bytes_max` bytes, or cannot be read.
    """
    with _open_plain(path, follow=follow) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as stream:
        raw = stream.read(bytes_max + 1)
    if len(raw) > bytes_max:
        raise OSError(EFBIG, f"has more than {bytes_max} bytes", str(path))
    return raw


def read_piece(path: Path, offset: int, bytes_max: int) -> tuple[int, bytes]:
    """The length of such a file, and its bytes from `offset` on; raises as `read_plain`."""
    with _open_plain(path, follow=False) as descriptor:
        return os.fstat(descriptor).st_size, os.pread(descriptor, bytes_max, offset)


@contextmanager
def _open_plain(path: Path, *, follow: bool) -> Iterator[int]:
    try:
        link = 0 if follow else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | link | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {ELOOP, ENXIO}:
            raise OSError(error.errno, "is no plain file", str(path)) from None
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(EINVAL, "is no plain file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def move(old: Path, new: Path) -> None:
    """Rename `old` to `new`, in the same folder, in place of whatever is there; raises OSError."""
    _replace(old, new, None)


def sync_folder(folder: Path) -> None:
    """Sync the names in `folder` to the disk; raises OSError."""
    with open_folder(folder) as descriptor:
        _sync_names(descriptor)


@contextmanager
def open_folder(folder: Path, flags: int = 0) -> Iterator[int]:
    """The descriptor of a folder; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _draft(
    path: Path,
    publish: Callable[[Path, Path, int | None], None],
    mode: int | None = None,
    owner: Owner | None = None,
    folder: int | None = None,
) -> Iterator[int]:
    """The descriptor of a new draft, which `publish` puts at `path` when the block ends."""
    target = path if folder is None else Path(path.name)
    draft = target.with_name(target.name + DRAFT)
    try:
        old = target.lstat() if mode is None and target.is_file() and not target.is_symlink() else None
        descriptor = _open_draft(draft, stat.S_IMODE(old.st_mode) if old else mode or ANY_MODE, folder)
        try:
            try:
                yield descriptor
                if old is not None:
                    _keep_access(descriptor, old)
                if owner is not None:
                    os.fchown(descriptor, *owner)
                os.fsync(descriptor)
                _check_ours(descriptor, draft, folder)
            finally:
                os.close(descriptor)
            publish(draft, target, folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
            raise
    except OSError as error:
        add_name(error, path)
        raise


def _open_draft(draft: Path, mode: int, folder: int | None) -> int:
    try:
        return os.open(draft, _NEW, mode, dir_fd=folder)
    except FileExistsError:  # a crash left it
        os.unlink(draft, dir_fd=folder)
        return os.open(draft, _NEW, mode, dir_fd=folder)


def _keep_access(descriptor: int, old: os.stat_result) -> None:
    """Give the draft mode and owner of the old file, as far as this user and the file system can."""
    with suppress(PermissionError):
        if os.geteuid() == 0:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _check_ours(descriptor: int, draft: Path, folder: int | None) -> None:
    if not os.path.samestat(os.fstat(descriptor), os.lstat(draft, dir_fd=folder)):
        raise OSError(EBUSY, "another process is writing it")


def _replace(draft: Path, path: Path, folder: int | None) -> None:
    os.rename(draft, path, src_dir_fd=folder, dst_dir_fd=folder)
    if folder is None:
        sync_folder(path.parent)
    else:
        _sync_names(folder)


def _create(draft: Path, path: Path, folder: int | None) -> None:
    try:
        os.link(draft, path, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in {EPERM, EOPNOTSUPP}:
            raise
        if os.path.lexists(path):  # FAT has no links: only here could two processes race
            raise FileExistsError(EEXIST, os.strerror(EEXIST)) from None
        os.rename(draft, path, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            os.unlink(path, dir_fd=folder)
        raise


def _sync_names(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != EINVAL:  # some network file systems have nothing to sync there
            raise


def add_name(error: OSError, path: Path) -> None:
    """Add the file's name to `error`: write(2) and fsync(2) have only a descriptor."""
    error.filename, error.filename2 = str(path), None
