"""One request and what comes back until it is answered, refused or given up: the rules of every protocol.

Pure: `feed` takes the bytes that arrived and the time, and returns the answer, or None while it may still
come. Everything else is cut off, counted and noted in the ledger:

- A late answer to an earlier request is expected on bad buses: it is skipped, and the wait goes on.
- An answer that does not fit, a damaged one, or noise is skipped too, but named in the error if the
  right answer does not follow.
- A refusal that may belong to an earlier request is skipped in the same way.
- After another master sent the same request to the same meter, no answer is believed.

`drivers.modbus.transaction` and `drivers.dlt645.transaction` define the answers of their protocols.
"""

from abc import ABC, abstractmethod
from operator import attrgetter
from typing import Final, Generic, TypeVar

from attrs import define, field, fields, frozen

from drivers.errors import DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.ledger import Ledger, PendingRequest
from drivers.link.verdict import Foreign, ForeignKind, NeedMore

FLOOD_BYTES_MAX: Final = 4096
"""Most bytes taken in one transaction: sixteen of the longest serial frames."""

_FRAMES: Final = frozenset({ForeignKind.ECHO, ForeignKind.REPLY, ForeignKind.REQUEST})
"""Whole frames: they do not show what became of the answer."""

AnswerT = TypeVar("AnswerT")


@frozen
class Answer:
    """The registers (or bytes) that were read, and how long the meter took, s of the clock."""

    words: bytes
    latency_s: float


@define(eq=False, repr=False)
class BusStats:
    """What happened on a bus since it was made."""

    requests: int = 0
    timeouts: int = 0
    crc_errors: int = 0
    foreign: int = 0
    late: int = 0
    exceptions: int = 0
    reopened: int = 0
    collisions: int = 0
    """Requests of another master on the bus: there must be none."""
    busy_s: float = 0.0
    """Time in which a request was out, until its answer came or was given up."""
    late_s: dict[int, float] = field(factory=dict, metadata={"counted": False})
    """No counter: of each unit, how long after its request its last late answer came."""

    @property
    def counts(self) -> tuple[float, ...]:
        """All of them at one moment, in the order above."""
        counts: tuple[float, ...] = _COUNTS(self)
        return counts


_COUNTS: Final = attrgetter(*(one.name for one in fields(BusStats) if one.metadata.get("counted", True)))


@frozen
class Reply(Generic[AnswerT]):
    """The whole answer or refusal that the bytes begin with.

    Attributes:
        size: How many bytes it takes.
        answer: The answer; None for a refusal.
        code: The refusal's.
    """

    size: int
    answer: AnswerT | None = None
    code: int = 0


@define(eq=False, repr=False)
class Transaction(ABC, Generic[AnswerT]):
    """A request that was sent, and what has come back.

    Attributes:
        buffer: Bytes received and not yet judged; what is left at the end belongs to no frame.
        received: Bytes fed so far.
        unexplained: Those of them not in a whole frame.
        lost_sync: The stream cannot be followed any more.
        damaged: A frame came with a wrong checksum.
        misfit: A whole answer of the same meter and function came that nobody had asked for.
    """

    ledger: Ledger
    stats: BusStats
    buffer: bytes = field(default=b"", kw_only=True)
    received: int = field(default=0, init=False)
    unexplained: int = field(default=0, init=False)
    lost_sync: bool = field(default=False, init=False)
    damaged: bool = field(default=False, init=False)
    misfit: bool = field(default=False, init=False)
    _trouble: str = field(default="", init=False)
    _is_contested: bool = field(default=False, init=False)

    @property
    @abstractmethod
    def request(self) -> PendingRequest:
        """The request that was sent."""

    @property
    @abstractmethod
    def has_begun(self) -> bool:
        """Whether the bytes not yet judged look like the begin of the answer."""

    @property
    @abstractmethod
    def is_under_way(self) -> bool:
        """Whether the bytes not yet judged may be a piece of the answer, of which more comes."""

    @property
    def has_come(self) -> bool:
        """Whether, as nothing follows, the answer came but damaged, so that only a duplicate can follow."""
        return False

    @abstractmethod
    def _judge(self, now_s: float) -> NeedMore | Foreign | Reply[AnswerT]:
        """Judge the bytes not yet judged."""

    def feed(self, chunk: bytes, now_s: float) -> AnswerT | None:
        """Take bytes that arrived at `now_s`.

        Raises:
            ExceptionReplyError: The meter certainly refused this request.
            ReplyError: Nothing sensible can follow.
        """
        self.received += len(chunk)
        self.unexplained += len(chunk)
        self.buffer += chunk
        while True:
            verdict = self._judge(now_s)
            if isinstance(verdict, NeedMore):
                self._check_flood()
                return None
            if isinstance(verdict, Foreign):
                self.buffer = self.buffer[verdict.consumed :]
                self._reject(verdict, now_s)
                continue
            self.buffer = self.buffer[verdict.size :]
            if verdict.answer is None:
                self._refuse(verdict.code, now_s)
            elif not self._is_contested:
                self.ledger.note_answer(self.request, now_s)
                return verdict.answer

    def give_up(self) -> DriverError:
        """End the wait; returns the error with the reason for the missing answer."""
        self.stats.timeouts += 1
        if self._trouble:
            return ReplyError(self._trouble)
        return self._incomplete_error() if self.received else ReplyTimeoutError("no answer")

    def _incomplete_error(self) -> DriverError:
        return ReplyTimeoutError("no whole answer in time")

    def _check_flood(self) -> None:
        if self.received > FLOOD_BYTES_MAX:
            self.lost_sync = True
            raise ReplyError("flood of bytes that are no answer")

    def _is_doubtful(self, code: int, now_s: float) -> bool:
        """Whether a refusal may belong to an earlier request."""
        del code
        return self.ledger.is_doubtful(self.request, now_s)

    def _is_final(self, code: int) -> bool:
        """Whether nothing can follow a refusal."""
        del code
        return True

    def _refuse(self, code: int, now_s: float) -> None:
        if self._is_contested or self._is_doubtful(code, now_s):
            self._trouble = f"doubtful exception {code}, perhaps the answer to an earlier request"
            return
        self.stats.exceptions += 1
        if self._is_final(code):
            self.ledger.note_answer(self.request, now_s, refused=True)
        else:
            self.ledger.note_excuse(self.request)
        raise ExceptionReplyError(code)

    def _reject(self, foreign: Foreign, now_s: float) -> None:
        if foreign.kind in _FRAMES:
            self.unexplained -= foreign.consumed
        if foreign.kind is ForeignKind.ECHO:
            return
        if foreign.kind is ForeignKind.REPLY and foreign.signature is not None:
            if self.ledger.note_stray_answer(foreign.signature, now_s):
                self.stats.late += 1
                return
            asked, got = self.request, foreign.signature
            if got.count and (got.unit_id, got.function) == (asked.unit_id, asked.function):
                self.misfit = True
        elif foreign.kind is ForeignKind.REQUEST and foreign.signature is not None:
            self.stats.collisions += 1
            self.ledger.note_foreign_request(foreign.signature, now_s)
            self._is_contested = self._is_contested or foreign.signature == self.request.signature
        if foreign.kind is ForeignKind.CRC:
            self.stats.crc_errors += 1
            self.damaged = True
        else:
            self.stats.foreign += 1
        self._trouble = foreign.reason
        if foreign.kind is ForeignKind.LOST_SYNC:
            self.lost_sync = True
            raise ReplyError(foreign.reason)
