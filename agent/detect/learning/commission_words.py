"""The findings of a commissioning: what is missing, what is provisional, and every exception to explain.

Exceptions are the stretches that were not learned as normal, for a person to explain or correct.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from attrs import frozen

from agent.detect.learning.series import Grid
from evidence.moments import local_text
from evidence.words import Words

EXCEPTIONS_MAX: Final = 20
"""Nobody would read more; the rest are only counted."""
JOIN_S: Final = 600

FINDINGS: Final[Mapping[str, Words]] = {
    "no samples": Words("{line}：没有任何样本", "{line}: no samples at all"),
    "sparse": Words(
        "{line}：{dt_s}秒时隙中只有{share}%有样本；dt_s与采集周期是否相符？",
        "{line}: {share} % of the {dt_s} s slots are filled; does dt_s fit the polling?",
    ),
    "reversed CT": Words(
        "{line}：功率为负，互感器装反", "{line}: negative power, a current transformer is the wrong way round"
    ),
    "hardly ran": Words(
        "{line}：几乎从未运行；暂按{sisters}的特性判断",
        "{line} hardly ran: it is judged as {sisters} behaved, provisionally",
    ),
    "hardly ran alone": Words(
        "{line}：几乎从未运行；只判断其读数是否不变，暂定",
        "{line} hardly ran: only the repetition of a value is judged, provisionally",
    ),
    "no envelope": Words(
        "生产运行时几乎未见治污运行：只知其停机阈值",
        "treatment was hardly seen running under production: only its off threshold is known",
    ),
    "short period": Words(
        "只记录了{span_h:.0f}小时，通常为{usual_h}小时", "only {span_h:.0f} h recorded, {usual_h} h are usual"
    ),
    "too little": Words(
        "{span_h:.0f}小时内生产启动{starts}次、运行{on_h:.1f}小时；需要{starts_min}次、{on_min_h}小时；{then}",
        "seen in {span_h:.0f} h: {starts} starts of production, {on_h:.1f} h on; "
        "needed are {starts_min} starts and {on_min_h} h on: {then}",
    ),
    "record more": Words("请再记录{more_h}小时", "record {more_h} h more"),
    "use as provisional": Words("作为暂定参数使用", "used as provisional"),
    "provisional side": Words(
        "{side}{seen}：其阈值为暂定", "{side} was {seen}: its threshold is provisional"
    ),
    "interrupted": Words(
        "治污在{window_h}小时内短时中断累计{minutes}分钟；未作为正常学习，请说明原因或整改",
        "short interruptions of treatment added up to {minutes} min within {window_h} h; "
        "not learned as normal, explain or mend it",
    ),
    "incomer too little": Words(
        "{line}：总进线与各线路同时有数据的时间只有{known_h}小时，至少需要24小时，请继续记录",
        "{line}: only {known_h} h of incomer and lines together, 24 h are needed: record on",
    ),
    "seen": Words(
        "{span_h:.0f}小时内生产启动{starts}次、运行{on_h:.1f}小时",
        "in {span_h:.0f} h production started {starts} times and ran for {on_h:.1f} h",
    ),
    "follows": Words(
        "治污滞后于生产{lag_s}秒，相关系数{r:+.2f}",
        "treatment follows production after {lag_s} s, with r = {r:+.2f}",
    ),
    "no lag": Words(
        "未见治污功率随生产变化（相关系数{r:+.2f}）：滞后按0秒，相关系数不作判断",
        "the power of treatment does not follow production (r = {r:+.2f}): no lag, and r is not judged",
    ),
    "refused": Words(
        "生产时间中有{share}%未作为正常学习：正常工况尚未见到，参数不可使用；请说明或整改下列例外，或另选日期",
        "{share} % of the time of production was not learned as normal: what is normal was not seen, and the "
        "parameters must not be used; explain or mend the exceptions below, or choose other days",
    ),
    "refused before answer": Words(
        "生产时间中有{share}%未作为正常学习：正常工况尚未见到，参数不可使用；治污若由液位等控制，请回答下面的level问题；"
        "否则请说明或整改下列例外，或另选日期",
        "{share} % of the time of production was not learned as normal: what is normal was not seen, and the "
        "parameters must not be used; if a level drives treatment, answer that question (level) below; else "
        "explain or mend the exceptions below, or choose other days",
    ),
    "exception": Words(
        "{begin}至{end}：{what}；未作为正常学习，请说明原因或整改",
        "{begin} to {end}: {what}; not learned as normal, explain or mend it",
    ),
    "more exceptions": Words("另有{more}处例外", "and {more} more exceptions"),
}
SIDES: Final[Mapping[str, Words]] = {
    "production": Words("生产", "production"),
    "treatment": Words("治污", "treatment"),
}


@frozen
class Refusal:
    """Why the parameters are not to be used yet: its name for scripts, and the reason."""

    name: str
    words: Words


class Oddity(Enum):
    """What was seen in a stretch that is not normal."""

    OFF = Words("生产运行时治污停机", "treatment off under production")
    LOW = Words("治污功率远低于通常", "treatment far below its usual power")
    LACKING = Words("生产运行时治污不足", "too little treatment under production")
    HEATER = Words("治污负荷的功率因数像电加热器", "treatment with the power factor of a heater")
    RESIDUAL = Words("总进线与各线路之和相差异常", "incomer and lines differ by more than usual")


Span = tuple[int, int, Oddity]
"""First slot, slot after the last, and what was seen."""


def join_spans(spans: Iterable[Span], dt_s: int) -> list[Span]:
    """The stretches in order, with those up to JOIN_S apart as one."""
    joined: list[Span] = []
    for begin, end, odd in sorted(spans, key=lambda span: span[:2]):
        if joined and (begin - joined[-1][1]) * dt_s <= JOIN_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), joined[-1][2])
        else:
            joined.append((begin, end, odd))
    return joined


def describe_exceptions(spans: Iterable[Span], data: Grid, offset_s: int) -> list[Words]:
    """A sentence for each stretch; stretches up to JOIN_S apart are joined."""
    joined = join_spans(spans, data.dt_s)

    def clock(slot: int) -> str:
        return local_text(data.at_s(slot), offset_s, "%Y-%m-%d %H:%M")

    texts = [
        FINDINGS["exception"].fill(begin=clock(begin), end=clock(end), what=odd.value)
        for begin, end, odd in joined[:EXCEPTIONS_MAX]
    ]
    more = len(joined) - EXCEPTIONS_MAX
    if more > 0:
        texts.append(FINDINGS["more exceptions"].fill(more=more))
    return texts
