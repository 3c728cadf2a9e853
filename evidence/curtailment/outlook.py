"""Who would pass if the alert were tonight: of one line, from what is known now.

A dry run and no verdict: it compares what the line takes now, and took on its latest production day, with
what the row would allow. It says how much has to go, or that such a measure cannot be judged at this line,
and in how many days it may be at the earliest. Nothing of what the detector has learned is in it.
"""

from enum import StrEnum
from typing import Any, Final

from attrs import evolve, frozen

from evidence.curtailment.baseline import PRODUCTION_SHARE, Unknown, find_base_w, find_baseline
from evidence.curtailment.ledger import Ledger
from evidence.curtailment.limits import WINDOWS_MIN, find_ratios
from evidence.curtailment.measures import PER_MILLE, Measure, Row
from evidence.curtailment.stopping import find_threshold_w

DAY_HOURS: Final = 24


class Outcome(StrEnum):
    """What would become of it."""

    PASS = "pass"  # noqa: S105 -- no password
    DROP = "must_drop"
    CANNOT = "cannot_be_judged"


@frozen(kw_only=True)
class Outlook:
    """One line of a dry run.

    Attributes:
        drop_w: By how much the mean power has to fall.
        days: In how many days it may be judged at the earliest, None where waiting does not help.
        baseline_wh: Of a production day.
        latest: The latest production day, with its Wh.
        present_w: Mean power of the latest known hour.
        limit_w: What would be allowed as a mean, None for what asks nothing.
        windows: Past windows behind a verdict about a limit.
    """

    outcome: Outcome
    drop_w: int = 0
    days: int | None = None
    baseline_wh: int | None = None
    latest: tuple[int, int] | None = None
    present_w: int | None = None
    limit_w: int | None = None
    windows: int = 0

    def to_body(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "outcome": self.outcome.value,
            "drop_w": self.drop_w,
            "days": self.days,
            "baseline_wh": self.baseline_wh,
            "latest_day": None if self.latest is None else self.latest[0],
            "latest_wh": None if self.latest is None else self.latest[1],
            "present_w": self.present_w,
            "limit_w": self.limit_w,
            "windows": self.windows,
        }


def foresee(
    ledger: Ledger,
    row: Row,
    rated_w: float,
    now_s: float,
    window_days: int = 3,
    off_w: float | None = None,
) -> Outlook:
    """The dry run of `row` for the line of `ledger`, for an alert of `window_days` days from `now_s` on.

    `off_w` is the power below which the line is off, as was learned; None where that was not.
    """
    today, hour = ledger.day_of(now_s), ledger.hour_of(now_s)
    found = find_baseline(ledger, today)
    baseline_wh = row.baseline_wh or (None if isinstance(found, Unknown) else found.wh)
    p90_wh = 0.0 if isinstance(found, Unknown) else PRODUCTION_SHARE * found.p90_wh
    worked = [
        (day, round(wh)) for day, wh in ledger.whole_days(today - 60, today - 1) if wh > 0 and wh >= p90_wh
    ]
    known = [watts for at in (hour, hour - 1) if (watts := ledger.mean_w(at)) is not None]
    latest = worked[-1] if worked else None
    present_w = round(known[0]) if known else None
    known_now = Outlook(
        outcome=Outcome.PASS, baseline_wh=baseline_wh, latest=latest, present_w=present_w, days=None
    )
    if row.measure is Measure.NONE:
        return known_now
    if row.measure is Measure.LIMIT_PERCENT:
        return _foresee_limit(
            ledger, row, today, window_days, found if row.baseline_wh is None else None, known_now
        )
    if (cap_wh := row.cap_wh_day) is not None:
        return _compare(known_now, None if latest is None else latest[1] // DAY_HOURS, cap_wh // DAY_HOURS)
    if row.measure is Measure.CAP_KW:
        return _compare(known_now, present_w, row.value)
    base_w = find_base_w(ledger, hour, off_w)
    if base_w is None:
        return evolve(known_now, outcome=Outcome.CANNOT, days=1)
    return _compare(known_now, present_w, round(find_threshold_w(base_w, rated_w) + row.exempt_w))


def _foresee_limit(
    ledger: Ledger, row: Row, today: int, window_days: int, found: object, known: Outlook
) -> Outlook:
    windows = len(find_ratios(ledger, today, window_days, (), row.exempt_w * DAY_HOURS))
    known = evolve(known, windows=windows)
    lacking = max(WINDOWS_MIN - windows, 0)
    if isinstance(found, Unknown):
        lacking = max(lacking, found.lacking)
    if lacking or known.latest is None or known.baseline_wh is None:
        return evolve(known, outcome=Outcome.CANNOT, days=max(lacking, 1))
    exempt_wh = row.exempt_w * DAY_HOURS
    limit_wh = exempt_wh + (known.baseline_wh - exempt_wh) * (PER_MILLE - row.value) // PER_MILLE
    return _compare(known, known.latest[1] // DAY_HOURS, max(limit_wh, 0) // DAY_HOURS)


def _compare(known: Outlook, watts: int | None, limit_w: int) -> Outlook:
    if watts is None:
        return evolve(known, outcome=Outcome.CANNOT, days=1)
    if watts <= limit_w:
        return evolve(known, limit_w=limit_w)
    return evolve(known, outcome=Outcome.DROP, drop_w=watts - limit_w, limit_w=limit_w)
