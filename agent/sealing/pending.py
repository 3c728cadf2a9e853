"""The records that wait for the next seal."""

from typing import Final

from attrs import define, field

from evidence.body import BODY_BYTES_MAX

RECORD_FRAME_BYTES: Final = 3
"""Head of a CBOR byte string of up to 65,535 bytes, which each record gets."""
FULL_BYTES: Final = BODY_BYTES_MAX - 8192
"""Pending records of this size are sealed at once; room is left for an episode and the body's frame."""
PENDING_BYTES_MAX: Final = 4 * 1024 * 1024
"""What may wait in memory while the disk fails; the rest is counted as lost."""


@define(eq=False, repr=False)
class Pending:
    """A bounded queue of records.

    Attributes:
        size: Bytes that wait.
        lost: Records that found no room; the caller resets it when it has recorded them.
        urgent: The next seal is due at once.
    """

    size: int = field(default=0, init=False)
    lost: int = field(default=0, init=False)
    urgent: bool = field(default=False, init=False)
    _records: list[bytes] = field(factory=list, init=False)

    def __bool__(self) -> bool:
        return bool(self._records)

    @property
    def full(self) -> bool:
        """Whether there is enough for a whole seal."""
        return self.size >= FULL_BYTES

    def put(self, record: bytes) -> bool:
        """Queue `record`, or count it as lost; whether it was queued."""
        if self.size + len(record) > PENDING_BYTES_MAX:
            self.lost += 1
            return False
        self._records.append(record)
        self.size += len(record) + RECORD_FRAME_BYTES
        return True

    def put_first(self, record: bytes) -> None:
        """Queue `record` before all others, however full the queue is."""
        self._records.insert(0, record)
        self.size += len(record) + RECORD_FRAME_BYTES

    def take(self) -> list[bytes]:
        """Remove as many records as one seal holds, oldest first; at least one if any waits."""
        taken, size = 0, 0
        for record in self._records:
            size += len(record) + RECORD_FRAME_BYTES
            if taken and size > FULL_BYTES:
                size -= len(record) + RECORD_FRAME_BYTES
                break
            taken += 1
        records, self._records = self._records[:taken], self._records[taken:]
        self.size -= size
        return records
