"""Keeps the records that wait for a seal in a file of the machine's memory, so that a kill loses none.

    add(record)                  a record waits; from any thread
    discard(record)              it does not any more, and is in no seal either
    take_up(secrets, number, …)  at a start: what the run before left, each record that is in no seal
    move_on(number, secret, …)   a seal was committed: what is not in it waits for the next one

The order of things, of which a kill can come between any two:

    a seal is signed and committed      (`agent.sealing.sealer`, steps 1 to 4)
    move_on: a file with the rest, under the key of the next seal, takes the place of the old one
    the secret of the seal is destroyed (step 5), and with it every older file

A start finds either file whole. In the one of the seal that is the last row of the database, the records of
that row are passed over: each is in the chain once. Nothing else is believed (`agent.spool.frames`).

A file that is full keeps what is in it and counts what came later: so what is kept has no hole, and the one
gap behind it has its number. Whatever the file does not take (memory is full, no folder is fit) waits in
the process alone, as everything did before there was a spool: sealing never waits for it nor fails by it. A
file without records is removed. Only the owner of the database's lock uses it. A write costs some
microseconds, so readings are added by the threads that read them.
"""

import logging
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.spool.frames import (
    FULL_BYTES,
    SPOOL_BYTES_MAX,
    Spooled,
    SpoolError,
    decode_frames,
    encode_frame,
    encode_full,
    encode_head,
    number_of,
    spool_key,
)
from disk.files import write_all, write_at

LOG: Final = logging.getLogger("dianjian.spool")

DRAFT: Final = ".new"
_OPEN: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Sealed = Callable[[int], Sequence[bytes] | None]
"""The records of a seal in the database; None where its body is not there."""


