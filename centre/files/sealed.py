"""Which files the sealed answers and marks of a gateway name. Pure: bodies of the store in, rows out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from centre.store.journal import Arrival, Journal, Mark
from evidence.cbor import FormatError
from evidence.record import Kind, Record, decode_record
from evidence.seal import NUMBER_MAX, open_body, peek_header

NAMED: Final = {Kind.ANSWER: "order", Kind.MARK: "code"}
"""The kinds of records that name files, and the item of their body that says about what."""


@frozen
class SealedFile:
    """A file as a record names it.

    Attributes:
        what: `answer` or `mark`.
        about: The order that is answered, or the code of the mark.
        sha256: Hexadecimal.
    """

    seal: int
    what: str
    about: str
    name: str
    size: int
    sha256: str


def read_sealed(journal: Journal, gateway: str) -> list[SealedFile]:
    """All that is committed of a gateway, in the order of the chain."""
    found = journal.marked(gateway, Mark.ANSWERS | Mark.MARKS, NUMBER_MAX)
    return [one for arrival in sorted(found, key=lambda one: one.number) for one in _list_in(arrival)]


def list_named(seal: int, kind: str, body: Mapping[str, Any]) -> Iterator[SealedFile]:
    """The files in the body of a record of this kind, by its name in lines."""
    about = next((item for one, item in NAMED.items() if one.name.lower() == kind), None)
    if about is not None:
        for file in body.get("files") or ():
            yield SealedFile(seal, kind, str(body.get(about)), file["name"], file["size"], file["sha256"])


def _list_in(arrival: Arrival) -> Iterator[SealedFile]:
    try:
        records = open_body(peek_header(arrival.cose), arrival.body or b"")
    except FormatError:  # the disk has changed it since it was verified
        return
    for one in _decode(records):
        yield from list_named(arrival.number, one.kind.name.lower(), one.body)


def _decode(records: Iterable[bytes]) -> Iterator[Record]:
    for raw in records:
        try:
            one = decode_record(raw)
        except FormatError:
            continue
        if isinstance(one, Record) and one.kind in NAMED:
            yield one
