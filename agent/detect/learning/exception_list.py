"""What a commissioning has to say to the person who answers for it, in Chinese and in English.

First of all the stretches that were not learned as normal, for a person to explain or to mend.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from attrs import frozen

from agent.detect.learning.series import Grid

EXCEPTIONS_MAX: Final = 20
"""Nobody reads more; what remains is counted."""
JOIN_S: Final = 600


@frozen
class Finding:
    """One sentence, twice."""

    zh: str
    en: str


class Oddity(Enum):
    """What was seen in a stretch that is no norm."""

    OFF = ("生产运行时治污停机", "treatment off under production")
    LOW = ("治污功率远低于通常", "treatment far below its usual power")
    LACKING = ("生产运行时治污不足", "too little treatment under production")
    HEATER = ("治污负荷的功率因数像电加热器", "treatment with the power factor of a heater")
    REST = ("总进线与各线路之和相差异常", "incomer and lines differ by more than usual")


Span = tuple[int, int, Oddity]
"""First slot, slot after the last, and what was seen."""


def describe_exceptions(spans: Iterable[Span], data: Grid, offset_s: int) -> list[Finding]:
    """A sentence for each stretch; neighbours are one."""
    joined: list[Span] = []
    for begin, end, odd in sorted(spans, key=lambda span: span[:2]):
        if joined and (begin - joined[-1][1]) * data.dt_s <= JOIN_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), joined[-1][2])
        else:
            joined.append((begin, end, odd))

    def clock(slot: int) -> str:
        moment = datetime.fromtimestamp(data.at_s(slot), UTC) + timedelta(seconds=offset_s)
        return moment.strftime("%Y-%m-%d %H:%M")

    texts = [
        Finding(
            f"{clock(begin)}至{clock(end)}：{odd.value[0]}；未作为正常学习，请说明原因或整改",
            f"{clock(begin)} to {clock(end)}: {odd.value[1]}; not learned as normal, explain or mend it",
        )
        for begin, end, odd in joined[:EXCEPTIONS_MAX]
    ]
    more = len(joined) - EXCEPTIONS_MAX
    if more > 0:
        texts.append(Finding(f"另有{more}处例外", f"and {more} more exceptions"))
    return texts
