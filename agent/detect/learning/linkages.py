"""What commissioning learns from recorded data, one function for each parameter or group of them (numpy).

Violations may lie inside the commissioning data and must not become normal. So what is rare or unusually long
is an exception, listed for a person to confirm: off-times that are not part of a duty cycle, stretches of low
treatment power that came only a few times, deficits that would have been raised.
"""

import math
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from agent.detect.causes import IDLE_SHARE
from agent.detect.correlation import correlation_of_sums
from agent.detect.learning.series import Floats, find_runs, hold_last
from agent.detect.learning.thresholds import LearnedThreshold, Mode, learn_threshold
from agent.detect.line_params import Bin, LineParams, Threshold, nameplate_line
from agent.detect.params import LAG_MAX_S, RANGE_MARGIN
from agent.detect.window import RollingMinimum

Bools = NDArray[np.bool_]

PULSE_S: Final = 90
PULSE_BRIDGE_S: Final = 120
LAG_R_MIN: Final = 0.3
"""With a lower r, one lag is better than another only by chance."""
LAG_FLAT: Final = 1.05
"""A lag that leaves a twentieth more of the variance unexplained is as good as the best of three days of
data."""
DUTY_RUNS_MIN: Final = 5
DUTY_RUN_MIN_S: Final = 60
DUTY_PERIOD_MAX_S: Final = 3600
"""A duty cycle repeats at least once an hour; rarer pauses are exceptions."""
FILL_OF_TIME: Final = 0.5
"""By chance one of two scatters is a little less than the other, and not half of it."""
LEVEL_FILL_SCATTER: Final = 0.25
"""Fills that scatter by a quarter never reach three times the greatest that a few days showed."""
LEVEL_REST_MAX_S: Final = 2 * 86_400
"""A tank that is not emptied for two days stands still with its plant."""
BINS: Final = 6
LEVELS_APART: Final = 1.25
BETWEEN_SHARE: Final = 0.1
LEVEL_MIN_S, LEVEL_SAMPLES_MIN = 1800, 12
"""Two levels of production in one bin: the upper begins a quarter above the lower, a tenth of the samples at
most lie between, and either lasted for half an hour in all. One median of both would call the lower idle."""
MATURE_MIN: Final = 60
"""Ten minutes of 10 s samples; fewer make no envelope."""
LOW_STRETCH: Final = 0.6
LOW_STRETCH_MIN_S: Final = 300
LOW_STRETCHES_MAX: Final = 3
LOW_SHARE_MAX: Final = 0.4
STUCK_MIN_S: Final = 600
STUCK_LEARNED_MAX_S: Final = 1800
"""A meter that repeats a value for half an hour in normal operation cannot be judged by repetition."""
COARSE_VALUES, COARSE_SHARE, COARSE_TIMES = 8, 0.95, 3
"""A standby of a few watts with hardly eight different values repeats them; it gets three times as long."""
REPEAT_CHANCE: Final = 1e-9
"""A limit that an honest meter passes by chance less than once in a thousand line-years of 10 s samples."""
CT_STOPPED_MIN_S: Final = 3600
"""Less time without production shows no standby."""
CT_STANDBY_MIN_W: Final = 20
CT_STANDBY_OF_RATED: Final = 0.002
CT_FLOOR: Final = 0.4
OVERRUN_MORE_S: Final = 1800
OVERRUN_MIN_S: Final = 5400


def find_states(x: Floats, threshold: Threshold, bridge: int) -> Bools:
    """Whether on, by slot, with hysteresis; pauses of up to `bridge` slots belong to the run."""
    marks = np.where(x >= threshold.hi_w, 1, np.where(x < threshold.lo_w, 0, -1))
    last = np.maximum.accumulate(np.where(marks >= 0, np.arange(len(x)), -1))
    on = np.where(last >= 0, marks[np.maximum(last, 0)] == 1, False)
    for begin, end in find_runs(~on):
        if begin > 0 and end < len(on) and end - begin <= bridge:
            on[begin:end] = True
    return np.asarray(on, np.bool_)


