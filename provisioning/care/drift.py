"""Which site file each gateway was last sent and had kept.

One that runs with another was changed on the site since. What a person changes there always wins, so this is
no mistake of the gateway; but the desk and the site do not agree any more (`provisioning.city.view`).
"""

from contextlib import closing
from pathlib import Path

from centre.orders.board import read_boards
from centre.orders.ledger import Ledger, open_ledger
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_to_read
from evidence.cbor import FormatError
from evidence.orders.change import decode_change
from evidence.orders.order import CONFIG
from provisioning.care.progress import Stage, list_progress


def read_sent(ledger: Path, store: Place, utc_ms: int) -> dict[str, tuple[str, str]]:
    """The last change that each gateway kept: its order, and the SHA-256 of its file in hexadecimal.

    Raises:
        LedgerError, StoreError: One of them cannot be read.
    """
    known = open_ledger(ledger)
    names = [gateway for gateway in known.orders if _has_change(known, gateway)]
    with closing(open_to_read(store)) as snapshot:
        boards = read_boards(SqlJournal(snapshot.read), names) if snapshot.has("journal") else {}
    kept: dict[str, tuple[str, str]] = {}
    for one in list_progress(known, boards, utc_ms):
        if one.stage is Stage.KEPT:
            try:
                change = decode_change(known.latest(one.gateway)[one.order].order.body)
            except FormatError:
                continue
            kept[one.gateway] = one.order, change.sha256.hex()
    return kept


def _has_change(ledger: Ledger, gateway: str) -> bool:
    return any(one.order.kind == CONFIG for one in ledger.latest(gateway).values())
