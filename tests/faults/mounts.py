"""Small file systems of a test's own: ext4 in an image file, and memory with a size."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def needs_mounts() -> None:
    """Skip, by name, where file systems cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    for tool in ("mount", "umount", "mkfs.ext4"):
        if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip(f"needs {tool}")


def ext4_image(image: Path, mebibytes: int) -> None:
    """An image with an empty ext4 in blocks of 4 KiB, with a journal."""
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    call = ["/usr/sbin/mkfs.ext4", "-q", "-b", "4096", "-J", "size=4", "-m", "0", str(image)]
    subprocess.run(call, check=True, capture_output=True)


@contextmanager
def mounted(what: Path | str, folder: Path, *options: str) -> Iterator[Path]:
    """An image (or "tmpfs") mounted on `folder`, until the end of the block."""
    needs_mounts()
    folder.mkdir(exist_ok=True)
    kind = ["-t", "tmpfs"] if what == "tmpfs" else ["-t", "ext4"]
    chosen = ",".join([*options, *([] if what == "tmpfs" else ["loop"])])
    call = ["mount", *kind, *(["-o", chosen] if chosen else []), str(what), str(folder)]
    done = subprocess.run(call, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        done = subprocess.run(["umount", str(folder)], check=False, capture_output=True)
        if done.returncode != 0:  # a case that failed may still have files open there
            subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def free_bytes(folder: Path) -> int:
    """What an ordinary process could still write."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize
