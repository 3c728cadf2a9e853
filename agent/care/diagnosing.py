"""The source that carries out `diagnose` orders: looks at the gateway, one order at a time, and answers.

    accepted   it is begun; what is asked for is in `evidence.orders.diagnosis`
    done       with the file, which lies beside the chain and goes to the centre when that asks for it
    objected   else, with the reason: another form, a bus that is not there, a drill, too many, no result
               within WAIT_S, or a restart in its midst

`accepted` is sealed before anything is begun. So an order that a power cut or a kill met is never begun
again: the next start says that it was not done, and one that ends the process does so once. Orders wait for
the one before; RUNS_MAX are begun in RUNS_S, what comes beyond is refused and not kept waiting.

`agent.care.gathering` makes the files. Nothing is changed, and no program is run.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from agent.care.gathering import Facts, Gathering, Made
from agent.orders.book import HeldOrder
from agent.orders.orders import Orders
from agent.sealing.source import NewRecord, RecordSource
from drivers.clock import NS_PER_S, ClockState, Stamp
from evidence.cbor import FormatError
from evidence.moments import iso_utc
from evidence.orders.diagnosis import BUS, Diagnosis, decode_diagnosis
from evidence.orders.entries import Answered
from evidence.orders.order import DIAGNOSE, Order
from evidence.record import NS_PER_MS

LOG: Final = logging.getLogger("dianjian.diagnosis")
LOOK_S: Final = 1.0
RUNS_MAX: Final = 6
"""In RUNS_S: each of the four looks, and two once more."""
RUNS_S: Final = 3_600.0
"""Six files of 2 MB take a seventh of what the uplink may give to files in an hour."""
WAIT_S: Final = 300.0
"""A session takes a minute; a disk that hangs longer is what there is to be told."""
TEXT_BYTES_MAX: Final = 400
CUT_SHORT: Final = "the agent was started anew before it was done"
_ENDS: Final = (Answered.OBJECTED, Answered.DONE)


class _RefusedError(Exception):
    """Why an order is not carried out."""


@define(eq=False, repr=False)
class Diagnosing(RecordSource):
    """See the module.

    Attributes:
        describe: The status at a moment.
        left: Orders that an earlier run began, by id with their revision.
    """

    orders: Orders
    gathering: Gathering
    version: str
    describe: Callable[[Stamp], Mapping[str, Any]]
    left: set[tuple[str, int]] = field(init=False, factory=set)
    _begun: deque[int] = field(init=False, factory=deque)
    _next: tuple[Order, Diagnosis] | None = field(init=False, default=None)
    _running: Order | None = field(init=False, default=None)
    _since_ns: int = field(init=False, default=0)
    _looked_ns: int | None = field(init=False, default=None)

    def start(self, _stamp: Stamp, /) -> tuple[()]:
        """Find what the run before has begun and not ended."""
        self.left = {
            (one.order.id, one.order.rev) for one in self._list_held() if Answered.ACCEPTED in one.answers
        }
        return ()

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """The answers that are due."""
        if self._looked_ns is not None and stamp.boottime_ns - self._looked_ns < LOOK_S * NS_PER_S:
            return
        self._looked_ns = stamp.boottime_ns
        yield from self._tell_left(stamp)
        if self._running is not None:
            yield from self._tell_result(self._running, stamp)
        if self._running is None and self._next is None:
            yield from self._begin_next(stamp)

    def on_sealed(self, stamp: Stamp, _tip: int, /) -> None:
        """That the next one is begun is sealed: begin it."""
        if self._next is None:
            return
        (order, diagnosis), self._next = self._next, None
        self._running, self._since_ns = order, stamp.boottime_ns
        facts = Facts(order.id, iso_utc(stamp.utc_ns // NS_PER_MS), self.version, self.describe(stamp))
        self.gathering.begin(diagnosis, facts)

    def on_stop(self, _tip: int, /) -> None:
        """A session is not waited for."""
        self.gathering.end()

    def _list_held(self) -> list[HeldOrder]:
        """Those that nothing has come of yet."""
        held = self.orders.book.held.values()
        mine = (one for one in held if one.order.kind == DIAGNOSE)
        return [one for one in mine if not any(state in one.answers for state in _ENDS)]

    def _tell_left(self, stamp: Stamp) -> Iterator[NewRecord]:
        left, self.left = self.left, set()
        for one in self._list_held():
            if (one.order.id, one.order.rev) in left:
                yield self._object(one.order, CUT_SHORT, stamp)

    def _begin_next(self, stamp: Stamp) -> Iterator[NewRecord]:
        known = stamp.clock_state is not ClockState.UNSYNCHRONISED
        utc_ms = stamp.utc_ns // NS_PER_MS if known else None
        standing = {one.id for one in self.orders.book.in_force(utc_ms)}
        for one in self._list_held():
            order = one.order
            try:
                diagnosis = self._read(order)
            except _RefusedError as error:
                if not one.cancelled:
                    yield self._object(order, str(error), stamp)
                continue
            if order.id not in standing or (utc_ms is None and order.effective_utc_ms > order.issued_utc_ms):
                continue
            if self._is_too_often(stamp):
                yield self._object(order, f"{RUNS_MAX} were begun within an hour", stamp)
            elif self.gathering.is_busy:
                yield self._object(order, "an earlier one still hangs", stamp)
            else:
                self._begun.append(stamp.boottime_ns)
                self._next = order, diagnosis
                LOG.info("diagnose order %s: %s", order.id, diagnosis.what)
                yield self.orders.answer_itself(order, Answered.ACCEPTED, stamp)
                return

    def _read(self, order: Order) -> Diagnosis:
        try:
            diagnosis = decode_diagnosis(order.body)
        except FormatError as error:
            raise _RefusedError(str(error)) from error
        if order.test:
            raise _RefusedError("a drill: nothing is looked at")
        if diagnosis.what == BUS and diagnosis.bus not in self.gathering.desks:
            raise _RefusedError(f"bus {diagnosis.bus} cannot be recorded")
        return diagnosis

    def _is_too_often(self, stamp: Stamp) -> bool:
        while self._begun and stamp.boottime_ns - self._begun[0] >= RUNS_S * NS_PER_S:
            self._begun.popleft()
        return len(self._begun) >= RUNS_MAX

    def _tell_result(self, order: Order, stamp: Stamp) -> Iterator[NewRecord]:
        went = self.gathering.take()
        if went is None:
            if stamp.boottime_ns - self._since_ns < WAIT_S * NS_PER_S:
                return
            self.gathering.give_up()
            went = f"it was not done within {WAIT_S:g} s"
        self._running = None
        held = self.orders.book.held.get(order.id)
        if held is None or held.order.rev != order.rev:
            return  # a later revision has come in its midst, and is answered itself
        if isinstance(went, Made):
            LOG.info("diagnose order %s is done: %d bytes", order.id, went.size)
            yield self.orders.answer_itself(order, Answered.DONE, stamp, files=[went.to_row()])
        else:
            yield self._object(order, went, stamp)

    def _object(self, order: Order, why: str, stamp: Stamp) -> NewRecord:
        LOG.warning("diagnose order %s: %s", order.id, why)
        text = why.encode()[:TEXT_BYTES_MAX].decode(errors="ignore")
        return self.orders.answer_itself(order, Answered.OBJECTED, stamp, text)
