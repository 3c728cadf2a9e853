"""Pearson's r after each pair of whole arrays: what RollingCorrelation gives, for recorded data (numpy).

Sums are exact 64-bit integers. Each block is counted from the middle of its own values, so a window
times its sum of squares fits for all powers that span less than 8 MW (360 pairs). A block for which
it might not fit is computed with Python's integers instead, which is slow and right.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.detect.correlation import RollingCorrelation

BLOCK: Final = 4096
"""Pairs that are taken at once: the arrays of a block stay in the processor's cache."""
INT64_MAX: Final = 2**63 - 1

Watts = NDArray[np.int64]
Found = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""r, 0 where it is not defined, and where it is defined."""


def correlate_block(xs: Watts, ys: Watts, window: int, lag: int = 0) -> Found:
    """Give r after each pair, over as many of the last `window` pairs (x of `lag` ago, y) as there are."""
    if window < 2 or lag < 0 or len(xs) != len(ys):
        raise ValueError(f"{len(xs)} and {len(ys)} watts, window {window}, lag {lag} cannot be correlated")
    r, defined = np.zeros(len(ys)), np.zeros(len(ys), dtype=bool)
    xs, ys = xs[: max(len(xs) - lag, 0)], ys[lag:]
    for begin in range(0, len(ys), BLOCK):
        first, end = max(begin - window + 1, 0), min(begin + BLOCK, len(ys))
        part = _block(xs[first:end], ys[first:end], window)
        r[lag + begin : lag + end], defined[lag + begin : lag + end] = (row[begin - first :] for row in part)
    return r, defined


def _block(xs: Watts, ys: Watts, window: int) -> Found:
    # Python's integers, because the difference of two extremes might not fit either.
    low_x, low_y = int(xs.min()), int(ys.min())
    spread = max(int(xs.max()) - low_x, int(ys.max()) - low_y)
    if (window * spread) ** 2 > INT64_MAX:
        rolling = RollingCorrelation(window)
        found = [rolling.push_r(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
        return np.array([one or 0.0 for one in found]), np.array([one is not None for one in found])
    dx, dy = xs - (low_x + spread // 2), ys - (low_y + spread // 2)
    n = np.minimum(np.arange(1, len(xs) + 1), window)
    sx, sy = _sums(dx, window), _sums(dy, window)
    vx = n * _sums(dx * dx, window) - sx * sx
    vy = n * _sums(dy * dy, window) - sy * sy
    defined = (vx > 0) & (vy > 0)
    below = np.sqrt(vx.astype(np.float64) * vy)
    below[~defined] = 1.0
    r = np.clip((n * _sums(dx * dy, window) - sx * sy) / below, -1.0, 1.0)
    return np.where(defined, r, 0.0), defined


def _sums(values: Watts, window: int) -> Watts:
    """Of the last `window` values at each place, as many as there are."""
    total = np.cumsum(values)
    total[window:] -= total[:-window].copy()
    return total
