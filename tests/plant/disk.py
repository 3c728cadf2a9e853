"""A disk that fails on demand, under the real SQLite store and the real key file.

The files are real and lie in memory; what is simulated is what a kill or a power cut leaves of them.
Every write step passes through here: the transactions of SQLite (a subclass of its connection) and the
sectors of the key file (`os.pwrite` as `disk.files` sees it). At any of them the power can be
cut: before it took effect, after it, or in the middle, with a write-ahead log or a sector that is torn
at 512 bytes. A cut copies the files aside; the next life gets the copy, and whatever the dying process
still does goes nowhere.

A lying disk is the same files with the last commits taken out of the write-ahead log, down to what was
already brought into the database itself; the key file, written before each commit, stays.
"""

import errno
import os
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest import mock

from attrs import define, field

from agent.sealing.key_slots import SECTOR_BYTES
from disk import files

DATABASE: Final = "chain.db"
KEYS: Final = "keys"
LEFT_BEHIND: Final = ("-shm", ".lock")
"""What a dead process's memory maps and locks leave has no meaning for the next life."""
TEAR_BYTES: Final = 512
_WAL_HEAD: Final = 32
_FRAME_HEAD: Final = 24
_BACKFILLED_AT: Final = 96
"""Of the wal-index: how many frames have been brought into the database (sqlite.org/walformat.html)."""
_WRITES: Final = ("BEGIN", "INSERT", "UPDATE", "DELETE", "COMMIT")


class PowerCutError(BaseException):
    """The machine or the process stops here; nothing after this line happens."""


@define
class Wal:
    """What a write-ahead log holds.

    Attributes:
        commits: Where in the file each commit ends, in order.
    """

    commits: list[int] = field(factory=list)

    @classmethod
    def read(cls, path: Path) -> "Wal":
        raw = path.read_bytes() if path.exists() else b""
        wal = cls()
        if len(raw) < _WAL_HEAD:
            return wal
        page = struct.unpack(">I", raw[8:12])[0]
        salts = raw[16:24]
        for at in range(_WAL_HEAD, len(raw) - _FRAME_HEAD - page + 1, _FRAME_HEAD + page):
            if raw[at + 8 : at + 16] != salts:
                break
            if raw[at + 4 : at + 8] != b"\0\0\0\0":
                wal.commits.append(at + _FRAME_HEAD + page)
        return wal


