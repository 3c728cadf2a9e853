"""Everything that a plant file can script, as `dianjian-sim events` lists it.

The details are in firmware_sim.timetable (events), firmware_sim.wiring (wiring), firmware_sim.faults and
firmware_sim.bus_faults (faults), firmware_sim.quirks (quirks); docs/simulator.md shows whole worlds.
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from firmware_sim.language import Words
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
    """

    section: str
    what: str
    where: str
    keys: str
    meaning: Words


def _entries(section: str, where: str, *rows: tuple[StrEnum, str, Words]) -> tuple[Entry, ...]:
    return tuple(Entry(section, what.value, where, keys, meaning) for what, keys, meaning in rows)


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
        (EventKind.TREATMENT_OFF, "", Words("关闭，只剩待机功率", "switched off: only standby power")),
        (
            EventKind.LATE_START,
            "",
            Words("从生产开始到 at 之后才开", "off from the begin of the run until after `at`"),
        ),
        (EventKind.EARLY_STOP, "", Words("从 at 起关到本次生产结束", "off from `at` to the end of the run")),
        (
            EventKind.ON_OFF,
            "off_s = 60, on_s = 60",
            Words("时关时开，每次都短于判定延时", "off and on again, each time shorter than the delay"),
        ),
        (
            EventKind.IDLE,
            "power_share = 0.2, current_share = 0.4",
            Words("皮带脱落、风门关死、水泵空转", "belt off, damper shut, pump dry"),
        ),
        (
            EventKind.UNDERSPEED,
            "frequency_hz = 35",
            Words("变频调低，功率按转速三次方下降", "drive turned down: power goes with the cube"),
        ),
        (
            EventKind.DUMMY,
            "power_share = 0.5",
            Words(
                "用电热器冒充风机：功率平直，功率因数为 1",
                "a heater in place of the fan: flat, power factor 1",
            ),
        ),
    ),
    *_entries(
        "event",
        "line",
        (EventKind.STOPPED, "", Words("停机，只剩待机功率", "stands: only standby power")),
        (
            EventKind.THROTTLED,
            "power_share = 0.5",
            Words("减产：功率按比例下降", "works less: a share of its power"),
        ),
        (
            EventKind.UNMETERED,
            "power_share = 0.5",
            Words("一部分电绕过电表", "a part is fed past the meters"),
        ),
    ),
    *_entries(
        "event",
        "line, or all",
        (
            EventKind.POWER_CUT,
            'counters = "stop" | "go_on"',
            Words(
                "电表不应答；线路停运，或暗中照常运行",
                "meters silent; the line stands still or runs in the dark",
            ),
        ),
    ),
    *_entries(
        "event",
        "meter",
        (
            EventKind.WIRING,
            "wiring",
            Words("出现一种接线错误，过后消失", "a wiring mistake comes, and goes again"),
        ),
        (
            EventKind.CT_OFF,
            "phases = all",
            Words(
                "互感器被拆下或短接：电流一下归零", "transformers removed or shorted: one step to no current"
            ),
        ),
        (
            EventKind.CT_MOVED,
            "to_line, phases = all",
            Words("互感器被移到另一条线路的电缆上", "transformers moved to the cable of another line"),
        ),
        (EventKind.STUCK_METER, "", Words("寄存器不再变化", "registers stay as they were")),
        (
            EventKind.REPLAYED_METER,
            "window_s = 3600",
            Words("反复显示前一小时的数据", "the last hour is shown again and again"),
        ),
        (EventKind.DEAD_METER, "", Words("不再应答", "no answer any more")),
        (
            EventKind.METER_REPLACED,
            "counter_wh = 0, serial = drawn",
            Words("换了一块表：编号和底数都不同", "another meter: serial number and counter"),
        ),
        (
            EventKind.METER_RESET,
            "counter_wh = 0",
            Words("电量清零，编号不变", "counters start anew, the serial number stays"),
        ),
        (
            EventKind.METER_RESTARTED,
            'settles_s = 10, shows = "zero" | "garbage"',
            Words(
                "重启：先不应答，电量先为零或乱数，然后恢复原值",
                "silent; then its counters show that for a while, then what they were",
            ),
        ),
        (
            EventKind.COUNTER_WRAP,
            "wraps_at_wh = 1e8",
            Words("此刻正向电量计满归零", "the counter of import wraps to nothing at this moment"),
        ),
        (
            EventKind.NO_NUMBERS,
            "points = all that is measured",
            Words("寄存器里是 NaN 或“无效”", 'registers hold NaN or "not available"'),
        ),
        (
            EventKind.SETTINGS_CHANGED,
            "ct_ratio, pt_ratio, firmware",
            Words(
                "参数寄存器被改；一次值电表的读数随 CT 变比变化",
                "registers of its settings; readings follow the CT ratio where they are primary",
            ),
        ),
    ),
    *_entries(
        "event",
        "bus",
        (
            EventKind.UNPLUGGED,
            "",
            Words("终端或监听端口消失，之后恢复", "the terminal or the listener is gone, then there again"),
        ),
    ),
    *_entries("event", "bus or meter", (EventKind.GAP, "", Words("一段时间不应答", "no answer for a time"))),
    *_entries(
        "wiring",
        "meter",
        (
            Mistake.CT_REVERSED,
            "phases = all",
            Words(
                "这些相的功率为负；三相全反时反向电量增加",
                "negative power of these phases; all three: export counts",
            ),
        ),
        (
            Mistake.CTS_SWAPPED,
            "phases (two)",
            Words("各相功率不等，合计为零", "unequal powers, together nothing"),
        ),
        (
            Mistake.CTS_ROTATED,
            "",
            Words(
                "L1 看到 L2：功率因数 0.8 时为实际功率的 −1.15 倍", "L1 sees L2: −1.15 of the power at PF 0.8"
            ),
        ),
        (
            Mistake.CTS_ROTATED_BACK,
            "",
            Words("L1 看到 L3：功率因数 0.5 时只有无功为负", "L1 sees L3: at PF 0.5 only Q is negative"),
        ),
        (Mistake.VOLTAGE_LOST, "phases = all", Words("有电流无电压", "no voltage with current")),
        (Mistake.CT_OPEN, "phases = all", Words("有电压无电流", "no current with voltage")),
        (
            Mistake.SAME_PHASE,
            "phases (one)",
            Words("三相都是同一相的电流", "one phase's current in all three"),
        ),
        (
            Mistake.WRONG_RATIO,
            "ratio, phases = all",
            Words("电流读数是实际的 ratio 倍", "currents read `ratio` times what they are"),
        ),
        (
            Mistake.OTHER_CABLE,
            "line, phases = all",
            Words("测到另一条线路的电流", "the currents of another line"),
        ),
    ),
    *_entries(
        "fault",
        "bus or meter",
        (
            FaultKind.LATE,
            "delay_s = 1, delay_max_s",
            Words("应答正确但迟到；share = 1 就是一块慢表", "right, but late; share = 1: a slow meter"),
        ),
        (FaultKind.SILENCE, "", Words("不应答", "no answer")),
        (
            FaultKind.EXCEPTION,
            "code = 4",
            Words(
                "以异常应答代替；code = 6、share = 0.1 就是忙",
                "an exception in its place; code = 6, share = 0.1: a busy meter",
            ),
        ),
        (FaultKind.WRONG_UNIT, "", Words("用了别的表的地址", "in another meter's name")),
        (FaultKind.WRONG_FUNCTION, "", Words("功能码 3 与 4 颠倒", "function 4 for 3 and 3 for 4")),
        (FaultKind.WRONG_COUNT, "", Words("多或少一个寄存器", "a register more or less")),
        (FaultKind.ODD_BYTES, "", Words("多或少一个字节", "a byte more or less")),
        (
            FaultKind.BYTE_GAP,
            "gap_s = 0.02",
            Words("帧在某处停顿后继续", "the frame stops at some place and goes on"),
        ),
        (FaultKind.SLOW_LORIS, "gap_s = 0.1", Words("一个字节一个字节地发", "every byte by itself")),
        (FaultKind.DUPLICATE, "gap_s = 0.005", Words("应答来两次", "the answer comes twice")),
    ),
    *_entries(
        "fault",
        "serial frames",
        (
            FaultKind.CRC_NOISE,
            "",
            Words("一位翻转、尾部截断或前面有杂波", "a bit flipped, the end cut off, or noise in front"),
        ),
        (FaultKind.BABBLE, "", Words("以占住总线的杂波代替", "noise that keeps the bus busy, in its place")),
        (
            FaultKind.SECOND_MASTER,
            "",
            Words(
                "另一主站也在问答，在其前、其后或与之冲突",
                "another master asks and is answered, before, behind or in place of it",
            ),
        ),
        (
            FaultKind.CHATTER,
            "gap_s = 1",
            Words(
                "我们不发时另一主站也在问答", "another master asks and is answered also while we are silent"
            ),
        ),
    ),
    *_entries(
        "fault",
        "bus over TCP",
        (FaultKind.FLOOD, "bytes = 65536", Words("以大量杂乱字节代替", "as much noise in its place")),
    ),
    *_entries(
        "quirk",
        "bus over TCP",
        (
            QuirkKind.GATEWAY,
            'waits_s = 1, absent = "exception_11", queue = 8, overflow = "drop_newest"',
            Words(
                "后面只有一条串口：一次只问一块表，其余排队",
                "one serial line behind it: one meter at a time, with a queue",
            ),
        ),
        (
            QuirkKind.HANG_UP,
            'after or idle_s, by = "fin" | "rst", cut = false',
            Words("应答若干次或空闲一段时间后断开连接", "closes after so many answers, or when nobody asks"),
        ),
        (
            QuirkKind.FEW_CLIENTS,
            'clients = 1, extra = "closed" | "mute" | "throws_out"',
            Words("只容得下这么多个连接", "room for so many connections"),
        ),
        (
            QuirkKind.TRANSACTION_ID,
            'sends = "zero" | "plus_one" | "swapped" | "constant" | "previous"',
            Words("不回传请求的事务标识", "the id of the request is not repeated"),
        ),
    ),
    *_entries(
        "quirk",
        "terminal",
        (
            QuirkKind.STRICT_SERIAL,
            "",
            Words(
                "波特率或停止位不符就听不懂", "at another baud rate or other stop bits nothing is understood"
            ),
        ),
    ),
    *_entries(
        "quirk",
        "bus or meter",
        (
            QuirkKind.PAUSE,
            "pause_s = 0.1",
            Words("每次应答后有一段时间听不见", "deaf for a while after each answer"),
        ),
    ),
    *_entries(
        "quirk",
        "meter",
        (
            QuirkKind.MISSING,
            "points = the holes between them, code = 2 (0: silence)",
            Words("读到这些寄存器就被拒绝或不应答", "reads that touch them are refused"),
        ),
        (
            QuirkKind.BLOCK_MAX,
            "registers = 10, code = 2 (0: silence)",
            Words("一次读得再多就被拒绝或不应答", "longer reads are refused"),
        ),
        (
            QuirkKind.NO_BLOCKS,
            "",
            Words("DL/T 645：没有 FF 数据块标识", "DL/T 645: no ids of whole blocks (FF)"),
        ),
    ),
)
