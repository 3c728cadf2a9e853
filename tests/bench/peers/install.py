"""The peers' environments, each its own below .bench/: pinned versions, installed once for each lock file.

Python peers get a venv and a lock with hashes, Node-RED `npm ci` with its package-lock; node itself comes
from requirements-js.lock into our venv. Who cannot be installed is named absent with the reason.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).parents[3]
BENCH: Final = ROOT / ".bench"
HERE: Final = Path(__file__).parent
INSTALL_S: Final = 900.0
"""A slow mirror; then the peer is absent."""


class AbsentError(Exception):
    """This peer cannot be run here, and why, in one line."""


@frozen
class Installed:
    """Where a peer's programs are, and its version."""

    folder: Path
    version: str


def python_peer(name: str, package: str) -> Installed:
    """A venv from `<name>.lock`."""
    folder, lock = BENCH / name, HERE / f"{name}.lock"
    python = folder / "bin" / "python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(lock)])

    _once(folder, lock.read_bytes(), install)
    script = f"from importlib.metadata import version; print(version({package!r}))"
    return Installed(folder, _run([str(python), "-c", script]).strip())


def node_peer(name: str, package: str) -> Installed:
    """A folder with node_modules from `<name>/package-lock.json`."""
    folder, source = BENCH / name, HERE / name
    lock = source / "package-lock.json"

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, folder / file)
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        _run(["npm", "ci", *quiet], folder)

    node_path()
    _once(folder, lock.read_bytes(), install)
    script = f"console.log(require('./node_modules/{package}/package.json').version)"
    return Installed(folder, _run(["node", "-e", script], folder).strip())


def node_path() -> str:
    """A PATH on which node of our venv stands first; installs it where it is missing."""
    own = Path(sys.executable).parent
    if not (own / "node").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(ROOT / "requirements-js.lock")])
    return f"{own}:{os.environ.get('PATH', os.defpath)}"


def _once(folder: Path, lock: bytes, install: Callable[[], None]) -> None:
    stamp, digest = folder / ".installed", hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    install()
    stamp.write_text(digest, "utf-8")


def _run(command: list[str], folder: Path | None = None) -> str:
    own = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{own}:{os.environ.get('PATH', os.defpath)}"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AbsentError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise AbsentError(f"{Path(command[0]).name} ended with {done.returncode}: {output[-1][:200]}")
    return done.stdout
