"""Which process owns a database: a lock file beside it, held with flock(2) until the process ends.

The kernel releases it however the process dies, so a lock file alone means nothing.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from disk.database import StoreError


class SecondInstanceError(StoreError):
    """Another process owns the database."""


class Lock:
    """The ownership of a database, held until `release`, the end of its block or of the process."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise SecondInstanceError(f"{path}: another process owns this database") from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the ownership; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
