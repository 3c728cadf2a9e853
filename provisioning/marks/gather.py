"""What the chain holds that marks are checked by: powers by the minute, readings of each hour, marks."""

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from agent.emissions.plant import take_emissions
from agent.judging.line_power import LinePowers, meter_power
from agent.site.file import Site
from agent.site.linkages import find_hold_s
from agent.site.setups import lines_of, setups_of
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality
from evidence.cbor import FormatError
from evidence.curtailment.energy import HOUR_S
from evidence.marks.absences import Span, Started, is_loss
from evidence.marks.emissions import Said
from evidence.marks.mark import Mark, decode_mark
from evidence.marks.rate import REALTIME_S, Tally
from evidence.marks.truth import Sample
from evidence.record import Kind, ReadingRecord
from provisioning.curtail.history import MS_PER_S, Seals, date_s, find_values

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
        silences: Times without a good reading, by meter, that are losses of contact.
        starts: The agent's starts, but for the first that is seen.
        until_s: The last reading.
    """

    marks: list[tuple[Mark, float]] = field(factory=list)
    refused: list[str] = field(factory=list)
    powers: dict[str, list[Sample]] = field(factory=dict)
    hours: dict[str, dict[int, Tally]] = field(factory=dict)
    analysers: dict[str, dict[str, dict[int, Said]]] = field(factory=dict)
    silences: dict[str, list[Span]] = field(factory=dict)
    starts: list[Started] = field(factory=list)
    until_s: float = 0.0

    def latest_marks(self) -> list[tuple[Mark, float]]:
        """The marks that hold: the last of each id, without those that another one supersedes."""
        last = {mark.id: (mark, made_s) for mark, made_s in self.marks}
        gone = {mark.supersedes for mark, _ in last.values()}
        return [one for id_, one in last.items() if id_ not in gone]


def gather(site: Site, walk: Seals) -> Gathered:
    """Go along the chain once.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    setups, found = setups_of(site), Gathered()
    powers = LinePowers(lines_of(site), find_hold_s(site))
    first_s: dict[str, float] = {}
    last_s: dict[str, float] = {}
    good_s: dict[str, float] = {}
    alive = _Alive()
    for seal in walk.seals():
        for record in seal.decode(Kind.READING, Kind.MARK, Kind.BOOT):
            at_s = date_s(record, seal.header)
            if not isinstance(record, ReadingRecord):
                if record.kind is Kind.MARK:
                    _take_mark(found, record.body, at_s, seal.header.number)
                else:
                    found.starts += alive.start(at_s, seal.header.boot_id)
            elif record.meter in setups and record.group is PollGroup.FAST:
                first_s.setdefault(record.meter, at_s)
                last_s[record.meter] = at_s
                _take_reading(found, record, setups, powers, at_s, seal.header.utc_ms / MS_PER_S)
                if record.quality is Quality.GOOD:
                    _note_good(found, good_s, record.meter, at_s, setups[record.meter].fast_s)
        alive.note(seal.header.utc_ms / MS_PER_S, seal.header.boot_id)
    for meter, begin_s in first_s.items():
        _expect(found.hours[meter], begin_s, last_s[meter], setups[meter].fast_s)
    found.until_s = max(last_s.values(), default=0.0)
    for meter in first_s:  # a silence that lasts
        _note_good(found, good_s, meter, found.until_s, setups[meter].fast_s)
    return found


@define
class _Alive:
    """The agent's last sign of life: the last seal, and the boot that it is of."""

    _at_s: float | None = None
    _boot_id: bytes = b""

    def note(self, at_s: float, boot_id: bytes) -> None:
        self._at_s, self._boot_id = at_s, boot_id

    def start(self, at_s: float, boot_id: bytes) -> list[Started]:
        """The start at `at_s`, if it is not the first."""
        if self._at_s is None:
            return []
        return [Started(min(self._at_s, at_s), at_s, boot_id != self._boot_id)]


def _note_good(found: Gathered, good_s: dict[str, float], meter: str, at_s: float, period_s: float) -> None:
    before_s = good_s.get(meter)
    if before_s is not None and is_loss(at_s - before_s, period_s):
        found.silences.setdefault(meter, []).append((before_s, at_s))
    good_s[meter] = at_s


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
        take_emissions(found.analysers.setdefault(record.meter, {}), values, int(at_s // MINUTE_S))
    power = powers.power(record.meter, at_s, meter_power(values))
    if power is None:
        return
    samples = found.powers.setdefault(power.line, [])
    if not samples or at_s // MINUTE_S > samples[-1][0] // MINUTE_S:
        samples.append((at_s, float(power.watts)))


def _expect(hours: dict[int, Tally], begin_s: float, end_s: float, period_s: float) -> None:
    """How many readings were due in each hour, also in hours without any."""
    for hour in range(int(begin_s // HOUR_S), int(end_s // HOUR_S) + 1):
        length_s = min((hour + 1) * HOUR_S, end_s + period_s) - max(hour * HOUR_S, begin_s)
        hours.setdefault(hour, Tally()).due = max(length_s, 0.0) / period_s
