"""A PostgreSQL store that several verifiers share: each writes for the gateways of its slices alone.

Each verifier has a lease: a row of `verifiers` with a number that grows from one to the next, and with the
moment up to which it holds, by the server's clock. It has the slices whose row in `slices` names its number.
Nobody takes a slice from a lease that is there; whoever renews first deletes those that have ended. So a
transaction that has locked the row of its own lease (FOR KEY SHARE, which a delete waits for) is committed
before any of its slices is another's, or not at all: a verifier that was paused for longer than its lease,
in the midst of a batch too, commits nothing when it goes on. Leases that a transaction has locked are passed
over meanwhile (SKIP LOCKED), and the server ends the session of one that stops in the midst of it.

All who share the database hold its owner's advisory lock together, so that no single owner is beside them.
Places of the journal are the order of the commits: who writes there holds JOURNAL_LOCK up to the commit.

Lines are not handed on here: `dianjian consume` reads them from the store.
"""

import contextlib
import socket
from collections.abc import Sequence
from os import getpid
from typing import Any, ClassVar, Final

from centre.store.postgresql import OWNER_LOCK, PostgresqlStore
from centre.store.postgresql_connection import IDLE_SETTINGS, Transaction
from centre.store.shared import LEASE_S, OvertakenError, SharedStore, Turnover
from centre.store.slices import BEACON, Verifier, plan, slice_of
from centre.store.sql import Row
from disk.database import CommitError, StoreError

LEASES_LOCK: Final = OWNER_LOCK + 2
"""Of a transaction in which slices change hands, one at a time."""
JOURNAL_LOCK: Final = OWNER_LOCK + 3
_UNTIL: Final = "clock_timestamp() + make_interval(secs => ?)"


class SlicedStore(PostgresqlStore, SharedStore):
    """The database at `url`; see the module, `centre.store.shared` and `centre.store.contract`."""

    lock_function: ClassVar = "pg_try_advisory_lock_shared"

    def __init__(self, url: str, first: int, last: int) -> None:
        """Open it; `first` and `last` slice are those to ask for. Raises as PostgresqlStore."""
        self._asked = first, last
        self._lease: int | None = None
        self._slices: frozenset[int] = frozenset()
        super().__init__(url, IDLE_SETTINGS)

    def close(self) -> None:
        """Give the slices up, so that others take them at once."""
        with contextlib.suppress(CommitError, StoreError):
            self._end()
        super().close()

    def owns(self, gateway: str) -> bool:
        """By the slice."""
        return slice_of(gateway) in self._slices

    def delivered(self) -> int:
        """All: nothing is handed on here."""
        return self.journal().last_place()

    def note_delivered(self, place: int) -> None:
        """Nothing to note."""

    def turn_over(self) -> Turnover:
        """One transaction."""
        with self._write() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(?)", (LEASES_LOCK,))
            lease = self._renew(connection)
            living = self._list_living(connection)
            owners = dict(connection.execute("SELECT number, lease FROM slices").fetchall())
            one = plan(lease, living, owners)
            self._assign(connection, lease, one.taken)
            self._assign(connection, None, one.given_up)
        self._lease = lease
        numbers = {number for number, owner in owners.items() if owner == lease}
        numbers = (numbers | set(one.taken)) - set(one.given_up)
        before, self._slices = self._slices, frozenset(numbers - {BEACON})
        lost = [name for name in self._gateways if not self.owns(name)]
        for name in lost:
            del self._gateways[name]
        gained = self._slices - before
        if gained:
            self._gateways |= self._read_gateways(sorted(gained))
        return Turnover(gained, tuple(lost), BEACON in numbers)

    def prolong(self) -> None:
        """One row."""
        with self._write() as connection:
            self._renew(connection)

    def give_up(self) -> tuple[str, ...]:
        """Whatever becomes of the lease's row: it is never renewed again."""
        with contextlib.suppress(CommitError, StoreError):
            self.reopen()
            self._end()
        lost = tuple(self._gateways)
        self._gateways.clear()
        self._unknown.clear()
        self._lease, self._slices = None, frozenset()
        return lost

    def _end(self) -> None:
        if self._lease is not None:
            with self._write() as connection:
                connection.execute("DELETE FROM verifiers WHERE lease = ?", (self._lease,))

    def _renew(self, connection: Transaction) -> int:
        """The number of the lease, which holds from now on; the first call makes it."""
        if self._lease is None:
            done = connection.execute(
                "INSERT INTO verifiers (name, first_slice, last_slice, until) "  # noqa: S608
                f"VALUES (?, ?, ?, {_UNTIL}) RETURNING lease",
                (f"{socket.gethostname()}:{getpid()}", *self._asked, LEASE_S),
            )
        else:
            done = connection.execute(
                f"UPDATE verifiers SET until = {_UNTIL} WHERE lease = ? RETURNING lease",  # noqa: S608
                (LEASE_S, self._lease),
            )
        return int(self._own_row(done.fetchall())[0])

    def _list_living(self, connection: Transaction) -> list[Verifier]:
        """All whose lease holds; the others go."""
        connection.execute(
            "DELETE FROM verifiers WHERE lease IN (SELECT lease FROM verifiers "
            "WHERE until < clock_timestamp() FOR UPDATE SKIP LOCKED)"
        )
        rows = connection.execute("SELECT lease, first_slice, last_slice FROM verifiers").fetchall()
        return [Verifier(*row) for row in rows]

    @staticmethod
    def _assign(connection: Transaction, lease: int | None, numbers: Sequence[int]) -> None:
        if numbers:
            sql = "UPDATE slices SET lease = ? WHERE number = ANY(?)"
            connection.execute(sql, (lease, list(numbers)))

    def _guard(self, connection: Any) -> None:
        sql = "SELECT lease FROM verifiers WHERE lease = ? FOR KEY SHARE"
        self._own_row(connection.execute(sql, (self._lease,)).fetchall())

    def _own_row(self, rows: list[Any]) -> Any:
        if not rows:
            raise OvertakenError(
                f"{self._database.url}: the lease of this verifier has ended; others have its gateways"
            )
        return rows[0]

    def _order(self, connection: Any) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (JOURNAL_LOCK,))

    def _read_gateways(self, slices: Sequence[int] | None = None) -> dict[str, Row]:
        return {} if slices is None else super()._read_gateways(slices)
