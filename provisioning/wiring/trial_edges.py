"""Readings of several meters around the moments at which a machine is switched, and the steps in them.

A meter's level is the median of its readings, and its spread their median deviation, so a single outlier
moves neither. A step counts if it is far beyond the spread before it; a reading is steady after it if it
varies by little of the step for some seconds, or over some reads if these are slow.
"""

import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from attrs import define, field, frozen

STEADY_S: Final = 5.0
"""How long a reading must be steady after a step."""
STEADY_READS: Final = 3
STEADY_SHARE: Final = 0.06
"""Part of the step within which the reading must stay after it: a drive that ramps down for a minute
moves by more."""
SHARE_MIN: Final = 0.08
"""Part of its level by which a meter must step: loads swing by some percent on their own."""
SPREADS_MIN: Final = 6.0
"""And as a multiple of its spread before."""
ALIKE: Final = 2.5
"""Steps of one machine differ by less than this from one time to the next."""
SAMPLES_MAX: Final = 1000
"""Readings in memory: a quarter of an hour of seconds; earlier ones are kept as a level."""
_MAD_TO_SD: Final = 1.4826
_SPAN_SHARE: Final = 0.8
"""Readings every second for five seconds span four."""

State = Literal["on", "off"]


@frozen
class Edge:
    """One switching: level before and after it by meter, and the step needed to count."""

    to: State
    before: Mapping[str, float]
    after: Mapping[str, float]
    least: Mapping[str, float]

    def step(self, meter: str) -> float | None:
        """By how much a meter rose with the machine on, or fell with it off; None if it was silent."""
        if meter not in self.before or meter not in self.after:
            return None
        change = self.after[meter] - self.before[meter]
        return change if self.to == "on" else -change

    def counts(self, meter: str) -> float:
        """The step of a meter if it is one, else 0."""
        step = self.step(meter)
        return 0.0 if step is None or abs(step) < self.least.get(meter, math.inf) else step


@define
class Readings:
    """The last readings of all meters, and their levels before the machine was to be switched.

    Attributes:
        floor_w: Smallest step of any meter.
        asked_s: Since when the machine is to be switched.
        before: Level and spread of each meter until then.
    """

    floor_w: float
    asked_s: float = -math.inf
    before: dict[str, tuple[float, float]] = field(factory=dict)
    _samples: deque[tuple[float, Mapping[str, float]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._samples = deque(maxlen=SAMPLES_MAX)

    def add(self, t_s: float, watts: Mapping[str, float]) -> None:
        """What meters read at a moment; those that did not answer are left out."""
        self._samples.append((t_s, watts))

    def find(self, meter: str, since_s: float) -> list[float]:
        """The readings of a meter since a moment."""
        return self._find_last(meter, since_s, 0)[0]

    def note_asked(self, t_s: float, since_s: float) -> None:
        """The machine is to be switched from now on; readings since `since_s` give the level before."""
        self.asked_s = t_s
        names = {name for at_s, watts in self._samples if at_s >= since_s for name in watts}
        found = {name: self.find(name, since_s) for name in names}
        self.before = {
            name: find_level(values) for name, values in found.items() if len(values) >= STEADY_READS
        }

    def find_edge(self, to: State, t_s: float) -> Edge | None:
        """What happened since the machine was to be switched; None while too few readings follow it."""
        if t_s - self.asked_s < STEADY_S:
            return None
        before, behind, least = {}, {}, {}
        for name, (middle, spread) in self.before.items():
            after, _ = self._find_behind(name, t_s, STEADY_S)
            if len(after) < STEADY_READS:
                continue
            before[name], behind[name] = middle, find_level(after)[0]
            top = max(abs(middle), abs(behind[name]))
            least[name] = max(SPREADS_MIN * spread, SHARE_MIN * top, self.floor_w)
        return Edge(to, before, behind, least)

    def is_steady(self, meter: str, edge: Edge, t_s: float, for_s: float = STEADY_S) -> bool:
        """Whether a meter is steady after its step."""
        values, first_s = self._find_behind(meter, t_s, for_s)
        if len(values) < STEADY_READS or t_s - first_s < _SPAN_SHARE * for_s:
            return False
        step = abs(edge.step(meter) or 0.0)
        return max(values) - min(values) <= max(STEADY_SHARE * step, edge.least[meter] / 2)

    def _find_behind(self, meter: str, t_s: float, for_s: float) -> tuple[list[float], float]:
        """The last readings since the machine was to be switched, and when the first of them was."""
        return self._find_last(meter, t_s - for_s, STEADY_READS, self.asked_s)

    def _find_last(
        self, meter: str, since_s: float, least: int, after_s: float = -math.inf
    ) -> tuple[list[float], float]:
        """Readings since a moment, or `least` of them if that are more, none before `after_s`."""
        found: list[float] = []
        first_s = math.inf
        for at_s, watts in reversed(self._samples):
            if at_s <= after_s or (at_s < since_s and len(found) >= least):
                break
            if meter in watts:
                found.append(watts[meter])
                first_s = at_s
        return found, first_s


def find_level(values: Sequence[float]) -> tuple[float, float]:
    """The median of values and their spread; a single outlier moves neither."""
    middle = statistics.median(values)
    return middle, _MAD_TO_SD * statistics.median(abs(value - middle) for value in values)


def keep_alike(steps: list[float]) -> list[float]:
    """The steps, if all count, have one direction and similar size; else none."""
    sizes = [abs(step) for step in steps]
    same_way = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return steps if steps and same_way and max(sizes) <= ALIKE * min(sizes) else []
