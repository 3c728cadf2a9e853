"""Judges the readings: EPISODE records from the detector, TAMPER records from the checks of meters.

A fault in the detector or in a check ends the judging until the next start, never the chain: one EVENT
records it, the heartbeat has `"judging": false`, and no more rows are kept for a replay.

Early warnings go to the log and to the plant; they do not become records.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from attrs import define, field

from agent.detect.episode import Episode, Severity
from agent.detect.status import PlantWarning
from agent.judging.checkpoints import Checkpoints
from agent.judging.detector_feed import DetectorFeed
from agent.judging.taken_up import TakenUp
from agent.sealing.source import NewRecord, RecordSource, Urgency, lost_body
from drivers.clock import NS_PER_S, Stamp
from drivers.reading import Reading
from evidence.record import Kind

T = TypeVar("T")

LOG: Final = logging.getLogger("dianjian.judging")

CHECKPOINT_INTERVAL_S: Final = 300.0
"""A checkpoint costs a few kB; a restart reads at most this much of the chain again."""
EPISODES_MAX: Final = 100
"""For the status view; all of them are in the chain."""


@define(eq=False, repr=False)
class Judging(RecordSource):
    """See the module.

    Attributes:
        checkpoints: Of this feed, and of the checks.
        send_warning: Takes early warnings to the plant; must not wait.
        on_episode: Takes the body of each episode that is recorded.
        episodes: The latest ones, each in its last state.
        failed: A fault has ended the judging.
        taken_up: What the run before left unsealed.
    """

    feed: DetectorFeed
    checkpoints: Checkpoints
    log_warnings: bool = True
    send_warning: Callable[[Mapping[str, Any]], None] | None = None
    taken_up: TakenUp = field(factory=TakenUp)
    on_episode: Callable[[Mapping[str, Any]], None] | None = None
    episodes: list[Episode] = field(factory=list, init=False)
    failed: bool = field(default=False, init=False)
    _failure: list[NewRecord] = field(factory=list, init=False)
    _checkpoint_ns: int = field(default=0, init=False)

    def start(self, stamp: Stamp, /) -> Iterable[NewRecord]:
        """Restore detector and checks; declares the bodies that were found damaged."""
        self.checkpoints.restore()
        self.episodes = self.checkpoints.episodes()
        for episode in self.taken_up.episodes():
            self._keep(episode)
        self._checkpoint_ns = stamp.boottime_ns
        checks, setups, none = self.checkpoints.checks.values(), self.feed.setups, list[dict[str, Any]]()
        found = self._guard(lambda: self.taken_up.find_tampering(checks, setups, stamp.boot_id), none)
        return [*map(lost_body, self.checkpoints.damaged), *self._tell(found), *self._take_failure()]

    def on_reading(self, reading: Reading, _record: bytes, /) -> Iterable[NewRecord]:
        """What the reading shows beside its values."""
        none: list[NewRecord] = []
        found = self._guard(lambda: self._look(reading), none)
        return self._take_failure() if self._failure else found

    def due(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """The episodes found by now."""
        none: list[Episode] = []
        episodes = self._guard(lambda: self.feed.advance(stamp), none)
        yield from self._take_failure()
        yield from map(self._record, episodes)
        if episodes:
            self.checkpoints.save_episodes(self.episodes)
        calm: list[PlantWarning] = []
        for warning in self._guard(self.feed.warnings, calm):
            self._warn(warning)
        yield from self._take_failure()
        if any(check.news for check in self.checkpoints.checks.values()):  # in the same commit
            self.checkpoints.save_checks()

    def redate(self, stamp: Stamp) -> tuple[int, int] | None:
        """See `DetectorFeed.redate`; None once the judging has failed."""
        return self._guard(lambda: self.feed.redate(stamp), None)

    def keep_from(self) -> int | None:
        """Rows from this seal on are needed for a replay; None if none are."""
        return None if self.failed else self.checkpoints.saved_up_to

    def on_sealed(self, stamp: Stamp, tip: int, /) -> None:
        """Save the checkpoints, if it is time."""
        passed_s = (stamp.boottime_ns - self._checkpoint_ns) / NS_PER_S
        if self.failed or not (self.checkpoints.anew or passed_s >= CHECKPOINT_INTERVAL_S):
            return
        self._checkpoint_ns, self.checkpoints.anew = stamp.boottime_ns, False
        self.checkpoints.save(tip)
        self.checkpoints.save_checks()

    def on_stop(self, tip: int, /) -> None:
        """Save the checkpoints."""
        if not self.failed:
            self.checkpoints.save(tip)
        self.checkpoints.save_checks()

    def figures(self) -> Mapping[str, Any]:
        """The judging's part of a heartbeat."""
        return {"judging": not self.failed}

    def _look(self, reading: Reading) -> list[NewRecord]:
        self.feed.reading(reading)
        return self._tell(
            [body for check in self.checkpoints.checks.values() for body in check.look(reading)]
        )

    @staticmethod
    def _tell(found: Iterable[Mapping[str, Any]]) -> list[NewRecord]:
        for body in found:
            LOG.warning("meter %s: %s, %s", body["meter"], body["what"], body["point"])
        return [NewRecord(Kind.TAMPER, body, Urgency.AT_ONCE) for body in found]

    def _keep(self, episode: Episode) -> None:
        others = [old for old in self.episodes if old.id != episode.id]
        self.episodes = [*others, episode][-EPISODES_MAX:]

    def _record(self, episode: Episode) -> NewRecord:
        self._keep(episode)
        level = logging.WARNING if episode.severity is Severity.VIOLATION else logging.INFO
        LOG.log(level, "%s %s %s: %s", episode.linkage, episode.rule, episode.state, episode.sentence["en"])
        body = episode.to_body()
        if self.on_episode:
            self.on_episode(body)
        return NewRecord(Kind.EPISODE, body, Urgency.AT_ONCE)

    def _warn(self, warning: PlantWarning) -> None:
        if self.log_warnings:
            LOG.warning("early warning: %s", warning.sentence["en"])
        if self.send_warning:
            self.send_warning(warning.to_body())

    def _guard(self, judge: Callable[[], T], nothing: T) -> T:
        """The result of `judge`; `nothing` from its first fault on."""
        if self.failed:
            return nothing
        try:
            return judge()
        except Exception as error:
            self.failed = True
            LOG.exception("the detector failed; nothing is judged until the next start")
            body = {"what": "detector failed", "text": f"{type(error).__name__}: {error}"}
            self._failure = [NewRecord(Kind.EVENT, body)]
            return nothing

    def _take_failure(self) -> list[NewRecord]:
        taken, self._failure = self._failure, []
        return taken
