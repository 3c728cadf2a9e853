"""What is said of mistakes in site files, keys and the chain of a gateway, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "{} of {} has {} registers": "{1} 的 {0} 有 {2} 个寄存器",
    "{}: good: gateway {}, {} bus, {} meter, {} line, {} linkage": (
        "{}：正确：网关 {}，总线 {}，电表 {}，线路 {}，关联 {}"
    ),
    "a site needs at least one linkage, and all need the same dt_s": (
        "站点至少需要一个关联，且所有关联的 dt_s 须相同"
    ),
    "line {} has different parameters in two linkages": "线路 {} 在两个关联中的参数不同",
    "incomer {}: line {} belongs to a linkage": "总进线 {}：线路 {} 属于某个关联",
    "incomer {}: no parameters for line {}": "总进线 {}：没有线路 {} 的参数",
    "answer standby=yes: no standby was asked about; say its power in kW": (
        "答案 standby=yes：并未询问待机；请写明待机功率，单位千瓦"
    ),
    "no line has a sample": "没有一条线路有样本",
    "the samples span {} slots, more than {}": "样本跨度为 {} 个时段，多于 {}",
    "{}: 0 < lo_w <= hi_w does not hold ({}, {})": "{}：须满足 0 < lo_w <= hi_w，现为（{}、{}）",
    "no production line": "没有生产线路",
    "no treatment line": "没有治理线路",
    "a line is named twice": "有一条线路写了两次",
    "envelope: from_w must rise": "envelope：from_w 须递增",
    "dt_s must be 1..{}, not {}": "dt_s 须在1与 {} 之间，不能是 {}",
    "tau_s must be at least {}, not {}": "tau_s 至少为 {}，不能是 {}",
    "reorder_slots is negative": "reorder_slots 为负",
    "lag_s must be 0..{}, not {}": "lag_s 须在0与 {} 之间，不能是 {}",
    "correlation_minutes must be at least 2": "correlation_minutes 至少为2",
    "utc_offset {} is not like +08:00": "utc_offset {} 的写法应如 +08:00",
    "no line stands behind it": "其后没有线路",
    "it cannot stand behind itself": "它不能在自己之后",
    "others are not among its lines": "others 不在其线路之中",
    "lo_w <= hi_w does not hold ({}, {})": "须满足 lo_w <= hi_w，现为（{}、{}）",
    "residual_s is negative": "residual_s 为负",
    "the last records could not be sealed; the next start repairs the chain": (
        "最后的记录未能签封；下次启动会修复链"
    ),
    'is no JSON object with a text "what"': '不是含文本 "what" 的JSON对象',
    'has an "{}" of its own': '自带了 "{}"',
    "fits no record: {}": "不能成为一条记录：{}",
    "is not JSON: {}": "不是JSON：{}",
    "the MQTT thread has ended": "MQTT线程已结束",
    "What was sealed is kept, and the next start goes on from there": (
        "已签封的数据都保留着，下次启动从那里继续"
    ),
    "{}: broker.{}: {} is not there yet; `run` needs it": "{}：broker.{}：{} 尚不存在；`run` 需要它",
    "no seal committed for {} s: {}": "{} 秒内没有签封写入磁盘：{}",
    "{} is there already": "{} 已经存在",
    "{}: not a replacement for gateway {}": "{}：不是发给网关 {} 的更换文件",
    "{}: no keys are here; begin with init, and let the centre sign that": (
        "{}：此处没有密钥；请先运行init，并由中心签署其输出"
    ),
    "{}: not the recovery key that stands in {}": "{}：不是 {} 中所写的恢复密钥",
    "broker.centre_key: missing; receipts cannot be checked": "broker.centre_key：缺少；无法核验回执",
    "store.path: too long by {} bytes for the sockets in it; shorten it": (
        "store.path：其中的套接字路径超长 {} 字节；请改用较短的路径"
    ),
    "{}: not a receipt": "{}：不是回执",
    "{}: not a receipt of this centre for gateway {}": "{}：不是本中心发给网关 {} 的回执",
    "{}: not a file of `dianjian centre replace`": "{}：不是 `dianjian centre replace` 写出的文件",
    "{}: has {} bytes, at most {} are read": "{}：有 {} 字节，最多读取 {} 字节",
    "this gateway has a chain of {} seals; begin with an empty folder": (
        "本网关已有 {} 个签封的链；请从空文件夹开始"
    ),
    "the replacement is not for the first key of this gateway": "更换文件不是针对本网关首密钥的",
    "no key to seal with": "没有可用于签封的密钥",
    "the chain on this disk is that of gateway {}, not {}": "此磁盘上的链属于网关 {}，不是 {}",
    (
        "nothing here shows where the chain stands: bring the centre's receipt (--receipt FILE; "
        "`dianjian centre receipt` writes it)"
    ): "此处无从得知链到了哪里：请带来中心的回执（--receipt 文件；由 `dianjian centre receipt` 写出）",
    (
        "{} is missing or damaged, and a first key cannot be made again: it is in the centre's register "
        "if this gateway was enrolled"
    ): "{} 丢失或损坏，首密钥无法重新生成：若本网关登记过，中心的登记册中有它",
    "is in the state folder, which it is to recover": "位于状态文件夹中，而它正是用来恢复该文件夹的",
    "this gateway has a recovery key already, and it is not in this file": (
        "本网关已有恢复密钥，但不在此文件中"
    ),
    "is there already; a key is never overwritten": "已经存在；密钥从不覆盖",
    "cannot be made: {}": "无法创建：{}",
    "letters, digits, - and _, at most {}": "字母、数字、- 和 _，最多 {} 个",
    "64 hexadecimal digits in lower case": "64位小写十六进制数",
    "must be a file below the site file's folder, like models/cems.toml, not {}": (
        "须为站点文件所在文件夹之下的文件，如 models/cems.toml，不能是 {}"
    ),
    "has {} bytes; the enrolment takes at most {}": "有 {} 字节；登记最多容纳 {} 字节",
    "an offset like +08:00": "时差，如 +08:00",
    "like device:/dev/tpmrm0": "写法如 device:/dev/tpmrm0",
    "a mistake as setup names it, like cts_swapped": "配置时所用的错误名称，如 cts_swapped",
    "12 digits, or an MN, in quotes": "引号中的12位数字或MN",
    "12 digits in quotes": "引号中的12位数字",
    "broker: missing; add [broker] with url and centre_key": (
        "broker：缺少；请加 [broker]，含 url 和 centre_key"
    ),
    "bus: missing; add at least one [[bus]] with id and url": "bus：缺少；请至少加一个 [[bus]]，含 id 和 url",
    "meter: missing; add at least one [[meter]]": "meter：缺少；请至少加一个 [[meter]]",
    "{}: id {} is used {} times": "{}：编号 {} 用了 {} 次",
    "{}: needs at least one line": "{}：至少需要一条线路",
    "{}: no line {}; known: {}": "{}：没有线路 {}；已有：{}",
    "{}: line {} is of kind {}": "{}：线路 {} 的类别为 {}",
    "line: {} are all incomers; a site has one": "line：{} 都是总进线；一个站点只有一条",
    "line[{}].parameters: only an incomer has parameters of its own": (
        "line[{}].parameters：只有总进线有自己的参数"
    ),
    'broker.key: must be "{}NAME" with the name of a file beside this one, not {}': (
        'broker.key：须为 "{}名称"，即本文件旁的文件名，不能是 {}'
    ),
    "{}.gateway: a station here is of this gateway; leave it out": "{}.gateway：此处的站点属于本网关；请删去",
    "{}.meter: no meter {}; known: {}": "{}.meter：没有电表 {}；已有：{}",
    "meter[{}].credentials: only a data logger of HJ 212 has a key; leave it out": (
        "meter[{}].credentials：只有HJ 212数采仪才有密钥；请删去"
    ),
    "meter[{}].bus: no bus {}; known: {}": "meter[{}].bus：没有总线 {}；已有：{}",
    "meter[{}].line: no line {}; known: {}": "meter[{}].line：没有线路 {}；已有：{}",
    "meter[{}].{}: {} is used more than once on bus {}": "meter[{}].{}：{} 在总线 {} 上用了不止一次",
    "DL/T 645 has no registers; leave it out": "DL/T 645 没有寄存器；请删去",
    "bus[{}].transaction_id: only tcp:// has transaction ids; leave it out": (
        "bus[{}].transaction_id：只有 tcp:// 才有事务号；请删去"
    ),
    "bus[{}].{}: a data logger of HJ 212 is not asked; leave it out": (
        "bus[{}].{}：HJ 212 的数采仪不被询问；请删去"
    ),
    "meter[{}].{}: a data logger of HJ 212 is not asked; leave it out": (
        "meter[{}].{}：HJ 212 的数采仪不被询问；请删去"
    ),
    "meter[{}].address: missing; bus {} is HJ 212, whose loggers have an MN": (
        "meter[{}].address：缺少；总线 {} 为HJ 212，其数采仪有MN"
    ),
    "meter[{}].unit_id: bus {} is HJ 212, whose loggers have an address instead": (
        "meter[{}].unit_id：总线 {} 为HJ 212，其数采仪用 address"
    ),
    "meter[{}].address: must be 12 digits in quotes, not {}": (
        "meter[{}].address：须为引号中的12位数字，不能是 {}"
    ),
    "meter[{}].address: missing; bus {} is DL/T 645, whose meters have 12 digits": (
        "meter[{}].address：缺少；总线 {} 为DL/T 645，其电表有12位数字的地址"
    ),
    "meter[{}].unit_id: bus {} is DL/T 645, whose meters have an address instead": (
        "meter[{}].unit_id：总线 {} 为DL/T 645，其电表用 address"
    ),
    "meter[{}].unit_id: {} is for TCP only; on serial bus {} a meter has {} to {}": (
        "meter[{}].unit_id：{} 仅用于TCP；串行总线 {} 上的电表为 {} 至 {}"
    ),
    "meter[{}].address: bus {} is Modbus, whose meters have a unit_id instead": (
        "meter[{}].address：总线 {} 为Modbus，其电表用 unit_id"
    ),
    (
        "meter: fast_s = {} of a judged line is too long: linkages are judged in slots of at most {} s; "
        "set fast_s = {} or less"
    ): "meter：参与判断的线路 fast_s = {} 过长：关联按最多 {} 秒的时段判断；请设 fast_s = {} 或更小",
    (
        "linkage[{}].parameters.dt_s: {} s is shorter than fast_s = {}: only treatment that is off would "
        "be seen; commission again"
    ): "linkage[{}].parameters.dt_s：{} 秒短于 fast_s = {}：只能看出治理停机；请重新调试",
    "linkage: parameters with different dt_s ({}): commission all linkages again": (
        "linkage：各参数的 dt_s 不同（{}）：请重新调试全部关联"
    ),
    "{}.{}: is called {} since version {}, and the file has both": (
        "{}.{}：自版本 {2} 起称为 {3}，而文件中两者都有"
    ),
    "meter[{}].model: reads the same registers as meter {} at {}": (
        "meter[{}].model：与电表 {} 读取同样的寄存器，位于 {}"
    ),
    "model: {} speaks {}, bus {} does not": "model：{} 使用 {}，总线 {} 不是",
    "line: missing; {} measures {}, so name the line it feeds": "line：缺少；{} 测量 {}，请写明它所测的线路",
    "line: {} has no point {}, so it can feed no line; leave line out": (
        "line：{} 没有测点 {}，不能用于线路；请删去 line"
    ),
    "registers_max: {} is too few; {}": "registers_max：{} 太少；{}",
    "{} is not like http://127.0.0.1:8080/warning": "{} 的写法应如 http://127.0.0.1:8080/warning",
    "{} has characters that no URL has": "{} 含有URL中没有的字符",
    "{}: the host must be an IP address, not the name {}": "{}：主机须为IP地址，不能是名称 {}",
    "{}: {} is not an address of this machine or of a private network": "{}：{} 不是本机或专用网络的地址",
    "it ends before it begins": "它尚未开始就已结束",
    "it is no spool, or that of another version": "它不是待签封记录的文件，或属于另一版本",
    "it is of another boot": "它属于另一次开机",
    "its records waited for seal {}, whose key is gone": "其中的记录在等待签封 {}，而该密钥已不存在",
    "its records waited for seal {}, and it is not known which of them are in it": (
        "其中的记录在等待签封 {}，而不知道哪些已在其中"
    ),
    "it is no file": "它不是文件",
    "it belongs to user {}": "它属于用户 {}",
    "it is longer than {} bytes": "它长于 {} 字节",
    "no bus {} here": "此处没有总线 {}",
    "version {} is not known, only {}": "版本 {} 不认识，只认识 {}",
    "the line is too long": "该行过长",
    "no line of JSON": "不是一行JSON",
    "no JSON object": "不是JSON对象",
    "the agent has gone": "代理已退出",
    "the status socket did not send a JSON object": "状态套接字发来的不是JSON对象",
    "{}: a row of seals is none: its number is {} or {}": "{}：有一行签封不成立：其编号为 {} 或 {}",
    "a quota of {} bytes is below {}": "配额 {} 字节低于 {}",
    "seal {} is not what was stored": "签封 {} 不是当初保存的内容",
    "the agent is not connected to the broker": "代理没有连接到消息服务器",
    "the request has {} bytes, the broker takes {}": "申请有 {} 字节，消息服务器最多接收 {}",
    "the centre does not answer; does `dianjian centre listen` run?": (
        "中心没有应答；`dianjian centre listen` 在运行吗？"
    ),
    "no book of orders: {}": "不是指令簿：{}",
    "no order is held": "此处没有指令",
    "no order {} is held": "此处没有指令 {}",
    "an answer of a person has a state and a name": "人工答复须有状态和姓名",
    "a declaration has a mark without an id": "申报须含不带编号的标记",
    "a declaration is a person's": "申报须由人作出",
    "files of gateway {} are wanted here": "此处索取的是网关 {} 的文件",
    "it is in force already": "该文件已在使用",
    "bus {} cannot be recorded": "总线 {} 不能录制",
    "a drill: nothing is looked at": "演练指令：不作诊断",
    "{} were begun within an hour": "一小时内已执行 {} 次",
    "an earlier one still hangs": "上一次诊断仍未结束",
    "it was not done within {} s": "{} 秒内没有完成",
    "the agent was started anew before it was done": "完成之前代理重新启动了",
    "no thread can be had: {}": "无法启动线程：{}",
    "{} was not made: {}": "{} 没有生成：{}",
    "{} would have {} bytes, at most {} are sent": "{} 将有 {} 字节，最多传输 {} 字节",
    "it was made from another file; {} is in force": "改动所依据的不是现用文件；现用文件为 {}",
    "needs a key that is certified for {}: {}": "须由具有 {0} 授权的密钥签发：{1}",
    "the gateway itself answers a {} order": "{} 指令由网关自行答复",
    "not what this version writes": "不是本版本所写的内容",
    "{}: no order may change it": "{}：不可远程更改",
    "{}: no order may turn encryption off": "{}：不可远程关闭加密",
    "{}: at most {} s from afar": "{0}：远程更改时最多 {1} 秒",
    "meter {} has not answered": "电表 {} 未应答",
    "no receipt for a seal under the new file": "新文件下的签封未获回执",
    "waited {} s": "已等待 {} 秒",
    "the order was cancelled": "指令已撤销",
    "the site file was changed on the site meanwhile": "其间现场更改了站点文件",
    "started {} times, it never proved itself": "启动 {} 次均未通过验证",
    "a date like 2027-05-31, without quotes": "形如 2027-05-31 的日期，不加引号",
}
