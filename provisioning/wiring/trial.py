"""The on/off test of one line: does its meter follow when its machine is switched?

It takes the powers of all meters, second by second, and confirmations of switching; it returns what to wait
for next and, in the end, which meter followed. No clock, no bus: times are seconds of any origin.

    test = OnOffTest(own=("m1", "m2"), sums=("incomer",))
    wait = test.sample(0.0, {"m1": 31200.0, "m2": None, "m5": 18400.0, "incomer": 99000.0})
    wait.what       "settle"  the readings before are being watched
                    "switch"  ask for the machine to be switched to wait.to, then go on sampling
                    "done"    test.result has the judgement
    test.confirm_switched(41.0, "off")      optional; shortens the wait if nothing happens

A line of several meters is their sum, and each of them must take part. A meter in `sums` (an incomer) has the
line in it and is no other cable. One cycle is off and on again. It is enough if the line's own meters
answer both times with a similar step and were steady before; if they move by themselves, or do not answer,
there is a second cycle, so a machine that happens to stop meanwhile is not taken for the one that was
switched. A step counts if it is far beyond the meter's earlier movement and the reading is steady after
it, so the test waits for a fan that runs down for a minute. It also waits if reads fail.

A reading that is negative while the machine runs and rises to zero when it stops follows inverted.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from attrs import define, field, frozen

from provisioning.wiring.trial_edges import STEADY_S, Edge, Readings, State, find_level, keep_alike
from provisioning.wiring.trial_words import Kind, Outcome, judge

__all__ = ["SETTLE_S", "WAIT_S", "OnOffTest", "State", "Wait", "follow"]

SETTLE_S: Final = 8.0
"""Watched before the machine is switched: long enough for the fast noise of a load."""
SETTLE_READS: Final = 4
WAIT_S: Final = 120.0
"""Time for a person to go to the switch and for the machine to run down."""
CONFIRMED_WAIT_S: Final = 60.0
"""After the technician has confirmed the switching: a fan coasts for half a minute to a minute."""
SILENT_S: Final = 180.0
"""The line's own meters may be silent for this long; then the test ends without a judgement."""
STALE_S: Final = 20.0
"""A displayed value may replace a failed read for this long."""
RATED_SHARE_MIN: Final = 0.02
FLOOR_W: Final = 20.0
"""Smallest step of any machine that is metered for pollution treatment."""
RESTLESS_SHARE: Final = 0.25
"""A meter at rest moves by less than this part of its level."""
CYCLES_MAX: Final = 2


@frozen
class Wait:
    """What to wait for.

    Attributes:
        what: See the module.
        to: `switch`: what the machine is to be switched to.
        own_w: What the line's meters show now; None if one of them is silent.
        left_s: Time left in which nothing may happen.
    """

    what: Literal["settle", "switch", "done"]
    to: State | None = None
    own_w: float | None = None
    left_s: float = 0.0


