"""Six kinds of pairs over two weeks with every kind of violation: the table that detection is judged by.

Scored by events: an episode of an accepted rule raised inside the event (or within five minutes
after it). The delay counts from the moment the rule is broken, the grace excluded.
"""

from dataclasses import dataclass, field
from statistics import median

from agent.detect.detector import Detector
from agent.detect.episode import Episode, Severity
from agent.detect.learning.commission import commission
from agent.detect.params import LinkageParams
from tests.agent.detect.plant import (
    ACCEPTED,
    CLASSES,
    DAY,
    DT_S,
    PAIRS,
    T0_S,
    Event,
    Loads,
    inject,
    plant,
    times,
)

SEED = 4
LEARN = 3 * DAY
VIOLATIONS = ("off", "idle", "late_start", "early_stop")


@dataclass
class Score:
    hits: list[tuple[str, str, float]] = field(default_factory=list)
    missed: list[tuple[str, str]] = field(default_factory=list)
    false: list[tuple[str, Episode]] = field(default_factory=list)


def learn(loads: Loads) -> LinkageParams:
    at_s = times(loads)[:LEARN]
    rated = {"p1": loads.rated_u, "t1": loads.rated_t}
    found = commission("k1", {"p1": (at_s, loads.u[:LEARN])}, {"t1": (at_s, loads.t[:LEARN])}, rated)
    assert found.ready
    return found.params


def watch(params: LinkageParams, loads: Loads, days: int) -> list[Episode]:
    detector = Detector([params])
    found: list[Episode] = []
    end = days * DAY
    rows = zip(
        times(loads)[LEARN:end].tolist(),
        loads.u[LEARN:end].tolist(),
        loads.t[LEARN:end].tolist(),
        strict=True,
    )
    for index, (at_s, u, t) in enumerate(rows):
        if u == u:  # noqa: PLR0124  NaN is a missing sample
            detector.sample("p1", at_s, int(u))
        if t == t:  # noqa: PLR0124
            detector.sample("t1", at_s, int(t))
        if index % 6 == 0:
            found += detector.advance(at_s)
    return list({episode.id: episode for episode in found}.values())


def judge(pair: str, event: Event, episodes: list[Episode], score: Score) -> None:
    begin, end = T0_S + event.begin * DT_S, T0_S + event.end * DT_S
    inside = [one for one in episodes if begin <= one.raised_at_s <= end + 300]
    fitting = [one for one in inside if one.rule.value in ACCEPTED[event.kind]]
    if fitting:
        score.hits.append((pair, event.kind, fitting[0].raised_at_s - T0_S - event.broken * DT_S))
    else:
        score.missed.append((pair, event.kind))
    if event.kind == "gap":
        score.false += [(pair, one) for one in inside if one.severity is Severity.VIOLATION]


def test_the_table_of_six_pairs_and_two_weeks() -> None:
    score = Score()
    for pair in PAIRS:
        clean = plant(pair, 14, SEED)
        params = learn(clean)
        score.false += [
            (pair, one)
            for one in watch(params, clean, days=9)
            if one.severity in {Severity.VIOLATION, Severity.INTEGRITY}
        ]
        inject(clean, SEED, LEARN)
        episodes = watch(params, clean, days=14)
        for event in clean.events:
            judge(pair, event, episodes, score)
    events = len(score.hits) + len(score.missed)
    delays = [delay for pair, kind, delay in score.hits if kind in VIOLATIONS and pair != "duty"]
    assert events == len(PAIRS) * len(CLASSES)
    assert score.false == []
    assert len(score.hits) >= 0.95 * events, score.missed
    assert median(delays) <= 240
