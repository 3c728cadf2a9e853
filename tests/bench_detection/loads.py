"""Building stones of a plant's loads on 10 s slots: shifts, noise, laws of treatment, what a meter adds.

Nothing in this folder but score.py, world/trial.py and the parts that they run knows how the detector works.
"""

from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tests.bench_detection.cases import DAY_S, DT_S, Floats, Pair, Watts

Mask = NDArray[np.bool_]

DAY: Final = DAY_S // DT_S
HOUR: Final = 3600 // DT_S
MINUTE: Final = 60 // DT_S
PHASES: Final = 3
PF_STANDBY: Final = 0.45
"""Of electronics alone."""


def slow(n: int, period: int, rng: np.random.Generator) -> Floats:
    """A wandering level between 0 and 1 with a new goal every `period` slots."""
    goals = rng.random(n // period + 2)
    return np.interp(np.arange(n), np.arange(len(goals)) * period, goals)


def ripple(n: int, white: float, red: float, rng: np.random.Generator) -> Floats:
    """1 with white noise, and noise that forgets within some minutes, as standard deviations."""
    memory = 0.95
    kicks = rng.standard_normal(n) * red * np.sqrt(1 - memory**2)
    wave = np.empty(n)
    value = 0.0
    for index, kick in enumerate(kicks.tolist()):
        value = memory * value + kick
        wave[index] = value
    found: Floats = 1 + wave + white * rng.standard_normal(n)
    return found


def shifts(days: int, rng: np.random.Generator, *, night: float = 0.3, sunday: bool = True) -> Mask:
    """Two runs a day with a break at noon, an evening shift on some days, Sundays off."""
    on = np.zeros(days * DAY, bool)
    for day in range(days):
        if sunday and day % 7 == 3:
            continue
        first = day * DAY
        begin, lunch, end = (first + int(rng.normal(at, by) * HOUR) for at, by in _TIMES)
        on[begin:lunch] = True
        on[lunch + int(rng.uniform(0.7, 1.3) * HOUR) : end] = True
        if rng.random() < night:
            on[end + int(rng.uniform(1, 2) * HOUR) : first + int(23.5 * HOUR)] = True
    return on


_TIMES: Final = ((7.5, 0.3), (12.0, 0.1), (18.0, 0.6))


def around(on: Mask, rng: np.random.Generator, *, before: tuple[int, int], after: tuple[int, int]) -> Mask:
    """Treatment that starts some slots before each run and stops some after it."""
    running = on.copy()
    for begin, end in runs(on):
        running[max(0, begin - int(rng.integers(*before))) : begin] = True
        running[end : end + int(rng.integers(*after))] = True
    return running


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def delayed(x: Floats, slots: int) -> Floats:
    """The same, `slots` later."""
    return np.concatenate((np.full(slots, x[0]), x[: len(x) - slots])) if slots else x


def duty(running: Mask, on_s: float, off_s: float, rng: np.random.Generator) -> Mask:
    """A compressor with a pressure switch: on and off by turns while it is switched on."""
    found = np.zeros(len(running), bool)
    for begin, end in runs(running):
        at = begin
        while at < end:
            length = int(rng.normal(on_s, 0.1 * on_s) / DT_S)
            found[at : min(at + length, end)] = True
            at += length + int(rng.normal(off_s, 0.1 * off_s) / DT_S)
    return found


def watts(x: Floats) -> Watts:
    """Registers hold whole watts, and no machine here feeds in."""
    whole: Watts = np.rint(np.maximum(x, 0)).astype(np.int64)
    return whole


@frozen(kw_only=True, eq=False)
class Side:
    """Power of one side with what a meter with all channels shows beside it."""

    watts: Watts
    pf: Floats | None = None
    current_a: Floats | None = None
    voltage_v: Floats | None = None


def metered(power: Floats, pf_on: float, on: Mask, rng: np.random.Generator, *, volts: float = 230.0) -> Side:
    """All channels of a motor load with power factor `pf_on`; electronics alone have a poor one."""
    n = len(power)
    pf = np.where(on, pf_on * ripple(n, 0.002, 0.004, rng), 0.45 + 0.03 * rng.standard_normal(n)).clip(
        0.05, 1
    )
    voltage = volts * (0.985 + 0.03 * slow(n, HOUR, rng)) * (1 + 0.0006 * rng.standard_normal(n))
    whole = watts(power)
    return Side(watts=whole, pf=pf, current_a=current(whole, pf, voltage), voltage_v=voltage)


def current(power: Watts, pf: Floats, voltage: Floats) -> Floats:
    """Mean phase current."""
    amps: Floats = power / (PHASES * voltage * np.maximum(pf, 0.01))
    return amps


def plain(power: Floats) -> Side:
    """A meter that is read for power alone."""
    return Side(watts=watts(power))


def on_runs(pair: Pair, pause: int = 3 * MINUTE) -> list[tuple[int, int]]:
    """Runs of production, pauses up to `pause` slots bridged: above a tenth of its high values."""
    high = float(np.quantile(pair.production_w[pair.production_w > 0], 0.95))
    found = runs(pair.production_w > 0.15 * high)
    joined: list[tuple[int, int]] = []
    for begin, end in found:
        if joined and begin - joined[-1][1] <= pause:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if end - begin > 2]
