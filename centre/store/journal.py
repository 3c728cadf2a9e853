"""The order in which things came to the centre: what a consumer's place counts in. Read only.

    journal   id (primary key), at (as in `seals`; gateway 0 is none), what, received_utc_ms,
              marks or NULL, line or NULL
    cursors   name (primary key), place

A row is written in the transaction that makes its seal, body or finding durable, and never changed or deleted
afterwards. So the ids, *places*, are the order of the commits: what is committed later has a higher place,
also the body of an old seal, and a reader who goes on behind his last place misses nothing. A place means
something in one store only, so `identify` gives a number that was drawn when the table was made.

`marks` says what a body does to the lines of others: it TEACHES (has a manifest), or it WAITS (has readings
whose point table had not come); that it ANSWERS: it has records about orders; MARKS: it has marks; TELLS: it
has episodes; JUDGES: it has verdicts about alerts; or ATTESTS: it has attestations (those of the last three
that came before there was such a mark are not marked). They are found by an index without a look at the
others.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import IntEnum, IntFlag
from typing import Any, Final

from attrs import define, field, frozen

from evidence.seal import FIRST_NUMBER, NUMBER_MAX

SHIFT: Final = NUMBER_MAX + 1
"""A gateway's chain begins in `seals` at its id times this."""

STRANGERS_MAX: Final = 1_000
"""Findings about no enrolled gateway that are kept of a day: anybody may cause them, and they must not fill
the disk."""
DELIVERED: Final = "delivered"
"""The cursor of the lines that `dianjian subscribe` has printed."""
IDENTITY: Final = "store"
"""Not a cursor: the number that tells this store from others."""


class What(IntEnum):
    """What came."""

    SEAL = 1
    WHOLE = 2
    BODY = 3
    FINDING = 4


class Mark(IntFlag):
    """See the module."""

    TEACHES = 1
    WAITS = 2
    ANSWERS = 4
    MARKS = 8
    TELLS = 16
    ATTESTS = 32
    JUDGES = 64


@frozen
class Arrival:
    """One row of the journal, with its seal.

    Attributes:
        gateway: "" for a finding about none.
        line: A finding, as JSON; "" for the others.
        cose: The seal; b"" for a finding.
        body: Its body, if this arrival brought it.
    """

    place: int
    gateway: str
    number: int
    what: What
    received_utc_ms: int
    marks: Mark
    line: str = ""
    cose: bytes = b""
    body: bytes | None = None


class Journal(ABC):
    """See the module."""

    @abstractmethod
    def arrivals(self, after: int, limit: int, gateways: Collection[str] = ()) -> list[Arrival]:
        """At most `limit` arrivals behind place `after`, in order; of `gateways` alone, if there are some."""

    @abstractmethod
    def marked(
        self, gateway: str, mark: Mark, before: int, first: int = FIRST_NUMBER, *, backwards: bool = False
    ) -> Iterator[Arrival]:
        """Arrivals with `mark` at places below `before`, of seals from `first` on, by place."""

    def place_of(self, name: str) -> int:
        """The place of a cursor that is kept in the store, 0 if there is none."""
        del name
        return 0

    @abstractmethod
    def newest(self, gateway: str, mark: Mark) -> Iterator[Arrival]:
        """Arrivals with `mark`, that of the highest seal first, whenever each came."""

    @abstractmethod
    def gateways(self) -> Collection[str]:
        """Those that are enrolled."""

    @abstractmethod
    def told(self, gateway: str, since_utc_ms: int) -> list[Arrival]:
        """The findings about a gateway that were committed from that time on, by place."""

    @abstractmethod
    def last_place(self) -> int:
        """The place of the last arrival, 0 if nothing has come."""


