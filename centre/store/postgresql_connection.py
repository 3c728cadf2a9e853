"""The door to PostgreSQL: connection, transactions, snapshots, and what the server's errors mean.

A COMMIT that returned survives a power cut of the server, and of the primary where it has a synchronous
standby: `synchronous_commit` is set here, whatever the server's own default is. A warning at COMMIT says that
the wait for the standby was cancelled; then nobody knows what the standby has, and the result is unknown.

Statements have `?` for a value, as those of SQLite; none of ours has one in a literal.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel

from disk.database import CommitError, StoreError, StoreFullError
from disk.snapshot import Snapshot

CONNECT_S: Final = 10
"""A server that does not answer for so long is down."""
SILENT_MS: Final = 30_000
"""TCP: a server that acknowledges nothing for so long is gone, and gateways wait for their receipts."""
SETTINGS: Final = "-c synchronous_commit=on -c timezone=UTC -c client_min_messages=warning"
IDLE_SETTINGS: Final = "-c idle_in_transaction_session_timeout=5s"
"""A process that stops in the midst of a transaction keeps its locks no longer; it is less than a lease."""


class Transaction:
    """What a statement is put to."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        """Run it; raises psycopg.Error, which `Connection.write` translates."""
        return self._connection.execute(_number(sql), parameters)


class Connection:
    """A database of a server at `url`, with its errors translated; used by one thread at a time."""

    def __init__(self, url: str, settings: str = "") -> None:
        """Connect, with these settings beside SETTINGS; raises StoreError."""
        self.url = url
        self._settings = settings
        self._lock = RLock()
        self._warnings: list[str] = []
        self._connection = self._connect()

    def reopen(self) -> None:
        """Make a new connection; raises StoreError."""
        with self._lock:
            self.close()
            self._connection = self._connect()

    def close(self) -> None:
        """End the connection, and with it what it has locked."""
        with self._lock:
            self._connection.close()

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""
        with self._lock:
            try:
                return self._connection.execute(_number(sql), parameters).fetchall()
            except psycopg.Error as error:
                raise self._translate(error, StoreError) from error

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction, committed at the end.

        Raises:
            CommitError: Its result is unknown.
            StoreFullError: There was no room; nothing was changed.
        """
        with self._lock:
            self._warnings.clear()
            try:
                with self._connection.transaction():
                    yield Transaction(self._connection)
            except psycopg.errors.DiskFull as error:
                raise self._translate(error, StoreFullError) from error
            except psycopg.Error as error:
                raise self._translate(error, CommitError) from error
            if self._warnings:
                raise CommitError(f"{self.url}: {self._warnings[-1]}")

    def _connect(self) -> psycopg.Connection[Any]:
        connection = _connect(self.url, self._settings)
        connection.add_notice_handler(lambda told: self._warnings.append(told.message_primary or "a warning"))
        return connection

    def _translate(self, error: psycopg.Error, kind: type[Exception]) -> Exception:
        return kind(f"{self.url}: {_shorten(error)}")


class ServerSnapshot(Snapshot):
    """A database as it was when its transaction began."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""
        try:
            return self._connection.execute(_number(sql), parameters).fetchall()
        except psycopg.Error as error:
            raise StoreError(_shorten(error)) from error

    def has(self, table: str, column: str = "") -> bool:
        """As the catalogue says."""
        sql = "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
        found = [name for (name,) in self.read(sql, (table,))]
        return column in found if column else bool(found)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def open_server_snapshot(url: str) -> Snapshot:
    """The database at `url` as it is now; raises StoreError."""
    connection = _connect(url, is_reader=True)
    snapshot = ServerSnapshot(connection)
    try:
        is_there = snapshot.has("gateways")  # the first read, which fixes the moment
    except StoreError:
        snapshot.close()
        raise
    if not is_there:
        snapshot.close()
        raise StoreError(f"{url}: holds no store of the centre; `dianjian subscribe` makes one")
    return snapshot


def _connect(url: str, settings: str = "", *, is_reader: bool = False) -> psycopg.Connection[Any]:
    try:
        connection = psycopg.connect(
            url,
            autocommit=not is_reader,
            connect_timeout=CONNECT_S,
            tcp_user_timeout=SILENT_MS,
            options=f"{SETTINGS} {settings}",
            application_name="dianjian",
        )
    except psycopg.Error as error:
        raise StoreError(f"{url}: {_shorten(error)}") from error
    if is_reader:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
    return connection


@cache
def _number(sql: str) -> str:
    """With the placeholders of the driver."""
    return sql.replace("%", "%%").replace("?", "%s")


def _shorten(error: psycopg.Error) -> str:
    """Its first line: the others quote the statement."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
