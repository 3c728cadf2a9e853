"""Plain lines and JSON for scripts: all that commands print without rich goes through here.

Each argument of `say` is one line, whatever is in it (`disk.plain_text`). So a text from outside can neither
begin a line of its own nor change what stands before it, also in a file and in a pipe. While a view is
redrawn on the terminal (`provisioning.terminal.show`), lines are put above it.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

import click

from disk.plain_text import one_line, to_json

views: Final[list[Callable[[str], object]]] = []
"""How a line is put above each view that is being redrawn at this moment; the last one is on top."""


def say(*lines: object, err: bool = False) -> None:
    """Print lines, each harmless, on stdout or stderr."""
    for line in lines:
        if views and (sys.stderr if err else sys.stdout).isatty():
            views[-1](one_line(line))
        else:
            click.echo(one_line(line), err=err)


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Print a value as JSON: one line, unless it is indented."""
    click.echo(to_json(value, indent=indent))


def say_drawing(text: str) -> None:
    """Print a drawing of ours, with its colours; nothing from outside is in it but as squares."""
    click.echo(text, color=True)


def say_progress(what: str, count: int, of: str) -> None:
    """Print how far it has got over the line before, on stderr."""
    click.echo(f"\r{one_line(what)}: {count} {of}", nl=False, err=True)
