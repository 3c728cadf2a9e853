"""A seeded plant on 10 s slots: pairs of production and treatment, nuisances, injected violations.

Nothing here knows how the detector works: loads are made from shifts, noise and a law of treatment,
and an event changes the loads as the deed would.
"""

from dataclasses import dataclass, field

import numpy as np

DT_S = 10
DAY = 86_400 // DT_S
T0_S = 1_767_200_400  # midnight of a Thursday at +08:00
PAIRS = ("constant", "modulated", "duty", "pulsed", "always_on", "two_stage")
CLASSES = ("off", "idle", "late_start", "early_stop", "dummy", "ct_prod", "stuck_t", "stuck_p", "gap")
ACCEPTED = {
    "off": {"off", "early_stop"},
    "idle": {"idle", "off"},
    "late_start": {"late_start", "off"},
    "early_stop": {"early_stop", "off"},
    "dummy": {"flat", "stuck", "decoupled", "low_correlation", "idle", "off"},
    "ct_prod": {"ct_prod", "stuck"},
    "stuck_t": {"stuck", "flat"},
    "stuck_p": {"stuck"},
    "gap": {"data_loss"},
}


@dataclass
class Event:
    kind: str
    begin: int
    end: int
    grace: int = 0

    @property
    def broken(self) -> int:
        return self.begin + self.grace


@dataclass
class Loads:
    """Watts by slot, NaN where missing, and what was done to them."""

    u: np.ndarray
    t: np.ndarray
    runs: list[tuple[int, int]]
    events: list[Event] = field(default_factory=list)
    rated_u: float = 60_000.0
    rated_t: float = 22_000.0


def plant(pair: str, days: int, seed: int) -> Loads:
    rng = np.random.default_rng([seed, PAIRS.index(pair)])
    n = days * DAY
    on = np.zeros(n, bool)
    runs = _shifts(days, rng)
    for begin, end in runs:
        on[begin:end] = True
    level = _slow(n, rng)
    demand = np.where(on, 0.62 + 0.3 * level if pair != "constant" else 0.8, 0.0)
    ripple = 1 + 0.02 * rng.standard_normal(n)
    u = np.where(on, 60_000 * demand * ripple, 240 + 6 * rng.standard_normal(n))
    if pair == "pulsed":
        phase = np.arange(n) % 7
        u = np.where(on & (phase >= 4), 1500 * ripple, u)
    _jogs(u, on, rng)
    t = _treatment(pair, on, runs, demand, rng)
    loads = Loads(u, t, runs)
    dips = rng.random(n) < 0.0005
    loads.t = np.where(dips, 0.0, loads.t)
    for x in (loads.u, loads.t):
        x[rng.random(n) < 0.02] = np.nan
    return loads


def _shifts(days: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    runs = []
    for day in range(days):
        if day % 7 == 3:  # Sunday
            continue
        begin = day * DAY + int(rng.normal(7.5, 0.3) * 360)
        lunch = day * DAY + int(rng.normal(12, 0.1) * 360)
        end = day * DAY + int(rng.normal(18.5, 0.8) * 360)
        runs += [(begin, lunch), (lunch + int(rng.normal(1, 0.1) * 360), end)]
        if rng.random() < 0.4:
            runs.append((end + 540, min(end + 540 + 720, (day + 1) * DAY - 60)))
    return runs


def _slow(n: int, rng: np.random.Generator) -> np.ndarray:
    steps = rng.random(n // 60 + 2)
    return np.interp(np.arange(n), np.arange(len(steps)) * 60, steps)


def _jogs(u: np.ndarray, on: np.ndarray, rng: np.random.Generator) -> None:
    """Short trial runs of the machine while it is off: no treatment needed, they are within the grace."""
    for block in range(0, len(u) - 4000, 4000):
        at = block + int(rng.integers(0, 3000))
        if not on[max(0, at - 90) : at + 90].any():
            u[at : at + int(rng.integers(3, 12))] = 30_000


def _treatment(
    pair: str, on: np.ndarray, runs: list[tuple[int, int]], demand: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    n = len(on)
    running = np.zeros(n, bool)
    for begin, end in runs:
        benign = 90 if rng.random() < 0.1 else 0  # somebody forgot to switch it off for a while
        running[max(0, begin - int(rng.integers(6, 20))) : end + int(rng.integers(20, 60)) + benign] = True
    noise = 1 + 0.012 * rng.standard_normal(n)
    power = np.full(n, 20_000.0)
    if pair == "modulated":
        lagged = np.concatenate((np.zeros(6), demand[:-6]))
        power = 6_000 + 15_000 * np.clip(lagged, 0.4, 1)
    if pair == "two_stage":
        power = np.where(_slow(n, rng) > 0.5, 20_000.0, 14_000.0)
    if pair == "always_on":
        running[:] = True
    if pair == "duty":
        cycle = np.arange(n) % 84
        running &= cycle < 60
    return np.where(running, power * noise, 8 + rng.standard_normal(n)).clip(0)


def inject(loads: Loads, seed: int, after: int, kinds: tuple[str, ...] = CLASSES) -> None:
    """One event of every kind in runs of production after slot `after`."""
    rng = np.random.default_rng([seed, 77])
    runs = [run for run in loads.runs if run[0] > after and run[1] - run[0] > 900]
    rng.shuffle(runs)
    for kind, (begin, end) in zip(kinds, runs, strict=False):
        _apply(loads, kind, begin, end, rng)


def _apply(loads: Loads, kind: str, begin: int, end: int, rng: np.random.Generator) -> None:
    u, t = loads.u, loads.t
    middle = begin + int(rng.integers(240, 420))
    stop = min(middle + int(rng.integers(180, 400)), end - 60)
    low = np.where(np.isnan(t), np.nan, 8 + rng.standard_normal(len(t)).clip(-6))
    grace = 0
    if kind == "off":
        t[middle:stop] = low[middle:stop]
    elif kind == "idle":
        t[middle:stop] *= float(rng.uniform(0.2, 0.42))
    elif kind == "late_start":
        middle, stop, grace = begin, begin + int(rng.integers(120, 300)), 30
        t[begin - 60 : stop] = low[begin - 60 : stop]
    elif kind == "early_stop":
        middle, stop = end - int(rng.integers(60, 180)), end
        t[middle : end + 300] = low[middle : end + 300]
    elif kind == "dummy":
        middle = begin + 120
        flat = float(np.nanmedian(t[middle:end]))
        hold = np.where(np.isnan(t), np.nan, flat + rng.integers(-2, 3, len(t)))
        stop = end
        t[middle:stop] = hold[middle:stop]
    elif kind == "ct_prod":
        u[middle:stop] = np.where(np.isnan(u[middle:stop]), np.nan, 0.0)
    elif kind in {"stuck_t", "stuck_p"}:
        x = t if kind == "stuck_t" else u
        value = next(v for v in x[middle:] if v > 5000)
        x[middle:stop] = np.where(np.isnan(x[middle:stop]), np.nan, value)
    elif kind == "gap":
        t[middle:stop] = np.nan
    loads.events.append(Event(kind, middle, stop, grace))


def times(loads: Loads) -> np.ndarray:
    return T0_S + DT_S * np.arange(len(loads.u)) + 3.0
