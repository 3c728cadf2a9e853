"""One gateway's data in a database, read beside the process that owns the file; nothing is changed.

The same for the centre's database and a gateway's, opened by `centre.store.reading` or `agent.store.archive`.
"""

from collections.abc import Iterator

from attrs import define, frozen

from disk.snapshot import Snapshot
from evidence.held import Held
from evidence.seal import NUMBER_MAX


def as_bytes(value: object) -> bytes:
    """A cell as it was stored, b"" where other hands put in something else: that is no seal and no body."""
    return value if isinstance(value, bytes) else b""


@frozen
class Row:
    """A seal as it is stored; `body` is None if it is not held or was not wanted."""

    number: int
    cose: bytes
    body: bytes | None


@define(eq=False, repr=False)
class Archive:
    """One gateway's chain in one file.

    Attributes:
        gateway: Its id.
        first: The lowest seal number in the file, 0 if there is none.
        last: The highest one.
        first_key: The enrolled one, if the file has it.
        enrolment: The statement that the centre signed for the gateway, b"" if the file does not have it.
        statements: Later statements about its keys, in the order in which they were applied.
        held: Bodies that the centre has or no longer awaits; None on a gateway.
        tip: Number and hash of the last seal, if the file notes it (at the centre).
        receipts: Those that are stored, in the order of the seals.
        has_given_up: Whether bodies that were held may lie in the files of an archive instead.
    """

    gateway: str
    first: int
    last: int
    first_key: bytes | None
    enrolment: bytes
    statements: tuple[bytes, ...]
    held: Held | None
    tip: tuple[int, bytes] | None
    _snapshot: Snapshot
    _key: str
    _offset: int
    receipts: tuple[bytes, ...] = ()
    has_given_up: bool = False

    def rows(self, first: int, last: int, *, bodies: bool = True, backwards: bool = False) -> Iterator[Row]:
        """The stored seals from `first` to `last`, in order; raises StoreError."""
        low, high = self._offset + first, self._offset + min(last, NUMBER_MAX)
        columns = "cose, body" if bodies else "cose, NULL"
        found = self._snapshot.read_range("seals", self._key, columns, low, high, backwards=backwards)
        for at, cose, body in found:
            yield Row(at - self._offset, as_bytes(cose), body if body is None else as_bytes(body))

    def close(self) -> None:
        """Close the file."""
        self._snapshot.close()
