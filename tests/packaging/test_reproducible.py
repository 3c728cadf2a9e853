"""The same commit gives the same bytes, and lintian has nothing to say that is not answered."""

import hashlib
from pathlib import Path

import pytest

from tests.packaging.debian import HERE, make_deb, needs, packages, run

pytestmark = [pytest.mark.minutes, pytest.mark.e2e]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_commit_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packages().older
    elsewhere = tmp_path / "a" / "longer path"
    elsewhere.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", str(HERE), str(clone)])
    assert digest(make_deb(tmp_path / "out", clone)) == digest(first)


def test_lintian_finds_nothing_that_has_no_answer() -> None:
    needs("lintian")
    output = run(["lintian", "--fail-on", "error,warning", str(packages().older)], check=False)
    tags = [line for line in output.stdout.splitlines() if line.startswith(("E: ", "W: "))]
    assert tags == []
