"""The one serial line behind a gateway: whose turn it is. No clock, no socket.

`offer` takes a request that came in, `finish` says that the one under way is done and gives the next.
The caller keeps the time: it asks the meter, and calls `finish` when the answer is through or the gateway
has waited in vain. At most one request is under way, and at most `queue` wait, in the order they came in.
"""

from collections import deque
from enum import StrEnum
from typing import Generic, TypeVar

from attrs import define, field

from firmware_sim.quirks import Overflow, QuirkPlan

T = TypeVar("T")


class Turn(StrEnum):
    """What becomes of a request."""

    NOW = "now"
    WAITS = "waits"
    DROPPED = "dropped"
    REFUSED = "refused"


@define
class SerialLine(Generic[T]):
    """One line of a gateway with this quirk."""

    quirk: QuirkPlan
    _busy: bool = field(default=False, init=False)
    _waiting: deque[T] = field(factory=deque, init=False)

    def offer(self, request: T) -> Turn:
        """Take a request in; `NOW` means that the caller asks the meter at once."""
        if not self._busy:
            self._busy = True
            return Turn.NOW
        if len(self._waiting) < self.quirk.queue:
            self._waiting.append(request)
            return Turn.WAITS
        if self.quirk.overflow is Overflow.EXCEPTION_6:
            return Turn.REFUSED
        if self.quirk.overflow is Overflow.DROP_OLDEST and self._waiting:
            self._waiting.popleft()
            self._waiting.append(request)
            return Turn.WAITS
        return Turn.DROPPED

    def finish(self) -> T | None:
        """The request under way is done: the next, which is under way now, or None."""
        if self._waiting:
            return self._waiting.popleft()
        self._busy = False
        return None
