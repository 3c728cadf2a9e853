"""The centre's register as an option: `--register`, and for two more versions its old name `--registry`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

_OLD_NAME: Final = "--registry"
"""The name in versions up to 0.2; still accepted in 0.3 and 0.4."""


class _RegisterOption(click.Option):
    """Accepts the old name too; help and errors show only the new one."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Register both names with the parser."""
        super().add_to_parser(parser, ctx)
        parser.add_option(self, [_OLD_NAME], dest=self.name)


def register_option(help_: str, *, required: bool = True) -> Callable[[Any], Any]:
    """The option, handed to the verb as `register`."""
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--register", cls=_RegisterOption, required=required, type=file, help=help_)
