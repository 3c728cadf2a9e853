"""What a backtest found, and what was on and off meanwhile."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from agent.detect.episode import Episode
from agent.detect.learning.commission import CommissionResult
from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import Site
from evidence.moments import local_text
from evidence.words import Words
from provisioning.learning.states import LinkageStates
from provisioning.loads.loads import Loads


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


def list_numbers(episode: Episode) -> dict[str, Any]:
    """The numbers of an episode, with the lines that they are about."""
    return {
        "lines": list(episode.lines),
        **episode.numbers,
        "retrospective": episode.retrospective,
        "params_hash": episode.params_hash.hex(),
    }
