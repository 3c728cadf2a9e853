"""What is said of mistakes in buses, meters and their models, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "{} is not SPEED@UTC_NS@BOOTTIME_NS": "{} 的写法应为 SPEED@UTC_NS@BOOTTIME_NS",
    "bus URL {}: the port is not a number from 1 to 65535": "总线地址 {}：端口须为1至65535的数",
    "bus URL {}: the host is no name and no address": "总线地址 {}：主机不是名称，也不是地址",
    "points.{} takes {} registers": "points.{} 占 {} 个寄存器",
    "{}: needs 1 to {} points, not {}": "{}：须有 1 至 {} 个测点，现有 {} 个",
    "{} takes {} bytes": "{} 占 {} 字节",
    "{} takes {} bytes, not {}": "{} 占 {} 字节，不是 {}",
    "{} is not a meter address of {} digits": "{} 不是 {} 位数字的电表地址",
    "no whole answer in time": "没有及时收到完整的应答",
    "not asked: an earlier answer may come for {} s more": "未询问：此前的应答在 {} 秒内仍可能到来",
    "a segment of {} characters; at most {}": "一段有 {} 个字符；最多 {}",
    "{}: {} is not of the standard's form": "{}：{} 不合标准的格式",
    "Flag: is missing, or its version has more than six bits": "Flag：缺少，或其版本多于六位",
    "PNUM and PNO stand together, where Flag says so": "PNUM 和 PNO 须同时出现，由Flag指明",
    "part {} of {}; at most {}": "第 {} 部分，共 {}；最多 {}",
    "QN: {} is no time": "QN：{} 不是时间",
    "a region of {} characters; at most {}": "数据区有 {} 个字符；最多 {}",
    "a region is items of name=value in ASCII": "数据区由ASCII的 名称=值 组成",
    "a group of {} characters fits into no packet": "一组有 {} 个字符，一个数据包容不下",
    "{} parts; at most {}": "{} 个部分；最多 {}",
    "bus URL {}: {}; expected one of {}": "总线地址 {}：{}；应为 {} 之一",
    "bus URL {}: expected one of {}": "总线地址 {}：应为 {} 之一",
    "bus URL {}: the host is missing": "总线地址 {}：缺少主机",
    "bus URL {}: the port is missing": "总线地址 {}：缺少端口",
    "bus URL {}: nothing may follow host and port": "总线地址 {}：主机和端口之后不得再有内容",
    "bus URL {}: only ?{} may follow host and port": "总线地址 {}：主机和端口之后只可有 ?{}",
    "bus URL {}: a bus knows no user and no password; leave them out": (
        "总线地址 {}：总线没有用户名和密码，请去掉"
    ),
    "bus URL {}: the port is a path, as in {}:/dev/ttyS1": "总线地址 {}：端口须为路径，如 {}:/dev/ttyS1",
    "bus URL {}: unknown {}; known baudrate, parity, stopbits": (
        "总线地址 {}：不认识 {}；可用 baudrate、parity、stopbits"
    ),
    "bus URL {}: {} is {}, not one of {}": "总线地址 {}：{} 为 {}，可用：{}",
    "no answer": "没有应答",
    "no answer in time; answers come, but after {} s": "没有及时应答；{} 秒后才有应答",
    "exception {}": "异常应答 {}",
    "flood of bytes that are no answer": "大量字节，都不是应答",
    "port takes no bytes": "端口不接收数据",
    "closed by the other side": "对方关闭了连接",
    "point table: {}": "测点表：{}",
    "not in canonical form": "不是规范形式",
    "point table": "测点表",
    "no meter model is called {}; known: {}": "没有名为 {} 的电表型号；已有：{}",
    "lies inside points.{}": "与 points.{} 重叠",
    "a DL/T 645 meter is known by its protocol, not by a fingerprint": "DL/T 645 电表由协议识别，不用指纹",
    "must be a point of this model with its value": "须为本型号的测点及其值",
    "{}: a meter speaks Modbus, DL/T 645 or HJ 212, only one of them": (
        "{}：电表只能使用Modbus、DL/T 645、HJ 212之一"
    ),
    "an item of HJ 212 that is not available is left out of the packet": "HJ 212 中没有的项不出现在数据包里",
    "must be the name of an item of HJ 212, like a21026-Rtd": "须为HJ 212的项名，如 a21026-Rtd",
    "bus URL {}: {} is no IP address": "总线地址 {}：{} 不是IP地址",
    "a data logger sends by itself and is not asked; dianjian status shows what has come": (
        "数采仪自己发送，不能询问；dianjian status 显示已收到的数据"
    ),
    "bus URL {}: a data logger sends by itself and is not asked; dianjian status shows what has come": (
        "总线地址 {}：数采仪自己发送，不能询问；dianjian status 显示已收到的数据"
    ),
    "no packet": "没有收到数据包",
    "sent later": "补发的数据",
    "out of order": "时间早于此前的数据",
    "its clock is off": "其时钟不准",
    "no time": "没有时间",
    'no point of quantity "scale" is called {}': '没有 quantity 为 "scale" 的测点 {}',
    "{} is no type of function {}": "{} 不是功能码 {} 的类型",
    "the point runs beyond the {} bytes of an answer": "测点超出了应答的 {} 字节",
    "the point runs beyond register 65535": "测点超出了寄存器65535",
    "{}: a name is up to 40 of a-z, 0-9 and _, and begins with a letter": (
        "{}：名称最多40个字符，用 a-z、0-9 和 _，以字母开头"
    ),
    "must be one of ": "须为其中之一：",
    "must not be 0": "不得为0",
    "text of {} bytes does not fit {} registers": "{} 字节的文本放不进 {} 个寄存器",
    "{} cannot hold {}": "{} 容不下 {}",
    "text of {} bytes does not fit {}": "{} 字节的文本放不进 {}",
    "{} is not {} digits": "{} 不是 {} 位数字",
    "{}: more than {} lines": "{}：多于 {} 行",
    "{}: no request is recorded here": "{}：没有记录任何请求",
    "no header of a recorded session": "没有记录文件的开头",
    "version {} of the record is not known, only {}": "记录的版本 {} 不认识，只认识 {}",
    "url is no text": "url 不是文本",
    "no table": "不是表",
    "error {} is not known": "错误 {} 不认识",
    "words are {} bytes for a count of {}": "寄存器字有 {} 字节，与数量 {} 不符",
    "latency_s is no time": "latency_s 不是时间",
    "{} is no whole number from 0 to {}": "{} 不是0至 {} 的整数",
    "{} is not an address of 12 digits": "{} 不是12位数字的地址",
    "a meter has either a unit_id or an address": "电表只能有 unit_id 或 address 之一",
    "the bus needs more than {} s": "总线需要多于 {} 秒",
    "nothing is answered any more ({} requests)": "不再有任何应答（{} 次请求）",
    "{} requests in a row came to nothing": "连续 {} 次请求没有结果",
    "unit {} has SunSpec models, but no meter (201-204, 211-214): {}": (
        "地址 {} 有SunSpec模型，但没有电表（201-204、211-214）：{}"
    ),
    "unit {} has no SunSpec marker at {}": "地址 {} 在 {} 处没有SunSpec标志",
    "no meter model is called {}, did you mean {}?": "没有名为 {} 的电表型号；是否为 {}？",
}
