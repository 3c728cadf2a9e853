"""Everything that a plant file can script, as `dianjian-sim events` lists it.

The details are in firmware_sim.timetable (events), firmware_sim.wiring (wiring), firmware_sim.faults and
firmware_sim.bus_faults (faults), firmware_sim.quirks (quirks); docs/simulator.md shows whole worlds.
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from firmware_sim.layout import FaultKind
from firmware_sim.quirks import QuirkKind
from firmware_sim.timetable import EventKind
from firmware_sim.wiring import Mistake


@frozen
class Entry:
    """One name in a section of a plant file (event, wiring, fault, quirk) and its meaning in a sentence.

    Attributes:
        where: What it applies to: keys of the section.
        keys: Its own keys; those with a value are optional.
        meaning, meaning_zh: In English and in Chinese.
    """

    section: str
    what: str
    where: str
    keys: str
    meaning: str
    meaning_zh: str

    def text(self, language: str) -> str:
        """Its meaning in "zh" or "en"."""
        return self.meaning_zh if language == "zh" else self.meaning


def _entries(section: str, where: str, *rows: tuple[StrEnum, str, str, str]) -> tuple[Entry, ...]:
    return tuple(Entry(section, what.value, where, keys, meaning, zh) for what, keys, meaning, zh in rows)


COMMON: Final = {
    "event": "at; duration_s, where it does not go on for ever",
    "wiring": 'wiring = { mistake = … } of a [[meter]], or of an [[event]] with what = "wiring"',
    "fault": "share = 1.0, from, to",
    "quirk": "each at most once for a bus or a meter",
}
"""Keys that all entries of a section have."""
CATALOGUE: Final = (
    *_entries(
        "event",
        "treatment line",
        (EventKind.TREATMENT_OFF, "", "switched off: only standby power", "关闭，只剩待机功率"),
        (
            EventKind.LATE_START,
            "",
            "off from the begin of the run until after `at`",
            "从生产开始到 at 之后才开",
        ),
        (EventKind.EARLY_STOP, "", "off from `at` to the end of the run", "从 at 起关到本次生产结束"),
        (
            EventKind.ON_OFF,
            "off_s = 60, on_s = 60",
            "off and on again, each time shorter than the delay",
            "时关时开，每次都短于判定延时",
        ),
        (
            EventKind.IDLE,
            "power_share = 0.2, current_share = 0.4",
            "belt off, damper shut, pump dry",
            "皮带脱落、风门关死、水泵空转",
        ),
        (
            EventKind.UNDERSPEED,
            "frequency_hz = 35",
            "drive turned down: power goes with the cube",
            "变频调低，功率按转速三次方下降",
        ),
        (
            EventKind.DUMMY,
            "power_share = 0.5",
            "a heater in place of the fan: flat, power factor 1",
            "用电热器冒充风机：功率平直，功率因数为 1",
        ),
    ),
    *_entries(
        "event",
        "line",
        (EventKind.UNMETERED, "power_share = 0.5", "a part is fed past the meters", "一部分电绕过电表"),
    ),
    *_entries(
        "event",
        "line, or all",
        (
            EventKind.POWER_CUT,
            'counters = "stop" | "go_on"',
            "meters silent; the line stands still or runs in the dark",
            "电表不应答；线路停运，或暗中照常运行",
        ),
    ),
    *_entries(
        "event",
        "meter",
        (EventKind.WIRING, "wiring", "a wiring mistake comes, and goes again", "出现一种接线错误，过后消失"),
        (
            EventKind.CT_OFF,
            "phases = all",
            "transformers removed or shorted: one step to no current",
            "互感器被拆下或短接：电流一下归零",
        ),
        (
            EventKind.CT_MOVED,
            "to_line, phases = all",
            "transformers moved to the cable of another line",
            "互感器被移到另一条线路的电缆上",
        ),
        (EventKind.STUCK_METER, "", "registers stay as they were", "寄存器不再变化"),
        (
            EventKind.REPLAYED_METER,
            "window_s = 3600",
            "the last hour is shown again and again",
            "反复显示前一小时的数据",
        ),
        (EventKind.DEAD_METER, "", "no answer any more", "不再应答"),
        (
            EventKind.METER_REPLACED,
            "counter_wh = 0, serial = drawn",
            "another meter: serial number and counter",
            "换了一块表：编号和底数都不同",
        ),
        (
            EventKind.METER_RESET,
            "counter_wh = 0",
            "counters start anew, the serial number stays",
            "电量清零，编号不变",
        ),
        (
            EventKind.METER_RESTARTED,
            'settles_s = 10, shows = "zero" | "garbage"',
            "silent; then its counters show that for a while, then what they were",
            "重启：先不应答，电量先为零或乱数，然后恢复原值",
        ),
        (
            EventKind.COUNTER_WRAP,
            "wraps_at_wh = 1e8",
            "the counter of import wraps to nothing at this moment",
            "此刻正向电量计满归零",
        ),
        (
            EventKind.NO_NUMBERS,
            "points = all that is measured",
            'registers hold NaN or "not available"',
            "寄存器里是 NaN 或“无效”",
        ),
        (
            EventKind.SETTINGS_CHANGED,
            "ct_ratio, pt_ratio, firmware",
            "registers of its settings; readings follow the CT ratio where they are primary",
            "参数寄存器被改；一次值电表的读数随 CT 变比变化",
        ),
    ),
    *_entries(
        "event",
        "bus",
        (
            EventKind.UNPLUGGED,
            "",
            "the terminal or the listener is gone, then there again",
            "终端或监听端口消失，之后恢复",
        ),
    ),
    *_entries("event", "bus or meter", (EventKind.GAP, "", "no answer for a time", "一段时间不应答")),
    *_entries(
        "wiring",
        "meter",
        (
            Mistake.CT_REVERSED,
            "phases = all",
            "negative power of these phases; all three: export counts",
            "这些相的功率为负；三相全反时反向电量增加",
        ),
        (Mistake.CTS_SWAPPED, "phases (two)", "unequal powers, together nothing", "各相功率不等，合计为零"),
        (
            Mistake.CTS_ROTATED,
            "",
            "L1 sees L2: −1.15 of the power at PF 0.8",
            "L1 看到 L2：功率因数 0.8 时为实际功率的 −1.15 倍",
        ),
        (
            Mistake.CTS_ROTATED_BACK,
            "",
            "L1 sees L3: at PF 0.5 only Q is negative",
            "L1 看到 L3：功率因数 0.5 时只有无功为负",
        ),
        (Mistake.VOLTAGE_LOST, "phases = all", "no voltage with current", "有电流无电压"),
        (Mistake.CT_OPEN, "phases = all", "no current with voltage", "有电压无电流"),
        (Mistake.SAME_PHASE, "phases (one)", "one phase's current in all three", "三相都是同一相的电流"),
        (
            Mistake.WRONG_RATIO,
            "ratio, phases = all",
            "currents read `ratio` times what they are",
            "电流读数是实际的 ratio 倍",
        ),
        (Mistake.OTHER_CABLE, "line, phases = all", "the currents of another line", "测到另一条线路的电流"),
    ),
    *_entries(
        "fault",
        "bus or meter",
        (
            FaultKind.LATE,
            "delay_s = 1, delay_max_s",
            "right, but late; share = 1: a slow meter",
            "应答正确但迟到；share = 1 就是一块慢表",
        ),
        (FaultKind.SILENCE, "", "no answer", "不应答"),
        (
            FaultKind.EXCEPTION,
            "code = 4",
            "an exception in its place; code = 6, share = 0.1: a busy meter",
            "以异常应答代替；code = 6、share = 0.1 就是忙",
        ),
        (FaultKind.WRONG_UNIT, "", "in another meter's name", "用了别的表的地址"),
        (FaultKind.WRONG_FUNCTION, "", "function 4 for 3 and 3 for 4", "功能码 3 与 4 颠倒"),
        (FaultKind.WRONG_COUNT, "", "a register more or less", "多或少一个寄存器"),
        (FaultKind.ODD_BYTES, "", "a byte more or less", "多或少一个字节"),
        (
            FaultKind.BYTE_GAP,
            "gap_s = 0.02",
            "the frame stops at some place and goes on",
            "帧在某处停顿后继续",
        ),
        (FaultKind.SLOW_LORIS, "gap_s = 0.1", "every byte by itself", "一个字节一个字节地发"),
        (FaultKind.DUPLICATE, "gap_s = 0.005", "the answer comes twice", "应答来两次"),
    ),
    *_entries(
        "fault",
        "serial frames",
        (
            FaultKind.CRC_NOISE,
            "",
            "a bit flipped, the end cut off, or noise in front",
            "一位翻转、尾部截断或前面有杂波",
        ),
        (FaultKind.BABBLE, "", "noise that keeps the bus busy, in its place", "以占住总线的杂波代替"),
        (
            FaultKind.SECOND_MASTER,
            "",
            "another master asks and is answered, before, behind or in place of it",
            "另一主站也在问答，在其前、其后或与之冲突",
        ),
        (
            FaultKind.CHATTER,
            "gap_s = 1",
            "another master asks and is answered also while we are silent",
            "我们不发时另一主站也在问答",
        ),
    ),
    *_entries(
        "fault",
        "bus over TCP",
        (FaultKind.FLOOD, "bytes = 65536", "as much noise in its place", "以大量杂乱字节代替"),
    ),
    *_entries(
        "quirk",
        "bus over TCP",
        (
            QuirkKind.GATEWAY,
            'waits_s = 1, absent = "exception_11", queue = 8, overflow = "drop_newest"',
            "one serial line behind it: one meter at a time, with a queue",
            "后面只有一条串口：一次只问一块表，其余排队",
        ),
        (
            QuirkKind.HANG_UP,
            'after or idle_s, by = "fin" | "rst", cut = false',
            "closes after so many answers, or when nobody asks",
            "应答若干次或空闲一段时间后断开连接",
        ),
        (
            QuirkKind.FEW_CLIENTS,
            'clients = 1, extra = "closed" | "mute" | "throws_out"',
            "room for so many connections",
            "只容得下这么多个连接",
        ),
        (
            QuirkKind.TRANSACTION_ID,
            'sends = "zero" | "plus_one" | "swapped" | "constant" | "previous"',
            "the id of the request is not repeated",
            "不回传请求的事务标识",
        ),
    ),
    *_entries(
        "quirk",
        "terminal",
        (
            QuirkKind.STRICT_SERIAL,
            "",
            "at another baud rate or other stop bits nothing is understood",
            "波特率或停止位不符就听不懂",
        ),
    ),
    *_entries(
        "quirk",
        "bus or meter",
        (
            QuirkKind.PAUSE,
            "pause_s = 0.1",
            "deaf for a while after each answer",
            "每次应答后有一段时间听不见",
        ),
    ),
    *_entries(
        "quirk",
        "meter",
        (
            QuirkKind.MISSING,
            "points = the holes between them, code = 2 (0: silence)",
            "reads that touch them are refused",
            "读到这些寄存器就被拒绝或不应答",
        ),
        (
            QuirkKind.BLOCK_MAX,
            "registers = 10, code = 2 (0: silence)",
            "longer reads are refused",
            "一次读得再多就被拒绝或不应答",
        ),
        (QuirkKind.NO_BLOCKS, "", "DL/T 645: no ids of whole blocks (FF)", "DL/T 645：没有 FF 数据块标识"),
    ),
)
