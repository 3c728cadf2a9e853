"""The texts if no mistake can be named: a sentence and a remedy each.

`{phases}` are the phases, the other places are numbers that the caller gives.
"""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words
from provisioning.wiring.words import GO_BY_PHASE

PHRASES: Final[Mapping[str, tuple[Words, Words]]] = {
    "good": (Words("接线正确（{shown}）", "wired correctly ({shown})"), Words("无需处理", "nothing to do")),
    "supply": (
        Words("电压{shown}与额定相电压不符", "the voltages {shown} are not those of the supply"),
        Words(
            "检查零线与相线是否接错、电压互感器变比（pt_ratio）和额定电压，然后重新检查",
            "check whether neutral and a phase are exchanged, and the ratio of the voltage transformers, "
            "then check again",
        ),
    ),
    "no_current": (
        Words("没有电流，无法判断接线", "there is no current to judge the wiring by"),
        Words(
            "让设备带上至少{needed}的负载运行，再检查一次",
            "run the machine at {needed} or more, then check again",
        ),
    ),
    "small_load": (
        Words(
            "负载只有额定的{percent:.0f} %，无法判断接线",
            "the load is only {percent:.0f} %, too little to judge the wiring by",
        ),
        Words(
            "让设备带上至少{needed}的负载运行，再检查一次；若设备已在满载运行，则互感器变比不对，"
            "请输入钳形表读数",
            "run the machine at {needed} or more, then check again; if it runs at full load already, the "
            "transformer ratio is wrong: type in what a clamp meter shows",
        ),
    ),
    "idle_or_open": (
        Words(
            "{phases}没有电流：要么该相互感器未接、开路或短接，要么该相确无负载",
            "{phases}: no current; either a transformer is off, open or shorted, or nothing runs on this "
            "phase",
        ),
        Words(
            "用钳形表测量{phases}电缆：有电流即互感器有问题，没有电流则接线正常",
            "measure the cable of {phases} with a clamp meter: with current the transformer is at fault, "
            "without it nothing is",
        ),
    ),
    "low_or_shifted": (
        Words(
            "功率因数{factor:.2f}偏低：要么负载如此，要么三相电流逆移一位；本表无无功读数，无法区分",
            "the power factor is {factor:.2f}: either the load is like that, or the transformers are "
            "shifted back by one place; this meter does not measure reactive power",
        ),
        Words(
            "看表计显示的无功功率：为负即接线错位；或加大负载后再检查一次",
            "look for reactive power on the meter's display: if it is negative they are shifted; or load "
            "the machine more and check again",
        ),
    ),
    "several": (
        Words(
            "功率与电流不符（{shown}），几处接线可能有误",
            "power and current do not fit ({shown}): more than one connection may be wrong",
        ),
        GO_BY_PHASE,
    ),
    "other_phase": (
        Words(
            "功率与电流不符（{shown}），互感器可能套在别的相上",
            "power and current do not fit ({shown}): the transformer may sit on another phase than the "
            "voltage lead",
        ),
        Words(
            "把互感器移到电压线所接的那一相，然后重新检查",
            "put the transformer on the phase that the voltage lead is on, then check again",
        ),
    ),
    "idling": (
        Words(
            "功率因数只有{factor:.2f}，像是空载",
            "the power factor is only {factor:.2f}, as if the machine ran without load",
        ),
        Words("让设备带负载运行，再检查一次", "run the machine under load, then check again"),
    ),
    "ahead": (
        Words(
            "电流超前很多（{shown}）：要么补偿电容过量，要么互感器错位",
            "the current leads by far ({shown}): either a capacitor bank overcompensates, or the "
            "transformers are shifted",
        ),
        Words(
            "切除补偿电容或加大负载，再检查一次",
            "switch the capacitors off or increase the load, then check again",
        ),
    ),
    "nothing_fits": (
        Words("各相功率与任何正常负载都不符（{shown}）", "no load has these powers ({shown})"),
        GO_BY_PHASE,
    ),
    "total_low": (
        Words(
            "总功率只有视在功率的{share:.2f}倍，接线可能有误，但本表不给各相功率",
            "the total power is {share:.2f} of what the currents allow: something is wrong, but this "
            "meter does not give the power of each phase",
        ),
        GO_BY_PHASE,
    ),
    "total_negative": (
        Words(
            "总功率为负（{kw:.2f} kW），互感器方向或相序有误，但本表不给各相数值",
            "the total power is negative ({kw:.2f} kW): transformers are reversed or shifted, but this "
            "meter gives no values of the phases",
        ),
        GO_BY_PHASE,
    ),
    "blind": (
        Words(
            "本表不给各相电压和电流，读数不能判断接线",
            "this meter does not give voltage and current, so its readings cannot show how it is wired",
        ),
        Words("与钳形表比对，并做启停试验", "compare it with a clamp meter and do the on/off test"),
    ),
    "unlike_clamp": (
        Words(
            "各相电流与钳形表读数不成比例（表计/钳形表：{against}）",
            "the currents and the clamp meter differ by no common factor (meter / clamp: {against})",
        ),
        Words(
            "核对互感器所套电缆，并做启停试验；负载波动时重测钳形表",
            "check which cable the transformers are on and do the on/off test; read the clamp meter "
            "again if the load moves",
        ),
    ),
    "overload": (
        Words(
            "视在功率是额定功率的{times:.1f}倍，互感器变比可能不对",
            "the apparent power is {times:.1f} times the rated power: the transformer ratio may be wrong",
        ),
        Words("用钳形表测量各相电流并输入读数", "measure the currents with a clamp meter and type them in"),
    ),
    "over_nameplate": (
        Words(
            "测得{has}，超过铭牌所允许的{most}（铭牌的120%，多块电表时已扣除其余）",
            "it measures {has}, more than the {most} that the nameplate allows (120 % of it, less what other "
            "meters of the line measure)",
        ),
        Words(
            "对照互感器铭牌核对变比，对照设备铭牌核对功率，改正后重新测量",
            "compare the ratio with the plate of the transformers and the power with the plate of the "
            "machine, correct what is wrong and measure again",
        ),
    ),
}


def phrase(name: str, **facts: object) -> tuple[Words, Words]:
    """Sentence and remedy of that name, with the facts filled in."""
    what, remedy = PHRASES[name]
    return what.fill(**facts), remedy.fill(**facts)
