"""Medians and quantiles of short lists, alike on every machine: no numpy, no randomness."""

from collections.abc import Iterable


def find_quantile(values: Iterable[float], share: float) -> float:
    """The quantile by linear interpolation between order statistics (Hyndman and Fan, type 7).

    Raises:
        ValueError: There is no value.
    """
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no value has no quantile")
    place = (len(ranked) - 1) * share
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def find_median(values: Iterable[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    return find_quantile(values, 0.5)
