"""From readings of meters to the power of lines, which is what the detector watches.

A line may be fed by several meters; its power is their sum, and it is known only while every one of
them has answered within HOLD_S. A meter that is silent therefore makes its line unknown, never zero.

The state is small and goes into the detector's checkpoint, so that a restarted agent that reads its
own records again feeds the detector exactly what it was fed before.
"""

from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

HOLD_S: Final = 30.0
"""How long a value stands for the present (detection: hold of 3 slots of 10 s)."""


@frozen
class LinePower:
    """The active power of a line at a moment of the detector's time: W, seconds."""

    line: str
    at_s: float
    watts: int


@define
class LineFeed:
    """Sums the meters of each line.

    Attributes:
        lines: The line of each meter.
    """

    lines: Mapping[str, str]
    _latest: dict[str, tuple[float, int]] = field(factory=dict, init=False)

    def power(self, meter: str, at_s: float, watts: float | None) -> LinePower | None:
        """What is known of the meter's line now that it said `watts`; None if a part is missing."""
        line = self.lines.get(meter)
        if line is None or watts is None:
            return None
        self._latest[meter] = (at_s, round(watts))
        parts = [self._latest.get(name) for name, of in self.lines.items() if of == line]
        if any(part is None or at_s - part[0] > HOLD_S for part in parts):
            return None
        return LinePower(line, at_s, sum(part[1] for part in parts if part))

    def state(self) -> dict[str, list[float | int]]:
        """What a checkpoint must keep."""
        return {meter: [at_s, watts] for meter, (at_s, watts) in self._latest.items()}

    def restore(self, state: Mapping[str, list[float | int]]) -> None:
        """Go on from `state()`."""
        self._latest = {meter: (float(at_s), int(watts)) for meter, (at_s, watts) in state.items()}
