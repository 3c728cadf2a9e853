"""The table of the shipped meter models in `docs/meters.md`, written from the models themselves.

`dianjian models page FILE` writes it between the two marks of FILE; a test holds the page to the models, so
what it says of a meter is what the driver does.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from drivers.points.model import Model
from drivers.points.model_file import Verified
from drivers.points.registers import RegisterType, WordOrder
from drivers.reading import EMISSIONS, REGISTERS_MAX, Quantity
from evidence.words import Words
from provisioning.words.points import describe_model, describe_provenance

BEGIN: Final = "<!-- models: written by `dianjian models page`, not by hand -->"
END: Final = "<!-- /models -->"
RUN_GAP: Final = 2
"""Addresses that far apart are still shown as one run."""
TITLE: Final = Words("型号一览", "Models")
HEADINGS: Final = (
    Words("型号", "model"),
    Words("电表", "meter"),
    Words("协议、功能码", "protocol, function"),
    Words("所用寄存器", "registers used"),
    Words("一次最多", "most in one read"),
    Words("字序", "word order"),
    Words("请求前停顿", "pause before a request"),
    Words("变比", "ratios"),
    Words("没有", "lacks"),
    Words("依据", "source"),
)
VERIFIED: Final = {
    Verified.HARDWARE: Words("实物测过", "tried on the meter"),
    Verified.DOCUMENT: Words("厂家资料", "maker's document"),
    Verified.REPORTED: Words("他人使用", "reported by users"),
}
NEEDED: Final = {
    Quantity.ACTIVE_POWER: Words("有功功率", "active power"),
    Quantity.VOLTAGE: Words("电压", "voltage"),
    Quantity.CURRENT: Words("电流", "current"),
    Quantity.POWER_FACTOR: Words("功率因数", "power factor"),
    Quantity.ACTIVE_ENERGY_IMPORT: Words("正向电能", "imported energy"),
    Quantity.ACTIVE_ENERGY_EXPORT: Words("反向电能", "exported energy"),
    Quantity.FREQUENCY: Words("频率", "frequency"),
    Quantity.SERIAL_NUMBER: Words("序列号", "serial number"),
}
"""What findings rest on, and what a meter that has it all shows."""
HIGH_FIRST: Final = Words("高字在前", "high word first")
LOW_FIRST: Final = Words("低字在前", "low word first")
ONE_WORD: Final = Words("单字", "single words")
BCD: Final = Words("BCD，低字节在前", "BCD, low byte first")
BY_US: Final = Words("由我们乘", "multiplied by us")
BY_METER: Final = Words("电表已乘", "in the meter")
LEARNED: Final = Words("自学", "learned")
NOTHING: Final = Words("—", "—")
DATA_IDS: Final = Words("{count} 个数据标识", "{count} data ids")
REGISTERS: Final = Words("{count} 个寄存器", "{count} registers")
HOLES: Final = Words("不跨空洞", "no holes")
BARRIERS: Final = Words("不跨 {places}", "not across {places}")


def draw_models(models: Iterable[Model]) -> str:
    """Both tables, Chinese first, between the marks."""
    known = list(models)
    parts = [
        f"### {TITLE.zh}\n\n{_draw_table(known, zh=True)}",
        f"### {TITLE.en}\n\n{_draw_table(known, zh=False)}",
    ]
    return f"{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}"


def replace_models(text: str, models: Iterable[Model]) -> str:
    """The page `text` with the tables of today.

    Raises:
        ValueError: It has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, behind = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"has no lines {BEGIN} and {END}")
    return before + draw_models(models) + behind


def _draw_table(models: Sequence[Model], *, zh: bool) -> str:
    rows = [HEADINGS, *(tuple(_describe(model)) for model in models)]
    texts = [[(cell.zh if zh else cell.en).replace("|", "/") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in texts]
    return "\n".join([lines[0], "|" + "---|" * len(HEADINGS), *lines[1:]])


def _describe(model: Model) -> Iterator[Words]:
    yield Words.same(f"`{model.name}`")
    title, source = describe_model(model), describe_provenance(model)
    yield Words(f"{model.maker}：{title.zh}", f"{model.maker}: {title.en}")
    yield _name_protocol(model)
    yield _list_registers(model)
    yield _tell_most(model)
    yield _tell_order(model)
    yield LEARNED if model.pause_s is None else Words.same(f"{model.pause_s * 1000:g} ms")
    yield BY_US if any(point.ratio.value != "none" for point in model.points) else BY_METER
    yield _tell_lacking(model)
    sure = VERIFIED[model.verified]
    yield Words(f"{sure.zh}：{source.zh}", f"{sure.en}: {source.en}")


def _name_protocol(model: Model) -> Words:
    if model.is_dlt645:
        return Words.same("DL/T 645-2007, 11H")
    functions = sorted({point.function for point in model.points})
    return Words.same(f"Modbus, {', '.join(f'{one:02d}' for one in functions)}")


def _list_registers(model: Model) -> Words:
    if model.is_dlt645:
        return DATA_IDS.fill(count=len({point.address for point in model.points}))
    spans = sorted({(point.function, point.address, point.address + point.count) for point in model.points})
    runs = []
    for function, group in groupby(spans, key=lambda span: span[0]):
        joined: list[list[int]] = []
        for _, begin, end in group:
            if joined and begin - joined[-1][1] <= RUN_GAP:
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([begin, end])
        named = (f"{begin}" if end == begin + 1 else f"{begin}–{end - 1}" for begin, end in joined)
        runs.append(f"{function:02d}: {', '.join(named)}")
    return Words.same("; ".join(runs))


def _tell_most(model: Model) -> Words:
    if model.is_dlt645:
        return NOTHING
    parts = [REGISTERS.fill(count=min(model.request_registers_max, REGISTERS_MAX))]
    if model.gap_registers_max == 0:
        parts.append(HOLES)
    if model.barriers:
        parts.append(BARRIERS.fill(places=", ".join(str(address) for _, address in model.barriers)))
    return _join(parts)


def _tell_order(model: Model) -> Words:
    if model.is_dlt645:
        return BCD
    long = [point for point in model.points if point.count > 1 and point.type is not RegisterType.TEXT]
    orders = {point.word_order for point in long}
    if not orders:
        return ONE_WORD
    return _join([HIGH_FIRST if one is WordOrder.HIGH_FIRST else LOW_FIRST for one in sorted(orders)])


def _tell_lacking(model: Model) -> Words:
    if model.is_analyser or {point.quantity for point in model.points} & EMISSIONS:
        return NOTHING
    has = {point.quantity for point in model.points}
    lacking = [words for quantity, words in NEEDED.items() if quantity not in has]
    return _join(lacking) if lacking else NOTHING


def _join(parts: Sequence[Words]) -> Words:
    return Words("、".join(one.zh for one in parts), ", ".join(one.en for one in parts))
