"""Sentences about the search for meters: why a model is named, what the bytes on a bus mean."""

from collections.abc import Mapping
from typing import Final

from drivers.search.diagnosis import Finding, FindingKind
from drivers.search.patient import Losses
from drivers.search.plausibility import Code, Reason
from evidence.words import Words
from provisioning.words.language import translate
from provisioning.words.points import explain_point

_REASONS: Final[Mapping[Code, Words]] = {
    Code.FINGERPRINT: Words("身份寄存器 {about} 为 {value}", "identity register {about} says {value}"),
    Code.VOLTAGE_NOMINAL: Words(
        "{about} = {value:.4g} V，接近 {expected:g} V",
        "{about} = {value:.4g} V, near {expected:g} V",
    ),
    Code.VOLTAGE_POSSIBLE: Words(
        "{about} = {value:.4g} V，可能，但不是常见的额定电压",
        "{about} = {value:.4g} V: possible, but no usual supply",
    ),
    Code.VOLTAGE_IMPOSSIBLE: Words(
        "{about} = {value:.4g} V，不可能",
        "{about} = {value:.4g} V is impossible",
    ),
    Code.NO_VOLTAGE: Words("没有任何电压", "there is no voltage at all"),
    Code.FREQUENCY_NOMINAL: Words(
        "{about} = {value:.4g} Hz，接近 {expected:g} Hz",
        "{about} = {value:.4g} Hz, near {expected:g} Hz",
    ),
    Code.FREQUENCY_TIMES_TEN: Words(
        "{about} = {value:.4g}，是 {expected:g} Hz 的十倍",
        "{about} = {value:.4g}, ten times {expected:g} Hz",
    ),
    Code.FREQUENCY_IMPOSSIBLE: Words(
        "{about} = {value:.4g} Hz，不可能",
        "{about} = {value:.4g} Hz is impossible",
    ),
    Code.POWER_FACTOR: Words("{about} = {value:.3g}，可能", "{about} = {value:.3g} is possible"),
    Code.PHASE_SUM: Words(
        "各相功率之和 {expected:.4g} W 与总功率 {value:.4g} W 相符",
        "the phases add up: {expected:.4g} W and {value:.4g} W in all",
    ),
    Code.PHASE_SUM_OFF: Words(
        "各相功率之和 {expected:.4g} W 与总功率 {value:.4g} W 不符",
        "the phases do not add up: {expected:.4g} W, but {value:.4g} W in all",
    ),
    Code.PRODUCT: Words(
        "{about} = {value:.4g} W 与 U×I = {expected:.4g} VA 相符",
        "{about} = {value:.4g} W fits U x I = {expected:.4g} VA",
    ),
    Code.PRODUCT_OFF: Words(
        "{about} = {value:.4g} W 与 U×I = {expected:.4g} VA 不符",
        "{about} = {value:.4g} W does not fit U x I = {expected:.4g} VA",
    ),
    Code.BETWEEN_PHASES: Words(
        "{about} = {value:.4g} V，是相电压 {expected:.4g} V 的 √3 倍",
        "{about} = {value:.4g} V is the root of three times {expected:.4g} V",
    ),
    Code.COUNTER: Words("{about} = {value:.6g} Wh，可能", "{about} = {value:.6g} Wh is possible"),
    Code.COUNTER_IMPOSSIBLE: Words(
        "{about} = {value:.4g} Wh，不可能",
        "{about} = {value:.4g} Wh is impossible",
    ),
    Code.ABSURD: Words("{about} = {value:.3g}，没有意义", "{about} = {value:.3g} means nothing"),
    Code.POWER_ALONE: Words("有功率却没有电压", "there is power without voltage"),
    Code.WORD_ORDER: Words(
        "字序正确：反过来 {about} 没有意义",
        "the order of words is right: {about} would be absurd the other way round",
    ),
    Code.WORD_ORDER_OTHER: Words(
        "字序可能相反：{about} 反过来才有意义",
        "the order of words may be the other way round: {about} makes sense only so",
    ),
    Code.TEXT: Words("{about} 可读：{value}", "{about} is readable: {value}"),
    Code.SERIAL: Words("{about} = {value:.0f}", "{about} = {value:.0f}"),
    Code.ANALYSER: Words("{about} = {value:.4g}，可能", "{about} = {value:.4g} is possible"),
    Code.ANALYSER_IMPOSSIBLE: Words("{about} = {value:.4g}，不可能", "{about} = {value:.4g} is impossible"),
    Code.UNANSWERED: Words(
        "{about} 组寄存器无应答：{value}",
        "its {about} registers are not answered: {value}",
    ),
}

