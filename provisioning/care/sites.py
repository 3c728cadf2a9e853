"""The site file that a gateway runs with, out of the newest manifest that the centre has of it."""

from collections.abc import Iterable
from contextlib import closing

from attrs import frozen

from agent.site.manifest import read_site_text
from centre.store.journal import Mark, SqlJournal
from centre.store.place import Place, open_to_read
from evidence.cbor import FormatError
from evidence.record import Kind, Record, decode_record
from evidence.seal import open_body, peek_header


@frozen
class SiteInForce:
    """What one gateway has sealed last of its own site file.

    Attributes:
        seal: Where it stands.
        version: Of the gateway's software.
    """

    gateway: str
    seal: int
    text: str
    version: str


def read_sites(store: Place, gateways: Iterable[str]) -> dict[str, SiteInForce]:
    """By gateway; one whose manifest has not come is left out.

    Raises:
        StoreError: The store is missing or cannot be read.
    """
    with closing(open_to_read(store)) as snapshot:
        if not snapshot.has("journal"):
            return {}
        journal = SqlJournal(snapshot.read)
        found = {name: _find_site(journal, name) for name in gateways}
    return {name: one for name, one in found.items() if one is not None}


def _find_site(journal: SqlJournal, gateway: str) -> SiteInForce | None:
    for arrival in journal.newest(gateway, Mark.TEACHES):
        try:
            records = open_body(peek_header(arrival.cose), arrival.body or b"")
        except FormatError:  # the disk has changed it since it was verified
            continue
        for record in reversed([*map(_decode, records)]):
            text = None if record is None else read_site_text(record.body)
            if record is not None and text is not None:
                return SiteInForce(gateway, arrival.number, text, str(record.body.get("version", "")))
    return None


def _decode(raw: bytes) -> Record | None:
    try:
        record = decode_record(raw)
    except FormatError:
        return None
    return record if isinstance(record, Record) and record.kind is Kind.MANIFEST else None
