"""A plant as a pure function of time: what its lines take, and what each of its meters can see.

`power_w` and `history` tell the truth about a line: what it takes, with all events that happen to the
line itself. `electrical`, `seen_at_s` and `silent` say what a meter makes of it. Times are seconds
since 1970 UTC. The same file gives the same answers in every process and after every restart.
"""

import math
from pathlib import Path
from typing import Final

import numpy as np
from attrs import define, field

from firmware_sim.electrical import PHASES, Electrical, Phase
from firmware_sim.energy import EnergyCounter
from firmware_sim.layout import BusPlan, FaultPlan, Layout, LinePlan, MeterPlan
from firmware_sim.noise import Floats, key_of, smooth, uniform_at
from firmware_sim.plant_file import read_layout
from firmware_sim.signals import DAY_S, Signals
from firmware_sim.timetable import LINE_EVENTS, MAINS_HZ, Event, Load, What, happened, window

_LIGHT_LOAD: Final = 0.4
"""Below this share of its rated power a motor's power factor falls."""
_IDLE_POWER_FACTOR: Final = 0.45
"""Part of the full-load power factor that is left without any load."""
_UNBALANCE: Final = 0.02
_METER_ERROR: Final = 0.001
_FEED_UNBALANCE: Final = 0.004
_FEED_NOISE: Final = ((600.0, 0.006), (20.0, 0.001))
"""Period in s and relative standard deviation of the feed's voltage."""
_FREQUENCY_NOISE_HZ: Final = 0.02
_FREQUENCY_PERIOD_S: Final = 60.0
_PAST_HOURS: Final = (1500, 6000)
"""Full-load hours that a counter may have behind it at the plant's start."""


def load_plant(path: Path | str) -> "Plant":
    """The plant that a file describes.

    Raises:
        PlantError: The file cannot be read or has mistakes; `problems` has them all.
    """
    return Plant(read_layout(path))


