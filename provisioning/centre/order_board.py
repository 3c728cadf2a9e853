"""The board of orders: how far each has come, for people and for scripts."""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

from agent.orders.notices import KINDS
from centre.orders.board import GatewayBoard, make_rows, read_boards
from centre.orders.ledger import Ledger, open_ledger
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_to_read
from evidence.words import Words
from provisioning.centre.options import failing_in_one_line, read_utc_ms
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from provisioning.words.orders import STATES

WORDS: Final = {
    "no orders": Words("没有指令", "there are no orders"),
    "row": Words(
        "{gateway}  {seq}  {order} 第{rev}版  {kind}  {shown}{notes}",
        "{gateway}  {seq}  {order} rev {rev}  {kind}  {shown}{notes}",
    ),
    "sent only": Words("已发出，未见封存记录", "sent, no seal of it is known"),
    "missing": Words("网关报告：未收到", "the gateway says that it has not come"),
    "held": Words("已封存于第{seal}号签封", "sealed in seal {seal}"),
    "refused": Words("网关拒绝：{reason}，见第{seal}号签封", "refused by the gateway: {reason}, seal {seal}"),
    "answer": Words("，{by}{state}", ", {state}{by}"),
    "by": Words("答复人{by}：", " by {by}"),
    "by stranger": Words("答复人{by}（未登记）：", " by {by} (not registered)"),
    "cancelled": Words("，已撤销", ", CANCELLED"),
    "ended": Words("，已到期", ", ended"),
    "overdue": Words("，逾期未答复", ", OVERDUE"),
    "stranger": Words(
        "{gateway}：第{seal}号签封：拒绝一条无有效签名的消息（{reason}）",
        "{gateway}: seal {seal}: a message without a good signature was refused ({reason})",
    ),
    "contradiction": Words(
        "{gateway}：指令 {one} 与 {two} 互相矛盾，以 {one} 为准",
        "{gateway}: orders {one} and {two} contradict each other; {one} holds",
    ),
    "keys": Words(
        "{gateway}：网关报告未收到吊销名单", "{gateway}: says that withdrawals of keys have not come"
    ),
}


def show_board(path: Path, store: Place | None, gateway: str, *, as_json: bool) -> None:
    """Print every order with how far it has come."""
    with failing_in_one_line(path):
        known = open_ledger(path)
        boards = find_boards(known, store, gateway)
    rows = make_rows(known, boards, read_utc_ms())
    if as_json:
        others = {
            name: {
                "missing": sorted(one.missing),
                "keys_missing": one.keys_missing,
                "refusals": one.refusals,
                "contradictions": [list(pair) for pair in one.contradictions],
            }
            for name, one in boards.items()
        }
        say_json({"orders": rows, "gateways": others})
        return
    say(*(map(tell_row, rows) if rows else [translate(WORDS["no orders"])]))
    for name, one in boards.items():
        for told in one.refusals:
            say(translate(WORDS["stranger"], gateway=name, seal=told["seal"], reason=told["reason"]))
        for holds, other in one.contradictions:
            say(translate(WORDS["contradiction"], gateway=name, one=holds, two=other))
        if one.keys_missing:
            say(translate(WORDS["keys"], gateway=name))


def find_boards(ledger: Ledger, store: Place | None, gateway: str) -> dict[str, GatewayBoard]:
    """Of the gateways that were asked for; empty ones without a store."""
    names = [name for name in ledger.orders if gateway in {"", name}]
    empty = {name: GatewayBoard() for name in names}
    if store is None:
        return empty
    with closing(open_to_read(store)) as snapshot:
        return read_boards(SqlJournal(snapshot.read), names) if snapshot.has("journal") else empty


def tell_row(row: dict[str, Any]) -> str:
    """An order with its state in a line."""
    said = "sent only" if row["state"] == "sent" else row["state"]
    notes = ""
    for one in row["answers"]:
        words = WORDS["by"] if one["named"] else WORDS["by stranger"]
        by = translate(words, by=one["by"]) if one["by"] else ""
        state = STATES.get(one["state"])
        shown = one["state"] if state is None else translate(state)
        notes += translate(WORDS["answer"], state=shown, by=by)
    for name in ("cancelled", "ended", "overdue"):
        notes += translate(WORDS[name]) if row[name] else ""
    kind = KINDS.get(row["kind"])
    named = {**row, "kind": row["kind"] if kind is None else translate(kind)}
    return translate(WORDS["row"], shown=translate(WORDS[said], **row), notes=notes, **named)
