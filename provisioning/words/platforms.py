"""Platforms of HJ 212 in words: events of a conversation, and how a gateway's platforms stand.

Pure: rows of `agent.overview` in, texts out.
"""

from collections.abc import Mapping
from typing import Any, Final

from disk.plain_text import one_line
from disk.translation import to_chinese
from evidence.words import Words

WAITING_MAX: Final = 50
"""Packets of some minutes for three systems; more is a backlog."""

REQUEST_RESULTS: Final[Mapping[str, Words]] = {
    "1": Words("准备执行", "will be done"),
    "2": Words("请求被拒绝", "refused"),
    "3": Words("密码错误", "wrong password"),
    "4": Words("MN 错误", "wrong MN"),
    "5": Words("ST 错误", "wrong ST"),
    "6": Words("Flag 错误", "wrong Flag"),
    "7": Words("QN 错误", "wrong QN"),
    "8": Words("CN 错误", "wrong CN"),
    "9": Words("CRC 错误", "wrong CRC"),
    "100": Words("未知错误", "unknown error"),
}
"""QnRtn."""
EVENTS: Final[Mapping[str, Words]] = {
    "sent": Words("发出", "sent"),
    "got": Words("收到", "got"),
    "broken": Words("收到无法使用的数据：{detail}", "what came cannot be used: {detail}"),
    "repeated": Words("重发 {detail}", "sent again: {detail}"),
    "no_answer": Words("三次均无应答：{detail}", "no answer after three tries: {detail}"),
    "refused": Words("平台拒绝数据：{detail}", "the platform refuses data: {detail}"),
    "unasked": Words(
        "意外的应答 {detail}；请检查 ack 设置", "an answer that was not awaited, {detail}: look at ack"
    ),
    "clock": Words(
        "平台要求把时钟设为 {detail}：未执行", "the platform wanted the clock set to {detail}: not done"
    ),
    "command_refused": Words("拒绝命令 {detail}", "refused command {detail}"),
    "stranger": Words("命令的 MN 或密码不符：{detail}", "a command with another MN or password: {detail}"),
    "mn_assigned": Words("平台分配了 MN {detail}", "the platform assigned the MN {detail}"),
    "key_renewed": Words("平台更新了密钥", "the platform renewed the key"),
    "unfit": Words("不符合标准，未发出：{detail}", "would break the standard and was not sent: {detail}"),
}
"""By `wire.hj212.acts.Event`."""

_UP: Final = Words(
    "{name}：已连接，{waiting} 个数据包待发{more}", "{name}: connected, {waiting} packets wait{more}"
)
_DOWN: Final = Words(
    "{name}：未连接（{why}），{waiting} 个数据包待发{more}",
    "{name}: not connected ({why}), {waiting} packets wait{more}",
)
_NOT_YET: Final = Words("尚未连接过", "not yet")
_DROPPED: Final = Words("，已放弃 {count} 个", ", {count} were given up")
_TOLD: Final = Words("；{text}", "; {text}")


def tell_platform(row: Mapping[str, Any]) -> Words:
    """One station of one platform: whether it is connected, what waits, the last trouble."""
    more, why = Words.same(""), str(row["why"])
    if row["dropped"]:
        more = _DROPPED.fill(count=row["dropped"])
    if row["told"]:
        event, detail = str(row["told"]["event"]), one_line(str(row["told"]["detail"]))
        result = REQUEST_RESULTS.get(detail) if event == "refused" else None
        text = (
            EVENTS[event].fill(detail=result or Words.same(detail)) if event in EVENTS else Words.same(event)
        )
        told = _TOLD.fill(text=text)
        more = Words(more.zh + told.zh, more.en + told.en)
    known = Words(to_chinese(why), why) if why else _NOT_YET
    name = one_line(f"{row['host']} {row['mn']}")
    if row["connected"]:
        return _UP.fill(name=name, waiting=row["waiting"], more=more)
    return _DOWN.fill(name=name, why=known, waiting=row["waiting"], more=more)


def needs_look(row: Mapping[str, Any]) -> bool:
    """Whether it is connected and behind, or has said that something is wrong."""
    return row["waiting"] > WAITING_MAX or row["dropped"] > 0 or row["told"] is not None
