"""A Modbus bus: a serial port or a TCP gateway, and the meters that share it.

`read` sends one request and returns the words of its answer, or raises one error of
`drivers.errors`; it never retries on its own. It guarantees that **the words it returns are those of the
registers that were read**, even if answers come late, twice, damaged or from others.

1. Bytes that do not fit the request exactly are discarded, and the wait goes on (`drivers.modbus.frame`).
2. A request that a late answer could be confused with is not sent as it stands: some spare registers
   are read with it, so that its byte count differs, or it waits (`drivers.link.ledger`). TCP has
   transaction ids; there the count changes if possible, because of serial gateways behind, and
   nothing waits. Where ids are ignored it waits as on a serial bus.
3. Nothing is sent until the wire is quiet; bytes received before are discarded.
4. A refusal that may be the late answer to an earlier request is not believed.
5. Over TCP a request is waited for as long as it may hold the gateway (`drivers.link.gateway_queue`), so that
   one request is owed at a time unless the gateway has shown that it answers side by side.
6. When another master requests the same count from the same meter meanwhile, no answer is believed.

`drivers.link.port` defines when the port is opened and which thread may use it.
"""

import math
import time
from typing import Final

from drivers.clock import Clock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError
from drivers.link.bus_url import parse_url
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.link.port import QUIET_S, Port, Waits, late_min_s
from drivers.link.transaction import Answer
from drivers.link.verdict import ADDRESS_MAX, GATEWAY_EXCEPTIONS, Framing, Request
from drivers.modbus import frame, rtu
from drivers.modbus.frame import PreparedRequest
from drivers.modbus.transaction import ModbusTransaction
from drivers.modbus.transaction_ids import TransactionIds
from drivers.points.registers import WORD_BYTES

ILLEGAL_REGISTERS: Final = frozenset({2, 3})
"""Exceptions for an address or a count that the meter does not have."""
OVERTAKEN_TIMES: Final = 4.0
OVERTAKEN_LEAST_S: Final = 3.0
"""An answer that a later one of the same meter has overtaken can come for this multiple of the longest that
the meter took of late, and at least for so long. What holds an answer for longer (a radio that waits for a
free channel, a converter that was away) holds all behind it too, so as long as the meter has answered nothing
that was sent later, the ledger's time counts: also on a quick serial bus, where 3 s alone would believe what
a radio held for 5 s. It costs no time where registers can be spared: the count differs instead."""
PREPARED_MAX: Final = 4096
"""Requests kept ready: those of a full bus, and of a search through all its registers."""

_REQUEST_BYTES: Final = 8
_Key = tuple[int, int, int, int]


