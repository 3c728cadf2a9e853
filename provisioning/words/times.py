"""Local times for readers."""

from datetime import UTC, datetime, timedelta


def zone_s(offset: str) -> int:
    """Seconds of an offset like +08:00."""
    east = datetime.strptime(offset, "%z").utcoffset()
    return round(east.total_seconds()) if east else 0


def local_text(at_s: float, offset_s: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time in the plant's zone."""
    return f"{datetime.fromtimestamp(at_s, UTC) + timedelta(seconds=offset_s):{form}}"
