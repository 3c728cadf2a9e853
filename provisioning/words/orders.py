"""An order in words, as the terminal shows it: what is asked, by whom, and how long there is."""

from collections.abc import Mapping
from typing import Any, Final

from agent.orders.notices import HOUR_S, KINDS
from evidence.words import Words
from provisioning.words.language import translate

STATES: Final[Mapping[str, Words]] = {
    "pending": Words("待答复", "waits for an answer"),
    "overdue": Words("逾期", "OVERDUE"),
    "received": Words("已收到", "received"),
    "shown": Words("已展示", "shown"),
    "accepted": Words("已接受", "accepted"),
    "objected": Words("有异议", "objected"),
    "declared": Words("已申报", "declared"),
    "done": Words("已完成", "done"),
    "closed": Words("已办结", "closed"),
    "returned": Words("已退回", "RETURNED: answer again"),
}
WORDS: Final[Mapping[str, Words]] = {
    "row": Words(
        "{drill}{kind} {order}（{issuer} {number}）：{state}",
        "{drill}{kind} {order} ({issuer} {number}): {state}",
    ),
    "drill": Words("演练 · ", "DRILL · "),
    "left": Words("，剩余{hours}小时", ", {hours} h left"),
    "late": Words("，已超{hours}小时", ", for {hours} h"),
}


def tell_order(one: Mapping[str, Any]) -> str:
    """A line for an order of `agent.overview`."""
    kind, state = KINDS.get(one["kind"]), STATES.get(one["state"])
    text = translate(
        WORDS["row"],
        drill=translate(WORDS["drill"]) if one["test"] else "",
        kind=one["kind"] if kind is None else translate(kind),
        order=one["order"],
        issuer=one["issuer"],
        number=one["number"] or "-",
        state=one["state"] if state is None else translate(state),
    )
    if one["left_s"] is None or one["state"] not in {"pending", "overdue"}:
        return text
    hours = round(abs(one["left_s"]) / HOUR_S, 1)
    return text + translate(WORDS["left" if one["left_s"] >= 0 else "late"], hours=hours)
