"""The centre's database: what was verified of every gateway, and what speaks against one.

    gateways   id (primary key), name, first_key, state (ChainState), held (Held), receipt or NULL
    seals      at (primary key), cose, body or NULL, received_utc_ms
    forks      id (primary key), gateway, number, cose, received_utc_ms: the other half of the proof
               (`cose` may be a re-key that contradicts what was accepted)
    statements id (primary key), gateway, number, hash, raw, received_utc_ms: what was applied, in that order;
               number 0 is the enrolment

`at` = gateway's id * 2^40 + number: one tree without a secondary index, one gateway's chain in one
run of it. Nothing enters `seals` that has not passed `evidence.verify`, in the order of the
numbers; nothing is ever deleted here. `commit` puts a whole batch and the states after it into one
transaction; only after it has returned may a receipt be made. To commit again what is there changes
nothing, so a batch may be repeated after an unknown result.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, frozen

from centre.store.archive import SHIFT
from disk.database import Database, Migration, StoreError, suffixed
from disk.lock import Lock
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import FIRST_NUMBER, NO_HASH, NUMBER_MAX, seal_hash
from evidence.statement import Enrolment, Rekey, Replace, parse_statement

READ_ROWS_MAX: Final = 1_000
FORKS_MAX: Final = 1_000
"""Kept for one gateway; the first one is proof, and a clone must not fill the disk."""


class UnknownGatewayError(StoreError):
    """No such gateway was enrolled."""


class EnrolmentError(StoreError):
    """A gateway of this name is enrolled with another first key."""


@frozen
class Accepted:
    """A verified seal, with the state of its chain after it; `body` None where it was withheld."""

    state: ChainState
    cose: bytes
    body: bytes | None
    received_utc_ms: int
    absent: tuple[tuple[int, int], ...] = ()


@frozen
class Applied:
    """A statement that was applied, with the state of its chain after it."""

    state: ChainState
    raw: bytes
    received_utc_ms: int


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


MIGRATIONS: Final[tuple[Migration, ...]] = (_make_tables, _make_statements)


class CentreStore:
    """The centre's database at `path`."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            SecondInstanceError: Another process owns it.
            SchemaNewerError: A newer program wrote it.
            CorruptError: It cannot be read; the centre restores its backup, it never guesses.
        """
        self._lock = Lock(suffixed(path, ".lock"))
        try:
            self._database = Database(path, "centre", MIGRATIONS)
            self._gateways = {
                name: _Gateway(id_, ChainState.from_cbor(state), Held.from_cbor(held))
                for id_, name, state, held in self._database.read(
                    "SELECT id, name, state, held FROM gateways"
                )
            }
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Let the file go."""
        self._database.close()
        self._lock.release()

    def reopen(self) -> None:
        """Look at the file again after a failed commit."""
        self._database.reopen()

    def enrol(
        self,
        gateway: str,
        first_key: bytes,
        recovery_key: bytes = NO_HASH,
        enrolment: bytes = b"",
        utc_ms: int = 0,
    ) -> None:
        """Know `gateway` by its keys and the statement about them; to say it again changes nothing.

        A recovery key may be added where there was none.

        Raises:
            EnrolmentError: It is known by another key.
            FormatError: The id or a key cannot be one.
        """
        state = ChainState.enrolled(gateway, first_key, recovery_key)
        known = self._gateways.get(gateway)
        if known is None:
            held = Held()
            with self._database.write() as connection:
                id_ = connection.execute(
                    "INSERT INTO gateways (name, first_key, state, held) VALUES (?, ?, ?, ?)",
                    (gateway, first_key, state.to_cbor(), held.to_cbor()),
                ).lastrowid
            assert id_ is not None
            known = self._gateways[gateway] = _Gateway(id_, state, held)
        elif known.state.first_key != first_key:
            raise EnrolmentError(f"{gateway} is enrolled with another first key")
        if not enrolment or self.is_applied(gateway, seal_hash(enrolment)):
            return
        if known.state.recovery_key == NO_HASH:
            state = evolve(known.state, recovery_key=recovery_key)
        else:
            state = known.state  # the one that it has now; a replacement may have brought another
        self.commit([Applied(state, enrolment, utc_ms)])

    def gateways(self) -> tuple[str, ...]:
        """Every enrolled gateway."""
        return tuple(self._gateways)

    def state(self, gateway: str) -> ChainState:
        """Where the chain of `gateway` stands."""
        return self._known(gateway).state

    def held(self, gateway: str) -> Held:
        """Which bodies of `gateway` are held; not to be changed by the caller."""
        return self._known(gateway).held

    def commit(self, batch: Sequence[Accepted | Applied]) -> None:
        """Put `batch`, in the order of acceptance, and the states after it into one transaction.

        Raises:
            CommitError: The result is unknown; the same batch may be committed again.
        """
        held = {a.state.gateway: self._known(a.state.gateway).held for a in batch}
        held = {name: Held.from_cbor(one.to_cbor()) for name, one in held.items()}
        states = {name: self._known(name).state for name in held}
        with self._database.write() as connection:
            for one in batch:
                name = one.state.gateway
                if isinstance(one, Applied):
                    self._put_statement(connection, one)
                else:
                    self._put_seal(connection, one)
                    own = (one.state.number, one.state.number)
                    for span in [*one.absent, *([own] if one.body is not None else [])]:
                        held[name].add(*span)
                # In the order of acceptance: a statement changes a state and not its number.
                states[name] = one.state if one.state.number >= states[name].number else states[name]
            for name, state in states.items():
                connection.execute(
                    "UPDATE gateways SET state = ?, held = ? WHERE id = ?",
                    (state.to_cbor(), held[name].to_cbor(), self._known(name).id),
                )
        for name, state in states.items():
            self._gateways[name].state, self._gateways[name].held = state, held[name]

    def _put_seal(self, connection: Any, accepted: Accepted) -> None:
        at = self._at(accepted.state.gateway, accepted.state.number)
        connection.execute(
            "INSERT INTO seals (at, received_utc_ms, cose, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (at) DO UPDATE SET body = coalesce(body, excluded.body)",
            (at, accepted.received_utc_ms, accepted.cose, accepted.body),
        )

    def _put_statement(self, connection: Any, applied: Applied) -> None:
        connection.execute(
            "INSERT INTO statements (gateway, number, hash, raw, received_utc_ms) SELECT ?1, ?2, ?3, ?4, ?5 "
            "WHERE NOT EXISTS (SELECT 1 FROM statements WHERE gateway = ?1 AND hash = ?3)",
            (
                self._known(applied.state.gateway).id,
                _number_of(applied.raw),
                seal_hash(applied.raw),
                applied.raw,
                applied.received_utc_ms,
            ),
        )

    def statements(self, gateway: str) -> list[tuple[int, bytes]]:
        """(number, raw) of everything that was applied, in that order; number 0 is the enrolment."""
        sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
        return self._database.read(sql, (self._known(gateway).id,))

    def is_applied(self, gateway: str, digest: bytes) -> bool:
        """Whether the statement with this hash was applied."""
        sql = "SELECT 1 FROM statements WHERE gateway = ? AND hash = ? LIMIT 1"
        return bool(self._database.read(sql, (self._known(gateway).id, digest)))

    def stated_key(self, gateway: str, number: int) -> bytes | None:
        """The key that a statement gave to seal `number`; the last one where there were several."""
        for at, raw in reversed(self.statements(gateway)):
            statement = parse_statement(raw).statement
            if at == number and isinstance(statement, Rekey | Replace):
                return statement.next_key
        return None

    def put_body(
        self, gateway: str, number: int, body: bytes, absent: tuple[tuple[int, int], ...] = ()
    ) -> None:
        """Put a body that came later and proved itself; `absent` as its records declare."""
        known = self._known(gateway)
        held = Held.from_cbor(known.held.to_cbor())
        for span in ((number, number), *absent):
            held.add(*span)
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE seals SET body = coalesce(body, ?) WHERE at = ?", (body, self._at(gateway, number))
            ).rowcount
            if changed != 1:
                raise StoreError(f"{gateway}: no seal {number} to put a body to")
            connection.execute("UPDATE gateways SET held = ? WHERE id = ?", (held.to_cbor(), known.id))
        known.held = held

    def seal(self, gateway: str, number: int) -> tuple[bytes, bytes | None] | None:
        """Seal `number` and its body, or None."""
        found = self._database.read("SELECT cose, body FROM seals WHERE at = ?", (self._at(gateway, number),))
        return (found[0][0], found[0][1]) if found else None

    def cose(self, gateway: str, number: int) -> bytes | None:
        """Seal `number` without its body, or None."""
        found = self._database.read("SELECT cose FROM seals WHERE at = ?", (self._at(gateway, number),))
        cose: bytes | None = found[0][0] if found else None
        return cose

    def chain(self, gateway: str, first: int = 1) -> Iterator[tuple[int, bytes, bytes | None, int]]:
        """(number, cose, body, received_utc_ms) of every seal from `first` on, read in pieces."""
        at, end = self._at(gateway, first), self._at(gateway, NUMBER_MAX)
        sql = "SELECT at, cose, body, received_utc_ms FROM seals WHERE at BETWEEN ? AND ? ORDER BY at LIMIT ?"
        while rows := self._database.read(sql, (at, end, READ_ROWS_MAX)):
            for row in rows:
                yield row[0] % SHIFT, *row[1:]
            at = rows[-1][0] + 1

    def put_receipt(self, gateway: str, raw: bytes) -> None:
        """Keep the last receipt of `gateway`."""
        with self._database.write() as connection:
            connection.execute("UPDATE gateways SET receipt = ? WHERE id = ?", (raw, self._known(gateway).id))

    def last_receipt(self, gateway: str) -> bytes | None:
        """The last receipt of `gateway`."""
        found = self._database.read("SELECT receipt FROM gateways WHERE id = ?", (self._known(gateway).id,))
        raw: bytes | None = found[0][0]
        return raw

    def put_fork(self, gateway: str, number: int, cose: bytes, received_utc_ms: int) -> None:
        """Keep a seal that contradicts an accepted one; the same bytes once, at most FORKS_MAX."""
        id_ = self._known(gateway).id
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO forks (gateway, number, cose, received_utc_ms) SELECT ?1, ?2, ?3, ?4 "
                "WHERE NOT EXISTS (SELECT 1 FROM forks WHERE gateway = ?1 AND number = ?2 AND cose = ?3) "
                "AND (SELECT count(*) FROM forks WHERE gateway = ?1) < ?5",
                (id_, number, cose, received_utc_ms, FORKS_MAX),
            )

    def forks(self, gateway: str) -> list[tuple[int, bytes, int]]:
        """(number, cose, received_utc_ms) of every fork that was seen."""
        sql = "SELECT number, cose, received_utc_ms FROM forks WHERE gateway = ? ORDER BY id"
        return self._database.read(sql, (self._known(gateway).id,))

    def _known(self, gateway: str) -> _Gateway:
        try:
            return self._gateways[gateway]
        except KeyError:
            raise UnknownGatewayError(f"{gateway} is not enrolled") from None

    def _at(self, gateway: str, number: int) -> int:
        return self._known(gateway).id * SHIFT + number


def _number_of(raw: bytes) -> int:
    """Where a statement stands in the order of the numbers."""
    statement = parse_statement(raw).statement
    return FIRST_NUMBER - 1 if isinstance(statement, Enrolment) else statement.number