_FINDINGS: Final[Mapping[FindingKind, Words]] = {
    FindingKind.SHARED_ADDRESS: Words(
        "地址 {about} 的应答总是损坏：可能有两块电表使用同一地址，请逐一断开检查",
        "what answers at unit {about} is damaged each time: two meters may have this address; take one "
        "off the bus",
    ),
    FindingKind.EVERY_ADDRESS: Words(
        "该设备对任何地址都应答：它不看地址，以地址 1 读取即可",
        "this device answers to every address: it ignores the unit id, so read it as unit 1",
    ),
    FindingKind.DEAD: Words(
        "没有收到任何字节：总线无电、断线、接错端口，或 A/B 接反",
        "not a single byte came: no power, a broken or wrong cable, the wrong port, or A and B swapped",
    ),
    FindingKind.ECHO_ONLY: Words(
        "只收到自己发出的字节：转换器有回波，电表没有应答；检查电表侧接线和 A/B",
        "only our own bytes came back: the adapter hears itself and no meter answers; check the meters' "
        "side and A/B",
    ),
    FindingKind.NO_METER_BEHIND_GATEWAY: Words(
        "网关在线，但它找不到电表：检查网关的波特率、校验和串口侧接线",
        "the gateway is there, but finds no meter: check its own baud rate, parity and serial wires",
    ),
    FindingKind.OTHER_MASTER: Words(
        "在 {about} 下另有主站正在通信：参数正确，但总线上只能有一个主站",
        "another master is talking at {about}: the setting is right, but a bus has one master",
    ),
    FindingKind.SWAPPED: Words(
        "收到的字节按位取反后才是完整的帧：A/B 接反",
        "what comes is a whole frame with every bit turned round: A and B are swapped",
    ),
    FindingKind.RESTS_WRONG: Words(
        "几乎只收到 0：线路空闲电平错误，A/B 可能接反或缺少偏置电阻",
        "hardly anything but zeros comes: the line rests at the wrong level; A and B may be swapped, or "
        "the bias resistors are missing",
    ),
    FindingKind.WRONG_PARITY: Words(
        "在 {about} 下只有一半字符通过校验：波特率正确，校验位错误",
        "at {about} only characters of one parity come through: the baud rate is right, the parity is wrong",
    ),
    FindingKind.WRONG_SETTING: Words(
        "在 {about} 下收到字节但从无完整帧：波特率或校验错误；可加 --all 再试",
        "bytes came at {about}, but never a frame: wrong baud rate or parity; try again with --all",
    ),
    FindingKind.NOISE: Words(
        "在所有参数下都收到字节但从无完整帧：干扰、接地不良，或另一种协议",
        "bytes came at every setting, but never a frame: noise, a bad earth, or another protocol",
    ),
    FindingKind.FOREIGN_ID: Words(
        '地址 {about} 有应答，但转换器不照抄事务标识：在站点文件中为该总线写 transaction_id = "ignored"',
        "unit {about} answers, but the converter does not copy the transaction id: write "
        'transaction_id = "ignored" at this bus in the site file',
    ),
    FindingKind.HANGS_UP: Words(
        "对方每次收到请求就断开连接：网关多半只允许一个连接，已被占用；请停用另一主站或提高连接数上限",
        "the other side hangs up on every question: mostly a gateway with room for one client, and another "
        "has it; stop that one or raise the gateway's limit",
    ),
    FindingKind.BUSY: Words(
        "地址 {about} 一直回答“忙”：请在没有其他主站使用该总线时再试",
        "unit {about} says that it is busy each time: try again when no other master uses the bus",
    ),
    FindingKind.NOT_ASKED_AGAIN: Words(
        "有 {about} 个无应答的地址只问过功能码 3，没有再问功能码 4（耗时太长）；需要时加 --all",
        "{about} silent addresses were asked function 3 only, as function 4 would take too long; "
        "--all asks it",
    ),
    FindingKind.POOR: Words(
        "总线太差，无法判定型号：{about}",
        "the bus is too poor to name the meter: {about}",
    ),
}


_SOME: Final = Words("缺少测点", "some of its points are missing")
_LOSSES: Final = Words(
    "{asked} 次请求中 {lost} 次丢失、{busy} 次被答“忙”",
    "of {asked} requests {lost} were lost and {busy} put off as busy",
)


def describe_finding(finding: Finding) -> str:
    """A finding about a bus as a sentence."""
    return translate(_FINDINGS[finding.kind], about=finding.about or "this setting")


def describe_losses(losses: Losses) -> str:
    """How many requests came to nothing, as a sentence."""
    return translate(_LOSSES, asked=losses.asked, lost=losses.lost, busy=losses.busy)


def describe_reason(reason: Reason) -> str:
    """Why a model is named, as a sentence."""
    nothing = float("nan")
    unread = translate(_SOME) if reason.code is Code.UNANSWERED else nothing
    return translate(
        _REASONS[reason.code],
        about=translate(explain_point(reason.about)) or reason.about,
        value=unread if reason.value is None else reason.value,
        expected=nothing if reason.expected is None else reason.expected,
    )
