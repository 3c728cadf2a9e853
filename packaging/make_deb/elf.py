"""Object files: which machine each is for, and which libraries of the system it needs."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

MAGIC: Final = b"\x7fELF"
MACHINES: Final = {"amd64": 62, "arm64": 183}
"""e_machine of the ELF header: EM_X86_64, EM_AARCH64."""
PACKAGES: Final = {
    **dict.fromkeys(
        (
            "libc.so.6",
            "libm.so.6",
            "libpthread.so.0",
            "libdl.so.2",
            "librt.so.1",
            "libutil.so.1",
            "ld-linux-x86-64.so.2",
            "ld-linux-aarch64.so.1",
        ),
        "libc6",
    ),
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}
"""The Debian 12 package of each library. Any other library ends the build."""


class ElfError(Exception):
    """An object file is for another machine, or needs a library that Debian 12 does not have."""


def find_objects(folder: Path) -> list[Path]:
    """Every object file below `folder`."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and _is_object(path)
    )


def _is_object(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def read_machine(path: Path) -> int:
    """e_machine of an object file; both of our machines are little-endian."""
    with path.open("rb") as stream:
        return int.from_bytes(stream.read(20)[18:20], "little")


def find_dependencies(paths: Iterable[Path], architecture: str) -> list[str]:
    """What a package with the object files `paths` depends on.

    Raises:
        ElfError: One of them is for another machine, or needs a library that is not in the table.
    """
    paths = list(paths)
    strangers = [path for path in paths if read_machine(path) != MACHINES[architecture]]
    if strangers:
        raise ElfError(f"not for {architecture}: {', '.join(map(str, strangers))}")
    shipped = {path.name for path in paths}
    needed: set[str] = set()
    libc = (0, 0)
    for path in paths:
        dynamic = _readelf(path)
        for library in set(re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", dynamic)) - shipped:
            if library not in PACKAGES:
                raise ElfError(f"{path} needs {library}, and no package is known that has it")
            needed.add(PACKAGES[library])
        versions = re.findall(r"GLIBC_(\d+)\.(\d+)", dynamic)
        libc = max([libc, *((int(major), int(minor)) for major, minor in versions)])
    return sorted((needed - {"libc6"}) | {f"libc6 (>= {libc[0]}.{libc[1]})"})


def _readelf(path: Path) -> str:
    call = ["readelf", "--wide", "--dynamic", "--version-info", str(path)]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout  # noqa: S603
