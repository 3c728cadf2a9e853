"""What polling has learned, kept over restarts and told in the chain.

`learned.json` in the state folder: {"version": 1, "buses": {id: see `drivers.poll.learned`}}. It is written
whole, at most every WRITE_S and at the end, when more than the speed of meters has changed. A file that is
damaged or of another form is set at naught: everything is learned anew, and the log says so. Nothing that
is evidence rests on it.

In the chain a MANIFEST record tells it beside those of the start, at the start if there is something to tell,
at once when points vanish or return (but not within TELL_AT_ONCE_S of the last), and else at most hourly:

    {"learned": {"buses": {id: {"pause_s", "gateway_s"}},
                 "meters": {id: {"slowest_s", "pause_s", "registers_max", "left_out": {point: why}}}}}
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field

from agent.sealing.source import NewRecord, RecordSource
from disk.files import replace_file
from disk.tables import TableError, parse_json, read_text
from drivers.clock import NS_PER_S, Stamp
from drivers.poll.learned import LearnedBus, name_points
from drivers.poll.setup import MeterSetup
from evidence.record import Kind

NAME: Final = "learned.json"
VERSION: Final = 1
BYTES_MAX: Final = 1024 * 1024
"""A thousand meters with a dozen holes each."""
WRITE_S: Final = 300.0
"""A flash is spared; what a crash takes of it is learned again within minutes."""
LOOK_S: Final = 10.0
"""Between two looks at what is known: as long as a bus takes to say it anew (`agent.bus_loop`)."""
TELL_S: Final = 3600.0
TELL_AT_ONCE_S: Final = 60.0

LOG: Final = logging.getLogger("dianjian.learned")
Learned = Mapping[str, LearnedBus]
"""By bus."""


def read_learned(folder: Path) -> dict[str, LearnedBus]:
    """What the last run has left; nothing where that cannot be read."""
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        table = parse_json(read_text(path, BYTES_MAX))
    except TableError as error:
        LOG.warning("%s: %s; the meters are learned anew", path, error)
        return {}
    found: dict[str, LearnedBus | None] = {"": None}
    if isinstance(table, dict) and table.keys() == {"version", "buses"} and table["version"] == VERSION:
        buses = table["buses"]
        if isinstance(buses, dict):
            found = {name: LearnedBus.from_plain(one) for name, one in buses.items()}
    if None in found.values():
        LOG.warning("%s: not what this version writes; the meters are learned anew", path)
        return {}
    return {name: one for name, one in found.items() if one is not None}


def write_learned(folder: Path, learned: Learned) -> None:
    """Write what was learned; raises OSError if the disk does not take it."""
    table = {"version": VERSION, "buses": {name: bus.to_plain() for name, bus in learned.items()}}
    replace_file(folder / NAME, json.dumps(table, sort_keys=True).encode(), 0o600)


def describe_meter(learned: LearnedBus, meter: str, setup: MeterSetup) -> dict[str, Any]:
    """What was learned of one meter, for people and records; {} if nothing."""
    known = learned.meters.get(meter)
    if known is None:
        return {}
    plain = known.to_plain()
    told: dict[str, Any] = {
        name: plain[name] for name in ("slowest_s", "pause_s", "registers_max") if name in plain
    }
    left_out = name_points(setup.model, known.missing) if known.missing else {}
    return {**told, "left_out": left_out} if left_out else told


@define(eq=False, repr=False)
class Learning(RecordSource):
    """See the module.

    Attributes:
        folder: The state folder.
        setups: The meters, by id.
        now: What is known at present, by bus.
    """

    folder: Path
    setups: Mapping[str, MeterSetup]
    now: Callable[[], Learned]
    _written: dict[str, LearnedBus] = field(factory=dict, init=False)
    _written_ns: int = field(default=0, init=False)
    _told: dict[str, Any] = field(factory=dict, init=False)
    _told_ns: int = field(default=0, init=False)
    _looked_ns: int = field(default=0, init=False)

    def start(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """What is known from the last run."""
        learned = self.now()
        self._written = _without_speed(learned)
        self._written_ns = self._told_ns = self._looked_ns = stamp.boottime_ns
        body = self._describe(learned)
        if _essence(body):
            yield self._tell(body, stamp)

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """Write and tell what has changed."""
        if stamp.boottime_ns - self._looked_ns < LOOK_S * NS_PER_S:
            return
        self._looked_ns = stamp.boottime_ns
        learned = self.now()
        if stamp.boottime_ns - self._written_ns >= WRITE_S * NS_PER_S:
            self._written_ns = stamp.boottime_ns
            if (bare := _without_speed(learned)) != self._written:
                self._keep(learned)
                self._written = bare
        body, since_ns = self._describe(learned), stamp.boottime_ns - self._told_ns
        has_vanished = _points(body) != _points(self._told) and since_ns >= TELL_AT_ONCE_S * NS_PER_S
        if has_vanished or (since_ns >= TELL_S * NS_PER_S and _essence(body) != _essence(self._told)):
            yield self._tell(body, stamp)

    def on_stop(self, tip: int, /) -> None:
        """Keep it for the next start."""
        del tip
        learned = self.now()
        if any(bus.meters for bus in learned.values()):
            self._keep(learned)

    def _keep(self, learned: Learned) -> None:
        """Write it; where the disk takes nothing, the next run learns anew."""
        try:
            write_learned(self.folder, learned)
        except OSError as error:
            LOG.warning("%s is not written: %s", self.folder / NAME, error)

    def _tell(self, body: dict[str, Any], stamp: Stamp) -> NewRecord:
        self._told, self._told_ns = body, stamp.boottime_ns
        for meter, points in _points(body).items():
            LOG.warning("meter %s: left out: %s", meter, ", ".join(f"{n} ({w})" for n, w in points.items()))
        return NewRecord(Kind.MANIFEST, {"learned": body})

    def _describe(self, learned: Learned) -> dict[str, Any]:
        buses: dict[str, Any] = {}
        meters: dict[str, Any] = {}
        for name, bus in learned.items():
            plain = evolve(bus, meters={}).to_plain()
            if plain:
                buses[name] = plain
            for meter in bus.meters:
                if meter in self.setups and (told := describe_meter(bus, meter, self.setups[meter])):
                    meters[meter] = told
        return {"buses": buses, "meters": meters}


def _without_speed(learned: Learned) -> dict[str, LearnedBus]:
    """What is worth a write."""
    return {
        name: evolve(bus, meters={id_: evolve(one, slowest_s=0.0) for id_, one in bus.meters.items()})
        for name, bus in learned.items()
    }


def _essence(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth a record: of the speed of meters only whole seconds."""
    essence: dict[str, Any] = {"buses": body.get("buses", {})}
    for name, told in body.get("meters", {}).items():
        kept = {**told, "slowest_s": round(told.get("slowest_s", 0.0))}
        if any(kept.values()):
            essence[name] = kept
    return {key: value for key, value in essence.items() if value}


def _points(body: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The points that are left out, by meter."""
    return {name: one["left_out"] for name, one in body.get("meters", {}).items() if "left_out" in one}
