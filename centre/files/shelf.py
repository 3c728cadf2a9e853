"""Where the files of gateways are kept, beside the store.

    <shelf>/<gateway>/<SHA-256>           whole, and what its name says
    <shelf>/<gateway>/<SHA-256>.part      its first bytes, while it comes
    <shelf>/<gateway>/<SHA-256>.erased    an officer has erased it: it is not asked for again

Bytes are added at the end of a part alone, so a kill loses nothing. A whole part is compared with its hash,
synced and renamed; one that differs is thrown away. What a power cut leaves of a part may be anything, so one
to which another life or process has added, and which does not fit, is begun anew and accuses nobody.

Several verifiers may have one folder: who adds holds a lock on the part (flock), and looks under it how far
the part has come. While another one holds it a piece is dropped, as one that comes twice; nobody waits for a
process that stands still.

The subscriber writes; `dianjian centre order files` reads and erases. Nothing is executed, unpacked or shown.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from attrs import define, field

from disk.files import add_name, create_file, move, read_plain, write_all
from wire.files import FILE_BYTES_MAX

PART: Final = ".part"
ERASED: Final = ".erased"
GATEWAY_BYTES_MAX: Final = 256 * 1024 * 1024
"""Of one gateway: all that it keeps itself (`provisioning.declaring.letters`)."""
GATEWAY_FILES_MAX: Final = 10_000
"""Of one gateway, however small: five a day for five years; each new one has the folder gone through."""
FILE_MODE: Final = 0o600
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Kept(StrEnum):
    """What is here of a file."""

    HELD = "held"
    PART = "part"
    ERASED = "erased"
    ABSENT = "absent"


class Put(StrEnum):
    """What a piece did."""

    ADDED = "added"
    WHOLE = "whole"
    IGNORED = "ignored"
    OTHER = "other"
    """All bytes are there and are not what was sealed."""
    AGAIN = "again"
    """The same, of a part to which an earlier life, or another process, has added."""
    FULL = "full"


@define
class Shelf:
    """See the module; `folder` is made when the first file comes."""

    folder: Path
    _own: dict[tuple[str, str], int] = field(init=False, factory=dict)
    """How far each part has come that nobody else has added to."""

    def look(self, gateway: str, sha256: str) -> Kept:
        """What is here of a file."""
        place = self.folder / gateway
        for name, kept in ((sha256 + ERASED, Kept.ERASED), (sha256, Kept.HELD), (sha256 + PART, Kept.PART)):
            if os.path.lexists(place / name):
                return kept
        return Kept.ABSENT

    def find_missing(self, gateway: str, sha256: str, size: int) -> int | None:
        """The first byte that is not here of a file of `size` bytes, None of one that is whole or erased.

        A part that a kill left just before its end is ended. Raises OSError.
        """
        if self.look(gateway, sha256) in {Kept.HELD, Kept.ERASED}:
            return None
        have = self._count_part(gateway, sha256)
        if have < size:
            return have
        with _hold(self.folder / gateway / (sha256 + PART)) as descriptor:
            if descriptor is None:  # who holds it ends it; the last byte is dropped when it comes
                return size - 1
            return None if self._finish(gateway, sha256) is Put.WHOLE else 0

    def put(self, gateway: str, sha256: str, size: int, offset: int, piece: bytes) -> Put:
        """Add a piece of a file of `size` bytes; raises OSError."""
        if not self._fits(gateway, sha256, size, offset, piece):
            return Put.IGNORED
        if not self._count_part(gateway, sha256) and not self._has_room(gateway, size):
            return Put.FULL
        part = self.folder / gateway / (sha256 + PART)
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _hold(part) as descriptor:
            if descriptor is None or not self._fits(gateway, sha256, size, offset, piece):
                return Put.IGNORED
            have = self._count_part(gateway, sha256)
            is_own = self._own.pop((gateway, sha256), 0) == have
            _append(descriptor, part, piece[have - offset :], is_last=offset + len(piece) == size)
            if is_own:
                self._own[gateway, sha256] = offset + len(piece)
            return Put.ADDED if offset + len(piece) < size else self._finish(gateway, sha256)

    def put_empty(self, gateway: str, sha256: str) -> None:
        """Keep a file of no bytes; raises OSError."""
        path = self.folder / gateway / sha256
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            create_file(path, b"", FILE_MODE)

    def erase(self, gateway: str, sha256: str) -> None:
        """Erase a file for good, whatever of it is here; raises OSError."""
        path = self.folder / gateway / sha256
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            create_file(path.with_name(sha256 + ERASED), b"", FILE_MODE)
        for one in (path, path.with_name(sha256 + PART)):
            one.unlink(missing_ok=True)

    def _fits(self, gateway: str, sha256: str, size: int, offset: int, piece: bytes) -> bool:
        """Whether the piece goes on where the part ends, which is neither whole nor erased."""
        have = self._count_part(gateway, sha256)
        return (
            self.look(gateway, sha256) in {Kept.PART, Kept.ABSENT}
            and offset <= have < offset + len(piece) <= size
        )

    def _is_erased(self, gateway: str, sha256: str) -> bool:
        return os.path.lexists(self.folder / gateway / (sha256 + ERASED))

    def _finish(self, gateway: str, sha256: str) -> Put:
        """End a part that is held."""
        path = self.folder / gateway / sha256
        part = path.with_name(sha256 + PART)
        is_own = (gateway, sha256) in self._own
        self._own.pop((gateway, sha256), None)
        if hashlib.sha256(read_plain(part, FILE_BYTES_MAX)).hexdigest() != sha256:
            part.unlink()
            return Put.OTHER if is_own else Put.AGAIN
        move(part, path)
        if self._is_erased(gateway, sha256):  # while it was moved
            path.unlink(missing_ok=True)
        return Put.WHOLE

    def _count_part(self, gateway: str, sha256: str) -> int:
        try:
            return (self.folder / gateway / (sha256 + PART)).lstat().st_size
        except FileNotFoundError:
            return 0

    def _has_room(self, gateway: str, size: int) -> bool:
        try:
            with os.scandir(self.folder / gateway) as entries:
                sizes = [entry.stat(follow_symlinks=False).st_size for entry in entries]
        except FileNotFoundError:
            return True
        return len(sizes) < GATEWAY_FILES_MAX and sum(sizes) + size <= GATEWAY_BYTES_MAX


@contextmanager
def _hold(part: Path) -> Iterator[int | None]:
    """The part, opened to add to it and held against other processes; None while another one has it."""
    try:
        descriptor = os.open(part, _APPEND, FILE_MODE)
    except OSError as error:
        add_name(error, part)
        raise
    try:
        yield descriptor if _take(descriptor, part) else None
    finally:
        os.close(descriptor)


def _take(descriptor: int, part: Path) -> bool:
    """Lock an opened part; false where another process has it, or has just ended or thrown it away."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        at_path, opened = part.lstat(), os.fstat(descriptor)
    except (BlockingIOError, FileNotFoundError):
        return False
    if (at_path.st_dev, at_path.st_ino) != (opened.st_dev, opened.st_ino):
        return False
    if not opened.st_size and any(os.path.lexists(part.with_suffix(end)) for end in ("", ERASED)):
        part.unlink(missing_ok=True)  # made by this opening, beside what is ended
        return False
    return True


def _append(descriptor: int, part: Path, data: bytes, *, is_last: bool) -> None:
    """Add `data`, on the disk if it is the last. After an OSError a part of it may be there: it is kept."""
    try:
        write_all(descriptor, data)
        if is_last:
            os.fsync(descriptor)
    except OSError as error:
        add_name(error, part)
        raise
