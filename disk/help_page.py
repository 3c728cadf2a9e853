"""The help of click commands in the language of the call, in rows of a terminal's columns.

click measures a text by its characters and breaks it at blanks. Chinese characters take two columns and have
no blanks between them, so help in Chinese is laid out here; help in English stays click's own. `set_up` makes
this the form of every command of the process.
"""

import re
from collections.abc import Iterable
from typing import Final

import click
from click.shell_completion import CompletionItem

from disk.language import LANGUAGES, OPTION, Language, choose_language, language
from disk.translation import speak, translate_text
from disk.wide_text import count_columns, wrap

TERMS_COLUMNS_MAX: Final = 30
"""A longer option stands on a row of its own, as click has it."""
SPACING: Final = 2
TEXT_COLUMNS_MIN: Final = 20
_WORD: Final = re.compile(r"[A-Z][A-Z0-9_]*(?: RANGE)?")
_BEHIND_NAMES: Final = re.compile(r"(?<=[^,/]) (?![-/])")


def set_up() -> None:
    """Have all commands of this process speak the language of the call."""
    speak()
    click.Context.formatter_class = HelpFormatter


ASKED: Final = "dianjian.lang"
"""Where a context keeps what `--lang` said, or None: a verb that remembers a language asks for it."""


def _choose(context: click.Context, _param: click.Parameter, wanted: Language | None) -> None:
    context.meta[ASKED] = wanted
    choose_language(wanted)


LANGUAGE: Final = click.option(
    OPTION,
    type=click.Choice(LANGUAGES),
    is_eager=True,  # known before --help is written
    expose_value=False,
    callback=_choose,
    help="Language of the output; else from the locale.",
)
"""The option of a program; `disk.language.put_language_first` lets it stand anywhere."""


class HelpGroup(click.Group):
    """A group that shows what each command does in full; click cuts it to a row."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(self.describe_commands(ctx))

    def describe_commands(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The name of each command, and in English what it does."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        return [(name, describe(one)) for name, one in found if one is not None and not one.hidden]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand next, with its description for the shells that show one."""
        options = click.Command.shell_complete(self, ctx, incomplete)
        named = self.describe_commands(ctx)
        verbs = [CompletionItem(name, help=text) for name, text in named if name.startswith(incomplete)]
        for item in (*verbs, *options):
            item.help = translate_text(item.help or "")
        return [*verbs, *options]


def describe(command: click.Command) -> str:
    """What a command does in one sentence: its short text, else the first paragraph of its help."""
    return command.short_help or " ".join((command.help or "").partition("\n\n")[0].split())


class HelpFormatter(click.HelpFormatter):
    """Writes help in Chinese; of English all is left to click."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The form of a call."""
        if language() != "zh":
            super().write_usage(prog, args, prefix)
            return
        head = f"{translate_text('Usage:')}{prog} "
        rows = wrap(name_values(args), self.width - count_columns(head))
        self._write_rows(head, rows, count_columns(head))

    def write_heading(self, heading: str) -> None:
        """The title of a section."""
        if language() != "zh":
            super().write_heading(heading)
        else:
            self.write(f"{'':>{self.current_indent}}{translate_text(heading)}：\n")

    def write_text(self, text: str) -> None:
        """Paragraphs."""
        if language() != "zh":
            super().write_text(text)
            return
        indent = " " * self.current_indent
        paragraphs = [translate_text(one) for one in text.split("\n\n")]
        shown = (wrap(one, self.width - self.current_indent) for one in paragraphs)
        self.write("\n\n".join("\n".join(indent + row for row in rows) for rows in shown) + "\n")

    def write_dl(
        self,
        rows: Iterable[tuple[str, str]],
        col_max: int = TERMS_COLUMNS_MAX,
        col_spacing: int = SPACING,
    ) -> None:
        """Names and what each is."""
        if language() != "zh":
            super().write_dl(rows, col_max, col_spacing)
            return
        shown = [(_name_option(name), _translate_help(text)) for name, text in rows]
        first = min(max((count_columns(name) for name, _ in shown), default=0), col_max) + col_spacing
        for name, text in shown:
            head = f"{'':>{self.current_indent}}{name}"
            if count_columns(name) > first - col_spacing:
                self.write("\n".join(self._break_choices(head)) + "\n")
                head = " " * self.current_indent
            left = first + self.current_indent
            self._write_rows(_pad(head, left), wrap(text, max(self.width - left, TEXT_COLUMNS_MIN)), left)

    def _break_choices(self, head: str) -> list[str]:
        """The name of an option in rows, broken between the choices of its value."""
        rows, indent = [""], " " * (self.current_indent + 2 * SPACING)
        for part in re.findall(r"[^|]+\|?", head):
            if rows[-1] and count_columns(rows[-1] + part) > self.width:
                rows.append(indent)
            rows[-1] += part
        return rows

    def _write_rows(self, head: str, rows: list[str], left: int) -> None:
        self.write("\n".join([head + (rows or [""])[0], *(" " * left + row for row in rows[1:])]) + "\n")


def _pad(text: str, columns: int) -> str:
    return text + " " * (columns - count_columns(text))


def _name_option(spec: str) -> str:
    """The names of an option as they are, and its value in Chinese."""
    names, *value = _BEHIND_NAMES.split(spec, maxsplit=1)
    return " ".join([names, *map(name_values, value)])


def name_values(text: str) -> str:
    """A text with the names of values in it: those in capitals."""
    return _WORD.sub(lambda found: translate_text(found[0]), text)


def _translate_help(text: str) -> str:
    """A help text, behind which click has put defaults and limits."""
    whole = translate_text(text)
    own, mark, more = text.rpartition("  [")
    if not mark or whole != text:
        return whole
    return f"{translate_text(own)}[{more.replace('; ', '；')}"
