"""Answers to what commissioning asks: `--answer`, and the person at the terminal.

    --answer k1.standby=yes      the power is that of the question
    --answer k1.standby=12.5     up to so many kilowatts are standby
    --answer stop=no             in a plant with one linkage

Nothing is answered for anybody: `--yes` and scripts leave a question open, and it is shown again.
An answer in the parameters holds until another is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from agent.detect.learning.answers import YES, Question
from agent.detect.line_params import Answer
from agent.detect.param_table import ParamsError
from agent.site.file import Site
from evidence.words import Words
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say
from provisioning.terminal.typed import POWER_UNITS, plain, read_number
from provisioning.words.language import translate

W_PER_KW: Final = 1000
KW_MAX: Final = 1e6
"""A gigawatt is a typing mistake."""
TEXTS: Final[Mapping[str, Words]] = {
    "which": Words("选哪一个（编号，回车暂不回答）", "Which one (number; Enter leaves it open)"),
    "wrong": Words("请输入1至{count}", "type 1 to {count}"),
}

Answers = Mapping[str, Sequence[Answer]]
"""By linkage."""


def take_answers(given: Iterable[str], site: Site) -> dict[str, list[Answer]]:
    """Those of `--answer`, and those in the parameters that no other replaces. Ends the command if wrong."""
    found: dict[str, dict[str, Answer]] = {one.id: _read_present(one.parameters) for one in site.linkage}
    for text in given:
        where, answer = _read(text, site)
        found[where][answer.question] = answer
    return {where: list(answers.values()) for where, answers in found.items()}


def _read(text: str, site: Site) -> tuple[str, Answer]:
    name, _, value = plain(text).partition("=")
    where, dot, question = name.strip().rpartition(".")
    ids = [one.id for one in site.linkage]
    if not dot and len(ids) == 1:
        where = ids[0]
    if where not in ids or not value.strip():
        example = f"{ids[0] if ids else 'k1'}.standby=yes"
        raise fail(EXIT_USAGE, f"--answer {text}: must be like --answer {example}")
    value = value.strip().casefold()
    try:
        power_kw = read_number(value, POWER_UNITS)
    except ValueError:
        return where, Answer(question=question, answer=value)
    if question != "standby" or not 0 < power_kw <= KW_MAX:
        raise fail(EXIT_USAGE, f"--answer {text}: only a standby is answered with a power in kW")
    return where, Answer(question=question, answer=YES, value_w=round(W_PER_KW * power_kw))


def _read_present(parameters: Mapping[str, Any] | None) -> dict[str, Answer]:
    """Those that a person gave before.

    Raises:
        ParamsError: They are something else.
    """
    rows = (parameters or {}).get("answers", ())
    try:
        return {one["question"]: Answer(**one) for one in rows}
    except (TypeError, KeyError) as error:
        raise ParamsError((f"linkage.parameters.answers: {error}",)) from error


def ask(where: str, questions: Iterable[Question]) -> list[Answer]:
    """What the person at the terminal answers; an open question is left out."""
    answers = []
    for one in questions:
        say(f"{where}: {translate(one.words)}", err=True)
        names = list(one.choices)
        for number, name in enumerate(names, 1):
            say(f"  {number}  {translate(one.choices[name])}", err=True)
        at = _choose(len(names))
        if at:
            answers.append(Answer(question=one.key, answer=names[at - 1], value_w=one.value_w))
    return answers


def _choose(count: int) -> int:
    while True:
        prompt = f"{translate(TEXTS['which'])}: "
        typed = plain(click.prompt(prompt, default="", show_default=False, err=True, prompt_suffix=""))
        if not typed:
            return 0
        if typed.isdecimal() and 1 <= int(typed[:9]) <= count:
            return int(typed)
        say(translate(TEXTS["wrong"], count=count), err=True)
