"""The transaction ids of Modbus TCP: which requests are still owed an answer, and which were answered.

A gateway that does not copy the id (always 0, one too high, bytes swapped) cannot be told from one that sends
an old answer, unless the id was never used or its request was answered already. So the last ANSWERED_KEPT
answers are remembered: their duplicates are no sign of such a gateway.

Pure. Times are seconds of the clock.
"""

from collections import OrderedDict
from typing import Final

from attrs import define, field

from drivers.link.verdict import Signature

ID_MAX: Final = 0xFFFF
OWED_MAX: Final = 64
"""More than a queue holds; a gateway that silently drops requests never answers them."""
ANSWERED_KEPT: Final = 8


@define(eq=False, repr=False)
class TransactionIds:
    """The ids of one connection."""

    _last: int = field(default=0, init=False)
    _owed: OrderedDict[int, float] = field(factory=OrderedDict, init=False)
    _answered: OrderedDict[int, Signature] = field(factory=OrderedDict, init=False)

    def take_next(self) -> int:
        """The id of the next request: 1, 2, …, never 0."""
        self._last = self._last % ID_MAX + 1
        return self._last

    def note_answer(self, number: int, signature: Signature) -> None:
        """Note that the request `number` was answered."""
        self._answered[number] = signature
        if len(self._answered) > ANSWERED_KEPT:
            self._answered.popitem(last=False)

    def note_silence(self, number: int, sent_s: float) -> None:
        """Note that the request `number`, sent at `sent_s`, was given up."""
        self._owed[number] = sent_s
        if len(self._owed) > OWED_MAX:
            self._owed.popitem(last=False)

    def take_owed(self, number: int) -> float | None:
        """When the request `number` was sent, if it was given up; its answer has come."""
        return self._owed.pop(number, None)

    def has_answered(self, number: int, signature: Signature) -> bool:
        """Whether an answer under this id can be the second copy of an earlier one."""
        return self._answered.get(number) == signature

    def forget(self) -> None:
        """Forget what is owed: the connection is a new one."""
        self._owed.clear()
        self._answered.clear()
