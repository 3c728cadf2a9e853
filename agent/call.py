"""The call of `dianjian-agent`, its verbs and options, in the language of whoever types it.

argparse, not click: the daemon loads nothing that only a terminal needs. A mistyped verb or option is
answered with the nearest.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.sealing.statements import REASON_LOST
from disk.language import LANGUAGES, OPTION, choose_language, put_language_first
from disk.streams import writing_output
from disk.translation import add_catalogues, speak, translate_text
from disk.version import read_version
from disk.wide_text import count_columns, wrap

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PROGRAM: Final = "dianjian-agent"
VERBS: Final[Mapping[str, str]] = {
    "check": "report every mistake in the site file",
    "init": "make the keys and print what the centre needs to enrol this gateway",
    "run": "read, seal and send until SIGTERM",
    "rekey": "continue under a new key after exit 4, with the recovery key",
    "install-replacement": "continue on new hardware",
}
_RECOVERY: Final = "the recovery key's file; init makes it, and it must not stay on the gateway"
_OPTIONS: Final[Sequence[tuple[str, str, str, Mapping[str, Any]]]] = (
    ("check init run rekey install-replacement", "--config", "the site file", {"required": True}),
    ("init", "--recovery", _RECOVERY, {}),
    ("rekey", "--recovery", _RECOVERY, {"required": True}),
    ("rekey", "--receipt", "the centre's last receipt", {}),
    ("install-replacement", "file", "written by `dianjian centre replace`", {}),
)
"""Which verbs take it, its name, what it is, and what argparse is told of it; all are files."""

FLOORS: Final = ("disk", "drivers", "evidence", "wire", "agent.host")
add_catalogues("help", "agent.host.help_words")
add_catalogues("errors", *(f"{floor}.error_words" for floor in FLOORS))
speak()


def read_call(call: Sequence[str]) -> argparse.Namespace:
    """What is called; ends the process where nothing is, or where the call is wrong."""
    call = put_language_first(call)
    name, _, value = call[0].partition("=") if call else ("", "", "")
    wanted = value or "".join(call[1:2])
    choose_language(next((one for one in LANGUAGES if name == OPTION and one == wanted), None))
    parser = make_parser()
    _refuse_mistyped(parser, call[2:] if name == OPTION and not value else call)
    return parser.parse_args(call)


def make_parser() -> argparse.ArgumentParser:
    """The parser, with its texts in the language of this call."""
    say = translate_text
    parser = _Parser(
        PROGRAM, description=say("The agent on the gateway."), formatter_class=_Help, allow_abbrev=False
    )
    what, version = say("Show the version and exit."), f"{PROGRAM} {read_version()}"
    parser.add_argument("--version", action="version", version=version, help=what)
    parser.add_argument(OPTION, choices=LANGUAGES, help=say("Language of the output; else from the locale."))
    verbs = parser.add_subparsers(dest="verb", required=True, metavar=say("VERB"))
    for verb, text in VERBS.items():
        whole = say(text)
        one = verbs.add_parser(verb, help=whole, description=whole, formatter_class=_Help, allow_abbrev=False)
        for taken, name, what, more in _OPTIONS:
            if verb in taken.split():
                one.add_argument(name, type=Path, metavar=say("FILE"), help=say(what), **more)
        if verb == "rekey":
            what = say("one sentence for the statement")
            one.add_argument("--reason", default=REASON_LOST, metavar=say("SENTENCE"), help=what)
        if verb == "run":
            what = say("read every meter once, make one seal, end")
            one.add_argument("--once", action="store_true", help=what)
            what = say("simulated time; every record is marked so")
            one.add_argument("--sim-clock", metavar="SPEC", help=what)
    return parser


def list_words() -> tuple[list[str], list[str]]:
    """Every verb and every option, for a shell that completes them and for whoever mistypes one."""
    own = ("--reason", "--once", "--sim-clock", "--help", "--version", OPTION)
    return list(VERBS), sorted({*own, *(name for _, name, _, _ in _OPTIONS if name.startswith("-"))})


def _refuse_mistyped(parser: argparse.ArgumentParser, call: Sequence[str]) -> None:
    """Ends the process where a verb or an option is nearly one that there is; argparse refuses the others."""
    verbs, names = list_words()
    words = [(word.partition("=")[0], names) for word in call if word.startswith("--")]
    words += [(call[0], verbs)] if call and not call[0].startswith("-") else []
    for word, known in words:
        if word not in known:
            import difflib  # noqa: PLC0415 - only a mistyped word needs it

            near = difflib.get_close_matches(word, known, n=1)
            text = translate_text("there is no {word!r}; did you mean {near}?")
            if near:
                parser.error(text.format(word=word, near=near[0]))


class _Parser(argparse.ArgumentParser):
    """Does not pass over help that could not be written."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        if file is not sys.stdout:
            super()._print_message(message, file)
            return
        with writing_output():
            file.write(message)


class _Help(argparse.HelpFormatter):
    """Breaks Chinese between its characters, and gives each of them two columns."""

    def add_argument(self, action: argparse.Action) -> None:
        """Take part in the width of the first column."""
        super().add_argument(action)
        if action.help is not argparse.SUPPRESS:
            columns = count_columns(self._format_action_invocation(action)) + self._current_indent
            self._action_max_length = max(self._action_max_length, columns)

    def _format_action(self, action: argparse.Action) -> str:
        head = self._format_action_invocation(action)
        wide = count_columns(head) - len(head)
        return super()._format_action(action).replace(head + " " * wide, head, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(text, width)
