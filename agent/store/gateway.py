"""The gateway's database: the chain, which is also the queue of what the centre has not receipted.

    seals        number (primary key), first_record, count, hash, cose, body or NULL
    receipts     number (primary key), raw: the last RECEIPTS_KEPT, so that the centre cannot deny them
    checkpoints  name (primary key), raw (deflated if that is shorter): what the detector and others keep
                 over a restart

One row a seal, no secondary index: an index multiplies the bytes written by 1.5 to 5. Only `append` commits
by itself; receipts and checkpoints wait for the next commit (or `flush`), because each commit costs flash
and both can be recovered: the broker retains the receipt. A receipt covers all before it, so it is enough to
store one in RECEIPT_COMMITS (each costs pages of its own), and the one by which rows are pruned.

Who deletes: `prune_below`, called only for what a valid receipt covers, PRUNE_ROWS_MAX at a time (a
delete of 1,000 rows fails on a full disk), and never the last seal, which the next one follows;
`drop_bodies`, which keeps header, signature and root. No change of configuration deletes a row.

Rows are checked by their own hash when they are read. A corrupt file is renamed, the rows that can be read
by primary key are put into a new one, and the start continues: see `salvage`.
"""

import contextlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from agent.store.ballast import Ballast
from agent.store.checkpoint import CHECKPOINT_BYTES_MAX, pack, unpack
from agent.store.opening import COLUMNS, INSERT, open_or_salvage, to_seal, values
from disk.database import PAGE_BYTES, CorruptError, StoreError, add_suffix, reading
from disk.lock import Lock
from evidence.seal import StoredSeal

RECEIPTS_KEPT: Final = 100
RECEIPT_COMMITS: Final = 10
"""Commits of seals from one stored receipt to the next."""
PRUNE_ROWS_MAX: Final = 100
"""Works within a full quota."""
QUOTA_BYTES_MIN: Final = 256 * 1024
"""Below it the schema and one seal would not fit."""
READ_ROWS_MAX: Final = 1_000
WAL_BYTES_IN_NEED: Final = 32 * 1024
"""Size at which the WAL is moved into the file on a full disk: a WAL of this and one large seal still fits
into `ballast.LOW_BYTES`."""
GIVEN_UP: Final = "full, the ballast was given up"
HELD_AGAIN: Final = "room again, the ballast is held"

_RECEIPT: Final = "receipt"
_FORGET_RECEIPTS: Final = """
DELETE FROM receipts WHERE number < (SELECT min(number) FROM (
    SELECT number FROM receipts ORDER BY number DESC LIMIT ?))
"""
_DROP_BODIES: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS dropped (number, hash, cose, body, first_record, count)",
    """INSERT INTO temp.dropped SELECT number, hash, cose, NULL, first_record, count
    FROM seals WHERE number BETWEEN ? AND ? AND body IS NOT NULL""",
    "DELETE FROM seals WHERE number IN (SELECT number FROM temp.dropped)",
    f"INSERT INTO seals ({COLUMNS}) SELECT * FROM temp.dropped",  # noqa: S608 - a constant
    "DELETE FROM temp.dropped",
)
"""Delete and insert: SQLite returns the room of a shortened row only to its own page, where no later row
ever goes; with an update a file full of bodies below one page would stay full."""


