"""What the gateway's database says of itself, read beside the process that owns it; nothing is changed."""

from pathlib import Path

from disk.database import reading


def read_tip(path: Path, schema_max: int) -> tuple[int, int, bytes | None, tuple[bytes, ...]]:
    """Its schema; the count of seals, the last of them and the receipts, if the schema is 1 to `schema_max`.

    Raises:
        StoreError: It cannot be read.
    """
    with reading(path) as connection:
        schema: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 < schema <= schema_max:
            return schema, 0, None, ()
        count: int = connection.execute("SELECT count(*) FROM seals").fetchone()[0]
        last = connection.execute("SELECT cose FROM seals ORDER BY number DESC LIMIT 1").fetchone()
        receipts = tuple(raw for (raw,) in connection.execute("SELECT raw FROM receipts ORDER BY number"))
    return schema, count, None if last is None else last[0], receipts


def read_checkpoint(path: Path, name: str) -> bytes | None:
    """What was remembered under `name`.

    Raises:
        StoreError: It cannot be read.
    """
    with reading(path) as connection:
        row = connection.execute("SELECT raw FROM checkpoints WHERE name = ?", (name,)).fetchone()
    return None if row is None else bytes(row[0])


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
