"""The package for arm64, which is made on this machine: what is in it, and that it runs.

Debian for arm64 runs under qemu-aarch64-static, which the kernel calls through a binfmt_misc of the
test's own user namespace (Linux 6.7 and later): nothing of the machine is changed.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.debian import CACHE, GATEWAY, HERE, WAIT_S, alone, head, make_deb, needs, run

pytestmark = [pytest.mark.minutes, pytest.mark.e2e]

EMULATOR: Final = "/usr/bin/qemu-aarch64-static"
E_MACHINE: Final = 183
"""EM_AARCH64."""
HEADER: Final = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK: Final = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
ENTER: Final = f"""
read ready
set -e
mount -t proc proc /proc
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || {{ echo NO-BINFMT; exit 1; }}
printf %s ':arm64:M::{HEADER}:{MASK}:{EMULATOR}:F' >/proc/sys/fs/binfmt_misc/register
mount --rbind /dev "$0/dev"
mount --rbind /proc "$0/proc"
ip link set lo up
exec chroot "$0" env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -c "$1"
"""
IDS: Final = "0 0 65536\n"
"""Root and everybody else are who they are outside: the root's files have owners of their own."""
LIFE: Final = """
set -e
uname -m
dpkg --install /root/dianjian.deb
dianjian --version
cd /root/gateway
./enrol.sh
chown -R dianjian:dianjian /var/lib/dianjian
./around.sh runuser -u dianjian -- dianjian-agent run --once --config /etc/dianjian/site.toml
dpkg --purge dianjian-edge
ls /opt /srv
"""


def package() -> Path:
    """The package of HEAD for arm64."""
    commit = head()
    with alone("packages-arm64") as folder:
        found = folder / f"{commit}.deb"
        if not found.exists():
            folder.mkdir(exist_ok=True)
            for stale in folder.glob("*.deb"):
                stale.unlink()
            make_deb(folder, HERE, "arm64").rename(found)
        return found


def enter(root: Path, script: str, *, check: bool = True) -> str:
    """`script` inside `root`, without a network."""
    spaces = ["unshare", "--user", "--mount", "--pid", "--fork", "--net", "--ipc", "--kill-child"]
    inside = subprocess.Popen(
        [*spaces, "sh", "-c", ENTER, str(root), script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with inside:
        ours = Path("/proc/self/ns/user").readlink()
        while Path(f"/proc/{inside.pid}/ns/user").readlink() == ours:  # until unshare has done it
            time.sleep(0.01)
        for kind in ("uid", "gid"):
            Path(f"/proc/{inside.pid}/{kind}_map").write_text(IDS, "utf-8")
        output, _ = inside.communicate("go\n", timeout=2 * WAIT_S)
    if "NO-BINFMT" in output:
        pytest.skip("this kernel has no binfmt_misc for user namespaces: arm64 was built, and not run")
    assert not check or inside.returncode == 0, output
    return output


def base_arm64() -> Path:
    """The archive of an arm64 root: unpacked here, configured by itself."""
    needs("debootstrap", "unshare", "chroot", "ip", "tar", EMULATOR)
    with alone("bookworm-arm64.tar") as archive:
        if not archive.exists():
            folder = CACHE / "bookworm-arm64"
            run(["rm", "-rf", str(folder)])
            call = ["debootstrap", "--arch=arm64", "--foreign", "--variant=minbase"]
            made = run([*call, "--include=python3,systemd,iproute2", "bookworm", str(folder)], check=False)
            if made.returncode:
                pytest.skip(f"debootstrap made no root for arm64: {made.stdout.splitlines()[-1:]}")
            enter(folder, "/debootstrap/debootstrap --second-stage")
            tar = [
                "tar",
                "-C",
                str(folder),
                "--exclude=./proc/*",
                "--exclude=./dev/*",
                "-cf",
                f"{archive}.new",
            ]
            run([*tar, "."])
            archive.with_name(f"{archive.name}.new").rename(archive)
            run(["rm", "-rf", str(folder)])
        return archive


def test_every_object_file_of_the_arm64_package_is_for_arm64(tmp_path: Path) -> None:
    run(["dpkg-deb", "--extract", str(package()), str(tmp_path)])
    found = 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            head_ = path.read_bytes()[:20]
            if head_.startswith(b"\x7fELF"):
                found += 1
                assert int.from_bytes(head_[18:20], "little") == E_MACHINE, path
            assert "x86_64" not in path.name
    assert found >= 15
    output = run(["dpkg-deb", "--field", str(package()), "Architecture"]).stdout
    assert output.strip() == "arm64"


def test_the_arm64_package_installs_seals_and_is_purged_on_an_arm64_debian(tmp_path: Path) -> None:
    archive = base_arm64()
    root = tmp_path / "root"
    root.mkdir()
    run(["tar", "-C", str(root), "-xf", str(archive)])
    run(["cp", "-r", str(GATEWAY), str(root / "root/gateway")])
    run(["chmod", "-R", "a+x", str(root / "root/gateway")])
    run(["cp", str(package()), str(root / "root/dianjian.deb")])
    output = enter(root, LIFE)
    assert output.splitlines()[0] == "aarch64"
    assert "dianjian 0.1.0" in output
    sealed = json.loads(next(line for line in output.splitlines() if line.startswith('{"seals"')))
    assert sealed["meters_good"] is True
    assert sealed["receipted"] == sealed["seals"] >= 1
    assert "recovery.key" in output
    assert not (root / "opt/dianjian").exists()
