"""One SQLite file: opening, migration, transactions, and what its errors mean.

WAL with synchronous=FULL: a commit that returned survives a power cut (measured: 0 lost; with
NORMAL up to 858). One process at a time owns the file (`disk.lock`); readers open it with mode=ro. The
numbered migrations of the owner run through sqlite-utils in a child process, which ends at once: in the
daemon the library would occupy 17 MiB for ever. `user_version` is the number of applied migrations, and
`application_id` the version of the program that applied the last one; a file of a newer program is
refused unchanged, and the error names that version.

A connection is used by one thread at a time, under `lock`.
"""

import os
import re
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from disk.version import read_version

if TYPE_CHECKING:
    import sqlite_utils

PAGE_BYTES: Final = 1024
"""Page size of a new file unless its owner has a reason for another, and the unit in which rooms are counted.
A file made with another size keeps it."""
FRAME_HEAD_BYTES: Final = 24
"""Of each page in the WAL."""
WAL_PART_BYTES: Final = 1 << 20
"""Size at which the WAL is moved into the file, unless its owner has a reason for another."""
WAL_BYTES_MAX: Final = 4 << 20
"""journal_size_limit: the WAL shrinks again after a burst."""
LOCK_WAIT_MS: Final = 2_000
"""Readers hold no lock in WAL mode; only another tool's checkpoint could."""
CACHE_KIB: Final = 1_024
"""Page cache: only the newest rows are read often."""

VERSION_STEP: Final = 1_000
"""application_id of version 1.2.3 is 1002003: three numbers of three digits fit into its 31 bits."""

_FOUND_AGAIN: Final = "the next start finds out what is left, and says what is lost"
_NO_FILES: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

Migration = Callable[["sqlite_utils.Database"], None]


class StoreError(Exception):
    """The database cannot be used."""


class SchemaNewerError(StoreError):
    """The database was written by a newer program."""


class ReplacedError(StoreError):
    """Somebody has taken away, replaced or cut the file while this process had it open."""


class CorruptError(StoreError):
    """SQLite or a checksum finds the content corrupt."""


def add_suffix(path: Path, suffix: str) -> Path:
    """`path` with `suffix` added to its name, as SQLite names its companions."""
    return path.with_name(path.name + suffix)