class Bus(Port):
    """A Modbus bus; made by `drivers.poll.bus.open_bus`.

    Attributes:
        has_ids: Whether each answer names its request.
    """

    def __init__(self, url: str, clock: Clock, ledger: Ledger) -> None:
        target = parse_url(url)
        is_tcp = target.framing is Framing.TCP
        super().__init__(url, target, clock, ledger, frame.signatures_in if is_tcp else rtu.signatures_in)
        self.framing = target.framing
        self._ids = TransactionIds()
        self.has_ids = is_tcp and not target.ignores_ids
        self._sent = PreparedRequest(self.framing, Request(0, 3, 0, 1))
        self._queue = ledger.queue if target.is_connection else None
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
            timeout_s: How long the meter may take; the time on a serial wire is added. Over TCP the read ends
                no sooner than the gateway is free for another one.
            spare_registers: How many registers after the last may be read too, to make this request
            differ from the others. If the meter refuses them they are not read again.

        Raises:
            BusDownError: The port cannot be used; the next call reopens it.
            ReplyTimeoutError: No answer, or the request has to wait for late answers to others.
            ReplyError: What came is not the answer, or the other side hung up twice.
            ExceptionReplyError: The meter certainly refused this request.
        """
        wanted = self._get_prepared((unit_id, function, address, count))
        answer = self._ask(lambda again: self._read(wanted, spare_registers, timeout_s, again=again))
        size = count * WORD_BYTES
        return answer if len(answer.words) == size else Answer(answer.words[:size], answer.latency_s)

    def find_wait_s(
        self, unit_id: int, function: int, address: int, count: int, spare_registers: int
    ) -> float:
        """How long a read would have to wait by now, because a late answer could be taken for its own; s.

        Other meters can be read meanwhile: their answers name them. Arguments as in `read`.
        """
        request = self._get_prepared((unit_id, function, address, count)).request
        now_s = self._clock.monotonic_s()
        if self._ledger.is_free(request, now_s):
            return 0.0
        return self._ledger.choose(request, self._limit_spare(request, spare_registers), now_s).wait_s

    def _get_prepared(self, key: _Key) -> PreparedRequest:
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= PREPARED_MAX:
                self._prepared.clear()
            prepared = self._prepared[key] = PreparedRequest(self.framing, Request(*key))
        return prepared

    def _read(
        self, wanted: PreparedRequest, spare_registers: int, timeout_s: float, *, again: bool
    ) -> Answer:
        sent = self._choose_count(wanted, spare_registers, timeout_s, again=again)
        try:
            return self._exchange(sent, timeout_s, again=again)
        except ExceptionReplyError as error:
            spared = sent.request.count - wanted.request.count
            if not spared or error.code not in ILLEGAL_REGISTERS:
                raise
            self._spare_max[_key(wanted.request)] = spared - 1
        # The spare registers may have been at fault. Without any, after the time in which the
        # refusal could come twice, the meter's answer is certain.
        if not self.has_ids:
            self._clock.sleep(self._ledger.duplicate_max_s)
        return self._exchange(self._choose_count(wanted, 0, timeout_s), timeout_s)

    def _choose_count(
        self, wanted: PreparedRequest, spare_registers: int, timeout_s: float, *, again: bool = False
    ) -> PreparedRequest:
        """Open the port, wait for quiet, and choose a count that no late answer can have.

        `again`: this very read was sent before a hang-up; then it goes out as it was.
        """
        self._make_ready()
        if again:
            return self._sent
        now_s = self._clock.monotonic_s()
        request = wanted.request
        if self._ledger.is_free(request, now_s):
            return wanted
        choice = self._ledger.choose(request, self._limit_spare(request, spare_registers), now_s)
        if choice.wait_s and not self.has_ids:
            self._wait_out(choice.wait_s, timeout_s)
        return self._get_prepared((request.unit_id, request.function, request.address, choice.count))

    def _limit_spare(self, request: Request, spare_registers: int) -> int:
        room = ADDRESS_MAX + 1 - request.address - request.count
        return min(spare_registers, room, self._spare_max.get(_key(request), spare_registers))

    def _open(self) -> None:
        if not self._pipe.is_open:
            self._ids.forget()
        super()._open()

    def _drain(self) -> None:
        """Discard bytes that answer nothing, until the wire is quiet. TCP frames stay: they have ids."""
        if self.has_ids:
            if chunk := self._pipe.read(0.0):  # at some time since the last read: the gateway has been free
                self._buffer += chunk
                self._ledger.queue.note_free()
        else:
            super()._drain()

    def _exchange(self, sent: PreparedRequest, timeout_s: float, *, again: bool = False) -> Answer:
        """Send a request and wait for its answer; `again` after it was sent over another connection."""
        request, queue = sent.request, self._queue
        transaction_id = self._ids.take_next()
        self.stats.requests += 1
        sent_s = self._keep_gap()
        self._ledger.note_request(
            request,
            sent_s,
            overtaken_max_s=math.inf if self.has_ids else self._overtaken_max_s(request.unit_id),
        )
        self._is_sent, self._sent = True, sent
        self._pipe.write(sent.frame(transaction_id))
        wire_s = self._pipe.wire_s(_REQUEST_BYTES + sent.answer_bytes)
        began_s, wait_s = time.monotonic(), self._clock.real_s(timeout_s + wire_s)
        longest_s = wait_s if queue is None else self._clock.real_s(queue.wait_s(timeout_s, sent_s))
        try:
            chunk = self._pipe.read(longest_s)
            words = None if self._buffer else sent.words(chunk, self._expected_id(chunk, transaction_id))
            if words is not None:  # the whole answer and nothing else, as mostly
                self._silent = self._unanswered = 0
                now_s = self._idle_since_s = self._clock.monotonic_s()
                self._ledger.note_answer(request, now_s)
                answer = Answer(words, now_s - sent_s)
            else:
                times = Waits(
                    began_s, wait_s, self._clock.real_s(self._due_s(request.unit_id, timeout_s)), longest_s
                )
                answer = self._await_judged(sent, transaction_id, sent_s, chunk, times)
        finally:
            self.stats.busy_s += self._clock.monotonic_s() - sent_s
        if queue is not None:
            self._ids.note_answer(transaction_id, request.signature)
            queue.note_answer(request.unit_id, sent_s, sent_s + answer.latency_s)
        if again:
            self._ledger.note_second_answer(request, sent_s + answer.latency_s)
        if not self.has_ids:
            self._turnarounds.record(request.unit_id, answer.latency_s - wire_s)
        return answer

    def _expected_id(self, chunk: bytes, transaction_id: int) -> int:
        return transaction_id if self.has_ids else int.from_bytes(chunk[:2])

    def _await_judged(
        self, sent: PreparedRequest, transaction_id: int, sent_s: float, chunk: bytes, waits: Waits
    ) -> Answer:
        """Wait for an answer that did not come alone and whole at once; note what its absence shows."""
        transaction = ModbusTransaction(
            self._ledger,
            self.stats,
            self.framing,
            sent.request,
            transaction_id,
            sent_s,
            self._ids if self.has_ids else None,
            buffer=self._buffer,
        )
        try:
            return self._await_answer(transaction, chunk, sent.answer_bytes, waits)
        except BusDownError:
            raise
        except DriverError as error:
            if self._queue is not None:
                self._note_failure(self._queue, transaction, error)
            if self.has_ids and self._buffer and not isinstance(error, ExceptionReplyError):
                self.close()  # a frame that broke off would swallow all that follows
            raise

    def _note_failure(self, queue: GatewayQueue, transaction: ModbusTransaction, error: DriverError) -> None:
        """Note what a request without an answer shows of the gateway."""
        now_s, unit_id = self._clock.monotonic_s(), transaction.request.unit_id
        if isinstance(error, ExceptionReplyError):
            self._ids.note_answer(transaction.transaction_id, transaction.request.signature)
            if error.code not in GATEWAY_EXCEPTIONS:
                queue.note_answer(unit_id, transaction.sent_s, now_s)
            else:
                queue.note_free()
        elif transaction.is_settled or transaction.damaged:
            queue.note_free()
        else:
            queue.note_silence(unit_id, transaction.sent_s, now_s)
            self._ids.note_silence(transaction.transaction_id, transaction.sent_s)

    def _overtaken_max_s(self, unit_id: int) -> float:
        """Until when an overtaken answer of a meter can come, after its request."""
        slowest_s = self._turnarounds.slowest_s(unit_id)
        if not slowest_s:
            return math.inf
        slowest_s = max(slowest_s, self._ledger.late_s.get(unit_id, 0.0))
        return max(OVERTAKEN_TIMES * slowest_s, OVERTAKEN_LEAST_S, late_min_s(self._clock))

    def _due_s(self, unit_id: int, timeout_s: float) -> float:
        """Time after which the first bytes of a meter's answer have always arrived."""
        turnaround_s = self._turnarounds.due_s(unit_id, timeout_s)
        return self._pipe.wire_s(_REQUEST_BYTES) + turnaround_s + self._fifo_s + QUIET_S

    def _lose_sync(self) -> None:
        """Reopen a TCP connection; on a serial bus the next silence starts afresh."""
        super()._lose_sync()
        if self.framing is Framing.TCP:
            self.close()


def _key(request: Request) -> _Key:
    return request.unit_id, request.function, request.address, request.count
