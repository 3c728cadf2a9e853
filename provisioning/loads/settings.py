"""What a person has said about a file of loads, and the lines that are looked for in it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

from attrs import field, frozen

from agent.site.file import Site

LineKind = Literal["production", "treatment", "incomer"]
EVERY: Final = ""
"""The line of a unit that all lines have."""


@frozen
class WantedLine:
    """A line of the site; `judged` if a linkage has it."""

    id: str
    kind: LineKind = "production"
    rated_w: float = 0.0
    name: str = ""
    judged: bool = True


@frozen
class ReadSettings:
    """Everything that a file may leave open.

    Attributes:
        zone: Offset like +08:00, or a name like Europe/Berlin; "" takes the site's offset as an assumption.
        site_zone: That offset.
        units: Unit by line, or under EVERY.
        columns: Column, by its name or number, by line.
        dates: `day-first` or `month-first`.
        decimal: `point` or `comma`.
        sheet: Of a workbook.
        needs_all: Every line that is judged needs a column.
    """

    zone: str = ""
    site_zone: str = "+08:00"
    units: Mapping[str, str] = field(factory=dict)
    columns: Mapping[str, str] = field(factory=dict)
    dates: str = ""
    decimal: str = ""
    sheet: str = ""
    needs_all: bool = True

    def unit_of(self, line: str) -> str:
        """The unit that a person has said for a line, "" if none."""
        return self.units.get(line) or self.units.get(EVERY, "")


def wanted_lines(site: Site) -> tuple[WantedLine, ...]:
    """The lines of a site."""
    judged = list_judged(site)
    return tuple(
        WantedLine(line.id, line.kind, float(line.rated_w), line.name, line.id in judged)
        for line in site.line
    )


def list_judged(site: Site) -> Collection[str]:
    """The lines that a linkage has."""
    lines: Iterable[str] = (line for link in site.linkage for line in (*link.production, *link.treatment))
    return set(lines)
