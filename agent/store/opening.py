"""How the gateway's database is opened: whole, or salvaged. The start never fails over its content.

A file that SQLite or the tip's own hash calls wrong, or that an earlier run marked `.suspect`, is
set aside with its companions; what proves itself in it is copied into a new file, and the caller is
told. What a person must put right is raised instead: the disk, the rights, a newer schema.
"""

import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from agent.evidence.seal import StoredSeal
from agent.store.database import CorruptError, Database, Migration, suffixed
from agent.store.salvage import Salvage, Salvaging, set_aside

COLUMNS: Final = "number, hash, cose, body, first_record, count"
INSERT: Final = f"INSERT INTO seals ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_CORRUPT: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _make_tables(db: Any) -> None:
    # Bodies come last, so that a header is read without following the overflow pages of its body.
    db["seals"].create(
        {"number": int, "first_record": int, "count": int, "hash": bytes, "cose": bytes, "body": bytes},
        pk="number",
        not_null={"first_record", "count", "hash", "cose"},
    )
    db["receipts"].create({"number": int, "raw": bytes}, pk="number", not_null={"raw"})
    db["checkpoints"].create({"name": str, "raw": bytes}, pk="name", not_null={"raw"})


MIGRATIONS: Final[tuple[Migration, ...]] = (_make_tables,)


def values(seal: StoredSeal) -> tuple[Any, ...]:
    """The row of `seal`, in the order of INSERT."""
    return seal.number, seal.hash, seal.cose, seal.body, seal.first_record, seal.count


def open_or_salvage(path: Path, pages_max: int, newest_hint: int | None) -> tuple[Database, Salvage | None]:
    """The database at `path`, and what was salvaged if it had to be made anew."""
    if not suffixed(path, ".suspect").exists():
        try:
            return _whole(Database(path, "gateway", MIGRATIONS, pages_max)), None
        except CorruptError:
            pass
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CORRUPT:
                raise
    return _salvaged(path, pages_max, newest_hint)


def _salvaged(path: Path, pages_max: int, newest_hint: int | None) -> tuple[Database, Salvage]:
    aside = set_aside(path)
    database = Database(path, "gateway", MIGRATIONS, pages_max)
    salvaging = Salvaging(aside, newest_hint)
    with database.write() as connection:
        connection.executemany(INSERT, map(values, salvaging.seals()))
    suffixed(path, ".suspect").unlink(missing_ok=True)
    return database, salvaging.report()


def _whole(database: Database) -> Database:
    """`database` if its tip can be read.

    Raises:
        CorruptError: It cannot.
    """
    try:
        tip = database.read("SELECT number, hash, cose FROM seals ORDER BY number DESC LIMIT 1")
        database.read("SELECT count(*) FROM checkpoints")
    except BaseException:
        database.close()
        raise
    if tip and sha256(tip[0][2]).digest() != tip[0][1]:
        database.close()
        raise CorruptError(f"seal {tip[0][0]} is not what was stored")
    return database
