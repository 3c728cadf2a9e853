"""One bus: a serial line or a TCP gateway, and the meters that share it.

    tcp://host:502                                   Modbus TCP
    rtu:/dev/ttyS1?baudrate=9600&parity=N&stopbits=1 Modbus RTU on a serial port or a pty
    rtu+tcp://host:port                              RTU frames through a transparent TCP gateway
    dlt645:…, dlt645+tcp://…                         DL/T 645 meters: drivers.dlt645_bus

`read` sends one request and returns the words of its answer, or raises one error of
`drivers.errors`; it never retries on its own. Its promise: **words that it returns are those of the
registers that were asked for**, also on lines where answers come late, twice, damaged or from others.

1. What does not fit the request exactly is cut off and waited past (`drivers.frame`).
2. A request that a late answer could be confused with is not sent as it stands: some spare registers
   are read with it, so that its byte count differs, or it waits (`drivers.ledger`). TCP has
   transaction ids; there the count changes where it can, for the sake of serial gateways behind, and
   nothing waits.
3. Nothing is sent into a line that is not quiet; what lay on it is thrown away.
4. A refusal that may be the late answer to an earlier request is not believed.
5. When another master asks the same meter for the same count meanwhile, no answer is believed.

A bus belongs to one thread. It opens its port when it is first used, and again after a failure.
Times are seconds of the clock; only waiting is translated into real time.
"""

from typing import Final, Protocol

from drivers.bus_url import parse_url
from drivers.clock import Clock
from drivers.dlt645_bus import Dlt645Bus
from drivers.errors import BusDownError, ExceptionReplyError, ReplyTimeoutError
from drivers.frame import Framing, Request, encode_request
from drivers.ledger import LATE_MAX_S, Ledger
from drivers.registers import WORD_BYTES
from drivers.rtu import replies_in, requests_in
from drivers.transaction import FLOOD_BYTES_MAX, Answer, BusStats, Transaction
from drivers.transport import Deadline
from drivers.verdict import ADDRESS_MAX

__all__ = ["Answer", "Bus", "BusStats", "Dlt645Bus", "MeterBus", "new_ledger", "open_bus"]

QUIET_S: Final = 0.02
"""Silence asked for after trouble. USB adapters hand over what they have every 16 ms."""
QUIET_MAX_S: Final = 0.3
"""Longest wait for that silence: a babbling meter must not stop the others."""
SILENT_REOPEN: Final = 5
"""Requests in a row without a single byte after which the port is opened anew: a connection through a
gateway that was restarted stays silent for hours."""
LATE_REAL_MIN_S: Final = 1.0
"""A clock that runs fast does not make the machine's scheduler faster: this much real time is kept."""
ILLEGAL_REGISTERS: Final = frozenset({2, 3})
"""Exceptions for an address or a count that the meter does not have."""

_REQUEST_BYTES: Final = 8
_REPLY_OVERHEAD_BYTES: Final = 5


