"""One request and what comes back until it is answered, refused or given up.

Pure: `feed` takes the bytes that arrived and the time, and returns the answer, or None while it is
still waited for. What is not the answer is cut off, counted and told to the ledger:

- A late answer to an earlier request is expected on bad lines: it is skipped, and the wait goes on.
- An answer of the wrong unit, function or length, a damaged one, or noise is skipped too, but named
  in the error if the right answer does not follow.
- On a serial line a refusal that may belong to an earlier request is skipped in the same way.
- After another master asked the same meter for as many registers, no answer is believed.
"""

from typing import Final

from attrs import Factory, define, frozen

from drivers.errors import DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.frame import Foreign, ForeignKind, Framing, NeedMore, Refused, Request, Words, parse
from drivers.ledger import Ledger

FLOOD_BYTES_MAX: Final = 4096
"""Most bytes taken in one transaction: sixteen of the longest serial frames."""

_REPLY_OVERHEAD_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}
_REFUSAL_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}

_GATEWAY_EXCEPTIONS: Final = frozenset({10, 11})
"""Said by a gateway and not by the meter, whose answer may still reach the gateway."""


@frozen
class Answer:
    """The registers (or bytes) that were asked for, and how long the meter took, s of the clock."""

    words: bytes
    latency_s: float


@define
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
    """Requests of another master on the line: there must be none."""
    busy_s: float = 0.0
    """Time in which a request was out, until its answer came or was given up."""

    @property
    def counts(self) -> tuple[float, ...]:
        """All of them at one moment, in the order above."""
        return (
            self.requests,
            self.timeouts,
            self.crc_errors,
            self.foreign,
            self.late,
            self.exceptions,
            self.reopened,
            self.collisions,
            self.busy_s,
        )


@define
class Transaction:
    """A request that was sent at `sent_s` and is waited for.

    Attributes:
        buffer: Bytes received and not yet judged; what is left at the end belongs to nobody.
        received: Bytes fed so far.
        lost_sync: The stream cannot be followed any more: the connection has to be made anew.
    """

    framing: Framing
    request: Request
    transaction_id: int
    sent_s: float
    ledger: Ledger
    stats: BusStats
    buffer: bytes = b""
    received: int = 0
    lost_sync: bool = False
    _trouble: str = Factory(str)
    _poisoned: bool = False

    def feed(self, chunk: bytes, now_s: float) -> Answer | None:
        """Take bytes that arrived at `now_s`.

        Raises:
            ExceptionReplyError: The meter certainly refused this request.
            ReplyError: Nothing sensible can follow.
        """
        self.received += len(chunk)
        self.buffer += chunk
        while True:
            verdict = parse(self.framing, self.buffer, self.request, self.transaction_id)
            if isinstance(verdict, NeedMore):
                self._check_flood()
                return None
            if isinstance(verdict, Words):
                self._cut(_REPLY_OVERHEAD_BYTES[self.framing] + len(verdict.words))
                if not self._poisoned:
                    self.ledger.answered(self.request, now_s)
                    return Answer(verdict.words, now_s - self.sent_s)
            elif isinstance(verdict, Refused):
                self._refuse(verdict.code, now_s)
            else:
                self._reject(verdict, now_s)

    def given_up(self) -> DriverError:
        """The time-out passed: the error that says why there is no answer."""
        self.stats.timeouts += 1
        if self._trouble:
            return ReplyError(self._trouble)
        if self.received:
            return ReplyTimeoutError("no whole answer in time")
        return ReplyTimeoutError("no answer")

    def _cut(self, size: int) -> None:
        self.buffer = self.buffer[size:]

    def _check_flood(self) -> None:
        if self.received > FLOOD_BYTES_MAX:
            self.lost_sync = True
            raise ReplyError("flood of bytes that are no answer")

    def _refuse(self, code: int, now_s: float) -> None:
        self._cut(_REFUSAL_BYTES[self.framing])
        if self._poisoned or (self.framing is Framing.RTU and self.ledger.doubtful(self.request, now_s)):
            self._trouble = f"doubtful exception {code}, perhaps the answer to an earlier request"
            return
        self.stats.exceptions += 1
        if self.framing is Framing.RTU or code not in _GATEWAY_EXCEPTIONS:
            self.ledger.answered(self.request, now_s, refused=True)
        raise ExceptionReplyError(code)

    def _reject(self, foreign: Foreign, now_s: float) -> None:
        self._cut(foreign.consumed)
        if foreign.kind is ForeignKind.ECHO:
            return
        if foreign.kind is ForeignKind.REPLY and foreign.signature is not None:
            if self.ledger.arrived(foreign.signature, now_s):
                self.stats.late += 1
                return
        elif foreign.kind is ForeignKind.REQUEST and foreign.signature is not None:
            self.stats.collisions += 1
            self.ledger.overheard(foreign.signature, now_s)
            self._poisoned = self._poisoned or foreign.signature == self.request.signature
        if foreign.kind is ForeignKind.CRC:
            self.stats.crc_errors += 1
        else:
            self.stats.foreign += 1
        self._trouble = foreign.reason
        if foreign.kind is ForeignKind.LOST_SYNC:
            self.lost_sync = True
            raise ReplyError(foreign.reason)
