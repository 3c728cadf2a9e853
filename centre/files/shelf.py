"""Where the files of gateways are kept, beside the store.

    <shelf>/<gateway>/<SHA-256>           whole, and what its name says
    <shelf>/<gateway>/<SHA-256>.part      its first bytes, while it comes
    <shelf>/<gateway>/<SHA-256>.erased    an officer has erased it: it is not asked for again

Bytes are added at the end of a part alone, so a kill loses nothing. A whole part is compared with its hash,
synced and renamed; one that differs is thrown away. What a power cut leaves of a part may be anything, so one
that was begun before this life and does not fit is begun anew and accuses nobody.

The subscriber writes; `dianjian centre order files` reads and erases. Nothing is executed, unpacked or shown.
"""

import hashlib
import os
from contextlib import suppress
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
    """The same, of a part that an earlier life began."""
    FULL = "full"


@define
class Shelf:
    """See the module; `folder` is made when the first file comes."""

    folder: Path
    _begun: set[tuple[str, str]] = field(init=False, factory=set)

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
        return None if self._finish(gateway, sha256) is Put.WHOLE else 0

    def put(self, gateway: str, sha256: str, size: int, offset: int, piece: bytes) -> Put:
        """Add a piece of a file of `size` bytes; raises OSError."""
        have = self._count_part(gateway, sha256)
        if self._is_erased(gateway, sha256) or not offset <= have < offset + len(piece) <= size:
            return Put.IGNORED
        if not have:
            if not self._has_room(gateway, size):
                return Put.FULL
            self._begun.add((gateway, sha256))
        part = self.folder / gateway / (sha256 + PART)
        part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _append(part, piece[have - offset :], is_last=offset + len(piece) == size)
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

    def _is_erased(self, gateway: str, sha256: str) -> bool:
        return os.path.lexists(self.folder / gateway / (sha256 + ERASED))

    def _finish(self, gateway: str, sha256: str) -> Put:
        path = self.folder / gateway / sha256
        part = path.with_name(sha256 + PART)
        is_own = (gateway, sha256) in self._begun
        self._begun.discard((gateway, sha256))
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


def _append(part: Path, data: bytes, *, is_last: bool) -> None:
    """Add `data`, on the disk if it is the last. After an OSError a part of it may be there: it is kept."""
    descriptor = os.open(part, _APPEND, FILE_MODE)
    try:
        write_all(descriptor, data)
        if is_last:
            os.fsync(descriptor)
    except OSError as error:
        add_name(error, part)
        raise
    finally:
        os.close(descriptor)
