"""The names of rules and of an episode's numbers, and the formatting of numbers for people.

The name of a number ends in its unit: `_w` watts, `_s` seconds, `_at_s` UTC seconds; a name that
ends in `fraction`, and `completeness`, is a share of 1.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from evidence.moments import local_text
from evidence.words import Words
from provisioning.words.correlation import WORDS as CORRELATION

NAMES: Final[Mapping[str, Words]] = {
    "begin_at_s": Words("开始时间", "began"),
    "production_on_at_s": Words("生产启动时间", "production on since"),
    "grace_end_at_s": Words("启动宽限期截止", "grace to start treatment ended"),
    "deficit_begin_at_s": Words("治污不足开始时间", "too little treatment since"),
    "healthy_at_s": Words("最近一次治污正常", "treatment last seen healthy"),
    "production_w": Words("生产功率", "production power"),
    "production_on_w": Words("生产判定阈值（高于即为运行）", "production counts as on from"),
    "treatment_w": Words("治污功率", "treatment power"),
    "treatment_expected_w": Words("治污功率下限（按当前生产负荷）", "treatment needed at this production"),
    "treatment_normal_w": Words("治污通常功率", "treatment normally draws"),
    "treatment_on_w": Words("治污停止阈值（低于即为停止）", "treatment counts as off below"),
    "deficit_for_s": Words("治污不足累计时长", "time with too little treatment"),
    "deficit_fraction": Words("其间治污不足所占比例", "share of that time with too little"),
    "deficit_off_fraction": Words("其中完全停止的比例", "share of the deficit with treatment off"),
    "deficit_s": Words("加权治污缺口", "weighted deficit"),
    "limit_s": Words("触发限值", "limit that raises"),
    "lines_on": Words("运行中的生产线", "production lines on"),
    "lines_alive": Words("一分钟内有数据的线路", "lines that answered within a minute"),
    "lines": Words("涉及线路", "lines concerned"),
    "completeness": Words("数据完整率", "samples present"),
    "lag_s": Words("治污滞后于生产", "treatment follows production by"),
    "correlation": Words("生产与治污相关系数", "correlation of production and treatment"),
    "correlation_undefined": Words("相关系数无法计算的原因", "why there is no correlation"),
    "correlated_minutes": Words("相关系数所用分钟数", "minutes that the correlation is of"),
    "correlated_minutes_min": Words("相关系数至少需要的分钟数", "minutes that a correlation needs"),
    "correlations": Words("各滞后（秒）下的相关系数", "lag in seconds and correlation"),
    "correlation_limit": Words("相关系数下限", "least correlation learned"),
    "learned_from_s": Words("调试数据开始", "commissioning data from"),
    "learned_to_s": Words("调试数据结束", "commissioning data until"),
    "provisional": Words("阈值为暂定", "thresholds are provisional"),
    "orphan_starts": Words("24小时内无生产的治污启停", "treatment runs without production in 24 h"),
    "orphan_limit": Words("上述启停的限值", "limit of such runs"),
    "alone_for_s": Words("无生产时治污已运行", "treatment on without production for"),
    "overrun_limit_s": Words("停产后治污运行限值", "limit of treatment after production"),
    "raised_slot": Words("触发时段编号", "number of the slot that raised"),
    "value_w": Words("最近读数", "last reading"),
    "reopened": Words("半小时内再次发生的次数", "times it came back within half an hour"),
    "voltage_elsewhere": Words("其他线路有电压", "other lines have voltage"),
    "age_s": Words("已持续", "has lasted"),
    "rejected": Words("剔除的读数", "samples rejected"),
    "stuck_limit_s": Words("允许的读数不变时长", "longest time a value may repeat"),
    "noise": Words("负荷波动", "fluctuation of the load"),
    "noise_floor": Words("该设备的最小波动", "least fluctuation of this machine"),
    "ct_floor_w": Words("待机功率下限", "least standby power"),
    "residual_w": Words("进线减去各线路的余量", "rest of the incomer"),
    "residual_lo_w": Words("余量正常下限", "least normal rest"),
    "residual_hi_w": Words("余量正常上限", "greatest normal rest"),
    "feed_w": Words("进线功率", "power of the incomer"),
    "lines_w": Words("各线路功率合计", "power of all its lines"),
    "cause": Words("原因判断（依据电压、电流、功率因数）", "cause, by voltage, current and power factor"),
    "channels": Words("其他电参量", "other channels"),
    "treatment_low_w": Words("治污不足期间平均功率", "mean treatment power while too low"),
    "speed_hz": Words("相当于风机频率（工频50赫兹）", "as a fan on a drive (mains: 50 Hz)"),
    "learn_from_day": Words("重新学习自", "learn again from"),
    "learn_until_day": Words("重新学习至", "learn again until the end of"),
    "interruption_count": Words("短时停运次数", "number of short interruptions"),
    "interrupted_for_s": Words("短时停运累计", "short interruptions in all"),
    "interruption_limit_s": Words("短时停运累计限值", "limit of short interruptions"),
    "interruption_window_s": Words("累计时段", "within"),
    "pf": Words("功率因数", "power factor"),
    "pf_on": Words("正常运行功率因数", "power factor when running normally"),
    "pf_heater": Words("纯电阻负载判定功率因数", "power factor of no motor, from"),
    "current_a": Words("电流", "current"),
    "voltage_v": Words("电压", "voltage"),
    "retrospective": Words("由迟到数据补判", "found from late samples"),
    "params_hash": Words("判定参数的哈希", "hash of the parameters"),
    "course": Words("经过（规则与起始时间）", "course: each rule and from when"),
    "end_at_s": Words("结束时间", "ended"),
    "deficit_runs": Words("涉及的生产时段数", "runs of production without enough treatment"),
    "deficit_before": Words("重新打开之前的不足时间与生产时段数", "deficit and runs before it was reopened"),
    "pf_judged": Words("依据功率因数区分空转与降速", "idle or slow told by power factor"),
    "phase": Words("无电流的相", "phase without current"),
    "unseen": Words("调试期未见", "not seen at commissioning"),
    "echo_from_at_s": Words("重复的是何时起的波动", "follows what was shown from"),
    "echo_for_s": Words("已重复波动", "follows it for"),
    "echo_readings": Words("比对升降的读数", "readings compared"),
    "echo_percent": Words("升降相同的百分比", "percent that turned the same way"),
    "untold_count": Words("未逐次提示的无读数次数", "times without a reading that were not told one by one"),
    "untold_for_s": Words("上述各次合计", "those times in all"),
    "repeated_from_at_s": Words("重复的是何时起的读数", "shows again what was shown from"),
    "repeated_for_s": Words("已重复", "repeats for"),
    "repeated_readings": Words("抽查且完全相同的读数", "readings sampled that were the same"),
    "repeated_chance": Words("偶然相同的概率", "chance of that without a recording"),
    "untreated_w": Words("调试期未见治污运行的生产功率上限", "greatest production only seen untreated"),
    "range_hi_w": Words("调试期见过的最大生产功率", "greatest production that was learned"),
}
"""A test ensures that every number of an episode has a name."""
RULES: Final[Mapping[str, Words]] = {
    "off": Words("异常关闭", "off"),
    "late_start": Words("未开启", "late start"),
    "early_stop": Words("提前关闭", "early stop"),
    "idle": Words("空转", "idle"),
    "underspeed": Words("减速/降频", "underspeed"),
    "interruptions": Words("频繁短时停运", "interruptions"),
    "stuck": Words("恒值/重复", "stuck or repeated"),
    "flat": Words("异常平稳", "flat"),
    "dummy": Words("假负载", "dummy load"),
    "decoupled": Words("治污与生产脱节", "decoupled"),
    "ct_prod": Words("互感器异常", "CT off"),
    "feed_residual": Words("进线余量异常", "incomer residual"),
    "data_loss": Words("数据缺失", "data loss"),
    "low_correlation": Words("相关性下降", "low correlation"),
    "reversed": Words("互感器装反", "CTs turned round"),
    "wiring": Words("电表接线有误", "meter wired wrongly"),
    "phase_lost": Words("缺相", "lost phase"),
    "unlearned": Words("未学习过的工况", "unlearned product"),
    "changed": Words("与学习时不同", "not as learned"),
}
"""The bureau's term if it has one."""
UNSURE: Final[Mapping[str, Words]] = {
    "idle": Words("空转或降速", "idle or slow"),
    "underspeed": Words("降负荷", "reduced power"),
}
"""The same where no power factor was measured."""
CAUSES: Final[Mapping[str, Words]] = {
    "supply": Words("供电中断", "no supply: no voltage"),
    "breaker_or_ct": Words("断路器断开或互感器脱落", "breaker open or CT off: voltage, hardly any current"),
    "breaker": Words("断路器断开", "breaker open"),
    "ct": Words("互感器脱落", "CT off"),
    "stopped": Words("正常停机操作", "switched off by its control"),
    "rejected": Words("读数不可信", "impossible readings"),
    "meter": Words("电表无应答", "the meter is silent"),
    "site": Words("全站无数据", "the whole site is silent"),
    "wiring": Words("电压与电流接线不对应", "voltages and currents of different phases"),
    "unknown": Words("无法判断", "cannot be told"),
}
_YES: Final[Mapping[bool, Words]] = {True: Words("是", "yes"), False: Words("否", "no")}
_EPOCH_NAMES: Final = ("learned_from_s", "learned_to_s")
UNITS: Final = {"pf": " PF", "current_a": " A", "voltage_v": " V"}
KILOWATT_FROM_W: Final = 1000
MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
_UNITS: Final = (
    (DAY_S, Words("天", "d")),
    (HOUR_S, Words("小时", "h")),
    (MINUTE_S, Words("分", "min")),
    (1, Words("秒", "s")),
)


