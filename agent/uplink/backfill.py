"""Old bodies: which ones still have to be sent, and how far the store may be pruned.

A body is sent only after a receipt for its seal, so that the centre can check it at once: oldest first, at a
byte rate, and never more than a few that no receipt names yet. A body that the centre cannot take never
starves those behind it: a new round begins only after the last body had its turn.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, field

from agent.uplink.delivery import Limits
from evidence.held import Held
from evidence.receipt import Receipt
from evidence.seal import FIRST_NUMBER
from wire.pacing import Backoff, Budget, Patience

LOOKS_MAX: Final = 200
"""Stored bodies looked up in one call, so that a long backlog never holds up the agent."""

BodyBytes = Callable[[int], int]
"""The length of an own stored body, 0 where it was given up or the row is gone."""


@define
class Backfill:
    """`pruned`: the last seal before the first row of the store."""

    limits: Limits
    pruned: int
    _held: Held = field(init=False, factory=Held)
    _sent: int = field(init=False, default=0)  # bodies up to here were sent or need not be
    _awaited: set[int] = field(init=False, factory=set)  # sent, and no receipt names them yet
    _again: bool = field(init=False, default=False)  # some were given up: another round is needed
    _prunable: int = field(init=False)  # every body below is held or was given up
    _patience: Patience = field(init=False)
    _budget: Budget = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._held.add(0, self.pruned)
        self._prunable = self.pruned + 1
        self._patience = Patience(Backoff(self.limits.stall_s, self.limits.stall_longest_s))
        self._budget = Budget(self.limits.backfill_bytes_per_s)

    def is_open(self, now_s: float) -> bool:
        """Whether another body may go now."""
        awaited_max = 1 if self._patience.out else self.limits.awaited_bodies_max
        return len(self._awaited) < awaited_max and self._budget.is_open(now_s)

    def next(self, received: int, body_bytes: BodyBytes) -> tuple[int, int] | None:
        """Number and length of the next body that the centre lacks; moves the round past it."""
        for _ in range(LOOKS_MAX):
            number = self._held.find_missing_from(max(self._sent + 1, FIRST_NUMBER))
            if number > received:
                break
            self._sent = number
            length = body_bytes(number)
            if length:
                return number, length
        return None

    def take(self, number: int, size: int, now_s: float) -> None:
        """Count the body of `number` as sent, in a packet of `size` bytes."""
        self._awaited.add(number)
        self._patience.sent(now_s)
        self._budget.spend(size)

    def on_receipt(self, receipt: Receipt, now_s: float) -> bool:
        """Take a receipt; returns whether it names a body that none named before."""
        is_new = False
        for first, last in ((0, receipt.bodies_up_to), *receipt.ranges):
            is_new |= self._held.add(first, last)
        still = {number for number in self._awaited if self._held.find_missing_from(number) == number}
        if len(still) < len(self._awaited):
            self._awaited = still
            self._patience.progress(now_s, more=bool(still))
        return is_new

    def watch(self, now_s: float, received: int) -> None:
        """Schedule again the bodies that no receipt has named for too long."""
        if self._patience.expire(now_s):
            self._awaited.clear()
            self._again = True
        if self._again and self._held.find_missing_from(self._sent + 1) > received:
            self._sent, self._again = 0, False

    def rewind(self) -> None:
        """Start over with the bodies that no receipt names."""
        self._sent, self._again = 0, False
        self._awaited.clear()
        self._patience.forget()

    def held_up_to(self, received: int) -> int:
        """The centre awaits no body up to this one."""
        return min(self._held.up_to, received)

    def prunable_below(self, received: int, body_bytes: BodyBytes) -> int:
        """See `Outbox.prunable_below`."""
        while self._prunable <= received:
            after = self._held.find_missing_from(self._prunable)
            if after == self._prunable:
                if body_bytes(after) > 0:
                    break
                after += 1
            self._prunable = after
        return min(self._prunable, received)
