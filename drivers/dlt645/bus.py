"""One line of DL/T 645-2007 meters: the same door as `drivers.modbus.bus.Bus`, another protocol behind it.

    dlt645:/dev/ttyS1?baudrate=2400&parity=E   a serial port or a pty
    dlt645+tcp://host:port                     through a transparent TCP gateway

`read` asks one meter for one data id. A meter is named by a number: its address of 12 digits read as
hexadecimal, so that AA in high bytes remains a wildcard. `count` is in bytes. Promises of
`drivers.modbus.bus` that need other means here:

- The answer names meter and data id, so nothing else can be taken for it. Only the late answer to an
  earlier read of the same data id could, and would make an old value new: after a time-out the same
  data id rests until that answer has come or cannot come any more, and after an answer until no
  duplicate can come. All others may be read at once.
- Nothing is sent into a line that is not quiet; what lay on it is thrown away and accounted for.

A bus belongs to one thread. It opens its port when it is first used, and again after a failure.
"""

import math
import time
from typing import Final

from drivers.clock import Clock
from drivers.dlt645.codec import (
    ADDRESS_DIGITS,
    FRAME_OVERHEAD_BYTES,
    FUNCTION,
    PREAMBLE,
    Data,
    ReadId,
    encode_read,
    signatures_in,
)
from drivers.dlt645.transaction import Exchange
from drivers.errors import BusDownError, ExceptionReplyError, ReplyTimeoutError
from drivers.link.bus_url import parse_url
from drivers.link.ledger import Ledger
from drivers.link.port import Line, late_min_s
from drivers.link.transaction import Answer

QUIET_MAX_S: Final = 0.5
"""Longest wait for silence: the longest frame takes 1 s at 2400 baud, a babbler has no end."""
BYTE_PAUSE_S: Final = 0.5
"""How long a meter may rest between two bytes of its frame (DL/T 645-2007, section 5.3)."""
RESPONSE_MAX_S: Final = 0.5
"""Longest time in which a meter begins to answer (same section)."""
LATE_TIMES: Final = 2.0
"""On a serial port a lost answer is waited past for this multiple of the longest that the standard allows,
or that this meter ever took. A transparent gateway may hold it longer; there the ledger's time counts."""
_DATA_ID_BYTES: Final = 4


class Dlt645Bus(Line):
    """A line that is read by one thread; made by `drivers.modbus.bus.open_bus`."""

    quiet_max_s = QUIET_MAX_S
    spoiled_s = BYTE_PAUSE_S

    def __init__(self, url: str, clock: Clock, ledger: Ledger) -> None:
        super().__init__(url, parse_url(url), clock, ledger)

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        """The `count` bytes behind a data id.

        Args:
            unit_id: The meter's address, its 12 digits read as hexadecimal.
            function: 17.
            address: The data id.
            count: Bytes behind the data id, exactly.
            timeout_s: How long the meter may take; the time on a serial wire comes on top.
            spare_registers: Nothing can be read along here.

        Raises:
            BusDownError: The port cannot be used; the next call opens it anew.
            ReplyTimeoutError: No answer, or a late answer to the same has to be waited for.
            ReplyError: What came is not the answer.
            ExceptionReplyError: The meter refused, and it is certain that it refused this.
        """
        del spare_registers
        if function != FUNCTION:
            raise ValueError(f"function {function} on a DL/T 645 line")
        found, latency_s = self.ask(ReadId(f"{unit_id:0{ADDRESS_DIGITS}X}", address, count), timeout_s)
        return Answer(found.data, latency_s)

    def ask(self, ask: ReadId, timeout_s: float) -> tuple[Data, float]:
        """The answer to one read, with the name of who gave it; its latency. Errors as in `read`."""
        try:
            self._prepare(ask, timeout_s)
            return self._exchange(ask, timeout_s)
        except BusDownError:
            self.close()
            raise
        except ExceptionReplyError:
            # A refusal does not say what it refuses: its duplicate must find no other question open.
            self._clock.sleep(self._ledger.duplicate_max_s)
            raise

    def others_follow(self, wait_s: float) -> bool:
        """Whether more came behind the last answer within `wait_s`: several meters fit a wildcard."""
        more = self._buffer + self._pipe.read(self._clock.real_s(wait_s))
        self._troubled = self._troubled or bool(more)
        return bool(more)

    def _prepare(self, ask: ReadId, timeout_s: float) -> None:
        """Open and quiet the line, and wait past late answers and duplicates of the same read."""
        self._open()
        self._settle()
        wait_s = self._ledger.rest_s(ask.signature, self._clock.monotonic_s())
        if not wait_s:
            return
        if wait_s > max(timeout_s, self._ledger.duplicate_max_s):
            raise ReplyTimeoutError(f"not asked: an earlier answer may come for {wait_s:.1f} s more")
        self._clock.sleep(wait_s)
        self._settle()

    def _account(self, stale: bytes) -> None:
        """Note other masters' requests and late answers among bytes that are thrown away."""
        now_s = self._clock.monotonic_s()
        for signature, is_answer in signatures_in(stale):
            if is_answer:
                self.stats.late += self._ledger.arrived(signature, now_s)
            else:
                self.stats.collisions += 1
                self._ledger.overheard(signature, now_s)

    def _exchange(self, ask: ReadId, timeout_s: float) -> tuple[Data, float]:
        sent_s = self._keep_gap()
        request = encode_read(ask.meter, ask.data_id)
        self.stats.requests += 1
        answer_bytes = FRAME_OVERHEAD_BYTES + _DATA_ID_BYTES + ask.count
        wire_s = self._pipe.wire_s(len(request) + len(PREAMBLE) + answer_bytes)
        self._ledger.sent(ask, sent_s, self._late_max_s(ask, wire_s))
        exchange = Exchange(self._ledger, self.stats, ask, buffer=self._buffer)
        self._pipe.write(request)
        real_s = self._clock.real_s
        began_s, wait_s = time.monotonic(), real_s(timeout_s + wire_s)
        try:
            chunk = self._pipe.read(wait_s)
            found = self._await(exchange, chunk, answer_bytes, (began_s, wait_s, wait_s))
        finally:
            self.stats.busy_s += self._clock.monotonic_s() - sent_s
        self._turnarounds.took(ask.unit_id, self._idle_since_s - sent_s)
        return found, self._idle_since_s - sent_s

    def _late_max_s(self, ask: ReadId, wire_s: float) -> float:
        """Until when the answer can come."""
        if not wire_s:
            return math.inf
        longest_s = max(wire_s + RESPONSE_MAX_S + BYTE_PAUSE_S, self._turnarounds.slowest_s(ask.unit_id))
        return max(LATE_TIMES * longest_s, late_min_s(self._clock))