def rule_name(rule: str) -> Words:
    """The name of a rule."""
    return RULES.get(rule) or Words(rule, rule.replace("_", " "))


def name_rule(body: Mapping[str, Any]) -> Words:
    """The name of an episode's rule; without a power factor nobody can tell idle from slow."""
    return UNSURE[body["rule"]] if _is_unsure(body) else rule_name(body["rule"])


def _is_unsure(body: Mapping[str, Any]) -> bool:
    return body["rule"] in UNSURE and body.get("numbers", {}).get("pf_judged") is False


def name_number(name: str) -> Words:
    """The name of a number."""
    return NAMES.get(name) or Words(name, name.replace("_", " "))


def rows(numbers: Mapping[str, Any], offset_s: int) -> Iterator[tuple[Words, Words]]:
    """Every number of an episode: its name and its value."""
    for name, value in numbers.items():
        yield name_number(name), format_value(name, value, offset_s)


def format_value(name: str, value: Any, offset_s: int) -> Words:
    """A number formatted for people, times in the plant's zone."""
    if value is None or value == "" or (name in _EPOCH_NAMES and not value):
        return Words.same("—")
    if isinstance(value, bool):
        return _YES[value]
    if name == "course":
        return _describe_course(value, offset_s)
    if isinstance(value, (list, tuple)):
        return Words.same(", ".join(map(_part, value)) or "—")
    if isinstance(value, Mapping):
        return _describe_nested(value)
    if name == "correlation_undefined" and value in CORRELATION:
        return CORRELATION[value]
    if name == "cause" and value in CAUSES:
        return CAUSES[value]
    if not isinstance(value, (int, float)):
        return Words.same(str(value))
    if name.endswith("_at_s") or name in _EPOCH_NAMES:
        return Words.same(local_text(value, offset_s))
    return _describe_value(name, value)


