"""What a recorded bus session says of each meter: reads, answers, errors, how long answers take. Pure."""

from collections import Counter
from statistics import median
from typing import Any, Final

from disk.tables import TableError, decode_text
from drivers.poll.replay import RecordingError, replay
from wire.files import FILE_BYTES_MAX

MS_PER_S: Final = 1_000
EXCEPTION: Final = "exception"


class SessionError(Exception):
    """The file is no session."""


def sum_up_session(raw: bytes, name: str) -> list[dict[str, Any]]:
    """A row for each unit: {"unit", "reads", "answered", "errors", "median_ms", "longest_ms"}.

    `errors` counts them by kind; a latency is None where nothing was answered.

    Raises:
        SessionError: It is no recorded session.
    """
    try:
        session = replay(decode_text(raw, FILE_BYTES_MAX).splitlines(), name)
    except (TableError, RecordingError) as error:
        raise SessionError(str(error)) from error
    units: dict[int, list[Any]] = {}
    for read, outcomes in session.outcomes.items():
        units.setdefault(read.unit, []).extend(outcomes)
    rows = []
    for unit, outcomes in sorted(units.items()):
        latencies_ms = [MS_PER_S * one.latency_s for one in outcomes if not one.error]
        rows.append(
            {
                "unit": unit,
                "reads": len(outcomes),
                "answered": len(latencies_ms),
                "errors": dict(Counter(one.error for one in outcomes if one.error)),
                "median_ms": round(median(latencies_ms), 1) if latencies_ms else None,
                "longest_ms": round(max(latencies_ms), 1) if latencies_ms else None,
            }
        )
    return rows
