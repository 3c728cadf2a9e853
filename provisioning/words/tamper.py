"""The sentence of a TAMPER record, in Chinese and in English.

For every "what" of `agent.tamper.settings` and `agent.tamper.behaviour`. A record may come from another
version, or hold nonsense that somebody signed: then there is no sentence (None), only its bytes.

    describe_tamper({"what": "counter backwards", "meter": "m1", "point": "active_energy_import",
                     "was": 2000000, "now": 1500000})
    → Words("电表m1：正向有功电能由 2000 kWh 倒退到 1500 kWh…", "meter m1: the counter of imported …")

Pure, and the same text for the same record: pages of evidence are compared byte for byte.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from drivers.reading import UNITS, Quantity
from evidence.words import Words
from provisioning.words.points import METERED, name_point

TEXT_MAX: Final = 64
"""Characters of a name or value from a record: a serial number has at most 40."""

_SENTENCES: Final[Mapping[str, Words]] = {
    "meter swapped": Words(
        "序列号由 {was} 变为 {now}，电表已被更换",
        "the serial number was {was} and is {now}: it is another meter",
    ),
    "meter changed": Words("{point}由 {was} 变为 {now}", "the {point} was {was} and is {now}"),
    "value returned": Words(
        "{point}恢复为 {now}（其间为 {was}），与此前一致",
        "the {point} is {now} again, as it was before it read {was}",
    ),
    "counter backwards": Words(
        "{point}由 {was} 倒退到 {now}，已计的电量消失",
        "the counter of {point} went back from {was} to {now}: energy that was counted is gone",
    ),
    "counter returned": Words(
        "{point}由 {was} 恢复到 {now}，已计的电量仍在，此前的“倒退”记录撤回",
        "the counter of {point} is back, from {was} to {now}: no energy is gone, that record is withdrawn",
    ),
    "counter wrapped": Words(
        "{point}计满归零（{was} → {now}），属正常",
        "the counter of {point} began anew at its end ({was} → {now}), as counters do",
    ),
    "unreadable": Words(
        "{point}此前有值，现在读不出有效数值",
        "the {point} had a value and now reads as none",
    ),
    "readable": Words("{point}恢复有值：{now}", "the {point} has a value again: {now}"),
    "energy departs from power": Words(
        "{window}内电能表计 {counted}，由功率累计为 {power}，相差超过 {tolerance}",
        "in {window} it counted {counted}, its power adds up to {power}: more than {tolerance} apart",
    ),
    "energy agrees with power": Words(
        "电能与功率重新相符（{window}内电能表计 {counted}，由功率累计为 {power}）",
        "energy and power agree again (in {window} it counted {counted}, its power adds up to {power})",
    ),
    "voltage departs from the others'": Words(
        "电压 {now:.2f} V，同一供电的{meters}块电表居中为 {others:.2f} V，相差超过 {limit:.2f} V",
        "its voltage is {now:.2f} V, {others:.2f} V amid {meters} meters: more than {limit:.2f} V apart",
    ),
    "voltage agrees with the others'": Words(
        "电压与其他电表重新相符（{now:.2f} V，其他 {others:.2f} V）",
        "its voltage agrees with the others' again ({now:.2f} V, theirs {others:.2f} V)",
    ),
    "frequency departs from the others'": Words(
        "频率 {now:.3f} Hz，{meters}块电表居中为 {others:.3f} Hz，相差超过 {limit:.3f} Hz",
        "its frequency is {now:.3f} Hz, {others:.3f} Hz amid {meters} meters: more than {limit:.3f} Hz apart",
    ),
    "frequency agrees with the others'": Words(
        "频率与其他电表重新相符（{now:.3f} Hz，其他 {others:.3f} Hz）",
        "its frequency agrees with the others' again ({now:.3f} Hz, theirs {others:.3f} Hz)",
    ),
    "meter frozen": Words(
        "带负荷时连续{reads}次读数完全相同，已持续{lasts}（此前最多{usual}次）",
        "{reads} equal readings under load, for {lasts} (never more than {usual} before)",
    ),
    "meter moves again": Words(
        "读数恢复变化（此前{reads}次完全相同，持续{lasts}）",
        "its readings move again, after {reads} that were the same for {lasts}",
    ),
    "answers take another time": Words(
        "应答时间由 {was_ms:.1f} ms 变为 {now_ms:.1f} ms，线路上可能多了或换了设备",
        "it answers after {now_ms:.1f} ms instead of {was_ms:.1f} ms: something else may be on the line",
    ),
}
WHATS: Final = frozenset(_SENTENCES)
"""Every kind of record that has a sentence."""


def describe_tamper(body: Mapping[str, Any]) -> Words | None:
    """The sentence of a record, None if none fits."""
    what = body.get("what")
    if not isinstance(what, str) or what not in _SENTENCES:
        return None
    try:
        words = _SENTENCES[what].fill(**_to_facts(body))
        meter = _text(body["meter"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return Words(f"电表{meter}：{words.zh}", f"meter {meter}: {words.en}")


def _to_facts(body: Mapping[str, Any]) -> dict[str, Any]:
    """The values that sentences name, in the form in which they name them."""
    point = str(body.get("point", ""))
    facts: dict[str, Any] = {"point": _name_point(point)}
    facts |= {key: _value(point, body[key]) for key in ("was", "now") if key in body}
    facts |= {key: _number(body[key]) for key in ("others", "limit", "was_ms", "now_ms") if key in body}
    facts |= {key: int(_number(body[key])) for key in ("reads", "usual", "meters") if key in body}
    facts |= {key: _energy(_number(body[f"{key}_wh"])) for key in _ENERGIES if f"{key}_wh" in body}
    facts |= {key: _duration(_number(body[f"{key}_s"])) for key in ("window", "lasts") if f"{key}_s" in body}
    if "others" in body:
        facts["now"] = _number(body["now"])
    return facts


_ENERGIES: Final = ("power", "counted", "tolerance")
_WH_PER_KWH: Final = 1000


def _name_point(name: str) -> Words:
    """The name of a point: its quantity and its phase."""
    return name_point(name, METERED) or Words.same(f"“{_text(name)}”")


def _value(point: str, value: object) -> str:
    """A value of a meter, with its unit."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"“{_text(value)}”"
    quantity = next((one for one in METERED if point.startswith(one.value)), None)
    if quantity in {Quantity.ACTIVE_ENERGY_IMPORT, Quantity.ACTIVE_ENERGY_EXPORT}:
        return _energy(_number(value))
    unit = UNITS.get(quantity, "") if quantity is not None else ""
    return f"{_digits(_number(value))} {unit}".rstrip()


def _energy(watt_hours: float) -> str:
    return f"{_digits(round(watt_hours / _WH_PER_KWH, 3))} kWh"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.10g}"


def _duration(seconds: float) -> str:
    """Minutes, or seconds if few; the same in both languages."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return value


def _text(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return "".join(sign for sign in text if sign.isprintable())[:TEXT_MAX]
