"""What others would do: plain rolling correlation and fixed thresholds, scored like the detector.

Both hold a missing value for a minute and then take what most databases give, 0. Their alarms need
production above a tenth of its nameplate, last until five minutes without the reason, and are counted
once; each is a violation called `off`, which a violation of any class accepts here.

- A60, A120: Pearson's r of the 10 s samples over 60 or 120 minutes is below 0.5 or 0.3.
- B: treatment is below a tenth of its nameplate for five minutes.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from tests.bench_detection.cases import HOUR_S, MISSING, VIOLATIONS, Case, Floats, Watts
from tests.bench_detection.loads import MINUTE, runs
from tests.bench_detection.score import Alarm

ON_SHARE: Final = 0.10
DEBOUNCE: Final = 5 * MINUTE
HOLD: Final = MINUTE

Mask = NDArray[np.bool_]


def find_alarms(case: Case, reason: Callable[[Case, Watts, Watts], Mask]) -> list[Alarm]:
    """Where production runs and `reason` holds, after commissioning."""
    pair = case.pair
    u, t = _filled(pair.production_w), _filled(pair.treatment_w)
    wrong = reason(case, u, t) & (u > ON_SHARE * pair.rated_production_w)
    wrong[: pair.commission_hours * HOUR_S // pair.dt_s] = False
    found: list[Alarm] = []
    last = -DEBOUNCE
    for begin, end in runs(wrong):
        if begin - last >= DEBOUNCE:
            at = float(pair.times_s[begin])
            found.append(Alarm("off", "violation", at, at))
        last = end
    return found


def lenient(case: Case) -> Case:
    """The same case where `off` is an answer to every violation."""
    events = tuple(
        evolve(event, accepts=event.accepts | {"off"}) if event.klass in VIOLATIONS else event
        for event in case.events
    )
    return evolve(case, events=events)


def _filled(watts: Watts) -> Watts:
    known = watts != MISSING
    last = np.maximum.accumulate(np.where(known, np.arange(len(watts)), -1))
    usable = (last >= 0) & (np.arange(len(watts)) - last <= HOLD)
    return np.where(usable, watts[np.maximum(last, 0)], 0)


def rolling_r(u: Watts, t: Watts, window: int) -> Floats:
    """Pearson's r over the last `window` samples, NaN where it is not defined."""
    sums = [_rolling_sum(x, window) for x in (u, t, u * u, t * t, u * t)]
    su, st, suu, stt, sut = (one.astype(np.float64) for one in sums)
    spread = np.sqrt(np.maximum(window * suu - su * su, 0) * np.maximum(window * stt - st * st, 0))
    r = np.full(len(u), np.nan)
    np.divide(window * sut - su * st, spread, out=r, where=spread > 0)
    return r


def _rolling_sum(x: Watts, window: int) -> Watts:
    total = np.cumsum(x)
    total[window:] = total[window:] - total[:-window]
    return total


def _pearson(window: int, limit: float) -> Callable[[Case, Watts, Watts], Mask]:
    def reason(_case: Case, u: Watts, t: Watts) -> Mask:
        return rolling_r(u, t, window) < limit

    return reason


def _low(case: Case, _u: Watts, t: Watts) -> Mask:
    low = t < ON_SHARE * case.pair.rated_treatment_w
    so_far = np.arange(len(low)) - np.maximum.accumulate(np.where(low, -1, np.arange(len(low))))
    return so_far >= DEBOUNCE


PEERS: Final[dict[str, Callable[[Case, Watts, Watts], Mask]]] = {
    "A60": _pearson(60 * MINUTE, 0.5),
    "A120": _pearson(120 * MINUTE, 0.3),
    "B": _low,
}
