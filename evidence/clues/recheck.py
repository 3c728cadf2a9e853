"""Whether it goes on after it was rectified: production and treatment by power over a period. Pure.

`recheck` takes the powers of two groups of lines, a sample each, and says for how long production ran, and
for how long meanwhile treatment did not. What "runs" means is learned from the days before the period:

    production runs   from RUNS of its usual power on, the 90 % quantile of those days: as a production day
                      is counted for an alert
    treatment works   from WORKS of its usual power while production ran: below the half it is "underspeed"

    again             treatment lacked once for LACK_S or longer while production ran
    holds             production ran for RAN_MIN_S or more, COVERED_MIN of the period is seen, and treatment
                      never lacked for as long as START_S
    unclear           it lacked for between START_S and LACK_S: starts take that, and so does a first try
    cannot_be_judged  otherwise, and `why`: no treatment, no habits, too little is seen, production stood, or
                      treatment that runs by itself: it worked in less than STEADY of production's time
                      before, so that a rest says nothing

START_S, LACK_S and RAN_MIN_S are judgments: longer than the delays that site files allow, half an hour, and a
shift. "Again" and "holds" are what an officer reads, not a finding about the plant: its rules go on by
themselves.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import asdict, frozen

from evidence.cbor import FormatError
from evidence.curtailment.quantiles import find_quantile
from evidence.fields import Fields
from evidence.marks.truth import Sample
from evidence.record_body import TIME_S_MAX

RUNS: Final = 0.3
WORKS: Final = 0.5
STEADY: Final = 0.75
USUAL_QUANTILE: Final = 0.9
START_S: Final = 900
LACK_S: Final = 1_800
RAN_MIN_S: Final = 28_800
COVERED_MIN: Final = 0.75
HABIT_MIN_S: Final = 28_800
"""Of production before the period; less has no habits."""
HABIT_DAYS: Final = 30
PERIOD_S_MAX: Final = 400 * 86_400
"""As long as daily sums are kept for baselines."""
DAY_S: Final = 86_400
POWER_W_MAX: Final = 1 << 40
"""A terawatt: more than any plant, and whole in every language."""


class Again(StrEnum):
    """The result."""

    HOLDS = "holds"
    AGAIN = "again"
    UNCLEAR = "unclear"
    CANNOT = "cannot_be_judged"


class Lack(StrEnum):
    """Why it cannot be judged."""

    NONE = ""
    NO_TREATMENT = "no_treatment"
    NO_HABIT = "no_habit"
    BY_ITSELF = "by_itself"
    NOT_SEEN = "not_seen"
    STOOD = "stood"


@frozen(kw_only=True)
class Recheck:
    """See the module. Times in seconds, powers in W, both levels 0 where they are not known."""

    begin_s: int
    end_s: int
    result: Again
    why: Lack = Lack.NONE
    covered_s: int = 0
    ran_s: int = 0
    lacked_s: int = 0
    longest_s: int = 0
    longest_at_s: int | None = None
    runs_w: int = 0
    works_w: int = 0

    def to_body(self) -> dict[str, Any]:
        """As a step has it."""
        return {**asdict(self), "result": self.result.value, "why": self.why.value}

    @classmethod
    def from_body(cls, value: Any) -> "Recheck":
        """The inverse; raises FormatError."""
        body = Fields.of(value, "recheck")
        begin_s = body.whole("begin_s", TIME_S_MAX)
        end_s = body.whole("end_s", min(TIME_S_MAX, begin_s + PERIOD_S_MAX), begin_s + 1)
        result, why = body.name("result"), body.text("why")
        if result not in set(Again) or why not in set(Lack) or (result == Again.CANNOT) == (why == Lack.NONE):
            raise FormatError("recheck.result or recheck.why is none that this version knows")
        length_s = end_s - begin_s
        made = cls(
            begin_s=begin_s,
            end_s=end_s,
            result=Again(result),
            why=Lack(why),
            covered_s=body.whole("covered_s", length_s),
            ran_s=body.whole("ran_s", length_s),
            lacked_s=body.whole("lacked_s", length_s),
            longest_s=body.whole("longest_s", length_s),
            longest_at_s=body.maybe_whole("longest_at_s", end_s, begin_s),
            runs_w=body.whole("runs_w", POWER_W_MAX),
            works_w=body.whole("works_w", POWER_W_MAX),
        )
        body.finish()
        return made


@frozen
class Piece:
    """For so long both were known: from when, how long, W of production and of treatment."""

    at_s: float
    length_s: float
    production_w: float
    treatment_w: float


def recheck(
    production: Sequence[Sequence[Sample]],
    treatment: Sequence[Sequence[Sample]],
    begin_s: int,
    end_s: int,
    hold_s: float,
) -> Recheck:
    """Judge a period; the samples of each line ascend, and one holds for at most `hold_s`."""
    whole = {"begin_s": begin_s, "end_s": end_s}
    if not treatment or not production:
        return Recheck(**whole, result=Again.CANNOT, why=Lack.NO_TREATMENT)
    before = list(pair(production, treatment, begin_s - HABIT_DAYS * DAY_S, begin_s, hold_s))
    levels = _learn(before)
    if isinstance(levels, Lack):
        return Recheck(**whole, result=Again.CANNOT, why=levels)
    runs_w, works_w = levels
    pieces = list(pair(production, treatment, begin_s, end_s, hold_s))
    running = [one for one in pieces if one.production_w >= runs_w]
    covered_s, ran_s = sum(one.length_s for one in pieces), sum(one.length_s for one in running)
    lacks = list(_join(one for one in running if one.treatment_w < works_w))
    at_s, longest_s = max(lacks, key=lambda one: one[1], default=(None, 0.0))
    result, why = _judge(longest_s, ran_s, covered_s, end_s - begin_s)
    return Recheck(
        **whole,
        result=result,
        why=why,
        covered_s=round(covered_s),
        ran_s=round(ran_s),
        lacked_s=round(sum(length_s for _, length_s in lacks)),
        longest_s=round(longest_s),
        longest_at_s=None if at_s is None else int(at_s),
        runs_w=round(runs_w),
        works_w=round(works_w),
    )


def _judge(longest_s: float, ran_s: float, covered_s: float, span_s: float) -> tuple[Again, Lack]:
    if longest_s >= LACK_S:
        return Again.AGAIN, Lack.NONE
    if covered_s < COVERED_MIN * span_s:
        return Again.CANNOT, Lack.NOT_SEEN
    if longest_s >= START_S:
        return Again.UNCLEAR, Lack.NONE
    return (Again.HOLDS, Lack.NONE) if ran_s >= RAN_MIN_S else (Again.CANNOT, Lack.STOOD)


def _learn(before: Sequence[Piece]) -> tuple[float, float] | Lack:
    """From which powers on production runs and treatment works; else why nobody can say."""
    if not before:
        return Lack.NO_HABIT
    runs_w = RUNS * find_quantile((one.production_w for one in before), USUAL_QUANTILE)
    running = [one for one in before if one.production_w >= runs_w]
    if runs_w <= 0 or sum(one.length_s for one in running) < HABIT_MIN_S:
        return Lack.NO_HABIT
    works_w = WORKS * find_quantile((one.treatment_w for one in running), USUAL_QUANTILE)
    if works_w <= 0:
        return Lack.NO_HABIT
    worked_s = sum(one.length_s for one in running if one.treatment_w >= works_w)
    is_steady = worked_s >= STEADY * sum(one.length_s for one in running)
    return (runs_w, works_w) if is_steady else Lack.BY_ITSELF


def _join(pieces: Iterable[Piece]) -> Iterator[tuple[float, float]]:
    """Begin and length of stretches that follow each other without a hole."""
    begin_s = end_s = None
    for one in pieces:
        if begin_s is None or end_s is None or one.at_s > end_s:
            if begin_s is not None and end_s is not None:
                yield begin_s, end_s - begin_s
            begin_s = one.at_s
        end_s = one.at_s + one.length_s
    if begin_s is not None and end_s is not None:
        yield begin_s, end_s - begin_s


def pair(
    production: Sequence[Sequence[Sample]],
    treatment: Sequence[Sequence[Sample]],
    begin_s: float,
    end_s: float,
    hold_s: float,
) -> Iterator[Piece]:
    """The sums of both groups, for as long as each of their lines has a sample that holds."""
    lines = [*production, *treatment]
    moments = sorted((at_s, at, watts) for at, samples in enumerate(lines) for at_s, watts in samples)
    last: list[Sample | None] = [None] * len(lines)
    for index, (at_s, at, watts) in enumerate(moments):
        if at_s >= end_s:
            break
        last[at] = at_s, watts
        known = [one for one in last if one is not None]
        if len(known) < len(last):
            continue
        next_s = moments[index + 1][0] if index + 1 < len(moments) else end_s
        until_s = min(next_s, end_s, min(one[0] for one in known) + hold_s)
        from_s = max(at_s, begin_s)
        if until_s > from_s:
            values = [one[1] for one in known]
            low = len(production)
            yield Piece(from_s, until_s - from_s, sum(values[:low]), sum(values[low:]))
