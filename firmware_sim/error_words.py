"""What is said of mistakes in simulated plants, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "bus {} cannot be opened: {}": "总线 {} 无法打开：{}",
    "a line has at most {} bytes": "一行最多 {} 字节",
    "say what {} is switched to": "请写明 {} 切换到什么状态",
    "say the meter and its wiring, like `wiring m3 right`": "请写明电表及其接线，如 `wiring m3 right`",
    "say the meter and on or off, like `supply m4 off`": "请写明电表和on或off，如 `supply m4 off`",
    "say the meter on whose cables to measure, like `clamp m3`": (
        "请写明在哪块电表的电缆上测量，如 `clamp m3`"
    ),
    "{}: no plant is served here ({})": "{}：此处没有运行中的模拟工厂（{}）",
    "{}: what answers here is no simulator": "{}：此处应答的不是模拟器",
    "is there and is no socket": "已存在且不是套接字",
    "another plant is served here": "此处已有另一座模拟工厂",
    "{} days from the plant's start; at most {}": "距工厂起始时刻 {} 天；最多 {} 天",
    "{} rows; between 1 and {} are made": "{} 行；可生成1至 {} 行",
    "give either PLANT or --model": "请给出工厂或 --model 之一",
    "--model needs --tcp, --rtu-tcp or --pty": "--model 需要 --tcp、--rtu-tcp 或 --pty",
    "{} is not 12 digits": "{} 不是12位数字",
    "the clock is more than {} days from the plant's start": "时钟距工厂起始时刻超过 {} 天",
    "say what LINE is switched to: {}": "请写明线路切换到什么状态：{}",
    "{} is not HOST:PORT": "{} 的写法应为 主机:端口",
    "no machine is called {}; there are {}": "没有名为 {} 的设备；有：{}",
    "machines were switched {} times; serve the plant anew": "设备已切换 {} 次；请重新启动模拟工厂",
    "meters were rewired {} times; serve the plant anew": "电表已改接 {} 次；请重新启动模拟工厂",
    "no meter is called {}; there are {}": "没有名为 {} 的电表；有：{}",
    "{} happens to treatment lines only": "{} 只发生在治理线路上",
    "{} happens to no incomer; a power_cut without a line happens to all": (
        "{} 不发生在总进线上；不写线路的 power_cut 作用于全部线路"
    ),
    "needs a link: the terminal has another name when it comes back": "需要 link：终端恢复后名称会不同",
    "settings_changed needs one of {}": "settings_changed 需要其中之一：{}",
    "{} has no such register": "{} 没有这样的寄存器",
    "chatter is on a whole bus: give bus in its place": "chatter 作用于整条总线：请改写 bus",
    "is not after from": "不在 from 之后",
    "frames on the tcp bus {} have no CRC, so noise in them cannot be detected": (
        "tcp总线 {} 上的帧没有CRC，其中的干扰无法发现"
    ),
    "{} is for Modbus on a serial bus, not for bus {}": "{} 用于串行总线上的Modbus，不能用于总线 {}",
    "flood is for TCP; on the terminal of bus {} take babble": "flood 用于TCP；总线 {} 的终端请用 babble",
    "{} does not speak the protocol of bus {}": "{} 不使用总线 {} 的协议",
    "must be {} digits in quotes": "须为引号中的 {} 位数字",
    "{}[{}].id: {} is given twice": "{}[{}].id：{} 写了两次",
    "meter[{}].{}: {} on bus {} is taken by meter[{}]": (
        "meter[{}].{}：总线 {3} 上的 {2} 已被 meter[{4}] 占用"
    ),
    "meter[{}].treatment: {} is a production line": "meter[{}].treatment：{} 是生产线路",
    "line[{}]: its meters' shares add up to {}, more than 1": "line[{}]：其电表的份额合计为 {}，大于1",
    "line[{}].profile.lines: unknown line {}; known: {}": "line[{}].profile.lines：没有线路 {}；已有：{}",
    "line[{}].profile.lines: {} follows other lines itself": "line[{}].profile.lines：{} 自身也随其他线路",
    'missing: shape "{}" needs it': '缺少：shape "{}" 需要它',
    'shape "{}" has no such key': 'shape "{}" 没有这个键',
    "a batch takes at least a second": "一个批次至少一秒",
    "{} is no window like 08:00-17:30": "{} 的写法应如 08:00-17:30",
    "must be ISO weekdays, 1 (Monday) to 7": "须为ISO星期，1（星期一）至7",
    "quirk[{}].what: {} of {} is given twice": "quirk[{}].what：{1} 对 {2} 写了两次",
    "missing: hang_up needs it or idle_s": "缺少：hang_up 需要它或 idle_s",
    "needs after: the answer in which it hangs up": "需要 after：在第几个应答时断开",
    "strict_serial is for a terminal (pty), not for bus {}": "strict_serial 用于终端（pty），不能用于总线 {}",
    "strict_serial: a terminal cannot be set to the baud rate of bus {}": (
        "strict_serial：终端无法设为总线 {} 的波特率"
    ),
    "{} is for a bus over TCP, not for the terminal of bus {}": "{} 用于TCP总线，不能用于总线 {} 的终端",
    "gateway is for Modbus, not for bus {}": "gateway 用于Modbus，不能用于总线 {}",
    "RTU frames on bus {} have no transaction id": "总线 {} 上的RTU帧没有事务号",
    "no_blocks is for DL/T 645; {} speaks Modbus": "no_blocks 用于DL/T 645；{} 使用Modbus",
    "block_max is for Modbus; {} speaks DL/T 645": "block_max 用于Modbus；{} 使用DL/T 645",
    "a date and time with offset": "带时差的日期和时间",
    "each phase once": "每相各一次",
    "one phase": "一相",
    "two different phases": "不同的两相",
    "seconds from the plant's start, or {}": "距工厂起始时刻的秒数，或{}",
    "must be {}": "须为{}",
    "must be an array {}": "须为{}的数组",
    "needs its offset from UTC, like 2026-03-02T07:30:00+08:00": (
        "需要与UTC的时差，如 2026-03-02T07:30:00+08:00"
    ),
    "unknown model {}; known: {}": "不认识的型号 {}；已有：{}",
    "must name {}": "须写明{}",
    "the simulator's thread ended before its buses were open": "模拟器的线程在总线打开之前就结束了",
    "off, on, auto or a share of the rated power like 40%": "off、on、auto 或额定功率的份额，如40%",
    "cannot switch to {}: {}": "不能切换到 {}：{}",
    "{} stands alone": "{} 须单独使用",
    "no wiring is called {}; there are {}, {}": "没有名为 {} 的接线；有：{}、{}",
    "{} needs {} phases of l1, l2, l3": "{} 需要 l1、l2、l3 中的 {} 相",
    "{} needs a line: {}": "{} 需要线路：{}",
    "{} does not know {}": "{} 不认识 {}",
    "wrong_ratio needs a number from {} to {}": "wrong_ratio 需要 {} 至 {} 的数",
    "{}: is no TOML file of credentials": "{}：不是凭据的TOML文件",
    "{}: needs pw, and sm4_key as a text": "{}：需要 pw，sm4_key 须为文本",
    "{} is not CN,ST,REGION": "{} 的写法应为 CN,ST,数据区",
    "{}: sm4_key has 32 hexadecimal digits or 16 characters": "{}：sm4_key 须为32位十六进制数或16个字符",
    "at; duration_s, where it does not go on for ever": "at；不是一直持续的另有 duration_s",
    'wiring = { mistake = … } of a [[meter]], or of an [[event]] with what = "wiring"': (
        '[[meter]] 的 wiring = { mistake = … }，或 what = "wiring" 的 [[event]]'
    ),
    "each at most once for a bus or a meter": "对每条总线或每块电表至多一次",
    "treatment line": "治理线路",
    "line, or all": "线路或全部",
    "bus or meter": "总线或电表",
    "serial frames": "串行帧",
    "bus over TCP": "TCP总线",
    "points = the holes between them, code = 2 (0: silence)": "points = 其间的空缺, code = 2（0：无应答）",
    "points = all that is measured": "points = 所测的全部",
}
