"""The options of verbs that read recorded loads, and the person who is asked or has to agree.

What a file leaves open is asked for at a terminal; a script gets one line with the option that says it. What
was assumed is shown and has to be agreed to: at the terminal, or by `--yes`.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from attrs import evolve, frozen

from agent.site.file import Site
from evidence.words import Words
from provisioning.loads.loads import Loads, LoadsError, Note, NoteKind, QuestionError
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import EVERY, ReadSettings, wanted_lines
from provisioning.loads.zones import check_zone
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say
from provisioning.terminal.show import console, count_up
from provisioning.terminal.typed import plain
from provisioning.words.language import translate

Verb = TypeVar("Verb", bound=Callable[..., Any])

QUESTIONS_MAX: Final = 40
"""A column and a unit for each line of a large plant."""
WORDS: Final[Mapping[str, Words]] = {
    "assumed": Words("假定", "assumed"),
    "left_out": Words("省去", "left out"),
    "read": Words("读法", "read as"),
    "unseen": Words("看不出", "cannot be seen"),
    "which": Words("选哪一个（编号）", "Which one (number)"),
    "agree": Words("按这些假定读？[是/否]", "Read it with these assumptions? [yes/no]"),
    "add yes": Words(
        "{path}：以上有 {count} 行是假定；如果都对，请加 --yes",
        "{path}: {count} of the lines above are assumed; if they are right, add --yes",
    ),
    "refused": Words("没有读取", "not read"),
}

_OPTIONS: Final = (
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="LINE=NAME",
        help="The column of a line, by its name or number.",
    ),
    click.option("--unit", "units", multiple=True, metavar="[LINE=]UNIT", help="W, kW, MW, Wh, kWh or MWh."),
    click.option(
        "--zone", default="", help="Of times without one: +08:00 or Europe/Berlin; else the site's."
    ),
    click.option("--dates", type=click.Choice(["day-first", "month-first"]), help="What 02/03/2026 means."),
    click.option("--decimal", type=click.Choice(["point", "comma"]), help="What 1,234 or 1.234 means."),
    click.option("--sheet", default="", help="The sheet of a workbook with several."),
    click.option("--yes", is_flag=True, help="Agree to what was assumed (it is shown)."),
)


@frozen
class FileOptions:
    """What the call says about its file."""

    settings: ReadSettings
    yes: bool


def loads_options(verb: Verb) -> Verb:
    """Add the options to a verb, which hands them to `take_options`."""
    for option in reversed(_OPTIONS):
        verb = option(verb)
    return verb


def take_options(given: Mapping[str, Any], *, needs_all: bool) -> FileOptions:
    """The options of a call. Ends the command if one is wrong."""
    columns = dict(_split(one, "--column") for one in given["columns"])
    units = dict(_split(one, "--unit", EVERY) for one in given["units"])
    settings = ReadSettings(
        zone=given["zone"].strip(),
        units=units,
        columns=columns,
        dates=given["dates"] or "",
        decimal=given["decimal"] or "",
        sheet=given["sheet"],
        needs_all=needs_all,
    )
    return FileOptions(settings, given["yes"])


def _split(text: str, option: str, otherwise: str | None = None) -> tuple[str, str]:
    line, sign, value = text.replace("＝", "=").partition("=")
    if not sign and otherwise is not None:
        line, value = otherwise, text
    elif not sign or not line.strip() or not value.strip():
        raise fail(EXIT_USAGE, f"{option} {text}: must be like {option} p1=NAME")
    return line.strip(), value.strip()


def read_file(path: Path, site: Site, options: FileOptions) -> Loads:
    """The loads in a file, asked for and agreed to.

    Raises:
        LoadsError: They are not read.
        OSError: The file cannot be opened.
    """
    settings = evolve(options.settings, site_zone=site.site.utc_offset)
    if settings.zone:
        check_zone(settings.zone)  # also where the file turns out to need none
    lines = wanted_lines(site)
    asks = sys.stdin.isatty() and not options.yes
    for _ in range(QUESTIONS_MAX):
        try:
            with count_up(str(path.name)) as tell:
                loads = read_loads(path, lines, settings, tell)
        except QuestionError as error:
            if not asks:
                raise
            settings = _answer(settings, error)
            continue
        show_notes(loads.notes)
        _agree(path, loads.notes, asks=asks, yes=options.yes)
        return loads
    raise LoadsError([WORDS["refused"]])


def _answer(settings: ReadSettings, error: QuestionError) -> ReadSettings:
    """The settings with what the technician chooses."""
    say(translate(error.question), err=True)
    for number, (_, words) in enumerate(error.choices, 1):
        say(f"  {number}  {translate(words)}", err=True)
    numbers = click.IntRange(1, len(error.choices))
    at = click.prompt(translate(WORDS["which"]), type=numbers, err=True)
    value = error.choices[at - 1][0]
    line, _, rest = value.partition("=")
    if error.option == "--column":
        return evolve(settings, columns={**settings.columns, line: rest})
    if error.option == "--unit":
        return evolve(settings, units={**settings.units, line: rest})
    if error.option == "--dates":
        return evolve(settings, dates=value)
    return evolve(settings, decimal=value) if error.option == "--decimal" else evolve(settings, sheet=value)


def show_notes(notes: Iterable[Note]) -> None:
    """Print each note on stderr, so that stdout keeps what a script reads."""
    screen = console(stderr=True)
    for note in notes:
        style = "yellow" if note.kind in {NoteKind.ASSUMED, NoteKind.UNSEEN} else "dim"
        screen.print(to_line(note), style=style, markup=False, soft_wrap=True)


def to_line(note: Note) -> str:
    """A note with what kind it is, in the language of this call."""
    return f"{translate(WORDS[note.kind.value])}: {translate(note.words)}"


def _agree(path: Path, notes: Iterable[Note], *, asks: bool, yes: bool) -> None:
    count = sum(note.kind is NoteKind.ASSUMED for note in notes)
    if not count or yes:
        return
    if not asks:
        raise LoadsError([WORDS["add yes"].fill(path=path, count=count)])
    typed = click.prompt(
        translate(WORDS["agree"]), prompt_suffix=" ", err=True, default="", show_default=False
    )
    if plain(typed).casefold() not in {"y", "yes", "是", "好"}:
        raise LoadsError([WORDS["refused"]])
