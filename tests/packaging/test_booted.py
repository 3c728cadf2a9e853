"""The package on a machine whose first process is systemd: a kernel of Debian's under qemu.

What happens there is `gateway/booted.sh`; here it is compared with what should. Every instruction is
translated (a boot takes 20 s), because /dev/kvm of a machine that is virtual itself may be there and stop
in the middle.
"""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.debian import MINIMAL, Root, base, needs, packages, run
from tests.wire.certificates import Authority

pytestmark = [pytest.mark.minutes, pytest.mark.e2e]

MACHINE: Final = ("linux-image-cloud-amd64", "initramfs-tools", "udev", "kmod", "mosquitto")
IMAGE_BYTES: Final = 2 << 30
FOUND: Final = {
    "systemd": "systemd",
    "enabled": "enabled",
    "without_a_site_file": "inactive no",
    "start_without_a_key": "0 active dianjian",
    "start": "0",
    "state": "active running notify",
    "receipts": "yes",
    "page": "yes",
    "renew_timer": "enabled active",
    "technician": "{",
    "stranger": "2",
    "key_file": "root:dianjian 600",
    "user": "dianjian",
    "listens": "",
    "state_folder": "dianjian:dianjian 710",
    "watchdog_pinged": "yes",
    "doctor_failed": "",
    "back_after_hanging": "yes",
    "watchdog_killed": "1",
    "back_after_a_kill": "yes",
    "ready_again": "yes",
    "stopped": "success",
    "wrong_file_fails": "yes",
    "wrong_file": "2",
    "mended": "0",
    "receipts_before_upgrade": "yes",
    "upgraded": "yes",
    "version": "dianjian-agent 0.2.0",
    "receipts_after_upgrade": "yes",
    "rolled_back_fails": "yes",
    "rolled_back": "2 0",
    "forward_again": "yes",
    "receipts_forward_again": "yes",
    "secrets_in_journal": "0",
    "removed": "inactive 0 2",
    "purged": "0 /srv/recovery.key",
    "failed_units": "",
    "end": "yes",
}


def test_under_systemd_the_service_starts_is_watched_upgrades_and_is_removed(tmp_path: Path) -> None:
    needs("qemu-system-x86_64", "mke2fs", "debugfs")
    found, root = packages(), Root.unpacked(base("bookworm-machine", (*MINIMAL, *MACHINE)), tmp_path / "root")
    _prepare(root, found.older, found.newer)
    image = tmp_path / "gateway.img"
    with image.open("wb") as stream:
        stream.truncate(IMAGE_BYTES)
    run(["mke2fs", "-q", "-t", "ext4", "-d", str(root.folder), str(image)])
    (kernel,), (initrd,) = root.path("/boot").glob("vmlinuz-*"), root.path("/boot").glob("initrd.img-*")
    console = tmp_path / "console"
    run(
        [
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2"),
            *("-m", "1024", "-nic", "none", "-no-reboot", "-display", "none", "-monitor", "none"),
            *("-serial", f"file:{console}"),
            *("-kernel", str(kernel), "-initrd", str(initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 quiet panic=1"),
            *("-drive", f"file={image},if=virtio,format=raw,cache=unsafe"),
        ]
    )
    output = run(["debugfs", "-R", "cat /root/result", str(image)]).stdout
    seen = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    wrong = {name: (seen.get(name), value) for name, value in FOUND.items() if seen.get(name) != value}
    assert not wrong, console.read_text("utf-8", "replace")
    assert "nonsense: unknown key" in seen["wrong_file_line"]
    assert "version 0.2.0 of dianjian-edge brought it to schema" in seen["rolled_back_line"]
    assert float(seen["exposure"]) <= 1.3


def _prepare(root: Root, older: Path, newer: Path) -> None:
    """What the machine finds when it boots."""
    inside = root.path("/root/gateway")
    shutil.copy(older, inside / "older.deb")
    shutil.copy(newer, inside / "newer.deb")
    authority = Authority(inside / "tls")
    for name in ("deb-1", "centre"):
        authority.client(name)
    authority.server()
    units = root.path("/etc/systemd/system")
    shutil.copy(inside / "booted.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/booted.service").symlink_to("/etc/systemd/system/booted.service")
    (units / "mosquitto.service").symlink_to("/dev/null")  # the test runs its own