@define
class OnOffTest:
    """One on/off test.

    Attributes:
        own: The line's meters.
        sums: Meters that include the line, like that of the incomer.
        begin: What the machine is at first.
        wait_s: How long to wait for a step where nobody confirms the switching.
        result: The judgement; None until the end.
    """

    own: tuple[str, ...]
    sums: tuple[str, ...] = ()
    rated_w: float | None = None
    begin: State = "on"
    wait_s: float = WAIT_S
    result: Outcome | None = field(default=None, init=False)
    _readings: Readings = field(init=False)
    _last: dict[str, tuple[float, float]] = field(factory=dict, init=False)
    _edges: list[Edge] = field(factory=list, init=False)
    _since_s: float = field(default=math.nan, init=False)
    _is_asked: bool = field(default=False, init=False)
    _until_s: float = field(default=math.inf, init=False)
    _answered_s: float = field(default=math.nan, init=False)
    _is_restless: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._readings = Readings(max(FLOOR_W, RATED_SHARE_MIN * (self.rated_w or 0.0)))

    def sample(self, t_s: float, watts: Mapping[str, float | None]) -> Wait:
        """The powers that all meters show at a moment, None where a read failed."""
        if self.result is not None:
            return Wait("done")
        known_w = {name: value for name, value in watts.items() if value is not None and math.isfinite(value)}
        if math.isnan(self._since_s):
            self._since_s = self._answered_s = t_s
        self._last |= {name: (t_s, value) for name, value in known_w.items()}
        known = {name: value for name, (at_s, value) in self._last.items() if t_s - at_s <= STALE_S}
        self._readings.add(t_s, known_w)
        if all(name in known_w for name in self.own):
            self._answered_s = t_s
        elif t_s - self._answered_s > SILENT_S:
            return self._end("silent")
        return self._watch(t_s, known) if self._is_asked else self._settle(t_s, known)

    def confirm_switched(self, t_s: float, to: State) -> None:
        """Note that the machine was switched, as confirmed by a person."""
        if self._is_asked and to == self._to:
            self._until_s = min(self._until_s, t_s + CONFIRMED_WAIT_S)

    @property
    def _to(self) -> State:
        """What the machine is switched to next."""
        first: State = "off" if self.begin == "on" else "on"
        return first if len(self._edges) % 2 == 0 else self.begin

    def _settle(self, t_s: float, known: Mapping[str, float]) -> Wait:
        left_s = self._since_s + SETTLE_S - t_s
        values = [self._readings.find(name, self._since_s) for name in self.own]
        if left_s > 0 or any(len(one) < SETTLE_READS for one in values):
            return Wait("settle", None, self._sum_own(known), max(left_s, 0.0))
        for middle, spread in map(find_level, values):
            if spread > RESTLESS_SHARE * abs(middle) + self._readings.floor_w:
                self._is_restless = True
        self._readings.note_asked(t_s, self._since_s)
        self._is_asked, self._until_s = True, t_s + self.wait_s
        return Wait("switch", self._to, self._sum_own(known), self.wait_s)

    def _watch(self, t_s: float, known: Mapping[str, float]) -> Wait:
        edge = self._readings.find_edge(self._to, t_s)
        has_own = edge is not None and all(edge.step(name) is not None for name in self.own)
        if edge is None or not has_own or not self._is_over(edge, t_s):
            if t_s > self._until_s + SILENT_S:
                return self._end("silent")
            return Wait("switch", self._to, self._sum_own(known), max(self._until_s - t_s, 0.0))
        self._edges.append(edge)
        self._is_asked, self._since_s, self._until_s = False, t_s - STEADY_S, math.inf
        if len(self._edges) % 2 or (len(self._edges) < 2 * CYCLES_MAX and self._is_doubtful()):
            return self._settle(t_s, known)
        return self._end(None)

    def _is_over(self, edge: Edge, t_s: float) -> bool:
        return t_s >= self._until_s or self._is_answered(edge, t_s) or self._is_repeated(edge, t_s)

    def _is_doubtful(self) -> bool:
        """Whether another cycle may tell more."""
        if self._is_restless:
            return True
        once = [name for name in self.own if any(edge.counts(name) for edge in self._edges)]
        if once:
            return any(not self._find_steps(name) for name in once)
        return any(self._find_steps(name) for name in self._find_others())

    def _find_others(self) -> list[str]:
        """Meters that are neither of this line nor include it."""
        names = {name: None for edge in self._edges for name in edge.before}
        return [name for name in names if name not in {*self.own, *self.sums}]

    def _is_answered(self, edge: Edge, t_s: float) -> bool:
        """Whether all of the line's own meters have stepped and are steady."""
        return all(edge.counts(name) and self._readings.is_steady(name, edge, t_s) for name in self.own)

    def _is_repeated(self, edge: Edge, t_s: float) -> bool:
        """Whether another meter that alone answered before answers again, and some of the own have not."""
        if not self._edges:
            return False
        answered = [name for name in self._find_others() if self._find_steps(name)]
        return (
            len(answered) == 1
            and not any(one.counts(name) for name in self.own for one in (*self._edges, edge))
            and bool(keep_alike([*self._find_steps(answered[0]), edge.counts(answered[0])]))
            and self._readings.is_steady(answered[0], edge, t_s, 3 * STEADY_S)
        )

    def _find_steps(self, meter: str) -> list[float]:
        """The steps of a meter, one for each time the machine was switched; none if it does not follow."""
        return keep_alike([edge.counts(meter) for edge in self._edges])

    def _end(self, why: Kind | None) -> Wait:
        own = {name: self._find_steps(name) for name in self.own}
        others = {name: steps for name in self._find_others() if (steps := self._find_steps(name))}
        sums = {name: steps for name in self.sums if (steps := self._find_steps(name))}
        self.result = judge(why, own, others, sums, self._find_level("off"), self._find_level("on"))
        return Wait("done")

    def _find_level(self, state: State) -> float | None:
        """What the line took while the machine was on, or off."""
        found = [
            sum(edge.after[name] if edge.to == state else edge.before[name] for name in self.own)
            for edge in self._edges
            if all(name in edge.before and name in edge.after for name in self.own)
        ]
        return statistics.fmean(found) if found else None

    def _sum_own(self, known: Mapping[str, float]) -> float | None:
        return sum(known[name] for name in self.own) if all(name in known for name in self.own) else None


def follow(test: OnOffTest, story: Iterable[tuple[float, Mapping[str, float | None]]]) -> Outcome | None:
    """Judge stored samples; None if they end before the test does."""
    for t_s, watts in story:
        if test.sample(t_s, watts).what == "done":
            break
    return test.result
