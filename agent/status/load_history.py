"""The last hour of each line as one mean a minute, for the status only.

A ring of MINUTES sums and counts per line: a hundred lines take 100 kB. Minutes count from boot, so setting
the wall clock does not distort the curve. A minute without a sample is None.
"""

from array import array
from collections import defaultdict
from typing import Final

MINUTES: Final = 60
"""As many as fit on one line of a terminal."""
MS_PER_MINUTE: Final = 60_000


class LoadHistory:
    """The loads of the last MINUTES minutes, by line."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, _Hour] = defaultdict(_Hour)

    def add(self, line: str, boottime_ms: int, watts: float) -> None:
        """Add a sample of `line`."""
        self._lines[line].add(boottime_ms // MS_PER_MINUTE, watts)

    def watts(self, line: str, boottime_ms: int) -> list[int | None]:
        """The means of the minutes up to the present one, oldest first."""
        hour = self._lines.get(line)
        return hour.means(boottime_ms // MS_PER_MINUTE) if hour else [None] * MINUTES

    def clear(self) -> None:
        """Start over, because minutes of another boot count from elsewhere."""
        self._lines.clear()


class _Hour:
    """One line; `_last` is the minute of the newest sample."""

    def __init__(self) -> None:
        self._sums = array("d", bytes(8 * MINUTES))
        self._counts = array("Q", bytes(8 * MINUTES))
        self._last = -1

    def add(self, minute: int, watts: float) -> None:
        if minute <= self._last - MINUTES:
            return
        for stale in range(max(self._last + 1, minute - MINUTES + 1), minute + 1):
            self._sums[stale % MINUTES] = self._counts[stale % MINUTES] = 0
        self._last = max(self._last, minute)
        self._sums[minute % MINUTES] += watts
        self._counts[minute % MINUTES] += 1

    def means(self, now: int) -> list[int | None]:
        return [self._mean(minute) for minute in range(now - MINUTES + 1, now + 1)]

    def _mean(self, minute: int) -> int | None:
        count = self._counts[minute % MINUTES]
        if not self._last - MINUTES < minute <= self._last or not count:
            return None
        return round(self._sums[minute % MINUTES] / count)
