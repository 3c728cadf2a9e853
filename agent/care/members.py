"""What an archive for support has of a gateway beside its texts: the shape of chain and folders; packing.

The same texts give the same bytes: members in their order, without owners and times.
"""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.care.masking import FILES_MAX, list_below
from agent.store.names import DATABASE_NAME
from agent.store.reading import read_shape, read_tip
from disk.database import StoreError
from evidence.receipt import last_receipt


def describe_chain(folder: Path, centre_key: bytes | None) -> dict[str, Any]:
    """The structure of the database in the state folder, without readings."""
    database = folder / DATABASE_NAME
    try:
        tip = read_tip(database)
        tables, pages, kept = read_shape(database)
    except (StoreError, OSError) as error:
        return {"problem": str(error)}
    receipt = last_receipt(tip.receipts, centre_key)
    return {
        "schema": tip.schema,
        "tables": tables,
        "pages": pages,
        "checkpoints": kept,
        "seals": tip.count,
        "last": None if tip.last is None else {"number": tip.last.number, "hash": tip.last.hash.hex()},
        "receipts": len(tip.receipts),
        "receipt": None
        if receipt is None
        else {
            "number": receipt.number,
            "hash": receipt.seal_hash.hex(),
            "centre_utc_ms": receipt.centre_utc_ms,
        },
    }


def describe_files(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """The files in these folders, by name; no content."""
    rows = []
    for folder in sorted(set(folders)):
        for path in list_below(folder):
            try:
                status = path.lstat()
            except OSError:
                continue
            rows.append(
                {
                    "path": str(path),
                    "bytes": status.st_size if stat.S_ISREG(status.st_mode) else None,
                    "mode": stat.filemode(status.st_mode),
                    "owner": f"{status.st_uid}:{status.st_gid}",
                }
            )
    return rows[:FILES_MAX]


def pack_tar(texts: Mapping[str, bytes]) -> bytes:
    """A .tar.gz."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as pressed,
        tarfile.open(fileobj=pressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in texts.items():
            entry = tarfile.TarInfo(f"dianjian/{name}")
            entry.size, entry.mode = len(text), 0o600
            archive.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def pack_zip(texts: Mapping[str, bytes]) -> bytes:
    """A .zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            entry = zipfile.ZipInfo(f"dianjian/{name}")
            entry.external_attr, entry.compress_type = 0o600 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return packed.getvalue()
