"""Reads what a database holds of one gateway, beside the process that owns the file, and changes nothing.

The centre's database and a gateway's answer the same questions: which seals, with or without their bodies,
and which receipts. Every answer is of one moment: a read transaction is held until `close`, so that a
chain that grows or is pruned meanwhile does not change under the reader. Rows are read in pieces.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from centre.store.sqlite import SHIFT
from disk.database import StoreError, connect_to_read, suffixed
from evidence import cbor
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import NUMBER_MAX

PIECE_ROWS: Final = 500
"""Rows in memory at once: 32 MB of bodies at the very most."""


@frozen
class Row:
    """A seal as it is stored; `body` None where it is not held or was not asked for."""

    number: int
    cose: bytes
    body: bytes | None


@define
class Archive:
    """One gateway's chain in one file.

    Attributes:
        gateway: Its id.
        first: The lowest number that is here, 0 where there is none.
        last: The highest one.
        first_key: The enrolled one, where the file knows it.
        enrolment: What the centre has signed of the gateway, b"" where the file does not know it.
        statements: What was said about its keys since, in the order in which it was applied.
        held: Which bodies the centre has or awaits no more; None on a gateway.
    """

    gateway: str
    first: int
    last: int
    first_key: bytes | None
    enrolment: bytes
    statements: tuple[bytes, ...]
    held: Held | None
    _connection: sqlite3.Connection
    _key: str
    _offset: int
    _receipts: tuple[bytes, ...] = field(default=())

    def rows(self, first: int, last: int, *, bodies: bool = True, backwards: bool = False) -> Iterator[Row]:
        """The seals `first` to `last` that are here, in order.

        Raises:
            StoreError: The file cannot be read.
        """
        low, high = self._offset + first, self._offset + min(last, NUMBER_MAX)
        what, order = "body" if bodies else "NULL", "DESC" if backwards else "ASC"
        sql = (
            f"SELECT {self._key}, cose, {what} FROM seals WHERE {self._key} BETWEEN ? AND ? "  # noqa: S608
            f"ORDER BY {self._key} {order} LIMIT ?"
        )
        while rows := _read(self._connection, sql, (low, high, PIECE_ROWS)):
            for at, cose, body in rows:
                yield Row(at - self._offset, cose, body)
            low, high = (low, rows[-1][0] - 1) if backwards else (rows[-1][0] + 1, high)

    def receipts(self) -> tuple[bytes, ...]:
        """The receipts that are kept here, in the order of the seals."""
        return self._receipts

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


def open_centre(path: Path, gateway: str) -> Archive:
    """What the centre holds of `gateway`.

    Raises:
        StoreError: The file cannot be read, or the gateway is not in it.
    """
    connection = _opened(path)
    try:
        found = _read(connection, "SELECT id, name, first_key, state, held FROM gateways", ())
        known = {name: rest for _, name, *rest in found}
        if gateway not in known:
            names = ", ".join(sorted(known)) or "none"
            raise StoreError(f"{path}: no gateway {gateway}; known: {names}")  # noqa: TRY301
        first_key, state, held = known[gateway]
        id_ = next(row[0] for row in found if row[1] == gateway)
        stated = _statements(connection, id_)
        last = ChainState.from_cbor(state).number
        return Archive(
            gateway=gateway,
            first=min(last, 1),
            last=last,
            first_key=first_key,
            enrolment=([b""] + [raw for number, raw in stated if number == 0])[-1],
            statements=tuple(raw for number, raw in stated if number),
            held=Held.from_cbor(held),
            connection=connection,
            key="at",
            offset=id_ * SHIFT,
        )
    except BaseException as error:
        connection.close()
        if isinstance(error, cbor.FormatError):
            raise StoreError(f"{path}: what is known of {gateway} cannot be read: {error}") from error
        raise


def open_gateway(path: Path, gateway: str) -> Archive:
    """What the gateway still holds of its own chain.

    Raises:
        StoreError: The file cannot be read.
    """
    connection = _opened(path)
    try:
        first, last = _read(connection, "SELECT min(number), max(number) FROM seals", ())[0]
        receipts = tuple(row[0] for row in _read(connection, "SELECT raw FROM receipts ORDER BY number", ()))
        return Archive(
            gateway=gateway,
            first=first or 0,
            last=last or 0,
            first_key=None,
            enrolment=b"",
            statements=(),
            held=None,
            connection=connection,
            key="number",
            offset=0,
            receipts=receipts,
        )
    except BaseException:
        connection.close()
        raise


def _statements(connection: sqlite3.Connection, gateway: int) -> list[tuple[int, bytes]]:
    """Number and bytes of what was applied; a file of an older program has no such table."""
    known = _read(connection, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'statements'", ())
    sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
    return _read(connection, sql, (gateway,)) if known else []


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError(f"{path}: no database is there")
    try:
        try:
            return _begun(connect_to_read(path))
        except sqlite3.OperationalError as error:
            # Who reads a file that nobody owns makes its WAL, which cannot be where nothing may be written.
            if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN or suffixed(path, "-wal").exists():
                raise
            return _begun(connect_to_read(path, lone=True))
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}") from error


def _begun(connection: sqlite3.Connection) -> sqlite3.Connection:
    """`connection` with its moment chosen."""
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _read(connection: sqlite3.Connection, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.DatabaseError as error:
        raise StoreError(str(error)) from error
