"""Checks of the machine: clock, disk, service, versions. Reads /proc, /sys and the output of tools.

Nothing is changed but for one small file that is written and removed, and everything works without root:
unreadable parts are left out.
"""

import contextlib
import errno
import os
import platform
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.host.disk_trouble import explain_trouble
from agent.inbox import INBOX_NAME
from agent.sealing.quota import LEVELS, Level, level_of
from agent.store.names import DATABASE_NAME
from disk.probe import probe_folder
from disk.version import read_version
from drivers.clock import ClockState, SystemClock
from evidence.words import Words
from provisioning.doctor.finding import Finding, Progress, Target, failed, ok, warning

EARLIEST: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""No gateway ran this software before then."""
AHEAD_MS_MAX: Final = 5_000
"""Beacons and links cost up to two seconds; more than five means a wrong clock."""
RTC_S_MAX: Final = 60.0
"""A quartz without network drifts by a minute in some weeks."""
FREE_BYTES_MIN: Final = 16 << 20
"""Below it the next log rotation or package fills the disk; the store keeps 4 MiB for itself."""
INODES_MIN: Final = 1_000
LIFE_WORN: Final = 0x09
"""JEDEC 84-B51, DEVICE_LIFE_TIME_EST: 80 to 90 % of the life is used."""
TOOL_S: Final = 5.0
UNIT: Final = "dianjian-agent.service"
RESTARTS_MAX: Final = 3
"""Restarts since the machine booted; each has its reason in the log."""
_MEMORY_DISKS: Final = frozenset({"tmpfs", "ramfs"})
_SHOWN: Final = (
    "LoadState", "UnitFileState", "ActiveState", "SubState", "NRestarts", "WatchdogUSec", "Result",
    "ExecMainStatus", "ConditionResult",
)  # fmt: skip


def clock(target: Target, _: Progress) -> Iterator[Finding]:
    """Whether the time can be trusted."""
    state, now = SystemClock().stamp().clock_state, target.now
    if now < EARLIEST:
        yield failed(
            "clock",
            Words(f"系统时间是 {now:%Y-%m-%d}，明显错误", f"the clock says {now:%Y-%m-%d}, which cannot be"),
            Words(
                "设置时间服务器：timedatectl set-ntp true", "give it a time server: timedatectl set-ntp true"
            ),
        )
    elif state is ClockState.UNSYNCHRONISED:
        text = Words("系统时间未与时间服务器同步（adjtimex）", "the clock is not synchronised (adjtimex)")
        remedy = Words(
            "timedatectl set-ntp true，并检查到时间服务器的网络（UDP 123）",
            "timedatectl set-ntp true, and see that the time server is reached (UDP 123)",
        )
        yield warning("clock", text, remedy)
    else:
        yield ok("clock", Words("系统时间已同步", "the clock is synchronised"))
    yield from compare_with_centre(target)
    yield from _judge_rtc(target)


def compare_with_centre(target: Target) -> Iterator[Finding]:
    """How far the clock is from the centre's, as the agent knows it."""
    ahead_ms = (target.status or {}).get("clock_ahead_ms")
    if ahead_ms is None:
        return
    text = Words(
        f"与中心时间相差 {ahead_ms / 1000:+.1f} 秒", f"{ahead_ms / 1000:+.1f} s against the centre's clock"
    )
    if abs(ahead_ms) <= AHEAD_MS_MAX:
        yield ok("clock", text, "centre")
    else:
        remedy = Words("检查网关和中心各自的时间服务器", "look at the time servers of gateway and centre")
        yield warning("clock", text, remedy, "centre")


def _judge_rtc(target: Target) -> Iterator[Finding]:
    clocks = sorted(target.root.glob("sys/class/rtc/rtc*"))
    if not clocks:
        text = Words(
            "没有硬件时钟：断电后若无网络，时间不正确",
            "no hardware clock: without network, a restart is in the past",
        )
        remedy = Words("加装带电池的 RTC 模块", "fit an RTC with a battery")
        yield warning("clock", text, remedy, "rtc")
        return
    try:
        rtc_s = float((clocks[0] / "since_epoch").read_text("ascii"))
    except (OSError, ValueError):
        return
    apart_s = rtc_s - target.now.timestamp()
    if abs(apart_s) <= RTC_S_MAX:
        yield ok("clock", Words("硬件时钟正确", "the hardware clock is right"), "rtc")
    else:
        text = Words(f"硬件时钟相差 {apart_s:+.0f} 秒", f"the hardware clock is {apart_s:+.0f} s off")
        remedy = Words(
            "hwclock --systohc --utc；若再次出错请更换电池",
            "hwclock --systohc --utc; if it comes again, its battery is flat",
        )
        yield warning("clock", text, remedy, "rtc")


