"""One sentence about an episode for the people of the plant, in Chinese and in English.

It says what ran, what did not, how much was expected, since when, and how complete the data is.
Times are those of the plant's zone, powers in kW. A word of the templates that ends in `_kw`,
`_min` or `_at` is the number of that name in watts, seconds or UTC seconds.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agent.detect.episode import Rule

_VIOLATION: Final = (
    (
        "生产线{lines}自{production_on_at}起运行，功率{production_kw}千瓦；{what}：功率{treatment_kw}千瓦，"
        "应不低于{treatment_expected_kw}千瓦（通常{treatment_normal_kw}千瓦）；自{deficit_begin_at}起治污不足"
        "{deficit_for_min}分钟，宽限期至{grace_end_at}；数据完整率{percent}%。"
    ),
    (
        "{lines} at {production_kw} kW since {production_on_at}; {what}: {treatment_kw} kW, expected "
        "at least {treatment_expected_kw} (normally {treatment_normal_kw}); {deficit_for_min} min of too "
        "little treatment since {deficit_begin_at}, grace ended {grace_end_at}; "
        "{percent} % of samples present."
    ),
)
_WHAT: Final = {
    Rule.OFF: ("治污设施异常关闭", "treatment went off"),
    Rule.LATE_START: ("治污设施未开启", "treatment was not started"),
    Rule.EARLY_STOP: ("治污设施先于生产关闭", "treatment was stopped before production"),
    Rule.IDLE: ("治污设施空转", "treatment ran idle"),
}
_OVERRUN: Final = (
    (
        "治污设施{lines}自{begin_at}起在无生产时运行，功率{treatment_kw}千瓦，"
        "超过正常最长的{overrun_limit_min}分钟：可能有未计量的生产，或该负荷不是治污设施。"
    ),
    (
        "{lines} ran at {treatment_kw} kW without production since {begin_at}, longer than the "
        "{overrun_limit_min} min that were ever normal: production may run unmetered, or this load "
        "is no treatment."
    ),
)
_ORPHANS: Final = (
    (
        "治污设施{lines}在24小时内无生产启停{orphan_starts}次，正常应少于{orphan_limit}次："
        "可能有未计量的生产，或该负荷不是治污设施。"
    ),
    (
        "{lines} started and stopped {orphan_starts} times within 24 h without production, where fewer than "
        "{orphan_limit} are normal: production may run unmetered, or this load is no treatment."
    ),
)
_TEMPLATES: Final = {
    Rule.DATA_LOSS: (
        (
            "{lines}自{begin_at}起无有效数据（{age_min}分钟，剔除{rejected}个读数）："
            "请检查电表、通信总线或供电；此时段不对治污设施作判断。"
        ),
        (
            "no valid data from {lines} since {begin_at} ({age_min} min, {rejected} samples rejected): "
            "meter, bus or supply are to be checked; nothing is said about treatment for this time."
        ),
    ),
    Rule.STUCK: (
        "{lines}的电表自{begin_at}起读数一直为{value_w}瓦（恒值），超过允许的{stuck_limit_min}分钟：可能已冻结。",
        (
            "the meter of {lines} has shown exactly {value_w} W since {begin_at}, longer than the "
            "{stuck_limit_min} min that it may repeat a value: it may be frozen."
        ),
    ),
    Rule.FLAT: (
        (
            "{lines}的负荷（{value_kw}千瓦）自{begin_at}起异常平稳：波动{noise}，该设备正常不低于{noise_floor}；"
            "可能被其他负载替代。"
        ),
        (
            "the load of {lines} ({value_kw} kW) has been unnaturally steady since {begin_at}: "
            "changes of {noise}, where this machine never had less than {noise_floor}; another load "
            "may have taken its place."
        ),
    ),
    Rule.CT_PROD: (
        "{lines}自{begin_at}起只有{value_w}瓦，而待机功率一向不低于{ct_floor_w}瓦：互感器可能脱落或短接。",
        (
            "{lines} has shown {value_w} W since {begin_at}, although at least {ct_floor_w} W of "
            "standby were always measured: a current transformer may be off."
        ),
    ),
    Rule.LOW_CORRELATION: (
        (
            "{lines}：治污负荷不再像以往那样跟随生产（相关系数{correlation}，调试期不低于{correlation_limit}）；"
            "建议查看，本身不构成违规。"
        ),
        (
            "{lines}: treatment no longer follows production as it used to (correlation {correlation}, at "
            "commissioning at least {correlation_limit}); worth a look, no violation by itself."
        ),
    ),
}


def sentences(rule: Rule, lines: Sequence[str], numbers: Mapping[str, Any], offset_s: int) -> dict[str, str]:
    """The sentence in both languages."""
    words = _words(numbers, offset_s)
    chinese, english = _template(rule, numbers)
    what_zh, what_en = _WHAT.get(rule, ("", ""))
    text = english.format(lines=_list_en(lines), what=what_en, **words)
    return {
        "zh": chinese.format(lines="、".join(lines), what=what_zh, **words),
        "en": text[0].upper() + text[1:],
    }


def _template(rule: Rule, numbers: Mapping[str, Any]) -> tuple[str, str]:
    if rule in _WHAT:
        return _VIOLATION
    if rule is Rule.DECOUPLED:
        return _OVERRUN if 0 < numbers["overrun_limit_s"] <= numbers["alone_for_s"] else _ORPHANS
    return _TEMPLATES[rule]


def _words(numbers: Mapping[str, Any], offset_s: int) -> dict[str, Any]:
    words = dict(numbers) | {"percent": int(100 * numbers["completeness"])}
    for name, value in numbers.items():
        if name.endswith("_at_s") and value is not None:
            moment = datetime.fromtimestamp(value, UTC) + timedelta(seconds=offset_s)
            words[name[:-2]] = moment.strftime("%H:%M")
        elif name.endswith("_s"):
            words[name[:-2] + "_min"] = round((value or 0) / 60)
        elif name.endswith("_w"):
            words[name[:-2] + "_kw"] = f"{value / 1000:.1f}"
    return words


def _list_en(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"
