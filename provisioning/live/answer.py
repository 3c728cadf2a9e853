"""`dianjian answer`: the orders that a gateway holds, and the plant's answer to one.

The answer is a letter into the agent's inbox (`agent.inbox`), which seals it within seconds. Files are copied
beside the chain, into `files/` of the state folder under their SHA-256; their names, sizes and hashes are
sealed.
"""

import hashlib
from errno import EFBIG
from pathlib import Path
from typing import Any, Final

import click

from agent.inbox import ANSWER, EntryError, drop
from agent.site.file import ConfigError, load_site
from agent.status.socket import read_status
from disk.files import read_plain, replace_file
from evidence.moments import utc_ms
from evidence.orders.entries import BY_PEOPLE
from evidence.record import NS_PER_MS
from evidence.record_body import FILES_MAX
from evidence.words import Words
from provisioning.live.status import explain_no_agent
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from provisioning.words.orders import tell_order

FILES_NAME: Final = "files"
FILE_BYTES_MAX: Final = 2 * 1024 * 1024
"""A photograph of a telephone, or a report of some pages."""
WORDS: Final = {
    "none": Words("没有有效的指令", "there are no orders in force"),
    "both": Words(
        "答复须给出指令、--by 和一种状态：{states}",
        "an answer needs the order, --by, and one of the states {states}",
    ),
    "unknown": Words(
        "网关没有有效的指令 {order}；有：{known}",
        "the gateway holds no order {order} in force; there are: {known}",
    ),
    "too many": Words("文件最多 {count} 个", "at most {count} files"),
    "too long": Words(
        "{file}：超过 {size} 字节；请缩小后重试", "{file}: has more than {size} bytes; make it smaller"
    ),
    "refused": Words("无法封存该答复：{why}", "no record can hold this answer: {why}"),
    "answered": Words(
        "{order}：答复（{state}）将在数秒内封存", "{order}: the answer ({state}) is sealed within seconds"
    ),
}


@click.command("answer", short_help="the orders that a gateway holds, and the plant's answer")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file of the agent.")
@click.option("--by", default="", help="Who answers: a name.")
@click.option("--text", default="", help="What is said.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Beside the chain; 2 MiB at most, repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.argument("order", default="")
@click.argument("state", default="", metavar="[STATE]")
def command(
    config: Path, by: str, text: str, files: tuple[Path, ...], as_json: bool, order: str, state: str
) -> None:
    """Show the orders in force, or answer ORDER: accepted, objected, declared or done."""
    try:
        site = load_site(config)
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    if order and (state not in BY_PEOPLE or not by):
        raise fail(EXIT_USAGE, translate(WORDS["both"], states=", ".join(BY_PEOPLE)))
    folder = site.path(site.store.path)
    try:
        known: list[dict[str, Any]] = read_status(folder).get("orders", [])
    except (OSError, ValueError) as error:
        raise fail(EXIT_OUTSIDE, explain_no_agent(folder, config, error)) from error
    if not order:
        _show(known, as_json=as_json)
        return
    if order not in {one["order"] for one in known}:
        names = ", ".join(one["order"] for one in known) or "-"
        raise fail(EXIT_USAGE, translate(WORDS["unknown"], order=order, known=names))
    now_ms = utc_ms()
    body = {"what": ANSWER, "order": order, "state": state, "by": by, "at": now_ms, "text": text}
    body["files"] = _keep(folder, files)
    try:
        drop(folder, body, now_ms * NS_PER_MS)
    except EntryError as error:
        raise fail(EXIT_USAGE, translate(WORDS["refused"], why=error)) from error
    if as_json:
        say_json(body)
    else:
        say(translate(WORDS["answered"], order=order, state=state))


def _show(known: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        say_json({"orders": known})
        return
    say(*(map(tell_order, known) if known else [translate(WORDS["none"])]))


def _keep(folder: Path, files: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Copy the files beside the chain; their names, sizes and hashes."""
    if len(files) > FILES_MAX:
        raise fail(EXIT_USAGE, translate(WORDS["too many"], count=FILES_MAX))
    kept = []
    for path in files:
        try:
            raw = read_plain(path, FILE_BYTES_MAX)
        except OSError as error:
            if error.errno != EFBIG:
                raise
            raise fail(EXIT_USAGE, translate(WORDS["too long"], file=path, size=FILE_BYTES_MAX)) from error
        digest = hashlib.sha256(raw).hexdigest()
        (folder / FILES_NAME).mkdir(mode=0o700, exist_ok=True)
        replace_file(folder / FILES_NAME / digest, raw, 0o600)
        kept.append({"name": path.name, "size": len(raw), "sha256": digest})
    return kept
