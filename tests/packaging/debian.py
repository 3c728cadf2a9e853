"""Debian roots and packages for the tests: made once, kept in build/debian, used as copies.

A root is made by debootstrap from whatever archive the machine uses, and a test works in a copy of it.
Commands in it run in name spaces of their own: no network but loopback, and no mount outlives them.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

HERE: Final = Path(__file__).parent.parent.parent
CACHE: Final = HERE / "build/debian"
GATEWAY: Final = Path(__file__).parent / "gateway"
MINIMAL: Final = ("python3", "systemd", "systemd-sysv", "dbus", "iproute2")
"""What a fresh Debian 12 of a gateway has, and `ss` to look with."""
WAIT_S: Final = 1_800
"""Nothing here takes as long on a machine that is not stuck: the longest, a boot with five installations, six
minutes alone and ten beside others."""
ENTER: Final = """
set -e
mount -t proc proc "$0/proc"
mount -t sysfs -o ro sysfs "$0/sys"
mount --rbind /dev "$0/dev"
ip link set lo up
exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8 sh -c "$1"
"""
TOMORROW: Final = """

def _tomorrow(db: Any) -> None:
    db["tomorrow"].create({"number": int}, pk="number")


MIGRATIONS = (*MIGRATIONS, _tomorrow)
"""
"""What a newer version adds to the store: its migration is real, and only its table is not used."""


def needs(*programs: str) -> None:
    """Skip the test, by name, where the machine lacks something."""
    missing = [program for program in programs if shutil.which(program, path=_path()) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("only root can make and enter a Debian root")


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """Be the only process that makes `name` of the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def base(name: str, include: Sequence[str], *options: str) -> Path:
    """The archive of a root that debootstrap made."""
    needs("debootstrap", "unshare", "chroot", "ip", "tar")
    with alone(f"{name}.tar") as archive:
        if not archive.exists():
            folder = CACHE / name
            shutil.rmtree(folder, ignore_errors=True)
            call = ["debootstrap", "--variant=minbase", f"--include={','.join(include)}", *options]
            made = run([*call, "bookworm", str(folder)], check=False)
            if made.returncode:
                pytest.skip(f"debootstrap made no root: {made.stdout.splitlines()[-1:]}")
            run(["tar", "-C", str(folder), "-cf", f"{archive}.new", "."])
            archive.with_name(f"{archive.name}.new").rename(archive)
            shutil.rmtree(folder)
        return archive


def run(
    call: Sequence[str], *, check: bool = True, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """A command, with both of its outputs in one."""
    done = subprocess.run(
        call,
        cwd=cwd,
        env={**os.environ, "PATH": _path(), "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert not check or done.returncode == 0, f"{' '.join(map(str, call))}:\n{done.stdout}"
    return done


@frozen
class Root:
    """A Debian root of its own."""

    folder: Path

    @classmethod
    def unpacked(cls, archive: Path, folder: Path) -> "Root":
        """A copy of `archive`, with the scripts of the gateway in /root/gateway."""
        folder.mkdir()
        run(["tar", "-C", str(folder), "-xf", str(archive)])
        shutil.copytree(GATEWAY, folder / "root/gateway")
        for script in (folder / "root/gateway").glob("*.sh"):
            script.chmod(0o755)
        return cls(folder)

    def run(self, script: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """`script` inside, without a network; whatever it started ends with it."""
        spaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--ipc"]
        return run([*spaces, "sh", "-c", ENTER, str(self.folder), script], check=check)

    def path(self, inside: str) -> Path:
        """Where `inside` of the root is for us."""
        return self.folder / inside.lstrip("/")

    def files(self) -> set[str]:
        """Every name in it, without what changes by itself."""
        call = [
            "find",
            ".",
            "-xdev",
            "-path",
            "./proc",
            "-prune",
            "-o",
            "-path",
            "./dev",
            "-prune",
            "-o",
            "-print",
        ]
        return set(run(call, cwd=self.folder).stdout.splitlines())


@frozen
class Packages:
    """Packages of the same commit: as it is, and as a later version with one more migration."""

    older: Path
    newer: Path


def packages() -> Packages:
    """Both packages of HEAD, for this machine."""
    commit = head()
    with alone("packages") as folder:
        kept = folder / commit
        found = Packages(kept / "older.deb", kept / "newer.deb")
        if not found.newer.exists():
            for stale in folder.glob("*"):
                shutil.rmtree(stale)
            kept.mkdir(parents=True)
            make_deb(kept / "older", HERE).rename(found.older)
            make_deb(kept / "newer", _newer(kept / "source")).rename(found.newer)
        return found


def head() -> str:
    """The commit that is packed."""
    needs("git", "dpkg-deb", "readelf")
    return run(["git", "-C", str(HERE), "rev-parse", "HEAD"]).stdout.strip()


def make_deb(out: Path, source: Path, architecture: str = "amd64") -> Path:
    """Build a package as `make deb` does."""
    with alone(f"wheels-{architecture}"):
        call = [sys.executable, "-m", "make_deb", "--arch", architecture, "--out", str(out)]
        call += ["--source", str(source), "--cache", str(CACHE / "wheels")]
        environment = {**os.environ, "PYTHONPATH": str(HERE / "packaging"), "PATH": _path()}
        made = subprocess.run(
            call, env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S
        )
        assert made.returncode == 0, made.stderr
        return Path(made.stdout.strip())


def _newer(folder: Path) -> Path:
    """A later version of the same repository."""
    run(["git", "clone", "--quiet", str(HERE), str(folder)])
    project = folder / "pyproject.toml"
    text = project.read_text("utf-8")
    assert 'version = "0.1.0"' in text
    project.write_text(text.replace('version = "0.1.0"', 'version = "0.2.0"', 1), "utf-8")
    with (folder / "agent/store/opening.py").open("a", encoding="utf-8") as stream:
        stream.write(TOMORROW)
    who = ["-c", "user.name=tomorrow", "-c", "user.email=tomorrow@example.invalid"]
    run(["git", "-C", str(folder), *who, "commit", "--quiet", "--all", "--message", "Tomorrow"])
    return folder
