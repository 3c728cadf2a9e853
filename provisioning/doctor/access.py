"""Checks of ports and permissions: is the port there, who holds it, may the service use what it needs.

When root calls, the rights checked are those of the service's user if there is one; else the caller's.
Owners of locks are found in /proc/locks, which shows them without taking a lock and without being root.
"""

import grp
import os
import pwd
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from agent.site.file import BusSettings
from agent.status.socket import SOCKET_NAME
from agent.store.names import DATABASE_NAME, KEYS_NAME
from drivers.errors import BusDownError
from drivers.link.bus_url import parse_url
from drivers.link.listener import Listener
from drivers.link.transport import CONNECT_S, SerialPipe, TcpPipe
from evidence.words import Words
from provisioning.doctor.finding import Finding, Progress, Target, failed, ok, warning

SERVICE_USER: Final = "dianjian"
"""The user that the package creates."""
SHOWN_PORTS: Final = 8
_UNSTABLE: Final = ("/dev/ttyUSB", "/dev/ttyACM")
"""Numbered in the order of detection: after a restart two adapters may have swapped names."""


@frozen
class Person:
    """A user whose rights are checked."""

    name: str
    uid: int
    groups: frozenset[int]


def find_person() -> Person:
    """The user whose rights are checked."""
    uid = os.geteuid()
    known = _look_up(lambda: pwd.getpwnam(SERVICE_USER)) if uid == 0 else None
    known = known or _look_up(lambda: pwd.getpwuid(uid))
    if known is None:
        return Person(str(uid), uid, frozenset({os.getegid(), *os.getgroups()}))
    return Person(known.pw_name, known.pw_uid, frozenset(os.getgrouplist(known.pw_name, known.pw_gid)))


def _look_up(look: Callable[[], pwd.struct_passwd]) -> pwd.struct_passwd | None:
    try:
        return look()
    except KeyError:
        return None


def may(who: Person, path: Path, want: int) -> bool:
    """Whether `who` may do it (4 read, 2 write, 1 pass); for the own user the kernel decides."""
    if want & os.W_OK and os.statvfs(path).f_flag & os.ST_RDONLY:
        want &= ~os.W_OK  # no right would help; `disk` reports it
    if who.uid == os.geteuid():
        return os.access(path, want, effective_ids=True)
    passable = (_read_bits(who, folder) & 1 for folder in path.resolve().parents)
    return (_read_bits(who, path) & want) == want and all(passable)


def _read_bits(who: Person, path: Path) -> int:
    status = path.stat()
    shift = 6 if status.st_uid == who.uid else 3 if status.st_gid in who.groups else 0
    return status.st_mode >> shift & 7


