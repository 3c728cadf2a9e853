"""Microseconds for one tick of a rolling correlation over 360 samples, by libraries that others use.

Run by the interpreter of the benchmark's own environment, which does not have the agent; a library that
is not there is named with null. Every one takes one pair of samples in and gives r; the window ones keep
their window in a numpy ring that costs them nothing. Processor time, so that what else the machine does
counts little. Prints one JSON object.
"""

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

WINDOW = 360
ROUNDS = 5
TICKS = 3_000


def pairs(n: int) -> tuple[Any, Any]:
    """A window that slides over a constant load with a little noise."""
    rng = np.random.default_rng(5)
    return 50_000 + rng.integers(-500, 500, n), 20_000 + rng.integers(-200, 200, n)


def best(job: Callable[[], None], ticks: int) -> float:
    """The fastest of several rounds."""
    took = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        job()
        took.append(time.process_time() - begin)
    return min(took) / ticks * 1e6


def river_us() -> float:
    from river import stats, utils  # noqa: PLC0415

    xs, ys = (one.tolist() for one in pairs(TICKS))

    def job() -> None:
        rolling = utils.Rolling(stats.PearsonCorr, window_size=WINDOW)
        for x, y in zip(xs, ys, strict=True):
            rolling.update(x, y)
            rolling.get()

    return best(job, TICKS)


def bottleneck_us() -> float:
    import bottleneck  # noqa: PLC0415

    def r(x: Any, y: Any) -> float:
        dx, dy = x - bottleneck.nanmean(x), y - bottleneck.nanmean(y)
        return float((dx @ dy) / np.sqrt(bottleneck.ss(dx) * bottleneck.ss(dy)))

    return _windows(r)


def numpy_us() -> float:
    return _windows(lambda x, y: float(np.corrcoef(x, y)[0, 1]))


def pandas_us() -> float:
    import pandas as pd  # noqa: PLC0415

    return _windows(lambda x, y: float(pd.Series(x).corr(pd.Series(y))))


def _windows(r: Callable[[Any, Any], float]) -> float:
    xs, ys = (one.astype(np.float64) for one in pairs(TICKS + WINDOW))

    def job() -> None:
        for at in range(TICKS):
            r(xs[at : at + WINDOW], ys[at : at + WINDOW])

    return best(job, TICKS)


def main() -> None:
    found: dict[str, Any] = {}
    measures = {"river": river_us, "bottleneck": bottleneck_us, "numpy": numpy_us, "pandas": pandas_us}
    for name, measure in measures.items():
        try:
            found[name] = {"us": round(measure(), 2), "version": importlib.metadata.version(name)}
        except ImportError:
            found[name] = None
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
