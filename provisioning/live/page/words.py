"""The texts of the status page, in its reader's language."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from evidence.words import Language, Words
from provisioning.words.labels import LABELS

WORDS: Final[Mapping[str, Words]] = {
    "stale": Words(
        "与网关的连接已中断，以下为最近一次所见", "the gateway does not answer; this is the last it sent"
    ),
    "no agent": Words(
        "代理程序未运行或无应答（{why}）；以下为链上已签封的内容",
        "no agent answers ({why}); what follows is from the sealed chain",
    ),
    "site file": Words("配置文件有误", "the site file has a mistake"),
    "Lines": Words("线路", "Lines"),
    "Linkages": Words("关联与治理缺口", "Linkages and deficit"),
    "Buses": Words("总线", "Buses"),
    "Meters": Words("电表", "Meters"),
    "Episodes": Words("事件", "Episodes"),
    "Technical": Words("技术状态：签封、回执、总线、电表", "Technical: seals, receipts, buses, meters"),
    "not judged": Words("不作判断", "not judged"),
    "last seal": Words("最近签封", "last seal"),
    "none yet": Words("尚无回执", "none yet"),
    "seals": Words("个签封", "seals"),
    "ago": Words("{age}前", "{age} ago"),
    "meters": Words("电表", "meters"),
    "meters answer": Words("块电表正常", "meters answer"),
    "the agent": Words("代理程序", "the agent"),
    "clock": Words("时钟", "clock"),
    "synchronised": Words("已同步", "in step"),
    "unsynchronised": Words("未同步", "not in step"),
    "simulated": Words("模拟", "simulated"),
    "to the centre": Words("与中心相差 {ahead_s:+.1f} 秒", "{ahead_s:+.1f} s to the centre"),
    "rated": Words("铭牌", "rated"),
    "production power": Words("生产功率", "production"),
    "treatment power": Words("治理功率", "treatment"),
    "needed": Words("应不低于", "needed"),
    "correlation": Words("相关系数 r", "correlation r"),
    "of": Words("{part} / {whole}", "{part} / {whole}"),
    "bus / meter": Words("总线 / 电表", "bus / meter"),
    "reading": Words("读数", "reading"),
    "heartbeat": Words(
        "最近一次心跳在{age}前：待送达{backlog}，无应答电表 {silent}",
        "last heartbeat {age} ago: backlog {backlog}, silent meters {silent}",
    ),
    "today": Words("今日负荷", "Today's loads"),
    "today, date": Words("今日负荷 {date}", "Today's loads, {date}"),
    "last day, date": Words("最近一天 {date}", "Last day on record, {date}"),
    "being read": Words("正在读取，已到 {at}", "being read, {at} so far"),
    "other lines": Words("其他线路", "other lines"),
    "no seals": Words("无签封", "no seals"),
    "last seal at": Words("{at} 最近签封", "{at} last seal"),
    "on from": Words("运行不低于", "on from"),
    "Commissioning": Words("调试", "Commissioning"),
    "commissioned": Words("已调试", "commissioned"),
    "provisional": Words("已调试，暂定", "commissioned, provisional"),
    "not commissioned": Words("未调试", "not commissioned"),
    "learned": Words("学到的", "learned"),
    "not learned": Words("未学到的", "not learned"),
    "answered": Words("已回答", "answered"),
    "to answer": Words("请回答（dianjian setup commission）", "to answer (dianjian setup commission)"),
    "from": Words("生产自", "production from"),
    "least": Words("治污至少", "treatment at least"),
    "usual": Words("通常", "usual"),
    "no chain": Words("此处尚无签封链", "there is no sealed chain yet"),
    "no seal": Words("链上尚无签封", "nothing is sealed yet"),
    "chain unreadable": Words("链无法读取：{why}", "the chain cannot be read: {why}"),
    "no episodes": Words("无事件", "no episodes"),
    "more episodes": Words("另有{count}个事件", "{count} more episodes"),
    "two hours": Words("两小时曲线", "its two hours"),
    "episode unreadable": Words(
        "此事件由其他版本记录，无法识读", "this episode was written by another version and cannot be read"
    ),
}
"""In addition to `provisioning.words.labels`, which the terminal uses too."""


@frozen
class Reader:
    """The reader's language: takes the key of a catalogue, gives the text in that language."""

    language: Language

    def text(self, key: str, **values: object) -> str:
        """The text for `key` with `values` in it, of which `Words` are in the same language.

        Raises:
            KeyError: No catalogue has it.
        """
        return (WORDS.get(key) or LABELS[key]).text(self.language, **values)

    def words(self, key: str, **values: object) -> Words:
        """The same where texts of both languages are wanted: a drawing then shows one."""
        return Words.same(self.text(key, **values))

    def name(self, code: object) -> str:
        """The name of an agent's code; the code itself if the agent is newer."""
        if not isinstance(code, str) or not code:
            return "—"
        try:
            return self.text(code)
        except KeyError:
            return code
