"""What a job of the second world is and what came of it: small, picklable, added up by the report.

An accusation is an episode that was ever said to be a violation or an integrity finding. In a plant without
deeds each is false, unless treatment stood still under a declaration: those are counted apart, because a
declaration answers them and the rule did break. `gaps_accused`: gaps of ten minutes and more in which, or in
the five minutes after which, a violation began to be said. `stray`: accusations beside the deeds of a plant.
"""

from typing import Final

from attrs import field, frozen

from agent.detect.params import ParamsError
from tests.bench_detection.cases import DAY_S
from tests.bench_detection.world.commit import commit
from tests.bench_detection.world.kinds import draw
from tests.bench_detection.world.meters import Plant, show
from tests.bench_detection.world.scene import Deed
from tests.bench_detection.world.trial import GRAVE, Said, Trial, watch
from tests.bench_detection.world.works import Works

MONTH_S: Final = 30 * DAY_S
AFTER_MIN: Final = 5
EXCUSED_AFTER_MIN: Final = 30
BEFORE_MIN: Final = 420
"""A ramp may be found before it counts as broken."""
AFTERMATH_MIN: Final = 120


@frozen(kw_only=True)
class Job:
    """Equal jobs give equal results."""

    kind: str
    variant: int
    seed: int
    days: int = 0
    deeds: bool = False

    @property
    def name(self) -> str:
        """How it is called in findings."""
        return f"{self.kind}/{self.variant}/{self.seed}" + (f" days {self.days}" if self.days else "")


@frozen(kw_only=True)
class Accusation:
    """A false one: what was said, when, and what the plant did."""

    rule: str
    severity: str
    hours: float
    why: str


@frozen(kw_only=True)
class DeedResult:
    """What became of one deed."""

    deed: str
    plain: bool
    hidden: str
    begin_h: float
    end_h: float
    delay_s: float | None
    rule: str
    last_rule: str = ""


@frozen(kw_only=True)
class Result:
    """What came of a job; months are counted from the end of learning."""

    job: Job
    months: float = 0.0
    refused: tuple[str, ...] = ()
    error: str = ""
    answered: tuple[str, ...] = ()
    duty: bool = False
    false: tuple[Accusation, ...] = ()
    notices: tuple[str, ...] = ()
    excused: int = 0
    gaps: int = 0
    gaps_accused: int = 0
    deeds: tuple[DeedResult, ...] = field(default=())
    stray: tuple[Accusation, ...] = ()


def run_honest(job: Job) -> Result:
    """One plant without deeds."""
    plant = show(draw(job.kind, job.variant, job.seed, days=job.days))
    try:
        trial = watch(plant)
    except ParamsError as error:
        return Result(job=job, error=str(error))
    return honest_result(job, plant, trial)


def honest_result(job: Job, plant: Plant, trial: Trial) -> Result:
    """Everything grave is false here."""
    works = plant.works
    worst = [each.worst for each in trial.heard]
    grave = [one for one in worst if one.severity in GRAVE]
    excused = [one for one in grave if is_excused(works, one.slot)]
    wrong = [one for one in grave if not is_excused(works, one.slot)]
    accused = sum(is_gap_accused(plant, gap, trial) for gap in plant.gaps)
    return Result(
        job=job, months=months_of(works, trial), duty=works.duty, **_learned(trial),
        false=tuple(_accusation(works, one) for one in wrong), excused=len(excused),
        notices=tuple(one.rule for one in worst if one.severity == "notice"),
        gaps=len(plant.gaps), gaps_accused=accused,
    )  # fmt: skip


def _learned(trial: Trial) -> dict[str, tuple[str, ...]]:
    return {"refused": trial.learned.refusals, "answered": trial.learned.answered}


def months_of(works: Works, trial: Trial) -> float:
    """Watched."""
    return 0.0 if trial.learned.refusals else (works.days * DAY_S - trial.learned.hours * 3600) / MONTH_S


def is_excused(works: Works, slot: int) -> bool:
    """Whether a declaration covers it."""
    return any(a <= slot <= b + works.slots(EXCUSED_AFTER_MIN) for a, b in works.excused)


def is_gap_accused(plant: Plant, gap: tuple[int, int], trial: Trial) -> bool:
    """Whether a violation was said while nobody could know."""
    last = gap[1] + plant.works.slots(AFTER_MIN)
    return any(gap[0] < one.slot <= last and one.severity == "violation" for one in trial.grave())


def _accusation(works: Works, said: Said) -> Accusation:
    before = [(slot, text) for slot, text in works.notes if slot <= said.slot]
    slot, text = before[-1] if before else (0, "")
    why = (
        f"{text} ({(said.slot - slot) * works.dt_s / 3600:.1f} h before)"
        if text
        else "nothing beside the ordinary"
    )
    return Accusation(rule=said.rule, severity=said.severity, hours=said.slot * works.dt_s / 3600, why=why)


def run_guilty(job: Job) -> Result:
    """One plant with deeds: only grave things that are said within a deed, or shortly after it, find it."""
    guilty = commit(draw(job.kind, job.variant, job.seed, days=job.days))
    works = guilty.plant.works
    try:
        trial = watch(guilty.plant)
    except ParamsError as error:
        return Result(job=job, error=str(error))
    grave = trial.grave()
    return Result(
        job=job, months=months_of(works, trial), duty=works.duty, **_learned(trial),
        deeds=tuple(_found(works, deed, grave) for deed in guilty.deeds),
        stray=tuple(_accusation(works, one) for one in grave if _is_stray(works, one, guilty.deeds)),
    )  # fmt: skip


def _is_stray(works: Works, said: Said, deeds: tuple[Deed, ...]) -> bool:
    """Neither in a deed nor in the hours after it, in which a plant finds back to what it was."""
    before, after = works.slots(BEFORE_MIN), works.slots(AFTERMATH_MIN)
    return not any(one.begin - before <= said.slot <= one.end + after for one in deeds)


def _found(works: Works, deed: Deed, grave: list[Said]) -> DeedResult:
    last = deed.end + works.slots(AFTER_MIN) + 2
    said = [one for one in grave if deed.begin - 1 <= one.slot <= last]
    first = said[0] if said else None
    return DeedResult(
        deed=deed.name, plain=deed.plain, hidden=deed.hidden, begin_h=deed.begin * works.dt_s / 3600,
        end_h=deed.end * works.dt_s / 3600,
        delay_s=None if first is None else max(0.0, float(first.slot - deed.begin) * works.dt_s),
        rule="" if first is None else first.rule, last_rule=said[-1].rule if said else "",
    )  # fmt: skip


def run(job: Job) -> Result:
    """Either."""
    return run_guilty(job) if job.deeds else run_honest(job)
