"""The words that people read, in Chinese and English.

A technician's language comes from `--lang`, else from the locale. Machine output (`--json`) is not
translated. A word that is missing in one language is a mistake that a test finds.
"""

import os
from typing import Final

LANGUAGES: Final = ("zh", "en")

_WORDS: Final = {
    "line": ("线路", "line"),
    "production": ("生产", "production"),
    "treatment": ("治理", "treatment"),
    "incomer": ("总进线", "incomer"),
    "kind": ("类别", "kind"),
    "power": ("功率", "power"),
    "load": ("负荷曲线", "load"),
    "state": ("状态", "state"),
    "on": ("运行", "on"),
    "off": ("停止", "off"),
    "unknown": ("未知", "unknown"),
    "linkage": ("关联", "linkage"),
    "deficit": ("治理缺口", "deficit"),
    "meter": ("电表", "meter"),
    "bus": ("总线", "bus"),
    "line load": ("线路占用", "load of the line"),
    "requests": ("请求", "requests"),
    "timeouts": ("超时", "time-outs"),
    "crc_errors": ("校验错", "CRC"),
    "foreign": ("错答", "foreign"),
    "late": ("迟答", "late"),
    "exceptions": ("拒绝", "refusals"),
    "probes": ("探询", "probes"),
    "collisions": ("总线上有另一主站的请求", "requests of another master on the line"),
    "reopened": ("端口重新打开次数", "port opened anew"),
    "good": ("正常", "good"),
    "ok": ("正常", "ok"),
    "warning": ("注意", "warning"),
    "failed": ("故障", "failed"),
    "bad": ("异常", "bad"),
    "seals": ("签封", "seals"),
    "sealed": ("已签封", "sealed"),
    "receipted": ("已回执", "receipted"),
    "backlog": ("待确认", "backlog"),
    "verified": ("已核验", "verified"),
    "broker": ("消息服务器", "broker"),
    "connected": ("已连接", "connected"),
    "disconnected": ("已断开", "disconnected"),
    "alarms": ("告警", "alarms"),
    "not_authorized": ("消息服务器拒绝授权", "the broker does not authorise"),
    "refused": ("消息服务器拒收或繁忙", "the broker refuses or is busy"),
    "oversize": ("数据包超过服务器上限", "a packet is larger than the broker takes"),
    "clone": ("另有客户端使用本网关名称", "another client uses this gateway's name"),
    "stalled": ("中心无回执", "no receipts from the centre"),
    "fork": ("中心持有不同的签封：链已分叉", "the centre holds another seal: the chain is forked"),
    "rolled_back": ("本机存储被回退：需重新登记", "this disk was rolled back: enrol anew"),
    "too few samples": ("样本不足", "too few samples"),
    "production constant": ("生产负荷恒定", "production constant"),
    "treatment constant": ("治理负荷恒定", "treatment constant"),
    "episodes": ("事件", "episodes"),
    "none": ("无", "none"),
    "memory": ("内存", "memory"),
    "no receipt yet": ("尚无回执", "no receipt yet"),
    "last receipt": ("最近回执", "last receipt"),
    "certificate until": ("证书至", "certificate until"),
    "certificate ended": ("证书已过期", "certificate ended"),
    "certificate unreadable": ("证书无法读取", "certificate cannot be read"),
    "synchronised": ("时钟已同步", "clock synchronised"),
    "unsynchronised": ("时钟未同步", "clock not synchronised"),
    "simulated": ("模拟时钟", "clock simulated"),
    "against the centre": ("与中心相差", "against the centre"),
    "lost": ("丢失", "lost"),
    "last hour": ("最近一小时", "last hour"),
    "agent gone": ("代理没有应答，等待中", "the agent does not answer, waiting"),
    "more": ("另有", "more:"),
    "begin": ("开始", "began"),
    "raised at": ("触发", "raised"),
    "duration": ("持续", "lasted"),
    "lasting": ("持续中", "still on"),
    "rule": ("规则", "rule"),
    "severity": ("级别", "severity"),
    "plant time": ("厂区时间", "plant time"),
    "violation": ("违规", "violation"),
    "integrity": ("数据真实性", "integrity"),
    "data": ("数据", "data"),
    "notice": ("提示", "notice"),
    "raised": ("已触发", "raised"),
    "cleared": ("已解除", "cleared"),
    "quick pass": ("快速查找", "quick pass"),
    "full pass": ("全面查找", "full pass"),
    "unit": ("地址", "unit"),
    "setting": ("参数", "setting"),
    "life": ("应答", "life"),
    "model": ("型号", "model"),
    "confidence": ("可信度", "confidence"),
    "or": ("或", "or"),
    "answers": ("应答", "answers"),
    "refuses": ("拒绝", "refuses"),
    "garbled": ("损坏", "garbled"),
    "nothing in the quick pass": (
        "快速查找没有找到电表，继续查找其余地址和参数；Ctrl-C 结束",
        "nothing in the quick pass; going on with the other addresses and settings, Ctrl-C ends",
    ),
    "no byte so far": (
        "到目前为止没有收到任何字节：请趁查找时检查电源、接线、串口和 A/B",
        "not a byte so far: look at power, cable, port and A/B while the search goes on",
    ),
    "no byte in the quick pass": (
        "快速查找没有收到任何字节，其余查找约需 {minutes} 分钟；先检查接线，确需查找请加 --all",
        (
            "not a byte came in the quick pass, and the rest takes about {minutes} minutes: "
            "check the wires first, or add --all"
        ),
    ),
    "go on without a byte": (
        "快速查找没有收到任何字节，多半是接线问题。继续查找其余地址和参数（约 {minutes} 分钟）？",
        (
            "not a byte came in the quick pass: mostly a matter of wires. "
            "Try the other addresses and settings (about {minutes} minutes)?"
        ),
    ),
    "certain": ("确定", "certain"),
    "guessed": ("推测", "guessed"),
    "alike": ("以下型号的寄存器同样吻合，请看铭牌：", "these fit as well, look at the label:"),
    "also possible": ("也可能是：", "also possible:"),
}

_language = ["en"]


def choose_language(wanted: str | None) -> None:
    """Use `wanted`, else what the locale says, else English."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    _language[0] = wanted or ("zh" if locale.startswith("zh") else "en")


def language() -> str:
    """`zh` or `en`."""
    return _language[0]


def pair(key: str) -> tuple[str, str]:
    """The word for `key` in Chinese and in English."""
    return _WORDS[key]


def word(key: str) -> str:
    """The word for `key` in the chosen language."""
    return _WORDS[key][LANGUAGES.index(language())]
