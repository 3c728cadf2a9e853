"""The sentences of doubts about what analysers say."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

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
