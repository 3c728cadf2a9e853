"""What the chain holds that marks are checked by: powers by the minute, readings of each hour, marks."""

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from agent.judging.line_power import LinePowers, meter_power
from agent.site.file import Site
from agent.site.linkages import find_hold_s
from agent.site.setups import lines_of, setups_of
from drivers.points.registers import Value
from drivers.poll.meter import MeterSetup
from drivers.reading import EMISSIONS, PollGroup
from evidence.cbor import FormatError
from evidence.curtailment.energy import HOUR_S
from evidence.marks.emissions import NORMAL, Said
from evidence.marks.mark import Mark, decode_mark
from evidence.marks.rate import REALTIME_S, Tally
from evidence.marks.truth import Sample
from evidence.record import Kind, ReadingRecord
from evidence.walk import Walk
from provisioning.curtail.history import MS_PER_S, date_s, find_values

MINUTE_S: Final = 60


@define
class Gathered:
    """What was found.

    Attributes:
        marks: Each with when it was sealed, UTC seconds, in the order of the chain.
        refused: Why a MARK record is none, by its place.
        powers: W of each line, one a minute.
        hours: Readings of each meter by hour since 1970, in UTC.
        analysers: What each analyser said of each point, by minute; of several readings the first.
        until_s: The last reading.
    """

    marks: list[tuple[Mark, float]] = field(factory=list)
    refused: list[str] = field(factory=list)
    powers: dict[str, list[Sample]] = field(factory=dict)
    hours: dict[str, dict[int, Tally]] = field(factory=dict)
    analysers: dict[str, dict[str, dict[int, Said]]] = field(factory=dict)
    until_s: float = 0.0

    def latest_marks(self) -> list[tuple[Mark, float]]:
        """The marks that hold: the last of each id, without those that another one supersedes."""
        last = {mark.id: (mark, made_s) for mark, made_s in self.marks}
        gone = {mark.supersedes for mark, _ in last.values()}
        return [one for id_, one in last.items() if id_ not in gone]


def gather(site: Site, walk: Walk) -> Gathered:
    """Go along the chain once.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    setups, found = setups_of(site), Gathered()
    powers = LinePowers(lines_of(site), find_hold_s(site))
    first_s: dict[str, float] = {}
    last_s: dict[str, float] = {}
    for seal in walk.seals():
        for record in seal.decode(Kind.READING, Kind.MARK):
            at_s = date_s(record, seal.header)
            if not isinstance(record, ReadingRecord):
                _take_mark(found, record.body, at_s, seal.header.number)
            elif record.meter in setups and record.group is PollGroup.FAST:
                first_s.setdefault(record.meter, at_s)
                last_s[record.meter] = at_s
                _take_reading(found, record, setups, powers, at_s, seal.header.utc_ms / MS_PER_S)
    for meter, begin_s in first_s.items():
        _expect(found.hours[meter], begin_s, last_s[meter], setups[meter].fast_s)
    found.until_s = max(last_s.values(), default=0.0)
    return found


def _take_mark(found: Gathered, body: Mapping[str, object], at_s: float, seal: int) -> None:
    try:
        found.marks.append((decode_mark(body), at_s))
    except FormatError as error:
        found.refused.append(f"seal {seal}: {error}")


def _take_reading(
    found: Gathered,
    record: ReadingRecord,
    setups: Mapping[str, MeterSetup],
    powers: LinePowers,
    at_s: float,
    sealed_s: float,
) -> None:
    values = find_values(setups, record)
    tally = found.hours.setdefault(record.meter, {}).setdefault(int(at_s // HOUR_S), Tally())
    tally.note(is_good=values is not None, is_in_time=sealed_s - at_s <= REALTIME_S)
    if values is None:
        return
    if setups[record.meter].model.is_analyser:
        _take_emissions(found.analysers.setdefault(record.meter, {}), values, int(at_s // MINUTE_S))
    power = powers.power(record.meter, at_s, meter_power(values))
    if power is None:
        return
    samples = found.powers.setdefault(power.line, [])
    if not samples or at_s // MINUTE_S > samples[-1][0] // MINUTE_S:
        samples.append((at_s, float(power.watts)))


def _take_emissions(points: dict[str, dict[int, Said]], values: Mapping[str, Value], minute: int) -> None:
    """Values with their marks; one without a mark is normal, as analysers of registers have none."""
    for name in EMISSIONS:
        value, mark = values.get(name), values.get(f"{name}_mark", NORMAL)
        if isinstance(value, int | float) or f"{name}_mark" in values:
            number = float(value) if isinstance(value, int | float) else None
            points.setdefault(name.value, {}).setdefault(minute, Said(number, str(mark)))


def _expect(hours: dict[int, Tally], begin_s: float, end_s: float, period_s: float) -> None:
    """How many readings were due in each hour, also in hours without any."""
    for hour in range(int(begin_s // HOUR_S), int(end_s // HOUR_S) + 1):
        length_s = min((hour + 1) * HOUR_S, end_s + period_s) - max(hour * HOUR_S, begin_s)
        hours.setdefault(hour, Tally()).due = max(length_s, 0.0) / period_s
