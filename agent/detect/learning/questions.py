"""What commissioning asks instead of guessing, and what it refuses to learn from.

Exceptions are not learned as normal. Where they are a good part of the time, the normal was not seen at all,
and the parameters must not be used. Where they come at the same hours again and again, they are a habit of
the plant (a standby that the thresholds took for production, a cleaning, a warm-up), which a person can name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from agent.detect.learning.answers import Question
from agent.detect.learning.commission_words import Oddity, Span, join_spans
from agent.detect.learning.linkages import Bools
from agent.detect.learning.series import Floats, Grid
from agent.detect.learning.thresholds import Mode
from agent.detect.params import RANGE_MARGIN
from evidence.moments import local_text
from evidence.words import Words

REFUSED_SHARE: Final = 0.3
"""Eight hours of violation in three days of one shift are 22 %; above this nobody knows what is normal."""
HABIT_MIN: Final = 4
"""Exceptions at the same hours on so many days are a habit."""
STANDBY_MIN: Final = 3
"""Where production was less than treatment ever ran for, three of the working days of 72 hours are one."""
HABIT_SHARE: Final = 0.3
"""Fewer of all exceptions come to the same hours by chance: a shift of eight hours has a fifth of them in an
hour and a half."""
HABIT_APART_S: Final = 5400
"""Begins within an hour and a half of each other are at the same hours."""
STANDBY_OF_ON_MAX: Final = 0.6
"""A habit at more than this share of the usual production is production; no threshold divides the two."""
LEVEL_QUANTILE: Final = 0.98
"""Of a standby, single slots at its ends belong to production."""
LEVEL_RUN_MIN_S: Final = 1800
LEVEL_RUNS_MIN: Final = 4
"""Treatment that stood still for half an hour under production so often may follow the level of a tank."""
DAY_S: Final = 86_400

QUESTIONS: Final[Mapping[str, Words]] = {
    "habit": Words(
        "{count}处例外都在{begin}前后开始，当时生产功率约{production_kw:.1f}千瓦：是待机、清洗还是预热？",
        "{count} exceptions begin around {begin}, with production at about {production_kw:.1f} kW: is this a "
        "standby, a cleaning or a warm-up?",
    ),
    "standby": Words(
        "{count}处例外都在{begin}前后开始，当时生产功率不超过{value_kw:.1f}千瓦，平时为{usual_kw:.1f}千瓦："
        "是待机、清洗还是预热（无需治污）？",
        "{count} exceptions begin around {begin}, with production at up to {value_kw:.1f} kW where "
        "{usual_kw:.1f} are usual: is this a standby, a cleaning or a warm-up, which needs no treatment?",
    ),
    "not judged": Words(
        "在回答之前，不超过{value_kw:.1f}千瓦的生产视为待机，不作判断",
        "until that is answered, production of up to {value_kw:.1f} kW counts as a standby and is not judged",
    ),
    "stop": Words(
        "未见生产停机：互感器脱落无法识别；能否停机一次，约一小时？",
        "production was never seen to stop, so a CT that is off cannot be told: can it be stopped once, for "
        "about an hour?",
    ),
    "product": Words(
        "只见过不超过{to_kw:.1f}千瓦的生产：是否还生产其他产品或使用其他设备？",
        "production was seen up to {to_kw:.1f} kW only: is another product or machine ever run?",
    ),
    "level": Words(
        "治污在生产运行时停机{count}次，每次半小时以上（最长{longest_h:.1f}小时）：是否由水位、料位等控制启停，"
        "与生产时间无关？",
        "treatment stood still {count} times for half an hour or more while production ran (at most "
        "{longest_h:.1f} h): does a level (of a tank, a silo) start and stop it, whenever production runs?",
    ),
    "range": Words(
        "学习到的生产功率为{from_kw:.1f}至{to_kw:.1f}千瓦；以外的工况只判断治污是否停运，并会询问",
        "production from {from_kw:.1f} to {to_kw:.1f} kW was learned; outside of that only treatment that is "
        "off is judged, and it is asked what is made",
    ),
    "coarse": Words(
        "{line}：电表的步长为{step_kw:.2f}千瓦，大于负荷本身的波动；读数不变或过于平稳不作判断",
        "{line}: the meter moves in steps of {step_kw:.2f} kW, more than the load itself varies; its "
        "repetition and its steadiness are not judged",
    ),
}


def find_share(spans: Iterable[Span], on: Bools) -> float:
    """The share of the slots of production, `on`, that exceptions cover."""
    covered = np.zeros(len(on), np.bool_)
    for begin, end, _ in spans:
        covered[begin:end] = True
    return float((covered & on).sum() / on.sum()) if on.any() else 0.0


def ask_about_habits(
    spans: Sequence[Span], u: Floats, data: Grid, offset_s: int, usual_w: float, treated_w: float = 0.0
) -> tuple[list[Question], list[Words]]:
    """Questions and remarks, one for each time of day at which exceptions begin again and again.

    It is a question where a threshold could divide the habit from production.

    Args:
        spans: The exceptions.
        u: Production, W, by slot.
        data: Where the slots lie in time.
        offset_s: The plant's zone.
        usual_w: What production usually draws.
        treated_w: The least production for which treatment was seen to run.
    """
    begins = sorted(((data.at_s(begin) + offset_s) % DAY_S, begin, end) for begin, end, _ in spans)
    asked: list[Question] = []
    told: list[Words] = []
    while begins:
        group = [one for one in begins if one[0] - begins[0][0] <= HABIT_APART_S]
        begins = begins[len(group) :]
        days = {(data.at_s(begin) + offset_s) // DAY_S for _, begin, _ in group}
        level = sorted(value for _, begin, end in group for value in u[begin:end].tolist() if value == value)  # noqa: PLR0124  NaN
        greatest_w = level[int(LEVEL_QUANTILE * (len(level) - 1))] if level else 0.0
        least = STANDBY_MIN if greatest_w < treated_w else HABIT_MIN
        if len(days) < least or len(group) < HABIT_SHARE * len(spans):
            continue
        begin_at = local_text(data.at_s(group[len(group) // 2][1]), offset_s, "%H:%M")
        facts = {"count": len(group), "begin": begin_at}
        if level and greatest_w <= STANDBY_OF_ON_MAX * usual_w:
            words = QUESTIONS["standby"].fill(**facts, value_kw=greatest_w / 1000, usual_kw=usual_w / 1000)
            asked.append(Question("standby", words, round(greatest_w)))
        else:
            mean_kw = sum(level) / max(len(level), 1) / 1000
            told.append(QUESTIONS["habit"].fill(**facts, production_kw=mean_kw))
    # Of several habits the one with the greatest power: a threshold above it is above all.
    return sorted(asked, key=lambda one: one.value_w)[-1:], told


def find_untreated_w(spans: Iterable[Span], u: Floats, treated_w: float) -> int:
    """The greatest production that was seen without treatment, of those below all that treatment ran for.

    Two mornings of a warm-up are too few to ask about a habit, and no guilt: nothing shows that production
    needs treatment there.

    Args:
        spans: The exceptions.
        u: Production, W, by slot.
        treated_w: The least production for which treatment was seen to run.
    """
    found = 0.0
    for begin, end, odd in spans:
        known = u[begin:end][np.isfinite(u[begin:end])]
        if odd in {Oddity.OFF, Oddity.LACKING} and len(known):
            level = RANGE_MARGIN * float(np.quantile(known, LEVEL_QUANTILE))
            found = level if found < level < treated_w else found
    return round(found)


def ask_about_level(spans: Iterable[Span], dt_s: int) -> list[Question]:
    """Whether a level drives treatment, where it stood still for long again and again."""
    still = join_spans((one for one in spans if one[2] in {Oddity.OFF, Oddity.LACKING}), dt_s)
    lengths = [(end - begin) * dt_s for begin, end, _ in still]
    long = [length_s for length_s in lengths if length_s >= LEVEL_RUN_MIN_S]
    if len(long) < LEVEL_RUNS_MIN:
        return []
    return [Question("level", QUESTIONS["level"].fill(count=len(long), longest_h=max(long) / 3600))]


def ask_about_production(mode: Mode, greatest_w: int) -> list[Question]:
    """Whether it can be stopped, where it never was, and whether anything else is ever made."""
    found = [Question("stop", QUESTIONS["stop"])] if mode is Mode.ALWAYS_ON else []
    if greatest_w:
        found.append(Question("product", QUESTIONS["product"].fill(to_kw=greatest_w / 1000)))
    return found


def describe_range(range_w: tuple[int, int]) -> list[Words]:
    """Which production was learned."""
    least_w, greatest_w = range_w
    return [QUESTIONS["range"].fill(from_kw=least_w / 1000, to_kw=greatest_w / 1000)] if greatest_w else []
