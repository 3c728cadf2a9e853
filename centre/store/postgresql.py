"""The centre's store in a PostgreSQL database. Statements: `centre.store.sql`; tables: `postgresql_tables`.

One process at a time writes, unless all of them share it (`centre.store.sliced`). An advisory lock of the
session says so: the server releases it when the connection ends, however that comes, and `reopen` fails where
another process has taken it meanwhile. A batch is committed under that lock or not at all, since both belong
to one connection.

Each write of a gateway compares the version of its row with the one that was read, and raises it: who did not
see the last write changes nothing (OvertakenError). After a commit whose result is unknown, the next version
with exactly what was to be written is one's own.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final

from centre.store.contract import Accepted, Change, MakeReceipt, Told
from centre.store.journal import DELIVERED, IDENTITY, SqlJournal
from centre.store.pieces import Piece
from centre.store.postgresql_connection import Connection, Transaction
from centre.store.postgresql_partition import replace_partition
from centre.store.postgresql_tables import MIGRATIONS, make_partition, month_of
from centre.store.shared import OvertakenError
from centre.store.sql import Row, SqlStore
from disk.database import CommitError, SchemaNewerError, StoreError
from disk.lock import SecondInstanceError
from evidence.chain import ChainState
from evidence.held import Held

OWNER_LOCK: Final = 0x6469616E6A69616E
"""Key of the advisory lock; locks of other databases of the server are apart."""
TABLES_LOCK: Final = OWNER_LOCK + 1
"""Of a transaction that makes tables or partitions: two that make the same one would fail."""
OWNER_WAIT_S: Final = 3.0
"""A process that was killed is the owner until the server notices that its connection is gone."""
OWNER_LOOK_S: Final = 0.05
IDENTITY_BITS: Final = 32


class PostgresqlStore(SqlStore):
    """The database at `url`; see the module and `centre.store.contract`."""

    _WITH_ID: ClassVar = "OVERRIDING SYSTEM VALUE"
    lock_function: ClassVar = "pg_try_advisory_lock"

    def __init__(self, url: str, settings: str = "") -> None:
        """Open it, and make its tables or bring them up to date; `settings` are further ones of the session.

        Raises:
            SecondInstanceError: Another process owns it.
            SchemaNewerError: A newer program made its tables.
            StoreError: The server cannot be reached, or refuses.
        """
        self._database = Connection(url, settings)
        try:
            self._take()
            self._migrate()
            self._months: set[tuple[int, int]] = set()
            self._unknown: dict[str, tuple[bytes, bytes]] = {}  # what was to be written, by gateway
            self._load(SqlJournal(self._read))
        except CommitError as error:
            self._database.close()
            raise StoreError(str(error)) from error
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Give the ownership up, and end the connection."""
        self._close()
        with contextlib.suppress(StoreError):  # the server gives it up when it sees that the connection ended
            self._read("SELECT pg_advisory_unlock_all()")
        self._database.close()

    def reopen(self) -> None:
        """Connect again, and become the owner again."""
        self._database.reopen()
        self._take()
        for name, wanted in self._unknown.items():
            one = self._gateways[name]
            sql = "SELECT state, held FROM gateways WHERE id = ? AND version = ?"
            if self._read(sql, (one.id, one.version + 1)) == [wanted]:
                one.version += 1

    def commit(
        self, batch: Sequence[Change], receipts: Mapping[str, MakeReceipt] | None = None
    ) -> dict[str, bytes]:
        """As every store; the partition of a month is made before its first seal."""
        months = {month_of(one.received_utc_ms) for one in batch if isinstance(one, Accepted)}
        if new := months - self._months:
            with self._write() as connection:
                connection.execute("SELECT pg_advisory_xact_lock(?)", (TABLES_LOCK,))
                for month in sorted(new):
                    connection.execute(make_partition(*month))
            self._months |= new
        self._unknown.clear()
        made = super().commit(batch, receipts)
        for name in self._unknown:
            self._gateways[name].version += 1
        self._unknown.clear()
        return made

    def drop_bodies(self, begin_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]) -> int:
        """By a partition without them that takes the place of the month's; see `postgresql_partition`."""
        return replace_partition(self._database, begin_ms, end_ms, spans)

    def _prepare(self, connection: Transaction, piece: Piece) -> None:
        for month in sorted({month_of(row[1]) for row in piece.seals}):
            connection.execute(make_partition(*month))

    def _end_copy(self, connection: Transaction) -> None:
        for table in ("gateways", "forks", "statements", "journal"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
            )

    def _take(self) -> None:
        end_s = time.monotonic() + OWNER_WAIT_S
        while not self._read(f"SELECT {self.lock_function}(?)", (OWNER_LOCK,))[0][0]:
            if time.monotonic() > end_s:
                raise SecondInstanceError(f"{self._database.url}: another process owns this database")
            time.sleep(OWNER_LOOK_S)

    def _migrate(self) -> None:
        with self._write() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(?)", (TABLES_LOCK,))
            connection.execute("CREATE TABLE IF NOT EXISTS versions (number bigint PRIMARY KEY)")
            done = connection.execute("SELECT coalesce(max(number), 0) FROM versions").fetchall()[0][0]
            if done > len(MIGRATIONS):
                raise SchemaNewerError(
                    f"{self._database.url}: a newer version of dianjian-edge brought it to schema {done}; "
                    f"this one knows {len(MIGRATIONS)}: install that one again; nothing was changed"
                )
            for number, statements in enumerate(MIGRATIONS[done:], start=done + 1):
                for sql in statements:
                    connection.execute(sql)
                connection.execute("INSERT INTO versions (number) VALUES (?)", (number,))
            if not done:
                for name, place in ((IDENTITY, secrets.randbits(IDENTITY_BITS)), (DELIVERED, 0)):
                    connection.execute("INSERT INTO cursors (name, place) VALUES (?, ?)", (name, place))

    def _read_gateways(self, slices: Sequence[int] | None = None) -> dict[str, Row]:
        sql = "SELECT id, name, state, held, version FROM gateways"
        rows = (
            self._read(f"{sql} ORDER BY id")
            if slices is None
            else self._read(f"{sql} WHERE slice = ANY(?) ORDER BY id", (list(slices),))
        )
        return {
            name: Row(id_, ChainState.from_cbor(state), Held.from_cbor(held), version)
            for id_, name, state, held, version in rows
        }

    def _change(self, connection: Any, one: Row, state: bytes, held: bytes, receipt: bytes | None) -> None:
        done = connection.execute(
            "UPDATE gateways SET state = ?, held = ?, receipt = coalesce(?, receipt), version = version + 1 "
            "WHERE id = ? AND version = ?",
            (state, held, receipt, one.id, one.version),
        )
        if not done.rowcount:
            raise OvertakenError(f"{self._database.url}: another process has written {one.state.gateway}")
        self._unknown[one.state.gateway] = state, held

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._database.read(sql, parameters)

    def _write(self) -> AbstractContextManager[Transaction]:
        return self._database.write()

    def _add_seal(self, connection: Transaction, row: tuple[int, int, bytes, bytes | None]) -> bool:
        if connection.execute("SELECT 1 FROM seals WHERE at = ?", row[:1]).fetchall():
            return False
        sql = "INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, ?, ?, ?)"
        connection.execute(sql, row)
        return True

    def _member(self, name: str) -> str:
        return name

    def _columns_of(self, told: Told) -> Mapping[str, str]:
        line = json.loads(told.line)
        return {"code": line.get("code", ""), "gateway": line.get("gateway", "")}


class BesideStore(PostgresqlStore):
    """The same beside its owner, or several: for bodies of closed months alone, which no owner looks at.

    Nobody may `commit` by it.
    """

    def _take(self) -> None:
        """Nothing is owned."""
