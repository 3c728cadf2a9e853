"""Least or greatest value of the last n slots, in amortised constant time (monotonic queue)."""

from collections import deque


class RollingMinimum:
    """Least of the values pushed in the last `slots` slots; push negated values for the greatest."""

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
        """Go on where `state` was taken."""
        self._queue = deque(zip(state[::2], state[1::2], strict=True))
