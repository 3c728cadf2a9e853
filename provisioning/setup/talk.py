"""The dialogue of a setup: questions with defaults, events for scripts, in the technician's language.

An answer comes from the answers file, from the keyboard, or with `--yes` from the default; if none of
them has it, the command ends with one line that names the key. At the keyboard a wrong answer is explained
and asked for again, and `<` goes back to the question before; in the answers file it ends the command. With
`--json` stdout has one JSON object per event and nothing else; texts for people go to stderr, or nowhere with
`--yes`.
"""

import contextlib
import re
import sys
import termios
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, TypeVar

import click
from attrs import define

from disk.wide_text import wrap_rows
from provisioning.setup.walk import BackError
from provisioning.setup.words import WORDS, text
from provisioning.terminal.exits import EXIT_USAGE, fail
from provisioning.terminal.say import say_json
from provisioning.terminal.show import console
from provisioning.terminal.typed import plain, read_number

T = TypeVar("T")

LINE_BYTES_MAX: Final = 4096
"""The longest line of a terminal (termios(3), canonical mode)."""
IUTF8: Final = 0o40000
"""termios(3): erase characters, not bytes; Python's termios has no name for it."""
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]")
"""The escape sequences of arrow keys."""
ANSWER_CHARACTERS_MAX: Final = 400
"""Characters of one typed answer; a pasted file is not a name."""
BACK: Final = "<"
"""Typed alone: back to the question before."""
_YES: Final = frozenset((*("y", "yes", "ok", "j", "shi", "s"), *("是", "是的", "对", "好", "好的")))
_NO: Final = frozenset((*("n", "no", "bu"), *("否", "不", "不是", "不要", "不用")))


class WrongAnswerError(ValueError):
    """An answer is wrong; carries the key of the sentence that explains it, and its values."""

    def __init__(self, key: str, /, **values: Any) -> None:
        self.key, self.values = key, values
        super().__init__(WORDS[key].text("en", **values))


