"""One day of a plant from its sealed records: the load of every line, its episodes, its silences.

Pure: takes seals in order, gives the numbers to draw. A day begins at midnight of the plant's own zone.
Loads are what the meters measured, summed to lines as the agent sums them (`agent.judging.line_power`) and
kept as the least and greatest of each of COLUMNS columns, so that a day takes 8 kB a line at most.
Times are the wall clock of the records: setting it in the middle of the day shows as a gap, or as two
loads in one column.

Readings are decoded with the site file of today; a meter whose model was changed since is left out until
then.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, evolve, field, frozen

from agent.judging.line_power import LinePowers, meter_power
from drivers.points.model import Model
from drivers.poll.meter import MeterSetup
from drivers.reading import POWER_POINT, PollGroup, Quality
from evidence.cbor import FormatError
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord, Record, decode_record, kind_of
from evidence.seal import SealHeader
from provisioning.pages.plot_data import Load

DAY_S: Final = 86_400
COLUMNS: Final = 480
"""Three minutes each, about a pixel of a drawing."""
COLUMN_S: Final = DAY_S / COLUMNS
STEP_S: Final = 30
"""From one seal whose readings are drawn to the next, 6 to 15 per column. All of them would be 350,000
readings of twenty meters, a minute of a small gateway; every body is opened all the same, for episodes."""
STRAY_ONE_IN: Final = 6
"""Seals in between, picked by number, so that a meter in step with STEP_S is not always missed."""
SILENT_S: Final = 180
"""Longer without a seal is silence: heartbeats come every minute unless the site file differs."""
EPISODES_MAX: Final = 200
"""Episodes of a day; the oldest are dropped."""
MS_PER_S: Final = 1000
_ALWAYS: Final = {Kind.HEARTBEAT, Kind.EPISODE}
_WITH_READINGS: Final = {*_ALWAYS, Kind.READING}
_MIX: Final = 0x9E3779B1
"""Spreads consecutive numbers."""


@frozen
class Heartbeat:
    """What the agent last sealed about itself."""

    at_s: float
    body: Mapping[str, Any]


@define
class Day:
    """The day that begins at `begin_s`, up to seal `last`.

    Attributes:
        setups, lines: The meters of the site, and the line that each of them feeds.
        last, last_s: The last seal that was taken, 0 before the first, and when it was made.
        loads: By line.
        episodes: By id, each in its last state.
        silences: From when to when no seal was made.
        unread: Bodies that are not held, or could not be opened.
    """

    begin_s: float
    setups: Mapping[str, MeterSetup]
    lines: Mapping[str, str]
    silent_s: float = SILENT_S
    last: int = 0
    last_s: float | None = None
    loads: dict[str, Load] = field(factory=dict)
    episodes: dict[str, Mapping[str, Any]] = field(factory=dict)
    silences: list[tuple[float, float]] = field(factory=list)
    beat: Heartbeat | None = None
    unread: int = 0
    _drawn_s: float = field(default=0.0, init=False)
    _powers: LinePowers = field(init=False)
    _models: dict[str, Model] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._powers = LinePowers(self.lines)
        self._models = {name: power_of(one.model) for name, one in self.setups.items() if name in self.lines}

    @property
    def end_s(self) -> float:
        """Midnight."""
        return self.begin_s + DAY_S

    def take(self, header: SealHeader, records: Sequence[bytes] | None) -> None:
        """Take the next seal; `records` None where its body is not held or not what was sealed."""
        made_s = header.utc_ms / MS_PER_S
        if self.last_s is not None and made_s - self.last_s > self.silent_s:
            self.silences.append((self.last_s, made_s))
        self.last, self.last_s = header.number, made_s
        if records is None:
            self.unread += 1
            return
        kinds = _ALWAYS
        if abs(made_s - self._drawn_s) >= STEP_S or (header.number * _MIX >> 16) % STRAY_ONE_IN == 0:
            kinds, self._drawn_s = _WITH_READINGS, made_s
        for raw in records:
            if kind_of(raw) in kinds:
                self._take_record(raw)

    def _take_record(self, raw: bytes) -> None:
        try:
            record = decode_record(raw)
        except FormatError:  # of another version
            self.unread += 1
            return
        if isinstance(record, ReadingRecord):
            self._take_reading(record)
        elif record.kind is Kind.HEARTBEAT:
            self.beat = Heartbeat(record.utc_ms / MS_PER_S, record.body)
        else:
            self._take_episode(record)

    def _take_episode(self, record: Record) -> None:
        id_ = str(record.body.get("id"))
        self.episodes.pop(id_, None)
        self.episodes[id_] = record.body
        if len(self.episodes) > EPISODES_MAX:
            del self.episodes[next(iter(self.episodes))]

    def _take_reading(self, record: ReadingRecord) -> None:
        setup, model = self.setups.get(record.meter), self._models.get(record.meter)
        if record.group is not PollGroup.FAST or record.quality is not Quality.GOOD:
            return
        if setup is None or model is None or setup.model.hash[:MODEL_ID_BYTES] != record.model:
            return
        measured = meter_power(model.decode(record.blocks, setup.ct_ratio, setup.pt_ratio))
        power = self._powers.power(record.meter, record.utc_ms / MS_PER_S, measured)
        if power is None or not self.begin_s <= power.at_s < self.end_s:
            return
        column = min(int((power.at_s - self.begin_s) / COLUMN_S), COLUMNS - 1)
        self.loads.setdefault(power.line, Load.of(COLUMNS)).add(column, power.watts)


def power_of(model: Model) -> Model:
    """`model` with nothing but its active power: a day of twenty meters has 300,000 readings to decode."""
    wanted = {POWER_POINT} | {point.scale_point for point in model.points if point.name == POWER_POINT}
    return evolve(model, points=tuple(point for point in model.points if point.name in wanted))


def begin_of_day(at_s: float, offset_s: int) -> float:
    """The midnight before `at_s` in the zone."""
    return (at_s + offset_s) // DAY_S * DAY_S - offset_s
