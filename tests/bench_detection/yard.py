"""A plant in a few strokes, for plants that are honest: shifts, a fan around them, and what meters show.

A yard holds what is on and how much it would take; a plant bends these arrays, and `pair_of` turns them
into readings: noise of the load, a panel's few watts at rest, power factor, current and voltage.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from attrs import define
from numpy.typing import NDArray

from tests.bench_detection.cases import DAY_S, DT_S, T0_S, Floats, Pair

DAYS: Final = 28
SUNDAY: Final = 3
"""T0 is a Thursday."""
RATED_PRODUCTION_W, RATED_TREATMENT_W = 75_000.0, 30_000.0
PRODUCTION_W, TREATMENT_W = 55_000.0, 22_000.0
PF_FAN, PF_REST, PF_MACHINE = 0.85, 0.5, 0.8
VOLTS: Final = 230.0

Flags = NDArray[np.bool_]


@define
class Yard:
    """Time and chance of one plant, and the loads as they grow."""

    rng: np.random.Generator
    hour: Floats
    day: NDArray[np.int64]
    on: Flags
    fan: Flags
    load: Floats
    draught: Floats
    dark: Flags

    def slot(self, day: float, hour: float) -> int:
        return round((day * 24 + hour) * 3600 / DT_S)

    def sundays(self) -> range:
        return range(SUNDAY, DAYS, 7)


def spans(flags: Flags) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return zip((int(a) for a in edges[::2]), (int(b) for b in edges[1::2]), strict=True)


def sway(rng: np.random.Generator, slots: int, share: float) -> Floats:
    """Slow wandering of a load around 1: a new target every five minutes."""
    knots = rng.normal(0, share, slots // 30 + 2)
    return 1 + np.interp(np.arange(slots), np.arange(len(knots)) * 30, knots)


def around(
    rng: np.random.Generator, on: Flags, before_s: tuple[float, float], after_s: tuple[float, float]
) -> Flags:
    """Treatment for each run: so much before its start (less than nothing is after) and after its end."""
    out = np.zeros_like(on)
    for a, b in spans(on):
        out[max(0, a - round(rng.uniform(*before_s) / DT_S)) : b + round(rng.uniform(*after_s) / DT_S)] = True
    return out


def open_yard(name: str, seed: int, *shifts: tuple[float, float], sunday: bool = False) -> Yard:
    """Shifts from hour to hour, begun and ended within some minutes of the clock; fan around them."""
    rng = np.random.default_rng([seed, *name.encode()])
    slots = DAYS * DAY_S // DT_S
    index = np.arange(slots)
    on = np.zeros(slots, dtype=np.bool_)
    for day in range(DAYS):
        for begin, end in shifts if sunday or day % 7 != SUNDAY else ():
            late, over = rng.uniform(0, 0.1, 2)
            on[round((day * 24 + begin + late) * 360) : round((day * 24 + end + over) * 360)] = True
    return Yard(
        rng=rng, hour=index / 360 % 24, day=index // 8640, on=on, fan=around(rng, on, (40, 120), (300, 900)),
        load=PRODUCTION_W * sway(rng, slots, 0.08), draught=np.full(slots, TREATMENT_W),
        dark=np.zeros_like(on),
    )  # fmt: skip


def pair_of(
    name: str, yard: Yard, *, standby_w: float = 800.0, split: dict[str, Floats] | None = None
) -> Pair:
    """What the meters of the yard show."""
    rng, slots = yard.rng, len(yard.on)
    resting = np.where(
        yard.dark, 0, standby_w * sway(rng, slots, 0.02) + rng.normal(0, 0.01 * standby_w, slots)
    )
    production = np.where(yard.on, yard.load * (1 + rng.normal(0, 0.03, slots)), resting)
    panel = np.where(yard.dark, 0, rng.uniform(15, 30, slots))
    treatment = np.where(yard.fan, yard.draught * (1 + rng.normal(0, 0.012, slots)), panel)
    volts = np.where(yard.dark, 0.0, VOLTS * sway(rng, slots, 0.008))
    pf_p, pf_t = np.where(yard.on, PF_MACHINE, PF_REST), np.where(yard.fan, PF_FAN, PF_REST)
    production, treatment = np.rint(np.maximum(production, 0)), np.rint(np.maximum(treatment, 0))
    live = np.maximum(volts, 1.0)
    splits = split or {}
    return Pair(
        name=f"honest {name}",
        times_s=T0_S + np.arange(slots, dtype=np.float64) * DT_S,
        production_w=production.astype(np.int64),
        treatment_w=treatment.astype(np.int64),
        pf_production=pf_p + rng.normal(0, 0.004, slots),
        pf_treatment=pf_t + rng.normal(0, 0.004, slots),
        current_production_a=production / (3 * live * pf_p),
        current_treatment_a=treatment / (3 * live * pf_t),
        voltage_production_v=volts,
        voltage_treatment_v=volts,
        rated_production_w=RATED_PRODUCTION_W,
        rated_treatment_w=RATED_TREATMENT_W,
        production_split=splits.get("production"),
        treatment_split=splits.get("treatment"),
    )
