"""Where the spool lies: in memory, in a folder of the agent's own, or nowhere."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.spool.place import PlaceError, find_problem, spool_path

MEMORY = "/dev/shm"  # noqa: S108 - it is memory


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def test_the_folder_of_the_unit_comes_first(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (memory / "given").mkdir(mode=0o700)
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{memory}/given:{memory}/other")
    assert spool_path(memory, memory, memory).parent == memory / "given"


def test_a_technician_who_starts_the_agent_by_hand_gets_the_folder_of_the_unit(memory: Path) -> None:
    (memory / "dianjian").mkdir(mode=0o700)
    assert spool_path(memory, memory, memory).parent == memory / "dianjian"


def test_without_a_unit_a_folder_is_made_that_is_nobody_elses(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spool_path(memory, memory / "none", memory)
    assert path.parent == memory / f"dianjian-{os.geteuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    assert spool_path(memory, memory / "none", memory).parent == memory / "dianjian"


def test_each_agent_of_a_machine_has_a_file_of_its_own(memory: Path) -> None:
    (memory / "one").mkdir()
    (memory / "two").mkdir()
    (memory / "link").symlink_to("one")
    one, two, link = (spool_path(memory / name, memory, memory) for name in ("one", "two", "link"))
    assert one == link != two


def test_a_folder_on_a_disk_is_none_and_it_is_said(memory: Path) -> None:
    assert find_problem(Path("/proc"), memory) == "is on a disk, not in memory"
    with pytest.raises(PlaceError, match=r"none/dianjian: No such file.*; /proc/none/dianjian"):
        spool_path(memory, memory / "none", Path("/proc/none"))


def test_a_folder_that_others_may_write_into_is_none(memory: Path) -> None:
    folder = memory / f"dianjian-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PlaceError, match="others may write"):
        spool_path(memory, memory / "none", memory)


def test_a_link_is_not_followed(memory: Path) -> None:
    (memory / "theirs").mkdir(mode=0o700)
    (memory / f"dianjian-{os.geteuid()}").symlink_to("theirs")
    with pytest.raises(PlaceError, match=f"dianjian-{os.geteuid()}: "):
        spool_path(memory, memory / "none", memory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_none(memory: Path) -> None:
    folder = memory / "dianjian-0"
    folder.mkdir(mode=0o700)
    os.chown(folder, 4242, 4242)
    with pytest.raises(PlaceError, match="belongs to user 4242"):
        spool_path(memory, memory / "none", memory)
