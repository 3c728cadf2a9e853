"""The baseline of a line: what a production day of it takes when nothing is asked.

- *P90 day*: the 90 % quantile of daily energy over the last P90_DAYS days.
- *Production day*: a day of at least PRODUCTION_SHARE of it; any other is an off day.
- *Baseline*: the order's own value, else the median of the last BASELINE_DAYS production days before the
  alert was issued. Days of earlier alerts are left out, and marked days only if power or the bureau has
  confirmed the mark, else an owner would raise his baseline by marking his quiet days.
- *Base load*: the median power of the line's off hours in the last BASE_DAYS days; of a line that hardly
  stood, the power below which it is off as commissioning has learned, which is no less than what it took.

A baseline is frozen when the alert is issued; the days that made it are sealed with it, so anybody can add
them up. There is no adjustment by the day itself, which could be gamed. On a real steel feed the median of
fourteen production days is off by 27 to 28 % RMS over single days, and by less over longer windows.
"""

from collections.abc import Collection
from typing import Any, Final

from attrs import frozen

from evidence.curtailment.ledger import Ledger
from evidence.curtailment.quantiles import find_median, find_quantile

P90_DAYS: Final = 60
P90: Final = 0.9
PRODUCTION_SHARE: Final = 0.3
BASELINE_DAYS: Final = 14
BASELINE_DAYS_MIN: Final = 7
"""Half of them; a median of fewer days moves with each."""
KNOWN_DAYS_MIN: Final = 14
"""Two weeks, so that the P90 day has seen each day of the week twice."""
BASE_DAYS: Final = 30
OFF_SHARE: Final = 0.1
"""An hour below a tenth of a working one is off, as a line is below a tenth of its nameplate."""
WORKING_HOUR: Final = 0.99
"""The quantile that is a working hour also for a line that works one hour in a hundred."""
OFF_HOURS_MIN: Final = 12
"""One night; a median of fewer hours may be that of a stand-by that is rare."""


@frozen(kw_only=True)
class Baseline:
    """What a production day takes, and where that comes from.

    Attributes:
        wh: Of a production day.
        p90_wh: Of the P90 day.
        days: The production days of the median, none for a value of the order.
        from_order: The order said it.
    """

    wh: int
    p90_wh: int
    days: tuple[int, ...] = ()
    from_order: bool = False

    def to_body(self) -> dict[str, Any]:
        """For the record that freezes it."""
        return {
            "wh": self.wh,
            "p90_wh": self.p90_wh,
            "days": list(self.days),
            "from_order": self.from_order,
        }


@frozen
class Unknown:
    """There is no baseline: so many known days, so many production days, and days that are still lacking."""

    known: int
    production: int
    lacking: int


def find_p90_wh(ledger: Ledger, before: int, left_out: Collection[int]) -> float | None:
    """The P90 day before the day `before`, None where too few days are known."""
    known = [wh for day, wh in ledger.whole_days(before - P90_DAYS, before - 1) if day not in left_out]
    return find_quantile(known, P90) if len(known) >= KNOWN_DAYS_MIN else None


def find_baseline(ledger: Ledger, before: int, left_out: Collection[int] = ()) -> Baseline | Unknown:
    """The baseline from the days before the day `before` alone."""
    first = before - P90_DAYS
    known = [(day, wh) for day, wh in ledger.whole_days(first, before - 1) if day not in left_out]
    p90_wh = find_p90_wh(ledger, before, left_out)
    if p90_wh is None or p90_wh <= 0:
        return Unknown(len(known), 0, max(KNOWN_DAYS_MIN - len(known), BASELINE_DAYS_MIN))
    working = [(day, wh) for day, wh in known if wh >= PRODUCTION_SHARE * p90_wh]
    if len(working) < BASELINE_DAYS_MIN:
        return Unknown(len(known), len(working), BASELINE_DAYS_MIN - len(working))
    used = working[-BASELINE_DAYS:]
    return Baseline(
        wh=round(find_median(wh for _, wh in used)),
        p90_wh=round(p90_wh),
        days=tuple(day for day, _ in used),
    )


def find_base_w(ledger: Ledger, before_hour: int, off_w: float | None = None) -> float | None:
    """The median power of the off hours of the last BASE_DAYS days, W; `off_w` where too few are known."""
    first = before_hour - BASE_DAYS * 24
    known = [watts for hour in range(first, before_hour) if (watts := ledger.mean_w(hour)) is not None]
    if not known:
        return off_w
    off = [watts for watts in known if watts < OFF_SHARE * find_quantile(known, WORKING_HOUR)]
    return find_median(off) if len(off) >= OFF_HOURS_MIN else off_w
