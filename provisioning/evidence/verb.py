"""`dianjian evidence`: one file for `dianjian verify` that proves some hours of a gateway.

At the centre from its database, with its key; on a gateway from its own chain and the receipts that it kept.
A running subscriber or agent is not disturbed. Only a pack that passes the check is written.
"""

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from agent.sealing.anchors import read_anchors
from agent.site.enrolment import EnrolmentError, read_enrolment
from agent.site.file import ConfigError, load_site
from agent.store.archive import open_gateway
from agent.store.names import DATABASE_NAME
from centre.register import RegisterError, read_register
from centre.store.place import Place
from centre.store.reading import open_centre
from disk.database import StoreError
from disk.files import create_file
from disk.translation import translate_message
from evidence.anchors import Anchors
from evidence.archive import Archive
from evidence.cbor import FormatError
from evidence.keys import KeyFileError, load_key_file, public
from evidence.pack.content import Content, encode_content
from evidence.pack.proved import PackError
from evidence.receipt import RANGES_MAX, Receipt, sign_receipt
from evidence.seal import FIRST_NUMBER, peek_header, seal_hash
from provisioning.evidence.check import Checked, make_pack
from provisioning.evidence.gather import Gathered, GatherError, Request, find_applied, gather, list_whole_life
from provisioning.evidence.page import PAGE_VERSION
from provisioning.evidence.words import lines, summary
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.register_option import register_option
from provisioning.terminal.say import say, say_json, say_progress
from provisioning.terminal.store_option import store_option

NS_PER_MS: Final = 1_000_000
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@frozen
class Source:
    """Where the evidence comes from.

    Attributes:
        anchors: What a walk along the chain begins at.
        secret: The centre's, None on a gateway.
        enrolment: The enrolment that the centre signed, if known.
    """

    archive: Archive
    anchors: Anchors
    centre_key: bytes
    secret: bytes | None = None
    enrolment: bytes = b""


