"""The package on a fresh Debian 12 without network: its whole life, from installation to purge."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.packaging.debian import MINIMAL, Root, base, packages

pytestmark = [pytest.mark.minutes, pytest.mark.e2e]

STATE: Final = "/var/lib/dianjian"
ONCE: Final = "runuser -u dianjian -- dianjian-agent run --once --config /etc/dianjian/site.toml"
IMPORT: Final = """
import importlib, pkgutil
extras = ("agent.sealing.tpm", "centre.store.postgresql", "centre.store.postgresql_connection")
for top in ("agent", "centre", "disk", "drivers", "evidence", "firmware_sim", "provisioning", "wire"):
    package = importlib.import_module(top)
    for module in pkgutil.walk_packages(package.__path__, top + "."):
        if module.name not in extras and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""
LIVE: Final = """
useradd --groups dianjian technician
useradd stranger
runuser -u dianjian -- dianjian-agent run --config /etc/dianjian/site.toml 2>/root/agent.err &
agent=$!
tries=0
until [ -S /var/lib/dianjian/status.sock ] || [ $tries -ge 200 ]; do sleep 0.2; tries=$((tries + 1)); done
ss -Hltn >/root/listening
runuser -u technician -- dianjian status --config /etc/dianjian/site.toml --json >/root/technician.json
runuser -u stranger -- dianjian status --config /etc/dianjian/site.toml --json >/dev/null 2>&1
echo $? >/root/stranger
kill $agent
wait $agent || true  # runuser tells its own death
"""
LEFT: Final = re.compile(
    r"\./(etc/(group|gshadow|passwd|shadow|subgid|subuid)-?|var/lib/dpkg/.*|var/log/.*|var/cache/.*|root/.*|srv/.*"
    r"|var/lib/systemd/deb-systemd-helper-.*|etc/systemd/system/.*\.wants|etc/systemd/system|tmp/.*|run/.*|home/.*"
    r"|var/mail/.*|var/spool/mail/.*|etc/\.pwd\.lock)"
)
"""Users stay after a purge, and so do dpkg's own notes."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return Root.unpacked(base("bookworm", MINIMAL), tmp_path_factory.mktemp("installed") / "root")


def sealed(root: Root) -> dict[str, Any]:
    """One polled and published seal, with its receipt."""
    done = root.run(f"/root/gateway/around.sh {ONCE}")
    last = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
    assert last["meters_good"] is True
    assert last["receipted"] == last["seals"]
    assert isinstance(last, dict)
    return last


def install(root: Root, package: Path) -> str:
    """dpkg, and nothing else: no network, no apt."""
    inside = root.path("/root/dianjian.deb")
    inside.write_bytes(package.read_bytes())
    return root.run("dpkg --install /root/dianjian.deb").stdout


def test_the_package_lives_its_whole_life_on_a_fresh_debian_without_network(root: Root) -> None:
    found, before = packages(), root.files()
    install(root, found.older)
    _check_what_is_there(root)
    root.run(f"/root/gateway/enrol.sh; chown -R dianjian:dianjian {STATE}")  # as the service's start does it
    first = sealed(root)
    _check_the_doctor(root)
    _check_who_may_ask(root)
    _check_rollback(root, found.older, found.newer, first["seals"])
    _check_removal(root, before)


def _check_what_is_there(root: Root) -> None:
    assert "dianjian 0.1.0" in root.run("dianjian --version").stdout
    listed = root.run("dianjian --help").stdout.split("Commands:")[1]
    verbs = re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE)
    assert {"read", "scan", "status", "setup", "doctor", "web", "enrol", "verify", "demo"} <= set(verbs)
    for verb in verbs:
        assert "Usage:" in root.run(f"dianjian {verb} --help").stdout
    root.path("/root/imports.py").write_text(IMPORT, "utf-8")
    assert len(root.run("/opt/dianjian/bin/python -I /root/imports.py").stdout.split()) > 200
    modes = root.run(f"stat -c '%U:%G %a' /etc/dianjian {STATE}").stdout.splitlines()
    assert modes == ["root:dianjian 2750", "dianjian:dianjian 710"]
    assert root.run("systemctl is-enabled dianjian-agent").stdout.strip() == "enabled"
    assert root.run("ss -Hltn").stdout == ""
    assert root.run("dpkg --verify dianjian-edge").stdout == ""
    assert not root.run("ls -A /etc/dianjian").stdout


def _check_the_doctor(root: Root) -> None:
    done = root.run(
        "/root/gateway/around.sh dianjian doctor --json >/root/doctor.json; cat /root/doctor.json"
    )
    findings = json.loads(done.stdout)
    assert {"config", "permissions", "keys", "chain", "broker", "meters", "versions"} <= {
        finding["check"] for finding in findings
    }
    assert [finding for finding in findings if finding["state"] == "failed"] == []


def _check_who_may_ask(root: Root) -> None:
    """The service's group sees the status, nobody else does, and nothing listens beyond loopback."""
    root.path("/root/live.sh").write_text(LIVE, "utf-8")
    root.run("/root/gateway/around.sh sh -x /root/live.sh")
    assert json.loads(root.path("/root/technician.json").read_text("utf-8"))["gateway"] == "deb-1"
    assert root.path("/root/stranger").read_text("utf-8").strip() != "0"
    listening = [line.split()[3] for line in root.path("/root/listening").read_text("utf-8").splitlines()]
    assert listening, "broker and plant of the test"
    assert [place for place in listening if not place.startswith("127.0.0.1:")] == []


def _check_rollback(root: Root, older: Path, newer: Path, seals: int) -> None:
    kept = {name: root.path(f"{STATE}/{name}").read_bytes() for name in ("keys", "enrolment.json")}
    install(root, newer)
    assert "0.2.0" in root.run("dianjian-agent --version").stdout
    assert {name: root.path(f"{STATE}/{name}").read_bytes() for name in kept} == kept
    upgraded = sealed(root)
    assert upgraded["seals"] > seals, "the chain did not go on"
    install(root, older)
    before = root.path(f"{STATE}/chain.db").read_bytes()
    refused = root.run(f"/root/gateway/around.sh {ONCE}", check=False)
    output = [line for line in refused.stdout.splitlines() if line.startswith("dianjian-agent: ")]
    assert refused.returncode == 2
    assert len(output) == 1
    assert "version 0.2.0 of dianjian-edge brought it to schema 2" in output[0]
    assert "this is version 0.1.0, which knows 1: install that one or a later one again" in output[0]
    assert root.path(f"{STATE}/chain.db").read_bytes() == before
    install(root, newer)
    assert sealed(root)["seals"] > upgraded["seals"]


def _check_removal(root: Root, before: set[str]) -> None:
    chain = root.path(f"{STATE}/chain.db").read_bytes()
    root.run("dpkg --remove dianjian-edge")
    assert not root.path("/opt/dianjian").exists()
    assert root.path(f"{STATE}/chain.db").read_bytes() == chain
    assert root.path("/etc/dianjian/site.toml").exists()
    install(root, packages().newer)
    sealed(root)  # who removed it by mistake lost nothing
    root.run("dpkg --purge dianjian-edge")
    assert root.path("/srv/recovery.key").exists()
    left = {name for name in root.files() - before if not LEFT.fullmatch(name)}
    assert left == set()
    gone = {name for name in before - root.files() if not LEFT.fullmatch(name)}
    assert gone == set()
