"""What commissioning found, as the technician reads it: learned, not learned, refused, asked.

One part each, with the words of `parameters` and of the learning itself; a script gets the same under names.
The treatment that each production needs is drawn as bars, because a table of twelve numbers is not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from agent.detect.learning.answers import Question, describe_answer
from agent.detect.learning.changed import Proposal
from agent.detect.learning.commission_words import Refusal
from agent.detect.learning.relearn import Change
from agent.detect.params import IncomerParams, LinkageParams
from evidence.words import Words
from provisioning.words.language import translate
from provisioning.words.parameters import (
    Names,
    describe_incomer,
    describe_learned,
    describe_unlearned,
    list_answers,
    list_steps,
    to_kw,
)

TEXTS: Final[Mapping[str, Words]] = {
    "ready": Words("可以使用", "ready"),
    "refused": Words("不可使用（{names}）", "refused ({names})"),
    "learned": Words("学到的", "Learned"),
    "missing": Words("未学到的", "Not learned"),
    "refusals": Words("不可使用的原因", "Why it is refused"),
    "questions": Words("请回答", "Please answer"),
    "answers": Words("已回答", "Answered"),
    "exceptions": Words("未作为正常学习的", "Not learned as normal"),
    "proposal": Words("设施有变化", "The plant has changed"),
    "changes": Words("待确认的更改", "Changes to confirm"),
    "drawing": Words("各生产功率所需的治污功率（千瓦）", "Treatment that each production needs (kW)"),
    "at least": Words("至少", "at least"),
    "usual": Words("通常", "usual"),
    "from": Words("生产自", "production from"),
    "provisional": Words("暂定", "provisional"),
}
BAR_COLUMNS: Final = 24
FULL, HALF, ROOM = "█", "▒", "·"
CHANGES_MAX: Final = 40
"""Of more, the first are shown and the rest is in --json."""


@frozen
class Learned:
    """The result for a linkage or the incomer, what would change, and which days to learn from again."""

    params: LinkageParams | IncomerParams
    findings: tuple[Words, ...]
    changes: tuple[Change, ...]
    seen: tuple[Words, ...] = ()
    missing: tuple[Words, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    questions: tuple[Question, ...] = ()
    exceptions: tuple[Words, ...] = ()
    names: Names = field(factory=dict)
    proposal: Proposal | None = None

    @property
    def id(self) -> str:
        """The linkage or the incomer."""
        return self.params.incomer.id if isinstance(self.params, IncomerParams) else self.params.linkage

    @property
    def ready(self) -> bool:
        """Whether it may be written."""
        return not self.refusals


def to_json(result: Learned) -> dict[str, object]:
    """One line for scripts; both languages."""
    params = result.params
    kind = "feed" if isinstance(params, IncomerParams) else "linkage"
    return {
        kind: result.id,
        "ready": result.ready,
        "findings": [one.en for one in result.findings],
        "findings_zh": [one.zh for one in result.findings],
        "learned": [one.to_body() for one in _list_learned(result)],
        "missing": [one.to_body() for one in _list_missing(result)],
        "refusals": [{"name": one.name, **one.words.to_body()} for one in result.refusals],
        "questions": [_question_to_json(result.id, one) for one in result.questions],
        "exceptions": [one.to_body() for one in result.exceptions],
        "proposal": _proposal_to_json(result.proposal) if result.proposal else None,
        "changes": [
            {"name": one.name, "before": one.before, "after": one.after, "lenient": one.lenient}
            for one in result.changes
        ],
        "parameters": params.to_dict(),
        "hash": params.hash.hex(),
    }


def _proposal_to_json(proposal: Proposal) -> dict[str, str]:
    days = {"kind": proposal.kind, "from": proposal.begin, "until": proposal.end}
    return {**days, **proposal.words.to_body()}


def _question_to_json(where: str, question: Question) -> dict[str, Any]:
    return {
        "name": f"{where}.{question.key}",
        **question.words.to_body(),
        "choices": {name: words.to_body() for name, words in question.choices.items()},
    }


def to_text(result: Learned) -> str:
    """The whole report in the language of this call."""
    return "\n".join(_write(result))


def _write(result: Learned) -> Iterator[str]:
    names = ", ".join(one.name for one in result.refusals)
    head = TEXTS["refused"].fill(names=names) if names else TEXTS["ready"]
    unsure = isinstance(result.params, LinkageParams) and result.params.provisional and not names
    more = f" ({translate(TEXTS['provisional'])})" if unsure else ""
    yield f"{result.id}: {translate(head)}{more}"
    yield from _part("learned", _list_learned(result))
    if isinstance(result.params, LinkageParams):
        yield from draw_steps(result.params)
    yield from _part("missing", _list_missing(result))
    yield from _part("refusals", [one.words for one in result.refusals])
    yield from _part("answers", [describe_answer(one) for one in list_answers(result.params)])
    yield from _part("exceptions", result.exceptions)
    yield from _list_questions(result)
    yield from _part("proposal", [result.proposal.words] if result.proposal else [])
    yield from _part("changes", [one.words for one in result.changes[:CHANGES_MAX]])
    if len(result.changes) > CHANGES_MAX:
        yield f"    … {len(result.changes) - CHANGES_MAX}"


def _part(name: str, rows: Sequence[Words]) -> Iterator[str]:
    if rows:
        yield f"  {translate(TEXTS[name])}"
        yield from (f"    {translate(one)}" for one in rows)


def _list_questions(result: Learned) -> Iterator[str]:
    """Each with its answers, as `--answer` takes them."""
    if result.questions:
        yield f"  {translate(TEXTS['questions'])}"
    for one in result.questions:
        yield f"    {translate(one.words)}"
        for name, words in one.choices.items():
            yield f"      --answer {result.id}.{one.key}={name}  {translate(words)}"


def _list_learned(result: Learned) -> list[Words]:
    if isinstance(result.params, IncomerParams):
        return [describe_incomer(result.params)]
    return [*result.seen, *describe_learned(result.params, whole=False)]


def _list_missing(result: Learned) -> list[Words]:
    if isinstance(result.params, IncomerParams):
        return list(result.findings)
    return [*result.missing, *describe_unlearned(result.params, result.names, whole=False)]


def draw_steps(params: LinkageParams) -> Iterator[str]:
    """A row for each step of production: a bar up to the least treatment, and on to the usual."""
    steps = list_steps(params)
    if not steps:
        return
    top_w = max(usual_w for _, _, usual_w in steps)
    yield f"  {translate(TEXTS['drawing'])}"
    for from_w, least_w, usual_w in steps:
        least, usual = (round(BAR_COLUMNS * watts / top_w) for watts in (least_w, usual_w))
        bar = FULL * least + HALF * (usual - least) + ROOM * (BAR_COLUMNS - max(usual, least))
        told = (
            f"{translate(TEXTS['at least'])} {to_kw(least_w)}, {translate(TEXTS['usual'])} {to_kw(usual_w)}"
        )
        yield f"    {translate(TEXTS['from'])} {to_kw(from_w):>6}  {bar}  {told}"
