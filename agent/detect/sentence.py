"""One sentence about an episode for the people of the plant, in Chinese and in English.

It gives the date, what ran, what did not, for how long in the whole deed, how complete the data is, what it
rests on where that is thin, and who has to do what. Times are in the plant's zone, powers in kW. A
placeholder that ends in `_kw`, `_min` or `_at` stands for the number of that name in watts, seconds or UTC
seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.detect.channels import Cause
from agent.detect.episode import Rule
from evidence.moments import local_text
from evidence.words import Words

DATE: Final = "%Y-%m-%d"
TIME: Final = "%H:%M"

_OFF: Final = Words(
    "{begin_at}起，生产线{lines}运行（{production_kw}千瓦）而{what}：治污功率{treatment_kw}千瓦"
    "（运行时通常{treatment_normal_kw}千瓦），{so_far}{grace}；数据完整率{percent}%{cause}。",
    "since {begin_at} {lines} ran at {production_kw} kW while {what}: {treatment_kw} kW of treatment "
    "({treatment_normal_kw} when it runs), {so_far}{grace}; {percent} % of samples present{cause}.",
)
_LOW: Final = Words(
    "{begin_at}起，生产线{lines}运行（{production_kw}千瓦）而{what}：治污平均功率{treatment_low_kw}千瓦，"
    "应不低于{treatment_expected_kw}千瓦（通常{treatment_normal_kw}千瓦），{so_far}{grace}；"
    "数据完整率{percent}%{cause}。",
    "since {begin_at} {lines} ran at {production_kw} kW while {what}: {treatment_low_kw} kW of treatment on "
    "average, expected at least {treatment_expected_kw} (normally {treatment_normal_kw}), {so_far}{grace}; "
    "{percent} % of samples present{cause}.",
)
_SO_FAR: Final = Words("治污不足已{deficit_for}", "lacking for {deficit_for} so far")
_IN_ALL: Final = Words("至{end_at}治污不足共{deficit_for}", "lacking for {deficit_for} until {end_at}")
_OF_RUNS: Final = Words("（{deficit_runs}个生产时段）", " over {deficit_runs} runs of production")
_GRACE: Final = Words("，宽限期至{grace_end_at}", ", its grace ended at {grace_end_at}")
_WHAT: Final[Mapping[Rule, Words]] = {
    Rule.OFF: Words("治污设施停运", "treatment was off"),
    Rule.LATE_START: Words("治污设施未开启", "treatment was not started"),
    Rule.EARLY_STOP: Words("治污设施先于生产关闭", "treatment was stopped before production"),
    Rule.IDLE: Words("治污设施空转", "treatment ran idle"),
    Rule.UNDERSPEED: Words(
        "治污设施减速运行（约相当于{speed_hz}赫兹）",
        "treatment turned too slowly (as a fan does at about {speed_hz} Hz)",
    ),
    Rule.PHASE_LOST: Words(
        "治污设施{phase}相无电流（熔断器、接触器或该相互感器），功率因此偏低",
        "phase {phase} of treatment has no current (fuse, contactor or its CT), so that power is low",
    ),
}
_IDLE_OR_SLOW: Final = Words("治污设施空转或降速", "treatment ran idle or slowly")
_OFF_RULES: Final = frozenset({Rule.OFF, Rule.LATE_START, Rule.EARLY_STOP})
_ACTIONS: Final[Mapping[Rule, Words]] = {
    **dict.fromkeys(
        (Rule.OFF, Rule.LATE_START, Rule.EARLY_STOP),
        Words(
            "企业：立即开启治污设施，不能开启时停产并申报故障。",
            "Plant: start treatment now; if it cannot run, stop production and declare the fault.",
        ),
    ),
    **dict.fromkeys(
        (Rule.IDLE, Rule.UNDERSPEED),
        Words(
            "企业：检查皮带、风门和变频器，恢复正常功率。",
            "Plant: check belt, damper and drive, and bring treatment back to its usual power.",
        ),
    ),
    Rule.INTERRUPTIONS: Words(
        "企业：查明反复停机的原因并说明。", "Plant: find out why treatment keeps stopping, and explain it."
    ),
    Rule.STUCK: Words(
        "技术人员：断开再接通电表电源，仍不变化则更换。",
        "Technician: power the meter off and on; replace it if it still repeats.",
    ),
    **dict.fromkeys(
        (Rule.FLAT, Rule.DUMMY),
        Words("监管：到现场核对该电表所接负荷。", "Bureau: look on site at what this meter is connected to."),
    ),
    Rule.CT_PROD: Words(
        "技术人员：检查互感器；企业：若已断开总开关或拆除设备，请申报。",
        "Technician: check the CT. Plant: declare it if the main switch is open or the machine was removed.",
    ),
    Rule.DECOUPLED: Words(
        "企业：若治污属正常延时运行，无需处理；若在生产，请申报所用设备。",
        "Plant: nothing to do if treatment just ran on; if something was produced, declare the machine.",
    ),
    Rule.REVERSED: Words(
        "技术人员：把互感器接线恢复为正向。", "Technician: turn the current transformers the right way round."
    ),
    Rule.WIRING: Words(
        "技术人员：检查该电表的电压与电流接线。",
        "Technician: check the voltage and current leads of this meter.",
    ),
    Rule.PHASE_LOST: Words(
        "企业电工：检查熔断器、接触器和该相互感器。",
        "Electrician: check fuses, contactor and the CT of this phase.",
    ),
    Rule.UNLEARNED: Words(
        "企业：若是新产品或新设备，请申请重新学习。",
        "Plant: ask for the parameters to be learned again if this is a new product or machine.",
    ),
    Rule.INCOMER_RESIDUAL: Words(
        "技术人员：核对各线路互感器及是否有未计量的负荷。",
        "Technician: check the CTs of all lines, and look for loads without a meter.",
    ),
}
_THIN: Final = Words(
    "企业尚未完成调试，以上按铭牌暂判，仅作提示。",
    "The plant has not been commissioned: this rests on nameplates and is a notice only.",
)
_PROVISIONAL: Final = Words("判定所用参数为暂定。", "The parameters behind it are provisional.")
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
    Cause.WIRING: Words(
        "；有电流而几乎无有功功率：电压与电流接线不对应",
        "; current flows, but hardly any active power: its voltages and currents do not belong together",
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
    "已超过{overrun_limit_min}分钟：是延时运行，还是有未计量的生产？",
    "{lines} has run at {treatment_kw} kW without production since {begin_at}, for more than "
    "{overrun_limit_min} min: did treatment just run on, or was something produced that is not metered?",
)
_ORPHANS: Final = Words(
    "治污设施{lines}自{begin_at}起24小时内在无生产时启停{orphan_starts}次，通常少于{orphan_limit}次："
    "是单独使用，还是有未计量的生产？",
    "{lines} started and stopped {orphan_starts} times without production within 24 h since {begin_at}, "
    "where fewer than {orphan_limit} are usual: was it used by itself, or was something produced that is not "
    "metered?",
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
        "{lines}自{begin_at}起只有{value_w}瓦，而停产时的待机功率不低于{ct_floor_w}瓦：互感器脱落或短接、"
        "总开关断开或设备已拆除{cause}。",
        "{lines} has shown {value_w} W since {begin_at}, although it has at least {ct_floor_w} W of standby "
        "when it stops: a current transformer is off, the main switch is open or the machine was "
        "removed{cause}.",
    ),
    Rule.REVERSED: Words(
        "{lines}的电表自{begin_at}起功率为负（{value_kw}千瓦反向）：互感器装反；以其绝对值继续判断。",
        "the meter of {lines} has shown negative power since {begin_at} ({value_kw} kW the wrong way): its "
        "current transformers are turned round; the magnitude is judged on.",
    ),
    Rule.WIRING: Words(
        "生产线{lines}运行（{production_kw}千瓦），而治污电表自{begin_at}起有电流却只有{treatment_kw}千瓦"
        "（通常{treatment_normal_kw}千瓦）：电压与电流接线不对应，或有互感器装反；治污是否运行暂不判断。",
        "{lines} ran at {production_kw} kW while the meter of treatment has shown its current, but only "
        "{treatment_kw} kW of active power ({treatment_normal_kw} normally) since {begin_at}: voltages and "
        "currents do not belong together, or a current transformer is turned; treatment is not judged.",
    ),
    Rule.UNLEARNED: Words(
        "生产线{lines}自{begin_at}起功率{production_kw}千瓦，高于调试期见过的{range_hi_kw}千瓦："
        "是否为未学习过的产品或设备？此时只判断治污是否停运。",
        "{lines} has run at {production_kw} kW since {begin_at}, above the {range_hi_kw} kW that "
        "commissioning saw: is this a product or machine that was never learned? Only treatment that is off "
        "is judged now.",
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
        "cause": _CAUSES[_find_cause(rule, numbers)],
        "elsewhere": _ELSEWHERE[numbers.get("voltage_elsewhere")],
        "direction": _DIRECTIONS[numbers.get("residual_w", 0) > 0],
    }
    if rule in _WHAT:
        values |= _describe_deed(rule, numbers, values)
    parts = [_find_template(rule, numbers).fill(**values), *_list_endings(rule, numbers)]
    zh, en = "".join(part.zh for part in parts), " ".join(part.en for part in parts)
    return Words(zh, en[0].upper() + en[1:]).to_body()


def _describe_deed(rule: Rule, numbers: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Words]:
    """What treatment did, for how long, and whether its grace had ended."""
    what = _WHAT[rule].fill(**values)
    if rule is Rule.IDLE and not numbers.get("pf_judged", False):
        what = _IDLE_OR_SLOW
    values = {**values, "deficit_for": to_duration(numbers["deficit_for_s"])}
    so_far = (_IN_ALL if "end_at_s" in numbers else _SO_FAR).fill(**values)
    if numbers.get("deficit_runs", 1) > 1:
        runs = _OF_RUNS.fill(**values)
        so_far = Words(so_far.zh + runs.zh, so_far.en + runs.en)
    late = rule is Rule.LATE_START and numbers.get("deficit_runs", 1) == 1
    return {"what": what, "so_far": so_far, "grace": _GRACE.fill(**values) if late else Words("", "")}


def to_duration(seconds: float) -> Words:
    """A duration in minutes, from two hours on in hours and minutes."""
    minutes = max(round(seconds / 60), 1)
    if minutes < 120:
        return Words(f"{minutes}分钟", f"{minutes} min")
    hours, rest = divmod(minutes, 60)
    return (
        Words(f"{hours}小时{rest}分钟", f"{hours} h {rest} min")
        if rest
        else Words(f"{hours}小时", f"{hours} h")
    )


def _list_endings(rule: Rule, numbers: Mapping[str, Any]) -> list[Words]:
    """What the finding rests on, and who has to do what."""
    endings = []
    if numbers.get("provisional") and (rule in _WHAT or rule is Rule.CT_PROD):
        endings.append(_PROVISIONAL if numbers.get("learned_to_s") else _THIN)
    return [*endings, *([_ACTIONS[rule]] if rule in _ACTIONS else [])]


def _find_cause(rule: Rule, numbers: Mapping[str, Any]) -> Cause:
    """The cause to name: it explains power that is missing, not power that is too low."""
    low = rule in _WHAT and rule not in _OFF_RULES
    return Cause.UNKNOWN if low else Cause(numbers.get("cause", Cause.UNKNOWN))


def _find_template(rule: Rule, numbers: Mapping[str, Any]) -> Words:
    if rule in _WHAT:
        return _OFF if rule in _OFF_RULES else _LOW
    if rule is Rule.DECOUPLED:
        return _OVERRUN if 0 < numbers["overrun_limit_s"] <= numbers["alone_for_s"] else _ORPHANS
    if rule is Rule.DATA_LOSS and "voltage_elsewhere" in numbers:
        return _NO_SUPPLY
    return _TEMPLATES[rule]


def _to_values(numbers: Mapping[str, Any], offset_s: int) -> dict[str, Any]:
    values = dict(numbers) | {"percent": int(100 * numbers["completeness"])}
    day = local_text(numbers["begin_at_s"], offset_s, DATE)
    for name, value in numbers.items():
        if name.endswith("_at_s") and value is not None:
            same_day = name != "begin_at_s" and local_text(value, offset_s, DATE) == day
            values[name[:-2]] = local_text(value, offset_s, TIME if same_day else f"{DATE} {TIME}")
        elif name.endswith("_s"):
            values[name[:-2] + "_min"] = round((value or 0) / 60)
        elif name.endswith("_w"):
            values[name[:-2] + "_kw"] = to_kw(value)
    least = numbers.get("treatment_expected_w")
    for name in ("treatment", "treatment_low"):
        watts = numbers.get(f"{name}_w")
        if watts is not None and least is not None and watts < least:
            values[f"{name}_kw"], values["treatment_expected_kw"] = _tell_apart(watts, least)
    return values


def to_kw(watts: float) -> str:
    """Kilowatts with one decimal; below one kilowatt with two, so that a standby is not 0.0."""
    return f"{watts / 1000:.1f}" if abs(watts) >= 1000 or watts == 0 else f"{watts / 1000:.2f}"


def _tell_apart(less: float, more: float) -> tuple[str, str]:
    """Both in kilowatts, with as many decimals as it takes to see that they differ."""
    if to_kw(less) != to_kw(more):
        return to_kw(less), to_kw(more)
    texts = ((f"{less / 1000:.{digits}f}", f"{more / 1000:.{digits}f}") for digits in (2, 3))
    return next((pair for pair in texts if pair[0] != pair[1]), (to_kw(less), to_kw(more)))


def _list_en(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"
