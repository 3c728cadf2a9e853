"""Exact rolling Pearson correlation of whole watts, at several lags.

r is computed from integer sums, so there is no drift: after 10^8 samples at a base of 1 MW the result is that
of a fresh window. Samples are kept as distances from a reference that moves to the window's mean once every
`window` samples, so that the numbers stay small (64 bits hold them for all powers below 100 MW and windows
below 1000; Python's integers hold any). The rings are lists: 36 bytes a number instead of an array's 8, but
read in half the time.

At lag k the pair is (x of k samples ago, y of now). A constant x or y has no correlation: the answer
is then None with its reason, never a number, an infinity or an exception.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

from attrs import frozen

from agent.detect.checkpoint import pack_numbers, unpack_numbers

NOT_ENOUGH: Final = "too few samples"
X_CONSTANT: Final = "production constant"
Y_CONSTANT: Final = "treatment constant"


@frozen
class Correlation:
    """r with an empty reason, or None with the reason."""

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
    return Correlation(_clip((n * sxy - sx * sy) / sqrt(vx * vy)), "")


def _clip(r: float) -> float:
    """Clip what rounding put beyond 1."""
    return r if -1.0 <= r <= 1.0 else min(1.0, max(-1.0, r))


class _Sums:
    """Sums of the pairs at one lag, valid when `upto` pairs had been taken."""

    __slots__ = ("lag", "n", "sx", "sxx", "sxy", "sy", "syy", "upto")

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self.upto = 0
        self.n = self.sx = self.sy = self.sxx = self.syy = self.sxy = 0

    def shift(self, dx: int, dy: int) -> None:
        """Change the sums to those with every x smaller by `dx` and every y by `dy`."""
        n = self.n
        self.sxx += n * dx * dx - 2 * dx * self.sx
        self.syy += n * dy * dy - 2 * dy * self.sy
        self.sxy += n * dx * dy - dx * self.sy - dy * self.sx
        self.sx -= n * dx
        self.sy -= n * dy


class RollingCorrelation:
    """Correlation over the last `window` pairs, at each lag of `lags` (in samples, not negative).

    The first lag has running sums. Those of the others are added up from the ring when they are read, which
    is seldom: only for an episode and a checkpoint.
    """

    __slots__ = ("_at", "_before", "_depth", "_first", "_lags", "_ref_x", "_ref_y", "_xs", "_ys", "window")

    def __init__(self, window: int, lags: Sequence[int] = (0,)) -> None:
        if window < 2 or not lags or min(lags) < 0 or len(set(lags)) != len(lags):
            raise ValueError(f"window {window} with lags {tuple(lags)} cannot be correlated")
        self.window = window
        self._depth = window + max(lags)
        self._before = self._at = self._ref_x = self._ref_y = 0
        self._xs = [0] * self._depth
        self._ys = [0] * self._depth
        self._lags = [_Sums(lag) for lag in lags]
        self._first = self._lags[0]

    @property
    def pushed(self) -> int:
        """Number of pairs taken."""
        return self._before + self._at

    @property
    def pairs(self) -> int:
        """Number of pairs that r at the first lag is of."""
        return self._first.n

    def push(self, x: int, y: int) -> None:
        """Take the next pair and drop the oldest."""
        xs, ys, at = self._xs, self._ys, self._at
        window = self.window
        seen = self._before + at
        if seen == 0:
            self._ref_x, self._ref_y = x, y
        dx, dy = x - self._ref_x, y - self._ref_y
        sums = self._first
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
        self._turn(at + 1)
        if (seen + 1) % window == 0:
            self._recentre()

    def _turn(self, at: int) -> None:
        if at == self._depth:
            self._before += at
            at = 0
        self._at = at

    def push_r(self, x: int, y: int) -> float | None:
        """Take the next pair; r at the first lag, None if it is not defined."""
        sums, window = self._first, self.window
        if not self._before or self._depth != window:
            self.push(x, y)
            return self.r
        # The same as `push` for a full window whose only lag is 0, reading every sum only once.
        xs, ys, at = self._xs, self._ys, self._at
        x -= self._ref_x
        y -= self._ref_y
        old_x, old_y = xs[at], ys[at]
        xs[at], ys[at] = x, y
        sums.sx = sx = sums.sx + x - old_x
        sums.sy = sy = sums.sy + y - old_y
        sums.sxx = sxx = sums.sxx + x * x - old_x * old_x
        sums.syy = syy = sums.syy + y * y - old_y * old_y
        sums.sxy = sxy = sums.sxy + x * y - old_x * old_y
        self._at = at = at + 1
        if at == window:
            self._turn(at)
            self._recentre()
        if (vy := window * syy - sy * sy) and (vx := window * sxx - sx * sx):
            r = (window * sxy - sx * sy) / sqrt(vx * vy)
            return r if -1.0 <= r <= 1.0 else _clip(r)
        return None

    def push_beyond(self, x: int, y: int, deviation: float) -> float | None:
        """Take the next pair; what `r_beyond` then says."""
        at, depth = self._at, self._depth
        seen = self._before + at
        if seen < depth:
            self.push(x, y)
            return self.r_beyond(deviation)
        # The same as `push` for full windows, reading every sum only once.
        sums, window, xs, ys = self._first, self.window, self._xs, self._ys
        dx, dy = x - self._ref_x, y - self._ref_y
        lag = sums.lag
        old_x, old_y = xs[at - lag - window], ys[at - window]
        new_x = xs[at - lag] if lag else dx
        xs[at], ys[at] = dx, dy
        more_x, more_y = new_x - old_x, dy - old_y
        sums.sx = sx = sums.sx + more_x
        sums.sy = sy = sums.sy + more_y
        sums.sxx = sxx = sums.sxx + more_x * (new_x + old_x)
        sums.syy = syy = sums.syy + more_y * (dy + old_y)
        sums.sxy = sxy = sums.sxy + new_x * dy - old_x * old_y
        self._at = at = at + 1
        if at == depth:
            self._turn(at)
        if (seen + 1) % window == 0:
            self._recentre()
        vx = window * sxx - sx * sx
        if sqrt(vx) / window > deviation and vx and (vy := window * syy - sy * sy):
            return _clip((window * sxy - sx * sy) / sqrt(vx * vy))
        return None

    @property
    def r(self) -> float | None:
        """Pearson's r at the first lag, None if it is not defined."""
        sums = self._first
        n, sx, sy = sums.n, sums.sx, sums.sy
        vx, vy = n * sums.sxx - sx * sx, n * sums.syy - sy * sy
        return _clip((n * sums.sxy - sx * sy) / sqrt(vx * vy)) if vx and vy else None

    def at_lag(self, index: int = 0) -> Correlation:
        """Pearson's r at the lag with this index, over as many pairs as there are."""
        sums = self._sums(index)
        return correlation_of_sums(sums.n, sums.sx, sums.sy, sums.sxx, sums.syy, sums.sxy)

    def _sums(self, index: int) -> _Sums:
        sums, pushed = self._lags[index], self.pushed
        if index and sums.upto != pushed:
            lag, depth = sums.lag, self._depth
            places = range(max(lag, pushed - self.window), pushed)
            xs = [self._xs[(place - lag) % depth] for place in places]
            ys = [self._ys[place % depth] for place in places]
            sums.upto, sums.n, sums.sx, sums.sy = pushed, len(xs), sum(xs), sum(ys)
            sums.sxx, sums.syy = sum(x * x for x in xs), sum(y * y for y in ys)
            sums.sxy = sum(x * y for x, y in zip(xs, ys, strict=True))
        return sums

    def r_beyond(self, deviation: float) -> float | None:
        """Pearson's r at the first lag if all windows are full and x deviates by more than `deviation`."""
        if self._before + self._at < self._depth:
            return None
        return self.r if self.deviation > deviation else None

    @property
    def deviation(self) -> float:
        """Standard deviation of x over the pairs so far."""
        sums = self._first
        return sqrt(sums.n * sums.sxx - sums.sx * sums.sx) / sums.n if sums.n else 0.0

    def _recentre(self) -> None:
        first = self._first
        if first.n == 0:
            return
        dx, dy = first.sx // first.n, first.sy // first.n
        if dx == 0 == dy:
            return
        first.shift(dx, dy)
        for sums in self._lags[1:]:
            sums.upto = -1
        self._ref_x += dx
        self._ref_y += dy
        self._xs = [value - dx for value in self._xs]
        self._ys = [value - dy for value in self._ys]

    def state(self) -> list[Any]:
        """Everything that `restore` needs, as numbers and bytes."""
        lags = (self._sums(index) for index in range(len(self._lags)))
        sums = [[s.n, s.sx, s.sy, s.sxx, s.syy, s.sxy] for s in lags]
        packed = [pack_numbers(self._xs), pack_numbers(self._ys)]
        return [self.pushed, self._at, self._ref_x, self._ref_y, *packed, sums]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`; window and lags must be the same."""
        pushed, self._at, self._ref_x, self._ref_y, xs, ys, rows = state
        self._before = pushed - self._at
        self._xs, self._ys = (unpack_numbers(ring, self._depth).tolist() for ring in (xs, ys))
        for sums, row in zip(self._lags, rows, strict=True):
            sums.n, sums.sx, sums.sy, sums.sxx, sums.syy, sums.sxy = row
            sums.upto = pushed
        if len(self._xs) != self._depth or len(self._ys) != self._depth:
            raise ValueError("the state belongs to another window")