@define(eq=False)
class Disk:
    """See the module.

    Attributes:
        root: A folder in memory, this disk's own.
        folder: The files of the present life.
        steps: Write steps so far.
        cut_at: Cut the power at this step.
        how: ... "before", "after" or "torn".
        eio: Chance that a commit fails with EIO.
        eio_kept: Chance that such a commit is on the disk all the same.
        full: Whether nothing more fits.
        eio_reads: Chance that a query fails.
        eio_slots: Chance that a sector of the key file fails.
    """

    root: Path
    rng: random.Random
    folder: Path = field(init=False)
    generation: int = 0
    steps: int = 0
    cut_at: int | None = None
    how: str = "after"
    eio: float = 0.0
    eio_kept: float = 0.5
    full: bool = False
    eio_reads: float = 0.0
    eio_slots: float = 0.0
    done: dict[str, int] = field(factory=dict)
    _backfilled: int = 0
    _known: ClassVar[dict[str, "Disk"]] = {}

    def __attrs_post_init__(self) -> None:
        self.folder = self.root / "0"
        self.folder.mkdir(parents=True)
        self._known[str(self.root)] = self

    @classmethod
    def of(cls, path: str | Path) -> "Disk | None":
        """The disk that holds `path`."""
        return cls._known.get(str(Path(path).parent.parent))

    def forget(self) -> None:
        """The seed is over."""
        del self._known[str(self.root)]
        shutil.rmtree(self.root)

    # -- the power

    def plan_cut(self, steps: int, how: str) -> None:
        """Cut the power `steps` write steps from now."""
        self.cut_at, self.how = self.steps + steps, how

    def cut(self) -> None:
        """Everything stops; the files stay as they are at this moment."""
        self.note("cut")
        old, self.generation, self.cut_at = self.folder, self.generation + 1, None
        self.folder = self.root / str(self.generation)
        self.folder.mkdir()
        for path in old.iterdir():
            if not path.name.endswith(LEFT_BEHIND):
                shutil.copyfile(path, self.folder / path.name)
        shm = old / (DATABASE + "-shm")
        raw = shm.read_bytes()[_BACKFILLED_AT : _BACKFILLED_AT + 4] if shm.exists() else b""
        self._backfilled = int.from_bytes(raw, "little") if raw else 0
        old_life = self.root / str(self.generation - 2)
        if old_life.exists():
            shutil.rmtree(old_life)

    def step(self, act: Callable[[], Any], tear: Callable[[], None] | None = None) -> Any:
        """One write step; `tear` leaves the copy in the state of a step that was interrupted."""
        self.steps += 1
        if self.cut_at is None or self.steps < self.cut_at:
            return act()
        how = self.how
        if how == "before":
            self.cut()
        elif how == "after" or tear is None:
            act()
            self.cut()
        else:
            tear()
        self.note(f"cut {how}")
        raise PowerCutError

    def note(self, what: str) -> None:
        """Count what was exercised."""
        self.done[what] = self.done.get(what, 0) + 1

    # -- what a bad disk does between two lives; each says whether it could

    def lose_commits(self, count: int) -> int:
        """Take back the last `count` commits; how many were taken."""
        path = self.folder / (DATABASE + "-wal")
        commits = Wal.read(path).commits
        frame = _FRAME_HEAD + 4096
        floor = _WAL_HEAD + self._backfilled * frame
        kept = [at for at in commits if at >= floor]
        count = min(count, len(kept) if not self._backfilled else len(kept) - 1)
        if count <= 0:
            return 0
        with path.open("r+b") as file:
            file.truncate(kept[-count - 1] if count < len(kept) else 0)
        self.note("commits lost")
        return count

    def torn_commit(self, act: Callable[[], Any]) -> None:
        """Cut in the middle of a commit: the log ends at some sector of it."""
        before = Wal.read(self.folder / (DATABASE + "-wal")).commits
        act()
        self.cut()
        path = self.folder / (DATABASE + "-wal")
        commits = Wal.read(path).commits
        begin = before[-1] if before else 0
        if self._backfilled or len(commits) != len(before) + 1:
            return  # it changed nothing, or SQLite has already brought the log into the database
        sectors = (commits[-1] - begin) // TEAR_BYTES
        with path.open("r+b") as file:
            file.truncate(begin + self.rng.randrange(sectors + 1) * TEAR_BYTES)
        self.note("wal torn")

    def destroy_pages(self, count: int) -> None:
        """Overwrite pages of the database, none of them the schema's."""
        path = self.folder / DATABASE
        pages = path.stat().st_size // 4096
        with path.open("r+b") as file:
            for _ in range(count):
                file.seek(self.rng.randrange(3, max(pages, 4)) * 4096)
                file.write(self.rng.randbytes(4096))
        self.note("pages destroyed")

    def lose_database(self) -> None:
        """The database is gone; the keys are not."""
        for path in self.folder.glob(DATABASE + "*"):
            path.unlink()
        self.note("database lost")

    def lose_keys(self) -> bool:
        """Every sector of the key file is garbage; whether there was one."""
        path = self.folder / KEYS
        if not path.exists():
            return False
        path.write_bytes(self.rng.randbytes(path.stat().st_size))
        self.note("keys lost")
        return True

    def image(self) -> Path:
        """A copy of the whole disk as it is now."""
        aside = self.root / "image"
        shutil.copytree(
            self.folder, aside, ignore=lambda _, names: [n for n in names if n.endswith(LEFT_BEHIND)]
        )
        return aside

    def restore(self, image: Path) -> None:
        """Put an image back in place of everything."""
        shutil.rmtree(self.folder)
        shutil.copytree(image, self.folder)
        self.note("image restored")

    # -- the ways in

    @staticmethod
    @contextmanager
    def mounted() -> Iterator[None]:
        """While this lasts, SQLite and the key file write through their disks."""
        connect = sqlite3.connect

        def simulated(path: Any, *args: Any, **named: Any) -> sqlite3.Connection:
            disk = Disk.of(path)
            if disk is None:
                return connect(path, *args, **named)
            connection = connect(path, *args, factory=_Connection, **named)
            connection.disk = disk
            return connection

        with mock.patch.object(sqlite3, "connect", simulated), mock.patch.object(files, "os", _Os()):
            yield

    def execute(self, act: Callable[[], Any], sql: str) -> Any:
        """One statement of SQLite."""
        verb = sql.lstrip()[:6].rstrip()
        if verb not in _WRITES:
            if self.eio_reads and verb == "SELECT" and self.rng.random() < self.eio_reads:
                self.note("read EIO")
                raise _sqlite_error(sqlite3.SQLITE_IOERR, "disk I/O error")
            return act()
        if self.full and verb == "INSERT":
            self.note("full")
            raise _sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full")
        if verb != "COMMIT":
            return self.step(act)
        if self.eio and self.rng.random() < self.eio:
            self.note("commit EIO")
            if self.rng.random() < self.eio_kept:
                act()  # it is there, whatever is said
            raise _sqlite_error(sqlite3.SQLITE_IOERR, "disk I/O error")

        return self.step(act, lambda: self.torn_commit(act))

    def pwrite(self, descriptor: int, raw: bytes, at: int) -> int:
        """One sector, or part of one, of the key file."""
        if self.eio_slots and self.rng.random() < self.eio_slots:
            self.note("slot EIO")
            if self.rng.random() < 0.5:
                os.pwrite(descriptor, raw, at)
            raise OSError(errno.EIO, "Input/output error")

        def torn() -> None:
            assert at // SECTOR_BYTES == (at + len(raw) - 1) // SECTOR_BYTES, "a write stays in its sector"
            os.pwrite(descriptor, raw[: self.rng.randrange(len(raw))], at)
            self.cut()
            self.note("slot torn")

        return int(self.step(lambda: os.pwrite(descriptor, raw, at), torn))


class _Connection(sqlite3.Connection):
    """SQLite's own, each statement of which passes the disk."""

    disk: Disk

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        run = super().execute
        disk = getattr(self, "disk", None)
        return run(sql, *args) if disk is None else disk.execute(lambda: run(sql, *args), sql)


class _Os:
    """The module `os` as `disk.files` sees it; only the key file is written at a position."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def pwrite(self, descriptor: int, raw: bytes, at: int) -> int:
        disk = Disk.of(Path(f"/proc/self/fd/{descriptor}").readlink())
        assert disk is not None
        return disk.pwrite(descriptor, raw, at)


def _sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error
