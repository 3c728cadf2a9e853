"""`dianjian curtail list check FILE`: whether a reduction list can be sent, and what is wrong with it.

With `--json` each gateway's list is printed as the body of its `list` order, so that the centre's verb can
sign exactly what was checked.
"""

from pathlib import Path
from typing import Any, Final

import click

from agent.site.file import ConfigError, load_site
from disk.help_page import HelpGroup
from disk.tables import TableError
from evidence.words import Words
from provisioning.curtail.catalogue import load_catalogue
from provisioning.curtail.list_file import Listed, count_bytes, list_odd_lines, read_lists
from provisioning.curtail.sheet import read_sheet
from provisioning.curtail.words import LABELS
from provisioning.loads.loads import LoadsError
from provisioning.terminal.exits import EXIT_NO, EXIT_USAGE, fail
from provisioning.terminal.say import say, say_json
from provisioning.terminal.show import console, table
from provisioning.words.alerts import name_level
from provisioning.words.language import translate

FILE: Final = click.Path(dir_okay=False, path_type=Path)


def read_list_file(path: Path, sheet: str, edition: str, gateway: str) -> Listed:
    """The lists in a file. Ends the command if it is none."""
    try:
        return read_lists(path, read_sheet(path, sheet), load_catalogue(), edition or path.stem[:64], gateway)
    except LoadsError as error:
        raise fail(EXIT_USAGE, *map(translate, error.words)) from error
    except TableError as error:
        raise fail(EXIT_USAGE, *error.problems) from error
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: {error.strerror}") from error


@click.group("list", cls=HelpGroup, short_help="reduction lists")
def listing() -> None:
    """Reduction lists, as CSV or .xlsx."""


@listing.command("check")
@click.option("--edition", default="", help="Name of this edition of the list; else the file's.")
@click.option("--gateway", default="", help="The gateway of all rows, if the file has no such column.")
@click.option("--sheet", default="", help="The sheet of a workbook with several.")
@click.option("--site", type=FILE, help="A site file: the lines of its gateway are looked up in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per gateway: the body of its order.")
@click.argument("file", type=FILE)
def check(edition: str, gateway: str, sheet: str, site: Path | None, as_json: bool, file: Path) -> None:
    """Check the reduction list FILE; every odd row is told with its place."""
    known = None
    try:
        known = load_site(site) if site else None
    except ConfigError as error:
        raise fail(EXIT_USAGE, *str(error).splitlines()) from error
    listed = read_list_file(file, sheet, edition, gateway or (known.site.gateway if known else ""))
    problems = list(listed.problems)
    if known:
        lines = [str(line.id) for line in known.line]
        problems += list_odd_lines(listed, known.site.gateway, lines, file)
    say(*map(translate, listed.notes), err=True)
    if as_json:
        for name, one in sorted(listed.lists.items()):
            size, most = count_bytes(one)
            say_json(
                {
                    "gateway": name,
                    "list": one.to_body(),
                    "bytes": size,
                    "bytes_max": most,
                    "good": not problems,
                }
            )
    else:
        _show(listed)
    if problems:
        raise fail(EXIT_NO, *map(translate, problems))
    if not as_json:
        rows = sum(len(one.rows) for one in listed.lists.values())
        say(translate(LABELS["good"], path=file, rows=rows, gateways=len(listed.lists)))


def _show(listed: Listed) -> None:
    rows: list[list[Any]] = []
    for name, one in sorted(listed.lists.items()):
        size, most = count_bytes(one)
        levels = ", ".join(translate(name_level(level)) for level in one.levels)
        rows.append([name, listed.enterprises.get(name, ""), str(len(one.rows)), levels, f"{size}/{most}"])
    heads: tuple[Words, ...] = (
        LABELS["gateway"],
        Words("企业", "enterprise"),
        LABELS["rows"],
        LABELS["level"],
        LABELS["bytes"],
    )
    if rows:
        console().print(table(map(translate, heads), rows, gives_way=1))
