"""A Modbus bus: a serial port or a TCP gateway, and the meters that share it.

`read` sends one request and returns the words of its answer, or raises one error of
`drivers.errors`; it never retries on its own. It guarantees that **the words it returns are those of the
registers that were read**, even if answers come late, twice, damaged or from others.

1. Bytes that do not fit the request exactly are discarded, and the wait goes on (`drivers.modbus.frame`).
2. A request that a late answer could be confused with is not sent as it stands: some spare registers
   are read with it, so that its byte count differs, or it waits (`drivers.link.ledger`). TCP has
   transaction ids; there the count changes if possible, because of serial gateways behind, and
   nothing waits.
3. Nothing is sent until the wire is quiet; bytes received before are discarded.
4. A refusal that may be the late answer to an earlier request is not believed.
5. When another master requests the same count from the same meter meanwhile, no answer is believed.

`drivers.link.port` defines when the port is opened and which thread may use it.
"""

import time
from typing import Final

from drivers.clock import Clock
from drivers.errors import BusDownError, ExceptionReplyError
from drivers.link.bus_url import parse_url
from drivers.link.ledger import Ledger
from drivers.link.port import QUIET_S, Port
from drivers.link.transaction import Answer
from drivers.link.verdict import ADDRESS_MAX, Framing, Request
from drivers.modbus.frame import PreparedRequest
from drivers.modbus.rtu import signatures_in
from drivers.modbus.transaction import ModbusTransaction
from drivers.points.registers import WORD_BYTES

ILLEGAL_REGISTERS: Final = frozenset({2, 3})
"""Exceptions for an address or a count that the meter does not have."""
PREPARED_MAX: Final = 4096
"""Requests kept ready: those of a full bus, and of a search through all its registers."""

_REQUEST_BYTES: Final = 8
_Key = tuple[int, int, int, int]


class Bus(Port):
    """A Modbus bus; made by `drivers.poll.bus.open_bus`."""

    def __init__(self, url: str, clock: Clock, ledger: Ledger) -> None:
        target = parse_url(url)
        super().__init__(url, target, clock, ledger, signatures_in)
        self.framing = target.framing
        self._is_tcp = target.framing is Framing.TCP
        self._transaction_id = 0
        self._spare_max: dict[_Key, int] = {}
        self._prepared: dict[_Key, PreparedRequest] = {}

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
        """The words of `count` registers from `address`.

        Args:
            unit_id: The meter's address on the bus.
            function: 3 or 4.
            address: Zero-based PDU address.
            count: Registers, 1..125.
            timeout_s: How long the meter may take; the time on a serial wire is added.
            spare_registers: How many registers after the last may be read too, to make this request
            differ from the others. If the meter refuses them they are not read again.

        Raises:
            BusDownError: The port cannot be used; the next call reopens it.
            ReplyTimeoutError: No answer, or the request has to wait for late answers to others.
            ReplyError: What came is not the answer.
            ExceptionReplyError: The meter certainly refused this request.
        """
        wanted = self._get_prepared((unit_id, function, address, count))
        try:
            answer = self._read(wanted, spare_registers, timeout_s)
        except BusDownError:
            self.close()
            raise
        size = count * WORD_BYTES
        return answer if len(answer.words) == size else Answer(answer.words[:size], answer.latency_s)

    def _get_prepared(self, key: _Key) -> PreparedRequest:
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= PREPARED_MAX:
                self._prepared.clear()
            prepared = self._prepared[key] = PreparedRequest(self.framing, Request(*key))
        return prepared

    def _read(self, wanted: PreparedRequest, spare_registers: int, timeout_s: float) -> Answer:
        sent = self._choose_count(wanted, spare_registers, timeout_s)
        try:
            return self._exchange(sent, timeout_s)
        except ExceptionReplyError as error:
            spared = sent.request.count - wanted.request.count
            if not spared or error.code not in ILLEGAL_REGISTERS:
                raise
            self._spare_max[_key(wanted.request)] = spared - 1
        # The spare registers may have been at fault. Without any, after the time in which the
        # refusal could come twice, the meter's answer is certain.
        if not self._is_tcp:
            self._clock.sleep(self._ledger.duplicate_max_s)
        return self._exchange(self._choose_count(wanted, 0, timeout_s), timeout_s)

    def _choose_count(
        self, wanted: PreparedRequest, spare_registers: int, timeout_s: float
    ) -> PreparedRequest:
        """Open the port, wait for quiet, and choose a count that no late answer can have."""
        self._open()
        self._drain()
        now_s = self._clock.monotonic_s()
        request = wanted.request
        if self._ledger.is_free(request, now_s):
            return wanted
        choice = self._ledger.choose(request, self._limit_spare(request, spare_registers), now_s)
        if choice.wait_s and not self._is_tcp:
            self._wait_out(choice.wait_s, timeout_s)
        return self._get_prepared((request.unit_id, request.function, request.address, choice.count))

    def _limit_spare(self, request: Request, spare_registers: int) -> int:
        room = ADDRESS_MAX + 1 - request.address - request.count
        return min(spare_registers, room, self._spare_max.get(_key(request), spare_registers))

    def _drain(self) -> None:
        """Discard bytes that answer nothing, until the wire is quiet. TCP frames stay: they have ids."""
        if not self._is_tcp:
            super()._drain()

    def _exchange(self, sent: PreparedRequest, timeout_s: float) -> Answer:
        """Send a request and wait for its answer."""
        request = sent.request
        transaction_id = self._transaction_id = self._transaction_id % 0xFFFF + 1
        self.stats.requests += 1
        sent_s = self._keep_gap()
        self._ledger.note_request(request, sent_s)
        self._pipe.write(sent.frame(transaction_id))
        wire_s = self._pipe.wire_s(_REQUEST_BYTES + sent.answer_bytes)
        began_s, wait_s = time.monotonic(), self._clock.real_s(timeout_s + wire_s)
        try:
            chunk = self._pipe.read(wait_s)
            words = None if self._buffer else sent.words(chunk, transaction_id)
            if words is not None:  # the whole answer and nothing else, as mostly
                self._silent = 0
                now_s = self._idle_since_s = self._clock.monotonic_s()
                self._ledger.note_answer(request, now_s)
                answer = Answer(words, now_s - sent_s)
            else:
                transaction = ModbusTransaction(
                    self._ledger,
                    self.stats,
                    self.framing,
                    request,
                    transaction_id,
                    sent_s,
                    buffer=self._buffer,
                )
                times_s = began_s, wait_s, self._clock.real_s(self._due_s(request.unit_id, timeout_s))
                answer = self._await_answer(transaction, chunk, sent.answer_bytes, times_s)
        finally:
            self.stats.busy_s += self._clock.monotonic_s() - sent_s
        if wire_s:
            self._turnarounds.record(request.unit_id, answer.latency_s - wire_s)
        return answer

    def _due_s(self, unit_id: int, timeout_s: float) -> float:
        """Time after which the first bytes of a meter's answer have always arrived."""
        turnaround_s = self._turnarounds.due_s(unit_id, timeout_s)
        return self._pipe.wire_s(_REQUEST_BYTES) + turnaround_s + self._fifo_s + QUIET_S

    def _lose_sync(self) -> None:
        """Reopen a TCP connection; on a serial bus the next silence starts afresh."""
        super()._lose_sync()
        if self._is_tcp:
            self.close()


def _key(request: Request) -> _Key:
    return request.unit_id, request.function, request.address, request.count
