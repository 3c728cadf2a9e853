"""The centre's store in a PostgreSQL database. Statements: `centre.store.sql`; tables: `postgresql_tables`.

One process at a time writes. An advisory lock of the session says so: the server releases it when the
connection ends, however that comes, and `reopen` fails where another process has taken it meanwhile. A batch
is committed under that lock or not at all, since both belong to one connection.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from centre.store.contract import Accepted, Change, MakeReceipt, Told
from centre.store.journal import DELIVERED, IDENTITY, SqlJournal
from centre.store.postgresql_connection import Connection, Transaction
from centre.store.postgresql_tables import MIGRATIONS, make_partition, month_of
from centre.store.sql import SqlStore
from disk.database import CommitError, SchemaNewerError, StoreError
from disk.lock import SecondInstanceError

OWNER_LOCK: Final = 0x6469616E6A69616E
"""Key of the advisory lock; locks of other databases of the server are apart."""
OWNER_WAIT_S: Final = 3.0
"""A process that was killed is the owner until the server notices that its connection is gone."""
OWNER_LOOK_S: Final = 0.05
IDENTITY_BITS: Final = 32


class PostgresqlStore(SqlStore):
    """The database at `url`; see the module and `centre.store.contract`."""

    def __init__(self, url: str) -> None:
        """Open it, and make its tables or bring them up to date.

        Raises:
            SecondInstanceError: Another process owns it.
            SchemaNewerError: A newer program made its tables.
            StoreError: The server cannot be reached, or refuses.
        """
        self._database = Connection(url)
        try:
            self._take()
            self._migrate()
            self._load(SqlJournal(self._read))
            self._months: set[tuple[int, int]] = set()
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
            self._read("SELECT pg_advisory_unlock(?)", (OWNER_LOCK,))
        self._database.close()

    def reopen(self) -> None:
        """Connect again, and become the owner again."""
        self._database.reopen()
        self._take()

    def commit(
        self, batch: Sequence[Change], receipts: Mapping[str, MakeReceipt] | None = None
    ) -> dict[str, bytes]:
        """As every store; the partition of a month is made before its first seal."""
        months = {month_of(one.received_utc_ms) for one in batch if isinstance(one, Accepted)}
        if new := months - self._months:
            with self._write() as connection:
                for month in sorted(new):
                    connection.execute(make_partition(*month))
            self._months |= new
        return super().commit(batch, receipts)

    def _take(self) -> None:
        end_s = time.monotonic() + OWNER_WAIT_S
        while not self._read("SELECT pg_try_advisory_lock(?)", (OWNER_LOCK,))[0][0]:
            if time.monotonic() > end_s:
                raise SecondInstanceError(f"{self._database.url}: another process owns this database")
            time.sleep(OWNER_LOOK_S)

    def _migrate(self) -> None:
        with self._write() as connection:
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
