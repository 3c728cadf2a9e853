"""Disk space reserved for the day on which others have filled the disk.

The quota keeps this database from filling the disk, but not a log, a core dump or another service. A file of
BALLAST_BYTES beside the database reserves room. It is deleted when a commit finds none, and the chain goes on
there; what the disk has no room for counts as taken in the quota, so that the levels of `agent.sealing.quota`
are reached before that room is used up. It is made again when the disk has room. Its blocks are reserved but
never written, so it does not wear the flash.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 4 << 20
"""A WAL of full length, or an hour of a hundred readings a second."""
LOW_BYTES: Final = 256 << 10
"""With less free, a commit failed for want of room on the disk, not in the quota: the WAL of two seals, its
checkpoint, and the files of an open database."""
ROOM_TIMES: Final = 4
"""The ballast is made again when there is room for this many: else it would come and go."""


class Ballast:
    """The file at `path`, of `size` bytes or missing; never made if `size` is 0.

    Attributes:
        held: Whether it exists.
    """

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size
        self.held = path.exists()

    def room_bytes(self) -> int:
        """Disk space left for the database: with the ballast, without the room for a WAL."""
        return max(self._free_bytes() + (self._size if self.held else 0) - LOW_BYTES, 0)

    def is_low(self) -> bool:
        """Whether the disk is full except for the ballast."""
        return self._free_bytes() < LOW_BYTES

    def give_up(self) -> bool:
        """Delete it if the disk is full; returns whether it did."""
        if not self.held or not self.is_low():
            return False
        self._path.unlink(missing_ok=True)
        self.held = False
        return True

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def take(self) -> bool:
        """Make it if there is plenty of room; returns whether it did."""
        if self.held or not self._size or self._free_bytes() < ROOM_TIMES * self._size:
            return False
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError:  # others took the room first
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        self.held = True
        return True
