"""Append-only files of JSON objects, one per line.

A crash may tear the last line. Its writer had not returned, so readers skip it (`cut_torn`) and the
next line takes its place. A line is on the disk once its writer has returned.
"""

import os
from contextlib import suppress
from pathlib import Path

from disk.files import ANY_MODE, add_name, sync_folder, write_all


def append_line(path: Path, line: str, mode: int = ANY_MODE) -> None:
    """Add a JSON object with its newline; after an OSError it is not there, or torn.

    A last line that lacks only its newline is ended first; a torn one is cut off.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode)
    try:
        raw = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        kept = cut_torn(raw)
        if len(kept) < len(raw):
            os.ftruncate(descriptor, len(kept))
        unended = kept and not kept.endswith(b"\n")
        append_all(descriptor, (b"\n" if unended else b"") + line.encode())
        sync_folder(path.parent)
    except OSError as error:
        add_name(error, path)
        raise
    finally:
        os.close(descriptor)


def append_all(descriptor: int, data: bytes) -> None:
    """Add `data` to a file that is open to read and to append; after an OSError it is not there, or torn."""
    size = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            if data.startswith(os.pread(descriptor, len(data) + 1, size)):  # else another process has added
                os.ftruncate(descriptor, size)
        raise


def cut_torn(raw: bytes) -> bytes:
    """JSON lines without the last, if a crash tore it: it has no newline and only the beginning of an object.

    A power cut may also leave zeros in place of its bytes.
    """
    whole = raw.rfind(b"\n") + 1
    torn = raw[whole : whole + 1] in {b"{", b"\0"} and not raw.rstrip().endswith(b"}")
    return raw[:whole] if torn else raw
