"""The manifest: all that is needed to understand the other records, in the chain itself.

Written at each start. One record with the site, then one for each model, so that none outgrows a message:

    {"site": text of the site file, "site_hash": its SHA-256, "version": software, "boot_id": …,
     (a text of more than PLAIN_BYTES_MAX is "site_deflated" instead: raw deflate, RFC 1951)
     "clock": state, "meters": {id: {"model": 8 bytes, "unit_id", "bus", "line", "ct_ratio", "pt_ratio"}},
     (a DL/T 645 meter has its "address" of 12 digits instead of "unit_id"; an analyser has no "line": null)
     "linkages": {id: hash of its detection parameters}, "feed": hash of those of the incomer, or null}
    {"models": {first 8 bytes of the hash as hex: the model's point table, canonical JSON}}

The centre decodes readings with these tables alone (`drivers.points.model.Model.from_table`).
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import ConfigError, Site
from drivers.clock import ClockState, Stamp
from drivers.points.model import Model
from drivers.poll.meter import MeterSetup
from evidence.cbor import FormatError
from evidence.orders.change import deflate_site, inflate_site
from evidence.record import MODEL_ID_BYTES, Kind, encode_record
from evidence.words import Words

PLAIN_BYTES_MAX: Final = 24 * 1024
"""Text of four hundred short meters, whose rows take as much again: 60,000 bytes of a record hold both."""
_VERSION: Final = "x" * 32
"""Longer than that of any release."""
_TOO_LONG: Final = Words(
    "本站点的清单记录放不下（{why}）：缩短 id，或增加一台网关",
    "the manifest of this site does not fit ({why}): use shorter ids, or a second gateway",
)


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
        **_write_site_text(site.text),
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


def check_manifest(
    site: Site,
    setups: Mapping[str, MeterSetup],
    linkages: Sequence[LinkageParams],
    incomer: IncomerParams | None,
) -> None:
    """See that the manifest can be recorded.

    Raises:
        ConfigError: It is too long for a record.
    """
    stamp = Stamp(0, 0, bytes(16), ClockState.UNSYNCHRONISED)
    try:
        for body in manifest_bodies(site, setups, linkages, incomer, _VERSION, stamp):
            encode_record(Kind.MANIFEST, stamp, body)
    except FormatError as error:
        both = _TOO_LONG.fill(why=error)
        raise ConfigError(site.file, [f"meter: {both.en} ({both.zh})"]) from error


def read_site_text(body: Mapping[str, Any]) -> str | None:
    """The site file in a manifest record; None where it has none that can be read."""
    text, deflated = body.get("site"), body.get("site_deflated")
    if isinstance(text, str):
        return text
    if not isinstance(deflated, bytes):
        return None
    try:
        return inflate_site(deflated)
    except FormatError:
        return None


def _write_site_text(text: str) -> dict[str, Any]:
    if len(text.encode()) <= PLAIN_BYTES_MAX:
        return {"site": text}
    return {"site_deflated": deflate_site(text)}
