"""How a verb ends: the codes that scripts can rely on, and one clear line for every mistake."""

from typing import Final

import click

EXIT_NO: Final = 1
"""Done, and the answer is no: not all verified, a meter silent, an episode not found."""
EXIT_USAGE: Final = 2
"""The words or the files of the call are wrong."""
EXIT_OUTSIDE: Final = 3
"""Something outside is missing: no meter, no broker, no agent."""


def fail(code: int, *lines: str) -> click.exceptions.Exit:
    """Say what is wrong, one line a mistake; the caller raises what is returned and so ends with `code`."""
    for line in lines:
        click.echo(f"dianjian: {line}", err=True)
    return click.exceptions.Exit(code)
