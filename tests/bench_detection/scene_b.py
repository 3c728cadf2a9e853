"""What injector B knows of a healthy pair, and the copy on which it works.

Judged from the loads alone, as an owner would who looks at his ammeters: the two modes of a load are split
where the mean of their logarithms settles; a run is production with pauses of at most BRIDGE_S; `normal_w`
is the median treatment at the load of the moment. `clear` marks production that nobody could call off.

The healthy sums and what follows from them never change; deeds change `parts` (one array a line) and the
channels. `busy` keeps deeds MARGIN_S apart, so that each is judged for itself.
"""

from typing import Any, Final, Self

import numpy as np
from attrs import define, evolve, field, frozen
from numpy.typing import NDArray

from tests.bench_detection.cases import GRACE_S, MISSING, Event, Floats, Pair, Watts

BRIDGE_S: Final = 120
MARGIN_S: Final = 7200
MODES_APART: Final = 0.4
"""Off is at most so much of on, or the load knows only one mode."""
FLOOR_SHARE: Final = 0.02
SPLIT_SHARE: Final = 0.15
"""Of the way from off to on: a small line that runs alone is production too."""
SETTLE_ROUNDS: Final = 50
LOAD_BINS: Final = 6
BAND_SHARE: Final = 0.8
IDLE_SHARE: Final = 0.44
"""The most of what is normal that is idle without doubt."""
CLEAR_QUANTILE: Final = 0.05

Flags = NDArray[np.bool_]
Span = tuple[int, int]


@frozen(kw_only=True)
class Levels:
    """Where a load is on: above `split_w`; `off_w` and `on_w` are the medians of its modes."""

    off_w: float
    on_w: float
    split_w: float
    two_modes: bool


@define(kw_only=True)
class Side:
    """One side of the linkage: its lines, and the channels that belong to their sum."""

    parts: list[Watts]
    pf: Floats | None
    current: Floats | None
    voltage: Floats | None
    healthy: Floats
    levels: Levels
    on: Flags
    rated_w: float


