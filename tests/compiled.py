"""What the workers import is compiled once, and not once by each of them.

In a fresh clone nothing is compiled, and every worker collects every test: each would compile all sources and
rewrite the assertions of all tests, in the same order and at the same pace. So each of them first goes round
all files, from a place of its own on, and leaves out what has been done by then. It only saves time: whoever
imports a file looks for himself whether what is compiled belongs to its source.
"""

import compileall
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import (
    PYC_TAIL,
    _rewrite_test,
    _write_pyc,
    assertstate_key,
    get_cache_dir,
)

PACKAGES = ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "tests", "wire")
"""Folders of the root whose files somebody imports."""
REWRITTEN = ("test_*.py", "conftest.py")
"""Names of the files whose assertions pytest rewrites; it keeps them beside what Python compiles."""


def find_files(root: Path) -> Iterator[Path]:
    """Every Python file of PACKAGES, always in the same order."""
    for package in PACKAGES:
        for folder, folders, names in os.walk(root / package):
            folders[:] = sorted(set(folders) - {"node_modules", "__pycache__"})
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def go_round(files: list[Path], turn: int, turns: int) -> Iterator[Path]:
    """All files once, beginning with the share of this turn."""
    first = len(files) * turn // turns
    yield from files[first:]
    yield from files[:first]


def compile_all(root: Path, config: pytest.Config, turn: int, turns: int) -> None:
    """Compile what is not, of all that a worker imports from below `root`."""
    for path in go_round(list(find_files(root)), turn, turns):
        if any(path.match(pattern) for pattern in REWRITTEN):
            rewrite(config, path)
        else:
            compileall.compile_file(path, quiet=2)


def rewrite(config: pytest.Config, path: Path) -> None:
    """As pytest does when it imports `path`, unless a file that is newer than the source says it was done."""
    folder = get_cache_dir(path)
    kept = folder / (path.stem + PYC_TAIL)
    if kept.exists() and kept.stat().st_mtime_ns > path.stat().st_mtime_ns:
        return
    folder.mkdir(exist_ok=True)
    source_hash, code = _rewrite_test(path, config)
    _write_pyc(config.stash[assertstate_key], code, source_hash, kept)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only where several collect."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None and not sys.dont_write_bytecode:
        turn = int(worker["workerid"].removeprefix("gw"))
        compile_all(session.config.rootpath, session.config, turn, worker["workercount"])