class Spool:
    """The spool at `path`; without one it keeps nothing.

    Attributes:
        kept: What the run before left, and its file.
        refused: Why a file that was there was not believed, or "".
    """

    def __init__(self, path: Path | None, boot_id: bytes, bytes_max: int = SPOOL_BYTES_MAX) -> None:
        self.kept = Spooled()
        self.refused = ""
        self._path = path
        self._boot_id = boot_id
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._gone: Counter[bytes] = Counter()
        self._key = b""
        self._number = 0
        self._descriptor: int | None = None
        self._size = self._frames = self._unkept = 0
        self._broken = False

    def add(self, record: bytes) -> None:
        """A record waits for its seal."""
        if not self._key:
            return
        with self._lock:
            self._waiting.append(record)
            if not self._broken:
                self._guard(lambda: self._append(record))

    def discard(self, record: bytes) -> None:
        """A record that waits is in no seal: it was left out, or its loss is counted elsewhere."""
        if not self._key:
            return
        with self._lock:
            self._gone[record] += 1

    def take_up(self, secrets: Mapping[int, bytes], number: int, secret: bytes, sealed: Sealed) -> None:
        """Find what the run before left; `secrets` are those that live, `number` is the next seal."""
        if self._path is None:
            return
        try:
            raw = _read(self._path, self._bytes_max)
            self.kept = Spooled() if raw is None else self._believe(raw, secrets, number, sealed)
        except (OSError, SpoolError) as error:
            self.refused = error.strerror or "" if isinstance(error, OSError) else str(error)
            LOG.warning("%s: not believed: %s", self._path, self.refused)
        if self.kept != Spooled():
            LOG.info("%d records of the run before wait for their seal", len(self.kept.records))
        self._waiting = list(self.kept.records)
        self.move_on(number, secret, ())

    def move_on(self, number: int, secret: bytes, sealed: Iterable[bytes]) -> None:
        """`sealed` are committed: the others wait for seal `number`, which `secret` will sign."""
        if self._path is None:
            return
        with self._lock:
            self._gone.update(sealed)
            self._waiting = _without(self._waiting, self._gone)
            self._gone.clear()
            self._key, self._number = spool_key(secret, number, self._boot_id), number
            was_broken, self._broken = self._broken, False
            self._guard(self._rewrite, quiet=was_broken)

    def close(self) -> None:
        """Close the file; it stays if records wait."""
        with self._lock:
            self._key = b""
            self._forget()

    # -- inside, under the lock

    def _believe(self, raw: bytes, secrets: Mapping[int, bytes], number: int, sealed: Sealed) -> Spooled:
        of = number_of(raw, self._boot_id)
        if of not in secrets:
            raise SpoolError(f"its records waited for seal {of}, whose key is gone")
        found = decode_frames(raw, spool_key(secrets[of], of, self._boot_id))
        if of == number:
            return found
        records = sealed(of) if of == number - 1 else None
        if records is None:
            raise SpoolError(f"its records waited for seal {of}, and it is not known which of them are in it")
        return Spooled(tuple(_without(found.records, Counter(records))), found.torn, found.unkept)

    def _guard(self, write: Callable[[], None], *, quiet: bool = False) -> None:
        """Have something written; without room it waits in memory alone until the next seal."""
        try:
            write()
        except OSError as error:
            self._broken = True
            if not quiet:
                LOG.warning(
                    "%s: %s; a kill before the next seal would lose records", self._path, error.strerror
                )
            if self._descriptor is not None:
                with suppress(OSError):  # a part of a frame is passed over too
                    os.ftruncate(self._descriptor, self._size)

    def _append(self, record: bytes) -> None:
        frame = encode_frame(self._key, self._frames, record)
        if self._descriptor is None:
            self._rewrite()
        elif self._unkept or self._size + len(frame) + FULL_BYTES > self._bytes_max:
            self._unkept += 1
            write_at(self._descriptor, encode_full(self._key, self._frames, self._unkept), self._size)
            if self._unkept == 1:
                LOG.warning("%s: full; a kill before the next seal would lose records", self._path)
        else:
            write_all(self._descriptor, frame)
            self._size += len(frame)
            self._frames += 1

    def _rewrite(self) -> None:
        """Put a file with all that waits in the place of the old one; none where nothing does."""
        assert self._path is not None
        if not self._waiting:
            self._forget()
            return
        parts = [encode_head(self._boot_id, self._number)]
        size = len(parts[0])
        for place, record in enumerate(self._waiting):
            frame = encode_frame(self._key, place, record)
            if size + len(frame) + FULL_BYTES > self._bytes_max:
                break
            parts.append(frame)
            size += len(frame)
        self._unkept = len(self._waiting) - (len(parts) - 1)
        draft = self._path.with_name(self._path.name + DRAFT)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
        try:
            whole = b"".join(parts)
            full = encode_full(self._key, len(parts) - 1, self._unkept) if self._unkept else b""
            write_all(descriptor, whole + full)
            _give(descriptor, self._path.parent)
            draft.rename(self._path)
        except BaseException:
            os.close(descriptor)
            raise
        self._close()
        self._descriptor, self._size, self._frames = descriptor, len(whole), len(parts) - 1

    def _forget(self) -> None:
        self._close()
        if not self._waiting and self._path is not None:
            self._unkept = 0
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _without(records: Iterable[bytes], gone: Counter[bytes]) -> list[bytes]:
    """`records` but for those in `gone`, each as often as it is there."""
    left, kept = gone.copy(), []
    for record in records:
        if left[record] > 0:
            left[record] -= 1
        else:
            kept.append(record)
    return kept


def _give(descriptor: int, folder: Path) -> None:
    """A technician is root, the agent is not."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _read(path: Path, bytes_max: int) -> bytes | None:
    """The bytes of the file; None where there is none.

    Raises:
        OSError, SpoolError: It cannot be read, or is not the agent's.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _OPEN)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - the descriptor was opened with care
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise SpoolError("it is no file")
        if found.st_uid not in {os.geteuid(), path.parent.stat().st_uid}:
            raise SpoolError(f"it belongs to user {found.st_uid}")
        raw = stream.read(bytes_max + 1)
    if len(raw) > bytes_max:
        raise SpoolError(f"it is longer than {bytes_max} bytes")
    return raw