def spans(flags: Flags) -> list[Span]:
    """First and one past the last index of each stretch of true."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def bridged(flags: Flags, slots: int) -> Flags:
    """The same with inner pauses of up to so many slots filled."""
    out = flags.copy()
    for a, b in spans(~flags):
        if a > 0 and b < len(flags) and b - a <= slots:
            out[a:b] = True
    return out


def levels_of(watts: Floats) -> Levels:
    """The two modes of a load, or the one that it has."""
    top = float(np.quantile(watts, 0.99))
    logs = np.log(np.maximum(watts, max(FLOOR_SHARE * top, 1.0)))
    split = float((logs.min() + logs.max()) / 2)
    for _ in range(SETTLE_ROUNDS):
        low, high = logs[logs < split], logs[logs >= split]
        if not len(low) or not len(high):
            break
        settled = float((low.mean() + high.mean()) / 2)
        if abs(settled - split) < 1e-6:
            break
        split = settled
    off, on = watts[logs < split], watts[logs >= split]
    if len(off) < len(watts) // 200 or np.median(off) > MODES_APART * np.median(on):
        middle = float(np.median(watts))
        return Levels(off_w=0.0, on_w=middle, split_w=0.3 * middle, two_modes=False)
    low_w, high_w = float(np.median(off)), float(np.median(on))
    return Levels(off_w=low_w, on_w=high_w, split_w=low_w + SPLIT_SHARE * (high_w - low_w), two_modes=True)


def _filled(watts: Watts) -> Floats:
    """Missing samples take the value before them."""
    known = np.where(watts == MISSING, 0, np.arange(len(watts)))
    values = watts[np.maximum.accumulate(known)]
    return np.where(values == MISSING, 0, values).astype(np.float64)


def _side(pair: Pair, name: str) -> Side:
    watts: Watts = getattr(pair, f"{name}_w")
    share: Floats | None = getattr(pair, f"{name}_split")
    if share is None:
        parts = [watts.copy()]
    else:
        first = np.where(watts == MISSING, MISSING, np.rint(watts * share).astype(np.int64))
        parts = [first, np.where(watts == MISSING, MISSING, watts - first)]
    channels = [
        getattr(pair, f"{key}_{name}{unit}")
        for key, unit in (("pf", ""), ("current", "_a"), ("voltage", "_v"))
    ]
    pf, current, voltage = (None if c is None else c.copy() for c in channels)
    healthy = _filled(watts)
    levels = levels_of(healthy)
    return Side(
        parts=parts, pf=pf, current=current, voltage=voltage, healthy=healthy, levels=levels,
        on=healthy >= levels.split_w, rated_w=getattr(pair, f"rated_{name}_w"),
    )  # fmt: skip


@define(kw_only=True)
class Scene:
    """A pair on the operating table."""

    pair: Pair
    rng: np.random.Generator
    production: Side
    treatment: Side
    runs: list[Span]
    clear: Flags
    normal_w: Floats
    band_share: float
    """Below this share of normal no healthy moment lies: on the way down the rule is broken from here on."""
    longest_pause: int
    """Slots for which treatment honestly rests under load."""
    first: int
    busy: Flags
    events: list[Event] = field(factory=list)

    @classmethod
    def of(cls, pair: Pair, rng: np.random.Generator) -> Self:
        """Look at a healthy pair and copy what deeds will change."""
        production, treatment = _side(pair, "production"), _side(pair, "treatment")
        slots = len(pair.times_s)
        on = bridged(production.on, BRIDGE_S // pair.dt_s)
        strong = production.healthy >= np.quantile(production.healthy[production.on], CLEAR_QUANTILE)
        mature = on.copy()
        for a, b in spans(on):
            mature[a : min(b, a + 2 * GRACE_S // pair.dt_s)] = False
        pauses = [b - a for a, b in spans(mature & ~treatment.on) if (b - a) * pair.dt_s > BRIDGE_S]
        first = int(np.searchsorted(pair.times_s, pair.commission_end_s)) + 3600 // pair.dt_s
        normal_w = _normal(production.healthy, treatment, mature)
        good = mature & treatment.on
        low = float(np.quantile(treatment.healthy[good] / normal_w[good], 0.01)) if good.any() else 1.0
        return cls(
            pair=pair, rng=rng, production=production, treatment=treatment, runs=spans(on), clear=strong & on,
            normal_w=normal_w,
            band_share=float(np.clip(low - 0.05, IDLE_SHARE, BAND_SHARE)),
            longest_pause=max(pauses, default=0), first=first, busy=np.arange(slots) < first,
        )  # fmt: skip

    def slots(self, seconds: float) -> int:
        """So many slots."""
        return round(seconds / self.pair.dt_s)

    def free(self, a: int, b: int) -> bool:
        """Nothing else happens from a to b or near it, and the recording holds it."""
        margin = self.slots(MARGIN_S)
        return a >= self.first and b + margin < len(self.busy) and not self.busy[a : b + margin].any()

    def take(self, a: int, b: int, event: Event) -> None:
        """Here something has been done."""
        self.busy[max(0, a - self.slots(MARGIN_S)) : b + self.slots(MARGIN_S)] = True
        self.events.append(event)

    def time(self, slot: int) -> float:
        """When the sample of a slot was taken."""
        return float(self.pair.times_s[min(slot, len(self.pair.times_s) - 1)])

    def result(self) -> Pair:
        """The pair as the meters show it now."""
        changed: dict[str, Any] = {}
        for name, side in (("production", self.production), ("treatment", self.treatment)):
            total = side.parts[0] if len(side.parts) == 1 else _sum(side.parts)
            changed[f"{name}_w"] = total
            if len(side.parts) > 1:
                known = total > 0
                changed[f"{name}_split"] = np.where(known, side.parts[0] / np.where(known, total, 1), 0.5)
            changed |= {
                f"pf_{name}": side.pf,
                f"current_{name}_a": side.current,
                f"voltage_{name}_v": side.voltage,
            }
        return evolve(self.pair, **changed)


def _sum(parts: list[Watts]) -> Watts:
    return np.where((parts[0] == MISSING) | (parts[1] == MISSING), MISSING, parts[0] + parts[1])


def _normal(load_w: Floats, treatment: Side, mature: Flags) -> Floats:
    """Median running power of treatment at the load of each moment."""
    good = mature & treatment.on
    if not good.any():
        return np.full(len(load_w), treatment.levels.on_w)
    edges = np.unique(np.quantile(load_w[good], np.linspace(0, 1, LOAD_BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, load_w)
    overall = float(np.median(treatment.healthy[good]))
    medians = [
        float(np.median(treatment.healthy[good & (bins == n)])) if (good & (bins == n)).any() else overall
        for n in range(len(edges) + 1)
    ]
    return np.array(medians)[bins]
