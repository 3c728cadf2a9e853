"""A Modbus read, and the verdicts on what came back.

A whole, undamaged frame answers a request only if its unit, its function and its byte count (exactly
2 × `count`) fit. Everything else is `Foreign`: it is named and discarded, and never becomes a value.
An RTU answer carries no address, so the answers to two requests of one `Signature` look the same;
`drivers.link.ledger` keeps them apart in time.
"""

import functools
from enum import StrEnum
from typing import Final

from attrs import frozen

FUNCTIONS: Final = frozenset({3, 4})
"""Read holding registers, read input registers: the driver never writes."""
EXCEPTION_BIT: Final = 0x80
ADDRESS_MAX: Final = 0xFFFF
COUNT_MAX: Final = 125
"""Most registers of one answer (Modbus Application Protocol V1.1b3, section 6.3)."""
UNIT_ID_MAX: Final = 255
"""What the field can hold. Over TCP 0 and 255 name the device itself."""
SERIAL_UNIT_ID_MIN: Final = 1
SERIAL_UNIT_ID_MAX: Final = 247
"""Addresses of meters on a serial bus (Modbus over Serial Line V1.02, section 2.2)."""
GATEWAY_EXCEPTIONS: Final = frozenset({10, 11})
"""From a TCP gateway, not the meter: no sign of life, and the meter may still answer the gateway."""


class ForeignKind(StrEnum):
    """What bytes are, if not the answer."""

    NOISE = "noise"
    CRC = "crc"
    ECHO = "echo"
    REPLY = "reply"
    REQUEST = "request"
    LOST_SYNC = "lost sync"


@frozen(cache_hash=True)  # every request is looked up by it
class Signature:
    """The parts of a request that its RTU answer repeats: two with one signature can be confused."""

    unit_id: int
    function: int
    count: int


@frozen
class Request:
    """A read of `count` registers from the zero-based PDU address `address`."""

    unit_id: int
    function: int
    address: int
    count: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.unit_id <= UNIT_ID_MAX:
            raise ValueError(f"unit_id {self.unit_id} is not within 0..{UNIT_ID_MAX}")
        if self.function not in FUNCTIONS:
            raise ValueError(f"function {self.function} is neither 3 nor 4")
        if not 1 <= self.count <= COUNT_MAX:
            raise ValueError(f"count {self.count} is not within 1..{COUNT_MAX}")
        if not 0 <= self.address <= ADDRESS_MAX + 1 - self.count:
            raise ValueError(f"registers {self.address}+{self.count} are not within 0..{ADDRESS_MAX}")

    @functools.cached_property
    def signature(self) -> Signature:
        """The parts of a request that its answer repeats."""
        return Signature(self.unit_id, self.function, self.count)

    @functools.cached_property
    def adu(self) -> bytes:
        """Unit and PDU, as in both framings."""
        return bytes((self.unit_id, self.function)) + self.address.to_bytes(2) + self.count.to_bytes(2)


@frozen
class NeedMore:
    """The bytes so far may become the answer."""


@frozen
class Words:
    """The answer: the registers as on the wire."""

    words: bytes


@frozen
class Refusal:
    """The meter answered with a Modbus exception."""

    code: int


@frozen
class Foreign:
    """The first `consumed` bytes are not the answer.

    Attributes:
        reason: Why, in short English words.
        consumed: How many bytes to cut off, at least 1.
        kind: What they are.
        signature: That of the reply or request, if they are one whole frame.
    """

    reason: str
    consumed: int
    kind: ForeignKind = ForeignKind.NOISE
    signature: Signature | None = None


Verdict = NeedMore | Words | Refusal | Foreign

NEED_MORE: Final = NeedMore()


def judge(adu: bytes, request: Request, consumed: int) -> Verdict:
    """Whether a whole, undamaged frame (unit_id and PDU) is the answer."""
    unit_id, function = adu[0], adu[1]
    if unit_id != request.unit_id:
        reason = f"unit {unit_id} instead of {request.unit_id}"
    elif function == request.function | EXCEPTION_BIT and len(adu) == 3:
        return Refusal(adu[2])
    elif function != request.function:
        reason = f"function {function} instead of {request.function}"
    elif adu[2] != len(adu) - 3:
        reason = f"byte count {adu[2]} before {len(adu) - 3} bytes"
    elif adu[2] != 2 * request.count:
        reason = f"{adu[2]} bytes instead of {2 * request.count}"
    else:
        return Words(adu[3:])
    return Foreign(reason, consumed, ForeignKind.REPLY, reply_signature(adu))


def reply_signature(adu: bytes) -> Signature | None:
    """The signature of a whole frame; a refusal has count 0, because it names none.

    None if it answers no read: other functions, half registers.
    """
    function = adu[1] & ~EXCEPTION_BIT
    if function not in FUNCTIONS:
        return None
    if adu[1] & EXCEPTION_BIT:
        return Signature(adu[0], function, 0)
    return None if adu[2] % 2 else Signature(adu[0], function, adu[2] // 2)


class Framing(StrEnum):
    """How a PDU is wrapped."""

    RTU = "rtu"
    TCP = "tcp"
