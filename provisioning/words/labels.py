"""Labels for the state of a plant wherever it is shown: lines, meters, buses, seals, episodes."""

from collections.abc import Mapping
from typing import Final

from disk.plain_text import one_line
from evidence.words import Words
from provisioning.words.language import translate

LABELS: Final[Mapping[str, Words]] = {
    "line": Words("线路", "line"),
    "production": Words("生产", "production"),
    "treatment": Words("治理", "treatment"),
    "incomer": Words("总进线", "incomer"),
    "kind": Words("类别", "kind"),
    "power": Words("功率", "power"),
    "state": Words("状态", "state"),
    "on": Words("运行", "on"),
    "off": Words("停止", "off"),
    "unknown": Words("未知", "unknown"),
    "linkage": Words("关联", "linkage"),
    "deficit": Words("治理缺口", "deficit"),
    "meter": Words("电表", "meter"),
    "bus": Words("总线", "bus"),
    "bus load": Words("总线占用率", "bus load"),
    "requests": Words("请求", "requests"),
    "timeouts": Words("超时", "time-outs"),
    "crc_errors": Words("校验错", "CRC"),
    "foreign": Words("错答", "foreign"),
    "late": Words("迟答", "late"),
    "exceptions": Words("拒绝", "refusals"),
    "probes": Words("探询", "probes"),
    "collisions": Words("总线上有另一主站的请求", "requests of another master on the bus"),
    "reopened": Words("端口重新打开次数", "port opened anew"),
    "good": Words("正常", "good"),
    "ok": Words("正常", "ok"),
    "warning": Words("注意", "warning"),
    "failed": Words("故障", "failed"),
    "bad": Words("异常", "bad"),
    "seals": Words("签封", "seals"),
    "sealed": Words("已签封", "sealed"),
    "receipted": Words("已回执", "receipted"),
    "delivered": Words("读数已送达至", "readings up to"),
    "backlog": Words("待送达", "backlog"),
    "verified": Words("已核验", "verified"),
    "broker": Words("消息服务器", "broker"),
    "connected": Words("已连接", "connected"),
    "disconnected": Words("已断开", "disconnected"),
    "alarms": Words("告警", "alarms"),
    "not_authorized": Words("消息服务器拒绝授权", "the broker does not authorise"),
    "refused": Words("消息服务器拒收或繁忙", "the broker refuses or is busy"),
    "oversize": Words(
        "消息服务器允许的数据包太小，连一个签封也装不下",
        "the broker's packets are too small for a single seal",
    ),
    "parts": Words("中心不接收分段的数据：版本过旧", "the centre takes no bodies in parts: it is too old"),
    "old_protocol": Words("消息服务器只支持 MQTT 3.1.1，需要 MQTT 5", "the broker speaks MQTT 3.1.1 only"),
    "unanswered": Words(
        "消息服务器不应答即断开连接：可能不支持 MQTT 5，或拒绝本网关",
        "the broker closes the connection unanswered: no MQTT 5, or it refuses this gateway",
    ),
    "hangs_up": Words("消息服务器收到数据即断开连接", "the broker hangs up as soon as something is sent"),
    "clone": Words("另有客户端使用本网关名称", "another client uses this gateway's name"),
    "stalled": Words("中心无回执", "no receipts from the centre"),
    "fork": Words("中心持有不同的签封：链已分叉", "the centre holds another seal: the chain is forked"),
    "rolled_back": Words("本机存储被回退：需重新登记", "this disk was rolled back: enrol anew"),
    "too few samples": Words("样本不足", "too few samples"),
    "production constant": Words("生产负荷恒定", "production constant"),
    "treatment constant": Words("治理负荷恒定", "treatment constant"),
    "episodes": Words("事件", "episodes"),
    "none": Words("无", "none"),
    "memory": Words("内存", "memory"),
    "no receipt yet": Words("尚无回执", "no receipt yet"),
    "last receipt": Words("最近回执", "last receipt"),
    "certificate until": Words("证书至", "certificate until"),
    "certificate ended": Words("证书已过期", "certificate ended"),
    "certificate unreadable": Words("证书无法读取", "certificate cannot be read"),
    "synchronised": Words("时钟已同步", "clock synchronised"),
    "unsynchronised": Words("时钟未同步", "clock not synchronised"),
    "simulated": Words("模拟时钟", "clock simulated"),
    "against the centre": Words("与中心相差", "against the centre"),
    "lost": Words("丢失", "lost"),
    "last hour": Words("最近一小时", "last hour"),
    "agent gone": Words("代理没有应答，等待中", "the agent does not answer, waiting"),
    "left out": Words("不给出", "does not give"),
    "more": Words("另有", "more:"),
    "begin": Words("开始", "began"),
    "raised at": Words("触发", "raised"),
    "duration": Words("持续", "lasted"),
    "lasting": Words("持续中", "still on"),
    "rule": Words("规则", "rule"),
    "severity": Words("级别", "severity"),
    "plant time": Words("厂区时间", "plant time"),
    "violation": Words("违规", "violation"),
    "integrity": Words("数据真实性", "integrity"),
    "data": Words("数据", "data"),
    "notice": Words("提示", "notice"),
    "raised": Words("已触发", "raised"),
    "cleared": Words("已解除", "cleared"),
    "model": Words("型号", "model"),
}


def label(key: str) -> str:
    """The label `key` in the language of this call."""
    return translate(LABELS[key])


def label_outside(text: object) -> str:
    """The label of a word from outside, such as a state in a record; an unknown one as it stands."""
    known = LABELS.get(text) if isinstance(text, str) else None
    return one_line(str(text)) if known is None else translate(known)
