"""The commit that is packed: its files, its time, its versions."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from attrs import frozen

ABBREVIATION: Final = 10
"""Digits of the commit in the version: enough for any repository of this size."""


@frozen
class Source:
    """A commit, exported.

    Attributes:
        folder: Its files.
        epoch: Its time, in seconds.
        commit: Its hash, 40 digits.
        python_version: The version of the Python distribution.
        version: The version of the Debian package.
    """

    folder: Path
    epoch: int
    commit: str
    python_version: str
    version: str


def export(repository: Path, folder: Path, version: str | None) -> Source:
    """The files of HEAD of `repository` in `folder`.

    A commit with the tag `vVERSION` is that version; any other is a pre-release of it, sorted before it
    by time: `0.2.0~git20261123T181521.0123456789`.
    """
    archive = _git(repository, "archive", "--format=tar", "HEAD")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    commit = _git(repository, "rev-parse", "HEAD").decode().strip()
    epoch = int(_git(repository, "log", "-1", "--format=%ct"))
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    number = str(project["project"]["version"])
    if version is None:
        tags = _git(repository, "tag", "--points-at", "HEAD").decode().split()
        at = datetime.fromtimestamp(epoch, UTC).strftime("%Y%m%dT%H%M%S")
        version = number if f"v{number}" in tags else f"{number}~git{at}.{commit[:ABBREVIATION]}"
    if not re.fullmatch(r"[0-9][A-Za-z0-9.+~]*", version):
        raise ValueError(f"{version!r} is no version of a Debian package")
    return Source(folder, epoch, commit, number, version)


def list_uncommitted(repository: Path) -> list[str]:
    """Files that differ from the commit; they are not packed."""
    return _git(repository, "status", "--porcelain").decode().splitlines()


def build_wheel(source: Source, folder: Path) -> Path:
    """The wheel of the commit, in `folder`."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(source.epoch)}
    call = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(call, cwd=source.folder, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    (wheel,) = folder.glob("dianjian_edge-*.whl")
    return wheel


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(  # noqa: S603
        ["git", "-C", str(repository), *arguments],  # noqa: S607
        check=True,
        capture_output=True,
    ).stdout
