"""The energy of one line by hour and by day of the plant: what baselines and verdicts are made of.

A pure ledger of bounded size: DAYS_KEPT days and HOURS_KEPT hours, whatever comes in and however late.
Segments of several meters add up; one that crosses an hour or a midnight is spread evenly over its length,
and the longest that crossed a midnight is remembered, because how its energy divides is not known. A day is
`whole` if registers cover nearly all of it; a day that is only a lower bound, or whose end was guessed, is
never part of a baseline.

Days are counted since 1970 on the plant's clock, which has one offset and no summer time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from evidence.curtailment.energy import HOUR_S, MeterTrack, Segment

DAY_S: Final = 86_400
DAY_HOURS: Final = 24
DAYS_KEPT: Final = 400
"""A year and a month: the same season of the year before is there for whoever doubts a baseline."""
HOURS_KEPT: Final = 31 * 24
"""The off hours of the last 30 days give the base load."""
WHOLE: Final = 0.99
"""Share of a day's seconds that have to be covered: a quarter of an hour around a restart may lack."""
SPREAD_S_MAX: Final = HOUR_S
"""A reading that is more than an hour off midnight could move more than a twentieth of a day."""
LATE_HOURS: Final = 3 * 24
"""A segment longer than three days adds to days, not to hours: they would all be the same guess."""


@frozen
class Amount:
    """The energy of an hour or a day.

    Attributes:
        wh: Energy; at least so much unless it is whole.
        covered_s: Seconds covered, of all meters together.
        bound_s: Seconds that rest on power instead of a register.
        spread_s: The longest segment that crossed an end of it.
    """

    wh: float = 0.0
    covered_s: float = 0.0
    bound_s: float = 0.0
    spread_s: float = 0.0

    def plus(self, wh: float, covered_s: float, bound_s: float, spread_s: float) -> "Amount":
        """With another segment in it."""
        return Amount(
            self.wh + wh, self.covered_s + covered_s, self.bound_s + bound_s, max(self.spread_s, spread_s)
        )


