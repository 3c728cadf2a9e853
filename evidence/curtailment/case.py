"""What is judged: one line, one row of a list, one alert."""

from typing import Any

from attrs import field, frozen

from evidence.curtailment.measures import Alert, Row
from evidence.curtailment.uncertainty import Metering


@frozen(kw_only=True)
class Case:
    """What is judged.

    Attributes:
        order: Id of the alert, and its revision.
        line: One of the row's lines.
        rated_w: Of the line.
        off_w: Below it the line is off, as was learned; None where that was not.
        hold_s: How long a sample of power counts.
    """

    order: str
    rev: int
    test: bool
    alert: Alert
    row: Row
    line: str
    rated_w: float
    off_w: float | None = None
    metering: Metering = field(factory=Metering)
    hold_s: float = 90.0

    @property
    def begin_s(self) -> int:
        """When the measure holds: after the ramp-down, UTC."""
        return self.alert.start_s + self.row.ramp_s

    def head(self, what: str) -> dict[str, Any]:
        """What every body about this case begins with."""
        return {
            "what": what,
            "order": self.order,
            "rev": self.rev,
            "test": self.test,
            "line": self.line,
            "level": self.alert.level,
            "measure": self.row.measure.value,
        }
