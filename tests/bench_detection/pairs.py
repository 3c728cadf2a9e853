"""Synthetic pairs: eight plants that differ in how treatment belongs to production.

constant · modulated (follows the load with a lag) · vfd (fan law, power as the cube of speed) · duty
(switches itself on and off) · pulsed production · always_on treatment · two treatments that take
turns in one linkage · two production lines. All have whole-watt meters; half of them show power
factor, current and voltage too.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import evolve

from tests.bench_detection.cases import DT_S, T0_S, Floats, Pair
from tests.bench_detection.loads import (
    DAY,
    HOUR,
    MINUTE,
    Mask,
    Side,
    around,
    delayed,
    duty,
    metered,
    plain,
    ripple,
    runs,
    shifts,
    slow,
)

PRODUCTION_W: Final = 60_000
TREATMENT_W: Final = 22_000
SIZES: Final = (0.4, 2.5)
START: Final = (6, 18)
STOP: Final = (18, 72)
"""Treatment starts one to three minutes before production and runs on for three to twelve minutes."""


def build(name: str, days: int, seed: int) -> Pair:
    """The pair of this name, healthy and complete, `days` long."""
    rng = np.random.default_rng([seed, 1 + NAMES.index(name)])
    return _sized(_MAKERS[name](name, days, rng), rng.uniform(*SIZES), rng.uniform(*SIZES))


def _sized(pair: Pair, u: float, t: float) -> Pair:
    """The same plant built larger or smaller, so that no seed has the watts of another."""
    currents = pair.current_production_a, pair.current_treatment_a
    return evolve(
        pair,
        production_w=np.rint(pair.production_w * u).astype(np.int64),
        treatment_w=np.rint(pair.treatment_w * t).astype(np.int64),
        current_production_a=None if currents[0] is None else currents[0] * u,
        current_treatment_a=None if currents[1] is None else currents[1] * t,
        rated_production_w=pair.rated_production_w * u,
        rated_treatment_w=pair.rated_treatment_w * t,
    )


def _pair(name: str, production: Side, treatment: Side, **more: object) -> Pair:
    n = len(production.watts)
    return Pair(
        name=name,
        times_s=T0_S + 3.0 + DT_S * np.arange(n),
        production_w=production.watts,
        treatment_w=treatment.watts,
        pf_production=production.pf,
        pf_treatment=treatment.pf,
        current_production_a=production.current_a,
        current_treatment_a=treatment.current_a,
        voltage_production_v=production.voltage_v,
        voltage_treatment_v=treatment.voltage_v,
        rated_production_w=PRODUCTION_W,
        rated_treatment_w=TREATMENT_W,
        **more,  # type: ignore[arg-type]
    )


def _load(on: Mask, demand: Floats | float, standby: float, rng: np.random.Generator) -> Floats:
    n = len(on)
    idle = standby * (1 + 0.03 * rng.standard_normal(n))
    return np.where(on, PRODUCTION_W * demand * ripple(n, 0.015, 0.02, rng), idle)


def _fan(running: Mask, power: Floats | float, rng: np.random.Generator, standby: float = 8.0) -> Floats:
    n = len(running)
    quiet = standby * (1 + 0.1 * rng.standard_normal(n))
    return np.where(running, power * ripple(n, 0.006, 0.006, rng), quiet)


def _constant(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng)
    running = around(on, rng, before=START, after=STOP)
    u, t = _load(on, 0.8, 240, rng), _fan(running, 20_000, rng)
    return _pair(name, metered(u, 0.82, on, rng), metered(t, 0.86, running, rng))


def _modulated(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng)
    demand = 0.45 + 0.5 * slow(days * DAY, 12 * MINUTE, rng)
    running = around(on, rng, before=START, after=STOP)
    follows = 5_000 + 15_000 * delayed(np.where(on, demand, 0.35), 6)
    return _pair(name, plain(_load(on, demand, 260, rng)), plain(_fan(running, follows, rng)))


def _vfd(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng, night=0.5)
    demand = 0.4 + 0.55 * slow(days * DAY, 20 * MINUTE, rng)
    running = around(on, rng, before=START, after=STOP)
    hertz = 34 + 16 * delayed(np.where(on, demand, 0.3), 3)
    power = 21_000 * (hertz / 50) ** 3
    u, t = _load(on, demand, 300, rng), _fan(running, power, rng, standby=35)
    return _pair(name, metered(u, 0.84, on, rng), metered(t, 0.95, running, rng))


def _duty(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng)
    demand = 0.6 + 0.3 * slow(days * DAY, 30 * MINUTE, rng)
    running = duty(around(on, rng, before=START, after=STOP), 600, 240, rng)
    u, t = _load(on, demand, 220, rng), _fan(running, 18_000, rng)
    return _pair(name, metered(u, 0.8, on, rng), metered(t, 0.88, running, rng), duty_cycled=True)


def _pulsed(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng)
    n = days * DAY
    beat = (np.arange(n) + (6 * slow(n, HOUR, rng)).astype(np.int64)) % 7 < 4
    u = np.where(on & beat, _load(on, 0.85, 200, rng), np.where(on, 1_500, 200) * ripple(n, 0.03, 0.01, rng))
    return _pair(name, plain(u), plain(_fan(around(on, rng, before=START, after=STOP), 15_000, rng)))


def _always_on(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng, night=0.6)
    demand = 0.55 + 0.4 * slow(days * DAY, 15 * MINUTE, rng)
    level = 16_000 + 1_500 * slow(days * DAY, 6 * HOUR, rng)
    running = np.ones(days * DAY, bool)
    return _pair(name, plain(_load(on, demand, 0, rng)), plain(_fan(running, level, rng)))


def _two_treatments(name: str, days: int, rng: np.random.Generator) -> Pair:
    on = shifts(days, rng)
    demand = 0.6 + 0.3 * slow(days * DAY, 25 * MINUTE, rng)
    running = around(on, rng, before=START, after=STOP)
    first = np.arange(days * DAY) // DAY % 2 == 0
    u, t = _load(on, demand, 250, rng), _fan(running, 14_000, rng, standby=16)
    share = np.where(running, np.where(first, 1.0, 0.0), 0.5)
    sides = metered(u, 0.83, on, rng), metered(t, 0.87, running, rng)
    return _pair(name, *sides, treatment_split=share)


def _two_productions(name: str, days: int, rng: np.random.Generator) -> Pair:
    first, second = shifts(days, rng, night=0.2), shifts(days, rng, night=0.6)
    for begin, end in runs(second):
        if rng.random() < 0.4:
            second[begin:end] = False
    on = first | second
    count = first.astype(np.int64) + second
    running = around(on, rng, before=START, after=STOP)
    u = _load(on, 0.4 * count, 320, rng)
    power = 12_000 + 6_000 * delayed((count == 2).astype(np.float64), 3)
    share = np.where(first == second, 0.5, np.where(first, 0.99, 0.01))
    return _pair(name, plain(u), plain(_fan(running, power, rng)), production_split=share)


_MAKERS: Final[dict[str, Callable[[str, int, np.random.Generator], Pair]]] = {
    "constant": _constant,
    "modulated": _modulated,
    "vfd": _vfd,
    "duty": _duty,
    "pulsed": _pulsed,
    "always_on": _always_on,
    "two_treatments": _two_treatments,
    "two_productions": _two_productions,
}
NAMES: Final = tuple(_MAKERS)
