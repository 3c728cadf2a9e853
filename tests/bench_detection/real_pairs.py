"""Pairs on real recordings, where DIANJIAN_DATA points at them (its README describes them).

| pair | production | treatment |
|---|---|---|
| steel_fan, steel_vfd | UCI Steel: 15-min energy of a steel works, with its power factor | a synthetic fan |
| burner_fan | AMPds2: gas of a batch burner, 1 min, as if it were heated by electricity | a synthetic fan |
| pellet_1, pellet_2 | IMDELD: hourly apparent power of a pelletizer | its real exhaust fan |

A coarse recording is drawn to 10 s as a line between its values with the noise of such a machine on it,
and each of its intervals is scaled so that the mean of the interval stays what was recorded. IMDELD has
holes of days; the hours that have both machines are joined. Its production never stops, so late starts
and early stops cannot be made from it, and its commissioning is extended to seven days. Production whose
recording is apparent power is taken times 0.85, because the detector wants active power.
"""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from attrs import evolve

from tests.bench_detection.cases import DT_S, T0_S, Floats, Pair
from tests.bench_detection.loads import (
    DAY,
    HOUR,
    MINUTE,
    Mask,
    around,
    current,
    delayed,
    metered,
    ripple,
    runs,
    slow,
    watts,
)

VARIABLE: Final = "DIANJIAN_DATA"
QUARTER: Final = 15 * MINUTE
BURNER_FIRST_MINUTE: Final = 42 * 1440
"""The house was hardly heated before."""
PULSE_W: Final = 30_000
"""One gas pulse a minute is made this much electric power; halves and quarters occur."""
PULSES_APART_MAX: Final = 8
PELLET_PF: Final = 0.85


def folder() -> Path | None:
    """Where the recordings are."""
    at = os.environ.get(VARIABLE)
    return Path(at) if at and (Path(at) / "uci_steel").is_dir() else None


def build(name: str, days: int, seed: int) -> Pair:
    """The pair of this name; where a recording has several months, the seed selects the days."""
    found = folder()
    if found is None:
        raise FileNotFoundError(f"{VARIABLE} does not point at the recordings")
    return _MAKERS[name](found, name, days, np.random.default_rng([seed, 101 + NAMES.index(name)]))


def drawn(means: Floats, slots: int, noise: Floats) -> Floats:
    """`means` of intervals of `slots` as a curve with `noise` on it and the same means."""
    middles = (np.arange(len(means)) + 0.5) * slots
    curve = np.interp(np.arange(len(means) * slots) + 0.5, middles, means) * noise
    blocks = np.maximum(curve, 0).reshape(len(means), slots)
    own = blocks.mean(axis=1, keepdims=True)
    scaled = blocks * np.divide(means[:, None], own, out=np.zeros_like(own), where=own > 0)
    found: Floats = scaled.reshape(-1)
    return found


