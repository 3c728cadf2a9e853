"""A group of verbs each of which is imported when it is called, or when the help lists them all.

A verb of the centre needs a hundred modules; the verbs of all rooms together need eight hundred.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from disk.help_page import HelpGroup
from provisioning.terminal.paths import check_inputs
from provisioning.terminal.typed import take_any_width


class LazyGroup(HelpGroup):
    """Beside its own commands it has those of `places`: name, and `module:attribute` below provisioning."""

    def __init__(self, *args: Any, places: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All, sorted as click does."""
        return sorted({*super().list_commands(ctx), *self.places})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; before one is said to be unknown, all are there for the nearest to be found."""
        if cmd_name in self.places:
            self._load(cmd_name)
        elif cmd_name not in self.commands:
            for name in self.places:
                self._load(name)
        return super().get_command(ctx, cmd_name)

    def _load(self, name: str) -> None:
        if name not in self.commands:
            module, attribute = self.places[name].split(":")
            command = getattr(importlib.import_module(f"provisioning.{module}"), attribute)
            self.add_command(check_inputs(take_any_width(command)), name)