@define
class Plant:
    """A plant; see the module for what it answers.

    Attributes:
        layout: What the plant file says.
    """

    layout: Layout
    _lines: dict[str, LinePlan] = field(init=False)
    _meters: dict[str, MeterPlan] = field(init=False)
    _signals: Signals = field(init=False)
    _events: tuple[Event, ...] = field(init=False)
    _counters: dict[str, EnergyCounter] = field(factory=dict, init=False)
    _weights: dict[str, tuple[float, ...]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = {line.id: line for line in self.lines}
        self._meters = {meter.id: meter for meter in self.meters}
        self._signals = Signals(
            profiles={line.id: line.profile for line in self.lines},
            rated_w={line.id: line.rated_w for line in self.lines},
            seed=self.layout.seed,
        )
        self._events = tuple(self._placed(event) for event in self.layout.events)

    @property
    def lines(self) -> tuple[LinePlan, ...]:
        """The lines, each with the ids of its meters."""
        return self.layout.lines

    @property
    def meters(self) -> tuple[MeterPlan, ...]:
        """The meters."""
        return self.layout.meters

    @property
    def buses(self) -> tuple[BusPlan, ...]:
        """The buses."""
        return self.layout.buses

    @property
    def faults(self) -> tuple[FaultPlan, ...]:
        """The fault script."""
        return self.layout.faults

    @property
    def events(self) -> tuple[Event, ...]:
        """The timetable, each event with its true begin and end."""
        return self._events

    @property
    def start_s(self) -> float:
        """Where the plant's time begins."""
        return self.layout.start_s

    def line(self, line_id: str) -> LinePlan:
        """The line of that id; KeyError if there is none."""
        return self._lines[line_id]

    def meter(self, meter_id: str) -> MeterPlan:
        """The meter of that id; KeyError if there is none."""
        return self._meters[meter_id]

    def power_w(self, line_id: str, t_s: float) -> float:
        """The true active power of a line at a moment."""
        return float(self._load(line_id, np.array([t_s])).watts[0])

    def history(
        self, line_id: str, start_s: float, end_s: float, step_s: float, *, with_events: bool = True
    ) -> Floats:
        """The true active power of a line from `start_s` on, one value a step, before `end_s`."""
        return self._load(line_id, np.arange(start_s, end_s, step_s), with_events=with_events).watts

    def electrical(self, meter_id: str, t_s: float) -> Electrical:
        """What the connection of a meter is like at a moment, as far as the meter can see."""
        meter = self.meter(meter_id)
        now = np.array([t_s])
        load = self._load(meter.line, now, power_factor=meter.power_factor)
        alive = self._alive(meter, now)
        feed = 1 + sum(
            deviation * float(smooth(key_of(self.layout.seed, "feed", str(period_s)), now, period_s)[0])
            for period_s, deviation in _FEED_NOISE
        )
        phases = [
            self._phase(
                meter, i, feed, float(load.watts[0] * alive[i, 0]), float(load.apparent[0] * alive[i, 0])
            )
            for i in range(len(PHASES))
        ]
        wobble = smooth(key_of(self.layout.seed, "frequency"), now, _FREQUENCY_PERIOD_S)[0]
        return Electrical(
            phases=(phases[0], phases[1], phases[2]),
            frequency=MAINS_HZ + _FREQUENCY_NOISE_HZ * float(wobble),
            energy_import_wh=self._counter(meter).at(t_s),
        )

    def seen_at_s(self, meter_id: str, t_s: float) -> float:
        """The moment that the meter's registers show: the present, unless it is stuck."""
        stuck = (event for event in self._of_meter(meter_id, What.STUCK_METER) if event.covers(t_s))
        return min((event.begin_s for event in stuck), default=t_s)

    def silent(self, meter_id: str, t_s: float) -> bool:
        """Whether the meter or its whole bus does not answer."""
        bus = self.meter(meter_id).bus
        return any(
            event.covers(t_s) and (event.meter == meter_id or event.bus == bus)
            for event in self._events
            if event.what in {What.DEAD_METER, What.GAP}
        )

    def _placed(self, event: Event) -> Event:
        if event.what not in LINE_EVENTS:
            return event
        return window(event, self._signals.runs(event.line, event.begin_s - DAY_S, event.begin_s + DAY_S))

    def _load(
        self, line_id: str, t_s: Floats, *, with_events: bool = True, power_factor: float = 1.0
    ) -> Load:
        line = self.line(line_id)
        watts = self._signals.watts(line_id, t_s) if len(t_s) else np.zeros(0)
        light = np.minimum(watts / line.rated_w / _LIGHT_LOAD, 1.0)
        factor = power_factor * (_IDLE_POWER_FACTOR + (1 - _IDLE_POWER_FACTOR) * light)
        events = [event for event in self._events if with_events and event.line == line_id]
        standby_w = line.profile.standby * line.rated_w
        return happened(Load(watts, watts / factor), events, t_s, standby_w=standby_w, rated_w=line.rated_w)

    def _alive(self, meter: MeterPlan, t_s: Floats) -> Floats:
        """The part of the line's power that the meter sees in each phase: phases by moments."""
        alive = np.repeat(np.array(self._phase_weights(meter))[:, None], len(t_s), axis=1)
        for event in self._of_meter(meter.id, What.CT_OFF):
            lost = (t_s >= event.begin_s) & (t_s < event.end_s)
            for phase in event.phases:
                alive[phase, lost] = 0.0
        return alive

    def _phase_weights(self, meter: MeterPlan) -> tuple[float, ...]:
        if meter.id not in self._weights:
            key = key_of(self.layout.seed, meter.id, "unbalance")
            raw = [1 + _UNBALANCE * (2 * uniform_at(key, i) - 1) for i in range(len(PHASES))]
            self._weights[meter.id] = tuple(meter.share * weight / sum(raw) for weight in raw)
        return self._weights[meter.id]

    def _phase(self, meter: MeterPlan, number: int, feed: float, watts: float, apparent: float) -> Phase:
        seed = self.layout.seed
        own = _FEED_UNBALANCE * (2 * uniform_at(key_of(seed, "feed"), number) - 1)
        error = _METER_ERROR * (2 * uniform_at(key_of(seed, meter.id, "error"), number) - 1)
        voltage = meter.voltage * (feed + own + error)
        return Phase(voltage=voltage, current=apparent / voltage, active=watts, apparent=apparent)

    def _counter(self, meter: MeterPlan) -> EnergyCounter:
        if meter.id not in self._counters:
            low, high = _PAST_HOURS
            hours = low + (high - low) * uniform_at(key_of(self.layout.seed, meter.id, "energy"), 0)
            self._counters[meter.id] = EnergyCounter(
                power=lambda t_s: self._load(meter.line, t_s).watts * self._alive(meter, t_s).sum(axis=0),
                anchor_s=self.start_s,
                initial_wh=float(math.floor(self.line(meter.line).rated_w * meter.share * hours)),
            )
        return self._counters[meter.id]

    def _of_meter(self, meter_id: str, what: What) -> list[Event]:
        return [event for event in self._events if event.what is what and event.meter == meter_id]