@cache
def _steel(at: Path) -> tuple[Floats, Floats]:
    with gzip.open(at / "uci_steel" / "Steel_industry_data.csv.gz") as raw:
        rows = list(csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8-sig")))
    power = np.array([float(row["Usage_kWh"]) * 4000 for row in rows])
    pf = np.array([float(row["Lagging_Current_Power_Factor"]) / 100 for row in rows])
    return power, pf


def _works(at: Path, name: str, days: int, rng: np.random.Generator) -> Pair:
    power, pf = _steel(at)
    days = min(days, len(power) // 96 - 7)
    week = int(rng.integers(0, (len(power) // 96 - days) // 7))
    part = slice(week * 672, week * 672 + days * 96)
    u = drawn(power[part], QUARTER, ripple(days * DAY, 0.02, 0.03, rng))
    on = _closed(np.repeat(power[part] > 60_000, QUARTER))
    running = around(on, rng, before=(QUARTER, QUARTER + 18), after=(QUARTER, QUARTER + 60))
    demand = np.clip(delayed(u, 6) / 400_000, 0, 1)
    level: Floats | float = 75_000.0 if name == "steel_fan" else 75_000 * (0.68 + 0.32 * demand) ** 3
    quiet = 25 * (1 + 0.1 * rng.standard_normal(days * DAY))
    t = np.where(running, level * ripple(days * DAY, 0.005, 0.005, rng), quiet)
    production, treatment = metered(u, 0.8, on, rng), metered(t, 0.87, running, rng)
    assert production.voltage_v is not None
    real_pf = np.repeat(pf[part], QUARTER).clip(0.1, 1)
    return Pair(
        name=name,
        times_s=_times(days * DAY),
        production_w=production.watts,
        treatment_w=treatment.watts,
        pf_production=real_pf,
        current_production_a=current(production.watts, real_pf, production.voltage_v),
        voltage_production_v=production.voltage_v,
        pf_treatment=treatment.pf,
        current_treatment_a=treatment.current_a,
        voltage_treatment_v=treatment.voltage_v,
        rated_production_w=630_000,
        rated_treatment_w=80_000,
        commission_hours=96,
        real=True,
    )


def _closed(on: Mask) -> Mask:
    """Pauses of half an hour and less do not switch the treatment off."""
    found = on.copy()
    for begin, end in runs(~on):
        if end - begin <= 2 * QUARTER:
            found[begin:end] = True
    return found


@cache
def _pulses(at: Path) -> Floats:
    with gzip.open(at / "ampds2_frg" / "NaturalGas_FRG-4.csv.gz", "rt") as raw:
        counter = np.array([float(line.split(",")[1]) for line in raw.read().split()[1:]])
    ticks = np.flatnonzero(np.diff(counter) > 0) + 1
    rate = np.zeros(len(counter))
    for begin, end in zip(ticks[:-1].tolist(), ticks[1:].tolist(), strict=True):
        if end - begin <= PULSES_APART_MAX:
            rate[begin:end] = 1 / (end - begin)
    return rate[BURNER_FIRST_MINUTE:]


def _burner(at: Path, name: str, days: int, rng: np.random.Generator) -> Pair:
    rate = _pulses(at)
    days = min(days, len(rate) // 1440)
    rate = rate[: days * 1440]
    n = days * DAY
    standby = 0.006 * PULSE_W * (1 + 0.03 * rng.standard_normal(n))
    u = standby + np.repeat(rate, MINUTE) * PULSE_W * _level_noise(rate, rng)
    running = around(np.repeat(rate > 0, MINUTE), rng, before=(2, 6), after=(9, 30))
    t = np.where(running, 4_000 * ripple(n, 0.006, 0.006, rng), 6 + rng.standard_normal(n))
    pair = Pair(
        name=name,
        times_s=_times(n),
        production_w=watts(u),
        treatment_w=watts(t),
        rated_production_w=PULSE_W,
        rated_treatment_w=4_500,
        real=True,
    )
    return evolve(pair, commission_hours=96)


def _level_noise(rate: Floats, rng: np.random.Generator) -> Floats:
    noise = ripple(len(rate) * MINUTE, 0.01, 0.01, rng).reshape(len(rate), MINUTE)
    found: Floats = (noise / noise.mean(axis=1, keepdims=True)).reshape(-1)
    return found


@cache
def _pellets(at: Path, number: str) -> tuple[Floats, ...]:
    with gzip.open(at / "imdeld_hourly" / "IMDELD.json.gz") as raw:
        hours = json.load(raw)
    rows = []
    for machines in hours.values():
        mill, fan = machines.get(f"Pelletizer {number}"), machines.get(f"Exhaust Fan {number}")
        if mill and fan:
            one, other = json.loads(mill), json.loads(fan)
            rows.append((one["power_apparent"], one["voltage"], other["power_apparent"], other["voltage"]))
    return tuple(np.array(rows, dtype=np.float64).T)


def _pellet(at: Path, name: str, days: int, rng: np.random.Generator) -> Pair:
    columns = _pellets(at, "I" if name == "pellet_1" else "II")
    days = min(days, len(columns[0]) // 24)
    first = int(rng.integers(0, len(columns[0]) - days * 24 + 1))
    mill, mill_v, fan, fan_v = (column[first : first + days * 24] for column in columns)
    n = days * DAY
    u = watts(PELLET_PF * drawn(mill, HOUR, ripple(n, 0.012, 0.02, rng)))
    t = watts(PELLET_PF * drawn(fan, HOUR, ripple(n, 0.005, 0.005, rng)))
    pf = PELLET_PF * np.ones(n)
    volts = [np.repeat(one, HOUR) * (1 + 0.004 * (slow(n, HOUR, rng) - 0.5)) for one in (mill_v, fan_v)]
    return Pair(
        name=name,
        times_s=_times(n),
        production_w=u,
        treatment_w=t,
        current_production_a=current(u, pf, volts[0]),
        voltage_production_v=volts[0],
        current_treatment_a=current(t, pf, volts[1]),
        voltage_treatment_v=volts[1],
        rated_production_w=110_000,
        rated_treatment_w=4_000 if name == "pellet_1" else 11_000,
        commission_hours=168,
        real=True,
    )


def _times(n: int) -> Floats:
    return T0_S + 3.0 + DT_S * np.arange(n, dtype=np.float64)


_MAKERS: Final[dict[str, Callable[[Path, str, int, np.random.Generator], Pair]]] = {
    "steel_fan": _works,
    "steel_vfd": _works,
    "burner_fan": _burner,
    "pellet_1": _pellet,
    "pellet_2": _pellet,
}
NAMES: Final = tuple(_MAKERS)
