"""docs/several-machines.md, followed by its own commands on five bare Debian 12.

Each machine is a root of its own in a network of its own, and they see one another by name. No systemd runs
there: `systemctl`, `apt-get` and `scp` of machines/ stand in for it, the archive and the way between.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen

from tests.packaging.debian import HERE, Root, alone, base, needs, run

pytestmark = [pytest.mark.minutes, pytest.mark.e2e]

PAGE: Final = (HERE / "docs/several-machines.md").read_text("utf-8")
INCLUDED: Final = ("python3", "python3-venv", "postgresql", "mosquitto", "openssl", "iproute2")
NAMES: Final = ("db1", "db2", "office", "v1", "v2")
STANDING_IN: Final = HERE / "tests/packaging/machines"
SEARCHED: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INSTALLED: Final = "/opt/dianjian-centre/bin"
WAIT_S: Final = 120
"""A lease of ten seconds, a restart of two and a reconnection, on a slow machine."""
WORLD: Final = """
mount -t tmpfs run /run
ip link add bridge type bridge
ip link set bridge up
cd "$0"
i=0
for name; do
    i=$((i + 1))
    echo "10.9.0.$i $name" >> base/etc/hosts
done
i=0
for name; do
    i=$((i + 1))
    ip netns add "$name"
    ip link add "port$i" type veth peer name eth0 netns "$name"
    ip link set "port$i" master bridge up
    ip -n "$name" address add "10.9.0.$i/24" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" link set lo up
    mkdir -p "upper/$name" "work/$name" "roots/$name"
    mount -t overlay overlay -o "lowerdir=base,upperdir=upper/$name,workdir=work/$name" "roots/$name"
    mount -t proc proc "roots/$name/proc"
    mount --rbind /dev "roots/$name/dev"
done
for name; do
    for other; do
        mkdir -p "roots/$name/machines/$other"
        mount --bind "roots/$other" "roots/$name/machines/$other"
    done
done
echo ready
exec sleep infinity
"""


@frozen
class Machines:
    """Five roots, while they are there."""

    holder: int
    folder: Path

    def run(self, name: str, script: str, *, check: bool = True) -> str:
        """What `script` prints as root of a machine."""
        inside = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
        ]
        inside += ["LANG=C.UTF-8", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/root/wheels", "sh", "-e", "-c", script]
        inside = ["ip", "netns", "exec", name, "chroot", str(self.folder / "roots" / name), *inside]
        done = run([*self.enter(), *inside], check=False)
        assert not check or done.returncode == 0, f"{name}: {script}\n{done.stdout}{self.logs()}"
        return done.stdout

    def enter(self) -> list[str]:
        """How to come to where the machines are."""
        return ["nsenter", f"--target={self.holder}", "--mount", "--net", "--pid"]

    def kill(self, name: str) -> None:
        """The power of a machine goes: all that runs there ends at once."""
        run([*self.enter(), "sh", "-c", f"kill -KILL $(ip netns pids {name})"])

    def until(self, name: str, script: str, holds: str) -> None:
        """Call `script` until what it prints has `holds`."""
        deadline = time.monotonic() + WAIT_S
        while holds not in (said := self.run(name, script, check=False)):
            assert time.monotonic() < deadline, f"{name}: {script}: {said}{self.logs()}"
            time.sleep(1)

    def logs(self) -> str:
        """What the services said last."""
        found = (self.folder / "upper").glob("*/var/log/*.log")
        return "".join(f"\n{path}\n{path.read_text('utf-8', 'replace')[-1_500:]}" for path in found)


@contextmanager
def machines(folder: Path) -> Iterator[Machines]:
    """All of them, from one root; whatever they started ends with them."""
    spaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    call = [*spaces, "sh", "-e", "-c", WORLD, str(folder), *NAMES]
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text("ascii").split()
            yield Machines(int(children[0]), folder)
        finally:
            holder.kill()


def blocks() -> list[tuple[str, str]]:
    """Every block of the page with the machine that it is for, in order."""
    found = []
    for before, block in re.findall(r"(.*?)^```sh machine\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        said = re.findall(r"[Oo]n ((?:`\w+`(?:, | and )?)+)(?=[^`]*\Z)", before)
        found += [(name, block) for name in re.findall(r"`(\w+)`", said[-1])]
    return found


def prepare(folder: Path) -> None:
    """The root that all begin with: bare, and what the page says to bring in /root."""
    needs("nsenter", "git")
    root = Root.unpacked(base("bookworm-centre", INCLUDED), folder / "base").folder
    for program in STANDING_IN.iterdir():
        shutil.copy(program, root / "usr/local/bin")
    (root / "root/wheels").mkdir()
    pip = [shutil.which("python3") or "python3", "-m", "pip"]
    with alone("wheels-centre") as kept:
        lock = str(HERE / "requirements-centre.lock")
        run([*pip, "download", "--quiet", "--require-hashes", "--dest", str(kept), "--requirement", lock])
        for wheel in kept.iterdir():
            shutil.copy(wheel, root / "root/wheels")
    source = folder / "source"
    run(["git", "clone", "--quiet", str(HERE), str(source)])
    run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(root / "root"), str(source)])
    shutil.copy(HERE / "requirements-centre.lock", root / "root")
    shutil.copy(HERE / "systemd/centre/dianjian-subscribe.service", root / "root")


ENROL: Final = """
cd /root/centre
mkdir -p /etc/dianjian /var/lib/dianjian stick
sed '/^\\[broker\\]/,/^$/d' /root/gateway/site.toml > /etc/dianjian/site.toml
dianjian centre token --authority office --key centre.key --broker mqtts://office:8883 \\
    --auto-approve --json deb-1 > token.json