def disk(target: Target, _: Progress) -> Iterator[Finding]:
    """Whether the store has room, is writable and will last."""
    folder = target.folder
    there = next(one for one in (folder, *folder.parents) if one.exists())
    room = os.statvfs(there)
    trouble = _try_write(folder, there, room)
    if trouble is None:
        yield _judge_room(target, there, room)
    else:
        yield trouble
    if room.f_files and room.f_favail < INODES_MIN:
        text = Words(f"只剩 {room.f_favail} 个文件节点", f"{room.f_favail} inodes are left")
        remedy = Words("删除磁盘上大量的小文件", "remove many small files from this disk")
        yield warning("disk", text, remedy)
    kind = _find_filesystem(target, there)
    if kind in _MEMORY_DISKS:
        text = Words(
            f"{there} 在内存中（{kind}），断电即丢失",
            f"{there} lies in memory ({kind}): a power cut ends the chain",
        )
        remedy = Words("把 store.path 改到 eMMC、SSD 或 SD 卡上", "put store.path on an eMMC, SSD or card")
        yield failed("disk", text, remedy)
    yield from _judge_wear(target, there)


def _try_write(folder: Path, there: Path, room: os.statvfs_result) -> Finding | None:
    """The failure of a write into each folder that the agent writes; rights are checked by `permissions`."""
    error: OSError | None = None
    if room.f_flag & os.ST_RDONLY:
        error, at = OSError(errno.EROFS, os.strerror(errno.EROFS)), there
    else:
        for at in (folder, folder / INBOX_NAME):
            error = probe_folder(at)
            if error is not None and not isinstance(error, PermissionError | FileNotFoundError):
                break
            error = None
    return None if error is None else failed("disk", *explain_trouble(error, at))


def _judge_room(target: Target, there: Path, room: os.statvfs_result) -> Finding:
    assert target.site is not None
    used = 0
    with contextlib.suppress(OSError):  # missing yet, or not accessible to this user
        used = (there / DATABASE_NAME).stat().st_size
    free, quota = room.f_bavail * room.f_frsize, target.site.store.quota_mb << 20
    return judge_room(free, used, quota, is_running=target.is_running)


