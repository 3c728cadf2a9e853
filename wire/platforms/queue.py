"""The queue of all hosts: one SQLite file beside the store, owned by the sender; the disk is its memory.

    packets   a row a packet and host, unique by host, station, st, cn and data_time: readings that are read
              again after a kill make no second packet; state is WAITING, DELIVERED, DECLINED or DROPPED
    place     of which store, the cursor from which readings are read again, and since when packets are made
    hosts     how much was dropped, and up to when rows were pruned: nothing that old is taken again
    stations  the MN that a platform assigned

Cursor and packets move in one transaction. A packet gets its QN in a transaction before it is sent first, and
keeps it: what was sent and not answered comes again under the same QN. What was delivered is kept for
requests for history, as long as there is room.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, Self

from attrs import define

from disk.database import CommitError, Database, Migration, StoreError
from drivers.hj212.times import RequestNumbers, read_time, write_time
from wire.hj212.link import Datum
from wire.platforms.intervals import Made

PAGE_BYTES: Final = 4_096
KEPT_TIMES: Final = 2
"""Rows of a host at most, as a multiple of those that may wait."""
FOREVER_MS: Final = 2**53
"""Behind every packet."""
PRUNE_EVERY: Final = 500
"""Packets between two looks at the number of rows."""
_STATEMENTS: Final = (
    """CREATE TABLE packets (
  number INTEGER PRIMARY KEY, host TEXT NOT NULL, station TEXT NOT NULL, st TEXT NOT NULL, cn TEXT NOT NULL,
  data_time TEXT NOT NULL, region TEXT NOT NULL, due_ms INTEGER NOT NULL, qn TEXT NOT NULL DEFAULT '',
  state INTEGER NOT NULL DEFAULT 0, UNIQUE (host, station, st, cn, data_time))""",
    "CREATE INDEX packets_waiting ON packets (host, station, due_ms) WHERE state = 0",
    "CREATE INDEX packets_due ON packets (host, due_ms)",
    "CREATE TABLE place (store INTEGER NOT NULL, cursor TEXT NOT NULL, since_ms INTEGER NOT NULL)",
    """CREATE TABLE hosts (
  host TEXT PRIMARY KEY, dropped INTEGER NOT NULL DEFAULT 0, pruned_ms INTEGER NOT NULL DEFAULT 0,
  qn_ms INTEGER NOT NULL DEFAULT 0)""",
    "CREATE TABLE stations (host TEXT, station TEXT, mn TEXT NOT NULL, PRIMARY KEY (host, station))",
)


class State(IntEnum):
    """Of a packet."""

    WAITING = 0
    DELIVERED = 1
    DECLINED = 2
    DROPPED = 3


def _make(db: Any) -> None:
    for statement in _STATEMENTS:
        db.execute(statement)


MIGRATIONS: Final[tuple[Migration, ...]] = (_make,)


@define(eq=False, repr=False)
class Queue:
    """See the module. All raise StoreError."""

    _database: Database
    cursor: str = ""
    since_ms: int = 0
    _put: int = 0

    @classmethod
    def open(cls, path: Path, store: int, since_ms: int, page_bytes: int = PAGE_BYTES) -> Self:
        """The queue at `path` for a store; made if it is not there, for readings from `since_ms` on."""
        made = cls(Database(path, "hj212", MIGRATIONS, page_bytes=page_bytes))
        try:
            made._take(path, store, since_ms)
        except BaseException:
            made.close()
            raise
        return made

    def _take(self, path: Path, store: int, since_ms: int) -> None:
        found = self._database.read("SELECT store, cursor, since_ms FROM place")
        if not found:
            with self._writing() as connection:
                connection.execute("INSERT INTO place VALUES (?, '', ?)", (store, since_ms))
            found = [(store, "", since_ms)]
        if found[0][0] != store:
            raise StoreError(f"{path}: was filled from another store; name a new file")
        _, self.cursor, self.since_ms = found[0]

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A transaction whose failure is a StoreError."""
        try:
            with self._database.write() as connection:
                yield connection
        except CommitError as error:
            raise StoreError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # ---- what is made

    def put(self, made: Mapping[str, Iterable[Made]], cursor: str, packets_max: Mapping[str, int]) -> None:
        """Add packets by host, each only once, and move the cursor with them."""
        with self._writing() as connection:
            for host, packets in made.items():
                connection.execute("INSERT OR IGNORE INTO hosts (host) VALUES (?)", (host,))
                (pruned_ms,) = connection.execute(
                    "SELECT pruned_ms FROM hosts WHERE host = ?", (host,)
                ).fetchone()
                rows = [
                    (host, one.station, one.st, one.cn, one.data_time, one.region, one.due_ms)
                    for one in packets
                    if one.due_ms > pruned_ms
                ]
                connection.executemany(
                    "INSERT OR IGNORE INTO packets (host, station, st, cn, data_time, region, due_ms) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
                self._put += len(rows)
            if self._put >= PRUNE_EVERY:
                self._put = 0
                for host, most in packets_max.items():
                    _prune(connection, host, most)
            connection.execute("UPDATE place SET cursor = ?", (cursor,))
        self.cursor = cursor

    # ---- what is sent

    def take(
        self, host: str, station: str, live_from_ms: int, numbers: RequestNumbers, utc_ms: int, *, late: bool
    ) -> Datum | None:
        """The oldest packet that waits and is late, or is live; it has its QN from then on."""
        first, end = (0, live_from_ms) if late else (live_from_ms, FOREVER_MS)
        found = self._database.read(
            "SELECT number, qn, st, cn, region FROM packets WHERE host = ? AND station = ? AND state = 0 "
            "AND due_ms >= ? AND due_ms < ? ORDER BY due_ms, number LIMIT 1",
            (host, station, first, end),
        )
        if not found:
            return None
        number, qn, st, cn, region = found[0]
        if not qn:
            qn = numbers.next(utc_ms)
            with self._writing() as connection:
                connection.execute("UPDATE packets SET qn = ? WHERE number = ?", (qn, number))
                connection.execute("UPDATE hosts SET qn_ms = ? WHERE host = ?", (numbers.last_ms, host))
        return Datum(number, qn, st, cn, region, late)

    def end(self, number: int, state: State) -> None:
        """A packet is dealt with."""
        with self._writing() as connection:
            connection.execute("UPDATE packets SET state = ? WHERE number = ?", (state.value, number))

    def last_qn_ms(self, host: str) -> int:
        """The newest number that was given out."""
        found = self._database.read("SELECT qn_ms FROM hosts WHERE host = ?", (host,))
        return found[0][0] if found else 0

    # ---- what is asked

    def history(
        self,
        host: str,
        station: str,
        st: str,
        cn: str,
        begin_ms: int,
        end_ms: int,
        offset_h: float,
        limit: int,
    ) -> tuple[list[tuple[str, str, str]], int]:
        """At most so many packets by their DataTime, and the ms behind the last to go on from."""
        begin, end = (write_time(at, offset_h) for at in (begin_ms, end_ms))
        rows = self._database.read(
            "SELECT st, cn, region, data_time FROM packets WHERE host = ? AND station = ? AND st = ? "
            "AND cn = ? AND data_time BETWEEN ? AND ? ORDER BY data_time LIMIT ?",
            (host, station, st, cn, begin, end, limit),
        )
        last = read_time(rows[-1][3], offset_h) if rows else None
        return [row[:3] for row in rows], end_ms if last is None else last + 1_000

    def count(self, host: str) -> tuple[int, int]:
        """Packets that wait, and that were dropped since ever."""
        waiting = self._database.read("SELECT count(*) FROM packets WHERE host = ? AND state = 0", (host,))
        dropped = self._database.read("SELECT dropped FROM hosts WHERE host = ?", (host,))
        return waiting[0][0], dropped[0][0] if dropped else 0

    def mn_of(self, host: str, station: str, otherwise: str) -> str:
        """The MN that was assigned, or that of the host file."""
        found = self._database.read("SELECT mn FROM stations WHERE host = ? AND station = ?", (host, station))
        return found[0][0] if found else otherwise

    def assign(self, host: str, station: str, mn: str) -> None:
        """Keep an assigned MN."""
        with self._writing() as connection:
            connection.execute("REPLACE INTO stations VALUES (?, ?, ?)", (host, station, mn))


def _prune(connection: Any, host: str, packets_max: int) -> None:
    """Drop what waits beyond the limit, the oldest first, and forget rows beyond twice that."""
    (waiting,) = connection.execute(
        "SELECT count(*) FROM packets WHERE host = ? AND state = 0", (host,)
    ).fetchone()
    if waiting > packets_max:
        connection.execute(
            "UPDATE packets SET state = 3 WHERE number IN "
            "(SELECT number FROM packets WHERE host = ? AND state = 0 ORDER BY due_ms LIMIT ?)",
            (host, waiting - packets_max),
        )
        connection.execute(
            "UPDATE hosts SET dropped = dropped + ? WHERE host = ?", (waiting - packets_max, host)
        )
    (rows,) = connection.execute("SELECT count(*) FROM packets WHERE host = ?", (host,)).fetchone()
    if rows > KEPT_TIMES * packets_max:
        over = rows - KEPT_TIMES * packets_max
        (due_ms,) = connection.execute(
            "SELECT due_ms FROM packets WHERE host = ? AND state != 0 ORDER BY due_ms LIMIT 1 OFFSET ?",
            (host, over - 1),
        ).fetchone()
        connection.execute(
            "DELETE FROM packets WHERE host = ? AND state != 0 AND due_ms <= ?", (host, due_ms)
        )
        connection.execute("UPDATE hosts SET pruned_ms = max(pruned_ms, ?) WHERE host = ?", (due_ms, host))