def learn_bridge_s(u: Floats, threshold: Threshold, dt_s: int) -> int:
    """Longest pause that belongs to a run of production: two minutes if production comes in pulses."""
    on = find_states(u, threshold, 0)
    pauses = [(end - begin) * dt_s for begin, end in find_runs(~on) if begin > 0 and end < len(on)]
    pulsed = pauses and sum(pause <= PULSE_S for pause in pauses) > len(pauses) / 2
    return PULSE_BRIDGE_S if pulsed else 2 * dt_s


def learn_lag_s(u: Floats, t: Floats, dt_s: int) -> tuple[int, float]:
    """Seconds by which treatment follows production, and r there.

    The lag is the least one whose r is nearly the greatest. Where loads change slowly r has a flat top as
    wide as the quarter of an hour that is searched, and its highest point is chance; a great lag from it
    would leave treatment unjudged for twice as long after every start. Without a peak inside the searched
    lags it is 0.
    """
    found: dict[int, float] = {}
    known = np.isfinite(u) & np.isfinite(t)
    if not known.any():
        return 0, 0.0
    # Distances from the mean keep the sums of a week at 10 MW within 64 bits.
    x = np.nan_to_num(u - round(float(np.nanmean(u)))).astype(np.int64)
    y = np.nan_to_num(t - round(float(np.nanmean(t)))).astype(np.int64)
    x_known, y_known = np.isfinite(u), np.isfinite(t)
    for lag in range(-2, LAG_MAX_S // dt_s + 1):
        if abs(lag) >= len(x):
            continue  # a recording that is shorter than the lag says nothing of it
        a, b = max(0, -lag), max(0, lag)
        n = len(x) - abs(lag)
        both = x_known[a : a + n] & y_known[b : b + n]
        xs, ys = x[a : a + n][both], y[b : b + n][both]
        sums = (xs.sum(), ys.sum(), xs @ xs, ys @ ys, xs @ ys)
        r = correlation_of_sums(len(xs), *(int(number) for number in sums)).r
        if r is not None:
            found[lag] = r
    best_r = max(found.values(), default=0.0)
    if best_r <= LAG_R_MIN:
        return 0, 0.0
    nearly = math.sqrt(max(1 - LAG_FLAT * (1 - best_r**2), 0.0))
    best = min(lag for lag, r in found.items() if r >= nearly)
    is_peak = found.get(LAG_MAX_S // dt_s, 0.0) < nearly
    return (max(best, 0) * dt_s if is_peak else 0), best_r


def find_mature(on: Bools, u: Floats, t: Floats, slots: int) -> Bools:
    """Slots in which production has run for at least `slots` slots and both powers are known."""
    result = np.zeros(len(on), np.bool_)
    for begin, end in find_runs(on):
        result[begin + slots : end] = True
    return np.asarray(result & np.isfinite(u) & np.isfinite(t), np.bool_)


@frozen
class Duty:
    """Longest and usual off-time of a duty cycle (0: none), its exceptions and the other rests, in slots."""

    longest: int
    usual: int
    exceptions: tuple[tuple[int, int], ...]
    rests: tuple[tuple[int, int], ...] = ()

    @property
    def pauses(self) -> tuple[tuple[int, int], ...]:
        """All off-times under steady production."""
        return self.exceptions + self.rests


def learn_duty(t: Floats, ripe: Bools, off_below: int, dt_s: int) -> Duty:
    """The duty cycle of treatment from its off-times under mature load."""
    pauses = [
        (begin, end)
        for begin, end in find_runs(ripe & (np.nan_to_num(t, nan=np.inf) < off_below))
        if (end - begin) * dt_s > DUTY_RUN_MIN_S and end < len(ripe) and ripe[begin - 1] and ripe[end]
    ]
    lengths = np.array([end - begin for begin, end in pauses])
    if len(pauses) < DUTY_RUNS_MIN or ripe.sum() * dt_s / len(pauses) > DUTY_PERIOD_MAX_S:
        return Duty(0, 0, tuple(pauses))
    regular = lengths <= 2 * np.median(lengths)
    longest = int(lengths[regular].max())
    kept_out, rests = (
        tuple(pause for pause, kept in zip(pauses, regular, strict=True) if bool(kept) is side)
        for side in (False, True)
    )
    return Duty(longest, int(np.median(lengths)), kept_out, rests)


def learn_fill_wh(u: Floats, rests: tuple[tuple[int, int], ...], dt_s: int) -> int:
    """The most that was produced in a rest of the duty cycle, Wh; 0 where rests end by time and not by it.

    A timer's rests are alike in time, those of a sump in what flowed into it.
    """
    lengths = np.array([end - begin for begin, end in rests], np.float64)
    fills = _find_fills_wh(u, rests, dt_s)
    if len(rests) < DUTY_RUNS_MIN or not fills.all():
        return 0
    by_time, by_fill = (float(one.std() / one.mean()) for one in (lengths, fills))
    return round(float(fills.max())) if by_fill < FILL_OF_TIME * by_time else 0


def learn_level_fill_wh(u: Floats, rests: tuple[tuple[int, int], ...], dt_s: int) -> int:
    """The most that was produced in a rest that a level ended, Wh.

    0 where rests hold very different amounts: something else than production fills the tank, or it is emptied
    at its own hours.
    """
    fills = _find_fills_wh(u, rests, dt_s)
    if len(rests) < DUTY_RUNS_MIN or not fills.all() or fills.std() > LEVEL_FILL_SCATTER * fills.mean():
        return 0
    return round(float(fills.max()))


def _find_fills_wh(u: Floats, rests: tuple[tuple[int, int], ...], dt_s: int) -> Floats:
    return np.array([np.nansum(u[begin:end]) for begin, end in rests]) * dt_s / 3600


def find_rests(t: Floats, off_below: int) -> tuple[tuple[int, int], ...]:
    """All off-times of treatment whose begin and end were seen."""
    rests = find_runs(np.nan_to_num(t, nan=np.inf) < off_below)
    seen = (np.isfinite(t[begin - 1]) and np.isfinite(t[min(end, len(t) - 1)]) for begin, end in rests)
    return tuple(
        (begin, end)
        for (begin, end), known in zip(rests, seen, strict=True)
        if known and begin > 0 and end < len(t)
    )


def find_longest_rest(t: Floats, off_below: int, dt_s: int) -> int:
    """The longest off-time of treatment that a level drives, in slots, whenever production ran."""
    rests = find_runs(np.nan_to_num(t, nan=np.inf) < off_below)
    longest = max((end - begin for begin, end in rests), default=0)
    return min(longest, LEVEL_REST_MAX_S // dt_s)


def roll(values: Floats, slots: int, *, highest: bool) -> Floats:
    """Least (or greatest) value of the last `slots` slots; missing slots are left out."""
    window, sign = RollingMinimum(slots), -1 if highest else 1
    result = np.full(len(values), np.nan)
    for slot, value in enumerate(np.nan_to_num(values, nan=-1.0).astype(np.int64).tolist()):
        if value >= 0:
            result[slot] = sign * window.push(slot, sign * value)
    return result


@frozen
class Envelope:
    """Least treatment power by production, and the stretches that were left out (slots)."""

    bins: tuple[Bin, ...]
    exceptions: tuple[tuple[int, int], ...]
    ripe: bool


def learn_envelope(least: Floats, t: Floats, ripe: Bools, on: Threshold, mode: Mode, dt_s: int) -> Envelope:
    """Up to six bins of production, more by `split_levels`, each with the least normal treatment power."""
    chosen = ripe & (np.nan_to_num(t, nan=0.0) > on.lo_w) & np.isfinite(least)
    if chosen.sum() < MATURE_MIN:
        return Envelope((Bin(from_w=0, lo_w=on.lo_w, median_w=on.hi_w),), (), ripe=False)
    edges = np.unique(np.quantile(least[chosen], np.linspace(0, 1, BINS + 1)[:-1]).round())
    edges[0] = np.round(np.quantile(least[chosen], 0.005))
    edges = split_levels(np.unique(edges), least, chosen, dt_s)
    index = np.clip(np.searchsorted(edges, least, side="right") - 1, 0, None)
    medians = _find_quantiles(t, index, chosen, len(edges), 0.5)
    idle = chosen & (t < IDLE_SHARE * medians[index])
    low = chosen & (t < LOW_STRETCH * medians[index])
    idled, lows = _find_stretches(idle, chosen, dt_s), _find_stretches(low, chosen, dt_s)
    is_rare = len(lows) <= LOW_STRETCHES_MAX  # else low power is a mode of operation
    exceptions = (lows if is_rare or idled else ()) or idled
    if exceptions:
        chosen &= ~idle
    for begin, end in exceptions:
        chosen[begin:end] = False
    medians = _find_quantiles(t, index, chosen, len(edges), 0.5)
    least_normal = _find_quantiles(t, index, chosen, len(edges), 0.02)
    if mode is Mode.BOTH:
        los = np.minimum(0.88 * least_normal, 0.82 * medians)
    else:
        los = np.maximum(0.5 * least_normal, 0.3 * medians)
    los = np.maximum(np.minimum.accumulate(los[::-1])[::-1], on.lo_w)
    rows = zip(edges.tolist(), los.tolist(), medians.tolist(), strict=True)
    bins = [Bin(from_w=round(edge), lo_w=round(lo), median_w=round(median)) for edge, lo, median in rows]
    below = Bin(from_w=0, lo_w=on.lo_w, median_w=bins[0].median_w)
    return Envelope((below, *(one for one in bins if one.from_w > 0)), exceptions, ripe=True)


def split_levels(edges: Floats, least: Floats, chosen: Bools, dt_s: int) -> Floats:
    """The edges of bins of production, with one more in each bin that holds two levels with a gap between.

    Production has to have come down over the gap more often than what is rare comes: a stretch of too little
    treatment at a power of its own does not become normal by it. What lies in the gap is on the way from one
    level to the other, and needs what the lower one does.

    Args:
        edges: Rising, W.
        least: Production by slot, W.
        chosen: The slots that count.
        dt_s: Length of a slot.
    """
    found = edges.tolist()
    least_count = max(LEVEL_SAMPLES_MIN, LEVEL_MIN_S // dt_s)
    for begin, end in zip(edges, [*edges[1:], np.inf], strict=True):
        x = np.sort(least[chosen & (least >= begin) & (least < end)])
        if len(x) < 2 * least_count or x[0] <= 0:
            continue
        above = np.searchsorted(x, LEVELS_APART * x)  # by sample, the first one of another level
        between = above - np.arange(1, len(x) + 1)
        is_chance = (len(x) - above < least_count) | (np.arange(1, len(x) + 1) < least_count)
        last = int(np.argmin(np.where(is_chance, len(x), between)))
        if is_chance[last] or between[last] > BETWEEN_SHARE * len(x):
            continue
        edge = float(x[above[last]])
        if len(find_runs(chosen & (least <= x[last]))) > LOW_STRETCHES_MAX:
            found.append(edge)
    return np.unique(found)


def learn_range_w(u: Floats) -> int:
    """Production above this was never seen: what it needs was not either. 0 without any data."""
    known = u[np.isfinite(u)]
    return round(RANGE_MARGIN * float(np.quantile(known, 0.999))) if len(known) else 0


def _find_quantiles(t: Floats, index: NDArray[np.intp], chosen: Bools, bins: int, share: float) -> Floats:
    """Quantile of T in each bin; an empty bin takes that of the next lower one."""
    result = np.full(bins, np.nan)
    for number in range(bins):
        values = t[chosen & (index == number)]
        if len(values):
            result[number] = np.quantile(values, share)
        elif number:
            result[number] = result[number - 1]
    return np.where(np.isfinite(result), result, float(np.nanmin(result)))


def _find_stretches(low: Bools, chosen: Bools, dt_s: int) -> tuple[tuple[int, int], ...]:
    """Stretches of low power, if they are a minor part of the time and hold nearly all of the low power."""
    joined = low.copy()
    for begin, end in find_runs(~low):
        if begin > 0 and end < len(low) and (end - begin) * dt_s <= DUTY_RUN_MIN_S:
            joined[begin:end] = True
    stretches = tuple(
        (begin, end) for begin, end in find_runs(joined) if (end - begin) * dt_s >= LOW_STRETCH_MIN_S
    )
    covered = sum(int(low[begin:end].sum()) for begin, end in stretches)
    lesser = covered <= LOW_SHARE_MAX * chosen.sum()
    return stretches if lesser and covered >= 0.9 * low.sum() else ()


def learn_overrun_s(longest_s: int, night: bool, mode: Mode) -> int:
    """Longest normal run of treatment after production; 0 if it does not stop with production."""
    if mode is not Mode.BOTH or night:
        return 0
    return max(2 * longest_s, longest_s + OVERRUN_MORE_S, OVERRUN_MIN_S)


def learn_line(
    line: str, x: Floats, rated_w: float, ct_range_w: float | None, dt_s: int, hold: int, *, treatment: bool
) -> LineParams:
    """The parameters learned from one line by itself; its noise floor comes from the replay."""
    learned = learn_threshold(x, rated_w, treatment=treatment)
    known = x[np.isfinite(x)]
    plain = nameplate_line(line, rated_w)
    if not len(known):
        return plain
    on = learned.threshold
    ct_range = ct_range_w or max(plain.ct_range_w, float(np.quantile(known, 0.999)))
    fall_from = on.hi_w if treatment else max(2, round(0.1 * float(np.quantile(known, 0.99))))
    return LineParams(
        id=line,
        rated_w=round(rated_w),
        ct_range_w=round(ct_range),
        threshold=on,
        fall_from_w=fall_from,
        stuck_on_s=_learn_stuck_limit_s(np.where(x >= on.lo_w, x, np.nan), dt_s, hold),
        stuck_off_s=_learn_stuck_limit_s(np.where(x < on.lo_w, x, np.nan), dt_s, hold),
        ct_floor_w=0 if treatment else _learn_ct_floor_w(hold_last(x, hold), learned, rated_w, dt_s),
    )


def _learn_stuck_limit_s(x: Floats, dt_s: int, hold: int) -> int:
    slots = np.flatnonzero(np.isfinite(x))
    if len(slots) * dt_s < 2 * STUCK_MIN_S:
        return 0
    values = x[slots]
    changes = np.flatnonzero((np.diff(values) != 0) | (np.diff(slots) > hold))
    begins = np.concatenate(([0], changes + 1))
    ends = np.concatenate((changes, [len(slots) - 1]))
    longest = int((slots[ends] - slots[begins]).max()) + 1
    # A meter of coarse steps repeats by chance: with the share of repetitions p, a run of n has p to the n.
    repeats = 1 - len(changes) / max(len(values) - 1, 1)
    by_chance = math.ceil(math.log(REPEAT_CHANCE) / math.log(repeats)) if 0 < repeats < 1 else 0
    if max(longest, by_chance) * dt_s > STUCK_LEARNED_MAX_S:
        return 0
    _, counts = np.unique(values, return_counts=True)
    common = np.sort(counts)[::-1][:COARSE_VALUES].sum()
    coarse = common >= COARSE_SHARE * len(values)
    least_s = STUCK_MIN_S * (COARSE_TIMES if coarse else 1)
    return max(least_s, 10 * dt_s, (3 * longest + 3) * dt_s, by_chance * dt_s)


def find_resolution_w(x: Floats) -> int:
    """The least step between two values that a meter showed, W: that of its register or of its CT."""
    values = np.unique(x[np.isfinite(x)])
    return round(float(np.diff(values).min())) if len(values) > 1 else 0


def _learn_ct_floor_w(x: Floats, learned: LearnedThreshold, rated_w: float, dt_s: int) -> int:
    """A part of the least standby of stopped production; 0 where it never stopped or shows none."""
    if learned.mode is not Mode.BOTH or len(x) < 3:
        return 0
    middle = np.median(np.stack([x[:-2], x[1:-1], x[2:]]), axis=0)
    middle = middle[np.isfinite(middle) & (middle < learned.threshold.lo_w)]
    if len(middle) * dt_s < CT_STOPPED_MIN_S:
        return 0
    least = float(np.quantile(middle, 0.001))
    return round(CT_FLOOR * least) if least > max(CT_STANDBY_MIN_W, CT_STANDBY_OF_RATED * rated_w) else 0
