"""`dianjian centre diagnose`: look at a gateway from the desk.

`send` signs an order for one of four looks: the doctor's lines, a bundle for support, the agent's log, a
minute of a bus. `show` waits for the file that comes of it, compares it with the sealed hash, and shows or
saves it.
What a gateway does with such an order stands in docs/remote-care.md. The file is what the gateway's machine
says, and is shown as text from outside; a bundle is saved and never unpacked.
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from centre.files.shelf import Kept
from centre.orders.ledger import Ledger, open_ledger
from centre.store.place import Place
from disk.files import read_plain
from disk.help_page import HelpGroup
from disk.translation import translate_message
from evidence.cbor import FormatError
from evidence.orders.diagnosis import BUS, DOCTOR, HOURS_MAX, LOG, NAMES, SECONDS_MAX, SECONDS_MIN, Diagnosis
from evidence.orders.order import DIAGNOSE, Order
from evidence.words import Words
from provisioning.care.lines import NO_FACTS, FactsError, describe_unseen, list_findings, read_facts
from provisioning.care.progress import PENDING, Progress, Stage, list_progress
from provisioning.care.session import SessionError, sum_up_session
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON, STORE, failing_in_one_line, read_utc_ms
from provisioning.centre.order import BUREAU, ISSUER, issue_orders
from provisioning.centre.order_board import find_boards
from provisioning.centre.order_files import open_shelf
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail, write_or_fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.paths import FORCE, NEW_FILE
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import Activity
from provisioning.words.labels import label
from provisioning.words.language import translate
from wire.files import FILE_BYTES_MAX

VALID_MS: Final = 86_400_000
"""Of an order, where nobody says otherwise: what a gateway was like later than that nobody asks for."""
LOOK_S: Final = 2.0
"""Between two looks into the store while one waits."""
WAIT_S_MAX: Final = 3_600
_REST: Final = "rest"
WORDS: Final = {
    "no order": Words(
        "{gateway}：没有下发过诊断指令 {id}；见 `dianjian centre order list`",
        "{gateway}: no diagnose order {id} was sent to it; see `dianjian centre order list`",
    ),
    "no bus": Words("--what bus 须用 --bus 指明总线", "--what bus needs --bus with its name"),
    "head": Words("{gateway}  {order} 第{rev}版  {stage}{why}", "{gateway}  {order} rev {rev}  {stage}{why}"),
    "why": Words("：{text}", ": {text}"),
    "coming": Words(
        "文件 {name}（{size}字节）还没有到中心；稍后再看，或用 --wait-s 等待",
        "the file {name}, {size} bytes, is not at the centre yet; look again, or wait with --wait-s",
    ),
    "erased": Words("文件 {name} 已在中心删除", "the file {name} was erased at the centre"),
    "edited": Words(
        "文件 {name} 与封存的哈希不符，不予显示", "the file {name} is not what was sealed: it is not shown"
    ),
    "saved": Words("{path}：{size}字节", "{path}: {size} bytes"),
    "bundle": Words(
        "文件 {name}（{size}字节）已到中心；用 --save 文件 保存",
        "the file {name}, {size} bytes, is here; --save FILE keeps it",
    ),
    "told": Words("网关 {at} 所述，代理版本 {version}", "as the gateway told it at {at}, version {version}"),
    "unit": Words(
        "站号 {unit}：读 {reads} 次，应答 {answered}，中位 {median}，最长 {longest}{errors}",
        "unit {unit}: {reads} reads, {answered} answered, median {median}, longest {longest}{errors}",
    ),
    "errors": Words("，{kind} {count}", ", {kind} {count}"),
    "ms": Words("{ms} 毫秒", "{ms} ms"),
    "waiting": Words("等待网关 {gateway}：{stage}", "waiting for {gateway}: {stage}"),
}
STAGES: Final = {
    "sent": Words("已签发", "sent"),
    "sealed": Words("网关已封存", "sealed"),
    "accepted": Words("网关正在执行", "being made"),
    "kept": Words("已完成", "done"),
    "refused": Words("网关拒绝", "REFUSED"),
    "back": Words("没有完成", "NOT DONE"),
    "cancelled": Words("已撤销", "cancelled"),
    "expired": Words("已过期，网关未及执行", "expired before the gateway carried it out"),
}


@click.group("diagnose", cls=HelpGroup, short_help="look at a gateway from afar: doctor, bundle, log, bus")
def diagnose() -> None:
    """Look at gateways from one desk: ask for a file, wait for it, read it."""


@diagnose.command("send")
@LEDGER
@BUREAU
@ISSUER
@click.option("--id", "id_", required=True, help="Names the order; a later revision has the same.")
@click.option("--what", required=True, type=click.Choice(sorted(NAMES)), help="Which look.")
@click.option("--hours", type=click.IntRange(1, HOURS_MAX), default=24, show_default=True,
              help="Of the log, as far as it reaches.")  # fmt: skip
@click.option("--bus", default="", help="Which bus is recorded, by its id.")
@click.option("--seconds", type=click.IntRange(SECONDS_MIN, SECONDS_MAX), default=SECONDS_MAX,
              show_default=True, help="How long it is recorded.")  # fmt: skip
@click.option("--expires", type=Moment(), help="A gateway that hears of it later refuses it; a day.")
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def send(
    ledger: Path,
    key: Path,
    issuer: str,
    id_: str,
    what: str,
    hours: int,
    bus: str,
    seconds: int,
    expires: int | None,
    as_json: bool,
    gateways: tuple[str, ...],
) -> None:
    """Ask each of GATEWAYS for a look at itself."""
    if what == BUS and not bus:
        raise fail(EXIT_USAGE, translate(WORDS["no bus"]))
    now_ms = read_utc_ms()
    times = now_ms, now_ms, now_ms + VALID_MS if expires is None else expires
    try:
        body = Diagnosis(what, hours, bus, seconds).to_body()
    except FormatError as error:
        raise fail(EXIT_USAGE, str(error)) from error

    def draft(_: Ledger, gateway: str) -> Order:
        return Order(id_, 1, 1, DIAGNOSE, gateway, issuer, *times, body)

    issue_orders(ledger, key, gateways, draft, as_json=as_json)


@diagnose.command("show")
@LEDGER
@STORE
@register_option("Beside it the files lie where the store is a PostgreSQL database.", required=False)
@click.option("--id", "id_", required=True, help="The order, by the --id that it was sent with.")
@click.option("--wait-s", type=click.IntRange(0, WAIT_S_MAX), default=0, show_default=True,
              help="So long to wait for the file.")  # fmt: skip
@FORCE
@click.option("--save", type=NEW_FILE, help="Write the file there instead of showing it.")
@AS_JSON
@click.argument("gateway")
def show(
    ledger: Path,
    store: Place,
    register: Path | None,
    id_: str,
    wait_s: int,
    save: Path | None,
    as_json: bool,
    gateway: str,
) -> None:
    """What has come of an order to GATEWAY; exit code 1 where its file is not here."""
    shelf = open_shelf(store, register)

    def look() -> tuple[Progress, Kept]:
        row = _find_row(ledger, store, gateway, id_)
        return row, shelf.look(gateway, row.files[0]["sha256"]) if row.files else Kept.ABSENT

    with Activity() as doing:
        row, kept = _wait(look, wait_s, doing.show)
    raw = None
    if kept is Kept.HELD:
        with failing_in_one_line(shelf.folder):
            raw = read_plain(shelf.folder / gateway / row.files[0]["sha256"], FILE_BYTES_MAX)
    is_edited = raw is not None and sha256(raw).hexdigest() != row.files[0]["sha256"]
    if save is not None and raw is not None and not is_edited:
        write_or_fail(save, raw)
    shown = {} if raw is None or is_edited or save is not None else _read(row.files[0]["name"], raw)
    found = "edited" if is_edited else kept.value
    if as_json:
        say_json({**row.to_row(), "file": {**row.files[0], "found": found} if row.files else None, **shown})
    else:
        _tell(row, found, shown, save)
    if raw is None or is_edited:
        raise click.exceptions.Exit(EXIT_NO)


def _find_row(ledger: Path, store: Place, gateway: str, id_: str) -> Progress:
    with failing_in_one_line(ledger):
        known = open_ledger(ledger)
        rows = list_progress(known, find_boards(known, store, gateway), read_utc_ms(), id_, DIAGNOSE)
    row = next((one for one in rows if one.gateway == gateway), None)
    if row is None:
        raise fail(EXIT_NO, translate(WORDS["no order"], gateway=gateway, id=id_))
    return row


def _wait(
    look: Callable[[], tuple[Progress, Kept]], wait_s: int, report: Callable[[str], None]
) -> tuple[Progress, Kept]:
    """What there is once nothing more comes, or the time is over."""
    end_s = time.monotonic() + wait_s
    while True:
        row, kept = look()
        is_coming = row.stage in PENDING or (row.stage is Stage.KEPT and kept in {Kept.ABSENT, Kept.PART})
        if not is_coming or time.monotonic() >= end_s:
            return row, kept
        report(translate(WORDS["waiting"], gateway=row.gateway, stage=translate(STAGES[row.stage.value])))
        time.sleep(LOOK_S)


def _read(name: str, raw: bytes) -> dict[str, Any]:
    """What is shown of a file, for scripts; a file of another form than its name says is shown as such."""
    try:
        if name == NAMES[DOCTOR]:
            facts = read_facts(raw, name)
            findings = [one.to_json() for one in list_findings(facts)]
            return {"at": facts.at.isoformat(), "version": facts.version, "findings": findings}
        if name == NAMES[BUS]:
            return {"units": sum_up_session(raw, name)}
    except FactsError:
        return {"trouble": translate(NO_FACTS, file=name)}
    except SessionError as error:
        return {"trouble": translate_message(str(error))}
    return {"lines": raw.decode("utf-8", "replace").splitlines()} if name == NAMES[LOG] else {_REST: name}


def _tell(row: Progress, found: str, shown: Mapping[str, Any], save: Path | None) -> None:
    why = translate(WORDS["why"], text=translate_message(row.why)) if row.why else ""
    stage = translate(STAGES[row.stage.value])
    say(translate(WORDS["head"], gateway=row.gateway, order=row.order, rev=row.rev, stage=stage, why=why))
    if not row.files:
        return
    file = row.files[0]
    if found != Kept.HELD.value:
        say(translate(WORDS[found if found in {"erased", "edited"} else "coming"], **file))
    elif save is not None:
        say(translate(WORDS["saved"], path=save, size=file["size"]))
    elif _REST in shown:
        say(translate(WORDS["bundle"], **file))
    else:
        say(*_list_lines(shown))


def _list_lines(shown: Mapping[str, Any]) -> list[str]:
    if "trouble" in shown:
        return [shown["trouble"]]
    if "units" in shown:
        return [_tell_unit(one) for one in shown["units"]]
    if "lines" in shown:
        return list(shown["lines"])
    lines = [translate(WORDS["told"], at=shown["at"], version=shown["version"])]
    for one in shown["findings"]:
        said = translate(Words(one["text_zh"], one["text"]))
        lines.append(f"{label(one['state'])}  {one['check']} {one['about']}".rstrip() + f": {said}")
        if one["remedy"]:
            lines.append(f"    → {translate(Words(one['remedy_zh'], one['remedy']))}")
    return [*lines, translate(describe_unseen())]


def _tell_unit(one: Mapping[str, Any]) -> str:
    median, longest = (
        "-" if one[key] is None else translate(WORDS["ms"], ms=f"{one[key]:g}")
        for key in ("median_ms", "longest_ms")
    )
    errors = "".join(translate(WORDS["errors"], kind=kind, count=n) for kind, n in one["errors"].items())
    return translate(
        WORDS["unit"],
        unit=one["unit"],
        reads=one["reads"],
        answered=one["answered"],
        median=median,
        longest=longest,
        errors=errors,
    )
