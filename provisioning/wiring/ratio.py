"""Compares transformer ratios with a clamp meter, and knows the standard ratios.

A clamp meter is accurate to some percent and is read a moment later, so a ratio counts only beyond
CLAMP_SHARE, and the nearest standard step is named. Phases that differ from their clamp readings by different
factors do not mean a wrong ratio of the meter: a single one is the transformer of that phase, several
different ones are currents of something else.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from attrs import frozen

from provisioning.wiring.measured import Channel

CLAMP_SHARE: Final = 0.12
"""Beyond this a reading disagrees: clamp meters have 3 %, loads move; steps are 20 % apart."""
CLAMP_MIN_A: Final = 0.3
"""No clamp meter measures less accurately enough."""
ALIKE_SHARE: Final = 0.12
"""Factors of phases that differ by less are one factor."""
STEP_SHARE: Final = 0.07
"""How far a factor may be from the step that is named."""
PRIMARY_A: Final = (
    *(5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 125, 150, 160, 200, 250, 300, 400, 500, 600, 750, 800),
    *(1000, 1200, 1250, 1500, 1600, 2000, 2500, 3000, 4000, 5000, 6000),
)
"""IEC 61869-2 and its decimal multiples, with 5 A secondary; 1 A secondary gives the same steps times 5."""
SHARE_RIGHT: Final = 0.5
"""Least part of the apparent power that a loaded machine takes as active power."""
_SIMPLE: Final = (1.2, 1.25, 4 / 3, 1.5, 1.6, 5 / 3, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 25, 30)
_LARGE: Final = (40, 50, 60, 80, 100, 120, 160, 200, 240, 250, 300, 400, 500, 600, 800, 1000)
FACTORS: Final = tuple(sorted({*_SIMPLE, *_LARGE} | {1 / one for one in (*_SIMPLE, *_LARGE)}))
"""The factor between neighbouring standard transformers."""
RATIOS: Final = tuple(sorted({primary / 5 for primary in PRIMARY_A} | {float(one) for one in PRIMARY_A}))


@frozen
class Compared:
    """The meter against the clamp meter.

    Attributes:
        state: `agrees`; `nothing` to compare; `ratio` wrong everywhere or on `phases`; `open`: no current
            where the clamp meter shows some; `other`: what the meter sees is another current.
        phases: Where, as places of channels.
        factor: The shown current as a part of the real one.
        round_factor: The nearest usual step, or the factor itself.
    """

    state: Literal["agrees", "nothing", "ratio", "open", "other"]
    phases: tuple[int, ...] = ()
    factor: float = 1.0
    round_factor: float = 1.0


def compare(channels: Sequence[Channel], clamp_a: Mapping[str, float], none_a: float) -> Compared:
    """Compare the currents with the clamp readings; below `none_a` a channel shows nothing."""
    pairs = {
        place: (one.amps, clamp_a[one.phase])
        for place, one in enumerate(channels)
        if one.phase in clamp_a and math.isfinite(clamp_a[one.phase])
    }
    flowing = {place: pair for place, pair in pairs.items() if pair[1] >= CLAMP_MIN_A}
    opened = tuple(place for place, (amps, _) in flowing.items() if amps < none_a)
    if opened:
        return Compared("open", opened)
    if any(amps >= max(none_a, 4 * CLAMP_MIN_A) and clamp < CLAMP_MIN_A for amps, clamp in pairs.values()):
        return Compared("other", tuple(place for place in pairs if place not in flowing))
    if not flowing:
        return Compared("nothing")
    factors = {place: amps / clamp for place, (amps, clamp) in flowing.items()}
    off = {place: factor for place, factor in factors.items() if _measure_distance(factor, 1.0) > CLAMP_SHARE}
    if not off:
        return Compared("agrees")
    mean = math.exp(sum(map(math.log, off.values())) / len(off))
    if any(_measure_distance(factor, mean) > ALIKE_SHARE for factor in off.values()):
        return Compared("other", tuple(off))
    return Compared("ratio", tuple(off), mean, find_nearest(mean))


def find_nearest(factor: float) -> float:
    """The usual step next to a factor, or the factor if none is near."""
    step = min(FACTORS, key=lambda one: _measure_distance(factor, one))
    return step if _measure_distance(factor, step) <= STEP_SHARE else factor


def find_right_ratio(factor: float, ct_ratio: float) -> float:
    """The standard ratio that would be right if now `ct_ratio` gives `factor`."""
    wanted = ct_ratio / factor
    step = min(RATIOS, key=lambda one: _measure_distance(wanted, one))
    return step if _measure_distance(wanted, step) <= STEP_SHARE else round(wanted, 2)


def _measure_distance(one: float, other: float) -> float:
    """The distance of two factors, symmetric."""
    return abs(math.log(one / other))
