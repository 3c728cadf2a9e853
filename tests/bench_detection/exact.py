"""Is r exact, is it defined where it must be, and what does it cost (processor time).

`exactness`: the real `RollingCorrelation` takes N whole-watt samples one by one, N = 10⁸ in the full run,
production 1 MW and treatment 1 MW with a variation of 1 W. Nothing is skipped or computed in its stead.
At CHECKS places r is compared with that of the last 360 samples computed by 60-digit decimals from
Python's unbounded integers, which share no line with it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from itertools import islice
from typing import Any, Final

import numpy as np
from attrs import frozen

from agent.detect.correlation import Y_CONSTANT, RollingCorrelation
from agent.detect.detector import Detector
from tests.bench_detection.cases import DAY_S, HOUR_S, MISSING, Case, Line, Pair, lines
from tests.bench_detection.score import CHANNELS, learn

WINDOW: Final = 360
BASE_W: Final = 1_000_000
CHECKS: Final = 200
BLOCK: Final = 1 << 20
PUSHES: Final = 100_000
ROUNDS: Final = 7
DIGITS: Final = 60


def exactness(samples: int) -> float:
    """The greatest error of r at CHECKS places along `samples`."""
    rng = np.random.default_rng(97)
    rolling = RollingCorrelation(WINDOW)
    push = rolling.push
    worst = 0.0
    every = max(samples // CHECKS, WINDOW)
    done = 0
    while done < samples:
        n = min(every, samples - done)
        left = n
        tail: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        while left:
            take = min(left, BLOCK)
            x = BASE_W + rng.integers(-1, 2, take)
            y = BASE_W + rng.integers(-1, 2, take)
            xs, ys = x.tolist(), y.tolist()
            for one, other in zip(xs, ys, strict=True):
                push(one, other)
            tail.extend(islice(zip(xs, ys, strict=True), max(0, take - WINDOW), take))
            left -= take
        done += n
        if len(tail) == WINDOW:
            r = rolling.at_lag().r
            assert r is not None
            worst = max(worst, float(abs(Decimal(r) - exact_r(list(tail)))))
    return worst


def exact_r(window: list[tuple[int, int]]) -> Decimal:
    """Pearson's r to 60 digits."""
    n = len(window)
    sx, sy = sum(x for x, _ in window), sum(y for _, y in window)
    dxs = [(n * x - sx, n * y - sy) for x, y in window]
    with localcontext() as context:
        context.prec = DIGITS
        top = Decimal(sum(dx * dy for dx, dy in dxs))
        below = Decimal(sum(dx * dx for dx, _ in dxs)) * Decimal(sum(dy * dy for _, dy in dxs))
        return top / below.sqrt()


def constant_treatment() -> str:
    """What r of a varying production and a constant treatment is."""
    rolling = RollingCorrelation(WINDOW)
    for index in range(3 * WINDOW):
        rolling.push(BASE_W + index % 7, 20_000)
    found = rolling.at_lag()
    ok = found.r is None and found.reason == Y_CONSTANT
    return f"UNDEFINED, {found.reason!r}" if ok else f"r = {found.r}"


@frozen
class Speed:
    """Microseconds, the best and the median of some rounds."""

    best: float
    median: float


LIVE: Final = "live: push and r"
PUSH: Final = "live: push alone"


def correlation_speed() -> dict[str, Speed]:
    """One tick of one pair, pushed and read one after the other.

    The detector itself pushes a minute's mean and reads r once a minute, at several lags; that is part
    of `detector_speed`.
    """
    rng = np.random.default_rng(5)
    xs = (50_000 + rng.integers(-500, 500, PUSHES)).tolist()
    ys = (20_000 + rng.integers(-200, 200, PUSHES)).tolist()

    def push() -> None:
        take = RollingCorrelation(WINDOW).push
        for one, other in zip(xs, ys, strict=True):
            take(one, other)

    def live() -> None:
        take = RollingCorrelation(WINDOW).push_r
        for one, other in zip(xs, ys, strict=True):
            take(one, other)

    return {name: timed(job, PUSHES) for name, job in ((LIVE, live), (PUSH, push))}


def timed(job: Callable[[], None], units: int) -> Speed:
    """Microseconds per unit."""
    took = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        job()
        took.append((time.process_time() - begin) / units * 1e6)
    return Speed(min(took), sorted(took)[len(took) // 2])


def kind_of(pair: Pair) -> str:
    """What the cost of a tick depends on: how many lines there are, and whether they have channels."""
    count = len(lines(pair))
    has_channels = any(line.channels for line in lines(pair))
    return f"{count} lines with channels" if has_channels else f"{count} lines of power alone"


def _samples(line: Line, day: slice) -> Iterator[tuple[Any, ...]]:
    """The line's id, watts, power factor, current and voltage of each tick, None where there is none."""
    watts = [None if value == MISSING else value for value in line.watts[day].tolist()]
    nothing = [None] * len(watts)
    channels = (line.channels[name][day].tolist() if name in line.channels else nothing for name in CHANNELS)
    return zip([line.id] * len(watts), watts, *channels, strict=True)


def detector_speed(case: Case) -> tuple[Speed, int]:
    """One tick of one linkage, its samples included, over the first day; and the bytes of the state."""
    pair = case.pair
    params, _ = learn(pair)
    first = pair.commission_hours * HOUR_S // pair.dt_s
    day = slice(first, first + DAY_S // pair.dt_s)
    times = pair.times_s[day].tolist()
    ticks = list(zip(times, zip(*(_samples(line, day) for line in lines(pair)), strict=True), strict=True))
    states = []

    def run() -> None:
        detector = Detector([params])
        sample, advance = detector.sample, detector.advance
        for at, row in ticks:
            for name, watts, pf, current_a, voltage_v in row:  # as agent.judging.detector_feed calls it
                sample(name, at, watts, pf=pf, current_a=current_a, voltage_v=voltage_v)
            advance(at)
        states.append(len(detector.checkpoint()))

    return timed(run, len(times)), max(states)
