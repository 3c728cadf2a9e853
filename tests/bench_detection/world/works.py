"""The drawing board of the second world: time, chance, and machines whose true power is drawn slot by slot.

A `Works` is one seeded plant while it is drawn. Its `machines` hold true watts and power factor; deeds change
those. What meters make of them (steps, losses, dead phases) is `meters.show`, so that a deed is seen through
the same meter as all else. Nothing here knows how the detector works.

A technician comes on a working day between 8 and 17 h, so learning begins then; `LEARN_H` is the longest that
learning may take, and whatever is rare in a plant happens after it.
"""

import zlib
from typing import Final, Self

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from tests.bench_detection.cases import DAY_S, HOUR_S, T0_S, Floats
from tests.bench_detection.scene_b import Span, spans

Mask = NDArray[np.bool_]

LEARN_H: Final = 168
LEARN_DAYS: Final = LEARN_H // 24
WEEK: Final = 7
SUNDAY: Final = 6
T0_WEEKDAY: Final = 3
"""T0_S is the midnight of a Thursday; Monday is 0."""


@define(kw_only=True, eq=False)
class Machine:
    """One metered line as it truly is.

    Attributes:
        id: p1, p2 … production, t1, t2 … treatment.
        watts: True active power of each slot.
        pf: True power factor.
        on: Whether it does its work.
        rated_w: Nameplate.
        rest_w: What it takes when off.
        rest_pf: Power factor then.
    """

    id: str
    watts: Floats
    pf: Floats
    on: Mask
    rated_w: float
    rest_w: float
    rest_pf: float

    @property
    def treatment(self) -> bool:
        """Whether it treats."""
        return self.id.startswith("t")


