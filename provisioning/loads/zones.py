"""The plant's own clock into UTC: by an offset, or by the name of a zone with its summer time."""

import re
import zoneinfo
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evidence.moments import ZONE, zone_s
from provisioning.loads.loads import LoadsError
from provisioning.loads.words import PROBLEMS

Floats = NDArray[np.float64]

QUARTER_S: Final = 900
"""Offsets change at whole quarters of an hour, everywhere since 1972."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


def check_zone(zone: str) -> None:
    """Raises LoadsError if there is no such zone."""
    to_utc(np.zeros(1), zone)


def to_utc(local_s: Floats, zone: str) -> Floats:
    """UTC of times of a clock in `zone`; an hour that came twice is told by the clock going back in it.

    Raises:
        LoadsError: There is no such zone.
    """
    if ZONE.fullmatch(zone):
        return local_s - zone_s(zone)
    if zone.upper() in {"Z", "UTC"}:
        return local_s
    if not _NAME.fullmatch(zone):
        raise LoadsError([PROBLEMS["zone"].fill(zone=zone)])
    try:
        known = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LoadsError([PROBLEMS["zone"].fill(zone=zone)]) from error
    quarters, places = np.unique(np.floor(local_s / QUARTER_S), return_inverse=True)
    first, second = (
        np.array([_offset_s(known, float(quarter) * QUARTER_S, fold) for quarter in quarters])[places]
        for fold in (0, 1)
    )
    return local_s - np.where(_is_second(local_s, first != second), second, first)


def _offset_s(zone: zoneinfo.ZoneInfo, local_s: float, fold: int) -> float:
    at = datetime.fromtimestamp(local_s, UTC).replace(tzinfo=zone, fold=fold)
    offset = at.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _is_second(local_s: Floats, is_double: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the times that came twice, those after the clock went back."""
    second = np.zeros(len(local_s), np.bool_)
    rows = np.flatnonzero(is_double)
    passed = False
    for at, before in zip(rows.tolist(), [-2, *rows.tolist()[:-1]], strict=True):
        if at != before + 1:
            passed = False  # the hour of another year
        elif local_s[at] < local_s[before]:
            passed = True
        second[at] = passed
    return second
