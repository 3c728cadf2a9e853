"""Times as records carry them, in milliseconds since 1970, and as text."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

NS_PER_MS: Final = 1_000_000


def iso_utc(utc_ms: int) -> str:
    """ISO 8601 UTC with milliseconds; a time beyond the calendar stays a number."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)
    except OverflowError:
        return str(utc_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_ms() -> int:
    """The time of this machine."""
    return time.time_ns() // NS_PER_MS
