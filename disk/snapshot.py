"""A database as it is at one moment, read while another process owns the file.

A read transaction is held until `close`, so that the reader does not see a chain grow or shrink meanwhile.
Long tables are read in pieces. Nothing is written.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from disk.database import StoreError, add_suffix, connect_to_read, refuse_programs

PIECE_ROWS: Final = 500
"""Rows in memory at once: 32 MB of bodies at the very most."""


@frozen
class Snapshot:
    """A database as it was when it was opened."""

    _connection: sqlite3.Connection

    def read(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreError(str(error)) from error

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
    return Snapshot(connection)
