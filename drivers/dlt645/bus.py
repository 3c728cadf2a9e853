"""A bus of DL/T 645-2007 meters: the interface of `drivers.modbus.bus.Bus` over another protocol.

    dlt645:/dev/ttyS1?baudrate=2400&parity=E   a serial port or a pty
    dlt645+tcp://host:port                     through a transparent TCP gateway

`read` reads one data id of one meter. A meter is identified by a number: its address of 12 digits read as
hexadecimal, so that AA in high bytes remains a wildcard. `count` is in bytes. Guarantees of
`drivers.modbus.bus` that are kept differently here:

- The answer names meter and data id, so only a late answer to an earlier read of the same data id
could be mistaken for it, and would make an old value new: after a time-out the same
data id is not read until that answer has come or can no longer come, and after an answer until no
duplicate can come. All others may be read at once.
- Nothing is sent until the wire is quiet; bytes received before are discarded and counted.

`drivers.link.port` defines when the port is opened and which thread may use it.
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
from drivers.dlt645.transaction import Dlt645Transaction
from drivers.errors import ExceptionReplyError
from drivers.link.bus_url import parse_url
from drivers.link.ledger import Ledger
from drivers.link.port import Port, Waits, late_min_s
from drivers.link.transaction import Answer

QUIET_MAX_S: Final = 0.5
"""Longest wait for silence: the longest frame takes 1 s at 2400 baud, a babbling meter never stops."""
BYTE_PAUSE_S: Final = 0.5
"""How long a meter may pause between two bytes of its frame (DL/T 645-2007, section 5.3)."""
RESPONSE_MAX_S: Final = 0.5
"""Longest time in which a meter begins to answer (same section)."""
LATE_TIMES: Final = 2.0
"""On a serial port a lost answer can come for this multiple of the longest that the standard allows, or that
this meter ever took. A transparent gateway may hold it longer, with all that follows: there the ledger's time
counts until a later answer of the same meter has overtaken it."""
WIRE_MAX_S: Final = 0.5
"""Request and answer on the wire behind a gateway, whose baud rate is not known: 54 bytes at 1200 baud."""
_DATA_ID_BYTES: Final = 4


class Dlt645Bus(Port):
    """A bus of DL/T 645 meters; made by `drivers.poll.bus.open_bus`."""

    quiet_max_s = QUIET_MAX_S
    spoiled_s = BYTE_PAUSE_S

    def __init__(self, url: str, clock: Clock, ledger: Ledger) -> None:
        super().__init__(url, parse_url(url), clock, ledger, signatures_in)

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
        """Exactly the `count` bytes of a data id. Errors as in `drivers.modbus.bus.Bus.read`.

        `unit_id` is the meter's address, its 12 digits read as hexadecimal; `function` is 17; `address` is
        the data id. There are no spare registers here, so `spare_registers` has no effect.
        """
        del spare_registers
        if function != FUNCTION:
            raise ValueError(f"function {function} on a DL/T 645 bus")
        data, latency_s = self.read_data(ReadId(f"{unit_id:0{ADDRESS_DIGITS}X}", address, count), timeout_s)
        return Answer(data.data, latency_s)

    def read_data(self, request: ReadId, timeout_s: float) -> tuple[Data, float]:
        """The answer to one read, with the address of the meter that gave it, and its latency.

        Errors as in `read`.
        """
        try:
            return self._ask(lambda again: self._read_data(request, timeout_s, again=again))
        except ExceptionReplyError:
            # A refusal does not name its request: when its duplicate comes, no other request may be open.
            self._clock.sleep(self._ledger.duplicate_max_s)
            raise

    def _read_data(self, request: ReadId, timeout_s: float, *, again: bool) -> tuple[Data, float]:
        """`again`: this very read was sent before a hang-up."""
        self._make_ready()
        wait_s = self._ledger.rest_s(request.signature, self._clock.monotonic_s())
        if wait_s and not again:
            self._wait_out(wait_s, timeout_s)
        return self._exchange(request, timeout_s)

    def has_more(self, wait_s: float) -> bool:
        """Whether more follows the last answer within `wait_s`: several meters may match a wildcard."""
        more = self._buffer + self._pipe.read(self._clock.real_s(wait_s))
        self._needs_quiet = self._needs_quiet or bool(more)
        return bool(more)

    def _exchange(self, request: ReadId, timeout_s: float) -> tuple[Data, float]:
        sent_s = self._keep_gap()
        frame = encode_read(request.meter, request.data_id)
        self.stats.requests += 1
        answer_bytes = FRAME_OVERHEAD_BYTES + _DATA_ID_BYTES + request.count
        wire_s = self._pipe.wire_s(len(frame) + len(PREAMBLE) + answer_bytes)
        late_max_s = self._late_max_s(request, wire_s or WIRE_MAX_S)
        self._ledger.note_request(request, sent_s, late_max_s if wire_s else math.inf, late_max_s)
        transaction = Dlt645Transaction(self._ledger, self.stats, request, buffer=self._buffer)
        self._is_sent = True
        self._pipe.write(frame)
        began_s, wait_s = time.monotonic(), self._clock.real_s(timeout_s + wire_s)
        try:
            chunk = self._pipe.read(wait_s)
            data = self._await_answer(
                transaction, chunk, answer_bytes, Waits(began_s, wait_s, wait_s, wait_s)
            )
        finally:
            self.stats.busy_s += self._clock.monotonic_s() - sent_s
        latency_s = self._idle_since_s - sent_s
        self._turnarounds.record(request.unit_id, latency_s)
        return data, latency_s

    def _late_max_s(self, request: ReadId, wire_s: float) -> float:
        """Until when the answer can come, after its request."""
        slowest_s = self._turnarounds.slowest_s(request.unit_id)
        longest_s = max(wire_s + RESPONSE_MAX_S + BYTE_PAUSE_S, slowest_s)
        return max(LATE_TIMES * longest_s, late_min_s(self._clock))