@define
class SqlJournal(Journal):
    """Over whatever runs a query: the owner's connection, or a reader's snapshot."""

    _read: Callable[[str, Sequence[Any]], list[Any]]
    _names: dict[int, str] = field(init=False, factory=dict)
    _ids: dict[str, int] = field(init=False, factory=dict)

    def identify(self) -> int:
        """The number of this store."""
        return self.place_of(IDENTITY)

    def place_of(self, name: str) -> int:
        """The place of a cursor that is kept in the store, 0 if there is none."""
        found = self._read("SELECT place FROM cursors WHERE name = ?", (name,))
        return int(found[0][0]) if found else 0

    def last_place(self) -> int:
        """By the primary key."""
        return int(self._read("SELECT coalesce(max(id), 0) FROM journal", ())[0][0])

    def arrivals(self, after: int, limit: int, gateways: Collection[str] = ()) -> list[Arrival]:
        """By the primary key; rows of other gateways are passed over without their seals."""
        if not gateways:
            return self._rows("j.id > ? ORDER BY j.id LIMIT ?", (after, limit))
        ids = self._list_ids(gateways)
        where = " OR ".join(["j.at BETWEEN ? AND ?"] * len(ids)) or "1 = 0"
        spans = [end for id_ in ids for end in (id_ * SHIFT, id_ * SHIFT + NUMBER_MAX)]
        return self._rows(f"j.id > ? AND ({where}) ORDER BY j.id LIMIT ?", (after, *spans, limit))

    def marked(
        self, gateway: str, mark: Mark, before: int, first: int = FIRST_NUMBER, *, backwards: bool = False
    ) -> Iterator[Arrival]:
        """By the index of marks."""
        sql = (
            "SELECT id FROM journal "
            "WHERE marks IS NOT NULL AND at BETWEEN ? AND ? AND id < ? AND (marks & ?) <> 0"
        )
        for id_ in self._list_ids([gateway]):
            offset = id_ * SHIFT
            found = self._read(sql, (offset + first, offset + NUMBER_MAX, before, int(mark)))
            for (place,) in sorted(found, reverse=backwards):
                yield from self._rows("j.id = ?", (place,))

    def newest(self, gateway: str, mark: Mark) -> Iterator[Arrival]:
        """By the index of marks."""
        for id_ in self._list_ids([gateway]):
            span = (id_ * SHIFT + FIRST_NUMBER, id_ * SHIFT + NUMBER_MAX, int(mark))
            sql = (
                "SELECT id FROM journal "
                "WHERE marks IS NOT NULL AND at BETWEEN ? AND ? AND (marks & ?) <> 0 ORDER BY at DESC"
            )
            for (place,) in self._read(sql, span):
                yield from self._rows("j.id = ?", (place,))

    def gateways(self) -> Collection[str]:
        """By their table."""
        return self._gateways().values()

    def told(self, gateway: str, since_utc_ms: int) -> list[Arrival]:
        """By the index of lines."""
        found: list[Arrival] = []
        for id_ in self._list_ids([gateway]):
            span = (id_ * SHIFT, id_ * SHIFT + NUMBER_MAX, since_utc_ms)
            where = "j.line IS NOT NULL AND j.at BETWEEN ? AND ? AND j.received_utc_ms >= ?"
            found += self._rows(where, span)
        return sorted(found, key=lambda one: one.place)

    def _rows(self, where: str, parameters: Sequence[Any]) -> list[Arrival]:
        sql = (
            "SELECT j.id, j.at, j.what, j.received_utc_ms, j.marks, j.line, s.cose, "  # noqa: S608
            f"CASE j.what WHEN {int(What.SEAL)} THEN NULL ELSE s.body END "
            f"FROM journal j LEFT JOIN seals s ON s.at = j.at AND j.what <> {int(What.FINDING)} WHERE {where}"
        )
        return [
            Arrival(
                place,
                self._name(at // SHIFT),
                at % SHIFT,
                What(what),
                utc_ms,
                Mark(marks or 0),
                line or "",
                cose or b"",
                body,
            )
            for place, at, what, utc_ms, marks, line, cose, body in self._read(sql, parameters)
        ]

    def _name(self, id_: int) -> str:
        return "" if id_ == 0 else self._names.get(id_) or self._gateways()[id_]

    def _list_ids(self, names: Collection[str]) -> list[int]:
        """The ids of gateways; none is ever deleted or named otherwise, so those that were read hold."""
        if not self._ids.keys() >= set(names):
            self._gateways()
        return sorted(self._ids[name] for name in set(names) if name in self._ids)

    def _gateways(self) -> dict[int, str]:
        self._names = dict(self._read("SELECT id, name FROM gateways", ()))
        self._ids = {name: id_ for id_, name in self._names.items()}
        return self._names
