"""The packets of data loggers in an exported chain, as they were sealed.

Each body is held against the root in its seal; whose signature that is, and whether a seal is missing, says
`dianjian verify`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from drivers.hj212.packet import FUNCTION
from drivers.reading import Quality
from evidence import cbor
from evidence.moments import iso_utc
from evidence.pack.export import MAGIC, ExportedSeal, read_chain
from evidence.record import ReadingRecord, decode_record
from evidence.seal import open_body, peek_header

_HEAD: Final = b"\x83" + cbor.encode(MAGIC)


@frozen
class SealedPacket:
    """A packet, and where it stands.

    Attributes:
        at: When it came by the gateway's clock, ISO 8601 UTC.
        reason: Why it is no value of that moment; "" if it is.
    """

    raw: bytes
    seal: int
    meter: str
    at: str
    quality: Quality
    reason: str


def is_chain(file: Path) -> bool:
    """Whether it begins as an exported chain; raises OSError."""
    with file.open("rb") as source:
        return source.read(len(_HEAD)) == _HEAD


def list_sealed(file: Path) -> Iterator[SealedPacket]:
    """The packets in the bodies that the file has; raises FormatError at what is no chain."""
    with file.open("rb") as source:
        _, items = read_chain(source)
        for item in items:
            if isinstance(item, ExportedSeal) and item.body is not None:
                header = peek_header(item.cose)
                for raw in open_body(header, item.body):
                    yield from _list_blocks(header.number, raw)


def _list_blocks(seal: int, raw: bytes) -> Iterator[SealedPacket]:
    try:
        record = decode_record(raw)
    except cbor.FormatError:
        return  # malformed: it counts for nothing, and verify names it
    if isinstance(record, ReadingRecord):
        for block in record.blocks:
            if block.function == FUNCTION:
                at = iso_utc(record.utc_ms)
                yield SealedPacket(block.words, seal, record.meter, at, record.quality, record.reason)
