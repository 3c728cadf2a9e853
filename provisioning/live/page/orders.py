"""The orders of the bureau on the page: what is asked, by when, how far it has come, what to do now.

Pure. Rows are those of `agent.orders.notices`, out of the agent's status; the most urgent stands first.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from agent.orders.notices import ALARMING, KINDS
from evidence.moments import local_text
from evidence.orders.entries import BY_PEOPLE
from evidence.words import Words
from provisioning.declaring.form import PATH
from provisioning.live.page.alerts import find_asked
from provisioning.live.page.site import SitePlan
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from provisioning.pages.html import Html, join, markup
from provisioning.words.numbers import duration
from provisioning.words.orders import STATES

WORDS: Final[Mapping[str, Words]] = {
    "Orders": Words("生态环境部门的指令", "Orders of the bureau"),
    "drill": Words("演练", "DRILL"),
    "of": Words("{kind} {order}", "{kind} {order}"),
    "issuer": Words("{issuer} {number}", "{issuer} {number}"),
    "left to answer": Words("答复{order}还剩{left}（至{at}）", "{left} left to answer {order}, until {at}"),
    "until": Words("答复期限：{at}，{left}", "answer by {at}, {left}"),
    "left": Words("剩余{left}", "{left} left"),
    "late": Words("已超{left}", "{left} late"),
    "in force": Words("{begin} 至 {end} 有效", "in force from {begin} to {end}"),
    "result": Words("部门意见：{text}", "The bureau says: {text}"),
    "do supervise": Words("请核实情况并在期限内答复。", "Look into it, and answer in time."),
    "do alert": Words(
        "请按减排清单落实措施，并答复“已接受”；不能落实的，说明理由。",
        "Carry out the measures of the reduction list and accept; if you cannot, object and say why.",
    ),
    "do list": Words(
        "请核对清单中的线路和措施；有误的，提出异议。",
        "Compare lines and measures with the plant; object if they are wrong.",
    ),
    "do": Words("请阅读；有异议的，提出异议。", "Read it, and object if it is wrong."),
    "do overdue": Words("已逾期：请立即答复。", "It is late: answer now."),
    "do returned": Words("答复被退回：请按部门意见重新答复。", "The answer was returned: answer again."),
    "do answered": Words("已答复，待部门核查；无需操作。", "Answered; the bureau checks it. Nothing to do."),
    "do holds": Words(
        "已答复；预警结束前须按上述要求执行。", "Answered. Keep to these measures until the alert ends."
    ),
    "do closed": Words("已办结；无需操作。", "Closed. Nothing to do."),
    "answer": Words("答复或申报", "Answer or declare"),
    "how": Words(
        "答复：dianjian answer --config site.toml --by 姓名 --text 说明 {order} "
        "accepted|objected|declared|done",
        "To answer: dianjian answer --config site.toml --by NAME --text TEXT {order} "
        "accepted|objected|declared|done",
    ),
    "waits": Words(
        "{drill}{kind}指令 {order}（{issuer}）待答复，期限 {at}，{left}，见“生态环境部门的指令”。",
        "{drill}Order {order} ({kind} of {issuer}) waits for an answer by {at}, {left}; see below.",
    ),
    "waits on": Words(
        "{drill}{kind}指令 {order}（{issuer}）待答复，见“生态环境部门的指令”。",
        "{drill}Order {order} ({kind} of {issuer}) waits for an answer; see below.",
    ),
    "returned": Words(
        "{drill}{kind}指令 {order}（{issuer}）的答复被退回，请重新答复，见“生态环境部门的指令”。",
        "{drill}The answer to order {order} ({kind} of {issuer}) was returned: answer again; see below.",
    ),
    "drill of": Words("演练：", "DRILL: "),
}
WANTED: Final = ("alert", "supervise")
"""Kinds that want an answer even if they name no time for it."""
_CSS: Final = {"overdue": "violation", "returned": "violation", "pending": "data"}
_RANK: Final = {"overdue": 0, "returned": 1, "pending": 2, "closed": 4}
_ANSWERED: Final = 3

Row = Mapping[str, Any]


def list_orders(seen: Snapshot) -> list[Row]:
    """The rows of the agent, the most urgent first; none of an agent that is older than orders."""
    rows: list[Row] = list(seen.status.get("orders") or ()) if seen.status else []
    return sorted(rows, key=lambda row: (_RANK.get(row["state"], _ANSWERED), row["due"] or "~", row["seq"]))


def list_urgent(seen: Snapshot) -> tuple[list[Words], list[Words]]:
    """Sentences for the head of the page: of orders to act on now, and of those that wait."""
    urgent: list[Words] = []
    waiting: list[Words] = []
    for row in list_orders(seen):
        if row["state"] in ALARMING:
            urgent.append(_warn(row, seen.plan.offset_s))
        elif row["state"] == "pending" and (row["due"] is not None or row["kind"] in WANTED):
            waiting.append(_warn(row, seen.plan.offset_s))
    return urgent, waiting


def _warn(row: Row, offset_s: int) -> Words:
    key = "returned" if row["state"] == "returned" else "waits on" if row["due"] is None else "waits"
    return WORDS[key].fill(
        drill=WORDS["drill of"] if row["test"] else "",
        kind=KINDS.get(row["kind"], row["kind"]),
        order=row["order"],
        issuer=row["issuer"],
        at=_at(row["due"], offset_s),
        left=_left(row["left_s"]),
    )


def list_due(seen: Snapshot) -> Iterator[tuple[float, Words]]:
    """Of the orders that wait for an answer in time: how many seconds are left, and the same in words."""
    for row in list_orders(seen):
        left_s = row["left_s"]
        if row["state"] == "pending" and row["due"] is not None and left_s is not None and left_s >= 0:
            at = _at(row["due"], seen.plan.offset_s)
            yield left_s, WORDS["left to answer"].fill(order=row["order"], left=duration(left_s), at=at)


def draw_orders(
    rows: Sequence[Row], plan: SitePlan, now_s: float, reader: Reader, *, declares: bool = False
) -> Iterator[Html]:
    """A card for each order, with a way to the form where the page may take an answer."""
    if rows:
        yield markup('<h2 id="orders">{}</h2>', WORDS["Orders"].text(reader.language))
    for row in rows:
        yield _draw(row, plan, now_s, reader, declares=declares)


def _draw(row: Row, plan: SitePlan, now_s: float, reader: Reader, *, declares: bool) -> Html:
    def text(key: str, **values: object) -> str:
        return WORDS[key].text(reader.language, **values)

    offset_s, state = plan.offset_s, STATES.get(row["state"], Words.same(row["state"]))
    css = _CSS.get(row["state"], "notice")
    name = text("of", kind=KINDS.get(row["kind"], row["kind"]), order=row["order"])
    lines = [text("issuer", issuer=row["issuer"], number=row["number"] or "")]
    if row["due"] is not None:
        lines.append(text("until", at=_at(row["due"], offset_s), left=_left(row["left_s"])))
    lines.append(text("in force", begin=_at(row["effective"], offset_s), end=_at(row["expires"], offset_s)))
    alert = find_asked(row, plan.names, offset_s, now_s)
    asked = markup("<p>{}</p>", alert.sentence.text(reader.language)) if alert else Html("")
    result = markup("<p>{}</p>", text("result", text=row["result"])) if row["result"] else ""
    return markup(
        '<section class="card order {}"><strong>{}{}</strong> <span class="badge {}">{}</span>'
        '<p class="asked">{}</p>{}{}<p><strong>{}</strong></p>{}</section>',
        css,
        markup('<span class="badge notice">{}</span> ', text("drill")) if row["test"] else "",
        name,
        css,
        state.text(reader.language),
        row["text"],
        asked,
        result,
        text("do holds" if row["state"] in BY_PEOPLE and alert and alert.wants else _find_deed(row)),
        join(
            [
                *_draw_how(row, reader, declares=declares),
                *(markup('<p class="dim">{}</p>', line) for line in lines),
            ]
        ),
    )


def _draw_how(row: Row, reader: Reader, *, declares: bool) -> Iterator[Html]:
    if row["state"] not in _CSS:
        return
    if declares:
        where = f"{PATH}?{urlencode({'order': row['order'], 'lang': reader.language})}"
        yield markup('<p><a href="{}">{}</a></p>', where, WORDS["answer"].text(reader.language))
    else:
        how = WORDS["how"].text(reader.language, order=row["order"])
        yield markup('<p class="dim">{}</p>', how)


def _find_deed(row: Row) -> str:
    """The key of what is to be done."""
    state = row["state"]
    if state in BY_PEOPLE:
        return "do answered"
    if f"do {state}" in WORDS:
        return f"do {state}"
    return f"do {row['kind']}" if f"do {row['kind']}" in WORDS else "do"


def _at(moment: str | None, offset_s: int) -> str:
    """A time of the status in the plant's zone."""
    if moment is None:
        return "—"
    return local_text(datetime.fromisoformat(moment).timestamp(), offset_s, "%Y-%m-%d %H:%M")


def _left(left_s: int | None) -> Words:
    if left_s is None:
        return Words.same("—")
    return WORDS["left" if left_s >= 0 else "late"].fill(left=duration(abs(left_s)))