def find_lock_owner(path: Path, root: Path = Path("/")) -> int:
    """The process that holds a flock on `path`, 0 if none does."""
    try:
        status = path.stat()
        lines = (root / "proc/locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in lines:
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == wanted:
            return int(words[4])
    return 0


def _find_holders(path: Path, root: Path) -> list[int]:
    """The processes that have `path` open, as far as this user may look."""
    number, found = path.stat().st_rdev, set()
    for entry in (root / "proc").glob("[0-9]*/fd/*"):
        try:
            status = entry.stat()
        except OSError:
            continue
        if status.st_rdev == number and stat.S_ISCHR(status.st_mode):
            found.add(int(entry.parts[-3]))
    return sorted(found - {os.getpid()})


def name_process(pid: int) -> str:
    """The name of a process."""
    try:
        return f"{Path(f'/proc/{pid}/comm').read_text('utf-8', 'replace').strip()} ({pid})"
    except OSError:
        return str(pid)


def ports(target: Target, report: Progress) -> Iterator[Finding]:
    """Each bus's serial port or TCP address."""
    assert target.site is not None
    for bus in target.site.bus:
        report(bus.url)
        target_bus = parse_url(bus.url)
        pipe = target_bus.pipe
        if target_bus.listener is not None:
            if not target.is_running:
                yield _check_listener(target_bus.listener, bus)
        elif isinstance(pipe, SerialPipe):
            yield from _check_serial(target, bus, Path(bus.url.partition(":")[2].partition("?")[0]))
        elif isinstance(pipe, TcpPipe) and not target.is_running:  # many gateways take one connection
            yield _check_tcp(bus)


def _check_serial(target: Target, bus: BusSettings, path: Path) -> Iterator[Finding]:
    if not path.exists():
        there = sorted({*target.root.glob("dev/serial/by-id/*"), *target.root.glob("dev/ttyUSB*"),
                        *target.root.glob("dev/ttyACM*"), *target.root.glob("dev/ttyS*")})  # fmt: skip
        named = ", ".join(map(str, there[:SHOWN_PORTS])) or "–"
        text = Words(f"没有 {path}", f"{path} is not there")
        remedy = Words(
            f"插上转换器，或改 bus.url；现有：{named}",
            f"plug the adapter in, or change bus.url; there are: {named}",
        )
        yield failed("ports", text, remedy, bus.id)
        return
    if not stat.S_ISCHR(path.stat().st_mode):
        text = Words(f"{path} 不是串口", f"{path} is no serial port")
        remedy = Words("改正 bus.url", "put bus.url right")
        yield failed("ports", text, remedy, bus.id)
        return
    yield _check_holder(target, bus, path)
    names = [link for link in target.root.glob("dev/serial/by-id/*") if link.resolve() == path.resolve()]
    if str(path).startswith(_UNSTABLE):
        steady = f"rtu:{names[0]}" if names else "/dev/serial/by-id/…"
        text = Words(f"{path} 的编号在重启后会变", f"the number of {path} may change at a restart")
        remedy = Words(f"bus.url 用 {steady}", f"use {steady} as bus.url")
        yield warning("ports", text, remedy, bus.id)


def _check_holder(target: Target, bus: BusSettings, path: Path) -> Finding:
    holders = {find_lock_owner(path, target.root), *_find_holders(path, target.root)} - {0, target.owner}
    if holders:
        named = ", ".join(map(name_process, sorted(holders)))
        text = Words(f"{path} 被其他程序占用：{named}", f"{path} is held by another process: {named}")
        remedy = Words("结束该程序：总线上只能有一个主站", "end it: a bus has one master")
        return failed("ports", text, remedy, bus.id)
    if target.owner:
        return ok("ports", Words(f"{path} 由代理使用", f"{path} is the agent's"), bus.id)
    return ok("ports", Words(f"{path} 空闲", f"{path} is free"), bus.id)


def _check_listener(listener: Listener, bus: BusSettings) -> Finding:
    place = f"{listener.host}:{listener.port}"
    try:
        listener.open()
    except BusDownError as error:
        text = Words(f"不能监听：{error}", f"cannot be listened at: {error}")
        remedy = Words("改正 bus.url，或结束占用该端口的程序", "put bus.url right, or end what has the port")
        return failed("ports", text, remedy, bus.id)
    finally:
        listener.close()
    return ok("ports", Words(f"{place} 可监听，数采仪来连", f"{place} is free for data loggers"), bus.id)


def _check_tcp(bus: BusSettings) -> Finding:
    address = bus.url.partition("://")[2].partition("?")[0]
    host, _, port = address.rpartition(":")
    pair = (host.strip("[]"), int(port)) if host and port.isdigit() else (address.strip("[]"), 502)
    try:
        socket.create_connection(pair, timeout=CONNECT_S).close()
    except OSError as error:
        why = error.strerror or str(error)
        text = Words(f"{address} 连接不上：{why}", f"{address} cannot be reached: {why}")
        remedy = Words("检查网线、地址和转换器电源", "check cable, address and the power of the converter")
        return failed("ports", text, remedy, bus.id)
    return ok("ports", Words(f"{address} 可连接", f"{address} takes connections"), bus.id)


def permissions(target: Target, _: Progress) -> Iterator[Finding]:
    """Whether the service's user may use what it needs, and only it the secrets."""
    who = find_person()
    assert target.site is not None
    found: list[Finding] = []
    for bus in target.site.bus:
        if isinstance(parse_url(bus.url).pipe, SerialPipe):
            found += _check_device(who, bus, Path(bus.url.partition(":")[2].partition("?")[0]))
    found += _check_state(target, who)
    found += _check_tls(target, who)
    yield from found or [
        ok("permissions", Words(f"用户 {who.name} 的权限足够", f"user {who.name} may use all it needs"))
    ]


def _is_service_folder(folder: Path) -> bool:
    known = _look_up(lambda: pwd.getpwnam(SERVICE_USER))
    return known is not None and folder.stat().st_uid == known.pw_uid


def _check_device(who: Person, bus: BusSettings, path: Path) -> Iterator[Finding]:
    if not path.exists() or may(who, path, os.R_OK | os.W_OK):
        return
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except KeyError:
        group = "dialout"
    text = Words(f"用户 {who.name} 不能使用 {path}", f"user {who.name} may not use {path}")
    remedy = Words(
        f"usermod -aG {group} {who.name}，然后重新登录或重启服务",
        f"usermod -aG {group} {who.name}, then log in anew or restart the service",
    )
    yield failed("permissions", text, remedy, bus.id)


def _check_state(target: Target, who: Person) -> Iterator[Finding]:
    folder = target.folder
    if not folder.exists():
        return
    if not may(who, folder, os.R_OK | os.W_OK | os.X_OK):
        if _is_service_folder(folder):  # the caller needs no rights there
            yield warning(
                "permissions",
                Words(
                    f"用户 {who.name} 看不到 {folder} 的全部内容",
                    f"user {who.name} does not see all of {folder}",
                ),
                Words("用 sudo dianjian doctor 检查全部", "look at everything with: sudo dianjian doctor"),
                "store",
            )
            return
        text = Words(f"用户 {who.name} 不能写 {folder}", f"user {who.name} may not write to {folder}")
        remedy = Words(
            f"以服务用户运行，或 chown -R {who.name}: {folder}",
            f"run as the service's user, or chown -R {who.name}: {folder}",
        )
        yield failed("permissions", text, remedy, "store")
    if folder.stat().st_mode & 0o007:
        text = Words(f"其他用户可进入 {folder}", f"others may enter {folder}")
        remedy = Words.same(f"chmod 710 {folder}")
        yield warning("permissions", text, remedy, "store")
    try:
        yield from _check_files(folder, who)
    except PermissionError:
        return


def _check_files(folder: Path, who: Person) -> Iterator[Finding]:
    keys = folder / KEYS_NAME
    if keys.exists() and keys.stat().st_mode & 0o077:
        yield failed(
            "permissions",
            Words(f"密钥文件 {keys} 可被他人读取", f"others may read the key file {keys}"),
            Words(f"chmod 600 {keys}；如有疑虑请换密钥", f"chmod 600 {keys}; in doubt, ask for a new key"),
            "keys",
        )
    for file in (keys, folder / DATABASE_NAME):
        if file.exists() and not may(who, file, os.R_OK | os.W_OK):
            text = Words(f"用户 {who.name} 不能使用 {file}", f"user {who.name} may not use {file}")
            remedy = Words.same(f"chown {who.name}: {file}")
            yield failed("permissions", text, remedy, file.name)
    entry = folder / SOCKET_NAME
    if entry.exists() and entry.stat().st_mode & 0o007:
        text = Words(f"任何人都可打开 {entry}", f"everybody may open {entry}")
        remedy = Words.same(f"chmod 660 {entry}")
        yield warning("permissions", text, remedy, "status")


def _check_tls(target: Target, who: Person) -> Iterator[Finding]:
    assert target.site is not None
    broker = target.site.broker
    for name in ("ca", "certificate", "key"):
        value = getattr(broker, name) if broker is not None else ""
        path = target.site.path(value) if value else None
        if path is None or not _is_there(path):
            continue
        credential = value.startswith("credential:")  # the service manager reads it for the service
        if not credential and not may(who, path, os.R_OK):
            text = Words(f"用户 {who.name} 不能读取 {path}", f"user {who.name} may not read {path}")
            remedy = Words(
                f"chgrp {SERVICE_USER} {path} 并 chmod 640", f"chgrp {SERVICE_USER} {path} and chmod 640"
            )
            yield failed("permissions", text, remedy, f"broker.{name}")
        if name == "key" and path.stat().st_mode & 0o037:
            text = Words(f"TLS 私钥 {path} 可被他人使用", f"others may use the TLS key {path}")
            remedy = Words.same(f"chmod 600 {path}")
            yield failed("permissions", text, remedy, "broker.key")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False