python3 -c 'import json; print(json.load(open("token.json"))["offer"])' > token
ask() {
    dianjian enrol --config /etc/dianjian/site.toml --recovery usb.key \\
        --token-file token --via file:$PWD/stick
}
ask || true
dianjian centre approve --authority office --register gateways.jsonl --key centre.key --from stick
ask > installed.toml
cat installed.toml >> /etc/dianjian/site.toml
nohup /opt/dianjian-centre/bin/dianjian-sim serve /root/gateway/plant.toml \\
    > /var/log/plant.log 2>&1 < /dev/null &
"""
"""A gateway beside the office; its request goes by a stick."""
ONCE: Final = (
    "/opt/dianjian-centre/bin/dianjian-agent run --once --config /etc/dianjian/site.toml; echo code $?"
)


def last(said: str) -> dict[str, Any]:
    """What `run --once` says at its end."""
    told: dict[str, Any] = json.loads([line for line in said.splitlines() if line.startswith('{"seals')][-1])
    return told


def test_a_centre_is_set_up_by_the_page_alone_and_outlives_a_verifier_and_its_primary(tmp_path: Path) -> None:
    prepare(tmp_path)
    with machines(tmp_path) as found:
        *setting_up, doctor, promoting = blocks()
        for name, block in setting_up:
            found.run(name, block)
            if "verifier-1" in block and name == "v1":
                found.run("v2", block.replace("verifier-1", "verifier-2"))
        found.until(*doctor, "ok  disks")
        assert "ok  verifiers: 2 " in found.run(*doctor)
        found.run("office", ENROL)
        for name in ("v1", "v2"):
            found.run(name, "fetch-register")
        found.until("office", ONCE, "code 0")
        found.kill("v1")
        found.until("office", ONCE, "code 0")
        found.kill("db1")
        receipted = last(found.run("office", ONCE, check=False))["receipted"]
        found.run(*promoting)
        stored = int(
            found.run("db2", "runuser -u postgres -- psql -qAt centre -c 'SELECT count(*) FROM seals'")
        )
        assert stored >= receipted > 0
        found.until("office", ONCE, "code 0")
