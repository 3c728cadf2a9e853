"""The wheels that requirements.lock names: downloaded against its hashes, unpacked, pruned.

Files that a gateway never uses stay out: pip itself, tests of packages, headers, static libraries, type
stubs, numpy's Fortran compiler. RECORD is left out too, because it would no longer be true; dpkg
keeps the list of files.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC_MINORS: Final = range(36, 16, -1)
"""Debian 12 has glibc 2.36; below 2.17 wheels are called manylinux2014 and older."""
LEFT_OUT: Final = frozenset({"markdown-it-py", "mdurl", "pip", "pygments", "tzdata"})
"""sqlite-utils asks for pip to install plugins: a gateway gets its packages from dpkg. rich asks for the
next ones to colour source code and Markdown, dateutil for names of time zones: nothing here does any of it.
A test imports every module of ours from the package."""
PUT_IN: Final = frozenset({"iotcore"})
"""The broker of `dianjian demo`, which a technician may try on the gateway; from the development lock."""
PRUNED_FOLDERS: Final = frozenset({"tests", "test", "_examples", "f2py", "include", "__pycache__", "sboms"})
PRUNED_PATHS: Final = (
    "numpy/distutils",
    "numpy/doc",
    "numpy/_pyinstaller",
    "numpy/random/lib",
    "numpy/_core/lib",
)
PRUNED_SUFFIXES: Final = frozenset({".a", ".c", ".h", ".pxd", ".pyi", ".pyx", ".in", ".hpp"})
TEST_OBJECT: Final = re.compile(r"_tests\.cpython-.*\.so$")
OURS: Final = frozenset(
    {"agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire"}
)
"""Nothing of ours is pruned: a model or a page must not be dropped because of its name."""


def select_requirements(lock: str, development: str) -> str:
    """The requirements of a gateway, with their hashes, out of both lock files."""
    kept = [block for block in _split_blocks(lock) if _name(block) not in LEFT_OUT]
    return "".join(kept + [block for block in _split_blocks(development) if _name(block) in PUT_IN])


def _split_blocks(lock: str) -> list[str]:
    return re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)


def _name(block: str) -> str:
    return block.split("==", maxsplit=1)[0]


def download(source: Path, architecture: str, cache: Path) -> list[Path]:
    """The wheels of the locks in `source` for Python 3.11 on `architecture`, checked by hash."""
    machine = MACHINES[architecture]
    cache.mkdir(parents=True, exist_ok=True)
    wanted = cache / "requirements.txt"
    locks = [(source / f"requirements{kind}.lock").read_text("utf-8") for kind in ("", "-dev")]
    wanted.write_text(select_requirements(*locks), "utf-8")
    folder = cache / "new"
    shutil.rmtree(folder, ignore_errors=True)
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    call = [sys.executable, "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check", "download"]
    call += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--python-version=3.11"]
    call += ["--implementation=cp", *(f"--platform={platform}" for platform in platforms)]
    call += ["--find-links", str(cache), "--dest", str(folder), "--requirement", str(wanted)]
    subprocess.run(call, check=True)  # noqa: S603
    for stale in cache.glob("*.whl"):
        stale.unlink()
    return sorted(wheel.rename(cache / wheel.name) for wheel in folder.glob("*.whl"))


def unpack(wheel: Path, packages: Path) -> None:
    """Put the importable part of `wheel` into the folder `packages`."""
    with zipfile.ZipFile(wheel) as archive:
        for name, inside in _select_importable(archive.namelist()):
            target = packages / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))


def _select_importable(names: list[str]) -> Iterator[tuple[str, PurePosixPath]]:
    """Names in the archive, and where each goes; scripts and data of the wheel stay out."""
    for name in names:
        path = PurePosixPath(name)
        if name.endswith("/") or path.is_absolute() or ".." in path.parts:
            continue
        if path.parts[0].endswith(".data"):
            if path.parts[1] not in {"purelib", "platlib"}:
                continue
            path = PurePosixPath(*path.parts[2:])
        if not is_pruned(path):
            yield name, path


def is_pruned(path: PurePosixPath) -> bool:
    """Whether a gateway has no use for the file at `path` of site-packages."""
    if path.parts[0] in OURS:
        return False
    return (
        (path.parent.suffix == ".dist-info" and path.name == "RECORD")
        or bool(TEST_OBJECT.search(path.name))
        or path.suffix in PRUNED_SUFFIXES
        or not PRUNED_FOLDERS.isdisjoint(path.parts[:-1])
        or any(path.is_relative_to(pruned) for pruned in PRUNED_PATHS)
    )
