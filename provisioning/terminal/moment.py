"""A time that a person types, as UTC milliseconds; a day with its zone is its midnight."""

import re
from datetime import datetime
from typing import Final

import click

MS_PER_S: Final = 1000
_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)")
"""What `fromisoformat` takes for a day with the time behind a sign."""


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A time with its zone."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds."""
        if isinstance(value, int):
            return value
        try:
            at = datetime.fromisoformat(_DAY.sub(r"\1T00:00\2", value) if _DAY.fullmatch(value) else value)
            if at.tzinfo is None:
                self.fail(f"{value!r} has no zone; write {value}+08:00 or {value}Z", param, ctx)
            return round(at.timestamp() * MS_PER_S)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time like 2026-11-22T06:00+08:00", param, ctx)
