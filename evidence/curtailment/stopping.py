"""Whether a line stood while it had to: hour by hour, by the stop threshold.

    threshold = max(1.2 · base, base + 2 % of the rated power)

An hour in which nothing is asked (before the ramp-down ends, in permitted hours, beyond the alert) is
*free*. Any other hour is *not met* if the line ran above the threshold for OVER_S in it: a present sample
proves that, however many are missing. With samples for less than COVERED_MIN of the time it is *no data*,
and else *met*. Two hours in a row that are not met are a clue: one can be a crane or a test run.

Samples hold until the next one, and at most `hold_s`. What flowed while nothing was sampled, the register
tells: see `judge`.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, frozen

from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.measures import DAY_MINUTES, Row

BASE_FACTOR: Final = 1.2
RATED_SHARE: Final = 0.02
OVER_S: Final = 300
COVERED_MIN: Final = 0.75
CLUE_HOURS: Final = 2
MINUTE_S: Final = 60
DAY_S: Final = 86_400


class HourState(StrEnum):
    """What an hour was."""

    MET = "met"
    NOT_MET = "not_met"
    NO_DATA = "no_data"
    FREE = "free"
    """Nothing was asked."""
    RUNNING = "running"
    """A figure of a measure that no hour decides."""


def find_threshold_w(base_w: float, rated_w: float) -> float:
    """Above this a line does not stand."""
    return max(BASE_FACTOR * base_w, base_w + RATED_SHARE * rated_w)


@frozen(kw_only=True)
class Hour:
    """One hour of the plant.

    Attributes:
        begin_s: When it begins, UTC.
        asked_s: For how long of it the line had to stand.
        covered_s: For how long of that there are samples.
        over_s: For how long of that the line was above the threshold.
        peak_w: The greatest power while it had to stand.
    """

    begin_s: int
    asked_s: float
    covered_s: float
    over_s: float
    peak_w: float

    @property
    def state(self) -> HourState:
        """Whether the line stood."""
        if self.asked_s <= 0:
            return HourState.FREE
        if self.over_s >= OVER_S:
            return HourState.NOT_MET
        if self.covered_s < COVERED_MIN * self.asked_s:
            return HourState.NO_DATA
        return HourState.MET


@define(eq=False, repr=False)
class _Tally:
    covered_s: float = 0.0
    over_s: float = 0.0
    peak_w: float = 0.0


@define(eq=False, repr=False)
class StopWatch:
    """Watches one line through one alert; feed it samples in the order of time.

    Attributes:
        row: What is asked.
        begin_s: When it is asked, the ramp-down included, UTC.
        end_s: When the alert ends.
        threshold_w: See the module.
        offset_s: Of the plant's clock.
    """

    row: Row
    begin_s: int
    end_s: int
    threshold_w: float
    offset_s: int
    hold_s: float
    _last: tuple[float, float] | None = field(default=None, init=False)
    _counted_s: float = field(default=0.0, init=False)
    _tallies: dict[int, _Tally] = field(factory=dict, init=False)

    def add(self, at_s: float, watts: float) -> None:
        """A sample of the line's power."""
        self.count_until(at_s)
        self._last, self._counted_s = (at_s, watts), at_s

    def count_until(self, at_s: float) -> None:
        """Count the last sample for as long as it holds, to `at_s` at most."""
        if self._last is None:
            return
        sample_s, watts = self._last
        for low_s, high_s in self._pieces(self._counted_s, min(at_s, sample_s + self.hold_s)):
            if not self.is_asked(low_s):
                continue
            tally = self._tallies.setdefault(self._hour(low_s), _Tally())
            tally.covered_s += high_s - low_s
            tally.peak_w = max(tally.peak_w, watts)
            if watts > self.threshold_w:
                tally.over_s += high_s - low_s
        self._counted_s = max(self._counted_s, at_s)

    def _hour(self, at_s: float) -> int:
        return int((at_s + self.offset_s) // HOUR_S)

    def _pieces(self, begin_s: float, end_s: float) -> Iterator[tuple[float, float]]:
        """The time from `begin_s` to `end_s`, cut where something else may be asked."""
        edges = {low for low, _ in self.row.hours} | {high % DAY_MINUTES for _, high in self.row.hours}
        begin_s, end_s = max(begin_s, self.begin_s), min(end_s, self.end_s)
        while begin_s < end_s:
            local = begin_s + self.offset_s
            stops = [(local // HOUR_S + 1) * HOUR_S]
            day = local // DAY_S * DAY_S
            stops += [day + edge * MINUTE_S for edge in edges if day + edge * MINUTE_S > local]
            until_s = min(min(stops) - self.offset_s, end_s)
            yield begin_s, until_s
            begin_s = until_s

    def is_asked(self, at_s: float) -> bool:
        """Whether the line has to stand at a time."""
        minute = int((at_s + self.offset_s) % DAY_S // MINUTE_S)
        return self.begin_s <= at_s < self.end_s and not self.row.may_work(minute)

    def hour(self, index: int) -> Hour:
        """The hour with this number, as far as samples have come."""
        begin_s = index * HOUR_S - self.offset_s
        tally = self._tallies.get(index, _Tally())
        asked_s = sum(
            high_s - low_s
            for low_s, high_s in self._pieces(begin_s, begin_s + HOUR_S)
            if self.is_asked(low_s)
        )
        return Hour(
            begin_s=begin_s,
            asked_s=asked_s,
            covered_s=tally.covered_s,
            over_s=tally.over_s,
            peak_w=tally.peak_w,
        )

    def take(self, index: int) -> Hour:
        """An hour that is over; it is forgotten here."""
        self.count_until((index + 1) * HOUR_S - self.offset_s)
        found = self.hour(index)
        self._tallies.pop(index, None)
        return found

    def state(self) -> list[Any]:
        """Everything that `restore` needs beside the case."""
        tallies = [[hour, one.covered_s, one.over_s, one.peak_w] for hour, one in self._tallies.items()]
        return [None if self._last is None else list(self._last), self._counted_s, tallies]

    def restore(self, state: Sequence[Any]) -> None:
        """Continue from `state()`."""
        last, counted_s, tallies = state
        self._last = None if last is None else (float(last[0]), float(last[1]))
        self._counted_s = float(counted_s)
        self._tallies = {int(hour): _Tally(*map(float, numbers)) for hour, *numbers in tallies}
