"""A file system of its own in an image file, and where each byte that reaches its device belongs.

The kernel's block trace tells sector and length of each write; which file a sector is of, `filefrag`
and `debugfs` tell afterwards. Needs root, a loop device, ext4 and tracefs; `missing` names what is not there.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 4096
SECTOR_BYTES: Final = 512
MINOR_BITS: Final = 20
JOURNAL: Final = "journal"
OTHER: Final = "inodes and bitmaps"
WRITE: Final = re.compile(r"block_bio_queue: \d+,\d+ (?P<how>\S+) (?P<at>\d+) \+ (?P<length>\d+) ")
SPAN: Final = re.compile(r"\((?:IND|[0-9]+(?:-[0-9]+)?|ETB[0-9]+)\):(\d+)(?:-(\d+))?")
PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
TRACING: Final = Path("/sys/kernel/tracing")


def missing() -> str | None:
    """What keeps a file system of its own from being made and watched, or None."""
    if os.geteuid() != 0:
        return "root"
    for tool in ("mount", "umount", "mkfs.ext4", "losetup", "debugfs"):
        if shutil.which(tool, path=PATH) is None:
            return tool
    if not Path("/dev/loop-control").exists():
        return "a loop device (/dev/loop-control)"
    return None if TRACING.is_dir() else "tracefs (/sys/kernel/tracing)"


def run(*call: str | Path) -> str:
    """The output of a command."""
    done = subprocess.run(
        list(map(str, call)), check=True, capture_output=True, text=True, env={"PATH": PATH, "LC_ALL": "C"}
    )
    return done.stdout


@contextlib.contextmanager
def traces() -> Iterator[Path]:
    """The folder of the kernel's traces, mounted if it is not."""
    if (TRACING / "instances").is_dir():
        yield TRACING
        return
    with tempfile.TemporaryDirectory() as folder:
        run("mount", "-t", "tracefs", "none", folder)
        try:
            yield Path(folder)
        finally:
            run("umount", folder)


class Disk:
    """An ext4 of its own, mounted, whose writes are counted.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, trace: Path, mebibytes: int, options: str) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="dianjian-disk-"))
        image = self._home / "image"
        with image.open("wb") as file:
            file.truncate(mebibytes << 20)
        run("mkfs.ext4", "-q", "-b", BLOCK_BYTES, "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
        self._device = Path(run("losetup", "--find", "--show", image).strip())
        self.folder = self._home / "mount"
        self.folder.mkdir()
        run("mount", "-o", options, self._device, self.folder)
        self._trace = trace / "instances" / self._home.name
        self._trace.mkdir()
        number = self._device.stat().st_rdev
        event = self._trace / "events" / "block" / "block_bio_queue"
        (event / "filter").write_text(f"dev == {os.major(number) << MINOR_BITS | os.minor(number)}")
        (self._trace / "buffer_size_kb").write_text("8192")
        self._enable = event / "enable"

    def begin(self) -> None:
        """Count from here; what was dirty before is written first."""
        os.sync()
        (self._trace / "trace").write_text("")
        self._enable.write_text("1")

    def end(self) -> Counter[str]:
        """Bytes written since `begin`, by the name of the file or by what ext4 used them for."""
        self._enable.write_text("0")
        os.sync()  # debugfs reads the device
        owner = self._owners()
        written: Counter[str] = Counter()
        for found in WRITE.finditer((self._trace / "trace").read_text()):
            if "W" not in found["how"]:
                continue
            first, sectors = int(found["at"]), int(found["length"])
            for sector in range(first, first + sectors):
                written[owner.get(sector * SECTOR_BYTES // BLOCK_BYTES, OTHER)] += SECTOR_BYTES
        return written

    def close(self) -> None:
        """Take it all away."""
        self._trace.rmdir()
        run("umount", self.folder)
        run("losetup", "--detach", self._device)
        shutil.rmtree(self._home)

    def _owners(self) -> dict[int, str]:
        """The block of each file and of the journal."""
        names = {f"/{path.name}": path.name for path in self.folder.iterdir() if path.is_file()}
        owner: dict[int, str] = {}
        for inside, name in {**names, "<8>": JOURNAL}.items():
            inode = run("debugfs", "-R", f"stat {inside}", self._device)
            for first, last in SPAN.findall(inode.partition("EXTENTS")[2]):
                owner |= dict.fromkeys(range(int(first), int(last or first) + 1), name)
        return owner
