"""The centre's store in one SQLite file: one process and no set-up. Statements: `centre.store.sql`.

`at` is the primary key of `seals`: one tree without a secondary index.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from centre.store.journal import SqlJournal
from centre.store.journal_table import make_journal
from centre.store.sql import UNMARKED, SqlStore
from disk.database import Database, Migration, add_suffix
from disk.lock import Lock


def _make_tables(db: Any) -> None:
    db["gateways"].create(
        {"id": int, "name": str, "first_key": bytes, "state": bytes, "held": bytes, "receipt": bytes},
        pk="id",
        not_null={"name", "first_key", "state", "held"},
    )
    db["seals"].create(
        {"at": int, "received_utc_ms": int, "cose": bytes, "body": bytes},
        pk="at",
        not_null={"received_utc_ms", "cose"},
    )
    db["forks"].create(
        {"id": int, "gateway": int, "number": int, "received_utc_ms": int, "cose": bytes},
        pk="id",
        not_null={"gateway", "number", "received_utc_ms", "cose"},
    )


def _make_statements(db: Any) -> None:
    db["statements"].create(
        {"id": int, "gateway": int, "number": int, "hash": bytes, "raw": bytes, "received_utc_ms": int},
        pk="id",
        not_null={"gateway", "number", "hash", "raw", "received_utc_ms"},
    )


def _make_accounts(db: Any) -> None:
    """Accounts; and indexes, or each look-up of a statement or fork reads those of all gateways."""
    db["gateways"].add_column("account", bytes)
    db["statements"].create_index(["gateway", "number"])
    db["statements"].create_index(["gateway", "hash"])
    db["forks"].create_index(["gateway", "number"])


MIGRATIONS: Final[tuple[Migration, ...]] = (_make_tables, _make_statements, _make_accounts, make_journal)


DROP_SEALS: Final = 1_000
"""Seals whose bodies are given up in one transaction: 2 MB of usual ones, 64 MB at the very most."""


class SqliteStore(SqlStore):
    """The file at `path`; see the module and `centre.store.contract`."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            SecondInstanceError: Another process owns it.
            SchemaNewerError: A newer program wrote it.
            CorruptError: It cannot be read; the centre restores its backup, it never guesses.
        """
        self._lock = Lock(add_suffix(path, ".lock"))
        try:
            self._database = Database(path, "centre", MIGRATIONS)
            self._load(SqlJournal(self._read))
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Close the file and release its lock."""
        self._close()
        self._database.close()
        self._lock.release()

    def reopen(self) -> None:
        """Take a new connection."""
        self._database.reopen()

    def drop_bodies(self, begin_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]) -> int:
        """In pieces; the pages are taken again by what comes, the file does not shrink.

        Rows are replaced: SQLite returns the room of a shortened row to its own page alone.
        """
        sql = (
            "REPLACE INTO seals (at, received_utc_ms, cose, body) "  # noqa: S608 - of ours
            f"SELECT at, received_utc_ms, cose, NULL FROM seals WHERE {UNMARKED}"
        )
        count = 0
        for first, last in spans:
            for low in range(first, last + 1, DROP_SEALS):
                high = min(low + DROP_SEALS - 1, last)
                with self._write() as connection:
                    count += connection.execute(sql, (low, high, begin_ms, end_ms)).rowcount
        return count

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._database.read(sql, parameters)

    def _write(self) -> AbstractContextManager[Any]:
        return self._database.write()

    def _add_seal(self, connection: Any, row: tuple[int, int, bytes, bytes | None]) -> bool:
        sql = (
            "INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (at) DO NOTHING"
        )
        return bool(connection.execute(sql, row).rowcount)

    def _member(self, name: str) -> str:
        return f"json_extract(line, '$.{name}')"
