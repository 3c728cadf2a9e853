"""What a database holds of one gateway, read beside the process that owns the file; nothing is changed.

The centre's database and a gateway's answer the same questions: which seals, with or without their bodies,
and which receipts. `centre.store.archive` and `agent.store.archive` open one.
"""

from collections.abc import Iterator

from attrs import define, field, frozen

from disk.snapshot import Snapshot
from evidence.held import Held
from evidence.seal import NUMBER_MAX


@frozen
class Row:
    """A seal as it is stored; `body` None where it is not held or was not asked for."""

    number: int
    cose: bytes
    body: bytes | None


@define
class Archive:
    """One gateway's chain in one file.

    Attributes:
        gateway: Its id.
        first: The lowest number that is here, 0 where there is none.
        last: The highest one.
        first_key: The enrolled one, where the file knows it.
        enrolment: What the centre has signed of the gateway, b"" where the file does not know it.
        statements: What was said about its keys since, in the order in which it was applied.
        held: Which bodies the centre has or awaits no more; None on a gateway.
    """

    gateway: str
    first: int
    last: int
    first_key: bytes | None
    enrolment: bytes
    statements: tuple[bytes, ...]
    held: Held | None
    _snapshot: Snapshot
    _key: str
    _offset: int
    _receipts: tuple[bytes, ...] = field(default=())

    def rows(self, first: int, last: int, *, bodies: bool = True, backwards: bool = False) -> Iterator[Row]:
        """The seals `first` to `last` that are here, in order.

        Raises:
            StoreError: The file cannot be read.
        """
        low, high = self._offset + first, self._offset + min(last, NUMBER_MAX)
        columns = "cose, body" if bodies else "cose, NULL"
        found = self._snapshot.read_range("seals", self._key, columns, low, high, backwards=backwards)
        for at, cose, body in found:
            yield Row(at - self._offset, cose, body)

    def receipts(self) -> tuple[bytes, ...]:
        """The receipts that are kept here, in the order of the seals."""
        return self._receipts

    def close(self) -> None:
        """Let the file go."""
        self._snapshot.close()
