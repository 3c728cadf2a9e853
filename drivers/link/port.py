"""A line to meters, and what all protocols do on it: quiet before a request, an end to every wait.

A `Line` owns the pipe, the ledger and the counters. `drivers.modbus.bus` makes a Modbus bus of it and
`drivers.dlt645.bus` one of DL/T 645; both promise what is said there, and rest on this:

- Nothing is sent into a line that is not quiet; what lay on it is thrown away and accounted for.
- Between frames there is the silence that the line asks for.
- A wait ends at the time-out, or on a serial line as soon as the answer is known to be lost
  (`drivers.link.reply_wait`).
- Requests in a row without a single byte open the port anew.

A line belongs to one thread. It opens its port when it is first used, and again after a failure.
Times are seconds of the clock; only waiting is translated into real time.
"""

import time
from typing import Final

from drivers.clock import Clock
from drivers.link.bus_url import BusTarget
from drivers.link.ledger import LATE_MAX_S, LATE_REAL_MIN_S, Ledger
from drivers.link.reply_wait import SPOILED_S, Patience, Turnarounds
from drivers.link.transaction import FLOOD_BYTES_MAX, BusStats, Found, Waiting
from drivers.link.transport import Deadline

QUIET_S: Final = 0.02
"""Silence asked for after trouble. USB adapters hand over what they have every 16 ms."""
FIFO_BYTES: Final = 16
"""A UART hands over what it has when it is full, so a slow line seems silent for that long within a frame."""
QUIET_MAX_S: Final = 0.3
"""Longest wait for that silence: a babbling meter must not stop the others."""
SILENT_REOPEN: Final = 5
"""Requests in a row without a single byte after which the port is opened anew: a connection through a
gateway that was restarted stays silent for hours."""

OVERSLEPT_S: Final = 0.0001
"""How much too long the kernel lets a thread sleep. The end of a gap is awaited awake, or it would cost a
fast line 1 % of its rate; a request of 15 ms pays for it with as much processor time as its answer."""


def late_min_s(clock: Clock) -> float:
    """The shortest time on `clock` for which an unanswered request is remembered."""
    hour_s = 3600.0
    return LATE_REAL_MIN_S * hour_s / clock.real_s(hour_s)


class Line:
    """A line that is read by one thread."""

    quiet_max_s: float = QUIET_MAX_S
    spoiled_s: float = SPOILED_S

    def __init__(self, url: str, target: BusTarget, clock: Clock, ledger: Ledger) -> None:
        self.url = url
        self.gap_registers_max = target.gap_registers_max
        self.stats = BusStats()
        self._pipe = target.pipe
        self._gap_s = target.pipe.gap_s
        self._fifo_s = target.pipe.wire_s(FIFO_BYTES)
        self._clock = clock
        self._ledger = ledger
        self._turnarounds = Turnarounds()
        self._buffer = b""
        self._opened_once = False
        self._troubled = False
        self._silent = 0
        self._idle_since_s = 0.0

    def close(self) -> None:
        """Give the port back; the next `read` opens it again."""
        self._pipe.close()
        self._buffer = b""

    def _account(self, stale: bytes) -> None:
        """Note other masters' requests and late answers among bytes that are thrown away."""
        raise NotImplementedError

    def _open(self) -> None:
        if self._pipe.open():
            self.stats.reopened += self._opened_once
            self._opened_once = True
            self._buffer = b""

    def _settle(self) -> None:
        """Take off the line what nobody asked for, until it is quiet."""
        if not (self._troubled or self._buffer):
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
        self._troubled = False
        if stale:
            self._account(stale)

    def _keep_gap(self) -> float:
        """Wait until the line has been silent for long enough; the moment."""
        now_s = self._clock.monotonic_s()
        quiet_s = self._idle_since_s + self._gap_s
        if now_s >= quiet_s:
            return now_s
        if quiet_s - now_s > OVERSLEPT_S:
            self._clock.sleep(quiet_s - now_s - OVERSLEPT_S)
        while (now_s := self._clock.monotonic_s()) < quiet_s:
            pass
        return now_s

    def _await(
        self, waiting: Waiting[Found], chunk: bytes, answer_bytes: int, times_s: tuple[float, float, float]
    ) -> Found:
        """Feed `chunk` and what follows until there is the answer, or raise why there is none.

        Args:
            waiting: What is waited for.
            chunk: What has come so far, or b"".
            answer_bytes: The size of the answer.
            times_s: When the request was sent, real time; the time-out, and after how long answers of this
                meter have always begun, both from there on and in real seconds.
        """
        sent_s, timeout_s, due_s = times_s
        spoiled_s = self._clock.real_s(max(self.spoiled_s, self._fifo_s + QUIET_S))
        patience = Patience(sent_s + timeout_s, answer_bytes, sent_s + due_s, spoiled_s)
        try:
            while chunk:
                self._silent = 0
                self._idle_since_s = self._clock.monotonic_s()
                found = waiting.feed(chunk, self._idle_since_s)
                if found is not None:
                    return found
                now_s = time.monotonic()
                if self._gap_s:
                    patience.heard(waiting.unexplained, now_s, has_begun=waiting.has_begun)
                chunk = self._pipe.read(patience.left_s(now_s))
            self._give_up(waiting, early=patience.is_early)
            raise waiting.given_up()
        finally:
            self._buffer = waiting.buffer
            if waiting.lost_sync:
                self._lose_sync()

    def _give_up(self, waiting: Waiting[Found], *, early: bool) -> None:
        if waiting.has_come:
            self._ledger.answered(waiting.asked, self._idle_since_s)
        if early:  # the silence that ended it is as good as the one that is asked for after trouble
            self._account(waiting.buffer)
            waiting.buffer = b""
            return
        self._troubled = True
        if waiting.received:
            return
        self._silent += 1
        if self._silent >= SILENT_REOPEN:
            self._silent = 0
            self._pipe.close()

    def _lose_sync(self) -> None:
        """On a serial line the next silence begins anew."""
        self._troubled = True


def new_ledger(clock: Clock) -> Ledger:
    """An empty ledger for a bus that is read on `clock`."""
    return Ledger(late_max_s=max(LATE_MAX_S, late_min_s(clock)))
