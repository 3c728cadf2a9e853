"""The manifest: all that is needed to understand the other records, in the chain itself.

Written at each start. One record with the site, then one for each model, so that none outgrows a message:

    {"site": text of the site file, "site_hash": its SHA-256, "version": software, "boot_id": …,
     "clock": state, "meters": {id: {"model": 8 bytes, "unit_id", "bus", "line", "ct_ratio", "pt_ratio"}},
     (a DL/T 645 meter has its "address" of 12 digits instead of "unit_id"; an analyser has no "line": null)
     "linkages": {id: hash of its detection parameters}, "feed": hash of those of the incomer, or null}
    {"models": {first 8 bytes of the hash as hex: the model's point table, canonical JSON}}

The centre decodes readings with these tables alone (`drivers.points.model.Model.from_table`).
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import Site
from drivers.clock import Stamp
from drivers.points.model import Model
from drivers.poll.meter import MeterSetup
from evidence.record import MODEL_ID_BYTES


def manifest_bodies(
    site: Site,
    setups: Mapping[str, MeterSetup],
    linkages: Sequence[LinkageParams],
    incomer: IncomerParams | None,
    version: str,
    stamp: Stamp,
) -> Iterator[dict[str, Any]]:
    """The bodies of the manifest's records."""
    yield {
        "site": site.text,
        "site_hash": sha256(site.text.encode()).digest(),
        "version": version,
        "boot_id": stamp.boot_id,
        "clock": stamp.clock_state.value,
        "meters": {
            meter.id: {
                "model": setups[meter.id].model.hash[:MODEL_ID_BYTES],
                **({"address": meter.address} if meter.unit_id is None else {"unit_id": meter.unit_id}),
                "bus": meter.bus,
                "line": meter.line,
                "ct_ratio": meter.ct_ratio,
                "pt_ratio": meter.pt_ratio,
            }
            for meter in site.meter
        },
        "linkages": {linkage.linkage: linkage.hash for linkage in linkages},
        "feed": incomer.hash if incomer else None,
    }
    models: dict[bytes, Model] = {setup.model.hash: setup.model for setup in setups.values()}
    for digest, model in sorted(models.items()):
        yield {"models": {digest[:MODEL_ID_BYTES].hex(): model.table()}}
