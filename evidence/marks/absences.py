"""Times in which a meter or the gateway itself was away: what is a loss, and which are one. Pure."""

from collections.abc import Iterable
from typing import Final

from attrs import frozen

LOST_S: Final = 600
"""A reading or two that lack are no loss; ten minutes are what the effective rate calls late."""
LOST_PERIODS: Final = 3
CALM_S: Final = 900
"""Losses of one meter, and restarts, that lie closer are one."""
EXPLAINED: Final = 0.8
"""Of a silence, that a start covers: meters are read again one after the other."""

Span = tuple[float, float]
"""From, to; seconds UTC."""


@frozen(eq=False)
class Started:
    """The agent's start at `at_s`; `since_s` is its last sign of life before, UTC."""

    since_s: float
    at_s: float
    was_off: bool


def is_loss(gap_s: float, period_s: float) -> bool:
    """Whether a time without a good reading is a loss of contact, for a meter that is read so often."""
    return gap_s >= max(LOST_S, LOST_PERIODS * period_s)


def is_explained(silence: Span, starts: Iterable[Started]) -> bool:
    """Whether the gateway's own absence explains the silence of a meter."""
    begin_s, end_s = silence
    away_s = sum(max(min(end_s, one.at_s) - max(begin_s, one.since_s), 0.0) for one in starts)
    return away_s >= EXPLAINED * (end_s - begin_s)


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that lie closer than CALM_S as one."""
    joined: list[Span] = []
    for begin_s, end_s in sorted(spans):
        if joined and begin_s - joined[-1][1] < CALM_S:
            joined[-1] = joined[-1][0], max(joined[-1][1], end_s)
        else:
            joined.append((begin_s, end_s))
    return joined
