"""One Modbus request and what comes back until it is answered, refused or given up.

Pure; the rules are those of `drivers.link.transaction`. For Modbus only:

- Over TCP a refusal has the id of its request and is believed at once; on a serial bus it is not
  while it may belong to an earlier request. Where ids are ignored, TCP is as a serial bus.
- Exceptions 10 and 11 come from a gateway and not from the meter, whose answer may still come.
- Over TCP a whole frame under the id of this request that does not fit is a wrong answer to it, and nothing
  is waited for any more. So is one that fits in all but an id that no request had: a converter that does not
  copy the id (`drivers.modbus.transaction_ids`). A refusal under such an id is believed where it cannot be
  that of an earlier request: some copy the id of answers alone.
- Serial servers put packets of their own into the stream: a name, a heartbeat. Bytes that are no frame of
  Modbus TCP, or a frame only with bytes of the answer, are passed over once the answer's own head is seen
  behind them: its id, length, unit, function and byte count are nine bytes that noise does not have.
"""

from typing import Final

from attrs import define, evolve, field

from drivers.errors import ReplyError
from drivers.link.transaction import Answer, Reply, Transaction
from drivers.link.verdict import (
    EXCEPTION_BIT,
    GATEWAY_EXCEPTIONS,
    NEED_MORE,
    Foreign,
    ForeignKind,
    Framing,
    NeedMore,
    Refusal,
    Request,
    Verdict,
    Words,
    judge,
    reply_signature,
)
from drivers.modbus.frame import MBAP_BYTES, parse
from drivers.modbus.transaction_ids import TransactionIds

OVERHEAD_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}
"""Bytes of an answer without its words, and of a whole refusal."""
FOREIGN_ID: Final = (
    "the answer has transaction id {got} where {asked} was asked: the converter does not copy it; "
    'with transaction_id = "ignored" for this bus it can be read'
)


@define(eq=False, repr=False)
class ModbusTransaction(Transaction[Answer]):
    """A request that was sent at `sent_s`, and what has come back; see `Transaction`.

    Attributes:
        ids: The ids of the connection; None where ids are not looked at.
        is_settled: A frame came that is certainly the answer to this request, but a wrong one.
    """

    framing: Framing
    request: Request
    transaction_id: int
    sent_s: float
    ids: TransactionIds | None = None
    is_settled: bool = field(default=False, init=False)
    _frame: bytes = field(default=b"", init=False)

    @property
    def has_begun(self) -> bool:
        """Whether unit, function and byte count are those of the answer, or the first two of a refusal."""
        return self.buffer.startswith(self._heads)

    @property
    def is_under_way(self) -> bool:
        """Over TCP, which has no noise, any bytes; else the head of an answer, or a part of it."""
        if self.framing is Framing.TCP:
            return bool(self.buffer)
        is_part = bool(self.buffer) and any(head.startswith(self.buffer) for head in self._heads)
        return is_part or self.has_begun

    @property
    def _heads(self) -> tuple[bytes, bytes]:
        request = self.request
        answer = bytes((request.unit_id, request.function, 2 * request.count))
        return answer, bytes((request.unit_id, request.function | EXCEPTION_BIT))

    @property
    def has_come(self) -> bool:
        """Only on a serial bus, where `damaged` means a frame with the head of the answer.

        A meter answers once, so a `misfit` is its answer to this request, with a wrong count.
        """
        return self.framing is Framing.RTU and (self.damaged or self.misfit or self.has_begun)

    def _judge(self, now_s: float) -> NeedMore | Foreign | Reply[Answer]:
        transaction_id = self.transaction_id if self.ids is not None else int.from_bytes(self.buffer[:2])
        verdict = parse(self.framing, self.buffer, self.request, transaction_id)
        if self.ids is not None and self.framing is Framing.TCP:
            verdict = self._pass_over(verdict)
        if isinstance(verdict, Foreign):
            self._frame = self.buffer[: verdict.consumed]
            if self.ids is None and self.framing is Framing.TCP and verdict.kind is ForeignKind.REPLY:
                # without ids it may be the late answer to an earlier request
                verdict = evolve(verdict, signature=reply_signature(self._frame[MBAP_BYTES - 1 :]))
        if isinstance(verdict, NeedMore | Foreign):
            return verdict
        overhead_bytes = OVERHEAD_BYTES[self.framing]
        if isinstance(verdict, Words):
            answer = Answer(verdict.words, now_s - self.sent_s)
            return Reply(overhead_bytes + len(verdict.words), answer)
        return Reply(overhead_bytes, code=verdict.code)

    def _pass_over(self, verdict: Verdict) -> Verdict:
        """What `verdict` comes to if the bytes may be followed by the answer, or are."""
        end = verdict.consumed if isinstance(verdict, Foreign) else len(self.buffer)
        if isinstance(verdict, NeedMore | Foreign):
            for head in self._heads:
                length = 3 + 2 * self.request.count if head[1] == self.request.function else 3
                begin = self.transaction_id.to_bytes(2) + b"\0\0" + length.to_bytes(2) + head
                if 0 < (at := self.buffer.find(begin)) < end:
                    return Foreign("bytes of no frame before the answer", at)
        if isinstance(verdict, Foreign) and verdict.kind is ForeignKind.LOST_SYNC:
            self._trouble = verdict.reason  # of the error, unless the answer follows
            return NEED_MORE
        return verdict

    def _reject(self, foreign: Foreign, now_s: float) -> None:
        if self.ids is None or self.framing is Framing.RTU or foreign.kind is not ForeignKind.REPLY:
            super()._reject(foreign, now_s)
        else:
            self._reject_by_id(self.ids, foreign, now_s)

    def _reject_by_id(self, ids: TransactionIds, foreign: Foreign, now_s: float) -> None:
        """Reject a whole frame of Modbus TCP that is not the answer."""
        self.unexplained -= foreign.consumed
        got = int.from_bytes(self._frame[:2])
        if got != self.transaction_id and (sent_s := ids.take_owed(got)) is not None:
            self.stats.late += 1
            self.ledger.queue.note_late(sent_s, now_s)
            if foreign.signature is not None and foreign.signature != self.request.signature:
                self.ledger.note_stray_answer(foreign.signature, now_s)
            return
        self.stats.foreign += 1
        self._trouble = foreign.reason
        if got == self.transaction_id:
            raise self._settle(foreign.reason)
        verdict = judge(self._frame[MBAP_BYTES - 1 :], self.request, 1)
        if isinstance(verdict, Foreign) or ids.has_answered(got, self.request.signature):
            return
        if isinstance(verdict, Refusal) and not self._may_be_earlier(verdict.code, now_s):
            self._refuse(verdict.code, now_s)
        raise self._settle(FOREIGN_ID.format(got=got, asked=self.transaction_id))

    def _settle(self, reason: str) -> ReplyError:
        self.is_settled = True
        self.stats.timeouts += 1
        return ReplyError(reason)

    def _is_doubtful(self, code: int, now_s: float) -> bool:
        return (self.framing is Framing.RTU or self.ids is None) and self._may_be_earlier(code, now_s)

    def _may_be_earlier(self, code: int, now_s: float) -> bool:
        """Whether a refusal that names no request may belong to an earlier one."""
        return self.ledger.is_doubtful(self.request, now_s, by_gateway=code in GATEWAY_EXCEPTIONS)

    def _is_final(self, code: int) -> bool:
        return self.framing is Framing.RTU or code not in GATEWAY_EXCEPTIONS
