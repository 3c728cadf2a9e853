"""What travels over MQTT: topics and messages, both ways.

The topics of one gateway, and who may publish to them. The broker's ACL ties the gateway's topics to the
name in its certificate, but nothing is believed because of its topic: the signatures decide.

    dj/1/<gateway>/seal      gateway   CBOR [seal, body]            a live seal, whole
    dj/1/<gateway>/chain     gateway   CBOR [seal, seal, …]         seals without bodies, after an outage
    dj/1/<gateway>/body      gateway   CBOR [number, body]          a body sent later (backfill)
                             or [number, length, offset, piece]     a part of one, from byte `offset` on
    dj/1/<gateway>/rekey     gateway   CBOR byte string             a re-key or replacement, COSE
    dj/1/<gateway>/state     gateway   JSON, retained               birth and will
    dj/1/<gateway>/file      gateway   CBOR                         a piece of a file, see `wire.files`
    dj/1/<gateway>/receipt   centre    COSE, retained               what the centre holds
    dj/1/<gateway>/order     centre    COSE                         orders
    dj/1/beacon              centre    COSE, retained               the centre's time

`seal` is a COSE_Sign1 and `body` a CBOR array of records, both exactly as stored on the gateway:
they travel as byte strings and are never encoded again. Every message is deterministic CBOR
(RFC 8949, section 4.2): a value has one encoding, and any other is refused.

A body that is larger than the broker's packets travels in parts, on the topic of bodies, which every broker
that was set up before allows. They may come in any order, overlap, and be cut anew at another size: `length`
is that of the whole body. A centre of before parts refuses one as a malformed message and goes on.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import Factory, field, frozen

from evidence import cbor
from evidence.body import BODY_BYTES_MAX
from evidence.seal import COSE_BYTES_MAX, FIRST_NUMBER, GATEWAY_PATTERN, NUMBER_MAX
from evidence.statement import CONTINUE_BYTES_MAX

ROOT: Final = "dj/1"
BEACON: Final = f"{ROOT}/beacon"

MESSAGE_BYTES_MAX: Final = 65_536
"""Longest payload that is read: a whole seal, or a full chain message."""
CHAIN_SEALS_MAX: Final = 64
"""Seals in one chain message: 25 kB at most, so that a slow link makes progress."""
PART_BYTES_MIN: Final = 64
"""Shortest piece of a body but for its last one: bounds the pieces of a body to a thousand."""
STATE_BYTES_MAX: Final = 2048
"""Longest birth or will."""

_ARRAY_HEAD_BYTES: Final = 3  # an array head for up to 65,535 items
_STRING_HEAD_BYTES: Final = 5  # a byte string head for up to 4 GiB
_PART_FRAME_BYTES: Final = 1 + 9 + 3 + 3 + 3
"""Around the piece of a part: array, number, length, offset, and the head of the byte string."""
_PACKET_HEAD_BYTES: Final = 1 + 4 + 2 + 2 + 1
"""Type, remaining length, topic length, packet id, no properties."""


class WireError(ValueError):
    """The sender's fault: a topic or message that this protocol does not have."""


class Kind(StrEnum):
    """The last level of a gateway's topics."""

    SEAL = "seal"
    CHAIN = "chain"
    BODY = "body"
    REKEY = "rekey"
    STATE = "state"
    FILE = "file"
    RECEIPT = "receipt"
    ORDER = "order"


@frozen
class SealMessage:
    """A live seal with the records that it covers."""

    seal: bytes
    body: bytes


@frozen
class BodyMessage:
    """A body that comes after its seal."""

    number: int
    body: bytes


@frozen
class PartMessage:
    """The bytes of a body from `offset` on; `length` is that of the whole."""

    number: int
    length: int
    offset: int
    piece: bytes


def _topic(kind: Kind) -> str:
    """A field that holds the gateway's topic of `kind`."""
    topic: str = field(default=Factory(lambda topics: topics.of(kind), takes_self=True), init=False, eq=False)
    return topic


@frozen
class Topics:
    """The topics of one gateway, one for each kind."""

    gateway: str = field()
    seal: str = _topic(Kind.SEAL)
    chain: str = _topic(Kind.CHAIN)
    body: str = _topic(Kind.BODY)
    rekey: str = _topic(Kind.REKEY)
    state: str = _topic(Kind.STATE)
    receipt: str = _topic(Kind.RECEIPT)
    order: str = _topic(Kind.ORDER)

    @gateway.validator
    def _check(self, _attribute: object, gateway: str) -> None:
        if not is_gateway_id(gateway):
            raise WireError(f"gateway id {gateway[:80]!r}: 1 to 32 letters, digits, '_', '.', '-' are wanted")

    def of(self, kind: Kind) -> str:
        """The topic of `kind`."""
        return f"{ROOT}/{self.gateway}/{kind}"


def is_gateway_id(text: str) -> bool:
    """Whether `text` can name a gateway: safe as a topic level, a certificate name and a file name."""
    return GATEWAY_PATTERN.fullmatch(text) is not None


def parse_topic(topic: str) -> tuple[str, Kind]:
    """The gateway and the kind of a gateway's topic.

    Raises:
        WireError: It is no topic of a gateway.
    """
    parts = topic.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != ROOT or not is_gateway_id(parts[2]):
        raise WireError(f"not a topic of a gateway: {topic[:120]!r}")
    try:
        return parts[2], Kind(parts[3])
    except ValueError as error:
        raise WireError(f"unknown kind of topic: {topic[:120]!r}") from error


