"""What a meter does, checked against physics and its own past. Each body becomes a TAMPER record.

    {"what": "energy departs from power", "meter", "point", "power_wh", "counted_wh", "tolerance_wh",
     "window_s"}
    {"what": "voltage departs from the others'", "meter", "point", "now", "others", "limit", "slots",
     "meters"}
    {"what": "frequency departs from the others'", … the same}
    {"what": "meter frozen", "meter", "point", "reads", "lasts_s", "usual"}
    {"what": "answers take another time", "meter", "point", "was_ms", "spread", "now_ms"}

Each is reported once, and once more when it is over ("energy agrees with power", "voltage agrees with the
others'", "meter moves again"); a new latency has no end, it becomes the usual one.

What was reported, the voltage levels and the usual latencies outlive a restart, because a device would be
inserted while the power is off. Windows and runs start over: a restart is a gap in them. Latencies are not
judged on a simulated clock.
"""

from collections.abc import Mapping
from typing import Final

import cbor2
from attrs import define, field

from agent.tamper.energy import COARSE_WH, GAP_MIN_S, GAP_POLLS, Energy
from agent.tamper.frozen import Frozen
from agent.tamper.latency import Latency
from agent.tamper.neighbours import HOLD_SLOTS, SLOT_S, Neighbour, Neighbours
from agent.tamper.points import Points, Values
from agent.tamper.settings import METERS_MAX
from agent.tamper.settling import Finding
from drivers.clock import NS_PER_S, ClockState
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality, Reading

_NS_PER_MS: Final = 1_000_000
_ENERGY, _FROZEN = "energy", "frozen"


@define(eq=False, repr=False)
class _Meter:
    """The checks of one meter."""

    points: Points
    hash: bytes
    energy: Energy
    neighbour: Neighbour
    frozen: Frozen = field(factory=Frozen)
    latency: Latency = field(factory=Latency)


@define(eq=False, repr=False)
class Behaviour:
    """The checks of all meters.

    Attributes:
        setups: The meters of the site by id.
        news: Something was found or learned since the last `state`: save it soon.
    """

    setups: Mapping[str, MeterSetup]
    buses: Mapping[str, str]
    news: bool = field(default=False, init=False)
    _meters: dict[str, _Meter] = field(init=False)
    _neighbours: Neighbours = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._meters = {name: _meter_of(one, self.buses.get(name, "")) for name, one in self.setups.items()}
        self._neighbours = Neighbours({name: one.neighbour for name, one in self._meters.items()})

    def look(self, reading: Reading) -> list[Finding]:
        """What a reading shows together with those before it."""
        at_s = reading.stamp.boottime_ns / NS_PER_S
        found = self._neighbours.advance(at_s)
        meter = self._meters.get(reading.meter)
        if meter is not None and reading.quality is Quality.GOOD and reading.model_hash == meter.hash:
            found += self._check(meter, reading, at_s)
        self.news = self.news or bool(found)
        return found

    def _check(self, meter: _Meter, reading: Reading, at_s: float) -> list[Finding]:
        own: list[tuple[str, Finding | None]] = []
        values: Values | None = None
        if reading.group is PollGroup.FAST:
            if reading.stamp.clock_state is not ClockState.SIMULATED:
                own.append(("latency", meter.latency.add(reading.latency_ns / _NS_PER_MS)))
            values = meter.points.values(reading.blocks)
            if meter.points.can_freeze and meter.points.volts(values):
                words = tuple(block.words for block in reading.blocks)
                own.append(("fast", meter.frozen.add(at_s, words, meter.points.watts(values))))
        elif reading.group is PollGroup.SLOW:
            values = meter.points.values(reading.blocks)
        if values:
            own.append((meter.points.imported, self._check_values(meter, reading, at_s, values)))
        meter_id = {"meter": reading.meter}
        return [{"what": one.pop("what"), **meter_id, "point": point, **one} for point, one in own if one]

    @staticmethod
    def _check_values(meter: _Meter, reading: Reading, at_s: float, values: Values) -> Finding | None:
        points = meter.points
        volts = points.volts(values)
        if volts:
            if not meter.neighbour.step_v:
                meter.neighbour.step_v = points.step(points.voltages[0], volts[0], reading.blocks)
            meter.neighbour.voltages(at_s, volts)
        if points.frequency in values:
            meter.neighbour.frequency(at_s, values[points.frequency])
        watts = points.watts(values)
        found = None if watts is None else meter.energy.power(at_s, watts)
        imported_wh = values.get(points.imported)
        exported_wh = values.get(points.exported) if points.exported else 0.0
        if imported_wh is not None and exported_wh is not None:
            step_wh = points.step(points.imported, imported_wh, reading.blocks)
            meter.energy.counter(at_s, imported_wh - exported_wh, step_wh)
        return found

    def state(self) -> bytes:
        """Everything that `restore` needs, as CBOR."""
        self.news = False
        return cbor2.dumps(
            {
                name: [
                    one.hash,
                    one.neighbour.level_v,
                    list(one.latency.usual or ()),
                    sorted(_list_reported(one)),
                ]
                for name, one in list(self._meters.items())[:METERS_MAX]
            },
            canonical=True,
        )

    def restore(self, raw: bytes) -> None:
        """Continue from `state()`; meters whose model changed start over.

        Raises:
            ValueError: `raw` is not from `state()`.
        """
        try:
            kept = {
                str(name): (bytes(digest), float(level_v), tuple(map(float, usual)), set(map(str, reported)))
                for name, (digest, level_v, usual, reported) in cbor2.loads(raw).items()
            }
        except (cbor2.CBORDecodeError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"not a state of meters' behaviour: {error}") from error
        for name, (digest, level_v, usual, reported) in kept.items():
            one = self._meters.get(name)
            if one is None or one.hash != digest:
                continue
            one.neighbour.level_v = level_v
            one.neighbour.reported = reported - {_ENERGY, _FROZEN}
            one.energy.reported, one.frozen.reported = _ENERGY in reported, _FROZEN in reported
            one.latency.usual = (usual[0], usual[1]) if len(usual) == len(("median", "spread")) else None


def _meter_of(setup: MeterSetup, bus: str) -> _Meter:
    points = Points(setup)
    gap_s = max(GAP_POLLS * setup.fast_s, GAP_MIN_S)
    hold_s = HOLD_SLOTS * max(SLOT_S, setup.slow_s)
    energy = Energy(gap_s, bool(points.exported), COARSE_WH * points.ratio(points.imported))
    return _Meter(points, setup.model.hash, energy, Neighbour(bus, hold_s))


def _list_reported(meter: _Meter) -> set[str]:
    own = {_ENERGY: meter.energy.reported, _FROZEN: meter.frozen.reported}
    return meter.neighbour.reported | {name for name, reported in own.items() if reported}
