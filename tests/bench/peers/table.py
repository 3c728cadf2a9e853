"""What the run has found, held against the targets, as a table for people.

Pure: results in, Markdown out. A result is a list of numbers, one a run; a cell shows the median and, in
brackets, the least and the greatest. Targets that name a peer are judged by the medians of the same run;
where that peer is absent nothing is judged.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

OURS: Final = "ours"
TITLES: Final = {
    OURS: "ours",
    "modpoll": "modpoll",
    "thingsboard": "thingsboard-gateway",
    "node-red": "Node-RED",
    "pymodbus": "pymodbus",
    "pymodbus-async": "pymodbus async",
}
NOTHING: Final = "–"
WORDS: Final = {True: "met", False: "**missed**", None: "not judged"}

Results = Mapping[str, Mapping[str, Sequence[float]]]
"""Row key, then subject, then one number a run."""


@frozen
class Bound:
    """`limit`, or `limit` times what the subject `of` has, is the least or the most that ours may have."""

    limit: float
    of: str = ""
    is_least: bool = False

    def holds(self, figures: Mapping[str, Sequence[float]]) -> bool | None:
        """Whether ours keeps it; None where there is nothing to judge."""
        own = figures.get(OURS)
        other = figures.get(self.of) if self.of else [1.0]
        if not own or not other:
            return None
        limit = self.limit * statistics.median(other)
        return statistics.median(own) >= limit if self.is_least else statistics.median(own) <= limit

    def __str__(self) -> str:
        sign = "≥" if self.is_least else "≤"
        return f"{sign} {self.limit:g} × {TITLES[self.of]}" if self.of else f"{sign} {self.limit:g}"


def at_least(limit: float, of: str = "") -> Bound:
    """A lower bound."""
    return Bound(limit, of, is_least=True)


def at_most(limit: float, of: str = "") -> Bound:
    """An upper bound."""
    return Bound(limit, of)


@frozen
class Row:
    """One line of the table."""

    key: str
    what: str
    bounds: tuple[Bound, ...] = ()
    digits: int = 0
    subjects: tuple[str, ...] = field(default=tuple(TITLES))

    def target(self) -> str:
        """In words."""
        return " and ".join(map(str, self.bounds)) or NOTHING

    def judged(self, figures: Mapping[str, Sequence[float]]) -> bool | None:
        """All bounds hold; one that is missed decides, one that cannot be judged leaves it open."""
        verdicts = [bound.holds(figures) for bound in self.bounds]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else True


def cell(numbers: Sequence[float] | None, digits: int) -> str:
    """`median (least–greatest)`, or the number alone, or nothing."""
    if not numbers:
        return NOTHING
    middle, low, high = (
        f"{one:,.{digits}f}" for one in (statistics.median(numbers), min(numbers), max(numbers))
    )
    return middle if low == high else f"{middle} ({low}–{high})"


def lines(rows: Sequence[Row], results: Results, absent: Mapping[str, str]) -> list[str]:
    """The table in Markdown; a subject that no row has numbers of is left out unless it is absent."""
    shown = [
        name for name in TITLES if name in absent or any(results.get(row.key, {}).get(name) for row in rows)
    ]
    out = [
        "| " + " | ".join(["what", "target", *(TITLES[name] for name in shown), ""]) + " |",
        "|" + "---|" * (len(shown) + 3),
    ]
    for row in rows:
        figures = results.get(row.key, {})
        cells = ["absent" if name in absent else cell(figures.get(name), row.digits) for name in shown]
        verdict = WORDS[row.judged(figures)] if row.bounds else ""
        out.append("| " + " | ".join([row.what, row.target(), *cells, verdict]) + " |")
    return out


def counts(rows: Sequence[Row], results: Results) -> tuple[int, int, int]:
    """Targets met, missed and not judged."""
    verdicts = [row.judged(results.get(row.key, {})) for row in rows if row.bounds]
    return verdicts.count(True), verdicts.count(False), verdicts.count(None)
