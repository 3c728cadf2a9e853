"""What commissioning asks instead of guessing, and what it refuses to learn from.

Exceptions are not learned as normal. Where they are a good part of the time, the normal was not seen at all,
and the parameters must not be used. Where they come at the same hours again and again, they are a habit of
the plant (a standby that the thresholds took for production, a cleaning, a warm-up), which a person can name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.detect.learning.commission_words import Span
from agent.detect.learning.series import Floats, Grid
from agent.detect.learning.thresholds import Mode
from evidence.moments import local_text
from evidence.words import Words

REFUSED_SHARE: Final = 0.3
"""Eight hours of violation in three days of one shift are 22 %; above this nobody knows what is normal."""
HABIT_MIN: Final = 4
"""Exceptions at the same hours on so many days are a habit."""
HABIT_APART_S: Final = 5400
"""Begins within an hour and a half of each other are at the same hours."""
DAY_S: Final = 86_400

QUESTIONS: Final[Mapping[str, Words]] = {
    "refused": Words(
        "生产时间中有{share}%未作为正常学习：正常工况尚未见到，参数不可使用；请说明或整改下列例外，或另选日期",
        "{share} % of the time of production was not learned as normal: what is normal was not seen, and the "
        "parameters must not be used; explain or mend the exceptions below, or choose other days",
    ),
    "habit": Words(
        "{count}处例外都在{begin}前后开始，当时生产功率约{production_kw:.1f}千瓦：是待机、清洗还是预热？",
        "{count} exceptions begin around {begin}, with production at about {production_kw:.1f} kW: is this a "
        "standby, a cleaning or a warm-up?",
    ),
    "range": Words(
        "学习到的生产功率为{from_kw:.1f}至{to_kw:.1f}千瓦；以外的工况只判断治污是否停运，并会询问",
        "production from {from_kw:.1f} to {to_kw:.1f} kW was learned; outside of that only treatment that is "
        "off is judged, and it is asked what is made",
    ),
    "no stop": Words(
        "未见生产停机：互感器脱落无法识别；能否停机一次，约一小时？",
        "production was never seen to stop, so a CT that is off cannot be told: can it be stopped once, for "
        "about an hour?",
    ),
    "coarse": Words(
        "{line}：电表的步长为{step_kw:.2f}千瓦，大于负荷本身的波动；读数不变或过于平稳不作判断",
        "{line}: the meter moves in steps of {step_kw:.2f} kW, more than the load itself varies; its "
        "repetition and its steadiness are not judged",
    ),
}


def find_share(spans: Iterable[Span], slots: int) -> float:
    """The share of `slots` slots of production that exceptions cover."""
    covered: set[int] = set()
    for begin, end, _ in spans:
        covered.update(range(begin, end))
    return len(covered) / slots if slots else 0.0


def ask_about_habits(spans: Sequence[Span], u: Floats, data: Grid, offset_s: int) -> list[Words]:
    """A question for each time of day at which exceptions begin again and again.

    Args:
        spans: The exceptions.
        u: Production, W, by slot.
        data: Where the slots lie in time.
        offset_s: The plant's zone.
    """
    begins = sorted(((data.at_s(begin) + offset_s) % DAY_S, begin, end) for begin, end, _ in spans)
    asked: list[Words] = []
    while begins:
        group = [one for one in begins if one[0] - begins[0][0] <= HABIT_APART_S]
        begins = begins[len(group) :]
        days = {(data.at_s(begin) + offset_s) // DAY_S for _, begin, _ in group}
        if len(days) < HABIT_MIN:
            continue
        middle = group[len(group) // 2]
        level = [value for _, begin, end in group for value in u[begin:end].tolist() if value == value]  # noqa: PLR0124  NaN
        asked.append(
            QUESTIONS["habit"].fill(
                count=len(group),
                begin=local_text(data.at_s(middle[1]), offset_s, "%H:%M"),
                production_kw=sum(level) / max(len(level), 1) / 1000,
            )
        )
    return asked


def describe_learned(mode: Mode, range_w: tuple[int, int]) -> list[Words]:
    """What was learned of production, and what could not be."""
    found = [QUESTIONS["no stop"]] if mode is Mode.ALWAYS_ON else []
    least_w, greatest_w = range_w
    if greatest_w:
        found.append(QUESTIONS["range"].fill(from_kw=least_w / 1000, to_kw=greatest_w / 1000))
    return found
