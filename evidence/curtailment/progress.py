"""How a line stands within an alert that is not over: for people, and never for a verdict.

Each alert that is judged, as a map:

    order, rev, test, level, line, measure
    begin_s, end_s    when it is asked, the ramp-down left out, UTC
    state             waiting (it has not begun), running, ended (the verdict is due an hour after)
    left_s            to the beginning, else to the end, else to the verdict
    limit_w           what is allowed as a mean, above which a line does not stand | null (there is none yet)
    baseline_w        the mean of a production day | null
    actual_w          the mean of the present hour so far | null
    not_met, no_data  hours that were told so
    hours_begin_s     of the first of
    hours_w           the means of the last HOURS_SHOWN hours of the alert, oldest first, null where not known
"""

from typing import Any, Final

from evidence.curtailment.baseline import Unknown
from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.judge import FINAL_S, LineJudge
from evidence.curtailment.ledger import DAY_HOURS, Ledger
from evidence.curtailment.measures import PER_MILLE, STANDS, Measure
from evidence.curtailment.stopping import HourState

HOURS_SHOWN: Final = 48
"""Two days are what a plot of the page's width can tell apart."""
ROUGH_S: Final = 300
"""Of the present hour, before its mean says anything."""


def describe(judge: LineJudge, now_s: float) -> dict[str, Any]:
    """See the module."""
    case, ledger = judge.case, judge.ledger
    end_s = case.alert.end_s
    state, until_s = "ended", end_s + FINAL_S
    if now_s < case.begin_s:
        state, until_s = "waiting", case.begin_s
    elif now_s < end_s:
        state, until_s = "running", end_s
    last = ledger.hour_of(min(now_s, end_s - 1))
    first = max(ledger.hour_of(case.alert.start_s), last - HOURS_SHOWN + 1)
    return {
        "order": case.order,
        "rev": case.rev,
        "test": case.test,
        "level": case.alert.level,
        "line": case.line,
        "measure": case.row.measure.value,
        "begin_s": case.begin_s,
        "end_s": end_s,
        "state": state,
        "left_s": max(int(until_s - now_s), 0),
        "limit_w": find_limit_w(judge),
        "baseline_w": None if isinstance(judge.baseline, Unknown) else judge.baseline.wh // DAY_HOURS,
        "actual_w": _find_mean_w(ledger, ledger.hour_of(now_s)),
        "not_met": judge.count(HourState.NOT_MET),
        "no_data": judge.count(HourState.NO_DATA),
        "hours_begin_s": ledger.hour_begin_s(first),
        "hours_w": [_find_mean_w(ledger, hour) for hour in range(first, last + 1)],
    }


def find_limit_w(judge: LineJudge) -> int | None:
    """What the measure allows as a mean power, W."""
    row = judge.case.row
    if row.measure in STANDS:
        return None if judge.base_w is None else round(judge.threshold_w)
    if row.measure is Measure.CAP_KW:
        return row.value
    if row.cap_wh_day is not None:
        return row.cap_wh_day // DAY_HOURS
    if row.measure is not Measure.LIMIT_PERCENT or isinstance(judge.baseline, Unknown):
        return None
    above_w = max(judge.baseline.wh / DAY_HOURS - row.exempt_w, 0.0)
    return round(row.exempt_w + above_w * (1 - row.value / PER_MILLE))


def _find_mean_w(ledger: Ledger, hour: int) -> int | None:
    """The mean of an hour as far as it was measured."""
    amount = ledger.hours.get(hour)
    if amount is None or amount.covered_s < ROUGH_S * ledger.meters:
        return None
    return round(amount.wh * HOUR_S * ledger.meters / amount.covered_s)
