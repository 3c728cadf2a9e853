"""`dianjian answer`: the orders that a gateway holds, and the plant's answer to one.

The answer is a letter into the agent's inbox (`agent.inbox`), which seals it within seconds; files lie beside
the chain (`provisioning.declaring.letters`). As soon as persons were named (`dianjian person`), only they
answer, each with the own password.
"""

from collections.abc import Sequence
from errno import EFBIG
from pathlib import Path
from typing import Any, Final

import click

from agent.inbox import ANSWER, EntryError, drop
from agent.site.file import ConfigError, load_site
from agent.status.socket import read_status
from disk.files import read_plain
from evidence.marks.mark import FILE_BYTES_MAX, MarkFile
from evidence.moments import utc_ms
from evidence.orders.entries import BY_PEOPLE
from evidence.record import NS_PER_MS
from evidence.record_body import FILES_MAX
from evidence.words import Words
from provisioning.declaring.letters import LetterError, keep_file
from provisioning.declaring.passwords import read_typed_password
from provisioning.declaring.persons import Person, PersonsError, find_person, read_persons
from provisioning.terminal.exits import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.words.language import translate
from provisioning.words.orders import tell_order
from provisioning.words.status import explain_no_agent

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
    "too long": Words(
        "{file}：超过 {size} 字节；请缩小后重试", "{file}: has more than {size} bytes; make it smaller"
    ),
    "nobody": Words(
        "--by {name}：未登记此申报人（dianjian person add）；已登记：{known}",
        "--by {name}: nobody of that name may declare (dianjian person add); known: {known}",
    ),
    "wrong": Words("--by {name}：密码不对", "--by {name}: wrong password"),
    "refused": Words("无法封存该答复：{why}", "no record can hold this answer: {why}"),
    "answered": Words(
        "{order}：答复（{state}）将在数秒内封存", "{order}: the answer ({state}) is sealed within seconds"
    ),
}

FILES: Final = click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Beside the chain; 2 MB at most, repeatable.",
)


@click.command("answer", short_help="the orders that a gateway holds, and the plant's answer")
@click.option("--config", required=True, type=click.Path(path_type=Path), help="The site file of the agent.")
@click.option("--by", default="", help="Who answers: a name.")
@click.option("--text", default="", help="What is said.")
@FILES
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
    known = read_orders(folder, config)
    if not order:
        _show(known, as_json=as_json)
        return
    if order not in {one["order"] for one in known}:
        names = ", ".join(one["order"] for one in known) or "-"
        raise fail(EXIT_USAGE, translate(WORDS["unknown"], order=order, known=names))
    if _has_persons(folder):
        log_in(folder, by)
    now_ms = utc_ms()
    body = {"what": ANSWER, "order": order, "state": state, "by": by, "at": now_ms, "text": text}
    body["files"] = [
        {"name": one.name, "size": one.size, "sha256": one.sha256} for one in keep_files(folder, files)
    ]
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


def read_orders(state: Path, config: Path) -> list[dict[str, Any]]:
    """The rows of the running agent; ends the call where none answers."""
    try:
        rows: list[dict[str, Any]] = read_status(state).get("orders", [])
    except (OSError, ValueError) as error:
        raise fail(EXIT_OUTSIDE, explain_no_agent(state, config, error)) from error
    return rows


def keep_files(state: Path, files: Sequence[Path]) -> tuple[MarkFile, ...]:
    """Copy files beside the chain; ends the call for one that cannot be kept."""
    if len(files) > FILES_MAX:
        raise fail(EXIT_USAGE, f"--file: at most {FILES_MAX}")
    kept = []
    for path in files:
        try:
            kept.append(keep_file(state, path.name, read_plain(path, FILE_BYTES_MAX)))
        except LetterError as error:
            raise fail(EXIT_USAGE, str(error)) from error
        except OSError as error:
            if error.errno != EFBIG:
                raise
            raise fail(EXIT_USAGE, translate(WORDS["too long"], file=path, size=FILE_BYTES_MAX)) from error
    return tuple(kept)


def _has_persons(state: Path) -> bool:
    try:
        return bool(read_persons(state))
    except PersonsError as error:
        raise fail(EXIT_USAGE, str(error)) from error


def log_in(state: Path, name: str) -> Person:
    """The person, who types the password; ends the call for anybody else."""
    try:
        persons = read_persons(state)
    except PersonsError as error:
        raise fail(EXIT_USAGE, str(error)) from error
    if name not in {one.name for one in persons}:
        known = ", ".join(one.name for one in persons) or "-"
        raise fail(EXIT_USAGE, translate(WORDS["nobody"], name=name, known=known))
    found = find_person(persons, name, read_typed_password(confirm=False))
    if found is None:
        raise fail(EXIT_NO, translate(WORDS["wrong"], name=name))
    return found
