"""The course of a clue: which step may follow which, and what its body has to say. Pure.

    from        to              what it needs
    -           screening       {"gateway", "rule", "lines", "begin_s", "end_s"}, and the link to its origin
    screening   screening       a note; or {"closed": true}: nothing was behind it
    screening   verifying       -
    verifying   verifying       a note, or the review: {"outcome": "plant" | "device"}; the last one counts
    verifying   disposing       a review before it
    disposing   disposing       a note
    disposing   rectifying      {"recheck": …}
    rectifying  rectifying      a note, or another recheck; the last one counts
    rectifying  disposing       -: it was not rectified
    rectifying  improving       the last recheck does not say "again"
    improving   improving       a note, or {"closed": true}

A review has two outcomes: the plant was abnormal, or the monitoring device was; the second opens a work order
for the technician. A clue that came to nothing is closed while it is screened. After its end nothing follows;
whoever finds more opens another clue. Until a review is signed it is a clue, whatever a rule says.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import evolve, frozen

from evidence.cbor import FormatError
from evidence.clues.recheck import Again, Recheck
from evidence.clues.step import Stage, Step
from evidence.fields import NAME_BYTES_MAX, Fields
from evidence.record_body import TIME_S_MAX
from evidence.seal import check_gateway

LINES_MAX: Final = 64
"""Lines of an episode: production and treatment of one linkage."""
_BACK: Final = (Stage.RECTIFYING, Stage.DISPOSING)


class Outcome(StrEnum):
    """What a review found abnormal."""

    PLANT = "plant"
    DEVICE = "device"


class CourseError(ValueError):
    """A step that does not follow."""


@frozen(kw_only=True)
class Opening:
    """What a clue is about; `end_s` is None while it lasts."""

    gateway: str
    rule: str
    lines: tuple[str, ...]
    begin_s: int
    end_s: int | None = None

    def to_body(self) -> dict[str, Any]:
        """The body of the first step."""
        times = {"begin_s": self.begin_s, "end_s": self.end_s}
        return {"gateway": self.gateway, "rule": self.rule, "lines": list(self.lines), **times}


@frozen(kw_only=True)
class Clue:
    """How far a clue has come: its steps, in their order, and what follows from them."""

    opening: Opening
    steps: tuple[Step, ...]
    stage: Stage = Stage.SCREENING
    outcome: Outcome | None = None
    recheck: Recheck | None = None
    closed: bool = False

    @property
    def id(self) -> str:
        """Its name."""
        return self.steps[0].clue

    @property
    def is_dismissed(self) -> bool:
        """Whether it was closed because nothing was behind it."""
        return self.closed and self.stage is Stage.SCREENING


def follow(clue: Clue | None, step: Step) -> Clue:
    """The clue after `step`, which opens it if there is none yet.

    Raises:
        CourseError: It may not follow.
        FormatError: Its body is not that of such a step.
    """
    if clue is None:
        return _open(step)
    if clue.closed:
        raise CourseError(f"clue {clue.id} is closed")
    _check_stage(clue, step)
    body = Fields.of(step.body, "body")
    outcome, recheck = _take_outcome(body, step.stage), _take_recheck(body, step.stage)
    closed = body.take("closed", default=False)
    body.finish()
    if type(closed) is not bool:
        raise FormatError("body.closed is neither true nor false")
    if closed and step.stage not in {Stage.SCREENING, Stage.IMPROVING}:
        raise CourseError(f"a clue is not closed while it is {step.stage.name.lower()}")
    if step.stage is Stage.RECTIFYING and clue.stage is not Stage.RECTIFYING and recheck is None:
        raise CourseError("rectifying needs a recheck by power")
    return evolve(
        clue,
        steps=(*clue.steps, step),
        stage=step.stage,
        outcome=outcome or clue.outcome,
        recheck=recheck or clue.recheck,
        closed=closed,
    )


def _open(step: Step) -> Clue:
    if step.stage is not Stage.SCREENING:
        raise CourseError(f"clue {step.clue} is not open: it begins with its screening")
    if not step.links:
        raise CourseError("a clue needs a link to what it comes from")
    return Clue(opening=_parse_opening(step.body), steps=(step,))


def _check_stage(clue: Clue, step: Step) -> None:
    now, then = clue.stage, step.stage
    if then not in {now, now + 1} and (now, then) != _BACK:
        raise CourseError(f"{then.name.lower()} is no stage after {now.name.lower()}")
    if now is Stage.VERIFYING and then is Stage.DISPOSING and clue.outcome is None:
        raise CourseError("disposing needs a signed review: its outcome, plant or device")
    if (now, then) == (Stage.RECTIFYING, Stage.IMPROVING) and (
        clue.recheck is not None and clue.recheck.result is Again.AGAIN
    ):
        raise CourseError("the last recheck by power says that it goes on; it is not rectified")


def _take_outcome(body: Fields, stage: Stage) -> Outcome | None:
    if not body.has("outcome"):
        return None
    value = body.take("outcome")
    if stage is not Stage.VERIFYING:
        raise CourseError("a review stands in verifying")
    if type(value) is not str or value not in set(Outcome):
        raise FormatError("body.outcome is neither plant nor device")
    return Outcome(value)


def _take_recheck(body: Fields, stage: Stage) -> Recheck | None:
    if not body.has("recheck"):
        return None
    value = body.take("recheck")
    if stage is not Stage.RECTIFYING:
        raise CourseError("a recheck stands in rectifying")
    return Recheck.from_body(value)


def _parse_opening(value: Mapping[str, Any]) -> Opening:
    body = Fields.of(value, "body")
    begin_s = body.whole("begin_s", TIME_S_MAX)
    opening = Opening(
        gateway=check_gateway(body.text("gateway")),
        rule=body.text("rule", NAME_BYTES_MAX, may_be_empty=False),
        lines=body.names("lines", LINES_MAX),
        begin_s=begin_s,
        end_s=body.maybe_whole("end_s", TIME_S_MAX, begin_s),
    )
    body.finish()
    return opening
