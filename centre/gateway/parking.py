"""What one gateway has sent too early: seals beyond the next one, and statements for them. Pure, bounded.

Their signatures cannot be checked yet, so anybody who may publish for the gateway can send them. A seal is
parked without its body where bodies have no room: the body is asked for by the next receipts.
"""

from typing import Final

from attrs import define, field

from evidence.seal import seal_hash

PARKED_MAX: Final = 256
"""Seals of one gateway that wait for an earlier one: a dozen messages of a full window."""
PARKED_BYTES_MAX: Final = 1024 * 1024
"""Of their bodies: a full window of 20 live seals of 50 kB."""
STATEMENTS_PARKED_MAX: Final = 16
"""Statements of one gateway that wait until the chain reaches them; one is usual."""

Parked = tuple[bytes, bytes | None]
"""A seal and its body."""


@define
class Parking:
    """See the module."""

    _seals: dict[int, Parked] = field(factory=dict)
    _size: int = 0
    _statements: dict[bytes, tuple[int, bytes]] = field(factory=dict)  # by hash: number, statement

    def park(self, number: int, cose: bytes, body: bytes | None) -> None:
        """Keep a seal; one of this number that came before gives way."""
        self.pop(number)
        if len(self._seals) >= PARKED_MAX:
            return
        if body is not None and self._size + len(body) > PARKED_BYTES_MAX:
            body = None
        self._seals[number] = cose, body
        self._size += len(body or b"")

    def pop(self, number: int) -> Parked | None:
        """Take the seal of this number, if it is there."""
        parked = self._seals.pop(number, None)
        if parked is not None:
            self._size -= len(parked[1] or b"")
        return parked

    def forget_up_to(self, number: int) -> None:
        """What the chain has passed is of no use."""
        for passed in [one for one in self._seals if one <= number]:
            self.pop(passed)

    def park_statement(self, number: int, raw: bytes) -> None:
        """Keep a statement that seal `number`, or the one before it, has to come for."""
        if len(self._statements) < STATEMENTS_PARKED_MAX:
            self._statements[seal_hash(raw)] = number, raw

    def take_statements(self, tip: int) -> list[bytes]:
        """The statements that are due now that the chain has come to `tip`."""
        due = [digest for digest, (number, _) in self._statements.items() if number <= tip + 1]
        return [self._statements.pop(digest)[1] for digest in due]
