"""Clock, disk, service and versions: each with the real thing broken where this machine can break it."""

import ctypes
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent.site.file import parse_site
from drivers.clock import SystemClock
from provisioning.doctor.finding import Check, Finding, State, Target
from provisioning.doctor.machine import judge_service, run_tool
from provisioning.doctor.verb import CHECKS, find_target
from tests.faults.mounts import ext4_image, mounted, needs_mounts
from tests.provisioning.doctor.place import bad, look, place, the_bad

BY_NAME = {check.name: check for check in CHECKS}
CLOCK, DISK, SERVICE, VERSIONS = (BY_NAME[name] for name in ("clock", "disk", "service", "versions"))


def found(check: Check, target: Target) -> list[Finding]:
    return list(check.look(target, lambda _: None))


@pytest.fixture
def target(tmp_path: Path) -> Target:
    root = tmp_path / "root"
    root.mkdir()
    return evolve(find_target(place(tmp_path, seals=False)), root=root)


def test_the_clock_is_what_the_kernel_says_of_it(target: Target) -> None:
    """adjtimex(2) gives 5 (TIME_ERROR) while nobody has synchronised the clock."""
    libc = ctypes.CDLL(None)
    synchronised = libc.adjtimex(ctypes.create_string_buffer(512)) not in {-1, 5}
    assert (SystemClock().stamp().clock_state.value == "synchronised") is synchronised
    first = found(CLOCK, target)[0]
    assert first.state is (State.OK if synchronised else State.WARNING)
    assert synchronised or "timedatectl" in str(first.remedy)


def test_a_clock_before_this_software_is_wrong(target: Target) -> None:
    first = found(CLOCK, evolve(target, now=datetime(1970, 1, 1, tzinfo=UTC)))[0]
    assert first.state is State.FAILED
    assert "1970-01-01" in first.text.zh


@pytest.mark.parametrize(
    ("off_s", "state"), [(0, State.OK), (-59, State.OK), (61, State.WARNING), (-8 * 3600, State.WARNING)]
)
def test_the_hardware_clock_is_held_against_the_system_s(target: Target, off_s: int, state: State) -> None:
    rtc = target.root / "sys/class/rtc/rtc0"
    rtc.mkdir(parents=True)
    (rtc / "since_epoch").write_text(f"{target.now.timestamp() + off_s:.0f}\n")
    (one,) = [one for one in found(CLOCK, target) if one.about == "rtc"]
    assert one.state is state


def test_without_a_hardware_clock_that_is_said(target: Target) -> None:
    (one,) = [one for one in found(CLOCK, target) if one.about == "rtc"]
    assert one.state is State.WARNING


@pytest.mark.parametrize(
    ("ahead_ms", "state"), [(-4_999, State.OK), (5_001, State.WARNING), (-90_000, State.WARNING)]
)
def test_the_centre_s_clock_is_what_the_agent_heard(target: Target, ahead_ms: int, state: State) -> None:
    (one,) = [
        one
        for one in found(CLOCK, evolve(target, status={"clock_ahead_ms": ahead_ms}))
        if one.about == "centre"
    ]
    assert one.state is state
    assert f"{ahead_ms / 1000:+.1f}" in one.text.en


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    needs_mounts()
    ext4_image(tmp_path / "image", 40)
    with mounted(tmp_path / "image", tmp_path / "disk") as disk:
        file = place(disk, seals=False)
        (quota,) = look(file, DISK)
        assert quota.state is State.WARNING, "36 MB cannot hold a quota of 512"
        assert "store.quota_mb = " in str(quota.remedy)
        filler = disk / "filler"
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, 25 << 20)
        (full,) = look(file, DISK)
        assert full.state is State.FAILED
        assert "MB free" in full.text.en


def test_a_disk_that_is_mounted_read_only_is_said(tmp_path: Path) -> None:
    needs_mounts()
    ext4_image(tmp_path / "image", 40)
    with mounted(tmp_path / "image", tmp_path / "disk") as disk:
        place(disk)
    with mounted(tmp_path / "image", tmp_path / "disk", "ro") as disk:
        first = look(disk / "site.toml", DISK)[0]
        assert first.state is State.FAILED
        assert "read-only" in first.text.en
        rights = look(disk / "site.toml", BY_NAME["permissions"])
        assert not [one for one in rights if one.state is State.FAILED], "no right would help"
        assert not [
            one
            for one in look(disk / "site.toml", BY_NAME["keys"], BY_NAME["chain"])
            if "broke" in one.text.en
        ]


def test_a_disk_that_takes_no_write_is_one_failed_line_although_it_is_mounted_for_writing(
    tmp_path: Path,
) -> None:
    needs_mounts()
    ext4_image(tmp_path / "image", 700)
    with mounted(tmp_path / "image", tmp_path / "disk", "errors=remount-ro") as disk:
        file = place(disk)
        assert the_only(look(file, DISK)).state is State.OK
        subprocess.run(["mount", "-o", "remount,abort", str(disk)], check=False, capture_output=True)
        one = the_only(look(file, DISK))
        assert one.state is State.FAILED
        assert "read-only" in one.text.en or "fails to write" in one.text.en
        assert "dmesg" in str(one.remedy)


def the_only(found: list[Finding]) -> Finding:
    (one,) = found
    return one


def test_a_store_in_memory_is_no_store(tmp_path: Path) -> None:
    with mounted("tmpfs", tmp_path / "disk", "size=600m") as disk:
        one = the_bad(look(place(disk, seals=False), DISK))
        assert one.state is State.FAILED
        assert "tmpfs" in one.text.en


