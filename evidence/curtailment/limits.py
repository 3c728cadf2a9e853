"""Whether a line kept a limit or a cap on its energy, and when that cannot be said.

**A limit in percent** is judged over the whole days of the plant within the alert, against the line's own
past windows of as many days:

- Off days are left out on both sides, in the alert and in the past: a Sunday is no reduction.
- For each past window that is whole and free of earlier alerts, *ratio* = its energy over the energy of the
  baseline that held before it. No day after the first of the window makes its baseline (only the past).
- Fewer than WINDOWS_MIN of them: the limit cannot be judged at this line. n is always told.
- E ≤ limit: met. E > limit · P97.5(ratio): not met. Between: unclear, which is an answer.
- Past windows are placebos: nothing was asked in them. Where fewer than PROVEN_MIN of them would have been
  "not met" under this reduction, what lies between says nothing, and the limit cannot be judged.

Standing for some days can be how a plant obeys. So nothing is "not met" while the energy of all days is
within the limit over all days but those that were off anyway (the same day of the week, in most of the last
USUAL_WEEKS weeks). And a line that stood for at least the share by which it had to reduce is "not met" only
if the energy of all those days, too, is above the limit · P97.5(ratio): if its other days made up for it.

**An absolute cap** needs no past: the energy of each day (of each hour, for a cap in kW) is met at E ≤ cap
- U, not met at E > cap + U, unclear between, with U of `uncertainty`.

What is only a lower bound can be "not met" and never "met".
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

from attrs import frozen

from evidence.curtailment.baseline import PRODUCTION_SHARE, Baseline, Unknown, find_baseline
from evidence.curtailment.ledger import DAYS_KEPT, Ledger
from evidence.curtailment.measures import PER_MILLE
from evidence.curtailment.quantiles import find_quantile

WINDOWS_MIN: Final = 30
TAIL: Final = 0.975
"""One window in forty of those in which nothing was asked lies above it."""
PROVEN_MIN: Final = 0.95
"""Of those windows; a line that varies by more than the reduction is not told "unclear" by chance."""
USUAL_WEEKS: Final = 8
WEEK_DAYS: Final = 7
DAY_HOURS: Final = 24


class Verdict(StrEnum):
    """What can be said about an order and a line."""

    MET = "met"
    NOT_MET = "not_met"
    UNCLEAR = "unclear"
    CANNOT = "cannot_be_judged"


class Why(StrEnum):
    """Why it cannot be judged."""

    NO_BASELINE = "no_baseline"
    FEW_WINDOWS = "few_windows"
    NO_WHOLE_DAY = "no_whole_day"
    NO_DATA = "no_data"
    NOISE = "noise"
    NO_BASE = "no_base"
    NO_LIST = "no_list"
    NO_LINE = "no_line"
    WIRING = "wiring"
    FORM = "form"


@frozen(kw_only=True)
class LimitVerdict:
    """The outcome of a limit in percent.

    Attributes:
        why: Empty unless it cannot be judged.
        wh: Energy of the days that count; at least so much, if `is_bound`.
        limit_wh: What was allowed on these days.
        clear_wh: Above this it is not met.
        windows: How many past windows there are.
        days: The days that count.
        off: Days of the alert that are left out as off days.
    """

    verdict: Verdict
    why: Why | None = None
    wh: int = 0
    limit_wh: int = 0
    clear_wh: int = 0
    windows: int = 0
    days: tuple[int, ...] = ()
    off: tuple[int, ...] = ()
    is_bound: bool = False


@frozen
class _Window:
    """Energy, and what the baseline gives, of the days that count and of all that were not off anyway."""

    wh: float
    baseline_wh: float
    all_wh: float
    all_baseline_wh: float
    days: tuple[int, ...]
    off: tuple[int, ...]
    stood: int
    """How many of the off days were not off anyway."""


def find_ratios(
    ledger: Ledger, before: int, length: int, left_out: Collection[int], exempt_wh: float
) -> list[float]:
    """Actual by baseline of the past windows of `length` days that end before the day `before`."""
    found = []
    for first in range(before - DAYS_KEPT, before - length + 1):
        days = range(first, first + length)
        if any(day in left_out or not ledger.is_whole(day) for day in days):
            continue
        baseline = find_baseline(ledger, first, left_out)
        if isinstance(baseline, Unknown):
            continue
        window = _sum_window(ledger, days, baseline, exempt_wh)
        if window.baseline_wh > 0:
            found.append(window.wh / window.baseline_wh)
    return found


def judge_limit(
    ledger: Ledger,
    days: Sequence[int],
    baseline: Baseline | Unknown,
    reduction: int,
    exempt_w: int,
    left_out: Collection[int] = (),
) -> LimitVerdict:
    """Whether the whole `days` of an alert kept a reduction of so many per mille."""
    if not days:
        return LimitVerdict(verdict=Verdict.CANNOT, why=Why.NO_WHOLE_DAY)
    if isinstance(baseline, Unknown):
        return LimitVerdict(verdict=Verdict.CANNOT, why=Why.NO_BASELINE)
    exempt_wh = exempt_w * DAY_HOURS
    ratios = find_ratios(ledger, days[0], len(days), left_out, exempt_wh)
    if len(ratios) < WINDOWS_MIN:
        return LimitVerdict(verdict=Verdict.CANNOT, why=Why.FEW_WINDOWS, windows=len(ratios))
    window = _sum_window(ledger, days, baseline, exempt_wh)
    keep = 1 - reduction / PER_MILLE
    limit_wh, all_limit_wh = window.baseline_wh * keep, window.all_baseline_wh * keep
    tail = max(find_quantile(ratios, TAIL), 1.0)
    clear_wh = limit_wh * tail
    has_stood = window.stood * PER_MILLE >= reduction * (window.stood + len(window.days))
    is_over = window.wh > clear_wh and window.all_wh > all_limit_wh * (tail if has_stood else 1.0)
    is_bound = not all(ledger.is_whole(day) for day in days)
    is_within = window.wh <= limit_wh or window.all_wh <= all_limit_wh
    if is_within and is_bound:
        verdict, why = Verdict.CANNOT, Why.NO_DATA
    elif is_within:
        verdict, why = Verdict.MET, None
    elif is_over:
        verdict, why = Verdict.NOT_MET, None
    else:
        proven = sum(one > keep * tail for one in ratios)
        is_noise = proven < PROVEN_MIN * len(ratios)
        verdict, why = (Verdict.CANNOT, Why.NOISE) if is_noise else (Verdict.UNCLEAR, None)
    return LimitVerdict(
        verdict=verdict,
        why=why,
        wh=round(window.wh),
        limit_wh=round(limit_wh),
        clear_wh=round(clear_wh),
        windows=len(ratios),
        days=window.days,
        off=window.off,
        is_bound=is_bound,
    )


def _sum_window(ledger: Ledger, days: Sequence[int], baseline: Baseline, exempt_wh: float) -> _Window:
    """The base load that is exempt is left out of the energy and of the baseline."""
    day_wh = max(baseline.wh - exempt_wh, 0.0)
    counted: list[tuple[int, float]] = []
    off: list[tuple[int, float]] = []
    for day in days:
        amount = ledger.days.get(day)
        wh = amount.wh if amount else 0.0
        is_off = wh < PRODUCTION_SHARE * baseline.p90_wh
        (off if is_off else counted).append((day, max(wh - exempt_wh, 0.0)))
    wh = sum(one for _, one in counted)
    stopped = [(day, one) for day, one in off if not _is_usually_off(ledger, day, days[0], baseline)]
    return _Window(
        wh=wh,
        baseline_wh=day_wh * len(counted),
        all_wh=wh + sum(one for _, one in stopped),
        all_baseline_wh=day_wh * (len(counted) + len(stopped)),
        days=tuple(day for day, _ in counted),
        off=tuple(day for day, _ in off),
        stood=len(stopped),
    )


def _is_usually_off(ledger: Ledger, day: int, before: int, baseline: Baseline) -> bool:
    """Whether this day of the week was off in most of the last weeks before the day `before`."""
    same = [day - WEEK_DAYS * weeks for weeks in range(1, USUAL_WEEKS + 2)]
    known = [one for one in same if one < before and ledger.is_whole(one)][:USUAL_WEEKS]
    off = sum(ledger.days[one].wh < PRODUCTION_SHARE * baseline.p90_wh for one in known)
    return 2 * off > len(known)


def judge_cap(wh: float, cap_wh: float, uncertainty_wh: float, *, is_bound: bool) -> Verdict:
    """Whether an energy kept an absolute cap."""
    if wh > cap_wh + uncertainty_wh:
        return Verdict.NOT_MET
    if is_bound:
        return Verdict.CANNOT
    return Verdict.MET if wh <= cap_wh - uncertainty_wh else Verdict.UNCLEAR


def join_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict over several days or hours: one that is not met decides, then what is not known."""
    order = (Verdict.NOT_MET, Verdict.CANNOT, Verdict.UNCLEAR)
    return next((one for one in order if one in verdicts), Verdict.MET if verdicts else Verdict.CANNOT)
