"""`--store`: the centre's store, a file by its path or a database of PostgreSQL by its URL."""

from collections.abc import Callable
from typing import Any

import click

from centre.store.place import SCHEMES, Place, PlaceError, parse_place
from disk.translation import translate_message


class StorePlace(click.Path):
    """A path as everywhere, or a URL."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:  # type: ignore[override]
        """The place."""
        if not str(value).startswith(SCHEMES):
            value = super().convert(value, param, ctx)
        try:
            return parse_place(str(value))
        except PlaceError as error:
            self.fail(translate_message(str(error)), param, ctx)


def store_option(help_: str, *, required: bool = False) -> Callable[[Any], Any]:
    """The option, handed to the verb as `store`."""
    return click.option("--store", metavar="FILE|URL", required=required, type=StorePlace(), help=help_)
