"""The second verifier, of tests/js: what its scripts print."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = Path(__file__).parent.parent
JS: Final = HERE / "js"
NODE_BIN: Final = HERE.parent / ".venv" / "bin"
NODE_S: Final = 300


def _run(script: str, *arguments: str) -> list[dict[str, Any]]:
    node = shutil.which("node", path=f"{NODE_BIN}:{os.environ['PATH']}")
    if node is None or not (JS / "node_modules").exists():
        pytest.fail("node and the packages of tests/js are missing: make test installs them")
    ran = subprocess.run(
        [node, str(JS / script), *arguments], capture_output=True, text=True, timeout=NODE_S, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def play(folder: Path) -> dict[str, Any]:
    """Every story of a folder, and every mutation of what is in it."""
    (told,) = _run("run.mjs", str(folder))
    return told


def list_packets(file: Path, *keys: bytes) -> list[dict[str, Any]]:
    """The packets of HJ 212 in an exported chain, by the second codec, with these SM4 keys."""
    return _run("packets.mjs", str(file), *(key.hex() for key in keys))


def judge(files: Iterable[Path], **known: bytes) -> list[dict[str, Any]]:
    """The verdict on each chain or pack under the keys `centre`, `first`, `recovery`."""
    return _run("file.mjs", *map(str, files), *(f"{name}={key.hex()}" for name, key in known.items()))
