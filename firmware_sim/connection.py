"""How one meter is connected: what it sees of its line, with its wiring and its events.

The true load of a phase is a part of the line's load at the supply's voltage; firmware_sim.wiring turns
it into what the channels see, and the counters sum exactly that. A replaced or reset meter counts from
`counter_wh` on. The first counter_wrap of a meter sets its import counter so that it wraps at that moment.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import define, field

from firmware_sim.electrical import PHASES, Electrical, Phase
from firmware_sim.energy import EnergyCounter
from firmware_sim.layout import MeterPlan
from firmware_sim.noise import Floats, key_of, smooth, uniform_at
from firmware_sim.timetable import MAINS_HZ, NEW_COUNTERS, Event, EventKind, Load
from firmware_sim.wiring import Phasors, Wiring, apply_mistakes, to_phasors

_UNBALANCE: Final = 0.02
_METER_ERROR: Final = 0.001
_SUPPLY_UNBALANCE: Final = 0.004
_SUPPLY_NOISE: Final = ((600.0, 0.006), (20.0, 0.001))
"""Period in s and relative standard deviation of the supply's voltage."""
_FREQUENCY_NOISE_HZ: Final = 0.02
_FREQUENCY_PERIOD_S: Final = 60.0
_PAST_HOURS: Final = (1500, 6000)
"""Full-load hours that a counter may have behind it at the plant's start."""

LoadOf = Callable[[str, Floats, float], Load]


