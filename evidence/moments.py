"""Times as records carry them, in milliseconds since 1970, and as text."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

NS_PER_MS: Final = 1_000_000
ZONE: Final = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
"""An offset from UTC like +08:00."""


def iso_utc(utc_ms: int) -> str:
    """ISO 8601 UTC with milliseconds; a time beyond the calendar stays a number."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)
    except OverflowError:
        return str(utc_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone_s(offset: str) -> int:
    """Seconds of an offset that matches ZONE."""
    east = datetime.strptime(offset, "%z").utcoffset()
    return round(east.total_seconds()) if east else 0


def local_text(at_s: float, offset_s: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A UTC time in seconds as text in the plant's zone; a time beyond the calendar stays a number."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC) + timedelta(seconds=offset_s):{form}}"
    except (OverflowError, ValueError, OSError):
        return str(at_s)


def utc_ms() -> int:
    """The time of this machine."""
    return time.time_ns() // NS_PER_MS
