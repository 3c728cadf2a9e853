"""The port of a bus, and what every protocol does on it: quiet before a request, an end to every wait.

A `Port` owns the pipe, the ledger and the counters. `drivers.modbus.bus` makes a Modbus bus of it and
`drivers.dlt645.bus` one of DL/T 645; their guarantees rest on this:

- Nothing is sent until the wire is quiet; bytes received before are discarded and counted.
- Between frames there is the silence that the wire needs.
- A wait ends at the time-out, or on a serial bus as soon as the answer is known to be lost
  (`drivers.link.reply_wait`).
- A TCP connection that the other side closes is made again, at once or after a moment (RECONNECT_PAUSES_S),
  and the request that was out is sent once more. If that is not answered either, it is a fault of this
  request alone. Only a connection that cannot be made is a bus that is down.
- SILENT_REOPEN requests in a row without a single byte make it reopen the port.

A port belongs to one thread. It is opened at its first use, and again after a failure.
Times are seconds of the clock; only waits are converted into real time.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from attrs import frozen

from drivers.clock import Clock
from drivers.errors import BusDownError, HungUpError, ReplyError, TooEarlyError
from drivers.link.bus_url import BusTarget
from drivers.link.ledger import LATE_MAX_S, LATE_REAL_MIN_S, Ledger
from drivers.link.reply_wait import SPOILED_S, ReplyWait, Turnarounds
from drivers.link.transaction import FLOOD_BYTES_MAX, AnswerT, BusStats, Transaction
from drivers.link.transport import Deadline
from drivers.link.verdict import Signature

QUIET_S: Final = 0.02
"""Silence needed after trouble. USB adapters hand over what they have every 16 ms."""
FIFO_BYTES: Final = 16
"""A UART hands over what it has when it is full, so a slow bus seems silent for that long within a frame."""
QUIET_MAX_S: Final = 0.3
"""Longest wait for that silence: a babbling meter must not stop the others."""
SILENT_REOPEN: Final = 5
"""A connection through a gateway that was restarted stays silent for hours."""
RECONNECT_PAUSES_S: Final = (0.05, 0.2, 0.5, 1.0)
"""Real time between attempts to connect again: a device with room for one client, or that restarts its
listener after each, refuses for a moment."""
UNANSWERED_MAX: Final = 2
UNANSWERED_PAUSE_S: Final = 0.5
"""After so many connections in a row without a single byte, each further one waits for so long in real time:
the limit on how fast a gateway that takes and drops connections is called, two a second."""

BROKEN_OFF_S: Final = 0.5
"""Over a connection an answer that has begun ends with so much silence: converters and networks cut it into
pieces, down to single bytes, and TCP sends a lost one again after 0.2 s and more."""
PIECES_S_MAX: Final = 5.0
"""So long after the time-out its pieces may come: the longest, of 260 bytes, takes 4.8 s at 600 baud."""

HUNG_UP_TWICE: Final = "instead of an answer, twice"
"""How the error of a read ends whose connection was closed twice: often a gateway without room."""
OVERSLEPT_S: Final = 0.0001
"""How much too long the kernel lets a thread sleep. The end of a gap is a busy wait, or it would cost a
fast bus 1 % of its rate; in a request of 15 ms it takes as much processor time as the answer."""

T = TypeVar("T")


def late_min_s(clock: Clock) -> float:
    """The shortest time on `clock` for which an unanswered request is remembered."""
    hour_s = 3600.0
    return LATE_REAL_MIN_S * hour_s / clock.real_s(hour_s)


@frozen
class Waits:
    """How long one answer is waited for; all in real seconds, the last three from `sent_s` on.

    Attributes:
        sent_s: When the request was sent, of the monotonic clock.
        timeout_s: How long the meter may take.
        due_s: After how long answers of this meter have always begun.
        longest_s: How long nothing else may be sent, if not a byte comes; over TCP a gateway may be busy.
    """

    sent_s: float
    timeout_s: float
    due_s: float
    longest_s: float


class Port:
    """The port of a bus, used by one thread.

    `signatures_in` finds the whole frames of the protocol in any bytes: their signatures, and whether each
    is an answer (True) or a request.
    """

    quiet_max_s: float = QUIET_MAX_S
    spoiled_s: float = SPOILED_S

    def __init__(
        self,
        url: str,
        target: BusTarget,
        clock: Clock,
        ledger: Ledger,
        signatures_in: Callable[[bytes], Iterable[tuple[Signature, bool]]],
    ) -> None:
        self.url = url
        self.gap_registers_max = target.gap_registers_max
        self.stats = BusStats(late_s=ledger.late_s)
        self._pipe = target.pipe
        self._gap_s = target.pipe.gap_s
        self._fifo_s = target.pipe.wire_s(FIFO_BYTES)
        self._clock = clock
        self._ledger = ledger
        self._signatures_in = signatures_in
        self._turnarounds = Turnarounds()
        self._buffer = b""
        self._opened_once = False
        self._needs_quiet = False
        self._silent = 0
        self._idle_since_s = 0.0
        self._is_sent = False
        self._hung_up = False
        self._unanswered = 0

    def close(self) -> None:
        """Release the port; the next `read` opens it again."""
        self._pipe.close()
        self._buffer = b""

    def _ask(self, ask: Callable[[bool], T]) -> T:
        """Run `ask(False)`, and `ask(True)` over a new connection if the other side hung up meanwhile.

        Raises:
            ReplyError: It hung up both times.
        """
        self._is_sent = False
        try:
            return ask(False)
        except HungUpError:
            self._note_hang_up()
        except BusDownError:
            self.close()
            raise
        try:
            return ask(self._is_sent)
        except HungUpError as error:
            self._note_hang_up()
            raise ReplyError(f"{error} {HUNG_UP_TWICE}") from error
        except BusDownError:
            self.close()
            raise

    def _note_hang_up(self) -> None:
        self._hung_up = True
        self._unanswered += 1
        self.close()

    def _make_ready(self) -> None:
        """Open the port and wait until the wire is quiet."""
        self._open()
        try:
            self._drain()
        except HungUpError:  # since the last answer, so nothing is lost
            self._note_hang_up()
            self._open()
            self._drain()

    def _note_stale(self, stale: bytes) -> None:
        """Note other masters' requests and late answers among discarded bytes."""
        now_s = self._clock.monotonic_s()
        for signature, is_answer in self._signatures_in(stale):
            if is_answer:
                self.stats.late += self._ledger.note_stray_answer(signature, now_s)
            else:
                self.stats.collisions += 1
                self._ledger.note_foreign_request(signature, now_s)

    def _open(self) -> None:
        if self._connect():
            self._hung_up = False
            self._ledger.queue.note_free()
            self.stats.reopened += self._opened_once
            self._opened_once = True
            self._buffer = b""

    def _connect(self) -> bool:
        if not self._hung_up:
            return self._pipe.open()
        if self._unanswered > UNANSWERED_MAX:
            time.sleep(UNANSWERED_PAUSE_S)
        for pause_s in RECONNECT_PAUSES_S:
            try:
                return self._pipe.open()
            except BusDownError:
                time.sleep(pause_s)
        return self._pipe.open()

    def _drain(self) -> None:
        """Discard bytes that answer nothing, until the wire is quiet."""
        if not (self._needs_quiet or self._buffer):
            chunk = self._pipe.read(0.0)
            if not chunk:
                return
            self._buffer = chunk
            self._idle_since_s = self._clock.monotonic_s()
        stale, self._buffer = self._buffer, b""
        quiet_s = self._clock.real_s(max(QUIET_S, self._fifo_s))
        deadline = Deadline(self._clock.real_s(self.quiet_max_s))
        while chunk := self._pipe.read(min(quiet_s, deadline.left_s())):
            stale = (stale + chunk)[-FLOOD_BYTES_MAX:]
            self._idle_since_s = self._clock.monotonic_s()
            if not deadline.left_s():
                break
        self._needs_quiet = False
        if stale:
            self._note_stale(stale)

    def _wait_out(self, wait_s: float, timeout_s: float) -> None:
        """Wait past late answers to earlier requests, unless that takes longer than a time-out."""
        if wait_s > max(timeout_s, self._ledger.duplicate_max_s):
            raise TooEarlyError(wait_s)
        self._clock.sleep(wait_s)
        self._drain()

    def _keep_gap(self) -> float:
        """Wait until the wire has been silent for long enough; returns that moment."""
        now_s = self._clock.monotonic_s()
        quiet_s = self._idle_since_s + self._gap_s
        if now_s >= quiet_s:
            return now_s
        if quiet_s - now_s > OVERSLEPT_S:
            self._clock.sleep(quiet_s - now_s - OVERSLEPT_S)
        while (now_s := self._clock.monotonic_s()) < quiet_s:
            pass
        return now_s

    def _await_answer(
        self,
        transaction: Transaction[AnswerT],
        chunk: bytes,
        answer_bytes: int,
        waits: Waits,
    ) -> AnswerT:
        """Feed `chunk` and what follows until the answer is there, or raise why there is none.

        Args:
            transaction: The request and its state.
            chunk: What has come so far, or b"".
            answer_bytes: The size of the answer.
            waits: When the request was sent, and how long to wait.
        """
        sent_s = waits.sent_s
        spoiled_s = self._clock.real_s(max(self.spoiled_s, self._fifo_s + QUIET_S))
        wait = ReplyWait(sent_s + waits.timeout_s, answer_bytes, sent_s + waits.due_s, spoiled_s)
        try:
            while chunk:
                self._silent = self._unanswered = 0
                self._idle_since_s = self._clock.monotonic_s()
                answer = transaction.feed(chunk, self._idle_since_s)
                if answer is not None:
                    return answer
                now_s = time.monotonic()
                if self._gap_s:
                    strange_bytes = answer_bytes if transaction.misfit else transaction.unexplained
                    wait.note_bytes(strange_bytes, now_s, has_begun=transaction.has_begun)
                left_s = wait.left_s(now_s)
                if not self._gap_s:
                    left_s = max(left_s, _left_over_connection_s(transaction, waits, now_s))
                chunk = self._pipe.read(left_s)
            self._give_up(transaction, early=wait.is_early)
            raise transaction.give_up()
        finally:
            self._buffer = transaction.buffer
            if transaction.lost_sync:
                self._lose_sync()

    def _give_up(self, transaction: Transaction[AnswerT], *, early: bool) -> None:
        if transaction.has_come:
            self._ledger.note_answer(transaction.request, self._idle_since_s, damaged=True)
        if early:  # the silence that ended the wait also counts as the one needed after trouble
            self._note_stale(transaction.buffer)
            transaction.buffer = b""
            return
        self._needs_quiet = True
        if transaction.received:
            return
        self._silent += 1
        if self._silent >= SILENT_REOPEN:
            self._silent = 0
            self._pipe.close()

    def _lose_sync(self) -> None:
        """On a serial bus the next silence starts afresh."""
        self._needs_quiet = True


def _left_over_connection_s(transaction: Transaction[AnswerT], waits: Waits, now_s: float) -> float:
    """How long the next piece of an answer may take, or its first one, when the last came at `now_s`."""
    left_s = waits.sent_s + waits.longest_s - now_s
    if transaction.is_under_way:
        return min(BROKEN_OFF_S, left_s + PIECES_S_MAX)
    return 0.0 if transaction.unexplained else left_s


def new_ledger(clock: Clock) -> Ledger:
    """An empty ledger for a bus that is read on `clock`."""
    return Ledger(late_max_s=max(LATE_MAX_S, late_min_s(clock)))
