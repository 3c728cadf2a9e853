"""An alert at a line in words, for terminal and page: what is allowed, what is used, how long it lasts."""

from collections.abc import Mapping
from typing import Any, Final

from evidence.curtailment.measures import Measure
from evidence.curtailment.words import MEASURES
from evidence.words import Words
from provisioning.words.numbers import duration, power

WORDS: Final[Mapping[str, Words]] = {
    "row": Words(
        "{drill}预警 {order}（{level}） {line} {measure}：限值 {limit}，当前小时 {actual}，{left}",
        "{drill}alert {order} ({level}) {line} {measure}: limit {limit}, this hour {actual}, {left}",
    ),
    "drill": Words("演练 · ", "DRILL · "),
    "unknown": Words("未知", "not known"),
    "waiting": Words("{left}后开始", "begins in {left}"),
    "running": Words("剩余{left}", "{left} left"),
    "ended": Words("已结束，{left}后出结论", "over, verdict in {left}"),
    "not met": Words("；已有 {hours} 小时未达到要求", "; {hours} hours are not met"),
    "no data": Words("；{hours} 小时数据不足", "; {hours} hours have too few data"),
}

LEVELS: Final[Mapping[str, Words]] = {
    "blue": Words("蓝色", "blue"),
    "yellow": Words("黄色", "yellow"),
    "orange": Words("橙色", "orange"),
    "red": Words("红色", "red"),
}


def name_level(level: str) -> Words:
    """A level of an alert; one that a city has named itself as it stands."""
    return LEVELS.get(level) or Words.same(level)


def tell_alert(one: Mapping[str, Any]) -> Words:
    """A line for an alert of `evidence.curtailment.progress`."""
    measure = one["measure"]
    told = WORDS["row"].fill(
        drill=WORDS["drill"] if one["test"] else "",
        order=one["order"],
        level=name_level(str(one["level"])),
        line=one["line"],
        measure=MEASURES[Measure(measure)] if measure in set(Measure) else measure,
        limit=_power(one["limit_w"]),
        actual=_power(one["actual_w"]),
        left=WORDS[one["state"]].fill(left=duration(one["left_s"])),
    )
    more = [WORDS[key].fill(hours=one[name]) for key, name in _COUNTED if one[name]]
    return Words(told.zh + "".join(each.zh for each in more), told.en + "".join(each.en for each in more))


def tell_verdict(body: Mapping[str, Any]) -> Words:
    """A line for a final verdict as it is sealed."""
    return Words(**body["sentence"])


_COUNTED: Final = (("not met", "not_met"), ("no data", "no_data"))


def _power(watts: int | None) -> Words | str:
    return WORDS["unknown"] if watts is None else power(watts)
