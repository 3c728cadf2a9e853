"""Sentences of the search for meters: why a model is named, what the bytes on a bus mean. In zh and en."""

from typing import Final

from drivers.plausible import Code, Reason
from provisioning.words import LANGUAGES, language

_REASONS: Final = {
    Code.FINGERPRINT: ("身份寄存器 {about} 为 {value}", "identity register {about} says {value}"),
    Code.VOLTAGE_NOMINAL: (
        "{about} = {value:.4g} V，接近 {expected:g} V",
        "{about} = {value:.4g} V, near {expected:g} V",
    ),
    Code.VOLTAGE_POSSIBLE: (
        "{about} = {value:.4g} V，可能，但不是常见的额定电压",
        "{about} = {value:.4g} V: possible, but no usual supply",
    ),
    Code.VOLTAGE_IMPOSSIBLE: (
        "{about} = {value:.4g} V，不可能",
        "{about} = {value:.4g} V is impossible",
    ),
    Code.NO_VOLTAGE: ("没有任何电压", "there is no voltage at all"),
    Code.FREQUENCY_NOMINAL: (
        "{about} = {value:.4g} Hz，接近 {expected:g} Hz",
        "{about} = {value:.4g} Hz, near {expected:g} Hz",
    ),
    Code.FREQUENCY_TIMES_TEN: (
        "{about} = {value:.4g}，是 {expected:g} Hz 的十倍",
        "{about} = {value:.4g}, ten times {expected:g} Hz",
    ),
    Code.FREQUENCY_IMPOSSIBLE: ("{about} = {value:.4g} Hz，不可能", "{about} = {value:.4g} Hz is impossible"),
    Code.POWER_FACTOR: ("{about} = {value:.3g}，可能", "{about} = {value:.3g} is possible"),
    Code.PHASE_SUM: (
        "各相功率之和 {expected:.4g} W 与总功率 {value:.4g} W 相符",
        "the phases add up: {expected:.4g} W and {value:.4g} W in all",
    ),
    Code.PHASE_SUM_OFF: (
        "各相功率之和 {expected:.4g} W 与总功率 {value:.4g} W 不符",
        "the phases do not add up: {expected:.4g} W, but {value:.4g} W in all",
    ),
    Code.PRODUCT: (
        "{about} = {value:.4g} W 与 U×I = {expected:.4g} VA 相符",
        "{about} = {value:.4g} W fits U x I = {expected:.4g} VA",
    ),
    Code.PRODUCT_OFF: (
        "{about} = {value:.4g} W 与 U×I = {expected:.4g} VA 不符",
        "{about} = {value:.4g} W does not fit U x I = {expected:.4g} VA",
    ),
    Code.BETWEEN_PHASES: (
        "{about} = {value:.4g} V，是相电压 {expected:.4g} V 的 √3 倍",
        "{about} = {value:.4g} V is the root of three times {expected:.4g} V",
    ),
    Code.COUNTER: ("{about} = {value:.6g} Wh，可能", "{about} = {value:.6g} Wh is possible"),
    Code.COUNTER_IMPOSSIBLE: ("{about} = {value:.4g} Wh，不可能", "{about} = {value:.4g} Wh is impossible"),
    Code.ABSURD: ("{about} = {value:.3g}，没有意义", "{about} = {value:.3g} means nothing"),
    Code.POWER_ALONE: ("有功率却没有电压", "there is power without voltage"),
    Code.WORD_ORDER: (
        "字序正确：反过来 {about} 没有意义",
        "the order of words is right: {about} would be absurd the other way round",
    ),
    Code.WORD_ORDER_OTHER: (
        "字序可能相反：{about} 反过来才有意义",
        "the order of words may be the other way round: {about} makes sense only so",
    ),
    Code.TEXT: ("{about} 可读：{value}", "{about} is readable: {value}"),
    Code.SERIAL: ("{about} = {value:.0f}", "{about} = {value:.0f}"),
    Code.ANALYSER: ("{about} = {value:.4g}，可能", "{about} = {value:.4g} is possible"),
    Code.ANALYSER_IMPOSSIBLE: ("{about} = {value:.4g}，不可能", "{about} = {value:.4g} is impossible"),
    Code.UNANSWERED: ("{about} 组寄存器无应答：{value}", "its {about} registers are not answered: {value}"),
}


def told(reason: Reason) -> str:
    """A reason as a sentence in the chosen language."""
    form = _REASONS[reason.code][LANGUAGES.index(language())]
    nothing = float("nan")
    return form.format(
        about=reason.about,
        value=nothing if reason.value is None else reason.value,
        expected=nothing if reason.expected is None else reason.expected,
    )
