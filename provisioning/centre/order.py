"""`dianjian centre order`: what an officer asks of gateways, and how far it has come.

An order is signed with a bureau's key and goes into the ledger of orders, one line, which the running
`dianjian subscribe --orders` publishes by itself. What no gateway would take is refused here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

import click
from attrs import evolve

from centre.json_lines import plain
from centre.orders.board import make_rows
from centre.orders.ledger import Ledger, add_line, open_ledger, order_line
from centre.store.place import Place
from disk.database import add_suffix
from disk.lock import Lock
from evidence.keys import load_key_file
from evidence.moments import iso_utc
from evidence.orders.order import ALERT, CANCEL, KINDS, Order, sign_order
from evidence.words import Words
from provisioning.centre.keys import DAY_MS, LEDGER
from provisioning.centre.options import (
    AS_JSON,
    FILE,
    SIM_CLOCK,
    failing_in_one_line,
    read_utc_ms,
    show,
)
from provisioning.centre.order_board import find_boards, show_board, tell_row
from provisioning.centre.order_body import draw_alert, read_bodies
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.lazy_group import LazyGroup
from provisioning.terminal.moment import Moment
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate

VALID_DAYS: Final = 30
"""Of an order, where nobody says otherwise."""
BUREAU: Final = click.option("--key", required=True, type=FILE, help="Key file of the bureau.")
ISSUER: Final = click.option("--issuer", required=True, help="The bureau, as its certificate names it.")
STORE: Final = store_option("The subscriber's database: what came back.")
WORDS: Final = {
    "sent": Words("{gateway}：{id} 已签发，序号 {seq}", "{gateway}: {id} is signed, number {seq}"),
    "no order": Words("{file}：没有 {gateway} 的指令 {id}", "{file}: has no order {id} of {gateway}"),
}


@click.group(
    "order",
    cls=LazyGroup,
    places={"files": "centre.order_files:files"},
    short_help="orders to gateways, and the board of what came back",
)
@SIM_CLOCK
def order() -> None:
    """Orders to gateways: send, cancel, and see how far each has come."""


@order.command("send")
@LEDGER
@BUREAU
@ISSUER
@click.option(
    "--kind",
    required=True,
    type=click.Choice([kind for kind in KINDS if kind != CANCEL]),
    help="What is asked.",
)
@click.option("--id", "id_", required=True, help="Names the order; a later revision has the same.")
@click.option("--number", default="", help="Of the document.")
@click.option("--effective", type=Moment(), help="From when on; now if it is not given.")
@click.option("--expires", type=Moment(), help="Until when; 30 days if it is not given.")
@click.option("--due", type=Moment(), help="An answer is awaited until then.")
@click.option(
    "--priority", type=click.IntRange(0, 255), default=0, show_default=True, help="0 is the highest."
)
@click.option("--test", is_flag=True, help="A drill: nothing follows from it but the answer.")
@click.option("--body", type=click.File("r", lazy=True), help="JSON object: what the kind asks for.")
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def send(
    ledger: Path,
    key: Path,
    issuer: str,
    kind: str,
    id_: str,
    number: str,
    effective: int | None,
    expires: int | None,
    due: int | None,
    priority: int,
    test: bool,
    body: TextIO | None,
    as_json: bool,
    gateways: tuple[str, ...],
) -> None:
    """Sign an order for each of GATEWAYS."""
    now_ms = read_utc_ms()
    begin_ms = now_ms if effective is None else effective
    head = Order(
        id=id_,
        rev=1,
        seq=1,
        kind=kind,
        gateway=gateways[0],
        issuer=issuer,
        issued_utc_ms=now_ms,
        effective_utc_ms=begin_ms,
        expires_utc_ms=max(begin_ms, now_ms) + VALID_DAYS * DAY_MS if expires is None else expires,
        body={},
        number=number,
        due_utc_ms=due,
        priority=priority,
        test=test,
    )
    draw = read_bodies(body, kind)
    issue_orders(ledger, key, gateways, lambda _, gateway: evolve(head, body=draw(gateway)), as_json=as_json)


@order.command("alert")
@LEDGER
@BUREAU
@ISSUER
@click.option("--list", "list_id", required=True, help="The reduction list that was sent, by its --id.")
@click.option("--level", required=True, help="Of the alert, as the list has it, in Chinese or English.")
@click.option("--from", "begin", required=True, type=Moment(), help="When it begins.")
@click.option("--until", "end", required=True, type=Moment(), help="When it ends.")
@click.option("--id", "id_", required=True, help="Names the order; a later revision has the same.")
@click.option("--number", default="", help="Of the document.")
@click.option("--due", type=Moment(), help="An answer is awaited until then.")
@click.option("--test", is_flag=True, help="A drill: nothing follows from it but the answer.")
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def alert(
    ledger: Path,
    key: Path,
    issuer: str,
    list_id: str,
    level: str,
    begin: int,
    end: int,
    id_: str,
    number: str,
    due: int | None,
    test: bool,
    as_json: bool,
    gateways: tuple[str, ...],
) -> None:
    """Fire the rows of a level of the reduction list at each of GATEWAYS."""
    now_ms = read_utc_ms()
    times = now_ms, now_ms, max(end, now_ms) + DAY_MS  # it can be answered for a day more

    def draft(known: Ledger, gateway: str) -> Order:
        body = draw_alert(known, gateway, list_id, level, (begin, end))
        return Order(id_, 1, 1, ALERT, gateway, issuer, *times, body, number, due, test=test)

    issue_orders(ledger, key, gateways, draft, as_json=as_json)


@order.command("cancel")
@LEDGER
@BUREAU
@ISSUER
@click.option("--id", "id_", required=True, help="The order that ends.")
@click.option("--number", default="", help="Of the document.")
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def cancel(
    ledger: Path, key: Path, issuer: str, id_: str, number: str, as_json: bool, gateways: tuple[str, ...]
) -> None:
    """End an order of one's own bureau, or of one below it, at each of GATEWAYS."""
    now_ms = read_utc_ms()

    def draft(known: Ledger, gateway: str) -> Order:
        target = known.latest(gateway).get(id_)
        if target is None:
            raise fail(EXIT_USAGE, translate(WORDS["no order"], file=ledger, gateway=gateway, id=id_))
        times = now_ms, now_ms, max(target.order.expires_utc_ms, now_ms + DAY_MS)
        name = f"cancel-{known.next_seq(gateway)}"
        return Order(name, 1, 1, CANCEL, gateway, issuer, *times, {"order": id_}, number)

    issue_orders(ledger, key, gateways, draft, as_json=as_json)


