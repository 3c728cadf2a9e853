"""The days to learn from: `--from 2026-03-02 --until 2026-03-08`, both included, in the plant's zone."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.site.file import Site
from evidence.moments import zone_s
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.typed import plain

Days = tuple[float, float]
"""UTC seconds, from and until before."""
WHOLE: Final[Days] = (-math.inf, math.inf)


def read_days(from_day: str, until_day: str, site: Site) -> Days:
    """The chosen days, both included; all where none is said. Ends the command if one is no day."""
    begin = _read(from_day, "--from", site) if from_day else None
    end = _read(until_day, "--until", site) if until_day else None
    if begin is not None and end is not None and begin > end:
        raise fail(EXIT_USAGE, f"--from {from_day} lies behind --until {until_day}")
    begin_s = WHOLE[0] if begin is None else begin.timestamp()
    return begin_s, WHOLE[1] if end is None else (end + timedelta(days=1)).timestamp()


def _read(text: str, option: str, site: Site) -> datetime:
    try:
        local = datetime.strptime(plain(text), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise fail(EXIT_USAGE, f"{option} {text}: must be a day like {option} 2026-03-02") from error
    return local - timedelta(seconds=zone_s(site.site.utc_offset))
