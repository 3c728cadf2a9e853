"""What is said of mistakes in files and databases, in Chinese by the English.

{} stands for each value (`disk.translation`).
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "missing, {}": "缺少，须为{}",
    "from {} to {} bytes": "，从 {} 字节到 {} 字节",
    "the output: {}": "输出：{}",
    "missing": "缺少",
    "cannot be read: {}": "无法读取：{}",
    "has more than {} bytes": "多于 {} 字节",
    "{}: no database is there": "{}：没有数据库",
    "must be a table, not {}": "须为表，不能是 {}",
    "must be a list, not {}": "须为列表，不能是 {}",
    "has {} items; at most {} are read": "有 {} 项；最多读取 {} 项",
    "must be a list of {}, not {}": "须为含 {} 项的列表，不能是 {}",
    "holds a {} {}, which is none of ours: edited": "含有并非本程序所建的 {} {}：被改动过",
    "a newer version": "更新的版本",
    (
        "{}: {} of dianjian-edge brought it to schema {}; this is version {}, which knows {}: install "
        "that one or a later one again, it goes on where it was; nothing was changed"
    ): (
        "{}：dianjian-edge 的{}已将其升级到格式 {}；本程序为版本 {}，只认识 {}：请重新安装该版本或更新的"
        "版本，即可从原处继续；未作任何改动"
    ),
    "nothing could be written": "未能写入",
    "{} of {} bytes were written": "只写入了 {} 字节，共 {} 字节",
    "is no plain file": "不是普通文件",
    "another process is writing it": "另一进程正在写它",
    "must be {}, not {}": "须为{}，不能是 {}",
    "a whole number from {} to {}": "{} 至 {} 的整数",
    "a number from {} to {}": "{} 至 {} 的数",
    "one of ": "其中之一：",
    "a text in quotes, of at most {} characters": "引号中的文本，最多 {} 个字符",
    "a text": "文本",
    "true or false": "true 或 false",
    "{}: another process owns this database": "{}：另一进程正在使用此数据库",
    "save it again as UTF-8 (in Notepad: File, Save as, Encoding UTF-8)": (
        "请另存为UTF-8（记事本：文件、另存为、编码UTF-8）"
    ),
    "has more than {} bytes; at most {} are read": "多于 {} 字节；最多读取 {} 字节",
    "is not a text": "不是文本",
    "is not UTF-8 at byte {}, line {}": "不是UTF-8，第 {} 字节，第 {} 行",
    "{}: must be a table, not {}": "{}：须为表，不能是 {}",
    "bytes in hexadecimal": "十六进制的字节",
    "an array of numbers or texts": "数或文本的数组",
    "missing, a table": "缺少，须为表",
    "an array of tables": "表的数组",
    "needs at least one [[{}]]": "至少需要一个 [[{}]]",
    "unknown key, did you mean {}?": "不认识的键；是否为 {}？",
    "unknown key; known: {}": "不认识的键；可用：{}",
    "the next start finds out what is left, and says what is lost": (
        "下次启动会查明还剩什么，并说明丢失了什么"
    ),
    "a folder": "文件夹",
    "a pipe": "管道",
    "a socket": "套接字",
    "a device": "设备",
    "no file": "不是文件",
    "{}: is {} in the place of the database: move it away, put the file back": (
        "{}：数据库的位置上是{}：请移走它，放回文件"
    ),
    "{}: was taken away while it was in use ({})": "{}：使用中被移走（{}）",
    "{}: put it back; {}": "{}：请放回；{}",
    "{}: was replaced while it was in use: put it back; {}": "{}：使用中被替换：请放回；{}",
    "{}: was cut {} while it was in use; {}": "{}：使用中被截断{}；{}",
    "is not TOML: {}": "不是TOML：{}",
    "is not TOML at its end: {}": "文件末尾不是TOML：{}",
    "is not TOML in line {}, column {}: {}": "第 {} 行第 {} 列不是TOML，{}",
    "is not TOML in line {}, column {}: {}; write {} in place of {}": (
        "第 {0} 行第 {1} 列不是TOML，{2}；请把 {4} 改为 {3}"
    ),
    "is {}, not UTF-8: {}": "是 {}，不是UTF-8：{}",
    "is not JSON in line {}, column {}": "第 {} 行第 {} 列不是JSON",
    "is not JSON in line {}, column {}; write {} in place of {}": (
        "第 {0} 行第 {1} 列不是JSON；请把 {3} 改为 {2}"
    ),
    "is not JSON that is read here: a number too long, or too deep": (
        "不是此处读取的JSON：有数过长，或层次过深"
    ),
    "hexadecimal digits are wanted, not {}": "须为十六进制数，不能是 {}",
}
