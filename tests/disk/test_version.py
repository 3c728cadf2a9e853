import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from disk.version import read_version

LOADED = "import sys; import agent.main; print('importlib.metadata' in sys.modules)"


def test_the_version_is_the_one_that_the_library_finds() -> None:
    assert read_version() == importlib.metadata.version("dianjian-edge")


def test_a_folder_before_it_on_the_path_wins_as_it_does_for_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dianjian_edge-9.8.7.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert read_version() == "9.8.7"


def test_without_such_a_folder_the_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} of a zip")
    assert read_version() == "dianjian_edge of a zip"


def test_the_daemon_does_not_load_the_library() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
