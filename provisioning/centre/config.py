"""`dianjian centre config`: the site files of gateways, changed from one desk.

`diff` shows what a change would do and signs nothing; `send` makes the same checks and then an order for each
gateway, all at once or in waves that stop by themselves; `status` says what has come of it. What a gateway
does with it stands in docs/remote-care.md.
"""

from pathlib import Path
from typing import Final

import click

from agent.site.file import SITE_FILE_BYTES_MAX
from centre.orders.ledger import Ledger, open_ledger
from centre.store.place import Place
from disk.help_page import HelpGroup
from disk.tables import TableError, read_text
from disk.translation import translate_message
from evidence.orders.certificate import METROLOGY, Role
from evidence.orders.change import JITTER_S_MAX, KEEP_S, KEEP_S_MAX, KEEP_S_MIN
from evidence.orders.order import CONFIG, Order
from evidence.words import Words
from provisioning.care.draft import Draft, DraftError, Source, draft_site, read_rows
from provisioning.care.progress import FAILED, PENDING, Progress, count_stages, list_progress, pick_wave
from provisioning.care.sites import read_sites
from provisioning.centre.keys import LEDGER
from provisioning.centre.options import AS_JSON, failing_in_one_line, read_utc_ms
from provisioning.centre.options import FILE as PATH
from provisioning.centre.order import BUREAU, ISSUER, issue_orders
from provisioning.centre.order_board import find_boards
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.moment import MS_PER_S, Moment
from provisioning.terminal.say import say, say_json
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate

VALID_MS: Final = 7 * 86_400_000
"""Of a change, where nobody says otherwise: so long a gateway that is away still takes it."""
TABLE_BYTES_MAX: Final = 1024 * 1024
"""A thousand gateways with a kilobyte each."""
BOM: Final = "\ufeff"
"""Spreadsheets put it before their UTF-8."""
STORE: Final = store_option("The subscriber's database: what each gateway runs with.", required=True)
WORDS: Final = {
    "head": Words(
        "{gateway}：第{seal}号签封中的站点文件，改动 {count} 项",
        "{gateway}: the site file of seal {seal}, {count} keys change",
    ),
    "change": Words("  {key}：{was} → {is_}{note}", "  {key}: {was} -> {is_}{note}"),
    "free": Words("", ""),
    "sealed": Words("（计量部分，须有 metrology 授权的密钥）", " (metering: needs a key with metrology)"),
    "refused": Words("（不可远程更改）", " (no order may change it)"),
    "problem": Words("  不可行：{text}", "  NOT POSSIBLE: {text}"),
    "note": Words("  注意：{text}", "  note: {text}"),
    "no site": Words(
        "{gateway}：中心没有它的站点文件；请确认网关名，并等待其清单记录到达",
        "{gateway}: the centre has no site file of it; check the name, or wait for its manifest",
    ),
    "nothing": Words("{gateway}：没有改动", "{gateway}: nothing would change"),
    "not sent": Words(
        "没有签发任何指令：{count} 台网关不可行", "no order was signed: not possible at {count} gateways"
    ),
    "no right": Words(
        "{issuer} 没有 metrology 授权，不能更改计量部分：{key}；请由有授权的机构签发",
        "{issuer} has no metrology among its kinds and cannot change {key}; let a bureau sign that has",
    ),
    "no source": Words(
        "请说明改什么：--file 整个文件，或 --set 键=值",
        "say what is to change: --file with a whole file, or --set KEY=VALUE",
    ),
    "no pair": Words("{text}：应写作 键=值", "{text}: write KEY=VALUE"),
    "stopped": Words(
        "已停止：{failed} 台网关未能保留新文件，上限 {most}；见 `dianjian centre config status`",
        "STOPPED: {failed} gateways did not keep the new file, at most {most} may; see "
        "`dianjian centre config status`",
    ),
    "waits": Words(
        "上一批还有 {count} 台网关没有结果", "{count} gateways of the last wave have no result yet"
    ),
    "all sent": Words("全部 {count} 台网关均已下发", "all {count} gateways have been sent it"),
    "row": Words(
        "{gateway}  {order} 第{rev}版  {stage}{why}", "{gateway}  {order} rev {rev}  {stage}{why}"
    ),
    "why": Words("：{text}", ": {text}"),
    "none": Words("没有下发过站点文件", "no site file was ever sent"),
}  # fmt: skip
STAGES: Final = {
    "sent": Words("已签发", "sent"),
    "sealed": Words("网关已封存", "sealed"),
    "accepted": Words("网关已接受，待启用", "accepted, waits for its time or its proof"),
    "kept": Words("已启用并保留", "kept"),
    "refused": Words("网关拒绝", "REFUSED"),
    "back": Words("已自动恢复原文件", "CAME BACK"),
    "cancelled": Words("已撤销", "cancelled"),
    "expired": Words("已过期，网关未及执行", "expired before the gateway carried it out"),
}
WHOLE: Final = click.option("--file", type=PATH, help="A whole site file; {{NAME}} stands for a column.")
TABLE: Final = click.option("--table", type=PATH, help="CSV with a row a gateway: what names stand for.")
SET: Final = click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="One key, as meter.m1.fast_s=2.",
)


