"""Help of `dianjian-agent`: English to Chinese (`disk.translation`)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "The agent on the gateway.": "网关上的代理。",
    "VERB": "命令",
    "SENTENCE": "一句话",
    "Language of the output; else from the locale.": "输出语言；不指定则按系统区域设置。",
    "report every mistake in the site file": "报告站点文件中的每处错误",
    "make the keys and print what the centre needs to enrol this gateway": (
        "生成密钥，并输出中心登记本网关所需的内容"
    ),
    "read, seal and send until SIGTERM": "读取、签封并发送，直到SIGTERM",
    "continue under a new key after exit 4, with the recovery key": "以4退出后凭恢复密钥换用新密钥继续",
    "continue on new hardware": "在新设备上继续",
    "the site file": "站点文件",
    "the recovery key's file; init makes it, and it must not stay on the gateway": (
        "恢复密钥的文件；由init生成，不得留在网关上"
    ),
    "the centre's last receipt": "中心最近的回执",
    "one sentence for the statement": "写入声明的一句话",
    "written by `dianjian centre replace`": "由 `dianjian centre replace` 写出",
    "read every meter once, make one seal, end": "每块电表读取一次，生成一个签封后结束",
    "simulated time; every record is marked so": "模拟时间；每条记录都会注明",
    "there is no {word!r}; did you mean {near}?": "没有 {word!r}；是否为 {near}？",
}
