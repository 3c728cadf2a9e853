"""Reads the end of the daemon's own chain at the start: back from the tip, by hashes alone.

The key file continues from the tip (`agent.sealing.recovery`), so the daemon trusts it; seals that the
chain of previous hashes from there does not reach are refused and logged.
"""

import logging
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from agent.store.gateway import GatewayStore
from evidence.anchors import Anchors
from evidence.seal import FIRST_NUMBER, StoredSeal, peek_header
from evidence.walk import Walk, WalkedSeal

LOG: Final = logging.getLogger("dianjian.store")

ROWS_AT_ONCE: Final = 50
"""Rows are at most 64 kB each, and the start must not need more memory than normal running."""


@frozen
class _Rows:
    store: GatewayStore

    def rows(self, first: int, last: int, *, bodies: bool = True) -> Iterator[StoredSeal]:
        read = self.store.rows if bodies else self.store.headers
        while first <= last and (found := read(first, min(ROWS_AT_ONCE, last - first + 1))):
            yield from (row for row in found if row.number <= last)
            first = found[-1].number + 1


def read_tail(store: GatewayStore, first: int) -> Iterator[WalkedSeal]:
    """The seals of this gateway's own chain from `first` on."""
    tip = store.last()
    if tip is None:
        return
    anchors = Anchors(peek_header(tip.cose).gateway, tip=(tip.number, tip.hash))
    walk = Walk(_Rows(store), anchors, first, tip.number, ROWS_AT_ONCE)
    for _ in walk.steps():
        pass
    for one in walk.refused:
        LOG.warning("not read again: %s", one.text.en)
    yield from walk.seals()


def read_last(store: GatewayStore, count: int) -> Iterator[WalkedSeal]:
    """The last `count` seals."""
    tip = store.last()
    return read_tail(store, FIRST_NUMBER if tip is None else max(tip.number - count + 1, FIRST_NUMBER))
