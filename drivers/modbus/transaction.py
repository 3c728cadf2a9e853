"""One Modbus request and what comes back until it is answered, refused or given up.

Pure; the manners are those of `drivers.link.transaction`. Of Modbus alone:

- Over TCP a refusal has the id of its request and is believed at once; on a serial line it is not
  while it may belong to an earlier request.
- Exceptions 10 and 11 are said by a gateway and not by the meter, whose answer may still come.
"""

from typing import Final

from attrs import define

from drivers.link.transaction import FLOOD_BYTES_MAX, Answer, BusStats, Taken, Waiting
from drivers.link.verdict import EXCEPTION_BIT, Framing
from drivers.modbus.frame import Foreign, NeedMore, Request, Words, parse

__all__ = ["FLOOD_BYTES_MAX", "Answer", "BusStats", "Transaction"]

GATEWAY_EXCEPTIONS: Final = frozenset({10, 11})
"""Said by a gateway and not by the meter, whose answer may still reach the gateway."""

_REPLY_OVERHEAD_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}
_REFUSAL_BYTES: Final = {Framing.RTU: 5, Framing.TCP: 9}


@define
class Transaction(Waiting[Answer]):
    """A request that was sent at `sent_s` and is waited for; see `Waiting`."""

    framing: Framing
    request: Request
    transaction_id: int
    sent_s: float

    @property
    def asked(self) -> Request:
        """What is asked."""
        return self.request

    @property
    def has_begun(self) -> bool:
        """Whether unit, function and byte count are those of the answer, or the first two of a refusal."""
        asked = self.request
        refusal = bytes((asked.unit_id, asked.function | EXCEPTION_BIT))
        return self.buffer.startswith((bytes((asked.unit_id, asked.function, 2 * asked.count)), refusal))

    @property
    def has_come(self) -> bool:
        """On a serial line, where a frame is damaged only if its head is that of the answer."""
        return self.framing is Framing.RTU and (self.damaged or self.has_begun)

    def _verdict(self, now_s: float) -> NeedMore | Foreign | Taken[Answer]:
        verdict = parse(self.framing, self.buffer, self.request, self.transaction_id)
        if isinstance(verdict, NeedMore | Foreign):
            return verdict
        if isinstance(verdict, Words):
            size = _REPLY_OVERHEAD_BYTES[self.framing] + len(verdict.words)
            return Taken(size, Answer(verdict.words, now_s - self.sent_s))
        return Taken(_REFUSAL_BYTES[self.framing], code=verdict.code)

    def _doubtful(self, now_s: float) -> bool:
        return self.framing is Framing.RTU and self.ledger.doubtful(self.request, now_s)

    def _is_final(self, code: int) -> bool:
        return self.framing is Framing.RTU or code not in GATEWAY_EXCEPTIONS