def encode_seal(seal: bytes, body: bytes) -> bytes:
    """A live seal, whole."""
    return cbor.encode([seal, body])


def decode_seal(payload: bytes) -> SealMessage:
    """The inverse of `encode_seal`; raises WireError."""
    items = _parse_items(payload, 2)
    return SealMessage(
        _check_string(items[0], COSE_BYTES_MAX, "seal"), _check_string(items[1], BODY_BYTES_MAX, "body")
    )


def encode_chain(seals: Sequence[bytes]) -> bytes:
    """Seals without their bodies, in the order of their numbers."""
    return cbor.encode(list(seals))


def decode_chain(payload: bytes) -> tuple[bytes, ...]:
    """The inverse of `encode_chain`; raises WireError."""
    items = _parse_items(payload, None)
    if not 1 <= len(items) <= CHAIN_SEALS_MAX:
        raise WireError(f"chain of {len(items)} seals, 1 to {CHAIN_SEALS_MAX} are wanted")
    return tuple(_check_string(item, COSE_BYTES_MAX, "seal") for item in items)


def encode_body(number: int, body: bytes) -> bytes:
    """A body sent later."""
    return cbor.encode([number, body])


def encode_part(number: int, body: bytes, offset: int, end: int) -> bytes:
    """The bytes of `body` from `offset` to before `end`."""
    return cbor.encode([number, len(body), offset, body[offset:end]])


def decode_body(payload: bytes) -> BodyMessage | PartMessage:
    """The inverse of `encode_body` and `encode_part`; raises WireError."""
    items = _parse_items(payload, None)
    number, *rest = items or [None]
    if type(number) is not int or not FIRST_NUMBER <= number <= NUMBER_MAX:
        raise WireError("a seal number is wanted first")
    if len(rest) == 1:
        return BodyMessage(number, _check_string(rest[0], BODY_BYTES_MAX, "body"))
    if len(rest) != 3:
        raise WireError("message is neither a body nor a part of one")
    length, offset, item = rest
    piece = _check_string(item, BODY_BYTES_MAX, "part")
    if type(length) is not int or not 1 <= length <= BODY_BYTES_MAX or type(offset) is not int or offset < 0:
        raise WireError(f"a part names the length of its body, at most {BODY_BYTES_MAX}, and an offset")
    end = offset + len(piece)
    if end > length or (end < length and len(piece) < PART_BYTES_MIN):
        raise WireError(f"a part has {PART_BYTES_MIN} bytes or more, unless it is the last, and lies within")
    return PartMessage(number, length, offset, piece)


def encode_statement(statement: bytes) -> bytes:
    """A re-key or replacement."""
    return cbor.encode(statement)


def decode_statement(payload: bytes) -> bytes:
    """The inverse of `encode_statement`; raises WireError."""
    try:
        statement = cbor.decode(payload, CONTINUE_BYTES_MAX + _STRING_HEAD_BYTES)
    except cbor.FormatError as error:
        raise WireError(str(error)) from None
    return _check_string(statement, CONTINUE_BYTES_MAX, "statement")


def encode_state(*, online: bool, details: Mapping[str, str | int | None]) -> bytes:
    """A birth (`online`) or a will."""
    state = {"state": "online" if online else "offline", **details}
    return json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def decode_state(payload: bytes) -> tuple[bool, dict[str, str | int | None]]:
    """Whether the gateway reports itself online, and the details it gives; raises WireError."""
    if len(payload) > STATE_BYTES_MAX:
        raise WireError(f"state of {len(payload)} bytes, at most {STATE_BYTES_MAX} are taken")
    try:
        state = json.loads(payload)
        json.dumps(state, ensure_ascii=False).encode()  # half a surrogate pair could not be encoded
    except (ValueError, RecursionError) as error:
        raise WireError(f"state is not JSON: {error}") from error
    if not isinstance(state, dict) or state.get("state") not in ("online", "offline"):
        raise WireError("state is neither online nor offline")
    details = {key: value for key, value in state.items() if key != "state"}
    if not all(value is None or isinstance(value, str | int) for value in details.values()):
        raise WireError("state details are texts and integers only")
    return state["state"] == "online", details


def message_bytes(strings: Sequence[int]) -> int:
    """Most bytes that a message holding byte strings of these lengths takes (a number counts as one)."""
    return _ARRAY_HEAD_BYTES + sum(_STRING_HEAD_BYTES + length for length in strings)


def packet_bytes(topic: str, payload_bytes: int) -> int:
    """Most bytes that the MQTT PUBLISH packet of a payload takes on the wire."""
    return _PACKET_HEAD_BYTES + len(topic.encode()) + payload_bytes


def piece_bytes_max(topic: str, packet_bytes_max: int) -> int:
    """Most bytes of a body that a part in a packet of `packet_bytes_max` bytes carries; below 1: none."""
    return packet_bytes_max - packet_bytes(topic, _PART_FRAME_BYTES)


def _parse_items(payload: bytes, count: int | None) -> list[object]:
    try:
        items = cbor.decode(payload, MESSAGE_BYTES_MAX)
    except cbor.FormatError as error:
        raise WireError(str(error)) from None
    if type(items) is not list or (count is not None and len(items) != count):
        raise WireError("message is not the array that its topic asks for")
    return items


def _check_string(item: object, bytes_max: int, name: str) -> bytes:
    if not isinstance(item, bytes):
        raise WireError(f"{name} is no byte string")
    if not 1 <= len(item) <= bytes_max:
        raise WireError(f"{name} of {len(item)} bytes, 1 to {bytes_max} are taken")
    return item
