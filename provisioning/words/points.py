"""Points and models of meters, as people name them.

A point's own name (`voltage_l1`) is the same in every language: site files, model files and `--json` have it.
Beside it stands what it is, by its quantity and phase.
"""

from collections.abc import Mapping
from typing import Final

from drivers.points.model import Model
from drivers.points.point import PHASES
from drivers.reading import Quantity
from evidence.words import Words

METERED: Final[Mapping[Quantity, Words]] = {
    Quantity.VOLTAGE: Words("电压", "voltage"),
    Quantity.CURRENT: Words("电流", "current"),
    Quantity.ACTIVE_POWER: Words("有功功率", "active power"),
    Quantity.REACTIVE_POWER: Words("无功功率", "reactive power"),
    Quantity.APPARENT_POWER: Words("视在功率", "apparent power"),
    Quantity.POWER_FACTOR: Words("功率因数", "power factor"),
    Quantity.FREQUENCY: Words("频率", "frequency"),
    Quantity.ACTIVE_ENERGY_IMPORT: Words("正向有功电能", "imported energy"),
    Quantity.ACTIVE_ENERGY_EXPORT: Words("反向有功电能", "exported energy"),
    Quantity.SERIAL_NUMBER: Words("序列号", "serial number"),
    Quantity.FIRMWARE: Words("固件版本", "firmware"),
    Quantity.IDENTITY: Words("型号标识", "identity"),
    Quantity.CT_RATIO: Words("电流互感器变比", "CT ratio"),
    Quantity.PT_RATIO: Words("电压互感器变比", "PT ratio"),
}
"""What electricity meters measure and say of themselves; pages of evidence have these names."""
QUANTITIES: Final[Mapping[Quantity, Words]] = {
    **METERED,
    Quantity.SCALE: Words("比例指数", "exponent"),
    Quantity.SO2: Words("二氧化硫", "sulphur dioxide"),
    Quantity.NOX: Words("氮氧化物", "nitrogen oxides"),
    Quantity.PM: Words("颗粒物", "particulate matter"),
    Quantity.O2: Words("氧含量", "oxygen"),
    Quantity.FLUE_GAS_FLOW: Words("烟气流量", "flue gas flow"),
    Quantity.TEMPERATURE: Words("温度", "temperature"),
    Quantity.COD: Words("化学需氧量", "COD"),
    Quantity.NH3_N: Words("氨氮", "ammonia nitrogen"),
    Quantity.PH: Words("酸碱度", "pH"),
    Quantity.FLOW: Words("流量", "flow"),
    Quantity.MARK: Words("数据标记", "mark of the data"),
    Quantity.DATA_TIME: Words("数据时间", "time of the data"),
}
"""Every quantity; its unit stands beside the value."""


_OTHERS: Final[Mapping[str, str]] = {
    "asset_id": "资产编号",
    "clock_date": "时钟日期",
    "clock_settings": "校时次数",
    "clock_time": "时钟时间",
    "cover_openings": "开盖次数",
    "energy_exponent": "电能的比例指数",
    "maker_name": "厂家名称",
    "meter_address": "通信地址",
    "model_name": "型号名称",
    "type_designation": "型号",
}
"""Points of shipped models that no quantity names, in Chinese."""
_EXPONENT: Final = "_exponent"


def name_point(name: str, quantities: Mapping[Quantity, Words] = QUANTITIES) -> Words | None:
    """What a point of that name is: its quantity and its phase; None if the name does not say."""
    for quantity, words in quantities.items():
        phase = name.removeprefix(quantity.value).removeprefix("_")
        if name.startswith(quantity.value) and phase in ("", *PHASES):
            return Words(f"{phase.upper()}{words.zh}", f"{words.en} {phase.upper()}".rstrip())
    return None


def explain_point(name: str) -> Words:
    """What stands beside the name of a point: in Chinese what it is, in English its name says it."""
    words = name_point(name)
    if words is not None:
        return Words(words.zh, "")
    scaled = name_point(name.removesuffix(_EXPONENT)) if name.endswith(_EXPONENT) else None
    return Words(_OTHERS.get(name, "") if scaled is None else f"{scaled.zh}的比例指数", "")


def describe_model(model: Model) -> Words:
    """The line of a model; in English where its file has none in Chinese."""
    return Words(model.title_zh or model.title, model.title)


def describe_provenance(model: Model) -> Words:
    """Where a model comes from; in English where its file does not say it in Chinese."""
    return Words(model.provenance_zh or model.provenance, model.provenance)
