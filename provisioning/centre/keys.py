"""`dianjian centre keys`: the root, and what it says about keys of receipts, bureaus and officers.

Secrets are files of mode 0600 that are named by path; none stands in an argument or the environment. `root`,
`certify`, `place` and `withdraw` need the root's file. `dianjian subscribe` signs with it too, or with a
receipt key that it has certified (docs/format.md, section 7).
"""

from pathlib import Path
from typing import Any, Final

import click

from centre.orders.ledger import (
    add_line,
    certificates_of,
    open_ledger,
    root_line,
    statement_line,
)
from disk.help_page import HelpGroup
from evidence.keys import create_key_file, load_key_file, public
from evidence.moments import iso_utc, utc_ms
from evidence.orders.certificate import (
    METROLOGY,
    Certificate,
    Placement,
    Role,
    RootStatement,
    Withdrawal,
    sign_root_statement,
)
from evidence.orders.order import KINDS
from evidence.words import Words
from provisioning.centre.options import AS_JSON, FILE, failing_in_one_line, show
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate

DAY_MS: Final = 86_400_000
VALID_DAYS: Final = 730
"""Of a certificate, where nobody says otherwise: two years, as long as a bureau knows its staff."""
LEDGER: Final = click.option(
    "--orders",
    "ledger",
    required=True,
    type=FILE,
    help="The ledger of orders; see `dianjian centre keys root`.",
)
ROOT: Final = click.option("--key", required=True, type=FILE, help="Key file of the root.")
KEY_HEX_DIGITS: Final = 64
WORDS: Final = {
    "begun": Words("{file}：根公钥 {key}", "{file}: begun; the root is {key}"),
    "there": Words("{file}：文件已存在，不会覆盖", "{file}: is there already, and is never overwritten"),
    "made": Words("{file}：已生成密钥，公钥 {key}", "{file}: a key was made; its public half is {key}"),
    "not root": Words(
        "{file}：该密钥不是本台账的根密钥；请使用 {root} 对应的密钥",
        "{file}: is not the root of this ledger; use the key of {root}",
    ),
    "no key": Words(
        "{text!r} 不是公钥：应为64位十六进制数，见 `centre keys make`",
        "{text!r} is no public key of 64 hexadecimal digits; `centre keys make` prints one",
    ),
    "certified": Words(
        "{name}（{role}）：{begin} 至 {end} 有效", "{name} ({role}): in force from {begin} to {end}"
    ),
    "placed": Words("{gateway}：所属区划 {area}", "{gateway}: is in area {area}"),
    "withdrawn": Words("{key}：已吊销", "{key}: is withdrawn"),
    "unknown": Words("{key}：台账中没有该公钥的证书", "{key}: the ledger has no certificate of this key"),
    "row": Words(
        "{name}  {role}  {key}  区划 {area}  {kinds}  {begin} 至 {end}{end_note}",
        "{name}  {role}  {key}  area {area}  {kinds}  {begin} to {end}{end_note}",
    ),
    "note": Words("  已吊销：{reason}", "  WITHDRAWN: {reason}"),
    "everywhere": Words("全部", "everywhere"),
}


@click.group("keys", cls=HelpGroup, short_help="the root's statements about keys of bureaus and officers")
def keys() -> None:
    """The root: certify keys, say where gateways are, withdraw keys."""


@keys.command("root")
@LEDGER
@ROOT
@AS_JSON
def begin(ledger: Path, key: Path, as_json: bool) -> None:
    """Begin the ledger of orders under a root: the key that gateways have as centre_key.

    The first centre's key is root and receipt key in one, so enrolled gateways and old evidence go on.
    """
    with failing_in_one_line(key):
        root = public(load_key_file(key))
    with failing_in_one_line(ledger):
        if ledger.exists():
            raise fail(EXIT_USAGE, translate(WORDS["there"], file=ledger))
        add_line(ledger, root_line(root))
    show({"root": root.hex()}, translate(WORDS["begun"], file=ledger, key=root.hex()), as_json=as_json)


@keys.command("make")
@click.option("--key", required=True, type=FILE, help="Key file to make; mode 0600.")
@AS_JSON
def make(key: Path, as_json: bool) -> None:
    """Make the key of a bureau, an officer or a verifier, and print its public half for `certify`."""
    try:
        secret = create_key_file(key)
    except FileExistsError as error:
        raise fail(EXIT_USAGE, translate(WORDS["there"], file=key)) from error
    shown = public(secret).hex()
    show({"key": shown}, translate(WORDS["made"], file=key, key=shown), as_json=as_json)


