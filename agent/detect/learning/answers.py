"""Questions of commissioning and what can be answered to them. Without numpy: pages show answers too.

An answer is kept in the parameters (`Answer`), sealed with them, and asked for no more. It changes:

- standby: `yes` puts the threshold of production above the power of that habit (`value_w`).
- level: `yes` takes the longest rest of treatment for a duty cycle, or what is produced in its rests where
  that is alike: a tank decouples it from production. Only far more than that accuses, all else asks.
- stop: `no` makes a line that was never seen to start enough; its thresholds stay provisional.
- product: nothing. What was said is kept, for whoever reads a finding later.

An answer of `no` is kept too: it is what a finding will be held against.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen

from agent.detect.line_params import Answer
from agent.detect.param_table import ParamsError
from evidence.words import Words

YES, NO = "yes", "no"
CHOICES: Final[Mapping[str, Mapping[str, Words]]] = {
    "standby": {
        YES: Words(
            "是：高于{value_kw:.1f}千瓦才算生产", "yes: production counts from above {value_kw:.1f} kW"
        ),
        NO: Words(
            "否：治污应当运行，再次发生时会报告", "no: treatment should have run, and its absence is told"
        ),
    },
    "stop": {
        YES: Words("能：停机后再学习一次", "yes: stop it, then learn once more"),
        NO: Words("不能：连续生产，互感器脱落不作判断", "no: it never stops, a CT that is off is not judged"),
    },
    "product": {
        YES: Words("是：其他产品各生产一天后再学习", "yes: run each for a day, then learn once more"),
        NO: Words("否：只有这些，超出时会询问", "no: only this; it is asked when there is more"),
    },
    "level": {
        YES: Words(
            "是：停歇远超学习到的最长时间或其间的生产用电才报告",
            "yes: only rests far longer than those learned, or with far more production in them, are told",
        ),
        NO: Words("否：治污应随生产运行", "no: treatment has to run while production does"),
    },
}
ANSWERED: Final = Words("{question}：{answer}", "{question}: {answer}")
NAMES: Final[Mapping[str, Words]] = {
    "standby": Words("待机", "standby"),
    "stop": Words("能否停机", "can it be stopped"),
    "product": Words("其他产品", "other products"),
    "level": Words("由液位控制", "by level"),
}


@frozen
class Question:
    """One question to whoever commissions.

    Attributes:
        key: Its name in an answer.
        words: The question.
        value_w: The power that it is about, 0 where it is about none.
    """

    key: str
    words: Words
    value_w: int = 0

    @property
    def choices(self) -> Mapping[str, Words]:
        """What can be answered, each with what follows from it."""
        value_kw = self.value_w / 1000
        return {name: words.fill(value_kw=value_kw) for name, words in CHOICES[self.key].items()}


def describe_answer(answer: Answer) -> Words:
    """What a person answered, as it is kept."""
    choice = CHOICES.get(answer.question, {}).get(answer.answer, Words.same(answer.answer))
    name = NAMES.get(answer.question, Words.same(answer.question))
    return ANSWERED.fill(question=name, answer=choice.fill(value_kw=answer.value_w / 1000))


def check_answers(answers: Iterable[Answer]) -> None:
    """Refuse answers that are to nothing.

    Raises:
        ParamsError: One line for each.
    """
    problems = tuple(
        f"answer {one.question}={one.answer}: known are "
        + ", ".join(f"{key}={value}" for key, values in CHOICES.items() for value in values)
        for one in answers
        if one.answer not in CHOICES.get(one.question, ())
    )
    if problems:
        raise ParamsError(problems)
