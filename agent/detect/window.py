"""Least and greatest of the last slots: a rolling minimum, and the power that an envelope demands.

Both take amortised constant time. The envelope is a row of steps, so only the lowest step reached in the last
`guard` slots matters. While production stays on that step or above, nothing changes; the slots are searched
only when the step was last reached `guard` slots ago.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Final

from agent.detect.line_params import Bin

_NO_EDGE: Final = 1 << 62


class RollingMinimum:
    """Least of the values pushed in the last `slots` slots (monotonic queue); negated, the greatest."""

    __slots__ = ("_queue", "_slots")

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._queue: deque[tuple[int, int]] = deque()

    def push(self, slot: int, value: int) -> int:
        """Take the value of `slot` (later than the last one) and return the least."""
        queue = self._queue
        if not queue:
            queue.append((slot, value))
            return value
        first, least = queue[0]
        if value <= least:
            queue.clear()
            queue.append((slot, value))
            return value
        while queue[-1][1] >= value:
            queue.pop()
        queue.append((slot, value))
        oldest = slot - self._slots
        while first <= oldest:
            queue.popleft()
            first, least = queue[0]
        return least

    def clear(self) -> None:
        """Drop all values."""
        self._queue.clear()

    def state(self) -> list[int]:
        """Slots and values, alternating."""
        return [number for pair in self._queue for number in pair]

    def restore(self, state: list[int]) -> None:
        """Continue from `state`."""
        self._queue = deque(zip(state[::2], state[1::2], strict=True))


class Expectation:
    """Least treatment power demanded in each slot; that of the lowest step until `guard` slots are known."""

    __slots__ = ("_above", "_edges", "_from", "_guard", "_los", "_recent", "_step", "_until", "_watts")

    def __init__(self, envelope: Sequence[Bin], guard: int, slot: int) -> None:
        self._edges = [-_NO_EDGE, *(step.from_w for step in envelope[1:]), _NO_EDGE]
        self._los = [step.lo_w for step in envelope]
        self._guard = guard
        self._recent: deque[int] = deque(maxlen=guard)
        self._step = self._until = self._from = self._above = self._watts = 0
        self.clear(slot)

    def clear(self, slot: int) -> None:
        """Start again with the slot after `slot`."""
        self._recent.clear()
        self._set_step(0, slot + self._guard)

    def at(self, slot: int, u: int) -> int:
        """The power demanded in `slot`, which follows the last one, at production `u`."""
        self._recent.append(u)
        if u >= self._above:
            if slot >= self._until:
                self._search(slot)
        elif u >= self._from:
            self._until = slot + self._guard
        else:
            self._search(slot)
        return self._watts

    @property
    def least(self) -> int:
        """The least production of the last `guard` slots."""
        recent = self._recent
        return min(recent) if recent else 0

    def _set_step(self, step: int, until: int) -> None:
        """Set the lowest step, valid up to slot `until` unless it is reached again."""
        self._step, self._until = step, until
        self._from, self._above = self._edges[step], self._edges[step + 1]
        self._watts = self._los[step]

    def _search(self, slot: int) -> None:
        recent = self._recent
        step = bisect_right(self._edges, min(recent)) - 1
        above = self._edges[step + 1]
        reached = slot + self._guard
        for u in reversed(recent):  # a generator costs more than the few slots that are looked at
            if u < above:
                break
            reached -= 1
        self._set_step(step, reached)

    def state(self) -> list[int]:
        """Everything that `restore` needs."""
        return [self._step, self._until, *self._recent]

    def restore(self, state: list[int]) -> None:
        """Continue from `state`."""
        step, until, *recent = state
        self._recent.clear()
        self._recent.extend(recent)
        self._set_step(step, until)
