"""From verified readings to the packets of a host: real time values, minutes, hours and days. Pure.

An interval begins at full local time, and DataTime is its begin. It is made once, when all readings of its
gateway up to its end have come (`centre.hj212.wholeness`), or HOLD_MS after its end with what there is. Real
time values are the first of their interval, so that DataTime is their time within one reading.

A minute of a meter is normal if it had a good reading in it. An interval is normal (N) if three quarters of
its minutes are; of water every one must be. What is not normal is B, lost contact: the centre knows of no
other reason. Values that were not measured are left out; nothing is made up for them.

A repetition of the same readings makes the same packets; the queue keeps each only once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from drivers.hj212.numbers import Command, System
from drivers.hj212.packet import DATA_TIME, Edition, Mark
from drivers.hj212.times import MS_PER_H, MS_PER_S, write_time
from wire.platforms.codes import Value
from wire.platforms.hosts import Host, Meter, Series, Span, Station, list_series

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
HOLD_MS: Final = DAY_MS
"""How long an interval waits for bodies that are missing, or for a gateway that is silent."""
MARK_SUFFIX: Final = "_mark"
"""Of the point that has the analyser's mark of another (`drivers/models/loggers`)."""
NORMAL_MIN: Final = 0.75
"""Share of normal minutes of flue gas; electricity is judged alike."""
GOOD: Final = "good"
_COMMANDS: Final[Mapping[Span, Command]] = {
    Span.REAL: Command.REAL,
    Span.MINUTE: Command.MINUTE,
    Span.HOUR: Command.HOUR,
    Span.DAY: Command.DAY,
}
KWH_PER_WH: Final = 1e-3


@frozen
class Made:
    """A packet for the queue.

    Attributes:
        due_ms: UTC ms at which it could be made at the earliest: the end of its interval.
    """

    station: str
    st: str
    cn: str
    data_time: str
    region: str
    due_ms: int


@define(eq=False, repr=False)
class _Values:
    """Of one code in one interval."""

    count: int = 0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    first: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    marks: Counter[str] = field(factory=Counter)

    def add(self, at_ms: int, value: float, mark: str) -> None:
        """A value and the mark that its analyser gave it; in any order."""
        self.count += 1
        self.marks[mark] += 1
        self.total += value
        self.low, self.high = min(self.low, value), max(self.high, value)
        if self.first is None or at_ms < self.first[0]:
            self.first = (at_ms, value)
        if self.last is None or at_ms >= self.last[0]:
            self.last = (at_ms, value)


@define(eq=False, repr=False)
class _Bin:
    """One station in one interval: values by meter and code, and minutes by meter as bits."""

    sequence: int
    values: dict[tuple[str, str, str], _Values] = field(factory=dict)
    good: dict[str, int] = field(factory=dict)
    bad: dict[str, int] = field(factory=dict)
    running: dict[str, int] = field(factory=dict)
    state: dict[str, tuple[int, bool]] = field(factory=dict)


_Key = tuple[Span, int, int]
"""Kind, begin in UTC ms, number of the station."""


