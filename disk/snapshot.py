"""A database as it is at one moment, read while another process owns the file.

A read transaction is held until `close`, so that the reader does not see a chain grow or shrink meanwhile.
Long tables are read in pieces. Nothing is written.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from disk.database import StoreError, add_suffix, connect_to_read, refuse_programs

PIECE_ROWS: Final = 500
"""Rows in memory at once: 32 MB of bodies at the very most."""


class Snapshot(ABC):
    """A database as it was when it was opened."""

    @abstractmethod
    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""

    @abstractmethod
    def has(self, table: str, column: str = "") -> bool:
        """Whether there is such a table, with this column if one is named; raises StoreError."""

    @abstractmethod
    def close(self) -> None:
        """Close the file, or end the connection."""

    def read_range(
        self, table: str, key: str, columns: str, first: int, last: int, *, backwards: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """`key` and `columns` of the rows of `table` whose key lies in `first`..`last`, by that key.

        The three names come from the program, never from outside.

        Raises:
            StoreError: The file cannot be read.
        """
        order = "DESC" if backwards else "ASC"
        sql = (
            f"SELECT {key}, {columns} FROM {table} WHERE {key} BETWEEN ? AND ? "  # noqa: S608
            f"ORDER BY {key} {order} LIMIT ?"
        )
        while rows := self.read(sql, (first, last, PIECE_ROWS)):
            yield from rows
            first, last = (first, rows[-1][0] - 1) if backwards else (rows[-1][0] + 1, last)


class SqliteSnapshot(Snapshot):
    """Over a read transaction that has begun."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreError(str(error)) from error

    def has(self, table: str, column: str = "") -> bool:
        """As SQLite lists it; a file of an older program lacks some."""
        sql = "SELECT 1 FROM pragma_table_info(?) WHERE ? IN ('', name) LIMIT 1"
        return bool(self.read(sql, (table, column)))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def open_snapshot(path: Path) -> Snapshot:
    """The database at `path` as it is now.

    Raises:
        StoreError: It is not there or cannot be read.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no database is there")
    try:
        try:
            return _begin(connect_to_read(path))
        except sqlite3.OperationalError as error:
            # Reading a file that nobody owns creates its WAL, which fails where nothing may be written.
            if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN or add_suffix(path, "-wal").exists():
                raise
            return _begin(connect_to_read(path, lone=True))
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def _begin(connection: sqlite3.Connection) -> Snapshot:
    """Start the read transaction, which fixes the moment."""
    try:
        connection.execute("BEGIN")
        refuse_programs(connection)  # the first read, which fixes the moment
    except BaseException:
        connection.close()
        raise
    return SqliteSnapshot(connection)
