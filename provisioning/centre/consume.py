"""`dianjian consume`: the lines that the centre has verified, from its store, for programs of others.

It needs no key and runs beside `dianjian subscribe`. Lines come at least once: the cursor moves only when
they were written. With --into they come exactly once, because lines and cursor are one transaction.
"""

import sys
from contextlib import ExitStack, closing
from errno import EFBIG
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from centre.consumer import TYPES, Consumer, Wanted
from centre.feed import CursorError
from centre.json_lines import JsonLine, as_text
from centre.store.lines_file import LinesFile
from centre.store.place import Place
from disk.database import StoreError
from disk.files import read_plain, replace_file
from evidence.words import Words
from provisioning.centre.options import FILE
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.moment import Moment
from provisioning.terminal.say import say
from provisioning.terminal.stopping import stopping
from provisioning.terminal.store_option import store_option
from provisioning.words.language import translate
from wire.platforms.credentials import CredentialsError, read_credentials

POLL_S: Final = 0.5
"""Between two looks of --follow; subscribe commits a batch at a time anyway."""
CURSOR_BYTES_MAX: Final = 100
WORDS: Final = {
    "no store": Words("需要 --store：监控中心的数据库", "--store is needed: the database of the centre"),
    "one place": Words(
        "--after、--replay、--into 与 --cursor 各自决定起点：{names} 不能同时使用",
        "{names} cannot be used together: each says where to begin",
    ),
    "cursor": Words(
        "{name} 不是游标；请使用上次输出的游标，或删除该文件从头开始",
        "{name} is no cursor; use one that a line showed, or remove the file to begin anew",
    ),
    "other store": Words(
        "{name} 是另一个数据库的游标，或数据库曾从备份恢复；请从头开始",
        "{name} is a cursor of another store, or of this one before it was restored; begin anew",
    ),
    "no logger": Words(
        "--logger-key 须写作 网关/电表=文件，不能是 {given}",
        "--logger-key is GATEWAY/METER=FILE, not {given}",
    ),
    "loaded": Words("{file}：新增 {count} 行", "{file}: {count} more lines"),
}


@click.command("consume", short_help="what the centre verified, as JSON lines or for SQL")
@store_option("The subscriber's database; it may be running.")
@click.option("--cursor", type=FILE, help="Begin where this file says, and keep it up to date.")
@click.option("--after", metavar="CURSOR", help='Begin behind the line with this cursor; "" for the first.')
@click.option("--replay", is_flag=True, help="Begin at the first line, whatever --cursor says.")
@click.option("--gateway", "gateways", multiple=True, metavar="NAME", help="This gateway; may be repeated.")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Lines of this type.")
@click.option("--since", type=Moment(), help="From this time on, 2026-11-22T06:00+08:00.")
@click.option("--until", type=Moment(), help="Before this time.")
@click.option(
    "--logger-key",
    "logger_keys",
    multiple=True,
    metavar="GATEWAY/METER=FILE",
    help="Credential file of a data logger that encrypts, else its packets have no values.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until SIGTERM or ctrl-C.")
@click.option("--into", type=FILE, help="Put the lines into this SQLite file, instead of printing them.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the lines.")
def command(
    store: Place | None,
    cursor: Path | None,
    after: str | None,
    replay: bool,
    gateways: tuple[str, ...],
    types: tuple[str, ...],
    since: int | None,
    until: int | None,
    logger_keys: tuple[str, ...],
    follow: bool,
    into: Path | None,
    schema: bool,
) -> None:
    """Print the verified lines of the centre's store, each with the cursor to go on behind it."""
    if schema:
        say(*files("centre").joinpath("lines.schema.json").read_text("utf-8").splitlines())
        return
    if store is None:
        raise fail(EXIT_USAGE, translate(WORDS["no store"]))
    begins = [("--after", after), ("--replay", replay), ("--into", into), ("--cursor", cursor and not replay)]
    if len(given := [name for name, value in begins if value]) > 1:
        raise fail(EXIT_USAGE, translate(WORDS["one place"], names=", ".join(given)))
    wanted = Wanted(frozenset(gateways), frozenset(types), since, until)
    with ExitStack() as stack:
        try:
            consumer = Consumer(store, wanted, _read_keys(logger_keys))
            output = None if into is None else LinesFile.open(into, consumer.store)
            if output is not None:
                stack.enter_context(closing(output))
                after = output.cursor()
            _begin(consumer, after or None, None if replay else cursor, into)
            count = _consume(consumer, output, cursor, follow=follow)
        except StoreError as error:
            raise fail(EXIT_USAGE, str(error)) from error
        if into is not None:
            say(translate(WORDS["loaded"], file=into, count=count))


def _read_keys(given: tuple[str, ...]) -> dict[str, dict[str, tuple[bytes, ...]]]:
    """The keys of data loggers, by gateway and meter."""
    keys: dict[str, dict[str, tuple[bytes, ...]]] = {}
    for one in given:
        name, _, file = one.partition("=")
        gateway, _, meter = name.partition("/")
        if not gateway or not meter or not file:
            raise fail(EXIT_USAGE, translate(WORDS["no logger"], given=one))
        try:
            keys.setdefault(gateway, {})[meter] = read_credentials(Path(file)).keys
        except CredentialsError as error:
            raise fail(EXIT_USAGE, *error.problems) from error
    return keys


def _begin(consumer: Consumer, after: str | None, cursor: Path | None, into: Path | None) -> None:
    """Have it begin at a cursor, if one is given and there."""
    name = str(into or cursor or "--after")
    if after is None:
        if cursor is None or not cursor.exists():
            return
        try:
            after = read_plain(cursor, CURSOR_BYTES_MAX).decode("utf-8", "replace")
        except OSError as error:
            if error.errno != EFBIG:
                raise
            raise fail(EXIT_USAGE, translate(WORDS["cursor"], name=name)) from error
    try:
        consumer.go_to(after)
    except CursorError as error:
        said = WORDS["other store" if error.is_of_other else "cursor"]
        raise fail(EXIT_USAGE, translate(said, name=name)) from error


def _consume(consumer: Consumer, output: LinesFile | None, cursor: Path | None, *, follow: bool) -> int:
    """Hand lines on until there are no more, or for ever; how many there were."""
    count = 0
    with stopping(is_wanted=follow) as stop:
        while not stop.is_set():
            has_come, lines = consumer.read()
            if has_come:
                count += len(lines)
                _hand_on(consumer, lines, output, cursor)
            elif not follow or stop.wait(POLL_S):
                break
    return count


def _hand_on(
    consumer: Consumer, lines: list[JsonLine], output: LinesFile | None, cursor: Path | None
) -> None:
    """Write a piece, and only then where it ends."""
    if output is not None:
        output.put(lines, consumer.cursor)
        return
    for line in lines:
        sys.stdout.write(as_text(line) + "\n")
    sys.stdout.flush()
    if cursor is not None:
        replace_file(cursor, f"{consumer.cursor}\n".encode())