@click.group("config", cls=HelpGroup, short_help="the site files of gateways, changed from afar")
def config() -> None:
    """Change site files from one desk: see what would happen, send, follow."""


@config.command("diff")
@STORE
@WHOLE
@TABLE
@SET
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def diff(
    store: Place,
    file: Path | None,
    table: Path | None,
    pairs: tuple[str, ...],
    as_json: bool,
    gateways: tuple[str, ...],
) -> None:
    """Show what a change would do at each of GATEWAYS; signs nothing. Exit code 1: not possible at one."""
    drafts = _draft_all(store, _read_source(file, table, pairs), gateways)
    if as_json:
        say_json({"gateways": [_to_row(one) for one in drafts]})
    else:
        say(*(line for one in drafts for line in _tell_draft(one)))
    if any(one.problems or not one.changes for one in drafts):
        raise click.exceptions.Exit(EXIT_NO)


@config.command("send")
@LEDGER
@BUREAU
@ISSUER
@STORE
@WHOLE
@TABLE
@SET
@click.option("--id", "id_", required=True, help="Names the change; a later revision has the same.")
@click.option("--at", type=Moment(), help="When it begins; now if it is not given.")
@click.option("--jitter-s", type=click.IntRange(0, JITTER_S_MAX), default=0, show_default=True,
              help="Gateways begin spread over this many seconds.")  # fmt: skip
@click.option("--keep-s", type=click.IntRange(KEEP_S_MIN, KEEP_S_MAX), default=KEEP_S, show_default=True,
              help="So long it may take to prove itself, before the old file comes back.")  # fmt: skip
@click.option("--why", default="", help="One sentence for the chain.")
@click.option("--expires", type=Moment(), help="A gateway that hears of it later refuses it; 7 days.")
@click.option("--wave", type=click.IntRange(1), help="Only the next so many; call it again for those after.")
@click.option("--failures-max", type=click.IntRange(0), default=0, show_default=True,
              help="With --wave: more failures than this stop it.")  # fmt: skip
@AS_JSON
@click.argument("gateways", nargs=-1, required=True)
def send(
    ledger: Path,
    key: Path,
    issuer: str,
    store: Place,
    file: Path | None,
    table: Path | None,
    pairs: tuple[str, ...],
    id_: str,
    at: int | None,
    jitter_s: int,
    keep_s: int,
    why: str,
    expires: int | None,
    wave: int | None,
    failures_max: int,
    as_json: bool,
    gateways: tuple[str, ...],
) -> None:
    """Sign another site file for each of GATEWAYS."""
    with failing_in_one_line(ledger):
        known = open_ledger(ledger)
    if wave is not None:
        gateways = _pick(known, store, id_, gateways, wave, failures_max)
    drafts = {
        one.site.gateway: one
        for one in _draft_all(store, _read_source(file, table, pairs), tuple(dict.fromkeys(gateways)))
    }
    _refuse(known, issuer, [*drafts.values()])
    now_ms = read_utc_ms()
    begin_ms = now_ms if at is None else at
    end_ms = max(begin_ms, now_ms) + jitter_s * MS_PER_S + VALID_MS if expires is None else expires

    def draft(_: Ledger, gateway: str) -> Order:
        body = drafts[gateway].to_change(keep_s, jitter_s, why).to_body()
        return Order(id_, 1, 1, CONFIG, gateway, issuer, now_ms, begin_ms, end_ms, body)

    issue_orders(ledger, key, tuple(drafts), draft, as_json=as_json)


@config.command("status")
@LEDGER
@STORE
@click.option("--id", "id_", default="", help="Of this change alone.")
@AS_JSON
def status(ledger: Path, store: Place, id_: str, as_json: bool) -> None:
    """What has come of changes, gateway by gateway; exit code 1 if one failed."""
    with failing_in_one_line(ledger):
        rows = _list_rows(open_ledger(ledger), store, id_)
    counts = count_stages(rows)
    if as_json:
        say_json({"gateways": [row.to_row() for row in rows], "stages": counts})
    elif rows:
        say(*map(_tell_row, rows), " · ".join(f"{translate(STAGES[one])} {n}" for one, n in counts.items()))
    else:
        say(translate(WORDS["none"]))
    if any(row.stage in FAILED for row in rows):
        raise click.exceptions.Exit(EXIT_NO)


