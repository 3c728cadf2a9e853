"""How often each rule was right, from the clues that are closed. Pure.

Of a rule, `plant` are the closed clues whose review found the plant abnormal, `device` those where the
monitoring device was, `dismissed` those that came to nothing; precision is plant / (plant + device +
dismissed). Clues that are still open count for nothing: the quick ones are not the typical ones.
"""

from collections.abc import Iterable

from attrs import define

from evidence.clues.course import Clue, Outcome


@define
class Tally:
    """See the module."""

    open: int = 0
    plant: int = 0
    device: int = 0
    dismissed: int = 0

    @property
    def closed(self) -> int:
        """Clues that are closed."""
        return self.plant + self.device + self.dismissed

    @property
    def precision(self) -> float | None:
        """0 to 1; None while none is closed."""
        return self.plant / self.closed if self.closed else None


def count_rules(clues: Iterable[Clue]) -> dict[str, Tally]:
    """The tally of each rule, by its name."""
    found: dict[str, Tally] = {}
    for clue in clues:
        tally = found.setdefault(clue.opening.rule, Tally())
        if not clue.closed:
            tally.open += 1
        elif clue.is_dismissed:
            tally.dismissed += 1
        elif clue.outcome is Outcome.DEVICE:
            tally.device += 1
        else:
            tally.plant += 1
    return dict(sorted(found.items()))
