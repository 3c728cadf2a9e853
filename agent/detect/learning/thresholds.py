"""The power from which a load counts as on, learned from its own history (Otsu on the logarithm of power).

The powers of a machine that was seen both on and off form two clusters; the threshold lies in the valley
between them, with hysteresis. A load that never stopped has one cluster: its threshold lies far below it and
is provisional. A load never seen on gets its threshold from the nameplate.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

import numpy as np
from attrs import frozen

from agent.detect.learning.series import Floats
from agent.detect.line_params import Threshold, nameplate_threshold
from evidence.words import Words

BINS: Final = 96
FLOOR_OF_TOP: Final = 0.02
"""Powers below 2 % of the highest count as equal: the logarithm of noise around 0 means nothing."""
CLASS_MIN: Final = 0.005
SEPARATION_MIN: Final = 0.6
OFF_OF_ON_MAX: Final = 0.25
OFF_OF_ON_MAX_TREATMENT: Final = 0.40
HI, LO = 0.4, 0.2
SINGLE_HI, SINGLE_LO = 0.35, 0.25
ABOVE_STANDBY: Final = 1.2
"""A load that draws a fifth more than its standby works."""
NEVER_ON: Final = 0.05
"""A load that never reached 5 % of its nameplate was never on."""


class Mode(Enum):
    """In which states a load was seen."""

    BOTH = Words("启停均有", "seen on and off")
    ALWAYS_ON = Words("从未停机", "never seen off")
    NEVER_ON = Words("几乎从未运行", "hardly ever seen on")


@frozen
class LearnedThreshold:
    """A threshold and the states it was learned from."""

    threshold: Threshold
    mode: Mode


def learn_threshold(watts: Floats, rated_w: float, *, treatment: bool) -> LearnedThreshold:
    """The threshold of a load from its powers in watts; NaN is ignored."""
    x = watts[np.isfinite(watts)]
    top = float(np.quantile(x, 0.999)) if len(x) else 0.0
    if top < max(NEVER_ON * rated_w, 2.0):
        return LearnedThreshold(nameplate_threshold(rated_w), Mode.NEVER_ON)
    valley = _find_valley(np.log10(np.maximum(x, FLOOR_OF_TOP * top)))
    if valley is not None:
        off, on = x[np.log10(np.maximum(x, FLOOR_OF_TOP * top)) < valley], x[x >= 10**valley]
        ratio = OFF_OF_ON_MAX_TREATMENT if treatment else OFF_OF_ON_MAX
        if min(len(off), len(on)) >= CLASS_MIN * len(x) and np.median(off) <= ratio * np.median(on):
            return LearnedThreshold(_place_between(off, on, 10**valley), Mode.BOTH)
    low = float(np.quantile(x, 0.05))
    if low <= nameplate_threshold(rated_w).lo_w:
        return LearnedThreshold(nameplate_threshold(rated_w), Mode.NEVER_ON)
    return _learn_always_on(low)


def _learn_always_on(low: float) -> LearnedThreshold:
    """That of a load that never stopped, from nearly the least that it drew."""
    return LearnedThreshold(_to_threshold(SINGLE_HI * low, SINGLE_LO * low, provisional=True), Mode.ALWAYS_ON)


def learn_sum_threshold(total: Floats, lines: Sequence[Floats], rated_w: Sequence[float]) -> LearnedThreshold:
    """The threshold of several loads together: off is where none of them runs.

    One that never rests beside a greater one that comes and goes makes two clusters of the sum, the lower of
    which is a load at work.

    Args:
        total: Their sum by slot, W; NaN is ignored.
        lines: Each of them.
        rated_w: Their nameplates.
    """
    learned = learn_threshold(total, sum(rated_w), treatment=False)
    runs = np.zeros(len(total), np.bool_)
    for x, rated in zip(lines, rated_w, strict=True):
        runs |= np.nan_to_num(x, nan=0.0) >= learn_threshold(x, rated, treatment=False).threshold.hi_w
    known = np.isfinite(total)
    lower = known & (np.nan_to_num(total, nan=0.0) < learned.threshold.lo_w)
    if learned.mode is not Mode.BOTH or np.median(runs[lower]) < 1:
        return learned
    off, on = total[known & ~runs], total[known & runs]
    if len(off) >= CLASS_MIN * known.sum():
        return LearnedThreshold(_place_between(off, on, float(np.quantile(on, 0.05)) / 2), Mode.BOTH)
    return _learn_always_on(float(np.quantile(on, 0.05)))


def learn_above_standby(watts: Floats, rated_w: float, standby_w: int) -> LearnedThreshold:
    """The threshold of a load that a person says stands by at up to `standby_w`."""
    x = watts[np.isfinite(watts)]
    off, on = x[x <= standby_w], x[x > ABOVE_STANDBY * standby_w]
    if not len(off) or len(on) < CLASS_MIN * len(x):
        return learn_threshold(watts, rated_w, treatment=False)
    low = max(float(np.quantile(on, 0.05)), ABOVE_STANDBY * standby_w)
    step_w = low - standby_w
    return LearnedThreshold(
        _to_threshold(standby_w + HI * step_w, standby_w + LO * step_w, provisional=False), Mode.BOTH
    )


def _place_between(off: Floats, on: Floats, valley: float) -> Threshold:
    for below, above in ((0.99, 0.05), (0.90, 0.20)):
        a, b = max(float(np.quantile(off, below)), 0.0), float(np.quantile(on, above))
        if b > 1.2 * a:
            return _to_threshold(a + HI * (b - a), a + LO * (b - a), provisional=False)
    return _to_threshold(1.1 * valley, 0.9 * valley, provisional=False)


def _to_threshold(hi: float, lo: float, *, provisional: bool) -> Threshold:
    lo_w = max(1, round(lo))
    return Threshold(hi_w=max(lo_w + 1, round(hi)), lo_w=lo_w, provisional=provisional)


def _find_valley(values: Floats) -> float | None:
    """The split with the greatest variance between two classes, the middle of equals; None for one class."""
    if float(np.ptp(values)) == 0.0:
        return None
    counts, edges = np.histogram(values, BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    weight = counts / counts.sum()
    below = np.cumsum(weight)[:-1]
    mean_below = np.cumsum(weight * centres)[:-1]
    mean = float((weight * centres).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num((mean * below - mean_below) ** 2 / (below * (1 - below)))
    best = float(between.max())
    total = float((weight * (centres - mean) ** 2).sum())
    if total <= 0 or best / total < SEPARATION_MIN:
        return None
    ties = np.flatnonzero(between >= best * (1 - 1e-9))
    return float((edges[ties[0] + 1] + edges[ties[-1] + 1]) / 2)
