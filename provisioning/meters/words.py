"""Texts of this package's commands about searching for meters and the results."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

WORDS: Final[Mapping[str, Words]] = {
    "model": Words("型号", "model"),
    "unknown": Words("未知", "unknown"),
    "quick pass": Words("快速查找", "quick pass"),
    "full pass": Words("全面查找", "full pass"),
    "unit": Words("地址", "unit"),
    "setting": Words("参数", "setting"),
    "life": Words("应答", "life"),
    "confidence": Words("可信度", "confidence"),
    "or": Words("或", "or"),
    "answers": Words("应答", "answers"),
    "refuses": Words("拒绝", "refuses"),
    "garbled": Words("损坏", "garbled"),
    "nothing in the quick pass": Words(
        "快速查找没有找到电表，继续查找其余地址和参数；Ctrl-C 结束",
        "nothing in the quick pass; going on with the other addresses and settings, Ctrl-C ends",
    ),
    "no byte so far": Words(
        "到目前为止没有收到任何字节：请趁查找时检查电源、接线、串口和 A/B",
        "not a byte so far: look at power, cable, port and A/B while the search goes on",
    ),
    "no byte in the quick pass": Words(
        "快速查找没有收到任何字节，其余查找约需 {minutes} 分钟；先检查接线，确需查找请加 --all",
        "not a byte came in the quick pass, and the rest takes about {minutes} minutes: check the wires "
        "first, or add --all",
    ),
    "go on without a byte": Words(
        "快速查找没有收到任何字节，多半是接线问题。继续查找其余地址和参数（约 {minutes} 分钟）？",
        "not a byte came in the quick pass: mostly a matter of wires. Try the other addresses and "
        "settings (about {minutes} minutes)?",
    ),
    "certain": Words("确定", "certain"),
    "guessed": Words("推测", "guessed"),
    "alike": Words("以下型号的寄存器同样吻合，请看铭牌：", "these fit as well, look at the label:"),
    "also possible": Words("也可能是：", "also possible:"),
}
