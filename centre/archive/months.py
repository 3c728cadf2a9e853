"""Months of reception, UTC: which are closed, and what each gateway has in them. Pure but for one query.

A month is that in which the centre received the seals, as in the partitions of PostgreSQL: gateway clocks
lie. A body that came after its seal belongs to the month of its seal.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from centre.store.journal import SHIFT, What
from centre.store.postgresql_tables import MS_PER_S, month_of
from centre.store.sql import UNMARKED

MS_PER_DAY: Final = 86_400_000
CLOSED_DAYS: Final = 3
"""After its end a month is left alone for so long: a backlog brings the bodies of its last seals."""
OVERDUE_DAYS: Final = 31
"""A month that is not archived when the next one is closed too is forgotten, and the disk fills."""
_YEAR: Final = 100

Read = Callable[[str, Sequence[Any]], list[Any]]


@frozen(order=True)
class Month:
    """A month, UTC; `str` of it is 2026-11."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @classmethod
    def of(cls, utc_ms: int) -> "Month":
        """The one with this moment."""
        return cls(*month_of(utc_ms))

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From 2026-11; raises ValueError."""
        at = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return cls(at.year, at.month)

    @classmethod
    def of_number(cls, number: int) -> "Month":
        """As the store notes it."""
        return cls(*divmod(number, _YEAR))

    @property
    def number(self) -> int:
        """Of the month in `cursors`, year * 100 + month."""
        return self.year * _YEAR + self.month

    @property
    def next(self) -> "Month":
        """The one behind it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def before(self) -> "Month":
        """The one before it."""
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    @property
    def begin_ms(self) -> int:
        """Its first millisecond, UTC."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * MS_PER_S

    @property
    def end_ms(self) -> int:
        """The first millisecond behind it."""
        return self.next.begin_ms

    @classmethod
    def find_closed(cls, now_ms: int) -> "Month":
        """The last one that is closed."""
        return cls.of(now_ms - CLOSED_DAYS * MS_PER_DAY).before

    def is_closed(self, now_ms: int, days: int = CLOSED_DAYS) -> bool:
        """Whether it ended so many days ago."""
        return now_ms >= self.end_ms + days * MS_PER_DAY


@frozen
class Share:
    """The seals of a gateway that came in a month.

    Attributes:
        first: Number of the first one.
        last: Of the last one.
    """

    month: Month
    gateway: str
    id: int
    first: int
    last: int


def list_shares(read: Read, now_ms: int) -> list[Share]:
    """What came in closed months, by month and gateway; one pass over the journal."""
    names = dict(read("SELECT id, name FROM gateways", ()))
    ends: dict[tuple[Month, int], tuple[int, int]] = {}
    sql = (
        "SELECT at / ?, received_utc_ms / ?, min(at), max(at) FROM journal WHERE what IN (?, ?) "
        "GROUP BY 1, 2 ORDER BY 2"
    )
    for id_, day, first, last in read(sql, (SHIFT, MS_PER_DAY, int(What.SEAL), int(What.WHOLE))):
        month = Month.of(day * MS_PER_DAY)
        if month.is_closed(now_ms):
            before = ends.get((month, id_), (first, last))
            ends[month, id_] = min(before[0], first), max(before[1], last)
    return [
        Share(month, names[id_], id_, first % SHIFT, last % SHIFT)
        for (month, id_), (first, last) in sorted(ends.items())
    ]


def count_bodies(read: Read, share: Share) -> tuple[int, int]:
    """How many bodies of it the store may give up, and their bytes.

    Bodies with a mark stay: the store itself looks into them (manifests, episodes, answers and marks).
    """
    sql = f"SELECT count(*), coalesce(sum(length(body)), 0) FROM seals WHERE {UNMARKED}"  # noqa: S608
    count, size = read(sql, span_of(share))[0]
    return int(count), int(size)


def list_bodies(read: Read, share: Share) -> list[int]:
    """The numbers of all bodies that the store has from its first to its last seal."""
    begin = share.id * SHIFT
    sql = "SELECT at FROM seals WHERE at BETWEEN ? AND ? AND body IS NOT NULL ORDER BY at"
    return [at - begin for (at,) in read(sql, (begin + share.first, begin + share.last))]


def span_of(share: Share) -> tuple[int, int, int, int]:
    """The values of UNMARKED for the whole of it."""
    begin = share.id * SHIFT
    return begin + share.first, begin + share.last, share.month.begin_ms, share.month.end_ms


def is_awaited(read: Read, place: int, end_ms: int) -> bool:
    """Whether anything behind `place` is about a seal that came before `end_ms`."""
    sql = (
        "SELECT 1 FROM journal JOIN seals ON seals.at = journal.at "
        "WHERE journal.id > ? AND journal.what <> ? AND seals.received_utc_ms < ? LIMIT 1"
    )
    return bool(read(sql, (place, int(What.FINDING), end_ms)))