@define(eq=False, repr=False)
class Ledger:
    """The energies of a line that so many meters feed.

    Attributes:
        offset_s: Of the plant's clock.
        meters: How many meters feed the line.
    """

    offset_s: int
    meters: int = 1
    days: dict[int, Amount] = field(factory=dict, init=False)
    hours: dict[int, Amount] = field(factory=dict, init=False)
    touched: int | None = field(default=None, init=False)
    """The first hour that changed since somebody set this to None; whoever keeps the ledger in parts asks."""

    def add(self, segment: Segment) -> None:
        """Add what one meter measured."""
        first = self.hour_of(segment.begin_s)
        self.touched = first if self.touched is None else min(self.touched, first)
        if segment.end_s - segment.begin_s <= LATE_HOURS * HOUR_S:
            self._spread(self.hours, HOUR_S, segment, HOURS_KEPT)
        self._spread(self.days, DAY_S, segment, DAYS_KEPT)

    def _spread(self, into: dict[int, Amount], unit_s: int, segment: Segment, most: int) -> None:
        begin_s, end_s = segment.begin_s + self.offset_s, segment.end_s + self.offset_s
        length_s, before = end_s - begin_s, len(into)
        first, last = int(begin_s // unit_s), int(-(-end_s // unit_s)) - 1
        first = max(first, last - DAYS_KEPT)  # a register that was silent for years fills no memory
        for index in range(first, last + 1):
            part_s = min(end_s, (index + 1) * unit_s) - max(begin_s, index * unit_s)
            share = part_s / length_s
            covered_s = segment.covered_s * share
            into[index] = into.get(index, Amount()).plus(
                segment.wh * share,
                covered_s,
                covered_s if segment.is_bound else 0.0,
                length_s if last > first else 0.0,
            )
        if len(into) > before:
            _drop_old(into, most)

    def is_whole(self, day: int) -> bool:
        """Whether the energy of a day is what flowed, and not less or guessed."""
        amount = self.days.get(day)
        if amount is None:
            return False
        measured_s = amount.covered_s - amount.bound_s
        return measured_s >= WHOLE * DAY_S * self.meters and amount.spread_s <= SPREAD_S_MAX

    def whole_days(self, first: int, last: int) -> Iterator[tuple[int, float]]:
        """Number and Wh of the whole days `first` to `last`, in order."""
        for day in range(max(first, min(self.days, default=first)), last + 1):
            if self.is_whole(day):
                yield day, self.days[day].wh

    def day_of(self, at_s: float) -> int:
        """The day of the plant at a time, UTC."""
        return int((at_s + self.offset_s) // DAY_S)

    def hour_of(self, at_s: float) -> int:
        """The hour of the plant at a time, UTC."""
        return int((at_s + self.offset_s) // HOUR_S)

    def hour_begin_s(self, hour: int) -> int:
        """When an hour begins, UTC."""
        return hour * HOUR_S - self.offset_s

    def mean_w(self, hour: int) -> float | None:
        """The mean power of an hour, None where less than WHOLE of it was measured."""
        amount = self.hours.get(hour)
        if amount is None or amount.covered_s < WHOLE * HOUR_S * self.meters:
            return None
        return amount.wh

    def is_whole_hour(self, hour: int) -> bool:
        """Whether registers cover nearly all of an hour."""
        amount = self.hours.get(hour, Amount())
        return amount.covered_s - amount.bound_s >= WHOLE * HOUR_S * self.meters

    def state(self, since: int = 0) -> dict[str, Any]:
        """Everything from the hour `since` on that `restore` needs, in whole Wh and seconds."""
        return {"days": _to_rows(self.days, since // DAY_HOURS), "hours": _to_rows(self.hours, since)}

    def restore(self, state: Mapping[str, Sequence[Sequence[int]]]) -> None:
        """Continue from `state()`; what is there and not in it stays."""
        self.days |= {int(day): Amount(*map(float, more)) for day, *more in state["days"]}
        self.hours |= {int(hour): Amount(*map(float, more)) for hour, *more in state["hours"]}


def _drop_old(kept: dict[int, Amount], most: int) -> None:
    if len(kept) > most or max(kept) - min(kept) >= most:
        last = max(kept)
        for index in [one for one in kept if one <= last - most]:
            del kept[index]


def _to_rows(amounts: Mapping[int, Amount], since: int) -> list[list[int]]:
    return [
        [index, round(one.wh), round(one.covered_s), round(one.bound_s), round(one.spread_s)]
        for index, one in sorted(amounts.items())
        if index >= since
    ]


@define(eq=False, repr=False)
class LineLedger:
    """A ledger with the tracks of the meters that fill it."""

    ledger: Ledger
    tracks: Mapping[str, MeterTrack]

    @classmethod
    def of(
        cls, meters: Sequence[str], offset_s: int, hold_s: float, full_w: Mapping[str, float] | None = None
    ) -> "LineLedger":
        """An empty one for a line with these meters."""
        scales = full_w or {}
        tracks = {meter: MeterTrack(hold_s, scales.get(meter, 0.0)) for meter in meters}
        return cls(Ledger(offset_s, len(meters)), tracks)

    def add(self, meter: str, at_s: float, wh: float | None, watts: float | None) -> list[Segment]:
        """Take a reading of a meter of this line; what it added."""
        found = list(self.tracks[meter].add(at_s, wh, watts))
        for segment in found:
            self.ledger.add(segment)
        return found

    def state(self, since: int = 0) -> dict[str, Any]:
        """Everything from the hour `since` on that `restore` needs, and the meters."""
        return {
            **self.ledger.state(since),
            "meters": {name: one.state() for name, one in self.tracks.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`; a meter that is new begins anew."""
        self.ledger.restore(state)
        for name, track in self.tracks.items():
            if name in state["meters"]:
                track.restore(state["meters"][name])