@define(kw_only=True, eq=False)
class Works:
    """One plant while it is drawn.

    Attributes:
        kind: What sort of plant; variant: a number within it.
        seed: With kind and variant all that is needed to draw it again.
        producing: Slots in which something is emitted that must be treated.
        dead: No supply voltage. dark: no meter answers.
        lost: By line, slots whose sample is lost.
        phase: By line, share of the three phases that the meter sees (1 of a sound one).
        step_w, pulse_wh: By line or "" for all: steps of power, or of energy where power comes from pulses.
        channels: The meters give power factor, current and voltage.
        clock_s: Error of the clock by slot.
        excused: Treatment stopped under a declaration. notes: what happens, by slot.
        duty: Treatment rests and works by level or timer while all is well.
    """

    kind: str
    variant: int
    seed: int
    rng: np.random.Generator
    dt_s: int
    days: int
    t0_s: float
    hour: Floats
    day: NDArray[np.int64]
    weekday: NDArray[np.int64]
    machines: list[Machine] = field(factory=list)
    producing: Mask
    dead: Mask
    dark: Mask
    lost: dict[str, Mask] = field(factory=dict)
    phase: dict[str, Floats] = field(factory=dict)
    step_w: dict[str, float] = field(factory=dict)
    pulse_wh: dict[str, float] = field(factory=dict)
    channels: bool = True
    loss_share: float = 0.003
    clock_s: Floats
    excused: list[Span] = field(factory=list)
    notes: list[tuple[int, str]] = field(factory=list)
    duty: bool = False

    @classmethod
    def open(cls, kind: str, variant: int, seed: int, *, days: int, dt_s: int) -> Self:
        """An empty plant of so many days."""
        rng = np.random.default_rng([seed, variant, zlib.crc32(kind.encode())])
        begin = int(rng.choice([4, 5, 6, 7, 8, 11, 12])) * DAY_S + int(rng.uniform(8, 17) * HOUR_S)
        n = days * DAY_S // dt_s
        local = begin + dt_s * np.arange(n, dtype=np.float64)
        day = (local // DAY_S).astype(np.int64)
        return cls(
            kind=kind, variant=variant, seed=seed, rng=rng, dt_s=dt_s, days=days, t0_s=T0_S + float(begin),
            hour=local % DAY_S / HOUR_S, day=day - day[0], weekday=(T0_WEEKDAY + day) % WEEK,
            producing=np.zeros(n, np.bool_), dead=np.zeros(n, np.bool_), dark=np.zeros(n, np.bool_),
            channels=bool(rng.random() < 0.6), loss_share=float(rng.choice([0.0, 0.002, 0.01, 0.02])),
            clock_s=np.zeros(n),
        )  # fmt: skip

    @property
    def n(self) -> int:
        """Slots in all."""
        return len(self.hour)

    @property
    def rare_from(self) -> int:
        """Slot from which on rare things may happen."""
        return LEARN_H * HOUR_S // self.dt_s + self.slots(60)

    def slots(self, minutes: float) -> int:
        """So many minutes, at least one slot."""
        return max(1, round(minutes * 60 / self.dt_s))

    def spread(self, low: float, high: float) -> int:
        """Between so many minutes, in slots, at least one."""
        return self.slots(self.rng.uniform(low, high))

    def slot_of(self, day: int, hour: float) -> int:
        """The first slot of a day (0 is the day of the technician) at or after this hour."""
        found = np.flatnonzero((self.day == day) & (self.hour >= hour))
        return int(found[0]) if len(found) else self.n

    def note(self, slot: int, text: str) -> None:
        """What honestly happened here, for the report."""
        self.notes.append((slot, text))

    def sway(self, share: float, minutes: float) -> Floats:
        """Slow wandering around 1, with a new goal after so many minutes."""
        step = self.slots(minutes)
        knots = self.rng.normal(0, share, self.n // step + 2).clip(-2.5 * share, 2.5 * share)
        return 1 + np.interp(np.arange(self.n), np.arange(len(knots)) * step, knots)

    def level(self, low: float, high: float, minutes: float) -> Floats:
        """A wandering level between low and high."""
        step = self.slots(minutes)
        knots = self.rng.uniform(low, high, self.n // step + 2)
        return np.interp(np.arange(self.n), np.arange(len(knots)) * step, knots)

    def hold(self, low: float, high: float, minutes: float) -> Floats:
        """A level that jumps to a new value about every so many minutes."""
        starts = np.cumsum(
            [
                self.spread(0.4 * minutes, 1.6 * minutes)
                for _ in range(self.n // self.slots(minutes * 0.4) + 1)
            ]
        )
        return self.rng.uniform(low, high, len(starts) + 1)[
            np.searchsorted(starts, np.arange(self.n), "right")
        ]

    def machine(
        self, name: str, on: Mask, load: Floats | float, *, rest_w: float, noise: float, pf: float = 0.85
    ) -> Machine:
        """A line that takes `load` while on and `rest_w` else; its nameplate has the usual reserve."""
        rest = np.maximum(0, rest_w * (1 + 0.03 * self.rng.standard_normal(self.n)))
        work = np.asarray(load) * (1 + noise * self.rng.standard_normal(self.n).clip(-3, 3))
        watts = np.maximum(np.where(on, work, rest), 0)
        rest_pf = float(self.rng.uniform(0.35, 0.65))
        factor = np.where(on, pf, rest_pf) + 0.004 * self.rng.standard_normal(self.n)
        made = Machine(
            id=name, watts=watts, pf=factor.clip(0.05, 1), on=on.copy(), rest_w=rest_w, rest_pf=rest_pf,
            rated_w=float(np.quantile(np.asarray(load) * np.ones(1), 0.99) * self.rng.uniform(1.1, 1.5)),
        )  # fmt: skip
        self.machines.append(made)
        return made

    def around(self, on: Mask, before: tuple[float, float], after: tuple[float, float]) -> Mask:
        """Treatment for each run: started so many minutes before it (less than 0: after), stopped later."""
        out = np.zeros_like(on)
        for a, b in spans(on):
            lead = round(self.rng.uniform(*before) * 60 / self.dt_s)
            out[max(0, a - lead) : b + self.spread(*after)] = True
        return out

    def moments(self, count: int, where: Mask, apart_min: float) -> list[int]:
        """So many slots of `where` after learning, well apart, in order; fewer if there is no room."""
        choice = np.flatnonzero(where[self.rare_from : self.n - self.slots(24 * 60)]) + self.rare_from
        found: list[int] = []
        for at in self.rng.permutation(choice)[: 50 * count].tolist():
            if len(found) < count and all(abs(at - other) >= self.slots(apart_min) for other in found):
                found.append(at)
        return sorted(found)

    def of(self, *, treatment: bool) -> list[Machine]:
        """The lines of one side."""
        return [one for one in self.machines if one.treatment == treatment]


def cube(speed: Floats | float) -> Floats:
    """Share of power at a share of speed: the fan law and the losses of the drive."""
    return 0.03 + 0.97 * np.asarray(speed, dtype=np.float64) ** 3
