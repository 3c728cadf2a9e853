"""Exact rolling Pearson correlation of whole watts, at several lags.

r is computed from integer sums, so there is no drift: after 10^8 samples at a base of 1 MW the
result is the same as that of a fresh window. Samples are kept as distances from a reference which
moves to the window's mean once in every `window` samples, so that the numbers stay small (64 bits
hold them for all powers below 100 MW and windows below 1000; Python's integers hold any).

At lag k the pair is (x of k samples ago, y of now). A constant x or y has no correlation: the answer
is then None with its reason, never a number, an infinity or an exception.
"""

from array import array
from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from attrs import frozen

NOT_ENOUGH: Final = "too few samples"
X_CONSTANT: Final = "production constant"
Y_CONSTANT: Final = "treatment constant"


@frozen
class Correlation:
    """r with an empty reason, or None and why."""

    r: float | None
    reason: str


def correlation_of_sums(n: int, sx: int, sy: int, sxx: int, syy: int, sxy: int) -> Correlation:
    """Pearson's r of `n` pairs from their sums, rounded once."""
    vx, vy = n * sxx - sx * sx, n * syy - sy * sy
    if n < 2:
        return Correlation(None, NOT_ENOUGH)
    if vy == 0:
        return Correlation(None, Y_CONSTANT)
    if vx == 0:
        return Correlation(None, X_CONSTANT)
    r = (n * sxy - sx * sy) / sqrt(vx * vy)
    return Correlation(min(1.0, max(-1.0, r)), "")


class _Sums:
    """Running sums of the pairs at one lag."""

    __slots__ = ("lag", "n", "sx", "sxx", "sxy", "sy", "syy")

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self.n = self.sx = self.sy = self.sxx = self.syy = self.sxy = 0

    def shift(self, dx: int, dy: int) -> None:
        """What the sums are when every x was smaller by `dx` and every y by `dy`."""
        n = self.n
        self.sxx += n * dx * dx - 2 * dx * self.sx
        self.syy += n * dy * dy - 2 * dy * self.sy
        self.sxy += n * dx * dy - dx * self.sy - dy * self.sx
        self.sx -= n * dx
        self.sy -= n * dy


class RollingCorrelation:
    """Correlation over the last `window` pairs, at each lag of `lags` (in samples, not negative)."""

    __slots__ = ("_at", "_depth", "_lags", "_ref_x", "_ref_y", "_xs", "_ys", "pushed", "window")

    def __init__(self, window: int, lags: Sequence[int] = (0,)) -> None:
        if window < 2 or not lags or min(lags) < 0 or len(set(lags)) != len(lags):
            raise ValueError(f"window {window} with lags {tuple(lags)} cannot be correlated")
        self.window = window
        self.pushed = 0
        self._depth = window + max(lags)
        self._at = self._ref_x = self._ref_y = 0
        self._xs = array("q", bytes(8 * self._depth))
        self._ys = array("q", bytes(8 * self._depth))
        self._lags = [_Sums(lag) for lag in lags]

    def push(self, x: int, y: int) -> None:
        """Take the next pair and forget the oldest."""
        xs, ys, depth, at, seen = self._xs, self._ys, self._depth, self._at, self.pushed
        window = self.window
        if seen == 0:
            self._ref_x, self._ref_y = x, y
        dx, dy = x - self._ref_x, y - self._ref_y
        for sums in self._lags:
            lag = sums.lag
            if seen >= lag:
                if seen >= lag + window:
                    # Indices before 0 count from the end of the ring, where the older samples are.
                    old_x, old_y = xs[at - lag - window], ys[at - window]
                else:
                    old_x = old_y = 0
                    sums.n += 1
                new_x = xs[at - lag] if lag else dx
                sums.sx += new_x - old_x
                sums.sy += dy - old_y
                sums.sxx += new_x * new_x - old_x * old_x
                sums.syy += dy * dy - old_y * old_y
                sums.sxy += new_x * dy - old_x * old_y
        xs[at], ys[at] = dx, dy
        self._at = at + 1 if at + 1 < depth else 0
        self.pushed = seen + 1
        if self.pushed % window == 0:
            self._recentre()

    def at_lag(self, index: int = 0) -> Correlation:
        """Pearson's r at the lag with this index, over as many pairs as there are."""
        sums = self._lags[index]
        return correlation_of_sums(sums.n, sums.sx, sums.sy, sums.sxx, sums.syy, sums.sxy)

    def x_deviation(self) -> float:
        """Standard deviation of x over the window of the first lag."""
        sums = self._lags[0]
        return sqrt(sums.n * sums.sxx - sums.sx * sums.sx) / sums.n if sums.n else 0.0

    @property
    def full(self) -> bool:
        """Whether the window of every lag is filled."""
        return self.pushed >= self._depth

    def _recentre(self) -> None:
        first = self._lags[0]
        if first.n == 0:
            return
        dx, dy = first.sx // first.n, first.sy // first.n
        for sums in self._lags:
            sums.shift(dx, dy)
        self._ref_x += dx
        self._ref_y += dy
        self._xs = array("q", [value - dx for value in self._xs])
        self._ys = array("q", [value - dy for value in self._ys])

    def state(self) -> list[Any]:
        """Everything that `restore` needs, as numbers and bytes."""
        sums = [[s.n, s.sx, s.sy, s.sxx, s.syy, s.sxy] for s in self._lags]
        packed = [self._xs.tobytes(), self._ys.tobytes()]
        return [self.pushed, self._at, self._ref_x, self._ref_y, *packed, sums]

    def restore(self, state: list[Any]) -> None:
        """Go on where `state` was taken; window and lags must be the same."""
        self.pushed, self._at, self._ref_x, self._ref_y, xs, ys, rows = state
        self._xs, self._ys = array("q", xs), array("q", ys)
        for sums, row in zip(self._lags, rows, strict=True):
            sums.n, sums.sx, sums.sy, sums.sxx, sums.syy, sums.sxy = row
        if len(self._xs) != self._depth or len(self._ys) != self._depth:
            raise ValueError("the state belongs to another window")