def connect(
    path: Path,
    *,
    pages_max: int | None = None,
    page_bytes: int = PAGE_BYTES,
    wal_bytes: int = WAL_PART_BYTES,
) -> sqlite3.Connection:
    """A connection that may write; the file never grows beyond `pages_max` times PAGE_BYTES."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set_pragmas(connection, pages_max, page_bytes)
        set_wal_bytes(connection, wal_bytes)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def set_wal_bytes(connection: sqlite3.Connection, wal_bytes: int) -> None:
    """Have the WAL moved into the file when it has this size, from the next commit on."""
    page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA wal_autocheckpoint={wal_bytes // (page_bytes + FRAME_HEAD_BYTES)}")


def _set_pragmas(connection: sqlite3.Connection, pages_max: int | None, page_bytes: int) -> None:
    for pragma in (
        f"page_size={page_bytes}",
        f"busy_timeout={LOCK_WAIT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        f"journal_size_limit={WAL_BYTES_MAX}",
        f"cache_size=-{CACHE_KIB}",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "temp_store=MEMORY",
        # Debian's SQLite overwrites what is deleted with zeros: a pruned body would be written a third time.
        # No secret is ever stored here.
        "secure_delete=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if pages_max is not None:
        found_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages_max * PAGE_BYTES // found_bytes}")


def connect_to_read(path: Path, *, lone: bool = False) -> sqlite3.Connection:
    """A connection that cannot write; `lone` if no process owns the file, so that it takes no lock."""
    mode = "mode=ro&immutable=1" if lone else "mode=ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
    return connection


def refuse_programs(connection: sqlite3.Connection) -> None:
    """See that a database is nothing but tables: a view in the place of one can have rows without end.

    Raises:
        sqlite3.DatabaseError: It holds a view or a trigger, which no version of ours makes.
    """
    sql = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') LIMIT 1"
    found = connection.execute(sql).fetchone()
    if found is not None:
        raise sqlite3.DatabaseError(f"holds a {found[0]} {str(found[1])!r}, which is none of ours: edited")


def refuse_no_file(path: Path) -> None:
    """See that what lies at `path`, if anything does, is a file; a link is followed.

    Raises:
        StoreError: It is something that SQLite would only call a disk error.
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # nothing is there, or what is wrong is told when it is opened
        return
    if not stat.S_ISREG(mode):
        what = next((name for is_kind, name in _NO_FILES if is_kind(mode)), "no file")
        raise StoreError(f"{path}: is {what} in the place of the database: move it away, put the file back")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, beside the owner of the file; raises StoreError."""
    try:
        with closing(connect_to_read(path)) as connection:
            refuse_programs(connection)
            yield connection
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def migrate(connection: sqlite3.Connection, owner: str, migrations: Sequence[Migration]) -> None:
    """Apply the `migrations` that the file lacks."""
    import sqlite_utils  # noqa: PLC0415 - see the module: only a migration loads it

    database = sqlite_utils.Database(connection, execute_plugins=False)
    numbered = sqlite_utils.Migrations(owner)
    for number, migration in enumerate(migrations, start=1):
        numbered(name=f"{number:03d}")(migration)
    numbered.apply(database)
    connection.execute(f"PRAGMA application_id={_program_id(read_version())}")
    connection.execute(f"PRAGMA user_version={len(migrations)}")


def _program_id(version: str) -> int:
    first, second, third = (int(digits) for digits in re.findall(r"\d+", version + ".0.0")[:3])
    return (first * VERSION_STEP + second) * VERSION_STEP + third


def _name_program(connection: sqlite3.Connection) -> str:
    """The version that applied the last migration; the first versions did not record it."""
    number: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if number <= 0:
        return "a newer version"
    rest, third = divmod(number, VERSION_STEP)
    first, second = divmod(rest, VERSION_STEP)
    return f"version {first}.{second}.{third}"


def _migrate_apart(path: Path, page_bytes: int, owner: str, migrations: Sequence[Migration]) -> bool:
    """Migrate in a child process; returns success. This process must have no connection to `path`."""
    child = os.fork()
    if child == 0:
        try:
            migrate(connect(path, page_bytes=page_bytes), owner, migrations)
            os._exit(os.EX_OK)
        finally:
            os._exit(os.EX_SOFTWARE)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == os.EX_OK


class Database:
    """The file at `path`, owned by this process, with its errors translated.

    A failed write transaction is rolled back and raised as CommitError (unknown result), or as
    StoreFullError if SQLite reports that there is no room. A corrupt file is marked `.suspect`, so that the
    next start salvages it, and raised as CorruptError. SQLite goes on writing into a file that was unlinked,
    and notices one that was cut only where it reads; so before each transaction the path is looked at (2 us):
    what was committed into a file that no start finds again would be lost without a word.
    """

    def __init__(
        self,
        path: Path,
        owner: str,
        migrations: Sequence[Migration],
        pages_max: int | None = None,
        *,
        page_bytes: int = PAGE_BYTES,
        wal_bytes: int = WAL_PART_BYTES,
    ) -> None:
        self.path = path
        self._page_bytes = page_bytes
        self._wal_bytes = wal_bytes
        self.lock = RLock()
        self._owner = owner
        self._migrations = migrations
        self._pages_max = pages_max
        refuse_no_file(path)
        self.connection = self._connect()
        self._file = path.stat()

    @property
    def suspect(self) -> Path:
        """The file that marks the database as one to salvage."""
        return add_suffix(self.path, ".suspect")

    def reopen(self) -> None:
        """Make a new connection: after an I/O error the state of the old one means nothing.

        Raises:
            CorruptError: The file is corrupt.
            StoreError: It cannot be opened.
        """
        with self.lock:
            self.close()
            self._look_for_file()
            self.connection = self._connect()

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query.

        Raises:
            CorruptError: The file is corrupt.
            StoreError: It cannot be read.
        """
        with self.lock:
            try:
                return self.connection.execute(sql, parameters).fetchall()
            except sqlite3.DatabaseError as error:
                raise self._translate(error, StoreError) from error

    def count_pages(self, which: str) -> int:
        """The value of PRAGMA `which`, a number of pages, converted to pages of PAGE_BYTES."""
        (count,), (page_bytes,) = self.read(f"PRAGMA {which}")[0], self.read("PRAGMA page_size")[0]
        pages: int = count * page_bytes // PAGE_BYTES
        return pages

    def set_wal_bytes(self, wal_bytes: int | None = None) -> None:
        """Have the WAL moved into the file at this size instead of the usual one; None for that again.

        Raises:
            StoreError: It cannot be done.
        """
        with self.lock:
            try:
                set_wal_bytes(self.connection, self._wal_bytes if wal_bytes is None else wal_bytes)
            except sqlite3.DatabaseError as error:
                raise self._translate(error, StoreError) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end.

        Raises:
            CommitError: Its result is unknown.
            StoreFullError: There was no room; nothing was changed.
            CorruptError: The file is corrupt.
            ReplacedError: It is not at its place any more.
        """
        with self.lock:
            self._look_for_file()
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._roll_back()
                raise self._translate(error, CommitError) from error
            except BaseException:
                self._roll_back()
                raise

    def mark_suspect(self) -> None:
        """Have the next start salvage the file."""
        self.suspect.touch()

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.DatabaseError as error:
            raise self._translate(error, StoreError) from error

    def _open(self) -> sqlite3.Connection:
        connection = self._connect_file()
        try:
            if not self._is_current(connection):
                connection.close()
                apart = "sqlite_utils" not in sys.modules
                done = apart and _migrate_apart(self.path, self._page_bytes, self._owner, self._migrations)
                connection = self._connect_file()
                if not done:  # in this process, where the error can be raised
                    migrate(connection, self._owner, self._migrations)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_file(self) -> sqlite3.Connection:
        return connect(
            self.path, pages_max=self._pages_max, page_bytes=self._page_bytes, wal_bytes=self._wal_bytes
        )

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(self._migrations):
            raise SchemaNewerError(
                f"{self.path}: {_name_program(connection)} of dianjian-edge brought it to schema {version}; "
                f"this is version {read_version()}, which knows {len(self._migrations)}: "
                "install that one or a later one again, it goes on where it was; nothing was changed"
            )
        return version == len(self._migrations)

    def _look_for_file(self) -> None:
        """See that what is at the path is the file that was opened, and not shorter than it was."""
        try:
            found = self.path.stat()
        except OSError as error:
            text = f"{self.path}: was taken away while it was in use ({error.strerror})"
            raise ReplacedError(f"{text}: put it back; {_FOUND_AGAIN}") from None
        if (found.st_dev, found.st_ino) != (self._file.st_dev, self._file.st_ino):
            raise ReplacedError(f"{self.path}: was replaced while it was in use: put it back; {_FOUND_AGAIN}")
        if found.st_size < self._file.st_size:
            sizes = f"from {self._file.st_size} to {found.st_size} bytes"
            self.mark_suspect()
            raise ReplacedError(f"{self.path}: was cut {sizes} while it was in use; {_FOUND_AGAIN}")
        self._file = found

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error:
                self.connection.close()  # the next use must reopen it

    def _translate(self, error: sqlite3.DatabaseError, otherwise: type[Exception]) -> Exception:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            self.mark_suspect()
            return CorruptError(f"{self.path}: {error}")
        if primary == sqlite3.SQLITE_FULL and otherwise is CommitError:
            return StoreFullError(f"{self.path}: {error}")
        return otherwise(f"{self.path}: {error}")


class CommitError(Exception):
    """A commit failed and its result is unknown."""


class StoreFullError(CommitError):
    """A commit failed because no room is left; it is known not to be there."""
