"""What a backtest found, and what was on and off meanwhile."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from attrs import define, field, frozen

from agent.detect.detector import Detector
from agent.detect.episode import Episode
from agent.detect.learning.commission import CommissionResult
from agent.detect.params import IncomerParams, LinkageParams
from agent.detect.status import LinkageStatus
from agent.site.file import Site
from evidence.moments import local_text
from evidence.words import Words
from provisioning.loads.loads import Loads

MINUTE_S: Final = 60

Stretch = tuple[float, float]


@frozen
class LinkageStates:
    """When production and treatment of a linkage ran, and the treatment needed from each time on."""

    production_on: tuple[Stretch, ...]
    treatment_on: tuple[Stretch, ...]
    expected_w: tuple[tuple[float, float | None], ...]


@frozen
class Outcome:
    """A finished backtest.

    Attributes:
        site: The site file.
        loads: What was recorded.
        params: The parameters tested, in the order of the site file's linkages.
        learned: How they were learned; empty if they came from the site file.
        incomer: The same for an incomer that was recorded.
        incomer_findings: The findings of its commissioning.
        episodes: What was found, each once, in the order in which they were raised.
        states: By linkage.
        from_s: Where commissioning ended and the test began.
    """

    site: Site
    loads: Loads
    params: tuple[LinkageParams, ...]
    learned: tuple[CommissionResult, ...]
    incomer: IncomerParams | None
    incomer_findings: tuple[Words, ...]
    episodes: tuple[Episode, ...]
    states: dict[str, LinkageStates]
    from_s: float

    @property
    def offset_s(self) -> int:
        """The offset of the plant's zone from UTC."""
        return self.params[0].utc_offset_s

    def findings(self) -> Iterator[tuple[str, Words]]:
        """The findings of commissioning, each with what it is about."""
        for params, learned in zip(self.params, self.learned, strict=False):
            yield from ((params.linkage, one) for one in learned.findings)
        if self.incomer:
            yield from ((self.incomer.incomer.id, one) for one in self.incomer_findings)

    def format_time(self, at_s: float) -> float | str:
        """A time as the file writes its own."""
        if self.loads.epoch:
            return int(at_s) if at_s == int(at_s) else at_s
        return local_text(at_s, self.offset_s, "%Y-%m-%dT%H:%M:%S") + self.params[0].utc_offset


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


def list_numbers(episode: Episode) -> dict[str, Any]:
    """The numbers of an episode, with the lines that they are about."""
    return {
        "lines": list(episode.lines),
        **episode.numbers,
        "retrospective": episode.retrospective,
        "params_hash": episode.params_hash.hex(),
    }
