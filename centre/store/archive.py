"""The centre's database, read beside the process that owns it: all that it holds of one gateway."""

from pathlib import Path
from typing import Final

from disk.database import StoreError
from disk.snapshot import Snapshot, open_snapshot
from evidence import cbor
from evidence.archive import Archive
from evidence.chain import ChainState
from evidence.held import Held
from evidence.seal import NUMBER_MAX

SHIFT: Final = NUMBER_MAX + 1
"""A gateway's id times this is where its chain begins in `seals`."""


def open_centre(path: Path, gateway: str) -> Archive:
    """What the centre holds of `gateway`.

    Raises:
        StoreError: The file cannot be read, or the gateway is not in it.
    """
    snapshot = open_snapshot(path)
    try:
        found = snapshot.read("SELECT id, name, first_key, state, held FROM gateways")
        known = {name: rest for _, name, *rest in found}
        if gateway not in known:
            names = ", ".join(sorted(known)) or "none"
            raise StoreError(f"{path}: no gateway {gateway}; known: {names}")  # noqa: TRY301
        first_key, state, held = known[gateway]
        id_ = next(row[0] for row in found if row[1] == gateway)
        stated = _statements(snapshot, id_)
        tip = ChainState.from_cbor(state)
        return Archive(
            gateway=gateway,
            first=min(tip.number, 1),
            last=tip.number,
            first_key=first_key,
            enrolment=([b""] + [raw for number, raw in stated if number == 0])[-1],
            statements=tuple(raw for number, raw in stated if number),
            held=Held.from_cbor(held),
            tip=(tip.number, tip.hash) if tip.number else None,
            snapshot=snapshot,
            key="at",
            offset=id_ * SHIFT,
        )
    except BaseException as error:
        snapshot.close()
        if isinstance(error, cbor.FormatError):
            raise StoreError(f"{path}: what is known of {gateway} cannot be read: {error}") from error
        raise


def _statements(snapshot: Snapshot, gateway: int) -> list[tuple[int, bytes]]:
    """Number and bytes of what was applied; a file of an older program has no such table."""
    known = snapshot.read("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'statements'")
    sql = "SELECT number, raw FROM statements WHERE gateway = ? ORDER BY id"
    return snapshot.read(sql, (gateway,)) if known else []
