"""What the centre publishes: signed, retained, cumulative receipts, and its time.

A receipt is made from what the store is about to commit and published after the commit has returned, so it
never claims more than the disk holds. The hash of each receipt and beacon is remembered for a while: a seal
that carries it is younger than it.
"""

from hashlib import sha256
from typing import Final

from attrs import define, field, frozen

from evidence.chain import ChainState
from evidence.delegated import Signer
from evidence.held import Held
from evidence.receipt import RANGES_MAX, Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from wire import messages
from wire.messages import Topics

RECEIPT_FRAME_BYTES: Final = 420
"""Most bytes of a receipt's packet without ranges."""
RANGE_BYTES_MAX: Final = 19
REFERENCES_MAX: Final = 10_000
"""Own receipts and beacons whose time is remembered to date seals."""


@frozen
class Answer:
    """A message to publish, retained."""

    topic: str
    payload: bytes


def receipt_of(
    state: ChainState,
    held: Held,
    signer: Signer | bytes,
    utc_ms: int,
    *,
    conflict: bool = False,
    ranges_max: int = RANGES_MAX,
) -> bytes:
    """The signed receipt for a gateway; with `conflict` it asks for the seal after the last accepted one."""
    receipt = Receipt(
        gateway=state.gateway,
        number=state.number,
        seal_hash=state.hash,
        bodies_up_to=held.up_to,
        ranges=held.ranges[:ranges_max],
        centre_utc_ms=utc_ms,
        conflict=Conflict(state.number + 1, state.hash) if conflict else None,
    )
    return sign_receipt(receipt, signer)


def count_ranges(packet_bytes_max: int) -> int:
    """How many ranges fit into a receipt where the broker takes packets of this size."""
    return max(0, min((packet_bytes_max - RECEIPT_FRAME_BYTES) // RANGE_BYTES_MAX, RANGES_MAX))


@define
class Answers:
    """`signer` is the root or a receipt key that it has certified."""

    signer: Signer
    _references: dict[bytes, int] = field(init=False, factory=dict)

    @property
    def public_key(self) -> bytes:
        """That of the root, which signs enrolments and statements."""
        return self.signer.root

    def of_receipt(self, gateway: str, raw: bytes, utc_ms: int) -> Answer:
        """The message that carries a committed receipt."""
        return self._answer(Topics(gateway).receipt, raw, utc_ms)

    def make_beacon(self, utc_ms: int, sequence: int) -> Answer:
        """The centre's time."""
        return self._answer(messages.BEACON, sign_beacon(Beacon(utc_ms, sequence), self.signer), utc_ms)

    def reference_utc_ms(self, digest: bytes) -> int | None:
        """The time of the receipt or beacon with this SHA-256, if it was ours and not long ago."""
        return self._references.get(digest)

    def note_reference(self, raw: bytes, utc_ms: int) -> None:
        """Remember a receipt or beacon of the centre, this process's or another's, by its hash."""
        while len(self._references) >= REFERENCES_MAX:
            self._references.pop(next(iter(self._references)))
        self._references[sha256(raw).digest()] = utc_ms

    def _answer(self, topic: str, raw: bytes, utc_ms: int) -> Answer:
        self.note_reference(raw, utc_ms)
        return Answer(topic, raw)
