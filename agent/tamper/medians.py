"""Median, quartiles and mean, the same numbers as those of `statistics`.

That module brings fractions and decimals along, memory that the daemon would carry for ever.
"""

import math
from collections.abc import Iterable


def find_median(values: Iterable[float]) -> float:
    """The middle one, or the mean of the two in the middle; of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def find_quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Those of the population of which `values`, at least two, are a sample."""
    ordered = sorted(values)
    found = []
    for quarters in (1, 2, 3):
        at, rest = divmod(quarters * (len(ordered) + 1), 4)
        at = min(max(at, 1), len(ordered) - 1)
        rest = quarters * (len(ordered) + 1) - 4 * at
        found.append((ordered[at - 1] * (4 - rest) + ordered[at] * rest) / 4)
    return found[0], found[1], found[2]


def find_mean(values: Iterable[float]) -> float:
    """Of at least one value."""
    held = list(values)
    return math.fsum(held) / len(held)
