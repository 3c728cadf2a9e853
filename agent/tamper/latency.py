"""How long a meter takes to answer, which distinguishes devices.

From the first LEARNED answers the usual latency and its spread are kept. When the median of the last
RECENT is FACTOR times longer or shorter than usual, by more than the spread of single answers, at two checks
in a row, another device answers or something sits in between. That is reported once, and the new latency is
the usual one from then on.
"""

from collections import deque
from typing import Any, Final

from attrs import define, field

from agent.tamper.medians import find_median, find_quartiles

LEARNED: Final = 200
RECENT: Final = 100
CHECK_EVERY: Final = 50
FACTOR: Final = 3.0
MOVE_MIN_MS: Final = 5.0
"""What a busy gateway or machine adds by itself."""
ROW: Final = 2


@define(eq=False, repr=False)
class Latency:
    """The check of one meter.

    Attributes:
        usual: Median in ms, and the spread: upper by lower quartile; None while they are learned.
    """

    usual: tuple[float, float] | None = None
    _recent: deque[float] = field(factory=lambda: deque(maxlen=LEARNED), init=False)
    _until_check: int = field(default=RECENT, init=False)
    _row: int = field(default=0, init=False)

    def add(self, latency_ms: float) -> dict[str, Any] | None:
        """Add the latency of an answer; a finding."""
        self._recent.append(latency_ms)
        if self.usual is None:
            if len(self._recent) == LEARNED:
                self._learn()
            return None
        self._until_check -= 1
        if self._until_check > 0:
            return None
        self._until_check = CHECK_EVERY
        return self._check(*self.usual)

    def _learn(self) -> None:
        low, middle, high = find_quartiles(self._recent)
        self.usual = middle, high / low if low > 0 else FACTOR
        self._recent.clear()
        self._until_check = RECENT

    def _check(self, usual_ms: float, spread: float) -> dict[str, Any] | None:
        now_ms = find_median(list(self._recent)[-RECENT:])
        apart = max(now_ms, usual_ms) >= max(FACTOR, spread) * min(now_ms, usual_ms)
        moved = abs(now_ms - usual_ms) > MOVE_MIN_MS
        self._row = self._row + 1 if apart and moved else 0
        if self._row < ROW:
            return None
        self._row, self.usual = 0, None
        self._recent.clear()
        numbers = {"was_ms": usual_ms, "spread": spread, "now_ms": now_ms}
        rounded = {name: round(value, 2) for name, value in numbers.items()}
        return {"what": "answers take another time", **rounded}
