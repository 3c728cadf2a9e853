"""What people are told of the orders that a gateway holds: a row each, and a notice when one changes. Pure.

A row is that of `agent.overview`. Its `state`:

    pending | overdue                        nobody of the plant has answered yet, in time or late
    accepted | objected | declared | done    the last answer of a person
    closed | returned                        what its issuer made of the answer

Orders that become effective later are among them: who is to stop at night has to know it in the afternoon.

A notice goes into the log, and to the plant's own address if the site has one (`agent.webhook`): the row, and
a sentence. It is given when an order comes, whenever its state changes, and when it means nothing any more
(state `ended`); at each start once for every order, so that a lamp which was off meanwhile shows what holds.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from agent.orders.alerts import find_alert
from agent.orders.book import Book
from evidence.moments import iso_utc
from evidence.orders.entries import BY_PEOPLE, Answered
from evidence.orders.order import ALERT, CHECK, Order
from evidence.words import Words

LOG: Final = logging.getLogger("dianjian.orders")

HOUR_S: Final = 3600
ENDED: Final = "ended"
"""The state of an order that expired, was cancelled or was overruled."""
ALARMING: Final = frozenset({"overdue", "returned"})
KINDS: Final[Mapping[str, Words]] = {
    "alert": Words("应急响应", "alert"),
    "cancel": Words("撤销", "cancel"),
    "check": Words("核查结果", "check"),
    "config": Words("配置", "configuration"),
    "diagnose": Words("诊断", "diagnosis"),
    "list": Words("减排清单", "reduction list"),
    "supervise": Words("督办", "supervision"),
}
WORDS: Final[Mapping[str, Words]] = {
    "drill": Words("演练：", "DRILL: "),
    "pending": Words(
        "{drill}{kind}指令 {order} 待答复（{issuer}）",
        "{drill}order {order} waits for an answer ({kind} of {issuer})",
    ),
    "pending until": Words(
        "{drill}{kind}指令 {order} 待答复，剩余{hours}小时（{issuer}）",
        "{drill}order {order} waits for an answer, {hours} h left ({kind} of {issuer})",
    ),
    "overdue": Words(
        "{drill}{kind}指令 {order} 逾期未答复（{issuer}）",
        "{drill}order {order} is overdue: nobody of the plant has answered ({kind} of {issuer})",
    ),
    "answered": Words(
        "{drill}{kind}指令 {order} 已答复：{state}（{issuer}）",
        "{drill}order {order} is answered: {state} ({kind} of {issuer})",
    ),
    "closed": Words(
        "{drill}{kind}指令 {order} 已办结（{issuer}）", "{drill}order {order} is closed ({kind} of {issuer})"
    ),
    "returned": Words(
        "{drill}{kind}指令 {order} 的答复被退回，请重新答复（{issuer}）",
        "{drill}the answer to order {order} was returned: answer again ({kind} of {issuer})",
    ),
    ENDED: Words(
        "{drill}{kind}指令 {order} 已失效（{issuer}）",
        "{drill}order {order} is in force no more ({kind} of {issuer})",
    ),
    "accepted": Words("已接受", "accepted"),
    "objected": Words("有异议", "objected"),
    "declared": Words("已申报", "declared"),
    "done": Words("已完成", "done"),
}


def list_rows(book: Book, utc_ms: int | None) -> list[dict[str, Any]]:
    """The orders that people must know, a row each; checks show in the order that they are about."""
    return [_describe(book, one, utc_ms) for one in book.list_standing(utc_ms) if one.kind != CHECK]


def _describe(book: Book, order: Order, utc_ms: int | None) -> dict[str, Any]:
    due_ms, answers = order.due_utc_ms, book.held[order.id].answers
    left_s = None if due_ms is None or utc_ms is None else (due_ms - utc_ms) // 1_000
    given = [one for one in answers if one in BY_PEOPLE]
    state = given[-1] if given else "overdue" if left_s is not None and left_s < 0 else "pending"
    result = book.find_result(order)
    if result is not None:
        state = "closed" if result.body.get("closed") is True else "returned"
    return {
        "order": order.id, "rev": order.rev, "seq": order.seq, "kind": order.kind, "issuer": order.issuer,
        "number": order.number, "test": order.test, "state": state, "left_s": left_s,
        "due": None if due_ms is None else iso_utc(due_ms),
        "effective": iso_utc(order.effective_utc_ms), "expires": iso_utc(order.expires_utc_ms),
        "shown": Answered.SHOWN.value in answers, "text": str(order.body.get("text", "")),
        "result": "" if result is None else str(result.body.get("text", "")),
        "alert": find_alert(book, order) if order.kind == ALERT else None,
    }  # fmt: skip


def tell(row: Mapping[str, Any]) -> Words:
    """The sentence of a notice."""
    state, left_s = row["state"], row["left_s"]
    key = "answered" if state in BY_PEOPLE else state
    if key == "pending" and left_s is not None:
        key = "pending until"
    return WORDS[key].fill(
        drill=WORDS["drill"] if row["test"] else "",
        kind=KINDS.get(row["kind"], row["kind"]),
        order=row["order"],
        issuer=row["issuer"],
        hours=round((left_s or 0) / HOUR_S, 1),
        state=WORDS.get(state, state),
    )


@define(eq=False, repr=False)
class Notices:
    """Tells of changes between two looks; `send` must not wait."""

    send: Callable[[Mapping[str, Any]], None] | None = None
    _told: dict[str, Mapping[str, Any]] = field(factory=dict, init=False)

    def look(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Tell what is not as it was at the last look."""
        now = {str(row["order"]): row for row in rows}
        ended = [{**row, "state": ENDED} for id_, row in self._told.items() if id_ not in now]
        changed = [row for id_, row in now.items() if _name(row) != _name(self._told.get(id_))]
        self._told = now
        for row in (*ended, *changed):
            sentence = tell(row)
            LOG.log(logging.WARNING if row["state"] in ALARMING else logging.INFO, "%s", sentence.en)
            if self.send is not None:
                self.send({**row, "sentence": sentence.to_body()})


def _name(row: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return () if row is None else (row["rev"], row["state"])
