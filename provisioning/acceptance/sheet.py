"""The acceptance sheet on the disk: written whole or not at all, with its SHA-256 for the chain.

The setup has the agent seal that hash as a COMMISSIONING record; `provisioning.evidence.sheet` looks it
up. Photos are read from their paths in the journal; only small JPEG and PNG files are printed.
"""

from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final

from agent.site.file import Site
from disk.files import replace_file
from provisioning.acceptance.page import PHOTO_BYTES_MAX, SHEET_NAME, Picture, draw_sheet
from provisioning.journal.entries import Journal, Sheet
from provisioning.terminal.exits import write_or_fail

PHOTOS_READ_MAX: Final = 200
"""Pictures read; of further ones only the hash is printed."""


def write_sheet(journal: Journal, site: Site, folder: Path, *, at: str, version: str) -> Sheet:
    """Write the sheet of `journal` into `folder`; `at` is now, and does not affect its bytes.

    Ends the command if it cannot be written.
    """
    data = draw_sheet(journal, site, _read_pictures(journal, folder), version)
    path = folder / SHEET_NAME
    write_or_fail(path, data, replace_file)
    return Sheet(str(path), sha256(data).hexdigest(), at)


def _read_pictures(journal: Journal, folder: Path) -> dict[str, Picture]:
    """The readable pictures; the bytes of a large one are hashed and dropped."""
    found = {}
    for photo in journal.photos[:PHOTOS_READ_MAX]:
        path = folder / photo.path
        with suppress(OSError, ValueError):  # a path may hold characters that no file system accepts
            if not path.is_file():
                continue
            with path.open("rb") as stream:
                digest, size = file_digest(stream, sha256).hexdigest(), stream.tell()
                stream.seek(0)
                data = stream.read() if size <= PHOTO_BYTES_MAX else b""
            found[photo.path] = Picture(size, digest, data)
    return found
