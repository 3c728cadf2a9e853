"""The texts of the verbs about curtailment."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

PROBLEMS: Final[Mapping[str, Words]] = {
    "no head": Words(
        "{path}：没有找到表头；至少要有“生产线”“预警级别”“减排措施”三列",
        "{path}: has no row of headings; at least line, level and measure are needed",
    ),
    "no rows": Words("{path}：表头以下没有数据", "{path}: has no rows below its headings"),
    "too many": Words(
        "{path}：超过 {most} 行；请按网关拆分", "{path}: has more than {most} rows; split it by gateway"
    ),
    "empty cell": Words("{place}：空白；这一列必须填写", "{place}: is empty, and this column must be filled"),
    "level": Words(
        "{place}：不认识的预警级别 {text!r}；已知：{known}", "{place}: no level {text!r}; known: {known}"
    ),
    "grade": Words(
        "{place}：不认识的绩效等级 {text!r}；已知：{known}", "{place}: no grade {text!r}; known: {known}"
    ),
    "measure": Words(
        "{place}：不认识的减排措施 {text!r}；已知：{known}", "{place}: no measure {text!r}; known: {known}"
    ),
    "number": Words("{place}：{text!r} 不是数", "{place}: {text!r} is not a number"),
    "percent": Words(
        "{place}：限产比例 {text!r} 不在 1 到 100 之间（减少多少，不是保留多少；30 % 写 30，不写 0.3）",
        "{place}: a reduction of {text!r} is not from 1 to 100 (by how much less, not what remains; 30 % is "
        "30, not 0.3)",
    ),
    "range": Words(
        "{place}：{text!r} 超出范围（{low} 到 {high}）", "{place}: {text!r} is not from {low} to {high}"
    ),
    "hours": Words(
        "{place}：时段 {text!r} 应写成 22:00-06:00，多个用分号隔开",
        "{place}: hours {text!r} must be like 22:00-06:00, several separated by semicolons",
    ),
    "name": Words(
        "{place}：名称 {text!r} 过长或有不可见字符", "{place}: the name {text!r} is too long or unprintable"
    ),
    "double": Words(
        "{place}：生产线 {line} 的 {level} 级在第 {other} 行已经有了",
        "{place}: line {line} has a row for the level {level} already, in line {other}",
    ),
    "needs": Words("{place}：措施 {measure} 需要“{name}”", "{place}: the measure {measure} needs {name}"),
    "needless": Words(
        "{place}：措施 {measure} 不用“{name}”，请清空",
        "{place}: the measure {measure} has no use for {name}",
    ),
    "grades": Words(
        "{place}：同一网关有两个绩效等级：{one} 和 {other}",
        "{place}: one gateway has two grades: {one} and {other}",
    ),
    "unknown column": Words(
        "{path}：第 {line} 行：不认识的列 {text!r}，未使用",
        "{path}: line {line}: column {text!r} is not known, and not used",
    ),
    "which gateway": Words(
        "{path}：没有“网关”列；请加 --gateway", "{path}: has no column gateway; add --gateway"
    ),
    "unfit": Words(
        "网关 {gateway}：清单不能作为指令：{why}", "gateway {gateway}: the list fits no order: {why}"
    ),
    "no line": Words("{place}：站点文件里没有生产线 {line}", "{place}: the site file has no line {line}"),
    "no level": Words("清单没有 {level} 预警；有：{known}", "the list has no level {level}; it has: {known}"),
    "no gateway": Words(
        "清单里没有网关 {gateway}；有：{known}", "the list has no gateway {gateway}; it has: {known}"
    ),
}
COLUMNS: Final[Mapping[str, Words]] = {
    "gateway": Words("网关", "gateway"),
    "enterprise": Words("企业名称", "enterprise"),
    "uscc": Words("统一社会信用代码", "uscc"),
    "grade": Words("绩效等级", "grade"),
    "line": Words("生产线", "line"),
    "level": Words("预警级别", "level"),
    "measure": Words("减排措施", "measure"),
    "percent": Words("限产比例（%）", "reduction (%)"),
    "kwh": Words("日用电量上限（kWh）", "cap (kWh a day)"),
    "kw": Words("功率上限（kW）", "cap (kW)"),
    "feed": Words("投料量（t/日）", "feed (t a day)"),
    "per_t": Words("单位电耗（kWh/t）", "energy (kWh a t)"),
    "hours": Words("允许时段", "permitted hours"),
    "ramp": Words("缓降时间（分钟）", "ramp-down (min)"),
    "treatment": Words("治理设施", "treatment"),
    "exempt": Words("豁免基荷（kW）", "exempt base load (kW)"),
    "baseline": Words("基准用电量（kWh/日）", "baseline (kWh a day)"),
    "law": Words("依据", "law"),
}
LABELS: Final[Mapping[str, Words]] = {
    "gateway": Words("网关", "gateway"),
    "line": Words("生产线", "line"),
    "level": Words("级别", "level"),
    "measure": Words("措施", "measure"),
    "rows": Words("行数", "rows"),
    "bytes": Words("指令字节", "bytes of the order"),
    "hours told": Words("小时：{told}", "hours: {told}"),
    "not due": Words(
        "没有结论：预警尚未结束，或已撤销", "there is no verdict: the alert has not ended, or was cancelled"
    ),
    "no alerts": Words("链上没有可以判定的预警", "there is no alert in the chain that can be judged"),
    "differs": Words(
        "{place}：网关封存的与从读数重新计算的不一致：{keys}",
        "{place}: what the gateway sealed is not what its readings give: {keys}",
    ),
    "only sealed": Words("只有封存的", "it was sealed, and nothing gives it"),
    "not sealed": Words("没有封存", "it was not sealed"),
    "not whole": Words(
        "链从签封 {first} 开始，其中 {absent} 个签封缺少读数：与网关封存的不作比较",
        "the chain begins with seal {first}, and {absent} seals lack their readings: nothing is compared "
        "with what the gateway has sealed",
    ),
    "changed": Words(
        "{count} 个预警在其所依据的日子里，配置文件、电表型号或网关的数据有变化，不予比对",
        "{count} alerts are not compared with what the gateway has sealed: in the days that they rest on, "
        "the site file, a meter's model or what the gateway's disk knew has changed",
    ),
    "good": Words(
        "{path}：没有问题；行数 {rows}，网关 {gateways}",
        "{path}: nothing is wrong; rows: {rows}, gateways: {gateways}",
    ),
    "baseline": Words("基准 kWh", "baseline kWh"),
    "latest": Words("最近生产日 kWh", "latest kWh"),
    "present": Words("当前 kW", "now kW"),
    "outcome": Words("结果", "outcome"),
    "pass": Words("达到要求", "pass"),
    "drop": Words("需再降 {kw} kW", "must drop {kw} kW"),
    "cannot": Words("本级别 {days} 天内无法判定", "cannot be judged at this level within {days} days"),
    "never": Words("本级别无法判定", "cannot be judged at this level"),
    "kwh on": Words("{day} 用 {kwh}", "{kwh} on {day}"),
    "title": Words("{name} 应急减排预演", "{name}: dry run of a curtailment"),
    "note": Words(
        "{level}预警，{days} 天，截至 {at}。绘出每小时平均功率、基准和限值；不发布任何指令。",
        "Level {level}, {days} days, as of {at}. Mean power of each hour, baseline, limit; no order is sent.",
    ),
    "verdicts title": Words("{name} 应急减排结论", "{name}: verdicts of a curtailment"),
    "verdicts note": Words(
        "由签封的读数重新判定：每小时平均功率、基准和限值。结论是线索，须经监管人员核实。",
        "Judged again from the sealed readings: mean power of each hour, baseline, limit. It is a clue "
        "until an officer has reviewed it.",
    ),
    "actual": Words("实际", "actual"),
    "basis": Words("基准", "baseline"),
    "limit": Words("限值", "limit"),
    "asked": Words("预警", "alert"),
    "partial": Words(
        "只用到链上还在的数据；{days} 天", "only what is still in the chain is used: {days} days"
    ),
}