class GatewayStore:
    """The gateway's database at `path`.

    Attributes:
        salvage: What was saved from a corrupt file that this start set aside, or None.
    """

    def __init__(
        self, path: Path, quota_bytes: int, *, newest_hint: int | None = None, ballast_bytes: int = 0
    ) -> None:
        """Open or make the database, which never grows beyond `quota_bytes`; a corrupt one is salvaged.

        `newest_hint` is where to look for the newest seal in a file whose index is destroyed,
        `ballast_bytes` the disk space reserved for the day on which the disk is full.

        Raises:
            SecondInstanceError: Another process owns it.
            SchemaNewerError: A newer program wrote it.
        """
        if quota_bytes < QUOTA_BYTES_MIN:
            raise ValueError(f"a quota of {quota_bytes} bytes is below {QUOTA_BYTES_MIN}")
        self._pages_max = quota_bytes // PAGE_BYTES
        self._lock = Lock(add_suffix(path, ".lock"))
        self._riders: dict[str, tuple[str, tuple[Any, ...]]] = {}
        self._since_receipt = RECEIPT_COMMITS
        self._ballast = Ballast(add_suffix(path, ".ballast"), ballast_bytes)
        # A full disk takes not even the files of an open database.
        self._disk_news = [GIVEN_UP] if self._ballast.give_up() else []
        try:
            self._database, self.salvage = open_or_salvage(path, self._pages_max, newest_hint)
        except BaseException:
            self._lock.release()
            raise
        self._ballast.take()

    def close(self) -> None:
        """Flush and close the file."""
        try:
            self.flush()
        finally:
            self._database.close()
            self._lock.release()

    def reopen(self) -> None:
        """Reopen the file after a failed commit."""
        self._database.reopen()

    # -- the chain

    def append(self, *seals: StoredSeal) -> None:
        """Commit `seals`, and what waits to be committed, in one transaction.

        Raises:
            CommitError: The result is unknown.
            StoreFullError: The quota or the disk is full; nothing was stored.
        """
        self._since_receipt += 1
        self._commit([(INSERT, values(seal)) for seal in seals], routine=True)

    def last(self) -> StoredSeal | None:
        """The seal with the highest number."""
        return self._one(f"SELECT {COLUMNS} FROM seals ORDER BY number DESC LIMIT 1")  # noqa: S608

    def first_number(self) -> int | None:
        """The lowest number that is still here."""
        number: int | None = self._database.read("SELECT min(number) FROM seals")[0][0]
        return number

    def row(self, number: int) -> StoredSeal | None:
        """Seal `number`, or None."""
        return self._one(f"SELECT {COLUMNS} FROM seals WHERE number = ?", (number,))  # noqa: S608

    def rows(self, first: int, limit: int = READ_ROWS_MAX) -> list[StoredSeal]:
        """At most `limit` seals from number `first` on, in order."""
        return self._read_rows(COLUMNS, first, limit)

    def headers(self, first: int, limit: int = READ_ROWS_MAX) -> list[StoredSeal]:
        """Like `rows`, without reading bodies: each `body` is None."""
        return self._read_rows(COLUMNS.replace("body", "NULL"), first, limit)

    def _read_rows(self, columns: str, first: int, limit: int) -> list[StoredSeal]:
        sql = f"SELECT {columns} FROM seals WHERE number >= ? ORDER BY number LIMIT ?"  # noqa: S608
        return [self._check(row) for row in self._database.read(sql, (first, min(limit, READ_ROWS_MAX)))]

    def body_length(self, number: int) -> int:
        """Bytes of the body of seal `number`, 0 where it is not held; the body itself is not read."""
        found = self._database.read("SELECT coalesce(length(body), 0) FROM seals WHERE number = ?", (number,))
        length: int = found[0][0] if found else 0
        return length

    def hash_of(self, number: int) -> bytes | None:
        """The hash of seal `number`, or None where it is not held."""
        found = self._database.read("SELECT hash FROM seals WHERE number = ?", (number,))
        digest: bytes | None = found[0][0] if found else None
        return digest

    def count_records(self, first: int, last: int) -> int:
        """Records of seals `first` to `last`, by their headers."""
        sql = """SELECT CAST(first_record AS INTEGER) FROM seals WHERE number BETWEEN ? AND ?
            ORDER BY number LIMIT 1"""
        begin = self._database.read(sql, (first, last))
        sql = """SELECT CAST(first_record + count AS INTEGER) FROM seals WHERE number BETWEEN ? AND ?
            ORDER BY number DESC LIMIT 1"""
        end = self._database.read(sql, (first, last))
        return int(end[0][0]) - int(begin[0][0]) if begin and end else 0

    def holes(self) -> list[tuple[int, int]]:
        """First and last of every run of missing numbers among the last READ_ROWS_MAX rows.

        A disk that lied about a write, or a salvage, leaves them: no seal is ever deleted there.
        """
        sql = """SELECT before + 1, number - 1 FROM (
            SELECT number, lag(number) OVER (ORDER BY number) AS before
            FROM (SELECT number FROM seals ORDER BY number DESC LIMIT ?)) WHERE number > before + 1"""
        return [(first, last) for first, last in self._database.read(sql, (READ_ROWS_MAX,))]

    def bodiless_since(self, number: int) -> int:
        """The first seal of the unbroken run without bodies that ends at `number`."""
        sql = "SELECT max(number) FROM seals WHERE number <= ? AND body IS NOT NULL"
        whole = self._database.read(sql, (number,))[0][0]
        first: int = (self.first_number() or number) if whole is None else whole + 1
        return first

    def last_bodiless(self) -> int | None:
        """The last seal without a body; reads the whole table."""
        number: int | None = self._database.read("SELECT max(number) FROM seals WHERE body IS NULL")[0][0]
        return number

    def prune_below(self, number: int) -> int:
        """Delete at most PRUNE_ROWS_MAX seals below `number`, never the last one; returns how many."""
        first, last = self._database.read("SELECT min(number), max(number) FROM seals")[0]
        if first is None or first >= min(number, last):
            return 0
        end = min(number, last, first + PRUNE_ROWS_MAX)
        return self._commit([("DELETE FROM seals WHERE number < ?", (end,))])

    def with_bodies(self, first: int, limit: int) -> list[int]:
        """The lowest numbers from `first` on whose bodies are here, at most `limit`."""
        sql = "SELECT number FROM seals WHERE number >= ? AND body IS NOT NULL ORDER BY number LIMIT ?"
        return [row[0] for row in self._database.read(sql, (first, limit))]

    def drop_bodies(self, first: int, last: int, *, at_once: bool) -> None:
        """Delete the bodies of seals `first` to `last`: at once, or with the next commit."""
        statements = [(sql, (first, last) if "?" in sql else ()) for sql in _DROP_BODIES]
        if at_once:
            self._commit(statements)
        else:
            self._riders |= {f"drop {first} {step}": one for step, one in enumerate(statements)}

    # -- what waits for the next commit

    def put_receipt(self, number: int, raw: bytes) -> None:
        """Store a receipt with the next commit; of several only the newest."""
        waiting = self._riders.get(_RECEIPT)
        if waiting is None or waiting[1][0] <= number:
            sql = "INSERT OR REPLACE INTO receipts VALUES (?, ?)"
            self._riders[_RECEIPT] = (sql, (number, raw))

    def last_receipt(self) -> bytes | None:
        """The receipt with the highest number."""
        waiting = self._riders.get(_RECEIPT)
        sql = "SELECT number, raw FROM receipts WHERE typeof(raw) = 'blob' ORDER BY number DESC LIMIT 1"
        stored = self._database.read(sql)
        found = max([*stored, *([waiting[1]] if waiting else [])], default=None)
        return None if found is None else bytes(found[1])

    def receipts(self) -> list[bytes]:
        """Every receipt that is kept; the caller checks the signatures."""
        stored = self._database.read("SELECT raw FROM receipts WHERE typeof(raw) = 'blob' ORDER BY number")
        waiting = self._riders.get(_RECEIPT)
        return [*(bytes(row[0]) for row in stored), *([bytes(waiting[1][1])] if waiting else [])]

    def put_checkpoint(self, name: str, raw: bytes) -> None:
        """Keep `raw` under `name` with the next commit."""
        if len(raw) > CHECKPOINT_BYTES_MAX:
            raise ValueError(f"checkpoint {name}: {len(raw)} bytes, at most {CHECKPOINT_BYTES_MAX}")
        sql = "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)"
        self._riders[f"checkpoint {name}"] = (sql, (name, pack(raw)))

    def checkpoint(self, name: str) -> bytes | None:
        """The checkpoint `name`."""
        rider = self._riders.get(f"checkpoint {name}")
        if rider is not None:
            return unpack(bytes(rider[1][1]))
        sql = "SELECT raw FROM checkpoints WHERE name = ? AND typeof(raw) = 'blob'"
        found = self._database.read(sql, (name,))
        return unpack(found[0][0]) if found else None

    def flush(self) -> None:
        """Commit what waits."""
        if self._riders:
            self._commit([])

    # -- room

    def used_fraction(self) -> float:
        """The part of the quota that is taken, or of what the disk has for it where that is less."""
        pages, free = map(self._database.count_pages, ("page_count", "freelist_count"))
        room = pages + self._ballast.room_bytes() // PAGE_BYTES
        return (pages - free) / min(self._pages_max, room)

    def relieve(self) -> bool:
        """Delete the ballast if a commit failed because the disk is full; returns whether it did."""
        if not self._ballast.is_low():
            return False
        given_up = self._ballast.give_up()
        if given_up:
            self._disk_news.append(GIVEN_UP)
        with contextlib.suppress(StoreError):  # a WAL that cannot grow can be restarted
            self._database.set_wal_bytes(WAL_BYTES_IN_NEED)
            self._database.read("PRAGMA wal_checkpoint(TRUNCATE)")
        return given_up

    def restock(self) -> None:
        """Make the ballast again, if the disk has room."""
        if self._ballast.take():
            self._disk_news.append(HELD_AGAIN)
            self._database.set_wal_bytes()

    def take_disk_news(self) -> list[str]:
        """What happened to the ballast since the last call."""
        news, self._disk_news = self._disk_news, []
        return news

    # -- inside

    def _commit(self, statements: Sequence[tuple[str, tuple[Any, ...]]], *, routine: bool = False) -> int:
        changed = 0
        with self._database.lock:
            riders = dict(self._riders)
            if routine and self._since_receipt < RECEIPT_COMMITS:
                riders.pop(_RECEIPT, None)
            with self._database.write() as connection:
                for sql, parameters in statements:
                    changed += connection.execute(sql, parameters).rowcount
                for sql, parameters in riders.values():
                    connection.execute(sql, parameters)
                if _RECEIPT in riders:
                    connection.execute(_FORGET_RECEIPTS, (RECEIPTS_KEPT,))
            for key, rider in riders.items():
                if self._riders.get(key) is rider:
                    del self._riders[key]
            if _RECEIPT in riders:
                self._since_receipt = 0
        return changed

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> StoredSeal | None:
        found = self._database.read(sql, parameters)
        return self._check(found[0]) if found else None

    def _check(self, row: Sequence[Any]) -> StoredSeal:
        seal = to_seal(row)
        if sha256(seal.cose).digest() != seal.hash:
            self._database.mark_suspect()
            raise CorruptError(f"seal {seal.number} is not what was stored")
        return seal


def read_seals_from(path: Path, first: int, limit: int) -> tuple[int, list[StoredSeal]]:
    """The newest number of the database at `path`, 0 for none, and at most `limit` seals from `first` on.

    Read while its owner runs, from one moment of it.

    Raises:
        StoreError: It cannot be read.
    """
    sql = f"SELECT {COLUMNS} FROM seals WHERE number >= ? ORDER BY number LIMIT ?"  # noqa: S608 - a constant
    with reading(path) as connection:
        connection.execute("BEGIN")
        (newest,) = connection.execute("SELECT coalesce(max(number), 0) FROM seals").fetchone()
        rows = connection.execute(sql, (first, min(limit, READ_ROWS_MAX))).fetchall()
    return newest, [to_seal(row) for row in rows]


def read_seals(path: Path) -> Iterator[StoredSeal]:
    """Every seal of the database at `path`, read while its owner runs.

    Raises:
        StoreError: It cannot be read, or not to its end.
    """
    with reading(path) as connection:
        for row in connection.execute(f"SELECT {COLUMNS} FROM seals ORDER BY number"):  # noqa: S608
            yield to_seal(row)
