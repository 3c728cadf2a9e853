"""The gateway's database, read while its owner runs."""

from pathlib import Path

from disk.database import StoreError
from disk.snapshot import open_snapshot
from evidence.archive import Archive
from evidence.receipt import KEPT_BYTES_MAX
from evidence.seal import NUMBER_MAX


def open_gateway(path: Path, gateway: str) -> Archive:
    """The part of its own chain that the gateway still holds; raises StoreError if it cannot be read."""
    snapshot = open_snapshot(path)
    try:
        first, last = snapshot.read("SELECT min(number), max(number) FROM seals")[0]
        if not all(one is None or (type(one) is int and 0 < one <= NUMBER_MAX) for one in (first, last)):
            raise StoreError(f"{path}: a row of seals is none: its number is {first!r} or {last!r}")  # noqa: TRY301
        sql = "SELECT raw FROM receipts WHERE typeof(raw) = 'blob' AND length(raw) <= ? ORDER BY number"
        receipts = tuple(row[0] for row in snapshot.read(sql, (KEPT_BYTES_MAX,)))
        return Archive(
            gateway=gateway,
            first=first or 0,
            last=last or 0,
            first_key=None,
            enrolment=b"",
            statements=(),
            held=None,
            tip=None,
            snapshot=snapshot,
            key="number",
            offset=0,
            receipts=receipts,
        )
    except BaseException:
        snapshot.close()
        raise
