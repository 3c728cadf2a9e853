"""The centre's store in one SQLite file.

    gateways   id (primary key), name, first_key, state (ChainState), held (Held), receipt or NULL,
               account (centre.gateway.budget) or NULL
    seals      at (primary key), cose, body or NULL, received_utc_ms
    forks      id (primary key), gateway, number, cose, received_utc_ms: the other half of the proof
               (`cose` may be a re-key that contradicts what was accepted)
    statements id (primary key), gateway, number, hash, raw, received_utc_ms: what was applied, in that order;
               number 0 is the enrolment
    journal, cursors: see `centre.store.journal`

`at` = gateway's id * 2^40 + number: one tree without a secondary index, one gateway's chain in one
run of it. Only what has passed `evidence.verify` enters `seals`, in the order of the
numbers. The process that opened it is its only writer, so states and held bodies are kept in memory; they
change there only after a commit has returned.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define

from centre.gateway.budget import MS_PER_DAY
from centre.store.contract import (
    FORKS_MAX,
    Accepted,
    Applied,
    CentreStore,
    Change,
    Charged,
    Fork,
    LateBody,
    MakeReceipt,
    Marked,
    Told,
    UnknownGatewayError,
    number_of,
)
from centre.store.journal import DELIVERED, SHIFT, STRANGERS_MAX, SqliteJournal, What
from centre.store.journal_table import make_journal
from disk.database import CommitError, CorruptError, Database, Migration, StoreError, add_suffix
from disk.lock import Lock
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER, NUMBER_MAX, seal_hash

READ_ROWS_MAX: Final = 1_000


@define
class _Gateway:
    id: int
    state: ChainState
    held: Held


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


class SqliteStore(CentreStore):
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
            self._gateways = {
                name: _Gateway(id_, ChainState.from_cbor(state), Held.from_cbor(held))
                for id_, name, state, held in self._database.read(
                    "SELECT id, name, state, held FROM gateways"
                )
            }
            self._journal = SqliteJournal(self._database.read)
            self._delivered = self._delivered_kept = self._journal.place_of(DELIVERED)
            self._places: dict[int, int] = {}  # of the bodies of the transaction, by `at`
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Close the file and release its lock."""
        with contextlib.suppress(CommitError, CorruptError):  # lines are handed on once more then
            if self._delivered != self._delivered_kept:
                with self._database.write() as connection:
                    self._keep_delivered(connection)
        self._database.close()
        self._lock.release()

    def reopen(self) -> None:
        """Take a new connection."""
        self._database.reopen()

    def gateways(self) -> Collection[str]:
        """From memory, as `state` and `held`."""
        return self._gateways.keys()

    def state(self, gateway: str) -> ChainState:
        """Where the chain stands."""
        return self._find_gateway(gateway).state

    def held(self, gateway: str) -> Held:
        """Which bodies are there."""
        return self._find_gateway(gateway).held

    def commit(
        self, batch: Sequence[Change], receipts: Mapping[str, MakeReceipt] | None = None
    ) -> dict[str, bytes]:
        """One transaction; receipts are made before it begins."""
        receipts = receipts or {}
        after = self.standings_after(batch, receipts)
        made = {name: make(*after[name]) for name, make in receipts.items()}
        self._places.clear()
        delivered = self._delivered
        with self._database.write() as connection:
            for one in batch:
                self._put(connection, one)
            self._keep_delivered(connection)
            connection.executemany(
                "UPDATE gateways SET state = ?, held = ?, receipt = coalesce(?, receipt) WHERE id = ?",
                [
                    (state.to_cbor(), held.to_cbor(), made.get(name), self._find_gateway(name).id)
                    for name, (state, held) in after.items()
                ],
            )
        self._delivered_kept = delivered
        for name, (state, held) in after.items():
            self._gateways[name].state, self._gateways[name].held = state, held
        return made

    def journal(self) -> SqliteJournal:
        """Over this connection."""
        return self._journal

    def delivered(self) -> int:
        """From memory."""
        return self._delivered

    def note_delivered(self, place: int) -> None:
        """In memory, until the next commit."""
        self._delivered = place

    def _keep_delivered(self, connection: Any) -> None:
        if self._delivered != self._delivered_kept:
            connection.execute("UPDATE cursors SET place = ? WHERE name = ?", (self._delivered, DELIVERED))

    def _arrive(self, connection: Any, at: int, what: What, utc_ms: int) -> None:
        self._places[at] = connection.execute(
            "INSERT INTO journal (at, what, received_utc_ms) VALUES (?, ?, ?)", (at, int(what), utc_ms)
        ).lastrowid

    def _insert(self, state: ChainState) -> None:
        held = Held()
        with self._database.write() as connection:
            id_ = connection.execute(
                "INSERT INTO gateways (name, first_key, state, held) VALUES (?, ?, ?, ?)",
                (state.gateway, state.first_key, state.to_cbor(), held.to_cbor()),
            ).lastrowid
        assert id_ is not None
        self._gateways[state.gateway] = _Gateway(id_, state, held)

    def _put(self, connection: Any, change: Change) -> None:
        match change:
            case Accepted():
                self._put_seal(connection, change)
            case Applied():
                self._put_statement(connection, change)
            case LateBody():
                self._put_body(connection, change)
            case Fork():
                self._put_fork(connection, change)
            case Marked(gateway, number, marks):
                connection.execute(
                    "UPDATE journal SET marks = ? WHERE id = ?",
                    (int(marks), self._places.get(self._at(gateway, number))),
                )
            case Told():
                self._put_finding(connection, change)
            case Charged():
                connection.execute(
                    "UPDATE gateways SET account = ? WHERE id = ?",
                    (change.account, self._find_gateway(change.gateway).id),
                )

    def _put_seal(self, connection: Any, accepted: Accepted) -> None:
        at = self._at(accepted.state.gateway, accepted.state.number)
        utc_ms, body = accepted.received_utc_ms, accepted.body
        new = connection.execute(
            "INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (at) DO NOTHING",
            (at, utc_ms, accepted.cose, body),
        ).rowcount
        if new:
            self._arrive(connection, at, What.SEAL if body is None else What.WHOLE, utc_ms)
        elif body is not None:
            self._add_body(connection, at, body, utc_ms)

    def _put_statement(self, connection: Any, applied: Applied) -> None:
        connection.execute(
            "INSERT INTO statements (gateway, number, hash, raw, received_utc_ms) SELECT ?1, ?2, ?3, ?4, ?5 "
            "WHERE NOT EXISTS (SELECT 1 FROM statements WHERE gateway = ?1 AND hash = ?3)",
            (
                self._find_gateway(applied.state.gateway).id,
                number_of(applied.raw),
                seal_hash(applied.raw),
                applied.raw,
                applied.received_utc_ms,
            ),
        )

    def _put_body(self, connection: Any, late: LateBody) -> None:
        at = self._at(late.gateway, late.number)
        if not connection.execute("SELECT 1 FROM seals WHERE at = ?", (at,)).fetchone():
            raise StoreError(f"{late.gateway}: no seal {late.number} to put a body to")
        self._add_body(connection, at, late.body, late.received_utc_ms)

    def _add_body(self, connection: Any, at: int, body: bytes, utc_ms: int) -> None:
        """Put a body where there is none yet."""
        sql = "UPDATE seals SET body = ? WHERE at = ? AND body IS NULL"
        if connection.execute(sql, (body, at)).rowcount:
            self._arrive(connection, at, What.BODY, utc_ms)

    def _put_finding(self, connection: Any, told: Told) -> None:
        at = self._at(told.gateway, _clip(told.number)) if told.gateway in self._gateways else 0
        connection.execute(
            "INSERT INTO journal (at, what, received_utc_ms, line) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS "
            "(SELECT 1 FROM journal "
            "WHERE line IS NOT NULL AND at = ?1 AND line = ?4 AND received_utc_ms = ?3) "
            "AND (?1 > 0 OR (SELECT count(*) FROM journal WHERE line IS NOT NULL AND at = 0 "
            "AND received_utc_ms > ?3 - ?6) < ?5)",
            (at, int(What.FINDING), told.received_utc_ms, told.line, STRANGERS_MAX, MS_PER_DAY),
        )

    def _put_fork(self, connection: Any, fork: Fork) -> None:
        connection.execute(
            "INSERT INTO forks (gateway, number, cose, received_utc_ms) SELECT ?1, ?2, ?3, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM forks WHERE gateway = ?1 AND number = ?2 AND cose = ?3) "
            "AND (SELECT count(*) FROM forks WHERE gateway = ?1) < ?5",
            (self._find_gateway(fork.gateway).id, fork.number, fork.raw, fork.received_utc_ms, FORKS_MAX),
        )

    def statements(self, gateway: str) -> list[tuple[int, bytes]]:
        """As they were applied."""
        sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
        return self._database.read(sql, (self._find_gateway(gateway).id,))

    def statements_at(self, gateway: str, number: int) -> list[bytes]:
        """By the index."""
        sql = "SELECT raw FROM statements WHERE gateway = ? AND number = ? ORDER BY id"
        return [raw for (raw,) in self._database.read(sql, (self._find_gateway(gateway).id, number))]

    def is_applied(self, gateway: str, digest: bytes) -> bool:
        """Whether there is a row with this hash."""
        sql = "SELECT 1 FROM statements WHERE gateway = ? AND hash = ? LIMIT 1"
        return bool(self._database.read(sql, (self._find_gateway(gateway).id, digest)))

    def seal(self, gateway: str, number: int) -> tuple[bytes, bytes | None] | None:
        """One row."""
        found = self._database.read("SELECT cose, body FROM seals WHERE at = ?", (self._at(gateway, number),))
        return (found[0][0], found[0][1]) if found else None

    def cose(self, gateway: str, number: int) -> bytes | None:
        """One row without its body, whose pages are not read."""
        found = self._database.read("SELECT cose FROM seals WHERE at = ?", (self._at(gateway, number),))
        cose: bytes | None = found[0][0] if found else None
        return cose

    def chain(
        self, gateway: str, first: int = FIRST_NUMBER
    ) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        """Read in pieces of READ_ROWS_MAX; what comes in meanwhile is read too."""
        at, end = self._at(gateway, first), self._at(gateway, NUMBER_MAX)
        sql = "SELECT at, cose, body, received_utc_ms FROM seals WHERE at BETWEEN ? AND ? ORDER BY at LIMIT ?"
        while rows := self._database.read(sql, (at, end, READ_ROWS_MAX)):
            for row in rows:
                yield row[0] % SHIFT, *row[1:]
            at = rows[-1][0] + 1

    def account(self, gateway: str) -> bytes | None:
        """As it was committed."""
        sql = "SELECT account FROM gateways WHERE id = ?"
        raw: bytes | None = self._database.read(sql, (self._find_gateway(gateway).id,))[0][0]
        return raw

    def last_finding(self, gateway: str, code: str) -> Told | None:
        """By the index of lines: those of one gateway are read."""
        begin = self._at(gateway, 0) if gateway else 0
        found = self._database.read(
            "SELECT at, line, received_utc_ms FROM journal WHERE line IS NOT NULL AND at BETWEEN ? AND ? "
            "AND json_extract(line, '$.code') = ? AND json_extract(line, '$.gateway') = ? "
            "ORDER BY id DESC LIMIT 1",
            (begin, begin + (NUMBER_MAX if gateway else 0), code, gateway),
        )
        return Told(gateway, found[0][0] - begin, *found[0][1:]) if found else None

    def finding_at(self, gateway: str, number: int, code: str) -> Told | None:
        """By the index of lines."""
        found = self._database.read(
            "SELECT line, received_utc_ms FROM journal WHERE line IS NOT NULL AND at = ? "
            "AND json_extract(line, '$.code') = ? ORDER BY id DESC LIMIT 1",
            (self._at(gateway, _clip(number)), code),
        )
        return Told(gateway, number, *found[0]) if found else None

    def last_receipt(self, gateway: str) -> bytes | None:
        """As it was published."""
        found = self._database.read(
            "SELECT receipt FROM gateways WHERE id = ?", (self._find_gateway(gateway).id,)
        )
        raw: bytes | None = found[0][0]
        return raw

    def forks(self, gateway: str) -> list[tuple[int, bytes, int]]:
        """As they came."""
        sql = "SELECT number, cose, received_utc_ms FROM forks WHERE gateway = ? ORDER BY id"
        return self._database.read(sql, (self._find_gateway(gateway).id,))

    def _find_gateway(self, gateway: str) -> _Gateway:
        try:
            return self._gateways[gateway]
        except KeyError:
            raise UnknownGatewayError(f"{gateway} is not enrolled") from None

    def _at(self, gateway: str, number: int) -> int:
        return self._find_gateway(gateway).id * SHIFT + number


def _clip(number: int) -> int:
    """The number of a seal as it is in `at`, whatever a message said."""
    return min(max(number, 0), NUMBER_MAX)
