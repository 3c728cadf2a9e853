"""What the run before left unsealed, for the judging: the detector and the checks of meters see it as live.

The records themselves are sealed before anything else (`Sealing.take_up`). Here detector and checks take
their readings once more, because what they remembered of them died with the process. What they find in them
again may be among the records that were left: an episode is known to the detector by its record, a sign of
tampering by meter, what and point.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from agent.detect.episode import Episode
from agent.judging.checkpoints import Check
from agent.judging.detector_feed import NS_PER_MS
from drivers.clock import Stamp
from drivers.poll.setup import MeterSetup
from drivers.reading import Reading
from evidence.cbor import FormatError
from evidence.record import MODEL_ID_BYTES, NS_PER_US, Kind, ReadingRecord, Record, decode_record

LOG: Final = logging.getLogger("dianjian.judging")

_SAME: Final = ("meter", "what", "point")


@frozen
class TakenUp:
    """The records, decoded, in their order."""

    records: Sequence[Record | ReadingRecord] = ()

    def episodes(self) -> Iterator[Episode]:
        """The episodes among them."""
        for record in self._of_kind(Kind.EPISODE):
            try:
                yield Episode.from_body(record.body)
            except Exception as error:  # noqa: BLE001 - of another version; it is sealed as it is
                LOG.warning("an episode is not shown: %s", error)

    def find_tampering(
        self, checks: Iterable[Check], setups: Mapping[str, MeterSetup], boot_id: bytes
    ) -> list[dict[str, Any]]:
        """What the checks find in the readings and no record tells."""
        told = {_key_of(record.body) for record in self._of_kind(Kind.TAMPER)}
        readings = [reading for one in self.records if (reading := _to_reading(one, setups, boot_id))]
        found = [body for reading in readings for check in checks for body in check.look(reading)]
        return [body for body in found if _key_of(body) not in told]

    def _of_kind(self, kind: Kind) -> Iterator[Record]:
        return (one for one in self.records if isinstance(one, Record) and one.kind is kind)


def decode_taken_up(records: Iterable[bytes]) -> TakenUp:
    """`records` for the judging; one that cannot be decoded is left out here."""
    decoded: list[Record | ReadingRecord] = []
    for raw in records:
        try:
            decoded.append(decode_record(raw))
        except FormatError as error:
            LOG.warning("a record of the run before is not judged: %s", error)
    return TakenUp(decoded)


def _key_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(body.get(name)) for name in _SAME)


def _to_reading(
    record: Record | ReadingRecord, setups: Mapping[str, MeterSetup], boot_id: bytes
) -> Reading | None:
    """The reading of a record; None for another record, and for a meter that is not as it was."""
    setup = setups.get(record.meter) if isinstance(record, ReadingRecord) else None
    if not isinstance(record, ReadingRecord) or setup is None:
        return None
    if setup.model.hash[:MODEL_ID_BYTES] != record.model:
        return None
    return Reading(
        record.meter,
        record.group,
        Stamp(record.utc_ms * NS_PER_MS, record.boottime_ms * NS_PER_MS, boot_id, record.clock_state),
        setup.model.hash,
        record.blocks,
        record.quality,
        record.reason,
        latency_ns=record.latency_us * NS_PER_US,
    )
