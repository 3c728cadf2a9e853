"""A plant as a pure function of time: what its lines take, and what each of its meters can see.

`power_w` and `history` are the truth about a line: its power, with all events that happen to the
line itself. `electrical`, `seen_at_s` and `is_silent` are a meter's view of it. Times are seconds
since 1970 UTC. The same file gives the same answers in every process and after every restart, until
a machine is switched by hand (`switch`, see firmware_sim.switches): that holds from the next second on,
and the time before does not change.

An incomer takes what all other lines take, whether it goes through their meters or past them, and its losses.
"""

import math
from pathlib import Path
from typing import Final

import numpy as np
from attrs import define, field

from drivers.reading import Quantity
from firmware_sim.connection import Connection
from firmware_sim.electrical import Electrical
from firmware_sim.layout import Layout, LineKind, LinePlan, MeterPlan
from firmware_sim.noise import Floats
from firmware_sim.plant_file import read_layout
from firmware_sim.signals import DAY_S, Signals
from firmware_sim.switches import Switch, SwitchState, apply_switches
from firmware_sim.timetable import (
    SETTINGS,
    SILENT,
    TREATMENT_EVENTS,
    Event,
    EventKind,
    Load,
    apply_events,
    fit_to_run,
    to_metered,
)
from firmware_sim.wiring import Wiring

_LIGHT_LOAD: Final = 0.4
"""Below this share of its rated power a motor's power factor falls."""
_IDLE_POWER_FACTOR: Final = 0.45
"""Part of the full-load power factor that is left without any load."""
_UNMETERED_FACTOR: Final = 0.86
"""Power factor of a line without a meter of its own, where an incomer sees it."""
SWITCHES_MAX: Final = 10_000
"""Each costs a little time in every answer; a person makes a few hundred."""


def load_plant(path: Path | str) -> "Plant":
    """The plant that a file describes.

    Raises:
        PlantError: The file cannot be read or has mistakes; `problems` has them all.
    """
    return Plant(read_layout(path))


