"""One sentence about an episode for the people of the plant, in Chinese and in English.

It gives what ran, what did not, how much was expected, since when, and how complete the data is. Times are
in the plant's zone, powers in kW. A placeholder that ends in `_kw`, `_min` or `_at` stands for the number of
that name in watts, seconds or UTC seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.detect.channels import Cause
from agent.detect.episode import Rule
from evidence.moments import local_text
from evidence.words import Words

_VIOLATION: Final = Words(
    "生产线{lines}自{production_on_at}起运行，功率{production_kw}千瓦；{what}：功率{treatment_kw}千瓦，"
    "应不低于{treatment_expected_kw}千瓦（通常{treatment_normal_kw}千瓦）；自{deficit_begin_at}起治污不足"
    "{deficit_for_min}分钟，宽限期至{grace_end_at}；数据完整率{percent}%{cause}。",
    "{lines} at {production_kw} kW since {production_on_at}; {what}: {treatment_kw} kW, expected "
    "at least {treatment_expected_kw} (normally {treatment_normal_kw}); {deficit_for_min} min of too "
    "little treatment since {deficit_begin_at}, grace ended {grace_end_at}; "
    "{percent} % of samples present{cause}.",
)
_WHAT: Final[Mapping[Rule, Words]] = {
    Rule.OFF: Words("治污设施异常关闭", "treatment went off"),
    Rule.LATE_START: Words("治污设施未开启", "treatment was not started"),
    Rule.EARLY_STOP: Words("治污设施先于生产关闭", "treatment was stopped before production"),
    Rule.IDLE: Words("治污设施空转", "treatment ran idle"),
    Rule.UNDERSPEED: Words(
        "治污设施减速运行（约相当于{speed_hz}赫兹）",
        "treatment turned too slowly (as a fan does at about {speed_hz} Hz)",
    ),
}
_CAUSES: Final[Mapping[Cause, Words]] = {
    Cause.SUPPLY: Words("；其供电电压已消失", "; its supply voltage is gone"),
    Cause.BREAKER_OR_CT: Words(
        "；电压正常而毫无电流：开关断开或互感器脱落、短接",
        "; voltage is there, but no current at all: its breaker is open or a CT is off",
    ),
    Cause.BREAKER: Words(
        "；电压正常而毫无电流，总进线功率同步下降：开关断开",
        "; voltage is there, but no current, and the incomer fell as well: its breaker is open",
    ),
    Cause.CT: Words(
        "；总进线功率并未下降：负荷可能仍在运行，互感器脱落或短接",
        "; the incomer did not fall: the load may still run behind a CT that is off",
    ),
    Cause.STOPPED: Words(
        "；电压正常且仍有待机电流：计量正常，设备被停机",
        "; voltage and standby current are there: the meter measures, the machine was stopped",
    ),
    Cause.REJECTED: Words("；读数超出量程或为负，已剔除", "; its readings were out of range or negative"),
    Cause.METER: Words(
        "；其他线路仍有数据：仅该电表无应答", "; other lines answer, only this meter is silent"
    ),
    Cause.SITE: Words("；全部线路均无数据", "; no line answers at all"),
    Cause.UNKNOWN: Words("", ""),
}
_DIRECTIONS: Final = (
    Words(
        "已计量线路之和偏大，互感器变比或接线可能有误",
        "the lines show more than they should, a CT ratio or a wiring may be wrong",
    ),
    Words(
        "可能有未计量的负荷在运行，或某线路互感器脱落",
        "a load may run unmetered, or a CT of a line may be off",
    ),
)
_OVERRUN: Final = Words(
    "治污设施{lines}自{begin_at}起在无生产时运行，功率{treatment_kw}千瓦，"
    "超过正常最长的{overrun_limit_min}分钟：可能有未计量的生产，或该负荷不是治污设施。",
    "{lines} ran at {treatment_kw} kW without production since {begin_at}, longer than the "
    "{overrun_limit_min} min that were ever normal: production may run unmetered, or this load "
    "is no treatment.",
)
_ORPHANS: Final = Words(
    "治污设施{lines}在24小时内无生产启停{orphan_starts}次，正常应少于{orphan_limit}次："
    "可能有未计量的生产，或该负荷不是治污设施。",
    "{lines} started and stopped {orphan_starts} times within 24 h without production, where fewer than "
    "{orphan_limit} are normal: production may run unmetered, or this load is no treatment.",
)
_NO_SUPPLY: Final = Words(
    ("{lines}自{begin_at}起只有{value_w}瓦，其电表亦无电压{elsewhere}：供电中断。此时段不对该线路作判断。"),
    "{lines} has shown {value_w} W since {begin_at}, and its meter shows no voltage either{elsewhere}: "
    "its supply is gone, this line is not judged for this time.",
)
_ELSEWHERE: Final[Mapping[bool | None, Words]] = {
    True: Words("（其他线路有电压）", " (other lines have voltage)"),
    False: Words("（全部线路均无电压）", " (nor does any other meter)"),
    None: Words("", ""),
}
_TEMPLATES: Final[Mapping[Rule, Words]] = {
    Rule.DATA_LOSS: Words(
        "{lines}自{begin_at}起无有效数据（{age_min}分钟，剔除{rejected}个读数）{cause}。"
        "请检查电表、通信总线或供电；此时段不对治污设施作判断。",
        "no valid data from {lines} since {begin_at} ({age_min} min, {rejected} samples "
        "rejected){cause}. Check meter, bus and supply; treatment is not judged for this time.",
    ),
    Rule.STUCK: Words(
        "{lines}的电表自{begin_at}起读数一直为{value_w}瓦（恒值），超过允许的{stuck_limit_min}分钟：可能已冻结。",
        "the meter of {lines} has shown exactly {value_w} W since {begin_at}, longer than the "
        "{stuck_limit_min} min that it may repeat a value: it may be frozen.",
    ),
    Rule.FLAT: Words(
        "{lines}的负荷（{value_kw}千瓦）自{begin_at}起异常平稳：波动{noise}，该设备正常不低于{noise_floor}；"
        "可能被其他负载替代。",
        "the load of {lines} ({value_kw} kW) has been unnaturally steady since {begin_at}: "
        "changes of {noise}, where this machine never had less than {noise_floor}; another load "
        "may have taken its place.",
    ),
    Rule.DUMMY: Words(
        "{lines}的负荷（{value_kw}千瓦）自{begin_at}起功率因数达{pf}（该设备通常{pf_on}）："
        "像电加热器而不像电动机，可能为替代负载。",
        "the load of {lines} ({value_kw} kW) has had a power factor of {pf} since {begin_at}, where "
        "this machine has {pf_on}: it looks like a heater and not like a motor, a dummy load may have "
        "taken its place.",
    ),
    Rule.INTERRUPTIONS: Words(
        "生产线{lines}运行期间，治污设施在{interruption_window_min}分钟内短时中断{interruption_count}次，"
        "累计{interrupted_for_min}分钟（上限{interruption_limit_min}分钟）：每次都短于报警延时，合计过多。",
        "while {lines} ran, treatment was interrupted {interruption_count} times within "
        "{interruption_window_min} min, {interrupted_for_min} min together (limit "
        "{interruption_limit_min} min): each was shorter than the delay of an alarm, together they are "
        "too much.",
    ),
    Rule.INCOMER_RESIDUAL: Words(
        "总进线{lines}的功率与所有已计量线路之和相差{residual_kw}千瓦（自{begin_at}起），"
        "正常为{residual_lo_kw}至{residual_hi_kw}千瓦：{direction}。",
        "incomer {lines} and the sum of all metered lines differ by {residual_kw} kW since {begin_at}, "
        "where {residual_lo_kw} to {residual_hi_kw} kW are normal: {direction}.",
    ),
    Rule.CT_PROD: Words(
        "{lines}自{begin_at}起只有{value_w}瓦，而待机功率一向不低于{ct_floor_w}瓦：互感器可能脱落或短接{cause}。",
        "{lines} has shown {value_w} W since {begin_at}, although at least {ct_floor_w} W of "
        "standby were always measured: a current transformer may be off{cause}.",
    ),
    Rule.LOW_CORRELATION: Words(
        "{lines}：治污负荷不再像以往那样跟随生产（相关系数{correlation}，调试期不低于{correlation_limit}）；"
        "建议查看，本身不构成违规。",
        "{lines}: treatment no longer follows production as it used to (correlation {correlation}, at "
        "commissioning at least {correlation_limit}); worth a look, no violation by itself.",
    ),
}


def write_sentence(
    rule: Rule, lines: Sequence[str], numbers: Mapping[str, Any], offset_s: int
) -> dict[str, str]:
    """The sentence in both languages, as a record carries it."""
    values = _to_values(numbers, offset_s)
    values |= {
        "lines": Words("、".join(lines), _list_en(lines)),
        "what": _WHAT[rule].fill(**values) if rule in _WHAT else "",
        "cause": _CAUSES[_find_cause(rule, numbers)],
        "elsewhere": _ELSEWHERE[numbers.get("voltage_elsewhere")],
        "direction": _DIRECTIONS[numbers.get("residual_w", 0) > 0],
    }
    found = _find_template(rule, numbers).fill(**values)
    return Words(found.zh, found.en[0].upper() + found.en[1:]).to_body()


def _find_cause(rule: Rule, numbers: Mapping[str, Any]) -> Cause:
    """The cause to name: it explains power that is missing, not power that is too low."""
    low = rule in {Rule.IDLE, Rule.UNDERSPEED}
    return Cause.UNKNOWN if low else Cause(numbers.get("cause", Cause.UNKNOWN))


def _find_template(rule: Rule, numbers: Mapping[str, Any]) -> Words:
    if rule in _WHAT:
        return _VIOLATION
    if rule is Rule.DECOUPLED:
        return _OVERRUN if 0 < numbers["overrun_limit_s"] <= numbers["alone_for_s"] else _ORPHANS
    if rule is Rule.DATA_LOSS and "voltage_elsewhere" in numbers:
        return _NO_SUPPLY
    return _TEMPLATES[rule]


def _to_values(numbers: Mapping[str, Any], offset_s: int) -> dict[str, Any]:
    values = dict(numbers) | {"percent": int(100 * numbers["completeness"])}
    for name, value in numbers.items():
        if name.endswith("_at_s") and value is not None:
            values[name[:-2]] = local_text(value, offset_s, "%H:%M")
        elif name.endswith("_s"):
            values[name[:-2] + "_min"] = round((value or 0) / 60)
        elif name.endswith("_w"):
            values[name[:-2] + "_kw"] = f"{value / 1000:.1f}"
    return values


def _list_en(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"
