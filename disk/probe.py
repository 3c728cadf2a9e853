"""Whether a folder takes a write: the only sure sign, because a kernel may hide that it has stopped writing.

After an error in an ext4 of "errors=remount-ro", newer kernels refuse writes (`emergency_ro`) and show the
disk as writable in /proc/mounts and to statvfs. Nothing but one small file is touched, always of the same
name, so that a probe that was killed leaves nothing for good.
"""

from pathlib import Path
from typing import Final

from disk.files import replace_file, sync_folder

PROBE_NAME: Final = ".write-probe"
PROBE_BYTES: Final = 4096
"""A whole block: a full disk still takes the few bytes that fit into an inode."""


def probe_folder(folder: Path) -> OSError | None:
    """Write, sync and remove a small file in `folder`; the error, None if there was none."""
    file = folder / PROBE_NAME
    try:
        try:
            replace_file(file, bytes(PROBE_BYTES), 0o600)
        finally:
            file.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        return error
    return None
