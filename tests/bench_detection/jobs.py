"""One job is one pair with one seed under one treatment; what comes back is small and is added up.

clean (both injectors' nuisances) · injected (both) · stress (injector A, one stress each) · spoiled
(8 h of violation while it is commissioned, then injector A) · recorded (a real pair over all that was
recorded, with injector A's nuisances, learned once).
"""

import time
from typing import Final

from attrs import evolve, field, frozen

from agent.detect.episode import Severity
from tests.bench_detection import inject_a, inject_b, pairs, real_pairs
from tests.bench_detection.cases import DAY_S, HOUR_S, VIOLATIONS, Case, Pair
from tests.bench_detection.inject_a import STRESSES
from tests.bench_detection.peers import PEERS, find_alarms, lenient
from tests.bench_detection.score import (
    GRAVE,
    Alarm,
    Found,
    gaps_taken_for_violations,
    judge,
    learn,
    unexplained,
    watch,
)

MONTH_S: Final = 30 * DAY_S
LEARN_MOST_H, LEARN_MORE_H = 168, 24
WHOLE_DAYS: Final = 400
"""More than any recording has: all of it."""


@frozen(kw_only=True)
class Job:
    """What to run; equal jobs give equal results."""

    kind: str
    pair: str
    seed: int
    days: int
    injector: str = "A"
    stress: str = ""


@frozen(kw_only=True)
class Score:
    """What one method made of one case."""

    found: tuple[Found, ...]
    false: tuple[Alarm, ...]
    data: int
    notices: int
    gaps_wrong: int


@frozen(kw_only=True)
class Result:
    """What came of a job.

    Attributes:
        job: The job.
        months: Watched, after commissioning.
        duty_cycled: Of the pair.
        real: Likewise.
        ready: The commissioning was content.
        score: Of the detector.
        peers: Of the others, by name.
        state_bytes: Of the detector at the end.
        begin_s: First sample of the pair.
        took_s: Seconds of computing.
    """

    job: Job
    months: float
    duty_cycled: bool
    real: bool
    ready: bool
    score: Score
    peers: dict[str, Score] = field(factory=dict)
    state_bytes: int
    begin_s: float
    took_s: float


def build(name: str, days: int, seed: int) -> Pair:
    """A pair of either kind."""
    make = pairs.build if name in pairs.NAMES else real_pairs.build
    return make(name, days, seed)


def case_of(job: Job) -> Case:
    """The case of a job."""
    pair = build(job.pair, job.days, job.seed)
    if job.kind == "recorded":
        return extend_learning(inject_a.clean(pair, job.seed))
    if job.kind == "clean":
        clean_b = job.injector == "B"
        return inject_b.inject(pair, job.seed, clean=True) if clean_b else inject_a.clean(pair, job.seed)
    if job.kind == "spoiled":
        pair = inject_a.spoil_commissioning(pair, job.seed)
    if job.injector == "B":
        return inject_b.inject(pair, job.seed)
    case = inject_a.inject(pair, job.seed)
    if job.kind == "stress":
        return inject_a.stressed(case, next(one for one in STRESSES if one.name == job.stress))
    return case


def extend_learning(case: Case) -> Case:
    """Learn for as long as commissioning asks for, up to a week, as a technician would."""
    hours = case.pair.commission_hours
    while hours < LEARN_MOST_H and not learn(case.pair)[1]:
        hours += LEARN_MORE_H
        case = evolve(case, pair=evolve(case.pair, commission_hours=hours))
    return case


def run(job: Job) -> Result:
    """Commission, watch and score."""
    begin = time.monotonic()
    case = case_of(job)
    params, ready = learn(case.pair)
    alarms, state_bytes = watch(case, params)
    peers: dict[str, Score] = {}
    if job.kind in {"clean", "injected"}:
        easy = lenient(case)
        peers = {name: _score(easy, find_alarms(easy, reason)) for name, reason in PEERS.items()}
    return Result(
        job=job,
        months=(case.pair.days * DAY_S - case.pair.commission_hours * HOUR_S) / MONTH_S,
        duty_cycled=case.pair.duty_cycled,
        real=case.pair.real,
        ready=ready,
        score=_score(case, alarms),
        peers=peers,
        state_bytes=state_bytes,
        begin_s=float(case.pair.times_s[0]),
        took_s=time.monotonic() - begin,
    )


def _score(case: Case, alarms: list[Alarm]) -> Score:
    return Score(
        found=judge(case, alarms),
        false=tuple(unexplained(case, alarms)),
        data=sum(one.severity == "data" for one in alarms),
        notices=sum(one.severity == Severity.NOTICE.value and not one.retrospective for one in alarms),
        gaps_wrong=gaps_taken_for_violations(case, alarms),
    )


def troubles(result: Result) -> list[str]:
    """What went wrong, a line each, precise enough to be run again alone."""
    job = result.job
    name = f"{job.kind} {job.stress} {job.injector} {job.pair} seed {job.seed} days {job.days}".replace(
        "  ", " "
    )
    lines = [
        f"MISSED {name}: {one.klass} {one.variant} at "
        f"{(one.begin_s - result.begin_s) / HOUR_S:.2f}..{(one.end_s - result.begin_s) / HOUR_S:.2f} h"
        for one in result.score.found
        if not one.hit and (job.kind != "spoiled" or one.klass in VIOLATIONS)
    ]
    lines += [
        f"FALSE  {name}: {one.rule} raised at {(one.raised_at_s - result.begin_s) / HOUR_S:.2f} h"
        for one in result.score.false
        if one.severity in GRAVE
    ]
    if result.score.gaps_wrong:
        lines.append(f"GAP    {name}: {result.score.gaps_wrong} taken for violations")
    return lines
