"""The texts of the verbs about marks."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

LABELS: Final[Mapping[str, Words]] = {
    "consistent": Words("与用电一致", "consistent"),
    "contradicted": Words("与用电矛盾", "contradicted"),
    "unknown": Words("无法核对", "unknown"),
    "mark": Words("标记", "mark"),
    "subject": Words("对象", "subject"),
    "from": Words("起", "from"),
    "to": Words("止", "to"),
    "lasting": Words("持续", "lasting"),
    "by": Words("标记人", "by"),
    "truth": Words("核对", "truth"),
    "late": Words("（迟报）", " (late)"),
    "auto": Words("自动", "automatic"),
    "none": Words("链上没有标记", "there are no marks in the chain"),
    "when": Words("时间", "time"),
    "meter": Words("电表", "meter"),
    "line": Words("线路", "line"),
    "due": Words("应到", "due"),
    "good": Words("有效", "good"),
    "with": Words("含标记时段", "with marked hours"),
    "without": Words("不含标记时段", "without marked hours"),
    "left out": Words("不计小时", "hours left out"),
    "in time": Words("实时", "in time"),
    "question": Words("待核实", "question"),
    "no analyser": Words("链上没有分析仪的读数", "there are no readings of an analyser in the chain"),
    "no linkage": Words(
        "配置文件中没有 [[linkage]]，没有可对照的用电",
        "the site file has no [[linkage]], so no power to hold against",
    ),
    "no doubt": Words("分析仪的数据与用电相符", "what the analysers say fits the power of the plant"),
    "doubt": Words(
        "{sure}：{analyser} {point}，{begin} 至 {end}（{linkage}）：{what}",
        "{sure}: {analyser} {point}, {begin} to {end} ({linkage}): {what}",
    ),
    "value": Words("测值", "value"),
    "production_w": Words("生产功率 W", "production, W"),
    "treatment_w": Words("治理功率 W", "treatment, W"),
    "no readings": Words("链上没有读数", "there are no readings in the chain"),
}

DOUBTS: Final[Mapping[str, Words]] = {
    "clean": Words(
        "生产正常而治理停运，测值却为 {value:g}，与治理运行时（{usual:g}）一样低",
        "production worked and treatment stood, yet it read {value:g}, as low as under treatment ({usual:g})",
    ),
    "frozen": Words(
        "生产正常，测值却有 {minutes} 分钟一位不变；同时不变的还有 {beside} 项",
        "production worked, yet the value stayed the same for {minutes} minutes; {beside} others did so too",
    ),
    "out": Words(
        "标记为停运（F）{minutes} 分钟，而生产正常；其间有 {values} 个不同的值",
        "marked out of service (F) for {minutes} minutes of production; {values} different values came",
    ),
    "calibrating": Words(
        "生产正常时连续校准或维护（C、M）{minutes} 分钟；其间有 {values} 个不同的值",
        "calibration or maintenance (C, M) for {minutes} minutes of production; {values} different values",
    ),
}
"""By `evidence.marks.emissions.What`."""
