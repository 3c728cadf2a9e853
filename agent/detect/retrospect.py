"""Second verdict, for samples that came too late for the first.

The samples of the last hour are kept by slot, and the state of all trackers every half hour. When late
samples fill slots that had none, the trackers run again from the last state before them, over the completed
hour; a violation that appears only now becomes a notice, marked retrospective. The live state does not
change: verdicts made in time stand, and a linkage that was in violation in that hour anyway gets no
second episode.

Samples older than the oldest kept state are too late for any verdict; they are still sealed as evidence.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import cbor2

from agent.detect.episode import Episode
from agent.detect.findings import LinkageWatch
from agent.detect.line import LineTracker, start_trackers
from agent.detect.linkage import VIOLATION
from agent.detect.params import LinkageParams
from agent.detect.sentence import Names

HISTORY_SLOTS: Final = 360
STATE_EVERY_SLOTS: Final = 180
VERDICT_EVERY_SLOTS: Final = 30
"""Late samples come in bursts; one verdict in five minutes is enough for all of them."""
EMPTY: Final = -(1 << 31)


NO_HISTORY: Final = (EMPTY,) * HISTORY_SLOTS


class Retrospect:
    """Keeps states and gives the second verdict.

    `close` is called after a closed slot if it is one of every VERDICT_EVERY_SLOTS or has a violation.

    Attributes:
        rings: By line its last hour, by slot modulo HISTORY_SLOTS; the detector writes there in every slot.
            Lists, because writing to one takes a third of the time of an array.
    """

    def __init__(self, params: Sequence[LinkageParams]) -> None:
        self._params = params
        self.rings = {line.id: list(NO_HISTORY) for one in params for line in one.lines}
        self._states: list[tuple[int, list[Any]]] = []
        self._late_from: int | None = None
        self._reported: dict[str, str] = {}
        self._violated: dict[str, int] = {}

    def sample(self, line_id: str, slot: int, following: int, watts: int) -> None:
        """Take a late sample; `following` is the first slot not closed yet."""
        ring, at = self.rings.get(line_id), slot % HISTORY_SLOTS
        if ring is None:  # an incomer gets no second verdict
            return
        if slot >= following - HISTORY_SLOTS and ring[at] == EMPTY:
            ring[at] = watts
            self._late_from = slot if self._late_from is None else min(self._late_from, slot)

    def close(self, slot: int, lines: Sequence[LineTracker], links: Sequence[LinkageWatch]) -> list[Episode]:
        """Keep the state after `slot`; returns the episodes of a second verdict."""
        if slot % STATE_EVERY_SLOTS == 0:
            state = [[line.state() for line in lines], [link.tracker.state() for link in links]]
            self._states = [*self._states[-1:], (slot, state)]
        for link in links:
            if link.tracker.flags & VIOLATION:
                self._violated[link.params.linkage] = slot
        if self._late_from is None or slot % VERDICT_EVERY_SLOTS:
            return []
        usable = [kept for kept in self._states if kept[0] < self._late_from]
        self._late_from = None
        return self._judge_again(*usable[-1], slot, links[0].names) if usable else []

    def _judge_again(self, base: int, state: list[Any], last: int, names: Names) -> list[Episode]:
        line_states, link_states = state
        lines = start_trackers(self._params, base)
        for line, kept in zip(lines.values(), line_states, strict=True):
            line.restore(kept)
        links = [LinkageWatch.start(one, lines, base + 1) for one in self._params]
        for link, kept in zip(links, link_states, strict=True):
            link.tracker.restore(kept)
            link.names = names
        found: list[Episode] = []
        for slot in range(base + 1, last + 1):
            for name, line in lines.items():
                watts = self.rings[name][slot % HISTORY_SLOTS]
                line.step(slot, None if watts == EMPTY else watts)
            for link in links:
                before = link.tracker.flags
                link.step(slot)
                raised = link.tracker.flags & ~before & VIOLATION
                if raised and self._violated.get(link.params.linkage, -1) <= base:
                    found += self._report(link, slot)
        return found

    def _report(self, link: LinkageWatch, slot: int) -> list[Episode]:
        episode = link.build_retrospective(slot)
        if self._reported.get(episode.linkage) == episode.id:
            return []
        self._reported[episode.linkage] = episode.id
        return [episode]

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        rings = {name: array("i", ring).tobytes() for name, ring in self.rings.items()}
        states = [(slot, cbor2.dumps(kept)) for slot, kept in self._states]
        return [rings, states, self._late_from, self._reported, self._violated]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`; the parameters must be the same."""
        rings, states, self._late_from, self._reported, self._violated = state
        self._states = [(slot, cbor2.loads(kept)) for slot, kept in states]
        for name, ring in rings.items():
            kept = array("i", ring)
            if len(kept) != HISTORY_SLOTS:
                raise ValueError("the history has another length")
            self.rings[name][:] = kept.tolist()
