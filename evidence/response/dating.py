"""When a record was made, in UTC that nobody can move afterwards.

The time is the detector's: the time since boot plus the offset that the BOOT record of that boot names, and
the CLOCK record that dates the boot anew. So whoever sets the wall clock moves no hour of an alert. Before
the BOOT record of a boot is seen (the chain is pruned, a body is missing), the clock of the seal serves.
"""

from typing import Any, Final

from attrs import define

from evidence.record import Kind, ReadingRecord, Record
from evidence.seal import SealHeader

MS_PER_S: Final = 1000


@define(eq=False, repr=False)
class Dating:
    """See the module; feed it every BOOT and CLOCK record in order.

    Attributes:
        boot_id: Of the boot whose offset is known.
        offset_ms: UTC less the time since that boot.
    """

    boot_id: bytes = b""
    offset_ms: int = 0

    def note(self, record: Record, boot_id: bytes) -> None:
        """Take a record of the boot `boot_id`."""
        offset = record.body.get("offset_ms")
        if type(offset) is not int:
            return
        if record.kind is Kind.BOOT or (record.kind is Kind.CLOCK and boot_id == self.boot_id):
            self.boot_id, self.offset_ms = boot_id, offset

    def date_s(self, record: Record | ReadingRecord, header: SealHeader | None = None) -> float:
        """When a record was made, UTC; without the header of its seal it is of the boot that is known."""
        if header is None or header.boot_id == self.boot_id:
            offset_ms = self.offset_ms
        else:
            offset_ms = header.utc_ms - header.boottime_ms
        return (record.boottime_ms + offset_ms) / MS_PER_S

    def state(self) -> list[Any]:
        """Everything that `restore` needs."""
        return [self.boot_id, self.offset_ms]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state()`."""
        self.boot_id, self.offset_ms = bytes(state[0]), int(state[1])