@click.command("evidence", short_help="the proof of some hours of a gateway as one file")
@store_option("At the centre: its database.")
@register_option("At the centre: the register, where the database is older.", required=False)
@click.option("--key", type=_FILE, help="At the centre: its key file, which signs the pack.")
@click.option("--gateway", metavar="ID", help="At the centre: the gateway's id.")
@click.option("--config", type=_FILE, help="On the gateway: the site file.")
@click.option("--state", type=_FOLDER, help="On the gateway: the state folder, if it is not the site file's.")
@click.option("--from", "from_ms", type=Moment(), help="Begin of the window, 2026-11-22T06:00+08:00.")
@click.option("--to", "to_ms", type=Moment(), help="End of the window.")
@click.option("--linkage", default="", metavar="ID", help="Show this linkage only.")
@click.option(
    "--episode", default="", metavar="ID", help="Its id or the beginning; the window is its two hours."
)
@click.option("--whole-chain", is_flag=True, help="Every seal from the first, so that no receipt is needed.")
@click.option("--out", required=True, type=_FILE, help="The file to write; it must not exist.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    store: Place | None,
    register: Path | None,
    key: Path | None,
    gateway: str | None,
    config: Path | None,
    state: Path | None,
    from_ms: int | None,
    to_ms: int | None,
    linkage: str,
    episode: str,
    whole_chain: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Write the evidence of a window or an episode to one file."""
    if out.exists():
        raise fail(EXIT_USAGE, f"{out}: is there already; evidence is never overwritten")
    if not out.absolute().parent.is_dir():
        raise fail(EXIT_USAGE, f"{out}: there is no folder {out.absolute().parent}")
    try:
        source = _open_centre(store, register, key, gateway) if store else _open_gateway(config, state)
    except (StoreError, RegisterError, KeyFileError, ConfigError, EnrolmentError, OSError) as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    asked = Request(from_ms, to_ms, linkage, episode)
    quiet = as_json or not sys.stderr.isatty()
    with closing(source.archive):
        raw, checked = _make(source, asked, whole_chain=whole_chain, quiet=quiet)
    _write(out, raw)
    if as_json:
        say_json({"file": str(out), **summary(checked, raw)})
    else:
        say(*map(translate_message, [f"{out}: {len(raw)} bytes", *lines(checked, raw)]))


def _open_centre(store: Place, register: Path | None, key: Path | None, gateway: str | None) -> Source:
    if not (key and gateway):
        raise fail(EXIT_USAGE, "at the centre give --store, --key and --gateway")
    secret = load_key_file(key)
    entry = None if register is None else read_register(register).get(gateway)
    if register is not None and entry is None:
        raise fail(EXIT_USAGE, f"{register}: gateway {gateway} is not enrolled")
    archive = open_centre(store, gateway)
    enrolment = archive.enrolment or (entry.enrolment if entry else b"")
    if entry is not None and archive.first_key != entry.first_key:
        archive.close()
        raise fail(EXIT_USAGE, f"{register}: {gateway} has another first key than in {store}")
    anchors = Anchors(gateway, archive.first_key, statements=archive.statements, tip=archive.tip)
    return Source(archive, anchors, public(secret), secret, enrolment)


def _open_gateway(config: Path | None, state: Path | None) -> Source:
    if config is None:
        raise fail(EXIT_USAGE, "give --store, --key and --gateway at the centre, --config on a gateway")
    site = load_site(config)
    folder = state or site.path(site.store.path)
    if site.broker is None or site.broker.centre_key is None:
        raise fail(EXIT_USAGE, f"{config}: broker.centre_key: missing; receipts cannot be checked")
    read_enrolment(folder)  # without the first key the pack cannot be checked
    archive = open_gateway(folder / DATABASE_NAME, site.site.gateway)
    centre_key = site.broker.centre_key
    return Source(archive, read_anchors(folder, archive, centre_key), centre_key)


def _make(source: Source, asked: Request, *, whole_chain: bool, quiet: bool) -> tuple[bytes, Checked]:
    """Make the pack; ends the command with the reason if that fails."""
    try:
        stated = find_applied(source.archive, source.anchors.statements, enrolled=bool(source.enrolment))
        gathered = gather(
            source.archive,
            asked,
            source.centre_key,
            anchors=source.anchors,
            statements=stated,
            enrolled=bool(source.enrolment),
            whole_chain=whole_chain,
            progress=(lambda _what, _count: None) if quiet else _show_progress,
        )
        return _make_pack(source, gathered)
    except GatherError as error:
        raise fail(EXIT_NO, str(error)) from error
    except StoreError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    except FormatError as error:
        raise fail(EXIT_NO, f"what is stored is not what was sealed: {error}") from error
    except PackError as error:
        raise fail(EXIT_NO, "what is stored does not prove itself:", *error.problems) from error


def _make_pack(source: Source, gathered: Gathered) -> tuple[bytes, Checked]:
    now_ms = time.time_ns() // NS_PER_MS
    receipts = gathered.receipts
    if source.secret is not None:
        receipts = tuple(_sign_receipts(source, gathered, source.secret, now_ms))
    content = Content(
        gateway=source.archive.gateway,
        centre_key=source.centre_key,
        first_key=None if source.enrolment else source.anchors.first_key,
        by_centre=source.secret is not None,
        made_utc_ms=now_ms,
        page=PAGE_VERSION,
        question=gathered.question,
        statements=(
            *([source.enrolment] if source.enrolment else []),
            *list_whole_life(source.anchors.statements, gathered.runs),
        ),
        receipts=receipts,
        runs=gathered.runs,
    )
    return make_pack(encode_content(content), source.centre_key, source.secret, source.anchors.first_key)


def _sign_receipts(source: Source, gathered: Gathered, secret: bytes, now_ms: int) -> list[bytes]:
    """Fresh signatures of the centre for the ends of every run; a seal 1 needs none."""
    held, gateway = source.archive.held, source.archive.gateway
    assert held is not None
    signed = []
    for run in gathered.runs:
        first = peek_header(run[0].cose).number
        for at in dict.fromkeys((0, len(run) - 1)):
            number = first + at
            if number == FIRST_NUMBER and at != len(run) - 1:
                continue
            up_to = min(held.up_to, number)
            ranges = tuple((a, min(b, number)) for a, b in held.ranges if a <= number)[:RANGES_MAX]
            receipt = Receipt(gateway, number, seal_hash(run[at].cose), up_to, ranges, now_ms)
            signed.append(sign_receipt(receipt, secret))
    return signed


def _write(out: Path, raw: bytes) -> None:
    try:
        create_file(out, raw)
    except FileExistsError as error:
        raise fail(EXIT_USAGE, f"{out}: is there already; evidence is never overwritten") from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{out}: {error.strerror}") from error


def _show_progress(what: str, count: int) -> None:
    say_progress(what, count, "seals")