def _describe_course(course: Iterable[tuple[str, int]], offset_s: int) -> Words:
    """Each rule with the time from which it held."""
    steps = [(rule_name(rule), local_text(from_s, offset_s)) for rule, from_s in course]
    return Words(
        " → ".join(f"{at} {name.zh}" for name, at in steps),
        " → ".join(f"{at} {name.en}" for name, at in steps),
    )


def _describe_nested(parts: Mapping[str, Any]) -> Words:
    """The channels of each line, and whatever else has names inside."""
    return Words.same("; ".join(f"{name}: {_part(value)}" for name, value in parts.items()) or "—")


def _part(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{_part(one)}{UNITS.get(name, ' ' + name)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return " → ".join(map(_part, value))
    return "—" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _describe_value(name: str, value: float) -> Words:
    if name.endswith("_s"):
        return duration(value)
    if name.endswith("_w"):
        text = power(value)
    elif name == "completeness" or name.endswith("fraction"):
        text = f"{100 * value:.1f} %".replace(".0 %", " %")
    else:
        text = f"{value:g}"
    return Words.same(text)


def power(watts: float) -> str:
    """In kW from one kW on, else in W."""
    return f"{watts / 1000:.2f} kW" if abs(watts) >= KILOWATT_FROM_W else f"{watts:g} W"


def duration(seconds: float) -> Words:
    """A duration in its two largest units."""
    whole = round(seconds)
    if whole < MINUTE_S:
        return Words(f"{whole}秒", f"{whole} s")
    at = next(index for index, (size, _) in enumerate(_UNITS) if whole >= size)
    zh = en = ""
    for size, unit in _UNITS[at : at + 2]:
        count, whole = divmod(whole, size)
        if count:
            zh, en = f"{zh}{count}{unit.zh}", f"{en} {count} {unit.en}"
    return Words(zh, en.strip())
