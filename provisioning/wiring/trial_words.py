"""The results of the on/off test of a line, with their texts.

follows     the line's own meters answered every time, each of them
inverted    they answered, the wrong way round: negative while the machine runs
partly      some of them answered, some did not
elsewhere   they did not, and another meter did: their transformers sit on its cable, or its on theirs
nothing     no meter answered, or only that of the incomer
silent      the line's own meters did not answer for too long
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from attrs import frozen

from evidence.words import Words
from provisioning.wiring.words import join, to_sentence

Kind = Literal["follows", "inverted", "partly", "elsewhere", "nothing", "silent"]
W_PER_KW: Final = 1000.0


@frozen
class Outcome:
    """The judgement of an on/off test.

    Attributes:
        kind: See the module.
        follows: Whether the line's meters do what its machine does.
        meters: `elsewhere`: the meters that answered, most first; `partly`, `inverted`: those that are
            wrong.
        off_w: Power of the line's meters with the machine off, None if not seen.
        on_w: The same with the machine on.
        sentence: What was seen.
        remedy: What to do, likewise.
    """

    kind: Kind
    follows: bool
    meters: tuple[str, ...]
    off_w: float | None
    on_w: float | None
    sentence: Words
    remedy: Words


_SENTENCES: Final[Mapping[Kind, tuple[Words, Words]]] = {
    "follows": (
        Words("{own}随设备启停变化：停{off} kW，开{on} kW", "meter {own} follows: {off} kW off, {on} kW on"),
        Words("无需处理", "nothing to do"),
    ),
    "inverted": (
        Words(
            "{meters}随设备启停变化，但方向相反：停{off} kW，开{on} kW",
            "meter {meters} follows the wrong way round: {off} kW off, {on} kW on",
        ),
        Words(
            "对调{meters}互感器的S1和S2，然后重新试验",
            "swap S1 and S2 of the transformers of {meters}, then test again",
        ),
    ),
    "partly": (
        Words(
            "{meters}不随设备启停变化，本线路的其他电表随之变化",
            "meter {meters} does not follow, while the other meters of the line do",
        ),
        Words(
            "检查{meters}的互感器是否套在本线路的电缆上、全部设备是否都已启停，然后重新试验",
            "check whether the transformers of {meters} are on a cable of this line and whether all its "
            "machines were switched, then test again",
        ),
    ),
    "elsewhere": (
        Words(
            "{own}不随设备启停变化，而{meters}随之变化（{step} kW）：互感器套在别的电缆上",
            "meter {own} does not follow, {meters} does instead (by {step} kW): the transformers are on "
            "another cable",
        ),
        Words(
            "核对{own}与{meters}的互感器各套在哪根电缆上，更正后重新试验；若只是电表编号弄混，则更正编号",
            "check which cables the transformers of {own} and {meters} are on, correct them and test "
            "again; if only the ids are mixed up, exchange these",
        ),
    ),
    "nothing": (
        Words(
            "设备启停时没有电表随之变化（{own}：停{off} kW，开{on} kW）",
            "nothing follows while the machine is switched ({own}: {off} kW off, {on} kW on)",
        ),
        Words(
            "确认启停的是本线路的设备；再检查{own}的互感器是否套在其电缆上、短接片是否取下，然后重新试验",
            "make sure that the machine switched belongs to this line; then check that the transformers "
            "of {own} are on its cable and no shorting link is left, and test again",
        ),
    ),
    "silent": (
        Words("{own}没有回答，试验未完成", "meter {own} did not answer, so the test is not finished"),
        Words("检查总线和电表，然后重新试验", "check bus and meter, then test again"),
    ),
}
_INCOMER: Final[Words] = Words(
    "；进线表{sums}看到了{step} kW的变化，说明设备确已启停",
    "; {sums} of the incomer saw {step} kW, so the machine was switched",
)

Steps = Mapping[str, Sequence[float]]
"""Steps by meter, positive if it rises with the machine on; none where it does not follow."""


def judge(
    why: Kind | None, own: Steps, others: Steps, sums: Steps, off_w: float | None, on_w: float | None
) -> Outcome:
    """The judgement, from the meters that follow or from the reason for an early end."""
    kind, meters = (why, ()) if why else _kind(own, others)
    named = tuple(meters) or tuple(own)
    shown = others if kind == "elsewhere" else sums
    step = max((abs(one) for steps in shown.values() for one in steps), default=0.0)
    facts = {"own": ", ".join(own), "meters": ", ".join(named), "sums": ", ".join(sums)}
    facts |= {"off": _kw(off_w), "on": _kw(on_w), "step": _kw(step)}
    seen, remedy = _SENTENCES[kind]
    if kind == "nothing" and sums:
        seen = join((seen, _INCOMER), Words.same(""))
    sentence, remedy = (to_sentence(clause.fill(**facts)) for clause in (seen, remedy))
    return Outcome(kind, kind == "follows", tuple(meters), off_w, on_w, sentence, remedy)


def _kind(own: Steps, others: Steps) -> tuple[Kind, tuple[str, ...]]:
    still = tuple(name for name, steps in own.items() if not steps)
    back = tuple(name for name, steps in own.items() if steps and steps[0] < 0)
    if back:
        return "inverted", back
    if not still:
        return "follows", ()
    if len(still) < len(own):
        return "partly", still
    if others:
        most = sorted(others, key=lambda name: -max(abs(step) for step in others[name]))
        return "elsewhere", tuple(most)
    return "nothing", ()


def _kw(watts: float | None) -> str:
    return "?" if watts is None else f"{watts / W_PER_KW:.2f}"
