"""Each reading becomes a record as it came; an EVENT marks when a poll group of a meter fails or works again.

By group, because a meter that refuses one of its groups would otherwise fail and return for ever. A bad
reading carries its own reason, so the event marks only the change.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from attrs import define, field

from agent.sealing.source import NewRecord, RecordSource, Urgency
from drivers.reading import PollGroup, Quality, Reading
from evidence.record import Kind

LOG: Final = logging.getLogger("dianjian.readings")


class Delivered(NamedTuple):
    """A reading on its way to the main loop, and its record, which is in the spool already."""

    reading: Reading
    record: bytes


@define(eq=False, repr=False)
class Readings(RecordSource):
    """See the module.

    Attributes:
        latest: The last reading of each meter and poll group, for the status.
    """

    latest: dict[str, dict[PollGroup, Reading]] = field(factory=dict, init=False)
    _failing: set[tuple[str, PollGroup]] = field(factory=set, init=False)

    def on_reading(self, reading: Reading, encoded: bytes, /) -> Iterable[NewRecord]:
        """Its record, behind an event if the group's quality has changed."""
        if reading.quality is not Quality.STALE:
            self.latest.setdefault(reading.meter, {})[reading.group] = reading
        record = NewRecord(Kind.READING, encoded, Urgency.DISPENSABLE)
        group, is_good = (reading.meter, reading.group), reading.quality is Quality.GOOD
        if reading.quality is Quality.STALE:
            return (record,)  # of another time: it says nothing of now
        if is_good != (group in self._failing):
            return (record,)
        (self._failing.discard if is_good else self._failing.add)(group)
        LOG.info("meter %s, %s: %s", *group, reading.reason or "answers again")
        body = {
            "what": "meter",
            "meter": reading.meter,
            "good": is_good,
            "text": reading.reason,
            "group": reading.group.value,
        }
        return NewRecord(Kind.EVENT, body), record

    def figures(self) -> Mapping[str, Any]:
        """The meters' part of a heartbeat: those of which a group fails."""
        return {"silent": sorted({meter for meter, _ in self._failing})}
