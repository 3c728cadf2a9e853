"""Reads the lines of a store beside the subscriber that owns it; needs no key and disturbs nobody.

Each piece is read from one moment of the store and held in memory before it is handed on: a slow reader of
the output holds up neither the subscriber nor its log.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

from attrs import define, field, frozen

from centre.feed import (
    PIECE_ARRIVALS,
    CursorError,
    Feed,
    Keys,
    Place,
    make_cursor,
    name_lines,
    parse_cursor,
    place_of,
)
from centre.json_lines import JsonLine
from centre.store.journal import Arrival, SqlJournal
from centre.store.place import Place as StorePlace
from centre.store.place import open_to_read
from disk.database import StoreError
from evidence.moments import iso_utc

T = TypeVar("T")

TYPES: Final = ("reading", "episode", "record", "finding", "seal", "body")
"""Types of the lines that a store gives."""


@frozen
class Wanted:
    """Which lines; everything if nothing is said.

    Attributes:
        since, until: UTC ms, the end not included; of a reading, a record or an episode its own time, of the
            others that of their reception.
    """

    gateways: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    since_utc_ms: int | None = None
    until_utc_ms: int | None = None

    def takes(self, line: JsonLine, arrival: Arrival) -> bool:
        """Whether a line is wanted."""
        if self.types and line["type"] not in self.types:
            return False
        at = line.get("at") or iso_utc(arrival.received_utc_ms)
        begin, end = self.since_utc_ms, self.until_utc_ms
        return (begin is None or at >= iso_utc(begin)) and (end is None or at < iso_utc(end))


@define
class Consumer:
    """See the module. `store` is its number."""

    where: StorePlace
    wanted: Wanted
    keys: Keys = field(factory=dict, repr=False)
    _place: Place = field(init=False, factory=Place)
    store: int = field(init=False)
    _feed: Feed | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.store = self._reading(SqlJournal.identify)

    @property
    def cursor(self) -> str:
        """Where the next piece begins."""
        return make_cursor(self.store, self._place)

    def go_to(self, cursor: str) -> None:
        """Go on behind a line with this cursor; raises CursorError, also if the store has no such place."""
        place = parse_cursor(cursor, self.store)
        if place.number:
            before = self._reading(lambda journal: journal.arrivals(place.number - 1, 1))
            if [place_of(one) for one in before] != [place]:
                raise CursorError("is a cursor of another store", is_of_other=True)
        self._place = place

    def read(self) -> tuple[bool, list[JsonLine]]:
        """The next piece: whether there was one, and its lines that are wanted; moves `cursor`.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._reading(self._read)

    def _read(self, journal: SqlJournal) -> tuple[bool, list[JsonLine]]:
        if self._feed is None:
            self._feed = Feed(journal, self.keys)
        self._feed.journal = journal
        found, lines = False, list[JsonLine]()
        for arrival, made in self._feed.read(self._place.number, PIECE_ARRIVALS, self.wanted.gateways):
            taken = [line for line in made if self.wanted.takes(line, arrival)]
            lines += name_lines(taken, arrival, self.store, self._place)
            found, self._place = True, place_of(arrival)
        return found, lines

    def _reading(self, read: Callable[[SqlJournal], T]) -> T:
        """What `read` makes of the journal as it is now."""
        with closing(open_to_read(self.where)) as snapshot:
            if not snapshot.has("journal"):
                raise StoreError(
                    f"{self.where}: has no journal; start `dianjian subscribe` of this version once"
                )
            return read(SqlJournal(snapshot.read))