@order.command("list")
@LEDGER
@click.option("--gateway", default="", help="Of this gateway alone.")
@AS_JSON
def listing(ledger: Path, gateway: str, as_json: bool) -> None:
    """What was sent."""
    show_board(ledger, None, gateway, as_json=as_json)


@order.command("board")
@LEDGER
@STORE
@click.option("--gateway", default="", help="Of this gateway alone.")
@AS_JSON
def board(ledger: Path, store: Place | None, gateway: str, as_json: bool) -> None:
    """How far each order has come: sent, sealed, shown, answered, missing."""
    show_board(ledger, store, gateway, as_json=as_json)


@order.command("show")
@LEDGER
@STORE
@AS_JSON
@click.argument("gateway")
@click.argument("id_", metavar="ORDER")
def show_order(ledger: Path, store: Place | None, as_json: bool, gateway: str, id_: str) -> None:
    """An order with its body, and all that was answered."""
    with failing_in_one_line(ledger):
        known = open_ledger(ledger)
        found = known.latest(gateway).get(id_)
        if found is None:
            raise fail(EXIT_NO, translate(WORDS["no order"], file=ledger, gateway=gateway, id=id_))
        boards = find_boards(known, store, gateway)
        rows = [row for row in make_rows(known, boards, read_utc_ms()) if row["order"] == id_]
    fields = {**rows[0], "effective": iso_utc(found.order.effective_utc_ms), "body": plain(found.order.body)}
    if as_json:
        say_json({**fields, "raw": found.raw.hex()})
        return
    say(tell_row(rows[0]), *(f"{name}: {value}" for name, value in fields.items()))


def issue_orders(
    path: Path, key: Path, gateways: tuple[str, ...], draft: Callable[[Ledger, str], Order], *, as_json: bool
) -> None:
    """Number, sign and keep an order for each gateway; nothing is kept if one of them would be refused.

    One officer at a time: two orders must not get one number.
    """
    with failing_in_one_line(key):
        secret = load_key_file(key)
    with failing_in_one_line(path), Lock(add_suffix(path, ".lock")):
        known = open_ledger(path)
        heads = [_number(known, one, draft(known, one)) for one in dict.fromkeys(gateways)]
        made = [(head, sign_order(head, secret)) for head in heads]
        for _, raw in made:
            known.check_order(raw, read_utc_ms())
        for _, raw in made:
            add_line(path, order_line(raw))
    rows = [{"gateway": one.gateway, "order": one.id, "rev": one.rev, "seq": one.seq} for one, _ in made]
    lines = [translate(WORDS["sent"], gateway=one.gateway, id=one.id, seq=one.seq) for one, _ in made]
    show({"orders": rows}, *lines, as_json=as_json)


def _number(ledger: Ledger, gateway: str, head: Order) -> Order:
    """The order with its number and revision for a gateway."""
    before = ledger.latest(gateway).get(head.id)
    rev = 1 if before is None else before.order.rev + 1
    return evolve(head, gateway=gateway, seq=ledger.next_seq(gateway), rev=rev)
