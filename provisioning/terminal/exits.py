"""How a command ends: exit codes for scripts, and one clear line for every mistake."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from disk.files import write_output
from disk.translation import translate_message
from provisioning.terminal.say import say

EXIT_NO: Final = 1
"""Done, and the answer is no: not all verified, a meter silent, an episode not found."""
EXIT_USAGE: Final = 2
"""The arguments or the files of the call are wrong."""
EXIT_OUTSIDE: Final = 3
"""Something outside is missing: no meter, no broker, no agent."""
EXIT_INTERNAL: Final = 70
"""A mistake of dianjian itself (EX_SOFTWARE of sysexits.h); the line names a file with its traceback."""
EXIT_INTERRUPTED: Final = 130
"""Ctrl-C, or a signal to end before it was done."""


def fail(code: int, *lines: str) -> click.exceptions.Exit:
    """Print one line per mistake; the caller raises the returned exception to exit with `code`."""
    for line in lines:
        say(f"dianjian: {translate_message(line)}", err=True)
    return click.exceptions.Exit(code)


def write_or_fail(path: Path, data: bytes, write: Callable[[Path, bytes], None] = write_output) -> None:
    """Write a file atomically; ends the command if it cannot be written."""
    try:
        write(path, data)
    except OSError as error:
        raise fail(EXIT_USAGE, f"{path}: cannot be written: {error.strerror}") from error


class FiniteRange(click.FloatRange):
    """A number within a range; nan is refused too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("a number is wanted", param, ctx)
        return number
