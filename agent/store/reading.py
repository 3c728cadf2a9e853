"""The state of the gateway's database, read while its owner runs; nothing is changed."""

from pathlib import Path
from typing import Final

from attrs import frozen

from agent.store.checkpoint import CHECKPOINT_BYTES_MAX, unpack
from agent.store.opening import COLUMNS, MIGRATIONS, to_seal
from disk.database import StoreError, reading
from evidence.cbor import FormatError
from evidence.receipt import KEPT_BYTES_MAX
from evidence.seal import StoredSeal, peek_header, seal_hash

_RECEIPTS: Final = """
SELECT number, CASE WHEN typeof(raw) = 'blob' AND length(raw) <= ? THEN raw END
FROM receipts ORDER BY number"""
_CHECKPOINTS: Final = """
SELECT CAST(name AS TEXT), CASE WHEN typeof(raw) = 'blob' AND length(raw) <= ? THEN raw END
FROM checkpoints ORDER BY name LIMIT ?"""
CHECKPOINTS_MAX: Final = 100
"""Rows of checkpoints that are looked at: the program has eight of them."""


@frozen
class Tip:
    """How far a database has got; of an unknown schema nothing else is known.

    Attributes:
        receipt_rows: The number of each row of receipts, and its bytes; None where it cannot be one.
    """

    schema: int
    count: int = 0
    last: StoredSeal | None = None
    receipt_rows: tuple[tuple[int, bytes | None], ...] = ()

    @property
    def receipts(self) -> tuple[bytes, ...]:
        """What may be a receipt, by number."""
        return tuple(raw for _, raw in self.receipt_rows if raw is not None)


def read_tip(path: Path) -> Tip:
    """Read the state of the database at `path`; the last seal is without its body.

    Raises:
        StoreError: It is missing or cannot be read.
    """
    if not path.is_file():
        raise StoreError(f"{path}: no database is there")
    with reading(path) as connection:
        schema: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 < schema <= len(MIGRATIONS):
            return Tip(schema)
        count: int = connection.execute("SELECT count(*) FROM seals").fetchone()[0]
        columns = COLUMNS.replace("body", "NULL")
        last = connection.execute(f"SELECT {columns} FROM seals ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608 - a constant
        receipts = tuple(connection.execute(_RECEIPTS, (KEPT_BYTES_MAX,)).fetchall())
    return Tip(schema, count, None if last is None else to_seal(last), receipts)


def read_checkpoint(path: Path, name: str) -> bytes | None:
    """The checkpoint `name`; raises StoreError if it cannot be read."""
    with reading(path) as connection:
        sql = "SELECT raw FROM checkpoints WHERE name = ? AND typeof(raw) = 'blob'"
        row = connection.execute(sql, (name,)).fetchone()
    return None if row is None else unpack(bytes(row[0]))


def read_checkpoints(path: Path) -> dict[str, bytes | None]:
    """Every checkpoint by its name, None where it cannot be one.

    Raises:
        StoreError: It cannot be read.
    """
    with reading(path) as connection:
        rows = connection.execute(_CHECKPOINTS, (CHECKPOINT_BYTES_MAX, CHECKPOINTS_MAX)).fetchall()
    return {str(name): None if raw is None else unpack(raw) for name, raw in rows}


def find_misfits(path: Path, count: int) -> list[int]:
    """The rows among the last `count` seals of which a column says something else than the signed header.

    Raises:
        StoreError: It cannot be read.
    """
    columns = COLUMNS.replace("body", "NULL")
    found = []
    with reading(path) as connection:
        sql = f"SELECT {columns} FROM seals ORDER BY number DESC LIMIT ?"  # noqa: S608 - a constant
        for row in connection.execute(sql, (count,)):
            seal = to_seal(row)
            try:
                header = peek_header(seal.cose)
            except FormatError:
                continue  # no seal at all: whoever walks the chain says so
            told = seal.number, seal.hash, seal.first_record, seal.count
            if told != (header.number, seal_hash(seal.cose), header.first_record, header.count):
                found.append(seal.number)
    return found[::-1]


def read_shape(path: Path) -> tuple[list[str], int, dict[str, int]]:
    """The SQL of its tables, its pages, and the bytes of each checkpoint.

    Raises:
        StoreError: It cannot be read.
    """
    with reading(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master ORDER BY name")]
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        sizes = dict(connection.execute("SELECT name, length(raw) FROM checkpoints ORDER BY name").fetchall())
    return tables, pages, sizes
