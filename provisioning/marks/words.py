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
    "no readings": Words("链上没有读数", "there are no readings in the chain"),
}
