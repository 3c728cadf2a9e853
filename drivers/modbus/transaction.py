"""One Modbus request and what comes back until it is answered, refused or given up.

Pure; the rules are those of `drivers.link.transaction`. For Modbus only:

- Over TCP a refusal has the id of its request and is believed at once; on a serial bus it is not
  while it may belong to an earlier request.
- Exceptions 10 and 11 come from a gateway and not from the meter, whose answer may still come.
"""

from typing import Final

from attrs import define

from drivers.link.transaction import Answer, Reply, Transaction
from drivers.link.verdict import EXCEPTION_BIT, GATEWAY_EXCEPTIONS, Foreign, Framing, NeedMore, Request, Words
from drivers.modbus.frame import parse

OVERHEAD_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}
"""Bytes of an answer without its words, and of a whole refusal."""


@define
class ModbusTransaction(Transaction[Answer]):
    """A request that was sent at `sent_s`, and what has come back; see `Transaction`."""

    framing: Framing
    request: Request
    transaction_id: int
    sent_s: float

    @property
    def has_begun(self) -> bool:
        """Whether unit, function and byte count are those of the answer, or the first two of a refusal."""
        request = self.request
        refusal = bytes((request.unit_id, request.function | EXCEPTION_BIT))
        return self.buffer.startswith(
            (bytes((request.unit_id, request.function, 2 * request.count)), refusal)
        )

    @property
    def has_come(self) -> bool:
        """Only on a serial bus, where `damaged` means a frame with the head of the answer."""
        return self.framing is Framing.RTU and (self.damaged or self.has_begun)

    def _judge(self, now_s: float) -> NeedMore | Foreign | Reply[Answer]:
        verdict = parse(self.framing, self.buffer, self.request, self.transaction_id)
        if isinstance(verdict, NeedMore | Foreign):
            return verdict
        overhead_bytes = OVERHEAD_BYTES[self.framing]
        if isinstance(verdict, Words):
            answer = Answer(verdict.words, now_s - self.sent_s)
            return Reply(overhead_bytes + len(verdict.words), answer)
        return Reply(overhead_bytes, code=verdict.code)

    def _is_doubtful(self, now_s: float) -> bool:
        return self.framing is Framing.RTU and self.ledger.is_doubtful(self.request, now_s)

    def _is_final(self, code: int) -> bool:
        return self.framing is Framing.RTU or code not in GATEWAY_EXCEPTIONS
