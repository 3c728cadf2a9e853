"""The folder of the spool: one of this machine's memory, and of the agent's own user.

The first that exists or can be made of

    $RUNTIME_DIRECTORY             what systemd gives the unit, /run/dianjian
    /run/dianjian                  the same, for a technician who starts the agent by hand as root
    $XDG_RUNTIME_DIR/dianjian      of a user's session
    /dev/shm/dianjian-UID          where there is neither

A folder that is not in memory would cost the flash a write a reading, and would come back after a power
cut; one that others may write into is no place either. Each is passed over, and what is wrong with it is
said.
"""

import ctypes
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

NAME: Final = "dianjian"
SUFFIX: Final = ".spool"
_RUN: Final = Path("/run")
_SHARED: Final = Path("/dev/shm")  # noqa: S108 - a folder of its own in it, which nobody else may own
_IN_MEMORY: Final = frozenset({0x01021994, 0x858458F6})
"""The magic numbers of tmpfs and ramfs (linux/magic.h)."""
_STATFS_BYTES: Final = 256
"""struct statfs has 120 bytes; its first word is the type."""
_NOT_OURS: Final = stat.S_IWGRP | stat.S_IWOTH


class PlaceError(Exception):
    """There is no place for a spool, with what is wrong with each."""


def spool_path(store: Path, run: Path = _RUN, shared: Path = _SHARED) -> Path:
    """The file for the agent whose state is in `store`.

    Raises:
        PlaceError: There is no place for it.
    """
    problems = []
    for folder, make in _folders(run, shared):
        if make:
            with suppress(OSError):
                folder.mkdir(mode=0o700)
        problem = find_problem(folder, store)
        if not problem:
            digest = sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:16]
            return folder / (digest + SUFFIX)
        problems.append(f"{folder}: {problem}")
    raise PlaceError("; ".join(problems))


def find_problem(folder: Path, store: Path) -> str:
    """Why `folder` is no place for the spool of `store`; "" if it is one."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return error.strerror or str(error)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in {os.geteuid(), store.stat().st_uid}:
            return f"belongs to user {found.st_uid}"
        if found.st_mode & _NOT_OURS:
            return "others may write into it"
        return "" if _is_memory(descriptor) else "is on a disk, not in memory"
    finally:
        os.close(descriptor)


def _folders(run: Path, shared: Path) -> Iterator[tuple[Path, bool]]:
    """Each folder, and whether it may be made."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if given:
        yield Path(given), False
    else:
        yield run / NAME, False
    if session:
        yield Path(session) / NAME, True
    yield shared / f"{NAME}-{os.geteuid()}", True


def _is_memory(descriptor: int) -> bool:
    found = ctypes.create_string_buffer(_STATFS_BYTES)
    if ctypes.CDLL(None, use_errno=True).fstatfs(descriptor, found):
        return False
    return ctypes.c_long.from_buffer(found).value in _IN_MEMORY