@define(eq=False, repr=False)
class Maker:
    """Makes the packets of one host.

    Attributes:
        since_ms: Intervals that begin before are not made.
    """

    host: Host
    since_ms: int
    _bins: dict[_Key, _Bin] = field(init=False, factory=dict)
    _series: dict[tuple[int, str], tuple[Series, ...]] = field(init=False)
    _of_meter: dict[tuple[str, str], list[tuple[int, Meter]]] = field(init=False, factory=dict)
    _midnight: dict[tuple[int, str, str], tuple[int, float]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        stations = list(enumerate(self.host.stations))
        self._series = {
            (at, meter.id): tuple(list_series(self.host, station, meter))
            for at, station in stations
            for meter in station.meters
        }
        for at, station in stations:
            for meter in station.meters:
                self._of_meter.setdefault((station.gateway, meter.id), []).append((at, meter))

    def add(self, line: Mapping[str, Any], at_ms: int, sequence: int) -> None:
        """Take a line of a reading at this time; `sequence` says in which piece of the feed it came."""
        for station, meter in self._of_meter.get((line["gateway"], line["meter"]), ()):
            for span in self.host.spans:
                begin = self._begin(span, at_ms)
                if begin >= self.since_ms:
                    bin_ = self._bins.setdefault((span, begin, station), _Bin(sequence))
                    self._put(bin_, station, meter, line, at_ms, begin)

    def close(self, is_whole: Callable[[str, int, int], bool], held_ms: int) -> Iterator[Made]:
        """The packets of intervals that are complete, or ended by `held_ms`, oldest first; forgotten then."""
        for key in sorted(self._bins, key=lambda one: (one[1], one[0].value, one[2])):
            span, begin, at = key
            station, end = self.host.stations[at], begin + self._length(span)
            if is_whole(station.gateway, begin, end) or end <= held_ms:
                yield from self._make(self._bins.pop(key), span, begin, at)

    def needed(self) -> set[int]:
        """The pieces of the feed in which open intervals begin."""
        return {one.sequence for one in self._bins.values()}

    def oldest_ms(self) -> int | None:
        """The earliest begin of an open interval."""
        return min((begin for _, begin, _ in self._bins), default=None)

    # ---- time

    def _length(self, span: Span) -> int:
        terms = self.host.terms
        lengths = {
            Span.REAL: terms.real_s * MS_PER_S,
            Span.MINUTE: terms.minute_min * MINUTE_MS,
            Span.HOUR: MS_PER_H,
        }
        return lengths.get(span, DAY_MS)

    def _begin(self, span: Span, at_ms: int) -> int:
        offset, length = int(self.host.terms.offset_h * MS_PER_H), self._length(span)
        return (at_ms + offset) // length * length - offset

    # ---- values

    def _put(
        self, bin_: _Bin, station: int, meter: Meter, line: Mapping[str, Any], at_ms: int, begin: int
    ) -> None:
        bit = 1 << (at_ms - begin) // MINUTE_MS
        if line["quality"] != GOOD:
            bin_.bad[meter.id] = bin_.bad.get(meter.id, 0) | bit
            return
        bin_.good[meter.id] = bin_.good.get(meter.id, 0) | bit
        values = line["values"]
        power = values.get("active_power")
        if meter.running_w is not None and _is_number(power):
            runs = power >= meter.running_w
            before = bin_.state.get(meter.id)
            if before is None or at_ms < before[0]:
                bin_.state[meter.id] = (at_ms, runs)
            if runs:
                bin_.running[meter.id] = bin_.running.get(meter.id, 0) | bit
        for series in self._series[station, meter.id]:
            value = _pick(series, values)
            if value is None:
                continue
            if series.code.value is Value.DAY:
                value = self._of_day(station, meter.id, series.name, at_ms, value)
            key = (meter.id, series.st, series.name)
            bin_.values.setdefault(key, _Values()).add(at_ms, value, _pick_mark(series, values))

    def _of_day(self, station: int, meter: str, name: str, at_ms: int, value: float) -> float:
        """What a counter has grown since the first reading of the local day that is known."""
        day = self._begin(Span.DAY, at_ms)
        known = self._midnight.get((station, meter, name))
        if known is None or known[0] != day:
            known = self._midnight[station, meter, name] = (day, value)
        return max(value - known[1], 0.0)

    # ---- packets

    def _make(self, bin_: _Bin, span: Span, begin: int, at: int) -> Iterator[Made]:
        station, length = self.host.stations[at], self._length(span)
        groups: dict[tuple[str, str], list[str]] = {}
        for meter in station.meters:
            mark = _mark(bin_, meter.id, station.st, length)
            for series in self._series[at, meter.id]:
                values = bin_.values.get((meter.id, series.st, series.name))
                text = _write(values, series, span, _mark_as_analyser(values, mark, station.st))
                if text:
                    groups.setdefault((series.st, _COMMANDS[span]), []).append(text)
            for st, cn, text in self._write_states(bin_, meter, station, span):
                groups.setdefault((st, cn), []).append(text)
        data_time = write_time(begin, self.host.terms.offset_h)
        for (st, cn), texts in groups.items():
            region = ";".join([f"{DATA_TIME}={data_time}", *texts])
            yield Made(station.name, st, cn, data_time, region, begin + length)

    def _write_states(
        self, bin_: _Bin, meter: Meter, station: Station, span: Span
    ) -> Iterator[tuple[str, str, str]]:
        """Whether it ran: ST=45, which 2017 does not have, SBn-RS and SBn-RT."""
        state, codes = bin_.state.get(meter.id), self.host.codes
        condition = meter.condition if self.host.terms.edition >= Edition.Y2025 else ""
        if span is Span.REAL and condition and (state is not None or meter.id in bin_.bad):
            mark = codes.lost if state is None else codes.running if state[1] else codes.stopped
            yield System.CONDITIONS, Command.REAL, f"{condition}-Rtd={mark}"
        if span is Span.REAL and meter.equipment and state is not None:
            yield station.st, Command.STATES, f"SB{meter.equipment}-RS={int(state[1])}"
        if span is Span.DAY and meter.equipment and meter.id in bin_.good:
            hours = bin_.running.get(meter.id, 0).bit_count() / 60
            yield station.st, Command.DAY_STATES, f"SB{meter.equipment}-RT={hours:.2f}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pick(series: Series, values: Mapping[str, Any]) -> float | None:
    """The value of a code in the values of a reading; energy in kWh."""
    found = [float(values[point]) for point in series.code.points if _is_number(values.get(point))]
    if not found:
        return None
    value = sum(found) / len(found) if series.code.value is Value.MEAN_OF_POINTS else found[0]
    is_energy = series.code.value in {Value.TOTAL, Value.DAY}
    return value * KWH_PER_WH if is_energy else value


def _pick_mark(series: Series, values: Mapping[str, Any]) -> str:
    """What an analyser says its value is worth; normal where it says nothing."""
    mark = values.get(f"{series.code.points[0]}{MARK_SUFFIX}", Mark.NORMAL)
    return mark if mark in set(Mark) else Mark.NORMAL


def _mark_as_analyser(values: _Values | None, mark: Mark, st: str) -> Mark:
    """The mark of an interval that is normal by its readings: the analyser's commonest where too few are."""
    if mark is not Mark.NORMAL or values is None:
        return mark
    others = Counter({one: count for one, count in values.marks.items() if one != Mark.NORMAL})
    if not others or values.marks[Mark.NORMAL] >= _least_normal(st) * values.count:
        return mark
    return Mark(min(others, key=lambda one: (-others[one], one)))


def _least_normal(st: str) -> float:
    return 1.0 if st == System.WATER_EMISSIONS else NORMAL_MIN


def _mark(bin_: _Bin, meter: str, st: str, length: int) -> Mark:
    """What an interval of a meter is worth."""
    minutes = max(length // MINUTE_MS, 1)
    good = bin_.good.get(meter, 0).bit_count() / minutes
    return Mark.NORMAL if good >= _least_normal(st) else Mark.LOST_CONTACT


def _write(values: _Values | None, series: Series, span: Span, mark: Mark) -> str:
    """The items of a code; "" if there is nothing to tell."""
    name, digits = series.name, series.code.decimals
    if values is None or values.first is None or values.last is None:
        return f"{name}-Flag={mark}" if mark is not Mark.NORMAL else ""
    if span is Span.REAL:
        return f"{name}-Rtd={values.first[1]:.{digits}f},{name}-Flag={mark}"
    if series.code.value in {Value.TOTAL, Value.DAY}:
        grown = values.last[1] - values.first[1]
        return f"{name}-Cou={max(grown, 0.0):.{digits}f},{name}-Flag={mark}"
    mean = values.total / values.count
    items = (("Min", values.low), ("Avg", mean), ("Max", values.high))
    return ",".join([*(f"{name}-{what}={value:.{digits}f}" for what, value in items), f"{name}-Flag={mark}"])
