"""Opens the gateway's database, intact or salvaged: its content never keeps the gateway from starting.

A file that SQLite or the tip's own hash finds corrupt, or that an earlier run marked `.suspect`, is salvaged:
the rows that prove themselves are copied into `.salvage`; when that is complete it is renamed `.salvaged`;
the old file is set aside with its companions; and `.salvaged` takes its place. After a crash at any step the
next start repeats or finishes it. Only faults that a person must fix are raised: disk, rights, newer schema.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from agent.store.salvage import COMPANIONS, Salvage, seals_in, set_aside
from disk.database import CorruptError, Database, Migration, add_suffix
from disk.files import move
from evidence.archive import as_bytes
from evidence.seal import StoredSeal

STORE_PAGE_BYTES: Final = 512
"""Besides its row a commit writes the first page, the list of free pages and the path to the leaf, each whole
(`tests/bench/bench_disk.py` measures it). It is also the smallest unit that disks write."""
STORE_WAL_BYTES: Final = 2 << 20
"""Pages that several commits change are written once for all of them. More than this needs a second part of
the WAL's index, which the kernel writes every 30 s."""

COLUMNS: Final = "number, hash, cose, body, first_record, count"
INSERT: Final = f"INSERT INTO seals ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants


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


def to_seal(row: Sequence[Any]) -> StoredSeal:
    """The seal of a row in the order of COLUMNS; what other hands put in a cell for bytes fails its check."""
    number, digest, cose, body, first_record, count = row
    kept = body if body is None else as_bytes(body)
    return StoredSeal(number, as_bytes(digest), as_bytes(cose), kept, first_record, count)


def open_database(path: Path, pages_max: int | None = None) -> Database:
    """The database at `path`, made if it is not there; see `Database`."""
    return Database(
        path, "gateway", MIGRATIONS, pages_max, page_bytes=STORE_PAGE_BYTES, wal_bytes=STORE_WAL_BYTES
    )


def open_or_salvage(path: Path, pages_max: int, newest_hint: int | None) -> tuple[Database, Salvage | None]:
    """The database at `path`, and what was salvaged if it had to be rebuilt.

    Raises:
        StoreError: The file cannot be opened or written, or a newer program made it.
    """
    aside = _finish(path)
    if aside is None:
        if not add_suffix(path, ".suspect").exists():
            with suppress(CorruptError):
                return _whole(open_database(path, pages_max)), None
        _copy(path, pages_max, newest_hint)
        aside = _finish(path)
    assert aside is not None
    database = open_database(path, pages_max)
    count, bodies, first, last = database.read(
        "SELECT count(*), count(body), coalesce(min(number), 1), coalesce(max(number), 0) FROM seals"
    )[0]
    return database, Salvage(aside, count, count - bodies, last - first + 1 - count)


def _copy(path: Path, pages_max: int, newest_hint: int | None) -> None:
    """Copy what can be saved of `path` into `.salvaged`, which appears whole or not at all."""
    draft = add_suffix(path, ".salvage")
    for companion in COMPANIONS:
        add_suffix(draft, companion).unlink(missing_ok=True)
    database = open_database(draft, pages_max)
    try:
        with database.write() as connection:
            connection.executemany(INSERT, map(values, seals_in(path, newest_hint)))
        database.read("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
    move(draft, add_suffix(path, ".salvaged"))


def _finish(path: Path) -> Path | None:
    """Put a complete copy in the place of `path`; returns where the old file is, None without a copy."""
    copy = add_suffix(path, ".salvaged")
    if copy.is_symlink() or not copy.is_file():  # none, or something that no salvage has made
        return None
    aside = set_aside(path)
    move(copy, path)
    add_suffix(path, ".suspect").unlink(missing_ok=True)
    return aside


def _whole(database: Database) -> Database:
    """`database`, after its tip was read; raises CorruptError if it cannot be read."""
    try:
        tip = database.read("SELECT number, hash, cose FROM seals ORDER BY number DESC LIMIT 1")
        database.read("SELECT count(*) FROM checkpoints")
    except BaseException:
        database.close()
        raise
    if tip and sha256(as_bytes(tip[0][2])).digest() != as_bytes(tip[0][1]):
        database.close()
        raise CorruptError(f"seal {tip[0][0]} is not what was stored")
    return database
