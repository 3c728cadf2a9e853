"""A folder is asked whether it takes a write: nothing of it is left, and every way to refuse is named."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from agent.host.disk_trouble import explain_trouble
from disk.files import replace_file
from disk.probe import PROBE_NAME, probe_folder
from tests.faults.mounts import ext4_image, mounted


def test_a_good_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "chain.db").write_bytes(b"x")
    before = {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()}
    assert probe_folder(tmp_path) is None
    assert {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()} == before


@pytest.mark.parametrize("left", [PROBE_NAME, f"{PROBE_NAME}.new"])
def test_what_a_killed_probe_left_is_taken_away(tmp_path: Path, left: str) -> None:
    replace_file(tmp_path / left, b"x")
    assert probe_folder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_or_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "missing"):
        assert isinstance(probe_folder(tmp_path / place), OSError)


def test_a_full_disk_is_full_although_a_few_bytes_would_fit(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "disk", "size=64k") as disk:
        (disk / "filler").write_bytes(bytes(64 << 10))
        error = probe_folder(disk)
        assert error is not None
        assert error.errno == errno.ENOSPC
        assert [entry.name for entry in disk.iterdir()] == ["filler"]


def test_an_ext4_that_gave_up_after_an_error_is_read_only_whatever_proc_mounts_says(tmp_path: Path) -> None:
    ext4_image(tmp_path / "image", 16)
    with mounted(tmp_path / "image", tmp_path / "disk", "errors=remount-ro") as disk:
        assert probe_folder(disk) is None
        device = os.stat(disk).st_dev  # noqa: PTH116 - the number of the mount
        link = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        trigger = Path("/sys/fs/ext4") / link / "trigger_fs_error"
        if trigger.exists():
            trigger.write_text("1", "ascii")
        else:  # the kernel does this to a disk that fails it
            subprocess.run(["mount", "-o", "remount,abort", str(disk)], check=False, capture_output=True)
        error = probe_folder(disk)
        assert error is not None
        assert error.errno in {errno.EROFS, errno.EIO}


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EPERM])
def test_each_error_has_a_text_and_a_remedy_in_both_languages(code: int) -> None:
    text, remedy = explain_trouble(OSError(code, os.strerror(code)), "/var/lib/dianjian")
    assert "/var/lib/dianjian" in text.en
    assert "/var/lib/dianjian" in text.zh
    assert "{" not in text.en + text.zh + remedy.en + remedy.zh
    others = [explain_trouble(OSError(other, ""), "/x") for other in (errno.EROFS, errno.EIO, errno.ENOSPC)]
    assert code in {errno.EROFS, errno.EIO, errno.ENOSPC} or (text, remedy) not in others