def judge_room(free: int, used: int, quota: int, *, is_running: bool) -> Finding:
    """Whether the disk holds what the store may take; all in bytes."""
    text = Words(
        f"剩余 {free >> 20} MB；数据库 {used >> 20} MB，上限 {quota >> 20} MB",
        f"{free >> 20} MB free; the database has {used >> 20} of at most {quota >> 20} MB",
    )
    if free < FREE_BYTES_MIN:
        return failed(
            "disk", text, Words("清理磁盘，或换更大的磁盘", "free room on this disk, or fit a larger one")
        )
    if free + used < quota:
        smaller = max((free + used) * 3 // 4 >> 20, 8)
        remedy = Words(
            f"磁盘装不下上限：清理磁盘，或设 store.quota_mb = {smaller}",
            f"the disk cannot hold the quota: free room, or set store.quota_mb = {smaller}",
        )
        return warning("disk", text, remedy)
    alarm = next(limit for limit, level in LEVELS if level is Level.ALARM)
    if level_of(used / quota) >= Level.ALARM and not is_running:
        remedy = Words(
            f"已用超过 {alarm:.0%}：中心的回执会释放空间，检查与中心的连接",
            f"above {alarm:.0%}: the centre's receipts free it, see that the centre is reached",
        )
        return warning("disk", text, remedy)
    return ok("disk", text)


def _find_filesystem(target: Target, there: Path) -> str:
    """The type of the file system that `there` lies on."""
    device = os.stat(there).st_dev  # noqa: PTH116 - Path.stat says the same; this is the number of the mount
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = (target.root / "proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        words = line.split()
        if len(words) > 2 and words[2] == wanted and "-" in words:
            return words[words.index("-") + 1]
    return ""


def _judge_wear(target: Target, there: Path) -> Iterator[Finding]:
    """The wear of an eMMC, if sysfs reports it (JEDEC 84-B51)."""
    device = there.stat().st_dev
    place = (target.root / "sys/dev/block" / f"{os.major(device)}:{os.minor(device)}").resolve()
    for card in (place / "device", place.parent / "device"):
        try:
            life = [int(word, 16) for word in (card / "life_time").read_text("ascii").split()]
            spare = int((card / "pre_eol_info").read_text("ascii"), 16)
        except (OSError, ValueError):
            continue
        worn = max(life, default=0)
        text = Words(f"eMMC 寿命已用约 {10 * worn} %", f"about {10 * worn} % of the eMMC's life is used")
        if worn > LIFE_WORN + 1 or spare >= 3:
            yield failed("disk", text, Words("尽快更换 eMMC", "replace the eMMC soon"), "wear")
        elif worn >= LIFE_WORN or spare == 2:
            yield warning("disk", text, Words("安排更换 eMMC", "plan to replace the eMMC"), "wear")
        else:
            yield ok("disk", text, "wear")
        return


def service(target: Target, _: Progress) -> Iterator[Finding]:
    """Whether systemd keeps the agent alive."""
    if not (target.root / "run/systemd/system").is_dir():
        text = Words("本机没有运行 systemd", "systemd does not run here")
        remedy = Words(
            "请确保断电重启后有程序启动 dianjian-agent",
            "see that something starts dianjian-agent after a power cut",
        )
        yield warning("service", text, remedy)
        return
    shown = run_tool("systemctl", "show", UNIT, f"--property={','.join(_SHOWN)}")
    yield from judge_service(shown or "")


def judge_service(shown: str) -> Iterator[Finding]:
    """Problems of the unit, from `systemctl show`."""
    state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if state.get("LoadState") != "loaded":
        text = Words(f"没有安装 {UNIT}", f"{UNIT} is not installed")
        remedy = Words(
            "安装 dianjian 软件包，或复制 systemd/ 中的单元",
            "install the package, or copy the unit from systemd/",
        )
        yield failed("service", text, remedy)
        return
    if state.get("UnitFileState") not in {"enabled", "static"}:
        text = Words("开机时不会启动", "it is not started at boot")
        remedy = Words.same(f"systemctl enable {UNIT}")
        yield failed("service", text, remedy)
    active, sub = state.get("ActiveState", ""), state.get("SubState", "")
    if active == "active":
        yield ok("service", Words(f"正在运行（{sub}）", f"it runs ({sub})"))
    else:
        result, code = state.get("Result", ""), state.get("ExecMainStatus", "")
        text = Words(
            f"没有运行：{active}（{result}，退出码 {code}）",
            f"it does not run: {active} ({result}, exit code {code})",
        )
        remedy = Words(
            f"systemctl start {UNIT}；原因见 journalctl -u {UNIT} -n 50",
            f"systemctl start {UNIT}; why it ended: journalctl -u {UNIT} -n 50",
        )
        yield failed("service", text, remedy)
    yield from _judge_watch(state)


def _judge_watch(state: dict[str, str]) -> Iterator[Finding]:
    restarts = int(state["NRestarts"]) if state.get("NRestarts", "").isdigit() else 0
    if restarts > RESTARTS_MAX:
        yield warning(
            "service",
            Words(f"开机以来重启了 {restarts} 次", f"{restarts} restarts since the machine came up"),
            Words(f"原因见 journalctl -u {UNIT} -p warning", f"the reasons: journalctl -u {UNIT} -p warning"),
            "restarts",
        )
    if state.get("WatchdogUSec", "") in {"", "0", "infinity"}:
        text = Words("没有看门狗：卡死的程序不会被重启", "no watchdog: a stuck agent would stay stuck")
        remedy = Words("单元中应有 WatchdogSec=30", "the unit should have WatchdogSec=30")
        yield warning("service", text, remedy, "watchdog")


def versions(target: Target, _: Progress) -> Iterator[Finding]:
    """The versions in use."""
    own = read_version()
    text = Words.same(f"dianjian {own} · " + " · ".join(f"{k} {v}" for k, v in list_parts(target).items()))
    yield ok("versions", text)
    running = (target.status or {}).get("version", own)
    if running != own:
        text = Words(
            f"正在运行的代理是 {running}，安装的是 {own}",
            f"the running agent is {running}, installed is {own}",
        )
        remedy = Words.same(f"systemctl restart {UNIT}")
        yield warning("versions", text, remedy)


def list_parts(target: Target) -> dict[str, str]:
    """The versions of what the agent depends on."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (target.root / "etc/os-release").read_text("utf-8", "replace").splitlines()
    release = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "os": release.get("PRETTY_NAME", "?"),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
    }


def run_tool(*command: str, bytes_max: int = 1 << 16) -> str | None:
    """The output of a system tool; None if it is missing or does not end."""
    path = shutil.which(command[0])
    if path is None:
        return None
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    try:
        ended = subprocess.run(  # noqa: S603 - fixed words, no shell
            [path, *command[1:]], capture_output=True, timeout=TOOL_S, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout[-bytes_max:].decode("utf-8", "replace")