@pytest.mark.parametrize(
    ("life", "spare", "state"),
    [
        ("0x01 0x02", "0x01", State.OK),
        ("0x08 0x01", "0x01", State.OK),
        ("0x09 0x01", "0x01", State.WARNING),
        ("0x02 0x01", "0x02", State.WARNING),
        ("0x0b 0x01", "0x01", State.FAILED),
        ("0x01 0x01", "0x03", State.FAILED),
        ("nonsense", "0x01", None),
    ],
)
def test_how_far_an_emmc_is_worn_is_read_from_sysfs(
    target: Target, life: str, spare: str, state: State | None
) -> None:
    """As the kernel shows it: the partition's folder lies in the card's, which has a link to the device."""
    device = target.folder.parent.stat().st_dev
    card = target.root / "sys/block/mmcblk0"
    (card / "device").mkdir(parents=True)
    (card / "device/life_time").write_text(f"{life}\n")
    (card / "device/pre_eol_info").write_text(f"{spare}\n")
    (card / "mmcblk0p2").mkdir()
    links = target.root / "sys/dev/block"
    links.mkdir(parents=True)
    (links / f"{os.major(device)}:{os.minor(device)}").symlink_to(card / "mmcblk0p2")
    wear = [one for one in found(DISK, target) if one.about == "wear"]
    assert [one.state for one in wear] == ([] if state is None else [state])


GOOD = {
    "LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active", "SubState": "running",
    "NRestarts": "0", "WatchdogUSec": "30s", "Result": "success", "ExecMainStatus": "0",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"LoadState": "not-found"}, [("", State.FAILED)]),
        ({"UnitFileState": "disabled"}, [("", State.FAILED)]),
        ({"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "4"}, [("", State.FAILED)]),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, [("", State.FAILED)]),
        ({"NRestarts": "4"}, [("restarts", State.WARNING)]),
        ({"WatchdogUSec": "infinity"}, [("watchdog", State.WARNING)]),
        ({"WatchdogUSec": "0"}, [("watchdog", State.WARNING)]),
    ],
)
def test_what_systemd_says_of_the_unit(changes: dict[str, str], wrong: list[tuple[str, State]]) -> None:
    shown = "\n".join(f"{name}={value}" for name, value in {**GOOD, **changes}.items())
    findings = list(judge_service(shown))
    assert [(one.about, one.state) for one in bad(findings)] == wrong
    assert all(one.remedy for one in bad(findings))
    if changes.get("ExecMainStatus") == "4":
        assert "exit code 4" in findings[0].text.en


def test_where_systemd_does_not_run_that_is_said(target: Target) -> None:
    assert the_bad(found(SERVICE, target)).state is State.WARNING


def test_where_systemd_runs_it_is_asked_and_a_missing_unit_is_said(target: Target) -> None:
    """systemctl exists here, systemd does not: it says nothing, as of a unit that is not there."""
    (target.root / "run/systemd/system").mkdir(parents=True)
    assert the_bad(found(SERVICE, target)).state is State.FAILED


def test_an_agent_of_another_version_than_what_is_installed_is_said(target: Target) -> None:
    assert not bad(found(VERSIONS, target))
    one = the_bad(found(VERSIONS, evolve(target, status={"version": "0.0.1"})))
    assert "0.0.1" in one.text.en
    assert "restart" in str(one.remedy)


def test_a_tool_that_is_not_there_or_hangs_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_tool("no-such-tool") is None
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("provisioning.doctor.machine.TOOL_S", 0.2)
    assert shutil.which("slow")
    assert run_tool("slow") is None


def test_a_month_ahead_is_no_matter_to_the_disk(target: Target) -> None:
    assert not bad(found(DISK, evolve(target, now=target.now + timedelta(days=30))))


ARCHIVE: dict[str, Any] = {
    "folder": "/media/stick",
    "copied": 7,
    "own": 9,
    "missing": None,
    "trouble": "",
    "text": "",
}


@pytest.mark.parametrize(
    ("told", "state", "said"),
    [
        ({}, State.OK, "is at seal 7 of 9"),
        ({"missing": [3, 5]}, State.WARNING, "lacks seals 3 to 5"),
        ({"trouble": "absent"}, State.WARNING, "is not there"),
        ({"trouble": "full"}, State.WARNING, "is full"),
        ({"trouble": "error", "text": "disk I/O error"}, State.WARNING, "disk I/O error"),
        ({"trouble": "of a newer version"}, State.WARNING, "cannot be written"),
        ({"own": 0, "copied": 0}, State.OK, "nothing is in"),
    ],
)
def test_the_plant_s_archive_is_told(told: dict[str, Any], state: State, said: str, tmp_path: Path) -> None:
    site = parse_site('[archive]\npath = "/media/stick"\n', tmp_path / "site.toml")
    target = Target(site.file, site, (), {"archive": {**ARCHIVE, **told}}, "", 1, datetime.now(UTC))
    (found,) = BY_NAME["archive"].look(target, lambda _: None)
    assert (found.state, said in found.text.en) == (state, True)
    (silent,) = BY_NAME["archive"].look(evolve(target, status=None), lambda _: None)
    assert silent.state is State.OK
    without = evolve(target, site=parse_site("", tmp_path / "site.toml"))
    assert list(BY_NAME["archive"].look(without, lambda _: None)) == []


def test_a_verification_that_has_ended_or_ends_soon_is_told(target: Target) -> None:
    assert target.site is not None
    meter, *others = target.site.meter
    for days, said in ((-1, "ended on"), (9, "ends on"), (99, "")):
        end = target.now.date() + timedelta(days=days)
        site = evolve(target.site, meter=(evolve(meter, ct_verified_until=end), *others))
        told = [
            one.text.en
            for one in found(BY_NAME["config"], evolve(target, site=site))
            if one.about == meter.id
        ]
        assert [said in one for one in told] == [True] * bool(said)
