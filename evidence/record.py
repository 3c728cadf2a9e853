"""Records: the smallest things that a seal covers.

A record is one deterministic CBOR array; its first item is its kind.

A reading carries the meter's answer, not its interpretation:
    [1, utc_ms, boottime_ms, clock, meter, group, model, blocks, quality, reason, latency_us]
`clock` is 0 synchronised, 1 unsynchronised, 2 simulated; `group` 0 fast, 1 slow, 2 identity; `model`
the first 8 bytes of the SHA-256 of the model's point table (the manifest holds the table);
`blocks` = [[function, address, words], ...] as on the wire, where function 17 is a read of DL/T 645:
its address is the data id, its words the bytes behind it without the 33H of the wire; and function 212 is a
packet of HJ 212 as it came: its address is the packet's CN, its words all bytes from ## to its end;
`quality` 0 good, 1 stale, 2 bad.

Every other kind:
    [kind, utc_ms, boottime_ms, clock, body]      body: a map with text keys

No record names its boot: the seal does, and no seal spans two boots. Records are not trusted before their
seal is verified; the decoder accepts arbitrary bytes. A record that it refuses is malformed: nothing uses it,
and whoever verifies its seal says so. What a body may say is in `evidence.record_body`.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Final

from attrs import frozen

from drivers.clock import ClockState, Stamp
from drivers.hj212.packet import FUNCTION as HJ212_FUNCTION
from drivers.hj212.packet import RAW_FRAME_BYTES_MAX
from drivers.points.registers import WORD_BYTES
from drivers.reading import REGISTERS_MAX, Block, PollGroup, Quality, Reading
from evidence import cbor
from evidence.record_body import check_body

RECORD_BYTES_MAX: Final = 60_000
"""A record must fit into one seal, and a seal into one MQTT packet of 64 kB."""
BLOCKS_MAX: Final = 32
"""Reads of one poll group of one meter; the longest known map takes 9."""
MODEL_ID_BYTES: Final = 8
"""Of the model's SHA-256: enough to find it in a manifest, which is signed itself."""
LATENCY_US_MAX: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000
_ADDRESS_MAX: Final = 0xFFFF
_FUNCTIONS: Final = (3, 4)
_READ_DATA: Final = 17
"""The function of a read of DL/T 645 (control code 11H)."""
_DATA_ID_MAX: Final = 0xFFFFFFFF
_DATA_BYTES_MAX: Final = 200
"""Longest data field of an answer (DL/T 645-2007, section 5.2.5)."""
_COMMAND_MAX: Final = 9_999
"""CN of HJ 212 has four digits."""
_READING_ITEMS: Final = 11
_RECORD_ITEMS: Final = 5


class Kind(IntEnum):
    """The kinds of records. Numbers are never reused; all stay below 24, so that the kind is one byte."""

    READING = 1
    MANIFEST = 2
    HEARTBEAT = 3
    BOOT = 4
    CLOCK = 5
    """The wall clock was set: {"step_ms": by how much, "state": clock state}. If this dates the boot anew,
    also {"was_offset_ms", "offset_ms"}: UTC less the time since boot, for episodes until then and after."""
    GAP = 6
    DROP = 7
    """Bodies that were given up for room, or that the disk damaged: {"first": seal, "last": seal,
    "why": text}."""
    LOST_TAIL = 8
    """Bodies that the disk lost: {"first": seal, "last": seal, "recovered": first seal whose header
    is still there}."""
    CONFIG = 9
    EPISODE = 10
    MARK = 11
    ORDER = 12
    ANSWER = 13
    COMMISSIONING = 14
    TAMPER = 15
    """A sign of tampering at a meter: {"what", "meter", "point", …}; see `agent.tamper`."""
    EVENT = 16
    ATTESTATION = 17
    """A TPM's attestation of an earlier seal: see `evidence.attestation`."""
    BASELINE = 20
    """What an alert finds a line at, frozen with its days: see `evidence.response`."""
    VERDICT = 21
    """An hour of an alert, or its end, at one line."""
    EXERCISE = 22
    """The same of an order that is a test: another kind, so that nobody takes one for the other."""


_KINDS: Final = frozenset(map(int, Kind))


_CLOCKS: Final = (ClockState.SYNCHRONISED, ClockState.UNSYNCHRONISED, ClockState.SIMULATED)
_GROUPS: Final = (PollGroup.FAST, PollGroup.SLOW, PollGroup.IDENTITY)
_QUALITIES: Final = (Quality.GOOD, Quality.STALE, Quality.BAD)
CLOCK_NUMBER: Final = {state: number for number, state in enumerate(_CLOCKS)}
_GROUP_NUMBER: Final = {group: number for number, group in enumerate(_GROUPS)}
_QUALITY_NUMBER: Final = {quality: number for number, quality in enumerate(_QUALITIES)}


@frozen
class Record:
    """A record that is no reading, as decoded."""

    kind: Kind
    utc_ms: int
    boottime_ms: int
    clock_state: ClockState
    body: dict[str, Any]


@frozen
class ReadingRecord:
    """A reading, as decoded; `model` is the first 8 bytes of the model's hash."""

    utc_ms: int
    boottime_ms: int
    clock_state: ClockState
    meter: str
    group: PollGroup
    model: bytes
    blocks: tuple[Block, ...]
    quality: Quality
    reason: str
    latency_us: int

    kind: ClassVar = Kind.READING


