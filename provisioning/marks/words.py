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
