"""The stretches of a commissioning that were not learned as normal, for a person to explain or mend."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from agent.detect.learning.commission_words import FINDINGS
from agent.detect.learning.series import Grid
from evidence.moments import local_text
from evidence.words import Words

EXCEPTIONS_MAX: Final = 20
"""Nobody reads more; the others are only counted."""
JOIN_S: Final = 600


class Oddity(Enum):
    """What was seen in a stretch that is not normal."""

    OFF = Words("生产运行时治污停机", "treatment off under production")
    LOW = Words("治污功率远低于通常", "treatment far below its usual power")
    LACKING = Words("生产运行时治污不足", "too little treatment under production")
    HEATER = Words("治污负荷的功率因数像电加热器", "treatment with the power factor of a heater")
    RESIDUAL = Words("总进线与各线路之和相差异常", "incomer and lines differ by more than usual")


Span = tuple[int, int, Oddity]
"""First slot, slot after the last, and what was seen."""


def describe_exceptions(spans: Iterable[Span], data: Grid, offset_s: int) -> list[Words]:
    """A sentence for each stretch; stretches up to JOIN_S apart are joined."""
    joined: list[Span] = []
    for begin, end, odd in sorted(spans, key=lambda span: span[:2]):
        if joined and (begin - joined[-1][1]) * data.dt_s <= JOIN_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), joined[-1][2])
        else:
            joined.append((begin, end, odd))

    def clock(slot: int) -> str:
        return local_text(data.at_s(slot), offset_s, "%Y-%m-%d %H:%M")

    texts = [
        FINDINGS["exception"].fill(begin=clock(begin), end=clock(end), what=odd.value)
        for begin, end, odd in joined[:EXCEPTIONS_MAX]
    ]
    more = len(joined) - EXCEPTIONS_MAX
    if more > 0:
        texts.append(FINDINGS["more exceptions"].fill(more=more))
    return texts