def encode_reading(reading: Reading) -> bytes:
    """The record of `reading`."""
    stamp = reading.stamp
    blocks = [[block.function, block.address, block.words] for block in reading.blocks]
    items = [
        int(Kind.READING), stamp.utc_ns // NS_PER_MS, stamp.boottime_ns // NS_PER_MS,
        CLOCK_NUMBER[stamp.clock_state], reading.meter, _GROUP_NUMBER[reading.group],
        reading.model_hash[:MODEL_ID_BYTES], blocks, _QUALITY_NUMBER[reading.quality],
        _shorten(reading.reason), min(reading.latency_ns // NS_PER_US, LATENCY_US_MAX),
    ]  # fmt: skip
    return cbor.encode(items)


def encode_record(kind: Kind, stamp: Stamp, body: Mapping[str, object]) -> bytes:
    """The record of `body`.

    Raises:
        FormatError: The body holds something that the format does not have, or is too long.
    """
    if kind is Kind.READING:
        raise cbor.FormatError("a reading has its own encoding")
    plain = cbor.plain(dict(body), kind.name)
    utc_ms, boottime_ms = stamp.utc_ns // NS_PER_MS, stamp.boottime_ns // NS_PER_MS
    raw = cbor.encode([int(kind), utc_ms, boottime_ms, CLOCK_NUMBER[stamp.clock_state], plain])
    if len(raw) > RECORD_BYTES_MAX:
        raise cbor.FormatError(f"{kind.name}: {len(raw)} bytes, at most {RECORD_BYTES_MAX} fit a seal")
    return raw


def kind_of(raw: bytes) -> int:
    """The kind byte of a record, 0 if there is none; cheap, so that a verifier can skip readings."""
    return raw[1] if len(raw) > 1 else 0


def decode_record(raw: bytes) -> Record | ReadingRecord:
    """The record in `raw`; raises FormatError."""
    items = cbor.decode(raw, RECORD_BYTES_MAX)
    if type(items) is not list or not items:
        raise cbor.FormatError("a record is an array")
    kind = cbor.natural(items[0], "kind")
    if kind not in _KINDS:
        raise cbor.FormatError(f"no record has the kind {kind}")
    if kind == Kind.READING:
        return _parse_reading(cbor.array(items, "reading", _READING_ITEMS))
    _, utc_ms, boottime_ms, clock, body = cbor.array(items, "record", _RECORD_ITEMS)
    if type(body) is not dict:
        raise cbor.FormatError("the body is no map")
    check_body(kind, body)
    return Record(
        kind=Kind(kind),
        utc_ms=cbor.natural(utc_ms, "utc_ms"),
        boottime_ms=cbor.natural(boottime_ms, "boottime_ms"),
        clock_state=clock_state(clock),
        body=body,
    )


def describe_malformed(wrong: Sequence[tuple[int, str]]) -> str:
    """One line for the records of a seal that are none: (number of the record, why) for each."""
    number, why = wrong[0]
    more = f" (and {len(wrong) - 1} more of this seal)" if len(wrong) > 1 else ""
    return f"record {number}{more} is malformed and counts for nothing: {why}"


def clock_state(number: Any) -> ClockState:
    """The clock state that `number` stands for."""
    return _CLOCKS[cbor.natural(number, "clock", len(_CLOCKS) - 1)]


def _parse_reading(items: list[Any]) -> ReadingRecord:
    _, utc_ms, boottime_ms, clock, meter, group, model, blocks, quality, reason, latency_us = items
    if type(blocks) is not list or len(blocks) > BLOCKS_MAX:
        raise cbor.FormatError(f"blocks is not an array of at most {BLOCKS_MAX}")
    return ReadingRecord(
        utc_ms=cbor.natural(utc_ms, "utc_ms"),
        boottime_ms=cbor.natural(boottime_ms, "boottime_ms"),
        clock_state=clock_state(clock),
        meter=cbor.text(meter, "meter"),
        group=_GROUPS[cbor.natural(group, "group", len(_GROUPS) - 1)],
        model=cbor.octets(model, "model", MODEL_ID_BYTES),
        blocks=tuple(map(_parse_block, blocks)),
        quality=_QUALITIES[cbor.natural(quality, "quality", len(_QUALITIES) - 1)],
        reason=cbor.text(reason, "reason"),
        latency_us=cbor.natural(latency_us, "latency_us", LATENCY_US_MAX),
    )


def _parse_block(item: Any) -> Block:
    function, address, words = cbor.array(item, "block", 3)
    if type(function) is int and function == _READ_DATA:
        if type(words) is not bytes or not 0 < len(words) <= _DATA_BYTES_MAX:
            raise cbor.FormatError(f"data are not 1 to {_DATA_BYTES_MAX} bytes")
        return Block(function, cbor.natural(address, "address", _DATA_ID_MAX), words)
    if type(function) is int and function == HJ212_FUNCTION:
        if type(words) is not bytes or not 0 < len(words) <= RAW_FRAME_BYTES_MAX:
            raise cbor.FormatError(f"a packet is not 1 to {RAW_FRAME_BYTES_MAX} bytes")
        return Block(function, cbor.natural(address, "address", _COMMAND_MAX), words)
    if function not in _FUNCTIONS or type(function) is not int:
        raise cbor.FormatError("function is not 3, 4, 17 or 212")
    if (
        type(words) is not bytes
        or len(words) % WORD_BYTES
        or not 0 < len(words) <= REGISTERS_MAX * WORD_BYTES
    ):
        raise cbor.FormatError(f"words are not 1 to {REGISTERS_MAX} registers")
    return Block(function, cbor.natural(address, "address", _ADDRESS_MAX), words)


def _shorten(reason: str) -> str:
    """`reason`, cut to what the field holds: a long error text must not stop an agent."""
    return reason.encode()[: cbor.TEXT_BYTES_MAX].decode(errors="ignore")
