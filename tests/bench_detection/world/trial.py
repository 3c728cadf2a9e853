"""The detector over one plant: learn as a technician would, watch, and keep everything that was said.

Learning takes 72 h, and 24 h more as long as it is not content, up to LEARN_H. What it still refuses then is
not watched, as in life: nothing is written. Of its questions the technician answers one, truly: whether a
level or a timer switches treatment. What nobody can know on that day (other products, machines) stays open.
An episode counts with the worst severity that was ever said of it, and from the moment it was said: a notice
that grows into a violation is found when it grows.
"""

from typing import Any, Final

import numpy as np
from attrs import define, frozen

from agent.detect.detector import Detector
from agent.detect.learning.commission import CommissionResult, commission
from agent.detect.line_params import Answer
from agent.detect.params import LinkageParams
from tests.bench_detection.cases import HOUR_S, MISSING, Line
from tests.bench_detection.score import CHANNELS
from tests.bench_detection.world.meters import Plant
from tests.bench_detection.world.works import LEARN_H

FIRST_H: Final = 72
STEP_H: Final = 24
LEVEL: Final = "level"
GRAVE: Final = ("violation", "integrity")
RANK: Final = {"data": 0, "notice": 1, "integrity": 2, "violation": 3}


@frozen
class Said:
    """One thing said of one episode: the slot it was said at."""

    slot: int
    rule: str
    severity: str


@define
class Heard:
    """All that was said of one episode, in order."""

    id: str
    said: list[Said]

    @property
    def worst(self) -> Said:
        """What it is counted as: the first time its worst severity was said."""
        return max(self.said, key=lambda one: RANK[one.severity])


@frozen
class Learned:
    """What commissioning made of a plant: `refusals` by name, `answered` what it asked and was told."""

    params: LinkageParams
    hours: int
    refusals: tuple[str, ...]
    answered: tuple[str, ...]


@frozen(kw_only=True)
class Trial:
    """What came of watching one plant; nothing is heard where commissioning refused it."""

    learned: Learned
    heard: tuple[Heard, ...]

    def grave(self) -> list[Said]:
        """Everything grave that was said, in time."""
        said = (one for each in self.heard for one in each.said if one.severity in GRAVE)
        return sorted(said, key=lambda one: one.slot)


def learn(plant: Plant) -> Learned:
    """Learn from as many hours as it takes; whether a level switches treatment is answered."""
    hours = FIRST_H
    while True:
        found, answered = _asked(plant, hours)
        if found.ready or hours >= LEARN_H:
            refusals = () if found.ready else tuple(one.name for one in found.refusals)
            return Learned(found.params, hours, refusals, answered)
        hours += STEP_H


def _asked(plant: Plant, hours: int) -> tuple[CommissionResult, tuple[str, ...]]:
    found = _learn(plant, hours, ())
    if not any(one.key == LEVEL for one in found.questions):
        return found, ()
    answer = Answer(question=LEVEL, answer="yes" if plant.works.duty else "no")
    return _learn(plant, hours, (answer,)), (f"{LEVEL}={answer.answer}",)


def _learn(plant: Plant, hours: int, answers: tuple[Answer, ...]) -> CommissionResult:
    until = hours * HOUR_S // plant.dt_s
    times = plant.times_s[:until]
    sides: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    channels = {}
    for line in plant.lines:
        watts = line.watts[:until]
        known = np.where(watts == MISSING, np.nan, watts.astype(np.float64))
        sides[line.treatment][line.id] = (times, known)
        channels[line.id] = {name: (times, values[:until]) for name, values in line.channels.items()}
    rated = {line.id: line.rated_w for line in plant.lines}
    more: dict[str, Any] = {"dt_s": plant.dt_s, "channels": channels, "answers": answers}
    return commission("k1", sides[False], sides[True], rated, **more)


def watch(plant: Plant) -> Trial:
    """Learn, then listen to the end."""
    learned = learn(plant)
    heard: dict[str, Heard] = {}
    if learned.refusals:
        return Trial(learned=learned, heard=())
    detector = Detector([learned.params])
    first = learned.hours * HOUR_S // plant.dt_s
    feeds = [(line.id, line.watts[first:].tolist(), _channels(line, first)) for line in plant.lines]
    for index, at in enumerate(plant.times_s[first:].tolist()):
        for name, watts, channels in feeds:
            if watts[index] != MISSING:
                detector.sample(name, at, watts[index], **{key: row[index] for key, row in channels})
        for one in detector.advance(at):
            _hear(heard, one, first + index)
    for one in detector.advance(float(plant.times_s[-1]) + 10 * plant.dt_s):
        _hear(heard, one, len(plant.times_s) - 1)
    return Trial(learned=learned, heard=tuple(heard.values()))


def _channels(line: Line, first: int) -> list[tuple[str, list[float]]]:
    return [(name, line.channels[name][first:].tolist()) for name in CHANNELS if name in line.channels]


def _hear(heard: dict[str, Heard], episode: Any, slot: int) -> None:
    each = heard.setdefault(str(episode.id), Heard(str(episode.id), []))
    said = Said(slot, episode.rule.value, episode.severity.value)
    if not each.said or (each.said[-1].rule, each.said[-1].severity) != (said.rule, said.severity):
        each.said.append(said)