def _list_rows(known: Ledger, store: Place, id_: str) -> list[Progress]:
    with failing_in_one_line(store):
        return list_progress(known, find_boards(known, store, ""), read_utc_ms(), id_)


def _pick(
    known: Ledger, store: Place, id_: str, gateways: tuple[str, ...], size: int, failures_max: int
) -> tuple[str, ...]:
    """The gateways of the next wave; ends the command where there is none."""
    rows = _list_rows(known, store, id_)
    failed = sum(row.stage in FAILED for row in rows)
    if failed > failures_max:
        raise fail(EXIT_NO, translate(WORDS["stopped"], failed=failed, most=failures_max))
    picked = pick_wave(gateways, rows, size)
    if picked:
        return tuple(picked)
    pending = sum(row.stage in PENDING for row in rows)
    if pending:
        raise fail(EXIT_NO, translate(WORDS["waits"], count=pending))
    say(translate(WORDS["all sent"], count=len(set(gateways))))
    raise click.exceptions.Exit(0)


def _read_source(file: Path | None, table: Path | None, pairs: tuple[str, ...]) -> Source:
    if file is None and not pairs:
        raise fail(EXIT_USAGE, translate(WORDS["no source"]))
    keys = []
    for text in pairs:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise fail(EXIT_USAGE, translate(WORDS["no pair"], text=text))
        keys.append((key.strip(), value.strip()))
    text = "" if file is None else _read(file, SITE_FILE_BYTES_MAX)
    try:
        rows = None if table is None else read_rows(_read(table, TABLE_BYTES_MAX).removeprefix(BOM))
    except DraftError as error:
        raise fail(EXIT_USAGE, f"{table}: {error}") from error
    return Source(text, rows, keys)


def _read(path: Path, bytes_max: int) -> str:
    try:
        return read_text(path, bytes_max)
    except TableError as error:
        raise fail(EXIT_USAGE, *(f"{path}: {one}" for one in error.problems)) from error


def _draft_all(store: Place, source: Source, gateways: tuple[str, ...]) -> list[Draft]:
    with failing_in_one_line(store):
        sites = read_sites(store, gateways)
    unknown = [one for one in gateways if one not in sites]
    if unknown:
        raise fail(EXIT_USAGE, *(translate(WORDS["no site"], gateway=one) for one in unknown))
    try:
        return [draft_site(sites[one], source) for one in gateways]
    except DraftError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def _refuse(known: Ledger, issuer: str, drafts: list[Draft]) -> None:
    """End the command if a gateway would not take what is to be sent."""
    bad = [one for one in drafts if one.problems or not one.changes]
    if bad:
        say(*(line for one in bad for line in _tell_draft(one)), err=True)
        raise fail(EXIT_NO, translate(WORDS["not sent"], count=len(bad)))
    named = list(known.trust.certificates(Role.BUREAU, issuer))
    sealed = [change["key"] for one in drafts for change in one.changes if change["kind"] == "sealed"]
    if sealed and not any(METROLOGY in one.kinds for one in named):
        raise fail(EXIT_NO, translate(WORDS["no right"], issuer=issuer, key=sealed[0]))


def _to_row(one: Draft) -> dict[str, object]:
    head = {"gateway": one.site.gateway, "seal": one.site.seal, "version": one.site.version}
    hashes = {"base": one.base.hex(), "changes": list(one.changes), "problems": list(one.problems)}
    return {**head, **hashes, "notes": list(one.notes), "diff": one.diff()}


def _tell_draft(one: Draft) -> list[str]:
    gateway = one.site.gateway
    if not one.changes and not one.problems:
        return [translate(WORDS["nothing"], gateway=gateway)]
    lines = [translate(WORDS["head"], gateway=gateway, seal=one.site.seal, count=len(one.changes))]
    for change in one.changes:
        note = translate(WORDS[change["kind"]])
        both = {"was": change["was"], "is_": change["is"]}
        lines.append(translate(WORDS["change"], key=change["key"], **both, note=note))
    lines += [translate(WORDS["problem"], text=translate_message(text)) for text in one.problems]
    lines += [translate(WORDS["note"], text=translate_message(text)) for text in one.notes]
    return [*lines, *(f"  {line}" for line in one.diff()[2:])]


def _tell_row(row: Progress) -> str:
    said = "; ".join(map(translate_message, row.why.split("; ")))
    why = translate(WORDS["why"], text=said) if said else ""
    stage = translate(STAGES[row.stage.value])
    return translate(WORDS["row"], gateway=row.gateway, order=row.order, rev=row.rev, stage=stage, why=why)