@keys.command("certify")
@LEDGER
@ROOT
@click.option(
    "--role", required=True, type=click.Choice([role.name.lower() for role in Role]), help="What it is for."
)
@click.option("--name", required=True, help="The bureau's, the officer's or the verifier's.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice((*KINDS, METROLOGY)),
    help="Of a bureau: a kind of order that it may give; repeatable.",
)
@click.option("--area", default="", help="Of a bureau: the code of its area, 3702; all gateways without it.")
@click.option("--from", "from_ms", type=Moment(), help="In force from; now if it is not given.")
@click.option("--until", "until_ms", type=Moment(), help="To; two years if it is not given.")
@AS_JSON
@click.argument("public_key")
def certify(
    ledger: Path,
    key: Path,
    role: str,
    name: str,
    kinds: tuple[str, ...],
    area: str,
    from_ms: int | None,
    until_ms: int | None,
    as_json: bool,
    public_key: str,
) -> None:
    """Say that PUBLIC_KEY is NAME's, for what, and how long."""
    now_ms = utc_ms()
    begin_ms = now_ms if from_ms is None else from_ms
    end_ms = begin_ms + VALID_DAYS * DAY_MS if until_ms is None else until_ms
    raw_key, named = _parse_key(public_key), tuple(sorted(set(kinds)))
    one = Certificate(Role[role.upper()], name, raw_key, named, area, begin_ms, end_ms, now_ms)
    _state(ledger, key, one)
    fields = {**_plain(one), "area": area}
    said = translate(WORDS["certified"], name=name, role=role, begin=iso_utc(begin_ms), end=iso_utc(end_ms))
    show(fields, said, as_json=as_json)


@keys.command("place")
@LEDGER
@ROOT
@AS_JSON
@click.argument("gateway")
@click.argument("area")
def place(ledger: Path, key: Path, as_json: bool, gateway: str, area: str) -> None:
    """Say that GATEWAY is in AREA, such as 370202: bureaus of areas around it may order it."""
    _state(ledger, key, Placement(gateway, area, utc_ms()))
    said = translate(WORDS["placed"], gateway=gateway, area=area)
    show({"gateway": gateway, "area": area}, said, as_json=as_json)


@keys.command("withdraw")
@LEDGER
@ROOT
@click.option("--since", "since_ms", type=Moment(), help="Not believed from then on; now if not given.")
@click.option("--reason", required=True, help="One sentence, part of the statement.")
@AS_JSON
@click.argument("public_key")
def withdraw(
    ledger: Path, key: Path, since_ms: int | None, reason: str, as_json: bool, public_key: str
) -> None:
    """End PUBLIC_KEY for good: gateways take nothing more that it signs."""
    wanted, now_ms = _parse_key(public_key), utc_ms()
    with failing_in_one_line(ledger):
        known = {one.key for one, _ in certificates_of(open_ledger(ledger))}
    if wanted not in known:
        raise fail(EXIT_USAGE, translate(WORDS["unknown"], key=public_key))
    _state(ledger, key, Withdrawal(wanted, now_ms if since_ms is None else since_ms, now_ms, reason))
    said = translate(WORDS["withdrawn"], key=public_key)
    show({"key": public_key, "reason": reason}, said, as_json=as_json)


@keys.command("list")
@LEDGER
@AS_JSON
def listing(ledger: Path, as_json: bool) -> None:
    """Every certificate of the ledger, and what was withdrawn."""
    with failing_in_one_line(ledger):
        known = open_ledger(ledger)
    rows = [
        {
            **_plain(one),
            "withdrawn": None if end is None else {"at": iso_utc(end.utc_ms), "reason": end.reason},
        }
        for one, end in certificates_of(known)
    ]
    if as_json:
        say_json({"root": known.root.hex(), "certificates": rows})
        return
    for row in rows:
        note = "" if row["withdrawn"] is None else translate(WORDS["note"], reason=row["withdrawn"]["reason"])
        shown = {
            **row,
            "area": row["area"] or translate(WORDS["everywhere"]),
            "kinds": " ".join(row["kinds"]),
        }
        say(translate(WORDS["row"], end_note=note, begin=row["from"], end=row["until"], **shown))


def _plain(one: Certificate) -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role.name.lower(),
        "key": one.key.hex(),
        "kinds": list(one.kinds),
        "area": one.area,
        "from": iso_utc(one.from_utc_ms),
        "until": iso_utc(one.until_utc_ms),
    }


def _parse_key(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) * 2 != KEY_HEX_DIGITS:
        raise fail(EXIT_USAGE, translate(WORDS["no key"], text=text[:KEY_HEX_DIGITS]))
    return raw


def _state(path: Path, key: Path, one: RootStatement) -> None:
    """Sign a statement as the root, and keep it."""
    with failing_in_one_line(path):
        ledger = open_ledger(path)
    with failing_in_one_line(key):
        secret = load_key_file(key)
        if public(secret) != ledger.root:
            raise fail(EXIT_USAGE, translate(WORDS["not root"], file=key, root=ledger.root.hex()))
        raw = sign_root_statement(one, secret)
    with failing_in_one_line(path):
        add_line(path, statement_line(raw))
