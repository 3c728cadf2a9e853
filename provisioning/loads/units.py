"""Units and quantities in the names of columns: `功率(kW)`, `Usage_kWh`, `P总`, `p1.pf`.

The unit is the last word of a name, in brackets or behind a blank, `_`, `/`, `-` or a comma. What the rest
names decides where the unit leaves it open: reactive and apparent power, phases and unknown units are never
active power.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

from attrs import frozen


class Quantity(StrEnum):
    """What a column can hold."""

    POWER = "power"
    ENERGY = "energy"
    PF = "pf"
    CURRENT = "i"
    VOLTAGE = "u"
    OTHER = "other"
    UNKNOWN = "unknown"


LOADS: Final = frozenset({Quantity.POWER, Quantity.ENERGY})


@frozen
class Unit:
    """A unit: its name, its quantity, and how many of the plain unit (W, Wh, A, V) it is."""

    name: str
    quantity: Quantity
    factor: float = 1.0


_POWER: Final = {"W": "w", "kW": "kw", "MW": "mw"}
_POWER_ZH: Final = {"W": "瓦", "kW": "千瓦", "MW": "兆瓦"}
_ENERGY: Final = {"Wh": "wh", "kWh": "kwh", "MWh": "mwh"}
_ENERGY_ZH: Final = {"Wh": "瓦时", "kWh": "千瓦时", "MWh": "兆瓦时"}
_FACTORS: Final = {"W": 1.0, "kW": 1e3, "MW": 1e6, "Wh": 1.0, "kWh": 1e3, "MWh": 1e6}
_OTHERS: Final = (
    *("kvar", "var", "mvar", "kvarh", "varh", "kva", "va", "mva", "kvah"),
    *("千乏", "乏", "千伏安"),
    *("hz", "℃", "°c", "c", "m3", "t", "mg/m3", "nm3", "m3/h", "rpm", "pa", "kpa", "mpa", "tco2"),
)
"""What is never active power."""
UNITS: Final[dict[str, Unit]] = {
    **{
        word: Unit(name, quantity, _FACTORS[name])
        for quantity, names in (
            (Quantity.POWER, _POWER),
            (Quantity.POWER, _POWER_ZH),
            (Quantity.ENERGY, _ENERGY),
            (Quantity.ENERGY, _ENERGY_ZH),
        )
        for name, word in names.items()
    },
    "度": Unit("kWh", Quantity.ENERGY, 1e3),
    "a": Unit("A", Quantity.CURRENT),
    **dict.fromkeys(("安", "安培"), Unit("A", Quantity.CURRENT)),
    "v": Unit("V", Quantity.VOLTAGE),
    **dict.fromkeys(("伏", "伏特"), Unit("V", Quantity.VOLTAGE)),
    "kv": Unit("kV", Quantity.VOLTAGE, 1e3),
    **{word: Unit(word, Quantity.OTHER) for word in _OTHERS},
    "%": Unit("%", Quantity.UNKNOWN),
}
"""By the word in lower case, without dots between kW and h."""
CHOICES: Final = ("W", "kW", "MW", "Wh", "kWh", "MWh")
"""What a person can say that a column holds."""

_BRACKETS: Final = re.compile(r"^(.*?)[\s_]*[\(\[【{<]\s*([^\)\]】}>]{1,12})\s*[\)\]】}>]\s*$")
_BEHIND: Final = re.compile(r"^(.*?)(?:[\s_/,\-.:]+)([A-Za-z%°℃·*.]{1,5}|[千兆]?[瓦乏度安伏]时?)$")
_NO_UNIT: Final = re.compile(r"[\s·*.•∙⋅-]")

_PF: Final = (
    *("功率因数",),
    *("power factor", "powerfactor", "power_factor", "cosφ", "cosphi", "cos phi", "leistungsfaktor"),
)
_OTHER: Final = (
    *("无功", "视在", "谐波", "不平衡", "频率", "需量", "温度", "尖", "峰", "谷", "反向"),
    *("reactive", "apparent", "kvar", "thd", "frequency", "demand", "temperature", "co2", "export"),
)
_PHASES: Final = re.compile(
    r"[abc]相|[abc]\s*phase|phase\s*[abc123]|\bl[123]\b|^[pu][abc]$|^i[abc]$|\b[pui][abc]\b|分相|(?<=[a-z])_[abc]$"
)
_CURRENT: Final = (*("电流",), *("current", "ampere", "strom"))
_VOLTAGE: Final = (*("电压",), *("voltage", "spannung"))
_ENERGY_WORDS: Final = (
    *("电量", "电能", "用电", "示数", "读数"),
    *("energy", "consumption", "usage", "energie", "verbrauch"),
)
_POWER_WORDS: Final = (*("功率", "有功", "负荷", "负载"), *("power", "load", "leistung", "watt"))
_TOTAL: Final = re.compile(r"^p(?:[\s_]*(?:总|合|total|tot|sum|t|act|active|a))?$")


@frozen
class Heading:
    """The name of a column, taken apart.

    Attributes:
        text: As it stands in the file.
        stem: Without the unit, in lower case and plain characters.
        unit: The unit, None if it has none or an unknown one.
        quantity: What the column holds.
    """

    text: str
    stem: str
    unit: Unit | None
    quantity: Quantity


def plain(text: str) -> str:
    """In plain characters and lower case, with single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def find_unit(word: str) -> Unit | None:
    """The unit that a word is."""
    text = plain(word)
    return UNITS.get(text) or UNITS.get(_NO_UNIT.sub("", text))


