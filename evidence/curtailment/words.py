"""What a verdict says to the plant and to the officer."""

from collections.abc import Mapping
from typing import Final

from evidence.curtailment.limits import Verdict, Why
from evidence.curtailment.measures import Measure
from evidence.curtailment.stopping import HourState
from evidence.words import Words

MEASURES: Final[Mapping[Measure, Words]] = {
    Measure.STOP: Words("停产", "stop"),
    Measure.LIMIT_PERCENT: Words("限产", "reduction"),
    Measure.CAP_KWH_DAY: Words("日用电量上限", "cap on energy a day"),
    Measure.CAP_KW: Words("功率上限", "cap on power"),
    Measure.CAP_FEED: Words("投料上限", "cap by feed"),
    Measure.HOURS: Words("限时生产", "permitted hours"),
    Measure.NONE: Words("不作要求", "nothing is asked"),
}
VERDICTS: Final[Mapping[Verdict, Words]] = {
    Verdict.MET: Words("达到要求", "met"),
    Verdict.NOT_MET: Words("未达到要求", "not met"),
    Verdict.UNCLEAR: Words("不能确定", "unclear"),
    Verdict.CANNOT: Words("无法判定", "cannot be judged"),
}
HOURS: Final[Mapping[HourState, Words]] = {
    HourState.MET: Words("达到要求", "met"),
    HourState.NOT_MET: Words("未达到要求", "not met"),
    HourState.NO_DATA: Words("数据不足", "too few data"),
    HourState.FREE: Words("不作要求", "nothing was asked"),
    HourState.RUNNING: Words("已计量", "measured"),
}
"""What was told of an hour."""
REASONS: Final[Mapping[Why, Words]] = {
    Why.NO_BASELINE: Words(
        "没有基准：预警前 60 天内完整的生产日太少",
        "there is no baseline: too few whole production days in the 60 days before the alert",
    ),
    Why.FEW_WINDOWS: Words(
        "以往同样长度的时段只有 {windows} 个，至少需要 {needed} 个",
        "there are only {windows} past windows of that length, at least {needed} are needed",
    ),
    Why.NO_WHOLE_DAY: Words(
        "预警期间没有一个完整的自然日", "no whole day of the plant lies within the alert"
    ),
    Why.NO_DATA: Words("数据不足", "there are not enough data"),
    Why.NOISE: Words(
        "该线平时用电的波动大于要求的减幅：以往 {windows} 个未作要求的同样时段，有许多也不能认定未减产",
        "the line varies by more than was asked: of its {windows} past windows, in which nothing was asked, "
        "too many could not be told from such a reduction",
    ),
    Why.NO_BASE: Words(
        "没有基荷：既没有学到停产功率，近 30 天也没有足够的停产小时",
        "there is no base load: no off level was learned, and the last 30 days have too few off hours",
    ),
    Why.NO_LIST: Words(
        "预警引用的减排清单没有收到，或格式不对",
        "the reduction list of the alert never came, or has another form",
    ),
    Why.NO_LINE: Words(
        "站点文件中没有这条线，或该线没有电能表", "the site file has no such line with a meter"
    ),
    Why.WIRING: Words("该线的接线检查结论尚未解决", "a finding of the wiring check is open at this line"),
    Why.FORM: Words("指令的格式不对", "the order has another form"),
}
SENTENCES: Final[Mapping[str, Words]] = {
    "limit": Words(
        "{line}：要求用电比基准减少 {percent} %。计入 {days} 天，用电 {used} kWh，允许 {allowed} kWh；"
        "以往 {windows} 个同样时段显示，超过 {clear} kWh 才能认定未达到。结论：{verdict}。",
        "{line}: {percent} % less energy than the baseline was asked. {days} days count, with {used} kWh "
        "used and {allowed} kWh allowed; by {windows} past windows it is not met only above {clear} kWh. "
        "Verdict: {verdict}.",
    ),
    "stop": Words(
        "{line}：要求停产的 {asked} 小时中，{bad} 小时功率高于 {threshold} kW 达 5 分钟以上，"
        "{missing} 小时数据不足。结论：{verdict}。",
        "{line}: of the {asked} hours in which it had to stand, it ran above {threshold} kW for 5 minutes or "
        "more in {bad}, and {missing} have too few data. Verdict: {verdict}.",
    ),
    "cap": Words(
        "{line}：上限 {cap} {unit}，最高为 {used} {unit}（不确定度 ±{uncertainty}，k = 2）；"
        "{bad} 次超过，{open} 次不能确定。结论：{verdict}。",
        "{line}: the cap is {cap} {unit}, the most was {used} {unit} (uncertainty ±{uncertainty}, k = 2); "
        "{bad} above it, {open} within the uncertainty. Verdict: {verdict}.",
    ),
    "none": Words("{line}：本级别不作要求。", "{line}: nothing is asked at this level."),
    "whole alert": Words("整个预警", "the whole alert"),
    "cannot": Words("{line}：无法判定，{why}。", "{line}: cannot be judged, because {why}."),
    "treatment": Words(
        "期间治理设施有 {count} 项异常：{ids}。", "Meanwhile {count} findings about its treatment: {ids}."
    ),
    "bridged": Words(
        "另有 {hours} 小时没有采样，但电能表读数表明线路在运行。",
        "In {hours} more hours nothing was sampled, but the register shows that the line ran.",
    ),
    "test": Words("（演练）", "(exercise) "),
    "clue": Words(
        "在执法人员签署复核之前，这只是线索。", "Until an officer has signed a review it is a clue."
    ),
}
