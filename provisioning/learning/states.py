"""When the lines of a linkage ran, as a backtest and the story of an episode draw it.

Apart from the outcome of a backtest, which needs numpy: whoever verifies evidence does not wait for it.
"""

from itertools import pairwise
from typing import Final

from attrs import define, field, frozen

from agent.detect.detector import Detector
from agent.detect.status import LinkageStatus

MINUTE_S: Final = 60

Stretch = tuple[float, float]
"""s; from and to."""


@frozen
class LinkageStates:
    """When production and treatment of a linkage ran, and the treatment needed from each time on."""

    production_on: tuple[Stretch, ...]
    treatment_on: tuple[Stretch, ...]
    expected_w: tuple[tuple[float, float | None], ...]


LineState = tuple[bool, bool, int]


@define
class States:
    """Notes once a minute what the detector considers to be on."""

    _minute: float = -1.0
    _seen: dict[str, list[tuple[float, LineState]]] = field(factory=dict)
    _last_s: float = 0.0

    def note(self, at_s: float, detector: Detector) -> bool:
        """Call after every row; whether a minute began with it."""
        self._last_s = at_s
        minute = at_s // MINUTE_S
        if minute == self._minute:
            return False
        self._minute = minute
        for status in detector.status():
            seen = _read_state(status)
            changes = self._seen.setdefault(status.linkage, [])
            if not changes or changes[-1][1] != seen:
                changes.append((at_s, seen))
        return True

    def spans(self) -> dict[str, LinkageStates]:
        """By linkage."""
        return {linkage: self._states(changes) for linkage, changes in self._seen.items()}

    def _states(self, changes: list[tuple[float, LineState]]) -> LinkageStates:
        closed = [*changes, (self._last_s, changes[-1][1])]
        stretches = [(begin, end, seen) for (begin, seen), (end, _) in pairwise(closed)]
        return LinkageStates(
            _join([(begin, end) for begin, end, seen in stretches if seen[0]]),
            _join([(begin, end) for begin, end, seen in stretches if seen[1]]),
            tuple((begin, float(seen[2]) if seen[0] else None) for begin, seen in changes),
        )


def _read_state(status: LinkageStatus) -> LineState:
    return status.production_on, status.treatment_on, status.expected_w if status.production_on else 0


def _join(stretches: list[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple(joined)
