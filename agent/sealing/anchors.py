"""Where a walk along this gateway's own chain may begin, from the files of its state folder.

The first key and the recovery key are those of `enrolment.json`; receipts are those in the database,
checked with the centre's key of the site file; statements are those that the chain continues with.
"""

from pathlib import Path

from agent.sealing.statements import read_statements
from agent.site.enrolment import EnrolmentError, read_enrolment
from evidence.anchors import Anchors
from evidence.archive import Archive
from evidence.seal import NO_HASH


def read_anchors(folder: Path, archive: Archive, centre_key: bytes | None) -> Anchors:
    """The anchors for `archive`, which is the chain of the state folder."""
    try:
        known = read_enrolment(folder)
        first_key, recovery_key = (bytes.fromhex(known[name]) for name in ("first_key", "recovery_key"))
    except (EnrolmentError, ValueError):
        first_key, recovery_key = b"", b""
    return Anchors(
        archive.gateway,
        first_key if len(first_key) == len(NO_HASH) else None,
        recovery_key if len(recovery_key) == len(NO_HASH) else NO_HASH,
        centre_key,
        archive.receipts,
        tuple(one.raw for one in read_statements(folder)),
    )
