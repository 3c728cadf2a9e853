"""The steel plant's year as a line, quarters of an hour: read where DIANJIAN_DATA points, never copied.

The data say nothing of when the plant worked (its load types are hours of a tariff), nor of its rated
power. It worked where the power is above the split of the two heaps that the year's powers form (Otsu, IEEE
Trans. SMC 9, 1979, over the logarithm of power); the greatest power of the first sixty days stands for the
rated one.
"""

import csv
import gzip
import math
import os
from pathlib import Path
from typing import Final

from tests.bench_curtailment.lines import DAY, STEP_S, Line

FILE: Final = Path("uci_steel") / "Steel_industry_data.csv.gz"
QUARTER_S: Final = 900
RATED_DAYS: Final = 60
BINS: Final = 100


class AbsentError(Exception):
    """There are no data; the text says what to do."""


def find_file() -> Path:
    """The file; raises AbsentError."""
    folder = os.environ.get("DIANJIAN_DATA", "")
    path = Path(folder) / FILE
    if not folder or not path.is_file():
        raise AbsentError(f"DIANJIAN_DATA={folder or '(not set)'} has no {FILE}: a missed row")
    return path


def find_split(values: list[float]) -> float:
    """The value that parts two heaps with the greatest variance between them."""
    low, high = min(values), max(values)
    counts = [0] * BINS
    for one in values:
        counts[min(int((one - low) / (high - low) * BINS), BINS - 1)] += 1
    total, moment = sum(counts), sum(at * count for at, count in enumerate(counts))
    best, split, below, below_moment = -1.0, 0, 0, 0
    for at, count in enumerate(counts[:-1]):
        below, below_moment = below + count, below_moment + at * count
        if 0 < below < total:
            apart = below_moment / below - (moment - below_moment) / (total - below)
            between = below * (total - below) * apart**2
            best, split = max((best, split), (between, at))
    return low + (split + 1) * (high - low) / BINS


def read_steel() -> Line:
    """The line."""
    with gzip.open(find_file(), "rt", encoding="utf-8-sig") as text:
        quarters = [float(row["Usage_kWh"]) * 1000 * 3600 / QUARTER_S for row in csv.DictReader(text)]
    split = math.exp(find_split([math.log(one) for one in quarters if one > 0]))
    parts = QUARTER_S // STEP_S
    watts = [one for one in quarters for _ in range(parts)]
    resting = sorted(one for one in quarters if one <= split)
    return Line(
        "steel",
        watts,
        [one > split for one in watts],
        max(watts[: RATED_DAYS * DAY]),
        resting[len(resting) // 2],
    )