class Bus:
    """A bus that is read by one thread; made by `open_bus`."""

    def __init__(self, url: str, clock: Clock, ledger: Ledger) -> None:
        target = parse_url(url)
        self.url = url
        self.framing = target.framing
        self.gap_registers_max = target.gap_registers_max
        self.stats = BusStats()
        self._pipe = target.pipe
        self._clock = clock
        self._ledger = ledger
        self._buffer = b""
        self._opened_once = False
        self._troubled = False
        self._silent = 0
        self._transaction_id = 0
        self._idle_since_s = 0.0
        self._spare_max: dict[Request, int] = {}

    def close(self) -> None:
        """Give the port back; the next `read` opens it again."""
        self._pipe.close()
        self._buffer = b""

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
            timeout_s: How long the meter may take; the time on a serial wire comes on top.
            spare_registers: How many registers behind the last may be read too, to make this request
                unlike the others. Where the meter refuses them they are not asked for again.

        Raises:
            BusDownError: The port cannot be used; the next call opens it anew.
            ReplyTimeoutError: No answer, or the request has to wait for late answers to others.
            ReplyError: What came is not the answer.
            ExceptionReplyError: The meter refused, and it is certain that it refused this.
        """
        request = Request(unit_id, function, address, count)
        room = ADDRESS_MAX + 1 - address - count
        spare = min(spare_registers, room, self._spare_max.get(request, spare_registers))
        try:
            answer = self._read(request, spare, timeout_s)
        except BusDownError:
            self.close()
            raise
        return Answer(answer.words[: count * WORD_BYTES], answer.latency_s)

    def _read(self, request: Request, spare: int, timeout_s: float) -> Answer:
        sent = self._prepare(request, spare, timeout_s)
        try:
            return self._exchange(sent, timeout_s)
        except ExceptionReplyError as error:
            spared = sent.count - request.count
            if not spared or error.code not in ILLEGAL_REGISTERS:
                raise
            self._spare_max[request] = spared - 1
        # The spare registers may have been at fault. Without any, after the time in which the
        # refusal could come twice, the meter's answer is certain.
        if self.framing is Framing.RTU:
            self._clock.sleep(self._ledger.duplicate_max_s)
        return self._exchange(self._prepare(request, 0, timeout_s), timeout_s)

    def _prepare(self, request: Request, spare: int, timeout_s: float) -> Request:
        """Open and quiet the line, and settle on a count that nothing late can be taken for."""
        if self._pipe.open():
            self.stats.reopened += self._opened_once
            self._opened_once = True
            self._buffer = b""
        self._settle()
        choice = self._ledger.choose(request, spare, self._clock.monotonic_s())
        if choice.wait_s and self.framing is Framing.RTU:
            if choice.wait_s > max(timeout_s, self._ledger.duplicate_max_s):
                raise ReplyTimeoutError(
                    f"not asked: an earlier answer may come for {choice.wait_s:.1f} s more"
                )
            self._clock.sleep(choice.wait_s)
            self._settle()
        return Request(request.unit_id, request.function, request.address, choice.count)

    def _settle(self) -> None:
        """Take off the line what nobody asked for, until it is quiet. TCP frames stay: they have ids."""
        if self.framing is Framing.TCP:
            return
        stale, self._buffer = self._buffer, b""
        noise_s = self._clock.real_s(max(QUIET_S, self._pipe.gap_s))
        quiet_s = noise_s if self._troubled or stale else 0.0
        deadline = Deadline(self._clock.real_s(QUIET_MAX_S))
        while chunk := self._pipe.read(min(quiet_s, deadline.left_s())):
            stale = (stale + chunk)[-FLOOD_BYTES_MAX:]
            quiet_s = noise_s
            self._idle_since_s = self._clock.monotonic_s()
            if not deadline.left_s():
                break
        self._troubled = False
        if stale:
            self._account(stale)

    def _account(self, stale: bytes) -> None:
        """Note other masters' requests and late answers among bytes that are thrown away."""
        now_s = self._clock.monotonic_s()
        for signature in requests_in(stale):
            self.stats.collisions += 1
            self._ledger.overheard(signature, now_s)
        for signature in replies_in(stale):
            self.stats.late += self._ledger.arrived(signature, now_s)

    def _exchange(self, request: Request, timeout_s: float) -> Answer:
        """Send `request` and wait for its answer."""
        gap_left_s = self._idle_since_s + self._pipe.gap_s - self._clock.monotonic_s()
        if gap_left_s > 0:
            self._clock.sleep(gap_left_s)
        self._transaction_id = self._transaction_id % 0xFFFF + 1
        self.stats.requests += 1
        sent_s = self._clock.monotonic_s()
        self._ledger.sent(request, sent_s)
        transaction = Transaction(
            self.framing, request, self._transaction_id, sent_s, self._ledger, self.stats, self._buffer
        )
        self._pipe.write(encode_request(self.framing, request, self._transaction_id))
        wire_s = self._pipe.wire_s(_REQUEST_BYTES + _REPLY_OVERHEAD_BYTES + WORD_BYTES * request.count)
        try:
            return self._await(transaction, Deadline(self._clock.real_s(timeout_s + wire_s)))
        finally:
            self._buffer = transaction.buffer
            self._idle_since_s = self._clock.monotonic_s()
            self.stats.busy_s += self._idle_since_s - sent_s
            if transaction.lost_sync:
                self._lose_sync()

    def _await(self, transaction: Transaction, deadline: Deadline) -> Answer:
        while chunk := self._pipe.read(deadline.left_s()):
            self._silent = 0
            answer = transaction.feed(chunk, self._clock.monotonic_s())
            if answer is not None:
                return answer
        self._troubled = True
        self._count_silence(transaction)
        raise transaction.given_up()

    def _count_silence(self, transaction: Transaction) -> None:
        if transaction.received:
            return
        self._silent += 1
        if self._silent >= SILENT_REOPEN:
            self._silent = 0
            self._pipe.close()

    def _lose_sync(self) -> None:
        """A TCP stream has to begin anew; on a serial line the next silence does."""
        self._troubled = True
        if self.framing is Framing.TCP:
            self.close()


class MeterBus(Protocol):
    """What meters are read through: a `Bus`, a `Dlt645Bus`, or a recorded session that stands for one."""

    url: str
    gap_registers_max: int
    stats: BusStats

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
        """See `Bus.read`."""
        ...

    def close(self) -> None:
        """Give the port back; the next `read` opens it again."""
        ...


def new_ledger(clock: Clock) -> Ledger:
    """An empty ledger for a bus that is read on `clock`."""
    hour_s = 3600.0
    speed = hour_s / clock.real_s(hour_s)
    return Ledger(late_max_s=max(LATE_MAX_S, LATE_REAL_MIN_S * speed))


def open_bus(url: str, clock: Clock, ledger: Ledger | None = None) -> MeterBus:
    """The bus at `url`; its port is opened by the first `read`.

    Args:
        url: Where it is.
        clock: Whose seconds count.
        ledger: What an earlier user of the same bus left unanswered.

    Raises:
        BusUrlError: The URL cannot be understood.
    """
    kind = Dlt645Bus if parse_url(url).is_dlt645 else Bus
    return kind(url, clock, new_ledger(clock) if ledger is None else ledger)
