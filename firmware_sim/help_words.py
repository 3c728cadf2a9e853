"""Help of the simulator, and the names of values in it. English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "Language of the output; else from the locale.": "输出语言；不指定则按系统区域设置。",
    "PLANT": "工厂",
    "SOCKET": "套接字",
    "LINE": "线路",
    "PERCENT": "百分数",
    "Simulated meters, so that everything else can be tried without a plant.": (
        "模拟电表，没有工厂也能试用其余一切。"
    ),
    (
        "List what a plant file can script: events, wiring mistakes, faults and quirks of buses and meters."
    ): "列出工厂文件可以编排的内容：事件、接线错误、总线和电表的故障与特异行为。",
    "A list of {section, what, where, keys, meaning, meaning_zh}.": (
        "由 {section, what, where, keys, meaning, meaning_zh} 组成的列表。"
    ),
    "Write the loads of PLANT as CSV to stdout, for `dianjian backtest`: a column a line, in W.": (
        "将工厂的负荷以CSV写到标准输出，供 `dianjian backtest` 使用：每条线路一列，单位W。"
    ),
    "Hours before the plant's start.": "从工厂起始时刻之前多少小时开始。",
    "Hours after it.": "到其后多少小时为止。",
    "Seconds from row to row.": "行与行之间的秒数。",
    "Serve PLANT, a file or the name of a plant of the package, or one meter with --model.": (
        "模拟一座工厂（文件，或自带工厂的名称），或用 --model 模拟一块电表。"
    ),
    "Time of another process: SPEED@UTC_NS@BOOTTIME_NS.": "另一进程的时间：SPEED@UTC_NS@BOOTTIME_NS。",
    "Serve one meter of this model or model file.": "模拟此型号或型号文件的一块电表。",
    "Of a Modbus meter, its address.": "Modbus电表的地址。",
    "Of a DL/T 645 meter, 12 digits.": "DL/T 645 电表的地址，12位数字。",
    "HOST:PORT of Modbus TCP; port 0 takes a free one.": "Modbus TCP的 主机:端口；端口0表示任取空闲端口。",
    "HOST:PORT of RTU frames over TCP.": "TCP上RTU帧的 主机:端口。",
    "Symbolic link to make to a pseudo-terminal, 9600 8N1 (DL/T 645: 2400 8E1).": (
        "指向伪终端的符号链接，9600 8N1（DL/T 645：2400 8E1）。"
    ),
    "Make a Unix socket through which `set` switches.": "建立Unix套接字，供 `set` 启停设备。",
    "Make a symbolic link DIR/BUS to each pseudo-terminal that has none.": (
        "为每个没有链接的伪终端建立符号链接 文件夹/总线。"
    ),
    "Power of the one meter's line.": "该电表所在线路的功率。",
    "Switch a LINE of the plant that is served with --control SOCKET; without one, show all lines.": (
        "启停以 --control 套接字 运行的工厂中的一条线路；不指定线路则显示全部线路。"
    ),
    (
        "At a meter: `wiring m3 right` puts its wiring right (or wrong: `wiring m3 ct_reversed l2`), "
        "`supply m3 off` takes its supply away, `clamp m3` shows what a clamp meter reads on its cables."
    ): (
        "在电表处：`wiring m3 right` 将接线改正（改错则写 `wiring m3 ct_reversed l2`），`supply m3 off` "
        "断开其电源，`clamp m3` 显示钳形表在其电缆上的读数。"
    ),
    "The plant's answer as it comes.": "按原样输出工厂的应答。",
    "Serve a works with hidden mistakes to set up, and say at the end what was found.": (
        "模拟一座藏有错误、有待调试的工厂，并在结束时说明找到了哪些。"
    ),
    "The same number hides the same mistakes.": "同一数字藏同样的错误。",
    "Where the works has its ports, and where you set it up.": "工厂端口的存放处，也是进行配置的文件夹。",
    "The worksheet and the score as a line of JSON each.": "工作单和得分各输出一行JSON。",
    "Serve a platform that data loggers send to, and print what came.": (
        "模拟一个接收数采仪数据的平台，并输出收到的内容。"
    ),
    "HOST:PORT; port 0 takes a free one.": "主机:端口；端口0表示任取空闲端口。",
    "TOML file with pw and, for encrypted packets, sm4_key.": (
        "含 pw 的TOML文件；数据包加密时另含 sm4_key。"
    ),
    "A known MN; may be repeated. Else any is taken.": "已知的MN；可重复。不指定则任何MN均接收。",
    "Of the standard.": "标准版本。",
    "Kind of the check.": "校验方式。",
    "How data are answered.": "数据的应答方式。",
    "How an encrypted region is written.": "加密数据区的写法。",
    "Refuse all data with this QnRtn.": "以此 QnRtn 拒绝全部数据。",
    "Send 1012 after each packet.": "每收到一个数据包即发送1012。",
    "Answer one of so many packets.": "每若干个数据包只应答一个。",
    "Refuse a check in lower case.": "拒绝小写的校验码。",
    "Write the check in lower case.": "校验码写成小写。",
    "What ends a packet of its own.": "自身数据包的结尾。",
    "Write answers in pieces of so many bytes.": "应答按若干字节分段写出。",
    "A command to send at the begin, as CN,ST,REGION; may be repeated.": (
        "开始时发送的命令，格式为 CN,ST,数据区；可重复。"
    ),
    "Send real time data of an analyser to HOST:PORT as a data logger does.": (
        "像数采仪那样把分析仪的实时数据发送到 主机:端口。"
    ),
    "MN of a site, of any length; may be repeated.": "站点的MN，长度不限；可重复。",
    "Seconds between packets.": "数据包之间的秒数。",
    "How many packets; 0 for no end.": "数据包个数；0表示不停。",
    "Write packets in pieces of so many bytes.": "数据包按若干字节分段写出。",
    "Leave this field out; may be repeated.": "省略此字段；可重复。",
    "QN is Unix milliseconds.": "QN为Unix毫秒。",
    "DataTime has milliseconds.": "DataTime带毫秒。",
    "Packets that go in parts.": "分包发送的长数据包。",
    "Fields stand in another order.": "字段顺序不同。",
    "The mark of every value: normal, out-of-service, maintenance, fault, calibration …": (
        "每个数值的标记：normal（正常）、out-of-service（停运）、maintenance（维护）、fault（故障）、calibration（校准）等。"
    ),
    "MARK": "标记",
    "What is wrong with every fifth packet; may be repeated.": "每五个数据包中有一个的错误；可重复。",
    "Multiply the usual values: 8 reads as if treatment stood.": "把通常的测值乘以此数：8 如同治理停运。",
    "Every packet has the same values.": "每个数据包的测值都相同。",
    "The same number makes the same values.": "同一数字产生同样的数值。",
}
