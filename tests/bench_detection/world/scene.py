"""Where a deed can be done in a plant, and whether power can show it at all.

Judged from true loads while learning, as a neighbour with a wattmeter would. `low_w` is the least that
treatment honestly took at a like load (the 2nd percentile of its sixth). A deed that leaves more than
CLEAR_SHARE of it is inside the honest band: it is counted apart, as what cannot be seen from power, and so
is a part of a treatment that was never off while it was learned.
"""

from typing import Final, Self

import numpy as np
from attrs import define, field, frozen

from tests.bench_detection.cases import HOUR_S, Floats
from tests.bench_detection.scene_b import Span, bridged, spans
from tests.bench_detection.world.works import LEARN_H, Machine, Mask, Works

CLEAR_SHARE: Final = 0.75
CLEAR_MOST: Final = 0.8
NEVER_OFF_SHARE: Final = 0.3
"""Of its median: below this even a treatment that was never seen off is off."""
SIXTHS: Final = 6
JOIN_MIN: Final = 30
LEAD_MIN: Final = 20
TRIES: Final = 200
IN_BAND: Final = "less treatment, but within what was honest while learning"
NEVER_OFF: Final = "a part of treatment that never stopped while learning"


@frozen
class Deed:
    """What was done from `begin` (the rule is broken) to `end`, in slots; `hidden`: why power cannot tell."""

    name: str
    plain: bool
    begin: int
    end: int
    hidden: str = ""


@define(eq=False)
class Scene:
    """A plant on which deeds are done, one after the other, hours apart."""

    works: Works
    rng: np.random.Generator
    healthy_w: Floats
    load_w: Floats
    treating: Mask
    runs: list[Span]
    solid: Mask
    edges: Floats
    low_w: Floats
    never_off: bool
    longest_rest: int
    cursor: int
    deeds: list[Deed] = field(factory=list)

    @classmethod
    def of(cls, works: Works, rng: np.random.Generator) -> Self:
        """Look at an honest plant."""
        load = total(works.of(treatment=False))
        healthy = total(works.of(treatment=True))
        learned = LEARN_H * HOUR_S // works.dt_s
        treating = np.logical_or.reduce([one.on for one in works.of(treatment=True)])
        solid = bridged(works.producing, works.slots(2))
        ripe = solid & np.roll(solid, works.slots(10)) & treating
        ripe[learned:] = False
        edges = np.unique(np.quantile(load[ripe], np.linspace(0, 1, SIXTHS + 1)[1:-1]))
        sixth = np.searchsorted(edges, load)
        low = np.array(
            [
                np.quantile(healthy[ripe & (sixth == n)], 0.02) if (ripe & (sixth == n)).any() else 0.0
                for n in range(len(edges) + 1)
            ]
        )
        rests = [
            b - a
            for a, b in spans(~treating[:learned] & bridged(works.producing, works.slots(60 * 60))[:learned])
        ]
        return cls(
            works=works, rng=rng, healthy_w=healthy, load_w=load, treating=treating,
            runs=spans(bridged(works.producing, works.slots(JOIN_MIN))), solid=solid, edges=edges, low_w=low,
            never_off=bool(treating[:learned].all()), longest_rest=max(rests, default=0),
            cursor=works.rare_from,
        )  # fmt: skip

    def place(self, low_min: float, high_min: float, where: Mask | None = None) -> Span | None:
        """A span inside a run, treatment working, production solid at its begin."""
        works = self.works
        least = max(works.slots(low_min), 8)
        for _ in range(TRIES):
            length = max(least, works.spread(low_min, high_min))
            a = self.cursor + int(self.rng.integers(works.slots(30 * 60)))
            b = a + length
            run = next(
                (one for one in self.runs if one[0] + works.slots(LEAD_MIN) <= a and b <= one[1]), None
            )
            if run is None or b + works.slots(60) >= works.n:
                continue
            start = self.solid[a : a + max(2, works.slots(12))]
            fits = self.treating[a:b].mean() >= 0.9 and self.solid[a:b].mean() >= 0.6 and start.all()
            if fits and (where is None or where[a:b].mean() >= 0.7):
                return a, b
        return None

    def run_after(self, least_min: float, pause_min: float) -> Span | None:
        """A run of production begun after a pause, with treatment resting within it."""
        works = self.works
        found = [
            (a, b)
            for (_, before), (a, b) in zip(self.runs[:-1], self.runs[1:], strict=True)
            if a - before >= works.slots(pause_min) and b - a >= works.slots(least_min)
            and self.cursor <= a < self.cursor + works.slots(72 * 60) and b + works.slots(120) < works.n
            and not self.treating[before:a].all() and self.solid[a : a + works.slots(30)].mean() > 0.9
        ]  # fmt: skip
        return found[int(self.rng.integers(len(found)))] if found else None

    def done(
        self,
        name: str,
        a: int,
        b: int,
        *,
        plain: bool,
        hidden: str = "",
        again_h: tuple[float, float] = (6, 18),
    ) -> bool:
        """It is done; the next one comes hours later."""
        self.deeds.append(Deed(name, plain, a, b, hidden))
        self.cursor = b + self.works.spread(60 * again_h[0], 60 * again_h[1])
        return True

    def why_hidden(self, a: int, b: int) -> str:
        """Whether what is left of treatment from a to b could be honest."""
        left = total(self.works.of(treatment=True))[a:b]
        low = self.low_w[np.searchsorted(self.edges, self.load_w[a:b])]
        at = self.solid[a:b]
        if not at.any() or (left < CLEAR_SHARE * low)[at].mean() < CLEAR_MOST:
            return IN_BAND
        if self.never_off and np.median(left[at]) > NEVER_OFF_SHARE * np.median(self.healthy_w[a:b][at]):
            return NEVER_OFF
        return ""

    def rest(self, machine: Machine, a: int, b: int) -> None:
        """Switched off: a panel's watts are left."""
        n = b - a
        machine.watts[a:b] = np.maximum(0, machine.rest_w * (1 + 0.03 * self.rng.standard_normal(n)))
        machine.pf[a:b] = machine.rest_pf

    def all_rest(self, a: int, b: int) -> None:
        """The whole treatment."""
        for one in self.works.of(treatment=True):
            self.rest(one, a, b)


def total(machines: list[Machine]) -> Floats:
    """True watts of one side."""
    return np.sum([one.watts for one in machines], axis=0)
