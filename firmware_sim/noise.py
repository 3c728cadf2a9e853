"""Noise that is a pure function of (key, index): no state, so it can be computed for any moment at any time.

A `key` is drawn from the plant's seed and a few names with BLAKE2b, an index is mixed with it by
SplitMix64 (Steele, Lea, Flood 2014). The noise is bounded: `gauss` is the sum of four uniform
variables (Irwin-Hall), mean 0, standard deviation 1, never beyond ±3.47, so no seed makes a spike.
"""

import functools
import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_LANE_STEPS: Final = 65_536.0
_LANES: Final = 4
_VARIANCE_OF_FOUR: Final = 1 / 3
"""Four uniform variables on [0, 1) have together the variance 4/12."""
_INTERPOLATED_SD: Final = (2 / 3) ** 0.5
"""Standard deviation left, averaged over a period, of noise of 1 that is joined by straight lines."""


@functools.lru_cache(maxsize=1024)
def key_of(seed: int, *names: str) -> int:
    """The 64-bit key of one noise: different for each seed and each list of names."""
    text = "\0".join((str(seed), *names)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def uniform(key: int, index: Indices) -> Floats:
    """Numbers in [0, 1), one for each index."""
    return (_mix(key, index) >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def gauss(key: int, index: Indices) -> Floats:
    """Numbers of mean 0 and standard deviation 1, within ±3.47, one for each index."""
    lanes = _mix(key, index).view(np.uint16).reshape(-1, _LANES).sum(axis=1)
    return np.asarray((lanes / _LANE_STEPS - _LANES / 2) / _VARIANCE_OF_FOUR**0.5, dtype=np.float64)


def smooth(key: int, t_s: Floats, period_s: float) -> Floats:
    """Noise of mean 0 and standard deviation 1 that needs `period_s` to become another value."""
    position = t_s / period_s
    index = np.floor(position).astype(np.int64)
    share = position - index
    joined = gauss(key, index) * (1 - share) + gauss(key, index + 1) * share
    return joined / _INTERPOLATED_SD


def uniform_at(key: int, index: int) -> float:
    """One number in [0, 1)."""
    return float(uniform(key, np.array([index], dtype=np.int64))[0])


def gauss_at(key: int, index: int) -> float:
    """One number of mean 0 and standard deviation 1, within ±3.47."""
    return float(gauss(key, np.array([index], dtype=np.int64))[0])


def _mix(key: int, index: Indices) -> NDArray[np.uint64]:
    bits = index.astype(np.uint64) * _GOLDEN + np.uint64(key)
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return bits ^ (bits >> np.uint64(31))
