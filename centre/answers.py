"""What the centre says: signed, retained, cumulative receipts, and its time.

A receipt is made from the database alone, after a commit has returned: it never says more than the
disk holds. The hash of each receipt and beacon is remembered for a while, because a seal that
carries it is younger than it.
"""

from hashlib import sha256
from typing import Final

from attrs import define, field, frozen

from centre.store.sqlite import CentreStore
from evidence.keys import public
from evidence.receipt import RANGES_MAX, Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from wire import messages
from wire.messages import Topics

REFERENCES_MAX: Final = 10_000
"""Own receipts and beacons whose time is remembered to date seals."""


@frozen
class Answer:
    """A message to publish, retained."""

    topic: str
    payload: bytes


@define
class Answers:
    """`secret` is the centre's key, `public_key` its public half."""

    store: CentreStore
    secret: bytes
    public_key: bytes = field(init=False)
    _references: dict[bytes, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.public_key = public(self.secret)

    def receipt(self, gateway: str, utc_ms: int, *, conflict: bool = False) -> Answer:
        """What is held of `gateway`; with `conflict`, that only the seal after it is of use."""
        state, held = self.store.state(gateway), self.store.held(gateway)
        receipt = Receipt(
            gateway=gateway,
            number=state.number,
            seal_hash=state.hash,
            bodies_up_to=held.up_to,
            ranges=held.ranges[:RANGES_MAX],
            centre_utc_ms=utc_ms,
            conflict=Conflict(state.number + 1, state.hash) if conflict else None,
        )
        raw = sign_receipt(receipt, self.secret)
        self.store.put_receipt(gateway, raw)
        self._refer(raw, utc_ms)
        return Answer(Topics(gateway).receipt, raw)

    def beacon(self, utc_ms: int, sequence: int) -> Answer:
        """The centre's time."""
        raw = sign_beacon(Beacon(utc_ms, sequence), self.secret)
        self._refer(raw, utc_ms)
        return Answer(messages.BEACON, raw)

    def reference_utc_ms(self, digest: bytes) -> int | None:
        """The time of the receipt or beacon with this SHA-256, if it was ours and not long ago."""
        return self._references.get(digest)

    def _refer(self, raw: bytes, utc_ms: int) -> None:
        while len(self._references) >= REFERENCES_MAX:
            self._references.pop(next(iter(self._references)))
        self._references[sha256(raw).digest()] = utc_ms
