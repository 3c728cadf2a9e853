"""The centre's store in tables, whatever database runs the statements.

    gateways   id (primary key), name, first_key, state (ChainState), held (Held), receipt or NULL,
               account (centre.gateway.budget) or NULL
    seals      at, cose, body or NULL, received_utc_ms
    forks      id (primary key), gateway, number, cose, received_utc_ms: the other half of the proof
               (`cose` may be a re-key that contradicts what was accepted)
    statements id (primary key), gateway, number, hash, raw, received_utc_ms: what was applied, in that order;
               number 0 is the enrolment
    journal, cursors: see `centre.store.journal`

`at` = gateway's id * 2^40 + number: one index, one gateway's chain in one run of it. Only what has passed
`evidence.verify` enters `seals`, in the order of the numbers. The process that opened it is the only writer
of its gateways, so states and held bodies are kept in memory; they change there only after a commit has
returned. Rows of the journal are written last in a transaction, so that who orders the places of several
writers holds them up for that long alone.

Statements are those that SQLite and PostgreSQL understand alike, with `?` for a value; where they differ, the
store of that database has its own method: `centre.store.sqlite`, `centre.store.postgresql`.
"""

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar, Final

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
from centre.store.journal import DELIVERED, SHIFT, STRANGERS_MAX, SqlJournal, What
from centre.store.pieces import Piece, Rest, put_mark, put_piece, put_rest
from disk.database import CommitError, CorruptError, StoreError
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER, NUMBER_MAX, seal_hash

READ_ROWS_MAX: Final = 1_000
UNMARKED: Final = (
    "at BETWEEN ? AND ? AND received_utc_ms >= ? AND received_utc_ms < ? AND body IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.at = seals.at AND marks IS NOT NULL)"
)
"""Bodies between two places of a chain, received between two moments, that the store may give up."""


@define
class Row:
    """What is kept in memory of a row of `gateways`."""

    id: int
    state: ChainState
    held: Held
    version: int = 0  # of the row, where it is kept


