"""The daemon's own way along the end of its chain at the start: back from the tip, by hashes alone.

The tip is what the key file goes on from (`agent.sealing.recovery`), so the daemon trusts it; what the
previous hashes down from there do not reach is refused and logged.
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
"""Whole rows are at most 64 kB each, and the start must not cost more memory than the life after it."""


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