@define
class Plant:
    """A plant of a `layout`; see the module.

    Attributes:
        events: Those of the timetable, with their true begin and end.
        rewired: What was done to the wiring of meters by hand, in its order.
        dead: The meters without a supply.
    """

    layout: Layout
    _lines: dict[str, LinePlan] = field(init=False)
    _meters: dict[str, MeterPlan] = field(init=False)
    _signals: Signals = field(init=False)
    events: tuple[Event, ...] = field(init=False)
    _connections: dict[str, Connection] = field(factory=dict, init=False)
    _switches: list[Switch] = field(factory=list, init=False)
    rewired: list[tuple[str, Wiring | None]] = field(factory=list, init=False)
    dead: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = {line.id: line for line in self.layout.lines}
        self._meters = {meter.id: meter for meter in self.layout.meters}
        self._signals = Signals(
            profiles={line.id: line.profile for line in self.layout.lines},
            rated_w={line.id: line.rated_w for line in self.layout.lines},
            seed=self.layout.seed,
        )
        self.events = tuple(self._place(event) for event in self.layout.events)

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

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The switches made by hand, in their order."""
        return tuple(self._switches)

    def switch(self, line_id: str, state: SwitchState, t_s: float, share: float = 0.0) -> Switch:
        """Switch a line by hand at a moment that is not before the last one.

        Raises:
            ValueError: There is no such machine, or there were too many switches; one line.
        """
        machines = [line.id for line in self.layout.lines if line.kind is not LineKind.INCOMER]
        if line_id not in machines:
            raise ValueError(f"no machine is called {line_id!r}; there are {', '.join(machines)}")
        if len(self._switches) >= SWITCHES_MAX:
            raise ValueError(f"machines were switched {SWITCHES_MAX} times; serve the plant anew")
        done = Switch(line_id, state, math.floor(t_s) + 1.0, share)
        kept_s = done.begin_s - 1
        incomers = [line.id for line in self.layout.lines if line.kind is LineKind.INCOMER]
        moved = [one for one in self._connections.values() if any(map(one.sees, (line_id, *incomers)))]
        shown = [one.counts(kept_s) for one in moved]
        self._switches.append(done)
        for one, counts in zip(moved, shown, strict=True):
            one.go_on(kept_s, counts)
        return done

    def rewire(self, meter_id: str, wiring: Wiring | None, t_s: float) -> float:
        """Change by hand how a meter is wired, None for rightly; the moment from which that holds.

        Raises:
            ValueError: There is no such meter, or there were too many changes; one line.
        """
        connection = self._find_connection(meter_id)
        if len(self.rewired) >= SWITCHES_MAX:
            raise ValueError(f"meters were rewired {SWITCHES_MAX} times; serve the plant anew")
        kept_s = float(math.floor(t_s))
        counts = connection.counts(kept_s)
        connection.rewire(wiring, kept_s + 1)
        connection.go_on(kept_s, counts)
        self.rewired.append((meter_id, wiring))
        return kept_s + 1

    def supply(self, meter_id: str, *, is_on: bool) -> None:
        """Give a meter its supply, or take it away: then it does not answer; ValueError if there is none."""
        self._find_connection(meter_id)
        (self.dead.discard if is_on else self.dead.add)(meter_id)

    def clamp(self, meter_id: str, t_s: float) -> tuple[float, ...]:
        """What a clamp meter shows on the cables of a meter, A. ValueError for an unknown meter."""
        return self._find_connection(meter_id).clamp(t_s)

    def _find_connection(self, meter_id: str) -> Connection:
        if meter_id not in self._meters:
            raise ValueError(f"no meter is called {meter_id!r}; there are {', '.join(self._meters)}")
        return self._connection(meter_id)

    def electrical(self, meter_id: str, t_s: float) -> Electrical:
        """The connection of a meter at a moment, as the meter sees it."""
        return self._connection(meter_id).at(t_s)

    def seen_at_s(self, meter_id: str, t_s: float) -> float:
        """The moment that the meter's registers show: the present, unless it is stuck or replayed."""
        for event in self._of_meter(meter_id):
            if event.covers(t_s) and event.what is EventKind.STUCK_METER:
                return event.begin_s
            if event.covers(t_s) and event.what is EventKind.REPLAYED_METER:
                return event.begin_s - event.window_s + (t_s - event.begin_s) % event.window_s
        return t_s

    def is_silent(self, meter_id: str, t_s: float) -> bool:
        """Whether the meter, its whole bus or its supply does not answer."""
        meter = self.meter(meter_id)
        return meter_id in self.dead or any(
            event.meter == meter_id or event.bus == meter.bus
            if event.what in SILENT
            else event.what is EventKind.POWER_CUT and event.line in {"", meter.line}
            for event in self.events
            if event.covers(t_s)
        )

    def is_unplugged(self, bus_id: str, t_s: float) -> bool:
        """Whether a bus cannot be reached at all."""
        return any(event.covers(t_s) for event in self._list_unplugged(bus_id))

    def plug_moments(self, bus_id: str) -> tuple[float, ...]:
        """When a bus is unplugged or plugged in."""
        events = self._list_unplugged(bus_id)
        return tuple(sorted({at_s for event in events for at_s in (event.begin_s, event.end_s)}))

    def _list_unplugged(self, bus_id: str) -> list[Event]:
        return [one for one in self.events if one.what is EventKind.UNPLUGGED and one.bus == bus_id]

    def find_replacement(self, meter_id: str, t_s: float) -> Event | None:
        """The last replacement of a meter until a moment, None for the first one."""
        done = [one for one in self._of_meter(meter_id) if one.what is EventKind.METER_REPLACED]
        return max((one for one in done if one.end_s <= t_s), key=lambda one: one.end_s, default=None)

    def find_restart(self, meter_id: str, t_s: float) -> Event | None:
        """The restart of a meter from which its counters have not settled at a moment, if any."""
        done = [one for one in self._of_meter(meter_id) if one.what is EventKind.METER_RESTARTED]
        return next((one for one in done if one.end_s <= t_s < one.end_s + one.settles_s), None)

    def settings(self, meter_id: str, t_s: float) -> dict[Quantity, float]:
        """Registers of a meter's settings that were changed, as they are at a moment."""
        changed: dict[Quantity, float] = {}
        for event in self._of_meter(meter_id):
            if event.what is EventKind.SETTINGS_CHANGED and event.covers(t_s):
                changed |= {key: value for key in SETTINGS if (value := getattr(event, key))}
        return changed

    def no_numbers(self, meter_id: str, t_s: float) -> tuple[Event, ...]:
        """The events that keep numbers out of a meter's registers at a moment."""
        events = self._of_meter(meter_id)
        return tuple(event for event in events if event.what is EventKind.NO_NUMBERS and event.covers(t_s))

    def _place(self, event: Event) -> Event:
        if event.what not in TREATMENT_EVENTS:
            return event
        return fit_to_run(event, self._signals.runs(event.line, event.begin_s - DAY_S, event.begin_s + DAY_S))

    def _load(
        self, line_id: str, t_s: Floats, *, with_events: bool = True, power_factor: float = 1.0
    ) -> Load:
        line = self.line(line_id)
        if line.kind is LineKind.INCOMER:
            return self._load_of_incomer(line, t_s, with_events=with_events)
        watts = self._watts(line, t_s) if len(t_s) else np.zeros(0)
        light = np.minimum(watts / line.rated_w / _LIGHT_LOAD, 1.0)
        factor = power_factor * (_IDLE_POWER_FACTOR + (1 - _IDLE_POWER_FACTOR) * light)
        events = self._of_line(line_id) if with_events else ()
        standby_w = line.profile.standby * line.rated_w
        load = Load(watts, watts / factor)
        return apply_events(load, events, t_s, standby_w=standby_w, rated_w=line.rated_w)

    def _watts(self, line: LinePlan, t_s: Floats) -> Floats:
        """Active power by profile and manual switches, before events of the timetable."""
        watts, profile = self._signals.watts(line.id, t_s), line.profile
        mine = [one for one in self._switches if one.line == line.id]

        def end_load(switch: Switch) -> Floats:
            match switch.state:
                case SwitchState.AUTO:
                    return watts
                case SwitchState.OFF:
                    return np.full_like(watts, profile.standby * line.rated_w)
            share = switch.share if switch.state is SwitchState.SHARE else None
            return self._signals.running(line.id, t_s, share)

        return apply_switches(watts, mine, t_s, of=end_load, ramp_s=profile.ramp_s)

    def _load_of_incomer(self, incomer: LinePlan, t_s: Floats, *, with_events: bool) -> Load:
        """What all other lines take, each at the power factor of its meter, and the losses."""
        factors = {meter.line: meter.power_factor for meter in reversed(self.layout.meters)}
        active, reactive = np.zeros_like(t_s), np.zeros_like(t_s)
        for line in self.layout.lines:
            if line.kind is LineKind.INCOMER:
                continue
            factor = factors.get(line.id, _UNMETERED_FACTOR)
            load = self._load(line.id, t_s, with_events=with_events, power_factor=factor)
            active += load.watts * (1 + incomer.losses)
            reactive += np.sqrt(np.maximum(load.apparent**2 - load.watts**2, 0.0))
        return Load(active, np.hypot(active, reactive))

    def _load_of_meters(self, line_id: str, t_s: Floats, power_factor: float) -> Load:
        load = self._load(line_id, t_s, power_factor=power_factor)
        return to_metered(load, self._of_line(line_id), t_s)

    def _connection(self, meter_id: str) -> Connection:
        if meter_id not in self._connections:
            meter = self.meter(meter_id)
            self._connections[meter_id] = Connection(
                meter=meter,
                seed=self.layout.seed,
                anchor_s=self.start_s,
                rated_w=self.line(meter.line).rated_w,
                load_of=self._load_of_meters,
                events=self._of_meter(meter_id),
            )
        return self._connections[meter_id]

    def _of_line(self, line_id: str) -> tuple[Event, ...]:
        """What happens to a line; a power cut that names no line happens to all."""
        return tuple(
            event
            for event in self.events
            if event.line == line_id or (event.what is EventKind.POWER_CUT and not event.line)
        )

    def _of_meter(self, meter_id: str) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.meter == meter_id)
