"""A time that a person types, as UTC milliseconds."""

from datetime import datetime
from typing import Final

import click

MS_PER_S: Final = 1000


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A time with its zone."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds."""
        if isinstance(value, int):
            return value
        try:
            at = datetime.fromisoformat(value)
            if at.tzinfo is None:
                self.fail(f"{value!r} has no zone; write {value}+08:00 or {value}Z", param, ctx)
            return round(at.timestamp() * MS_PER_S)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time like 2026-11-22T06:00+08:00", param, ctx)
