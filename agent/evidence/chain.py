"""Where a chain stands: what a verifier keeps between two seals, and what it tells about them.

The state before the first seal holds nothing but the gateway's id and its enrolled first key.
It is kept as one CBOR array by whoever verifies; it is trusted as far as that place is.
"""

from enum import StrEnum
from typing import Final

from attrs import frozen

from agent.evidence import cbor
from agent.evidence.record import CLOCK_NUMBER, clock_state
from agent.evidence.seal import (
    BOOT_ID_BYTES,
    FIRST_NUMBER,
    FIRST_RECORD,
    HASH_BYTES,
    NO_HASH,
    NUMBER_MAX,
    checked_gateway,
)
from drivers.clock import ClockState

STATE_BYTES_MAX: Final = 512
"""The longest possible state has 232 bytes."""
_STATE_VERSION: Final = 1
_STATE_ITEMS: Final = 12


class Code(StrEnum):
    """What a finding is about."""

    FORM = "form"
    FOREIGN = "foreign"
    SIGNATURE = "signature"
    CHAIN = "chain"
    FORK = "fork"
    GAP = "gap"
    BODY = "body"
    CLOCK_STEP = "clock_step"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    CLOCK_STATE = "clock_state"
    BOOT = "boot"
    LOST_TAIL = "lost_tail"
    DROP = "drop"


@frozen
class Finding:
    """One thing that a reader of the chain should know; `number` is the seal it was seen at."""

    code: Code
    text: str
    number: int


@frozen
class ChainState:
    """Where a chain stands: what its last accepted seal certified, and the clocks in it.

    Attributes:
        key: The key of the last accepted seal; proves a fork at the tip.
        next_key: The key that the next seal must be signed with.
    """

    gateway: str
    first_key: bytes
    number: int
    hash: bytes
    key: bytes
    next_key: bytes
    next_record: int
    utc_ms: int
    boottime_ms: int
    boot_id: bytes
    clock_state: ClockState

    @classmethod
    def enrolled(cls, gateway: str, first_key: bytes) -> "ChainState":
        """The state before the first seal.

        Raises:
            FormatError: The id or the key cannot be one.
        """
        return cls(
            gateway=checked_gateway(gateway),
            first_key=cbor.octets(first_key, "first key", HASH_BYTES),
            number=FIRST_NUMBER - 1,
            hash=NO_HASH,
            key=NO_HASH,
            next_key=first_key,
            next_record=FIRST_RECORD,
            utc_ms=0,
            boottime_ms=0,
            boot_id=b"",
            clock_state=ClockState.UNSYNCHRONISED,
        )

    def to_cbor(self) -> bytes:
        """The state as bytes."""
        return cbor.encode(
            [
                _STATE_VERSION,
                self.gateway,
                self.first_key,
                self.number,
                self.hash,
                self.key,
                self.next_key,
                self.next_record,
                self.utc_ms,
                self.boottime_ms,
                self.boot_id,
                CLOCK_NUMBER[self.clock_state],
            ]
        )

    @classmethod
    def from_cbor(cls, raw: bytes) -> "ChainState":
        """The state in `raw`.

        Raises:
            FormatError: It is no state.
        """
        items = cbor.array(cbor.decode(raw, STATE_BYTES_MAX), "state", _STATE_ITEMS)
        version, gateway, first_key, number, hash_, key, next_key, next_record = items[:8]
        cbor.natural(version, "version", _STATE_VERSION, _STATE_VERSION)
        return cls(
            gateway=checked_gateway(cbor.text(gateway, "gateway")),
            first_key=cbor.octets(first_key, "first_key", HASH_BYTES),
            number=cbor.natural(number, "number", NUMBER_MAX),
            hash=cbor.octets(hash_, "hash", HASH_BYTES),
            key=cbor.octets(key, "key", HASH_BYTES),
            next_key=cbor.octets(next_key, "next_key", HASH_BYTES),
            next_record=cbor.natural(next_record, "next_record"),
            utc_ms=cbor.natural(items[8], "utc_ms"),
            boottime_ms=cbor.natural(items[9], "boottime_ms"),
            boot_id=cbor.octets(items[10], "boot_id", 0, BOOT_ID_BYTES),
            clock_state=clock_state(items[11]),
        )
