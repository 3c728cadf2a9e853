"""The stretches of a commissioning that were not learned as normal, for a person to explain."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.detect.series import Grid

EXCEPTIONS_MAX: Final = 20
"""Nobody reads more; what remains is counted."""
JOIN_S: Final = 600


def exception_texts(spans: Iterable[tuple[int, int, str]], data: Grid, offset_s: int) -> list[str]:
    """A sentence for each stretch (first and last slot, what was seen); neighbours are one."""
    joined: list[tuple[int, int, str]] = []
    for begin, end, text in sorted(spans):
        if joined and (begin - joined[-1][1]) * data.dt_s <= JOIN_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), joined[-1][2])
        else:
            joined.append((begin, end, text))

    def clock(slot: int) -> str:
        moment = datetime.fromtimestamp(data.at_s(slot), UTC) + timedelta(seconds=offset_s)
        return moment.strftime("%Y-%m-%d %H:%M")

    texts = [
        f"{clock(begin)} to {clock(end)}: {text}; not learned as normal, explain or mend it"
        for begin, end, text in joined[:EXCEPTIONS_MAX]
    ]
    if len(joined) > EXCEPTIONS_MAX:
        texts.append(f"and {len(joined) - EXCEPTIONS_MAX} more exceptions")
    return texts