@define
class Talk:
    """The dialogue of one call.

    Attributes:
        as_json: Print events for a script.
        assume_yes: Do not ask: take answers and defaults.
        source: Where the answers come from, to name it beside a wrong one.
        asked: How many questions were asked at the keyboard.
    """

    as_json: bool = False
    assume_yes: bool = False
    source: str = "answers"
    asked: int = 0

    def say(self, key: str, /, *, style: str = "", **values: Any) -> None:
        """Print one sentence for people."""
        self.show(text(key, **values), style=style)

    def show(self, text: Any, *, style: str = "") -> None:
        """Print a text or a table for people; a terminal gets whole words in each row."""
        if self.as_json and self.assume_yes:
            return
        output = console(stderr=self.as_json)
        if isinstance(text, str) and output.is_terminal:
            text = wrap_rows(text, output.width)
        output.print(text, style=style or None, soft_wrap=True, markup=False)

    def event(self, name: str, **fields: Any) -> None:
        """Print one line for scripts."""
        if self.as_json:
            say_json({"event": name, **fields})

    # -- questions

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits there: what went wrong is told, and the question asked again."""
        return not self.assume_yes and sys.stdin.isatty()

    def ask(
        self,
        path: str,
        key: str,
        check: Callable[[str], T],
        *,
        default: str | None = None,
        given: str | None = None,
        free: bool = False,
        **values: Any,
    ) -> T:
        """The answer to the question `key`; `path` is its key in the answers file.

        What is typed is checked in plain characters, unless it is a `free` text: a name, a path.

        Raises:
            KeyboardInterrupt: The technician ends the setup.
            BackError: The technician wants the question before.
        """
        tidy: Callable[[str], str] = str.strip if free else plain
        if self.assume_yes:
            answer = default if given is None else given
            return self._take(path, lambda text: check(tidy(text)), answer, was_given=given is not None)
        if given is not None:
            default = given
        shown = f" [{default}]" if default else ""
        while True:
            typed = tidy(self._read_line(f"{text(key, **values)}{shown}: "))
            if not typed and default is None:
                self.say("needs_answer", style="yellow")
                continue
            try:
                return check(typed or default or "")
            except WrongAnswerError as error:
                self.say(error.key, style="yellow", **error.values)

    def ask_text(
        self, path: str, key: str, *, default: str | None = None, given: str | None = None, **values: Any
    ) -> str:
        """A printable text."""
        return self.ask(path, key, check_text, default=default, given=given, free=True, **values)

    def ask_number(
        self,
        path: str,
        key: str,
        low: float,
        high: float,
        *,
        default: float | None = None,
        given: float | None = None,
        read: Callable[[str], float] = read_number,
        **values: Any,
    ) -> float:
        """A number within limits; `read` knows its units."""
        shown = None if default is None else f"{default:g}"
        answer = None if given is None else repr(given)
        return self.ask(path, key, make_number_check(low, high, read), default=shown, given=answer, **values)

    def ask_yes(
        self, path: str, key: str, *, default: bool | None, given: bool | None = None, **values: Any
    ) -> bool:
        """Yes or no."""
        shown = None if default is None else text("yes" if default else "no")
        answer = None if given is None else text("yes" if given else "no")
        return self.ask(path, key, _check_yes, default=shown, given=answer, **values)

    def ask_choice(
        self,
        path: str,
        key: str,
        options: Sequence[tuple[str, str]],
        *,
        default: str | None = None,
        given: str | None = None,
        **values: Any,
    ) -> str:
        """One of several choices, each with a name for scripts and one for people."""
        names = [name for name, _ in options]

        def check(typed: str) -> str:
            if typed.isdecimal() and 1 <= int(typed[:9]) <= len(options):
                return names[int(typed) - 1]
            for name, label in options:
                if typed.casefold() in {name.casefold(), plain(label).casefold()}:
                    return name
            offered = names if self.assume_yes else [label for _, label in options]
            raise WrongAnswerError("no_choice", options=", ".join(offered), typed=typed)

        if not self.assume_yes:
            for number, (_, label) in enumerate(options, 1):
                self.show(f"  {number}  {label}")
        shown = str(names.index(default) + 1) if default in names and not self.assume_yes else default
        return self.ask(path, key, check, default=shown, given=given, **values)

    def read_secret(self, key: str) -> str:
        """One line, not echoed on a terminal: a token or a password."""
        self.say(key)
        if sys.stdin.isatty():
            hidden = click.prompt("", prompt_suffix="> ", hide_input=True, default="", show_default=False)
            return self._note(str(hidden))
        return self._read_line("> ")

    def refuse(self, path: str, key: str, /, **values: Any) -> NoReturn:
        """End the command with the reason why an answer is wrong."""
        raise fail(EXIT_USAGE, f"{self.source}: {path}: {text(key, **values)}")

    def _take(self, path: str, check: Callable[[str], T], answer: str | None, *, was_given: bool) -> T:
        if answer is None:
            raise fail(EXIT_USAGE, f"{self.source}: {path}: {text('no_answer')}")
        try:
            return check(answer)
        except WrongAnswerError as error:
            where = f"{self.source}: {path}" if was_given else path
            raise fail(EXIT_USAGE, f"{where}: {text(error.key, **error.values)}") from error

    def _read_line(self, prompt: str) -> str:
        """A typed line.

        Without readline: if the locale's files are missing, as on a bare gateway, it takes the bytes of a
        Chinese character for commands. With IUTF8 set, a terminal erases whole characters.
        """
        stream = sys.stderr if self.as_json else sys.stdout
        stream.write(prompt)
        stream.flush()
        _erase_whole_characters()
        raw = sys.stdin.buffer.readline(LINE_BYTES_MAX)
        if not raw:
            raise KeyboardInterrupt  # the terminal is gone
        return self._note(_ESCAPES.sub("", raw.decode("utf-8", "replace")))

    def _note(self, typed: str) -> str:
        """Count a question, and take the way back if that is what was typed."""
        self.asked += 1
        if plain(typed) == BACK:
            raise BackError
        return typed


def _erase_whole_characters() -> None:
    with contextlib.suppress(termios.error, OSError, ValueError):
        settings = termios.tcgetattr(sys.stdin.fileno())
        settings[0] |= IUTF8
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, settings)


def check_text(typed: str) -> str:
    """A name that is valid in every file: printable and not too long."""
    text = typed.strip()
    if not text.isprintable() or "\ufffd" in text:
        raise WrongAnswerError("not_printable")
    if len(text) > ANSWER_CHARACTERS_MAX:
        raise WrongAnswerError("too_long", limit=ANSWER_CHARACTERS_MAX)
    return text


def make_number_check(
    low: float, high: float, read: Callable[[str], float] = read_number
) -> Callable[[str], float]:
    """A check for numbers; a comma is a decimal sign, unless it may separate thousands."""

    def check(typed: str) -> float:
        try:
            number = read(typed)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise WrongAnswerError("not_in_range", low=f"{low:.10g}", high=f"{high:.10g}", typed=typed)
        return number

    return check


def _check_yes(typed: str) -> bool:
    word = typed.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise WrongAnswerError("not_yes_no", typed=typed)