def read_heading(text: str, unit_below: str = "") -> Heading:
    """What a column's name says; `unit_below` is its cell in a row of units."""
    name = plain(text)
    stem, unit = name, find_unit(unit_below.strip("()[]（）【】 ")) if unit_below.strip() else None
    for pattern in (_BRACKETS, _BEHIND):
        found = pattern.match(name)
        known = find_unit(found[2]) if found else None
        if found and known:
            stem, unit = found[1].strip(" _/,-.:"), unit or known
            break
    return Heading(text.strip(), stem, unit, _find_quantity(stem, name, unit))


def _find_quantity(stem: str, name: str, unit: Unit | None) -> Quantity:
    if any(word in name for word in _PF) or stem == "pf" or re.search(r"\bpf\b", stem):
        return Quantity.PF
    if any(word in name for word in _OTHER) or _PHASES.search(stem):
        return Quantity.OTHER
    if unit is not None and unit.quantity is not Quantity.UNKNOWN:
        return unit.quantity
    for words, quantity in (
        (_CURRENT, Quantity.CURRENT),
        (_VOLTAGE, Quantity.VOLTAGE),
        (_ENERGY_WORDS, Quantity.ENERGY),
        (_POWER_WORDS, Quantity.POWER),
    ):
        if any(word in stem for word in words):
            return quantity
    return Quantity.POWER if _TOTAL.match(stem) else Quantity.UNKNOWN


_NOISE: Final = re.compile(
    r"总有功功率|有功总功率|有功功率|总功率|功率|有功|负荷|负载|正向有功总电能|电能|用电量|电量|"
    r"total active power|active power|real power|power|load|energy|usage|consumption|wirkleistung|leistung|"
    r"(?<![a-z])p(?:总|合|tot|total|sum)?(?![a-z0-9])|总"
)
_JOINTS: Final = re.compile(r"[\s_\-.:/()\[\]（）【】]+")


def stems(heading: Heading) -> set[str]:
    """What a column may be about: its stem, and the stem without the words for power and energy."""
    bare = _NOISE.sub(" ", heading.stem)
    return {_JOINTS.sub("", one) for one in (plain(heading.text), heading.stem, bare)} - {""}


def squeeze(name: str) -> str:
    """A line's id or name in the form of `stems`."""
    return _JOINTS.sub("", plain(name))
