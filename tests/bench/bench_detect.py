"""What the detector costs: microseconds per tick and linkage, and bytes of state.

    python -m tests.bench.bench_detect

Not a test: nothing here fails when a machine is slow. Each figure is the best of ROUNDS.
"""

import sys
import time
from collections.abc import Callable

from agent.detect.correlation import RollingCorrelation
from agent.detect.detector import Detector
from agent.detect.params import LinkageParams
from tests.agent.detect.plant import DAY, Loads, plant, times
from tests.agent.detect.test_score import LEARN, learn

ROUNDS = 5
PUSHES = 200_000


def best(job: Callable[[], int]) -> float:
    """Microseconds per unit of the fastest of several rounds."""
    took = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        units = job()
        took.append((time.perf_counter() - begin) / units * 1e6)
    return min(took)


def correlate(lags: tuple[int, ...]) -> int:
    rolling = RollingCorrelation(360, lags)
    push = rolling.push
    for index in range(PUSHES):
        push(1_000_000 + index % 7, 20_000 + index % 11)
    return PUSHES


def correlate_and_read() -> int:
    push_r = RollingCorrelation(360).push_r
    for index in range(PUSHES):
        push_r(1_000_000 + index % 7, 20_000 + index % 11)
    return PUSHES


def tick(params: LinkageParams, loads: Loads) -> tuple[Detector, float, float]:
    """Seconds in `sample` and in `advance` for a day of slots."""
    detector = Detector([params])
    rows = [
        (at, int(u) if u == u else None, int(t) if t == t else None)  # noqa: PLR0124  NaN
        for at, u, t in zip(
            times(loads)[LEARN : LEARN + DAY].tolist(),
            loads.u[LEARN : LEARN + DAY].tolist(),
            loads.t[LEARN : LEARN + DAY].tolist(),
            strict=True,
        )
    ]
    sampled = advanced = 0.0
    for block in range(0, DAY, 60):
        part = rows[block : block + 60]
        begin = time.perf_counter()
        for at, u, t in part:
            detector.sample("p1", at, u)
            detector.sample("t1", at, t)
        middle = time.perf_counter()
        detector.advance(part[-1][0])
        sampled += middle - begin
        advanced += time.perf_counter() - middle
    return detector, sampled / DAY * 1e6, advanced / DAY * 1e6


def table() -> list[str]:
    """All figures, a line each."""
    lines = [
        f"correlation, 1 lag    {best(lambda: correlate((0,))):6.2f} us per push",
        f"    and r each time   {best(correlate_and_read):6.2f} us per push",
        f"correlation, 3 lags, read seldom  {best(lambda: correlate((0, 6, 30))):6.2f} us per push",
    ]
    for pair in ("constant", "duty", "pulsed"):
        loads = plant(pair, 4, 4)
        params = learn(loads)
        runs = [tick(params, loads) for _ in range(ROUNDS)]
        ticks, samples = min(run[2] for run in runs), min(run[1] for run in runs)
        state = len(runs[0][0].checkpoint())
        lines.append(f"{pair:20}  {ticks:6.2f} us per tick, {samples:5.2f} us for its samples, {state} bytes")
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
