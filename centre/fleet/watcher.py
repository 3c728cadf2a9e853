"""Follows a store beside the subscriber that owns it: a `Known` for each gateway, kept up to date.

A start does not read the store from its beginning: of each gateway it reads the last findings and episodes,
by their indexes, and its newest seals back to a heartbeat, in pieces, so that no transaction lasts. From the
place at which that began it goes on with what comes. Needs no key, holds up nobody.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Final

from attrs import define, field

from centre.fleet.known import FINDINGS_MAX, OPEN_MAX, Known
from centre.gateway.budget import Account
from centre.store.journal import SHIFT, Arrival, Mark, SqlJournal, What
from centre.store.place import Place, open_to_read
from centre.store.reading import ARCHIVED
from disk.database import StoreError
from disk.snapshot import Snapshot
from evidence import cbor
from evidence.chain import ChainState
from evidence.seal import NUMBER_MAX, open_body, peek_header

GATEWAYS_PIECE: Final = 20
"""Gateways that a start reads in one transaction: about 0.1 s."""
ARRIVALS_PIECE: Final = 200
"""Arrivals in one transaction: 0.1 s of bodies of twenty readings."""
TELLING_MAX: Final = 2 * OPEN_MAX
"""Bodies with episodes that a start reads of one gateway, the newest first."""
BEAT_SEALS_MAX: Final = 64
"""Seals back from the newest in which a start looks for a heartbeat: ten minutes of the usual interval."""
OUTAGE: Final = "outage"
_LINES: Final = (
    "SELECT line, received_utc_ms FROM journal WHERE line IS NOT NULL AND at BETWEEN ? AND ? AND id <= ?"
)
"""Findings by the index of lines, up to a place."""


@define
class Watcher:
    """See the module. For one thread.

    Attributes:
        gateways: By name, in the order of enrolment.
        newest_utc_ms: When anything last came into the store, as the centre's clock said; 0 for never.
        archived: The last month that was archived as a whole, as year * 100 + month; 0 for none.
        deaf_since_ms: Since when the centre does not hear its own beacon, None while it does.
    """

    where: Place
    gateways: dict[str, Known] = field(init=False, factory=dict)
    newest_utc_ms: int = field(init=False, default=0)
    archived: int = field(init=False, default=0)
    deaf_since_ms: int | None = field(init=False, default=None)
    _store: int = field(init=False, default=-1)
    _place: int = field(init=False, default=0)
    _ids: dict[str, int] = field(init=False, factory=dict)
    _unread: list[str] = field(init=False, factory=list)

    @property
    def unread(self) -> int:
        """Gateways whose past a start has not read yet."""
        return len(self._unread)

    def read(self) -> bool:
        """Take the next piece; whether there may be another one at once.

        Raises:
            StoreError: The store cannot be read.
        """
        with closing(open_to_read(self.where)) as snapshot:
            if not snapshot.has("journal"):
                raise StoreError(
                    f"{self.where}: has no journal; start `dianjian subscribe` of this version once"
                )
            journal = SqlJournal(snapshot.read)
            self.archived = journal.place_of(ARCHIVED)
            if journal.identify() != self._store or journal.last_place() < self._place:
                self._begin(snapshot, journal)
            elif not self._unread and self._follow(journal):
                return True
            if not self._unread:
                self._read_standings(snapshot)
            piece, self._unread = self._unread[:GATEWAYS_PIECE], self._unread[GATEWAYS_PIECE:]
            for name in piece:
                self._read_past(self.gateways[name], snapshot, journal)
            return bool(piece)

    def _begin(self, snapshot: Snapshot, journal: SqlJournal) -> None:
        """Start anew: the first look, or another store is there now."""
        self._store, self._place = journal.identify(), journal.last_place()
        self.gateways, self._ids, self._unread = {}, {}, []
        last = journal.arrivals(self._place - 1, 1) if self._place else []
        self.newest_utc_ms, self.deaf_since_ms = max((one.received_utc_ms for one in last), default=0), None
        sql = f"{_LINES} AND line LIKE '%outage%' ORDER BY id DESC LIMIT ?"
        for line, utc_ms in reversed(snapshot.read(sql, (0, 0, self._place, FINDINGS_MAX))):
            self._note_finding("", line, utc_ms)

    def _read_standings(self, snapshot: Snapshot) -> None:
        """Numbers, revocations and who is set aside; and who is new."""
        sql = "SELECT id, name, state, account FROM gateways ORDER BY id"
        for id_, name, raw, account in snapshot.read(sql):
            if name not in self._ids:
                self.gateways[name], self._ids[name] = Known(name), id_
                self._unread.append(name)
            try:
                aside = "" if account is None else Account.from_cbor(account).aside
                self.gateways[name].note_standing(ChainState.from_cbor(raw), aside)
            except cbor.FormatError as error:
                raise StoreError(f"{self.where}: what is known of {name} cannot be read: {error}") from error

    def _read_past(self, known: Known, snapshot: Snapshot, journal: SqlJournal) -> None:
        begin = self._ids[known.gateway] * SHIFT
        ends = (begin, begin + NUMBER_MAX, self._place, 2 * FINDINGS_MAX)
        for line, utc_ms in reversed(snapshot.read(f"{_LINES} ORDER BY id DESC LIMIT ?", ends)):
            self._note_finding(known.gateway, line, utc_ms)
        telling = journal.marked(known.gateway, Mark.TELLS, NUMBER_MAX, backwards=True)
        for arrival in islice(telling, TELLING_MAX):
            _open_into(known, arrival.cose, arrival.body)
        for arrival in islice(journal.newest(known.gateway, Mark.TEACHES), 1):
            _open_into(known, arrival.cose, arrival.body)
        for cose, body, utc_ms in _newest(snapshot, begin, known.number):
            known.note_arrival(utc_ms)
            _open_into(known, cose, body)
            if known.beat is not None:
                break

    def _follow(self, journal: SqlJournal) -> bool:
        """What came behind the place; whether it was a whole piece."""
        arrivals = journal.arrivals(self._place, ARRIVALS_PIECE)
        for arrival in arrivals:
            self._take(arrival)
            self._place = arrival.place
        return len(arrivals) == ARRIVALS_PIECE

    def _take(self, arrival: Arrival) -> None:
        self.newest_utc_ms = max(self.newest_utc_ms, arrival.received_utc_ms)
        if arrival.what is What.FINDING:
            self._note_finding(arrival.gateway, arrival.line, arrival.received_utc_ms)
            return
        known = self.gateways.get(arrival.gateway)
        if known is not None:  # else it is read whole in a moment
            known.note_arrival(arrival.received_utc_ms)
            _open_into(known, arrival.cose, arrival.body)

    def _note_finding(self, gateway: str, text: str, utc_ms: int) -> None:
        line = json.loads(text)
        if not gateway and line["code"] == OUTAGE:
            since_ms = utc_ms - round(float(line.get("seconds", 0)) * 1_000)
            self.deaf_since_ms = None if line.get("ended") else since_ms
        elif gateway in self.gateways:
            self.gateways[gateway].note_finding(line, utc_ms)


def _newest(snapshot: Snapshot, begin: int, number: int) -> Iterator[tuple[bytes, bytes | None, int]]:
    """(cose, body, received_utc_ms) of the last seals, backwards."""
    first = begin + max(number - BEAT_SEALS_MAX, 0) + 1
    rows = snapshot.read_range(
        "seals", "at", "cose, body, received_utc_ms", first, begin + number, backwards=True
    )
    return ((cose, body, utc_ms) for _, cose, body, utc_ms in rows)


def _open_into(known: Known, cose: bytes, body: bytes | None) -> None:
    """The records of a verified body; one that the disk has changed since counts for nothing."""
    if body is None:
        return
    try:
        header = peek_header(cose)
        records = open_body(header, body)
    except cbor.FormatError:
        return
    known.note_body(header, records)
