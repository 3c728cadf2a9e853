"""The records of a start: BOOT, the manifest, and an EVENT for what a kill left or the disk has lost.

BOOT  {"boot_id", "offset_ms": see `DetectorFeed`, "start": how the chain came up, "version"}
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from agent.sealing.source import NewRecord, RecordSource, Urgency
from agent.spool.spool import Spool
from agent.store.gateway import GatewayStore
from drivers.clock import Stamp
from evidence.record import Kind

LOG: Final = logging.getLogger("dianjian.boot")


@frozen
class Boot(RecordSource):
    """See the module.

    Attributes:
        start_kind: How the chain came up (`agent.sealing.recovery.Start`).
        version: Of this software.
        offset_ms: The detector's offset in this boot.
        manifest: The bodies of the manifest.
        spool: What the run before left, which is in the chain before all of this.
    """

    start_kind: str
    version: str
    offset_ms: Callable[[Stamp], int]
    manifest: Callable[[Stamp], Iterator[Mapping[str, Any]]]
    store: GatewayStore
    spool: Spool

    def start(self, stamp: Stamp, /) -> Iterator[NewRecord]:
        """All of them."""
        boot = {
            "boot_id": stamp.boot_id,
            "offset_ms": self.offset_ms(stamp),
            "start": self.start_kind,
            "version": self.version,
        }
        yield NewRecord(Kind.BOOT, boot, Urgency.AT_ONCE)
        for body in self.manifest(stamp):
            yield NewRecord(Kind.MANIFEST, body)
        if self.store.salvage is not None:
            LOG.warning("database salvaged: %s", self.store.salvage)
            yield NewRecord(Kind.EVENT, {"what": "database salvaged", "text": str(self.store.salvage)})
        yield from self._tell_spool()
        for first, last in self.store.holes():
            LOG.error("seals %d to %d are missing on this disk", first, last)
            yield NewRecord(Kind.EVENT, {"what": "seals missing", "first": first, "last": last})

    def _tell_spool(self) -> Iterator[NewRecord]:
        kept, refused = self.spool.kept, self.spool.refused
        if kept.records:
            text = "they waited for a seal when the run before was killed"
            yield NewRecord(Kind.EVENT, {"what": "taken up", "count": len(kept.records), "text": text})
        if kept.torn:
            yield NewRecord(Kind.GAP, {"what": "records", "count": 1, "why": "cut off by a kill"})
        if kept.unkept:
            why = "a kill, and the spool was full"
            yield NewRecord(Kind.GAP, {"what": "records", "count": kept.unkept, "why": why})
        if refused:
            yield NewRecord(Kind.EVENT, {"what": "spool refused", "text": refused})
