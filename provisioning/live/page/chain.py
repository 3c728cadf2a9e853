"""Keeps today's loads in step with the gateway's own chain, read beside the agent.

`Chain.read` is called for each page. It finds the first seal of the day by bisection, reads what was sealed
since the last call, and stops after BUDGET_S: the first read of a long day is spread over some pages, which
show the progress. Seals come from a walk (`evidence.walk`), which continues from call to call; a chain
that it refuses has no day. Nothing is ever written; a database that cannot be read now is tried again by the
next call.

The day is today's in the plant's zone, or where the chain ends before that, the day of its last seal.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Final

from attrs import define, field, frozen

from agent.sealing.anchors import read_anchors
from agent.store.archive import open_gateway
from disk.database import StoreError
from evidence.archive import Archive, Row
from evidence.cbor import FormatError
from evidence.receipt import Receipt, last_receipt
from evidence.seal import peek_header
from evidence.walk import Walk
from evidence.words import Words
from provisioning.live.page.day import MS_PER_S, Day, begin_of_day
from provisioning.live.page.site import SitePlan

BUDGET_S: Final = 0.5
"""Time for one call: a page is served within a second even while a day is still being read."""
PIECE: Final = 50
"""Seals in memory at once: 3 MB of bodies at the very most."""


@frozen
class ChainView:
    """The chain as far as it has been read.

    Attributes:
        day: None if there is no chain or it cannot be read.
        complete: Nothing is left to be read.
        last: The last seal of the chain, 0 without one.
        receipt: The newest kept receipt that the centre signed.
        problem: Why there is no day: a key of the page's texts, an error, or the walk's refusal; else "".
    """

    day: Day | None
    complete: bool = True
    last: int = 0
    receipt: Receipt | None = None
    problem: str | Words = ""


@define
class Chain:
    """The chain in `database`."""

    database: Path
    clock: Callable[[], float] = monotonic
    _day: Day | None = field(default=None, init=False)
    _plan: SitePlan | None = field(default=None, init=False)
    _walk: Walk = field(init=False)
    _steps: Iterator[int] = field(init=False)

    def read(self, plan: SitePlan, now_s: float) -> ChainView:
        """The day as far as it is known by now."""
        try:
            if not self.database.exists():
                return ChainView(None, problem="no chain")
            with closing(open_gateway(self.database, plan.gateway)) as archive:
                return self._read(archive, plan, now_s)
        except (StoreError, FormatError, OSError) as error:
            self._day = None  # the next call starts over
            return ChainView(None, problem=str(error))

    def _read(self, archive: Archive, plan: SitePlan, now_s: float) -> ChainView:
        tip = _find_seal(archive, archive.last)
        if tip is None:
            return ChainView(None, problem="no seal")
        tip_s = _to_made_s(tip)
        begin_s = begin_of_day(now_s, plan.offset_s)
        if tip_s < begin_s:
            begin_s = begin_of_day(tip_s, plan.offset_s)
        day = self._day
        if day is None or day.begin_s != begin_s or self._plan != plan or self._is_outdated(archive):
            day = Day(begin_s, plan.setups, plan.lines, plan.silent_s)
            first = max(_find_first(archive, begin_s), archive.first)
            day.last = first - 1
            self._day, self._plan = day, plan
            anchors = read_anchors(plan.state, archive, plan.centre_key)
            self._walk = Walk(archive, anchors, first, archive.last, PIECE)
            self._steps = self._walk.steps()
        self._walk.source = archive
        self._catch_up(archive, day)
        receipt = last_receipt(archive.receipts, plan.centre_key)
        if self._walk.problem is not None:
            return ChainView(None, last=archive.last, receipt=receipt, problem=self._walk.problem)
        return ChainView(day, day.last >= archive.last, archive.last, receipt)

    def _is_outdated(self, archive: Archive) -> bool:
        """Whether the chain was replaced, or a new receipt may cover what was refused."""
        is_new = self._walk.problem is not None and self._walk.anchors.receipts != archive.receipts
        return is_new or self._walk.last > archive.last

    def _catch_up(self, archive: Archive, day: Day) -> None:
        deadline = self.clock() + BUDGET_S
        for _ in self._steps:
            if self.clock() >= deadline:
                return
        self._steps = self._walk.extend(archive.last)
        for _ in self._steps:
            if self.clock() >= deadline:
                return
        while day.last < self._walk.last and self.clock() < deadline:
            # Also over numbers that are not here, of which there may be a million million.
            end = self._walk.last
            for seal in islice(self._walk.seals(day.last + 1), PIECE):
                day.take(seal.header, seal.records)
                end = seal.header.number
            day.last = end


def _find_seal(archive: Archive, number: int) -> Row | None:
    """Seal `number`, or the first one after it."""
    exact = next(archive.rows(number, number, bodies=False), None) if number else None
    return exact or (next(archive.rows(number, archive.last, bodies=False), None) if number else None)


def _to_made_s(row: Row) -> float:
    return peek_header(row.cose).utc_ms / MS_PER_S


def _find_first(archive: Archive, begin_s: float) -> int:
    """The first seal that was made at `begin_s` or later; where a clock ran back, one of them."""
    low, high = archive.first, archive.last
    while low < high:
        middle = (low + high) // 2
        row = _find_seal(archive, middle)
        if row is None or _to_made_s(row) >= begin_s:
            high = middle
        else:
            low = row.number + 1
    return low
