"""Saves what can still be read of a destroyed database, by primary key.

A scan of a table stops at the first bad page (measured: 31 of 3,000 rows); reading each number by itself
skips the bad pages (2,800 of 3,000). Each row proves itself: the seal by its hash, the body by the Merkle
root. A body that fails is left out; its seal stays, and the columns beside it are taken from its header.

The old file is renamed with its WAL; deleting it is for a person to decide.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from disk.database import add_suffix
from disk.files import move
from evidence.cbor import FormatError
from evidence.seal import StoredSeal, open_body, peek_header, seal_hash

MISSES_MAX: Final = 20_000
"""Missing numbers in a row after which the search ends: two days of seals, 0.1 s of reading."""
COMPANIONS: Final = ("-wal", "-shm", "")
"""The file itself last: without its WAL it is merely old, but its WAL would corrupt another database."""
_ROW: Final = "SELECT number, hash, cose, body FROM seals WHERE number = ?"
_HEADER: Final = "SELECT number, hash, cose, NULL FROM seals WHERE number = ?"


@frozen
class Salvage:
    """What was saved from a corrupt database.

    Attributes:
        aside: Path of the corrupt file now.
        seals: Rows that were read and proved themselves.
        bodies_lost: Rows among them without a body, or with a body that failed.
        missing: Numbers between the first and the last of them that could not be read.
    """

    aside: Path
    seals: int
    bodies_lost: int
    missing: int


def seals_in(path: Path, newest_hint: int | None) -> Iterator[StoredSeal]:
    """Every row of a corrupt file that can be read and proves itself, newest first."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
    except sqlite3.Error:
        return
    try:
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield from _probe(connection, newest_hint)
    except sqlite3.Error:
        return  # not even the schema can be read, so no row can
    finally:
        connection.close()


def _probe(connection: sqlite3.Connection, newest_hint: int | None) -> Iterator[StoredSeal]:
    number = _edge(connection, "max") or newest_hint or 0
    lowest = _edge(connection, "min") or 1
    misses = 0
    while number >= lowest and misses < MISSES_MAX:
        seal = _read(connection, number)
        misses = 0 if seal is not None else misses + 1
        if seal is not None:
            yield seal
        number -= 1


def set_aside(path: Path) -> Path:
    """Rename a corrupt database with its companions; returns its new path."""
    number = 1
    while add_suffix(path, f".corrupt-{number}").exists():
        number += 1
    aside = add_suffix(path, f".corrupt-{number}")
    for companion in COMPANIONS:
        old = add_suffix(path, companion)
        if old.exists():
            move(old, add_suffix(aside, companion))
    return aside


def _edge(connection: sqlite3.Connection, function: str) -> int | None:
    try:
        number: int | None = connection.execute(f"SELECT {function}(number) FROM seals").fetchone()[0]  # noqa: S608
    except sqlite3.DatabaseError:
        return None
    return number


def _read(connection: sqlite3.Connection, number: int) -> StoredSeal | None:
    """Seal `number` with its body, or without, or None."""
    for sql in (_ROW, _HEADER):
        try:
            row = connection.execute(sql, (number,)).fetchone()
        except sqlite3.DatabaseError:
            continue
        return None if row is None else _check(row)
    return None


def _check(row: tuple[Any, ...]) -> StoredSeal | None:
    number, digest, cose, body = row
    try:
        header = peek_header(cose)
    except (FormatError, TypeError):
        return None
    if seal_hash(cose) != digest or header.number != number:
        return None
    if body is not None:
        try:
            open_body(header, body)
        except (FormatError, TypeError):
            body = None
    return StoredSeal(number, digest, cose, body, header.first_record, header.count)