class SqlStore(CentreStore):
    """See the module and `centre.store.contract`; that of one database adds how it is opened and closed."""

    _WITH_ID: ClassVar = ""
    _journal: SqlJournal
    _gateways: dict[str, Row]

    def _load(self, journal: SqlJournal) -> None:
        """Read what is kept in memory."""
        self._journal = journal
        self._gateways = self._read_gateways()
        self._delivered = self._delivered_kept = journal.place_of(DELIVERED)
        self._places: dict[int, int] = {}  # of the bodies of the transaction, by `at`
        self._arrivals: list[Callable[[], object]] = []  # what the transaction writes into the journal

    def _read_gateways(self) -> dict[str, Row]:
        """Those that this process may write, by name."""
        rows = self._read("SELECT id, name, state, held FROM gateways ORDER BY id")
        return {
            name: Row(id_, ChainState.from_cbor(state), Held.from_cbor(held))
            for id_, name, state, held in rows
        }

    @abstractmethod
    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; raises StoreError."""

    @abstractmethod
    def _write(self) -> AbstractContextManager[Any]:
        """One transaction, committed at the end; raises CommitError."""

    @abstractmethod
    def _add_seal(self, connection: Any, row: tuple[int, int, bytes, bytes | None]) -> bool:
        """Put a row of `seals` (at, received_utc_ms, cose, body), unless there is one; whether it was put."""

    @abstractmethod
    def _member(self, name: str) -> str:
        """The SQL for a member of the line of a finding."""

    def _guard(self, connection: Any) -> None:
        """Called first in each transaction; raises where this process may not write any more."""

    def _order(self, connection: Any) -> None:
        """Called before a transaction writes into the journal; places must be the order of the commits."""

    def _change(self, connection: Any, one: Row, state: bytes, held: bytes, receipt: bytes | None) -> None:
        """Put what a batch leaves of a gateway into its row."""
        connection.execute(
            "UPDATE gateways SET state = ?, held = ?, receipt = coalesce(?, receipt) WHERE id = ?",
            (state, held, receipt, one.id),
        )

    def _columns_of(self, told: Told) -> Mapping[str, str]:
        """Further columns of a finding in `journal`."""
        del told
        return {}

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, for `centre.store.copying`; raises StoreError."""
        return self._read(sql, parameters)

    def set_mark(self, name: str, place: int) -> None:
        """Set a row of `cursors`; raises CommitError."""
        with self._write() as connection:
            put_mark(connection, name, place)

    def take_piece(self, piece: Piece, rest: Rest | None = None) -> None:
        """Put a piece of another store in one transaction; with `rest` this store is whole then."""
        with self._write() as connection:
            self._prepare(connection, piece)
            put_piece(connection, piece, self._WITH_ID, lambda line: self._columns_of(Told("", 0, line, 0)))
            if rest is not None:
                put_rest(connection, rest, self._WITH_ID)
                self._end_copy(connection)
        if rest is not None:
            self._load(self._journal)

    @abstractmethod
    def drop_bodies(self, begin_ms: int, end_ms: int, spans: Sequence[tuple[int, int]]) -> int:
        """Give up bodies of seals received in a month, `begin_ms` to before `end_ms`; how many.

        `spans` are first and last `at` of runs whose bodies lie elsewhere; those that have a mark stay. What
        a gateway, its receipts and its chain rest on does not change. A repetition changes nothing.

        Raises:
            CommitError: The result is unknown, or others use the store; the same call goes on where it was.
        """

    def put_back(self, bodies: Sequence[tuple[int, bytes]]) -> int:
        """Put bodies, by `at`, to seals whose own were given up, in one transaction; how many lacked."""
        with self._write() as connection:
            sql = "UPDATE seals SET body = ? WHERE at = ? AND body IS NULL"
            return sum(connection.execute(sql, (body, at)).rowcount for at, body in bodies)

    def _prepare(self, connection: Any, piece: Piece) -> None:
        """Make room for a piece."""

    def _end_copy(self, connection: Any) -> None:
        """Go on with the ids behind those that were put."""

    def _close(self) -> None:
        """Note what was handed on; it is handed on once more where that fails."""
        with contextlib.suppress(CommitError, CorruptError):
            if self._delivered != self._delivered_kept:
                with self._write() as connection:
                    self._keep_delivered(connection)

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
        self._arrivals.clear()
        delivered = self._delivered
        with self._write() as connection:
            self._guard(connection)
            for one in batch:
                self._put(connection, one)
            self._keep_delivered(connection)
            for name, (state, held) in after.items():
                self._change(
                    connection, self._find_gateway(name), state.to_cbor(), held.to_cbor(), made.get(name)
                )
            if self._arrivals:
                self._order(connection)
            for write in self._arrivals:
                write()
        self._delivered_kept = delivered
        for name, (state, held) in after.items():
            self._gateways[name].state, self._gateways[name].held = state, held
        return made

    def journal(self) -> SqlJournal:
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
        self._arrivals.append(partial(self._put_arrival, connection, at, what, utc_ms))

    def _put_arrival(self, connection: Any, at: int, what: What, utc_ms: int) -> None:
        self._places[at] = connection.execute(
            "INSERT INTO journal (at, what, received_utc_ms) VALUES (?, ?, ?) RETURNING id",
            (at, int(what), utc_ms),
        ).fetchall()[0][0]

    def _insert(self, state: ChainState) -> None:
        held = Held()
        with self._write() as connection:
            self._guard(connection)
            id_ = connection.execute(
                "INSERT INTO gateways (name, first_key, state, held) VALUES (?, ?, ?, ?) RETURNING id",
                (state.gateway, state.first_key, state.to_cbor(), held.to_cbor()),
            ).fetchall()[0][0]
        self._gateways[state.gateway] = Row(id_, state, held)

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
            case Marked():
                self._arrivals.append(partial(self._put_marks, connection, change))
            case Told():
                self._arrivals.append(partial(self._put_finding, connection, change))
            case Charged():
                connection.execute(
                    "UPDATE gateways SET account = ? WHERE id = ?",
                    (change.account, self._find_gateway(change.gateway).id),
                )

    def _put_seal(self, connection: Any, accepted: Accepted) -> None:
        at = self._at(accepted.state.gateway, accepted.state.number)
        utc_ms, body = accepted.received_utc_ms, accepted.body
        if self._add_seal(connection, (at, utc_ms, accepted.cose, body)):
            self._arrive(connection, at, What.SEAL if body is None else What.WHOLE, utc_ms)
        elif body is not None:
            self._add_body(connection, at, body, utc_ms)

    def _put_statement(self, connection: Any, applied: Applied) -> None:
        id_, digest = self._find_gateway(applied.state.gateway).id, seal_hash(applied.raw)
        connection.execute(
            "INSERT INTO statements (gateway, number, hash, raw, received_utc_ms) SELECT ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM statements WHERE gateway = ? AND hash = ?)",
            (id_, number_of(applied.raw), digest, applied.raw, applied.received_utc_ms, id_, digest),
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

    def _put_marks(self, connection: Any, marked: Marked) -> None:
        place = self._places.get(self._at(marked.gateway, marked.number))
        connection.execute("UPDATE journal SET marks = ? WHERE id = ?", (int(marked.marks), place))

    def _put_finding(self, connection: Any, told: Told) -> None:
        at = self._at(told.gateway, _clip(told.number)) if told.gateway in self._gateways else 0
        utc_ms, more = told.received_utc_ms, self._columns_of(told)
        connection.execute(
            f"INSERT INTO journal (at, what, received_utc_ms, line{''.join(f', {name}' for name in more)}) "  # noqa: S608
            f"SELECT ?, ?, ?, ?{', ?' * len(more)} WHERE NOT EXISTS "
            "(SELECT 1 FROM journal WHERE line IS NOT NULL AND at = ? AND line = ? AND received_utc_ms = ?) "
            "AND (? > 0 OR (SELECT count(*) FROM journal WHERE line IS NOT NULL AND at = 0 "
            "AND received_utc_ms > ?) < ?)",
            (
                *(at, int(What.FINDING), utc_ms, told.line, *more.values()),
                *(at, told.line, utc_ms, at, utc_ms - MS_PER_DAY, STRANGERS_MAX),
            ),
        )

    def _put_fork(self, connection: Any, fork: Fork) -> None:
        id_ = self._find_gateway(fork.gateway).id
        connection.execute(
            "INSERT INTO forks (gateway, number, cose, received_utc_ms) SELECT ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM forks WHERE gateway = ? AND number = ? AND cose = ?) "
            "AND (SELECT count(*) FROM forks WHERE gateway = ?) < ?",
            (
                *(id_, fork.number, fork.raw, fork.received_utc_ms),
                *(id_, fork.number, fork.raw, id_, FORKS_MAX),
            ),
        )

    def statements(self, gateway: str) -> list[tuple[int, bytes]]:
        """As they were applied."""
        sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
        return self._read(sql, (self._find_gateway(gateway).id,))

    def statements_at(self, gateway: str, number: int) -> list[bytes]:
        """By the index."""
        sql = "SELECT raw FROM statements WHERE gateway = ? AND number = ? ORDER BY id"
        return [raw for (raw,) in self._read(sql, (self._find_gateway(gateway).id, number))]

    def is_applied(self, gateway: str, digest: bytes) -> bool:
        """Whether there is a row with this hash."""
        sql = "SELECT 1 FROM statements WHERE gateway = ? AND hash = ? LIMIT 1"
        return bool(self._read(sql, (self._find_gateway(gateway).id, digest)))

    def seal(self, gateway: str, number: int) -> tuple[bytes, bytes | None] | None:
        """One row."""
        found = self._read("SELECT cose, body FROM seals WHERE at = ?", (self._at(gateway, number),))
        return (found[0][0], found[0][1]) if found else None

    def cose(self, gateway: str, number: int) -> bytes | None:
        """One row without its body, whose pages are not read."""
        found = self._read("SELECT cose FROM seals WHERE at = ?", (self._at(gateway, number),))
        cose: bytes | None = found[0][0] if found else None
        return cose

    def chain(
        self, gateway: str, first: int = FIRST_NUMBER
    ) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        """Read in pieces of READ_ROWS_MAX; what comes in meanwhile is read too."""
        at, end = self._at(gateway, first), self._at(gateway, NUMBER_MAX)
        sql = "SELECT at, cose, body, received_utc_ms FROM seals WHERE at BETWEEN ? AND ? ORDER BY at LIMIT ?"
        while rows := self._read(sql, (at, end, READ_ROWS_MAX)):
            for row in rows:
                yield row[0] % SHIFT, *row[1:]
            at = rows[-1][0] + 1

    def account(self, gateway: str) -> bytes | None:
        """As it was committed."""
        sql = "SELECT account FROM gateways WHERE id = ?"
        raw: bytes | None = self._read(sql, (self._find_gateway(gateway).id,))[0][0]
        return raw

    def last_finding(self, gateway: str, code: str) -> Told | None:
        """By the index of lines: those of one gateway are read."""
        begin = self._at(gateway, 0) if gateway else 0
        found = self._read(
            "SELECT at, line, received_utc_ms FROM journal "  # noqa: S608
            "WHERE line IS NOT NULL AND at BETWEEN ? AND ? "
            f"AND {self._member('code')} = ? AND {self._member('gateway')} = ? "
            "ORDER BY id DESC LIMIT 1",
            (begin, begin + (NUMBER_MAX if gateway else 0), code, gateway),
        )
        return Told(gateway, found[0][0] - begin, *found[0][1:]) if found else None

    def finding_at(self, gateway: str, number: int, code: str) -> Told | None:
        """By the index of lines."""
        found = self._read(
            "SELECT line, received_utc_ms FROM journal WHERE line IS NOT NULL AND at = ? "  # noqa: S608
            f"AND {self._member('code')} = ? ORDER BY id DESC LIMIT 1",
            (self._at(gateway, _clip(number)), code),
        )
        return Told(gateway, number, *found[0]) if found else None

    def last_receipt(self, gateway: str) -> bytes | None:
        """As it was published."""
        found = self._read("SELECT receipt FROM gateways WHERE id = ?", (self._find_gateway(gateway).id,))
        raw: bytes | None = found[0][0]
        return raw

    def forks(self, gateway: str) -> list[tuple[int, bytes, int]]:
        """As they came."""
        sql = "SELECT number, cose, received_utc_ms FROM forks WHERE gateway = ? ORDER BY id"
        return self._read(sql, (self._find_gateway(gateway).id,))

    def _find_gateway(self, gateway: str) -> Row:
        try:
            return self._gateways[gateway]
        except KeyError:
            raise UnknownGatewayError(f"{gateway} is not enrolled") from None

    def _at(self, gateway: str, number: int) -> int:
        return self._find_gateway(gateway).id * SHIFT + number


def _clip(number: int) -> int:
    """The number of a seal as it is in `at`, whatever a message said."""
    return min(max(number, 0), NUMBER_MAX)
