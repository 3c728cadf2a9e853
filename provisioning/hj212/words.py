"""The texts about packets: systems, commands, results, what is odd and why one is refused."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

SYSTEMS: Final[Mapping[str, Words]] = {
    "21": Words("地表水质量监测", "surface water"),
    "22": Words("空气质量监测", "ambient air"),
    "27": Words("挥发性有机物监测", "volatile organics"),
    "31": Words("大气污染源", "air emissions"),
    "32": Words("水污染源", "water emissions"),
    "44": Words("用电监控", "electricity"),
    "45": Words("关键工况", "working conditions"),
    "51": Words("烟气排放过程监控", "flue gas treatment"),
    "52": Words("污水排放过程监控", "sewage treatment"),
    "91": Words("系统交互", "system"),
}
"""ST."""
COMMANDS: Final[Mapping[str, Words]] = {
    "1000": Words("设置超时与重发", "set time-outs and retries"),
    "1001": Words("读取设备唯一标识", "read the MN"),
    "1002": Words("分配设备唯一标识", "assign the MN"),
    "1011": Words("读取现场机时间", "read the clock"),
    "1012": Words("设置现场机时间", "set the clock"),
    "1013": Words("请求校时", "ask for the time"),
    "1014": Words("更新密钥", "renew the key"),
    "1061": Words("读取实时数据间隔", "read the interval of real time data"),
    "1062": Words("设置实时数据间隔", "set the interval of real time data"),
    "1063": Words("读取分钟数据间隔", "read the interval of minute data"),
    "1064": Words("设置分钟数据间隔", "set the interval of minute data"),
    "1072": Words("设置密码", "set the password"),
    "2011": Words("实时数据", "real time data"),
    "2012": Words("停止实时数据", "stop real time data"),
    "2021": Words("设备运行状态", "states of equipment"),
    "2022": Words("停止设备运行状态", "stop states of equipment"),
    "2031": Words("日数据", "day data"),
    "2041": Words("设备日运行时间", "hours of equipment of a day"),
    "2051": Words("分钟数据", "minute data"),
    "2061": Words("小时数据", "hour data"),
    "2081": Words("数采仪开机时间", "start of the logger"),
    "9011": Words("请求应答", "answer to a request"),
    "9012": Words("执行结果", "result of a command"),
    "9013": Words("通知应答", "answer to a notice"),
    "9014": Words("数据应答", "answer to data"),
    "9015": Words("心跳", "heartbeat"),
}
"""CN."""
MARKS: Final[Mapping[str, Words]] = {
    "N": Words("正常", "normal"),
    "F": Words("停运", "out of service"),
    "M": Words("维护", "maintenance"),
    "S": Words("手工输入", "typed by hand"),
    "D": Words("故障", "fault"),
    "C": Words("校准", "calibration"),
    "T": Words("超量程", "over range"),
    "B": Words("通信中断", "lost contact"),
}
"""Marks of values, by `drivers.hj212.packet.Mark`."""
EXECUTION_RESULTS: Final[Mapping[str, Words]] = {
    "1": Words("执行成功", "done"),
    "2": Words("未执行", "refused or failed"),
    "3": Words("条件错误", "wrong conditions"),
    "4": Words("通信超时", "time-out"),
    "5": Words("系统繁忙", "busy"),
    "6": Words("系统故障", "out of order"),
    "100": Words("没有数据", "no data"),
}
"""ExeRtn."""
ODDITIES: Final[Mapping[str, Words]] = {
    "crc_kind": Words("校验码是 {detail} 算法", "the check is of the kind {detail}"),
    "crc_lower": Words("校验码为小写", "the check is in lower case"),
    "line_end": Words("包尾不是回车换行", "the end is not CR LF"),
    "missing": Words("缺少 {detail}", "{detail} is missing"),
    "too_long": Words("{detail} 超过标准长度", "{detail} is longer than the standard has it"),
    "order": Words("字段顺序为 {detail}", "fields stand in the order {detail}"),
    "unknown_field": Words("未知字段 {detail}", "unknown field {detail}"),
    "form": Words("{detail} 格式不符", "{detail} is not of the standard's form"),
    "charset": Words("含有 ASCII 以外的字符", "there are characters beyond ASCII"),
    "item": Words("数据项 {detail!r} 不是“名称=值”", "item {detail!r} is not name=value"),
    "separator": Words("字段之间的分号多余或缺失", "a semicolon between the fields is missing or too many"),
    "twice": Words("数据项 {detail} 重复", "item {detail} stands twice"),
    "qn_unix": Words("QN 是 Unix 毫秒：{detail}", "QN is Unix milliseconds: {detail}"),
    "milliseconds": Words("{detail} 带有毫秒", "{detail} has milliseconds"),
    "segment_long": Words("超过 1024 字符而未分包", "more than 1,024 characters in one packet"),
    "not_encrypted": Words("未加密，而此处有密钥", "not encrypted, though there is a key"),
}
"""By `drivers.hj212.oddity.Odd`."""
REFUSALS: Final[Mapping[str, Words]] = {
    "noise": Words("不是数据包", "no packet"),
    "half": Words("数据包不完整", "half a packet"),
    "length": Words("长度字段与实际不符（{detail}）", "its length is not what it says ({detail})"),
    "crc": Words(
        "校验错误（{detail}）：内容已改变", "its check {detail} does not fit: something was changed"
    ),
    "no_command": Words("没有 CN", "there is no CN"),
    "field": Words("{detail} 无法理解", "{detail} cannot be understood"),
    "field_twice": Words("{detail} 出现两次", "{detail} stands twice"),
    "charset": Words("含有控制字符或未知编码", "control characters, or an unknown charset"),
    "encrypted": Words(
        "已加密，现有密钥无法解开；请用 --credentials 给出密钥文件",
        "encrypted, and no key at hand opens it; name the file of keys with --credentials",
    ),
    "parts": Words("分包编号矛盾（{detail}）", "its parts contradict each other ({detail})"),
}
"""By `drivers.hj212.oddity.Wrong`."""
WORDS: Final[Mapping[str, Words]] = {
    "packet": Words("第 {place} 字节：{text}", "byte {place}: {text}"),
    "refused": Words("第 {place} 字节：拒绝：{why}", "byte {place}: refused: {why}"),
    "odd": Words("  异常：{text}", "  odd: {text}"),
    "item": Words("  {text}", "  {text}"),
    "value": Words("  {name}：{value}{unit}（{code}）{mark}", "  {name}: {value}{unit} ({code}){mark}"),
    "mark": Words("，{text}（{letter}）", ", {text} ({letter})"),
    "head": Words(
        "{command}（CN {cn}）· {system}（ST {st}）· 设备 MN {mn} · QN {qn}{more}",
        "{command} (CN {cn}) · {system} (ST {st}) · MN {mn} · QN {qn}{more}",
    ),
    "wants answer": Words("要求应答", "wants an answer"),
    "backfill": Words("补传", "backfill"),
    "part": Words("第 {pno}/{pnum} 包", "part {pno} of {pnum}"),
    "encrypted": Words("SM4 加密（{form}）", "SM4 ({form})"),
    "unknown": Words("未知", "unknown"),
    "absent": Words("无", "none"),
    "result": Words("  {name} {value}：{text}", "  {name} {value}: {text}"),
    "never obeyed": Words(
        "  对时命令从不执行：时钟只由本机时间服务校准",
        "  never obeyed: only the machine's own time service sets its clock",
    ),
    "total": Words(
        "{taken} 个数据包，{odd} 个有异常；{refused} 个被拒绝；{noise} 字节不是数据包",
        "{taken} packets, {odd} of them odd; {refused} refused; {noise} bytes are no packets",
    ),
    "waiting": Words(
        "{host}：{count} 个数据包待发，已放弃 {dropped} 个",
        "{host}: {count} packets wait, {dropped} were given up",
    ),
    "event": Words("{where}：{text}", "{where}: {text}"),
    "up": Words("已连接", "connected"),
    "down": Words("未连接：{why}", "not connected: {why}"),
    "other store": Words(
        "{queue} 属于另一个数据库，或 {store} 曾从备份恢复；请换一个队列文件",
        "{queue} belongs to another store, or {store} was restored; name a new queue",
    ),
    "no host": Words("没有上位机 {host}；有：{known}", "there is no host {host}; there are {known}"),
    "one file": Words(
        "需要 --hosts（中心的上位机文件）或 --site（网关的配置文件）之一",
        "needs either --hosts, the host file of a centre, or --site, the site file of a gateway",
    ),
    "nobody": Words(
        "{seconds} 秒内没有数采仪向 {place} 发送实时数据：请在数采仪上把它设为上位机",
        "no data logger sent real time data to {place} within {seconds} s: enter it there as a platform",
    ),
    "write": Words("写入配置文件（id 可改）：", "for the site file (ids may be changed):"),
    "own model": Words(
        "没有型号含有它的项：请复制 drivers/models/loggers 中的一个并修改",
        "no model has its items: copy one of drivers/models/loggers and change it",
    ),
    "no station": Words("{host} 没有 MN 为 {mn} 的站点", "{host} has no station with the MN {mn}"),
    "no connection": Words("{address}：无法连接：{why}", "{address}: no connection: {why}"),
    "silent": Words(
        "平台在 {seconds} 秒内没有应答：请检查 MN、密码、校验方式和版本",
        "the platform did not answer within {seconds} s: look at MN, password, crc and edition",
    ),
    "answered": Words("{host}：平台有应答", "{host}: the platform answers"),
    "hung up": Words("平台断开了连接", "the platform hung up"),
    "not taken": Words(
        "检查时不接受 MN 或密钥；请由 dianjian hj212 send 接受",
        "a check takes no MN and no key: dianjian hj212 send does",
    ),
    "gave": Words("→ {text}", "→ {text}"),
    "got": Words("← {text}", "← {text}"),
    "sealed": Words(
        "签封{seal} · {meter} · {at} · {quality}{why}", "seal {seal} · {meter} · {at} · {quality}{why}"
    ),
    "unproved": Words(
        "只解释数据包，不核验签名：请用 dianjian verify {file}",
        "packets in words; no signature is checked here: dianjian verify {file}",
    ),
    "nothing": Words("{file} 中没有数据包", "there is no packet in {file}"),
}
