"""Local times as packets write them, and request numbers that never repeat. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define

BEIJING_H: Final = 8.0
"""The offset of local time from UTC in China."""
MS_PER_S: Final = 1_000
MS_PER_H: Final = 3_600_000
_FORM: Final = "%Y%m%d%H%M%S"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_DIGITS: Final = 14
MS_DIGITS: Final = 17


def write_time(utc_ms: int, offset_h: float = BEIJING_H) -> str:
    """14 digits of local time; raises OverflowError beyond the year 9999."""
    local = _EPOCH + timedelta(milliseconds=utc_ms + int(offset_h * MS_PER_H))
    return f"{local.year:04d}{local:%m%d%H%M%S}"


def read_time(digits: str, offset_h: float = BEIJING_H) -> int | None:
    """UTC ms of 14 digits of local time, or of 17 with milliseconds; None if they are no time."""
    if not (digits.isascii() and digits.isdigit() and len(digits) in {SECONDS_DIGITS, MS_DIGITS}):
        return None
    try:
        local = datetime.strptime(digits[:SECONDS_DIGITS], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    ms = int(digits[SECONDS_DIGITS:] or 0)
    return (local - _EPOCH) // timedelta(milliseconds=1) + ms - int(offset_h * MS_PER_H)


@define(eq=False, repr=False)
class RequestNumbers:
    """Makes QN: the time to the millisecond, and a millisecond more if that was given out before.

    Attributes:
        last_ms: The newest that was given out, also before a restart.
    """

    offset_h: float = BEIJING_H
    last_ms: int = 0

    def next(self, utc_ms: int) -> str:
        """The next number."""
        self.last_ms = max(utc_ms, self.last_ms + 1)
        return f"{write_time(self.last_ms, self.offset_h)}{self.last_ms % MS_PER_S:03d}"