@define
class Connection:
    """One meter's place in the plant of this `seed`.

    Attributes:
        anchor_s: Where the plant's time begins.
        rated_w: Of its line.
        load_of: The load through the meters of a line at some moments, given its power factor.
        events: Those of this meter, in the order of the file.
    """

    meter: MeterPlan
    seed: int
    anchor_s: float
    rated_w: float
    load_of: LoadOf
    events: tuple[Event, ...]
    _weights: Floats = field(init=False)
    _own: Floats = field(init=False)
    _wirings: tuple[tuple[Wiring, float, float], ...] = field(init=False)
    _counter: EnergyCounter = field(init=False)

    def __attrs_post_init__(self) -> None:
        meter, seed = self.meter, self.seed
        key = key_of(seed, meter.id, "unbalance")
        raw = [1 + _UNBALANCE * (2 * uniform_at(key, i) - 1) for i in range(len(PHASES))]
        self._weights = np.array([[meter.share * weight / sum(raw)] for weight in raw])
        self._own = np.array([[self._draw_deviation(i)] for i in range(len(PHASES))])
        fixed = () if meter.wiring is None else ((meter.wiring, -math.inf, math.inf),)
        self._wirings = fixed + tuple(
            (event.wiring, event.begin_s, event.end_s) for event in self.events if event.wiring is not None
        )
        low, high = _PAST_HOURS
        hours = low + (high - low) * uniform_at(key_of(seed, meter.id, "energy"), 0)
        initial_wh = float(math.floor(self.rated_w * meter.share * hours))
        self._counter = EnergyCounter(self._grow, self.anchor_s, _start_counts(initial_wh))

    def at(self, t_s: float) -> Electrical:
        """What it sees at a moment."""
        now = np.array([t_s])
        seen = self._measure(now)
        powers = seen.powers[:, 0]
        voltages, currents = seen.voltages[:, 0], np.abs(seen.currents[:, 0])
        counts = self._counts(t_s)
        phases = [
            Phase(
                voltage=float(voltages[i]),
                current=float(currents[i]),
                active=float(powers[i].real),
                apparent=float(abs(powers[i])),
                reactive=float(powers[i].imag),
                import_wh=float(counts[1 + i]),
                export_wh=float(counts[2 + len(PHASES) + i]),
            )
            for i in range(len(PHASES))
        ]
        wobble = smooth(key_of(self.seed, "frequency"), now, _FREQUENCY_PERIOD_S)[0]
        return Electrical(
            phases=(phases[0], phases[1], phases[2]),
            frequency=MAINS_HZ + _FREQUENCY_NOISE_HZ * float(wobble),
            energy_import_wh=float(counts[0]),
            energy_export_wh=float(counts[1 + len(PHASES)]),
        )

    def sees(self, line: str) -> bool:
        """Whether this line's load goes through its transformers at any time."""
        return line == self.meter.line or any(one.line == line for one, _, _ in self._wirings)

    def rewire(self, wiring: Wiring | None, t_s: float) -> None:
        """End every mistake of the time before `t_s`, and begin this one."""
        before = ((one, begin_s, min(end_s, t_s)) for one, begin_s, end_s in self._wirings if begin_s < t_s)
        later = (one for one in self._wirings if one[1] >= t_s)
        new = () if wiring is None else ((wiring, t_s, math.inf),)
        self._wirings = (*before, *new, *later)

    def clamp(self, t_s: float) -> tuple[float, ...]:
        """What a clamp meter shows on the cables of L1, L2 and L3, A."""
        now = np.array([t_s])
        true = self._phasors(self.meter.line, now, self._voltages(now))
        return tuple(float(amps) for amps in np.abs(true.currents[:, 0]))

    def counts(self, t_s: float) -> Floats:
        """The counters of this meter and of those that it replaced, for `go_on`."""
        return self._counter.at(t_s)

    def go_on(self, t_s: float, counts: Floats) -> None:
        """Count other loads from `t_s` on; what the counters showed at that moment stays."""
        self._counter.go_on(t_s, counts)

    def _measure(self, t_s: Floats) -> Phasors:
        voltages = self._voltages(t_s)
        masks = [(one, (t_s >= begin_s) & (t_s < end_s)) for one, begin_s, end_s in self._wirings]
        true = self._phasors(self.meter.line, t_s, voltages)
        return apply_mistakes(true, masks, lambda line: self._phasors(line, t_s, voltages).currents)

    def _phasors(self, line: str, t_s: Floats, voltages: Floats) -> Phasors:
        load = self.load_of(line, t_s, self.meter.power_factor)
        return to_phasors(voltages, self._weights * load.watts, self._weights * load.apparent)

    def _voltages(self, t_s: Floats) -> Floats:
        supply = 1 + sum(
            deviation * smooth(key_of(self.seed, "feed", str(period_s)), t_s, period_s)
            for period_s, deviation in _SUPPLY_NOISE
        )
        return np.asarray(self.meter.voltage * (supply + self._own), dtype=np.float64)

    def _draw_deviation(self, phase: int) -> float:
        """Deviation of a phase's voltage from the supply's: the phase's own and the meter's error."""
        own = _SUPPLY_UNBALANCE * (2 * uniform_at(key_of(self.seed, "feed"), phase) - 1)
        return own + _METER_ERROR * (2 * uniform_at(key_of(self.seed, self.meter.id, "error"), phase) - 1)

    def _grow(self, t_s: Floats) -> Floats:
        """What the counters grow by: import of the whole and of the phases, then export."""
        active = self._measure(t_s).powers.real
        whole = np.concatenate((active.sum(axis=0, keepdims=True), active))
        return np.concatenate((np.maximum(whole, 0.0), np.maximum(-whole, 0.0)))

    def _counts(self, t_s: float) -> Floats:
        counts = self._count_since_new(t_s)
        wrap = next((event for event in self.events if event.what is EventKind.COUNTER_WRAP), None)
        if wrap is not None:
            top_wh = wrap.wraps_at_wh if t_s < wrap.begin_s else 0.0
            counts[0] += top_wh - self._count_since_new(wrap.begin_s)[0]
        return counts

    def _count_since_new(self, t_s: float) -> Floats:
        """The counters since the meter was replaced or reset."""
        counts = self._counter.at(t_s)
        anew = [event for event in self.events if event.what in NEW_COUNTERS and event.end_s <= t_s]
        if not anew:
            return counts
        last = max(anew, key=lambda event: event.end_s)
        return counts - self._counter.at(last.end_s) + _start_counts(last.counter_wh)


def _start_counts(import_wh: float) -> Floats:
    """Counters with some import, evenly of the phases, and no export."""
    phases = len(PHASES)
    return np.array([import_wh, *[import_wh / phases] * phases, *[0.0] * (phases + 1)])
