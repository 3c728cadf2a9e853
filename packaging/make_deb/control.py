"""The control files of dpkg: control, md5sums, the maintainer scripts with the units in them."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from make_deb.source import Source
from make_deb.tree import MAINTAINER, UNITS

SCRIPTS: Final = ("postinst", "prerm", "postrm")
BLOCK_BYTES: Final = 1024
DEPENDS: Final = (
    "init-system-helpers (>= 1.54)",
    "python3 (>= 3.11)",
    "python3 (<< 3.12)",
    "python3.11",
    "systemd | systemd-standalone-sysusers",
    "systemd | systemd-standalone-tmpfiles",
)
"""Object files of the virtual environment are made for Python 3.11."""


def write_control(root: Path, source: Source, architecture: str, libraries: list[str], debian: Path) -> None:
    """Fill `DEBIAN` below `root`, which holds everything else."""
    sums = _list_sums(root)
    size = sum(_count_blocks(path) for path in root.rglob("*"))
    folder = root / "DEBIAN"
    folder.mkdir()
    template = (debian / "control").read_text("utf-8")
    (folder / "control").write_text(
        template.format(
            version=source.version,
            architecture=architecture,
            maintainer=MAINTAINER,
            size=size,
            depends=", ".join(sorted((*DEPENDS, *libraries))),
        ),
        "utf-8",
    )
    (folder / "md5sums").write_text(sums, "utf-8")
    units = sorted(path.name for path in (root / UNITS).iterdir())
    for name in SCRIPTS:
        text = (debian / name).read_text("utf-8").replace("@UNITS@", " ".join(units))
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)
    for path in (*folder.iterdir(), folder):
        os.utime(path, (source.epoch, source.epoch))
    shutil.copymode(root, folder)


def _list_sums(root: Path) -> str:
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    lines = (
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n"
        for path in files
    )
    return "".join(lines)


def _count_blocks(path: Path) -> int:
    """KiB, as dpkg counts them: a folder or a link takes one."""
    is_file = path.is_file() and not path.is_symlink()
    return -(-path.stat().st_size // BLOCK_BYTES) if is_file else 1
