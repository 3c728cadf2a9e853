"""Turns readings into episodes, with the same result live and when the records are read again.

The detector's time is the time since boot plus an offset that is fixed once for each boot and written into
its BOOT record, so setting the wall clock can neither hide a gap nor make one. It is UTC as the gateway knew
it when the boot began, and never runs back, with one exception: a boot whose clock had not been set,
or was behind the records, gets a new offset when its clock is first synchronised (`redate`). The
CLOCK record has both offsets, so that a reader can correct earlier times; the detector starts over there.

The detector gets only time and readings that become records. After a restart the records after the
last checkpoint are read again with `replay`, which restores the detector's state: a recorded episode
is not recorded twice, and one that was found but never sealed is recorded now.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cbor2
from attrs import define, field

from agent.detect.detector import Detector
from agent.detect.episode import SEVERITIES, Episode, Rule
from agent.detect.params import IncomerParams, LinkageParams
from agent.detect.slots import HOLD_S
from agent.detect.status import AFTER_S, EarlyWarning, PlantWarning
from agent.judging.line_power import LinePowers, meter_power
from agent.status.load_history import LoadHistory
from drivers.clock import ClockState, Stamp
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import Kind, ReadingRecord, Record

RECORDED_MAX: Final = 1000
"""Episodes remembered as recorded; a replay of minutes cannot bring back more."""
NS_PER_MS: Final = 1_000_000
MS_PER_S: Final = 1000

REDATE_MS: Final = 60_000
"""An offset that is wrong by less than this is kept: nobody is misled, and the detector goes on."""
EARLIEST_MS: Final = 1_735_689_600_000
"""2025-01-01, before this software was written: no clock is synchronised to an earlier time."""

CHECKPOINT_VERSION: Final = 4
CHECKPOINT_VERSION_BEFORE: Final = 3
"""Its episodes had the severity of their rule."""
_KEY_PARTS: Final = 5


@define(eq=False, repr=False)
class DetectorFeed:
    """Feeds the detector; see the module.

    Attributes:
        detector: None for a site without linkages.
        setups: The meters of the site by id.
        lines: The line that each meter feeds.
        incomer: The metered incomer, None where there is none.
        after_s: How much treatment must be lacking before an early warning.
        hold_s: How long a reading of one meter counts for the sum of its line.
        judged: The lines that the detector needs.
    """

    detector: Detector | None
    setups: Mapping[str, MeterSetup]
    lines: Mapping[str, str]
    linkages: Sequence[LinkageParams]
    incomer: IncomerParams | None = None
    after_s: float = AFTER_S
    hold_s: float = HOLD_S
    judged: frozenset[str] = field(init=False)
    load_history: LoadHistory = field(factory=LoadHistory, init=False)
    _feed: LinePowers = field(init=False)
    _early: EarlyWarning = field(init=False)
    _warnings: list[PlantWarning] = field(factory=list, init=False)
    _offset_ms: int = field(default=0, init=False)
    _boot_id: bytes = field(default=b"", init=False)
    _latest_ms: int = field(default=0, init=False)
    _undated: bool = field(default=False, init=False)
    _recorded: dict[tuple[str, ...], None] = field(factory=dict, init=False)
    _unrecorded: list[Episode] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._feed = LinePowers(self.lines, self.hold_s)
        names = self.detector.names if self.detector else {}
        self._early = EarlyWarning({one.linkage: one for one in self.linkages}, self.after_s, names=names)
        judged = {line.id for linkage in self.linkages for line in linkage.lines}
        if self.incomer:
            judged |= {self.incomer.incomer.id, *self.incomer.lines}
        self.judged = frozenset(judged)

    @property
    def offset_ms(self) -> int:
        """UTC less the time since this boot."""
        return self._offset_ms

    def boot(self, stamp: Stamp) -> int:
        """Start or continue a boot; returns its offset, ms: the old one within a boot, else a new one."""
        if stamp.boot_id != self._boot_id:
            boottime_ms = stamp.boottime_ns // NS_PER_MS
            utc_ms = stamp.utc_ns // NS_PER_MS
            offset_ms = max(utc_ms, self._latest_ms) - boottime_ms
            self._begin(stamp.boot_id, offset_ms, utc_ms - boottime_ms, stamp.clock_state)
        return self._offset_ms

    def redate(self, stamp: Stamp) -> tuple[int, int] | None:
        """Give the boot a new offset if it is due; returns the offsets before and from now on, ms."""
        if not self._undated or stamp.clock_state is not ClockState.SYNCHRONISED:
            return None
        utc_ms = stamp.utc_ns // NS_PER_MS
        before_ms, offset_ms = self._offset_ms, utc_ms - stamp.boottime_ns // NS_PER_MS
        if utc_ms < EARLIEST_MS:
            return None
        self._undated = False
        if abs(offset_ms - before_ms) <= REDATE_MS:
            return None
        self._count_from(offset_ms, utc_ms)
        return before_ms, offset_ms

    def reading(self, reading: Reading) -> None:
        """Take a reading that was just made."""
        if reading.group is PollGroup.FAST and reading.quality is Quality.GOOD:
            self._blocks(reading.meter, reading.stamp.boottime_ns // NS_PER_MS, reading.blocks)

    def advance(self, stamp: Stamp) -> list[Episode]:
        """Advance the time; returns the episodes found by now that are not recorded yet."""
        self._advance_to(stamp.boottime_ns // NS_PER_MS)
        episodes = [episode for episode in self._unrecorded if _key(episode) not in self._recorded]
        self._unrecorded.clear()
        for episode in episodes:
            self._note(_key(episode))
        return episodes

    def warnings(self) -> list[PlantWarning]:
        """The early warnings since the last call."""
        found, self._warnings = self._warnings, []
        return found

    def replay(self, record: Record | ReadingRecord) -> None:
        """Take one of our own records from after the checkpoint; in order."""
        if isinstance(record, ReadingRecord):
            if record.group is PollGroup.FAST and record.quality is Quality.GOOD:
                self._blocks(record.meter, record.boottime_ms, record.blocks)
            return
        if record.kind is Kind.BOOT:
            boot_id, offset_ms = bytes(record.body["boot_id"]), int(record.body["offset_ms"])
            if boot_id != self._boot_id:
                self._begin(boot_id, offset_ms, record.utc_ms - record.boottime_ms, record.clock_state)
            self._offset_ms = offset_ms
        elif record.kind is Kind.CLOCK and "offset_ms" in record.body:
            self._undated = False
            self._count_from(int(record.body["offset_ms"]), record.utc_ms)
        elif record.kind is Kind.EPISODE:
            body = record.body
            parts = (str(body[name]) for name in ("id", "rule", "state", "severity"))
            self._note((*parts, _times(body["numbers"])))
            return
        self._advance_to(record.boottime_ms)
        self._warnings.clear()  # of the past: the plant got them then

    def checkpoint(self) -> bytes:
        """Everything that `restore` needs, as CBOR."""
        return cbor2.dumps(
            {
                "version": CHECKPOINT_VERSION,
                "detector": self.detector.checkpoint() if self.detector else b"",
                "feed": self._feed.state(),
                "offset_ms": self._offset_ms,
                "boot_id": self._boot_id,
                "latest_ms": self._latest_ms,
                "undated": self._undated,
                "told": [list(key) for key in self._recorded],
                "warned": self._early.open,
            }
        )

    def restore(self, raw: bytes) -> None:
        """Continue from a checkpoint.

        Raises:
            ValueError: It is of another version of the agent.
        """
        state: dict[str, Any] = cbor2.loads(raw)
        if state.get("version") not in {CHECKPOINT_VERSION_BEFORE, CHECKPOINT_VERSION}:
            raise ValueError(f"checkpoint of version {state.get('version')}, not {CHECKPOINT_VERSION}")
        if self.detector and state["detector"]:
            self.detector.restore(state["detector"])
        self._feed.restore(state["feed"])
        self._offset_ms = state["offset_ms"]
        self._boot_id = state["boot_id"]
        self._latest_ms = state["latest_ms"]
        self._undated = state.get("undated", False)
        self._recorded = {_with_severity(key): None for key in state["told"]}
        known = self._early.params
        self._early.open = {name: since for name, since in state["warned"].items() if name in known}

    def _begin(self, boot_id: bytes, offset_ms: int, wall_ms: int, clock_state: ClockState) -> None:
        """Begin a boot with its offset; `wall_ms` is the offset by the wall clock alone."""
        self._boot_id, self._offset_ms = boot_id, offset_ms
        self.load_history.clear()
        self._undated = clock_state is ClockState.UNSYNCHRONISED or offset_ms - wall_ms > REDATE_MS

    def _count_from(self, offset_ms: int, utc_ms: int) -> None:
        self._offset_ms, self._latest_ms = offset_ms, utc_ms
        self._feed = LinePowers(self.lines, self.hold_s)
        if self.detector:
            self.detector.restart(utc_ms / MS_PER_S)

    def _blocks(self, meter: str, boottime_ms: int, blocks: tuple[Block, ...]) -> None:
        setup = self.setups.get(meter)
        if setup is None:  # a meter of an older site file
            return
        meter_now = meter_power(setup.model.decode(blocks, setup.ct_ratio, setup.pt_ratio))
        power = self._feed.power(meter, (boottime_ms + self._offset_ms) / MS_PER_S, meter_now)
        if power is None:
            return
        self.load_history.add(power.line, boottime_ms, power.watts)
        if self.detector and power.line in self.judged:
            channels = {"pf": power.pf, "current_a": power.current_a, "voltage_v": power.voltage_v}
            self.detector.sample(power.line, power.at_s, power.watts, **channels)
            if power.lost_phase is not None:
                self.detector.mark_phase(power.line, power.lost_phase)

    def _advance_to(self, boottime_ms: int) -> None:
        self._latest_ms = max(self._latest_ms, boottime_ms + self._offset_ms)
        if self.detector:
            at_s = self._latest_ms / MS_PER_S
            self._unrecorded += self.detector.advance(at_s)
            self._warnings += self._early.update(self.detector.status(), at_s)

    def _note(self, key: tuple[str, ...]) -> None:
        self._recorded[key] = None
        while len(self._recorded) > RECORDED_MAX:
            del self._recorded[next(iter(self._recorded))]


def _key(episode: Episode) -> tuple[str, ...]:
    return episode.id, episode.rule, episode.state, episode.severity, _times(episode.numbers)


def _with_severity(key: Sequence[str]) -> tuple[str, ...]:
    """A key as this version has it."""
    if len(key) == _KEY_PARTS:
        return tuple(key)
    id_, rule, state, times = key
    return id_, rule, state, SEVERITIES[Rule(rule)].value, times


def _times(numbers: Mapping[str, Any]) -> str:
    """How often an episode was raised again: each time is recorded."""
    return str(numbers.get("reopened", 0))
