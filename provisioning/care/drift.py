"""Which site file each gateway was last sent and had kept.

One that runs with another was changed on the site since. What a person changes there always wins, so this is
no mistake of the gateway; but the desk and the site do not agree any more (`provisioning.city.view`).
"""

from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from centre.orders.board import GatewayBoard, read_boards
from centre.orders.ledger import Ledger, SentOrder, open_ledger
from centre.store.journal import SqlJournal
from centre.store.place import Place, open_to_read
from evidence.cbor import FormatError
from evidence.orders.change import decode_change
from evidence.orders.entries import Answered
from evidence.orders.order import CONFIG, hash_order


def read_sent(ledger: Path, store: Place) -> dict[str, tuple[str, str]]:
    """The last change that each gateway kept: its order, and the SHA-256 of its file in hexadecimal.

    Raises:
        LedgerError, StoreError: One of them cannot be read.
    """
    known = open_ledger(ledger)
    names = {one.order.gateway for sent in known.orders.values() for one in sent if one.order.kind == CONFIG}
    with closing(open_to_read(store)) as snapshot:
        boards = read_boards(SqlJournal(snapshot.read), names) if snapshot.has("journal") else {}
    return find_kept(known, boards)


def find_kept(ledger: Ledger, boards: Mapping[str, GatewayBoard]) -> dict[str, tuple[str, str]]:
    """As `read_sent`. Pure.

    Orders come into force in another order than they were sent in, and a later revision may be refused: the
    last one is that whose end the gateway sealed last.
    """
    kept: dict[str, tuple[str, str]] = {}
    for gateway, board in boards.items():
        ends: dict[int, SentOrder] = {}
        for sent in ledger.orders.get(gateway, []):
            come = board.come.get(hash_order(sent.raw)) if sent.order.kind == CONFIG else None
            for one in come.answers if come else ():
                if one["state"] == Answered.DONE:
                    ends[one["seal"]] = sent
        if ends:
            order = ends[max(ends)].order
            with suppress(FormatError):  # of a version that knows more
                kept[gateway] = order.id, decode_change(order.body).sha256.hex()
    return kept
