"""Ports and permissions, with real ptys, real owners and a process of another user."""

import fcntl
import json
import os
import pty
import socket
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
from click.testing import Result

from disk.lock import Lock
from provisioning.doctor.access import Person, find_lock_owner, may
from provisioning.doctor.finding import State
from provisioning.doctor.verb import CHECKS
from tests.drivers.hj212.packets import MN
from tests.provisioning.doctor.place import bad, call, lines, look, place, the_bad

BY_NAME = {check.name: check for check in CHECKS}
PORTS, PERMISSIONS, KEYS, CHAIN = (BY_NAME[name] for name in ("ports", "permissions", "keys", "chain"))
NOBODY = 65534


@contextmanager
def line() -> Iterator[str]:
    """A pty that stands for a serial port."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    try:
        yield path
    finally:
        os.close(master)
        os.close(slave)


def serial_site(folder: Path, port: str, *, seals: bool = False) -> Path:
    return place(folder, seals=seals, changes=[("tcp://127.0.0.1", f"rtu:{port}?baudrate=9600&parity=N")])


def test_a_port_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    one = the_bad(look(serial_site(tmp_path, "/dev/ttyUSB77"), PORTS))
    assert (one.state, one.about) == (State.FAILED, "b1")
    assert "/dev/ttyUSB77" in one.text.en
    assert "/dev/ttyS0" in str(one.remedy) or not Path("/dev/ttyS0").exists()


def test_what_is_no_serial_port_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "no serial port" in the_bad(look(serial_site(tmp_path, str(tmp_path / "file")), PORTS)).text.en


def test_who_holds_a_port_is_named(tmp_path: Path) -> None:
    with line() as port:
        os.close(os.open(port, os.O_RDWR | os.O_NOCTTY))
        held = (
            "import serial, sys; s = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); input()"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", held, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert other.stdout is not None
            other.stdout.readline()
            assert find_lock_owner(Path(port)) == other.pid
            one = the_bad(look(serial_site(tmp_path, port), PORTS))
            assert one.state is State.FAILED
            assert f"python ({other.pid})" in one.text.en.replace("python3.11", "python").replace(
                "python3", "python"
            )
        finally:
            other.communicate(b"\n", timeout=180)


def test_a_free_port_is_good_and_is_not_opened(tmp_path: Path) -> None:
    with line() as port:
        taken = serial.Serial(port, exclusive=True)
        taken.close()
        found = look(serial_site(tmp_path, port), PORTS)
        assert lines(found) == [("ports b1", State.OK)]


def test_a_number_that_changes_at_a_restart_is_a_warning(tmp_path: Path) -> None:
    """A device of that name is made for the test: a character device, as adapters are."""
    node = Path("/dev/ttyUSB78")
    try:
        os.mknod(node, 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("needs root to make a device")
    try:
        one = the_bad(
            [one for one in look(serial_site(tmp_path, str(node)), PORTS) if "held" not in one.text.en]
        )
    finally:
        node.unlink()
    assert one.state is State.WARNING
    assert "by-id" in str(one.remedy)


def test_an_address_that_takes_no_connection_is_said_and_one_that_does_is_good(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", f"tcp://127.0.0.1:{port}")])
        assert lines(look(file, PORTS)) == [("ports b1", State.OK)]
    one = the_bad(look(file, PORTS))
    assert "Connection refused" in one.text.en


def test_while_an_agent_owns_the_chain_no_gateway_of_meters_is_connected_to(tmp_path: Path) -> None:
    file = place(tmp_path, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    lock = Lock(tmp_path / "g1/chain.db.lock")
    try:
        assert find_lock_owner(tmp_path / "g1/chain.db.lock") == os.getpid()
        assert look(file, PORTS) == []
        assert not bad(look(file, BY_NAME["meters"]))
        assert "does not answer" in the_bad(look(file, BY_NAME["buses"])).text.en
    finally:
        lock.release()
    assert find_lock_owner(tmp_path / "g1/chain.db.lock") == 0


def test_the_lock_of_the_agent_is_not_taken_to_look_at_it(tmp_path: Path) -> None:
    file = place(tmp_path)
    look(file, *(check for check in CHECKS if check.name in {"keys", "chain", "permissions", "disk"}))
    with (tmp_path / "g1/chain.db.lock").open("r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(("mode", "state"), [(0o600, State.OK), (0o640, State.FAILED), (0o604, State.FAILED)])
def test_a_key_file_that_others_may_read_is_said(tmp_path: Path, mode: int, state: State) -> None:
    file = place(tmp_path)
    (tmp_path / "g1").chmod(0o710)
    (tmp_path / "g1/keys").chmod(mode)
    (one,) = look(file, PERMISSIONS)
    assert one.state is state
    assert state is State.OK or (one.about == "keys" and "chmod 600" in str(one.remedy))


def test_a_state_folder_for_everybody_is_a_warning(tmp_path: Path) -> None:
    file = place(tmp_path)
    (tmp_path / "g1").chmod(0o755)
    assert "chmod 710" in str(the_bad(look(file, PERMISSIONS)).remedy)


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o640, True), (0o644, False), (0o660, False)])
def test_the_key_of_tls_is_the_service_s_alone(tmp_path: Path, mode: int, good: bool) -> None:
    tls = 'url = "mqtts://127.0.0.1"\nca = "ca"\ncertificate = "c"\nkey = "k"'
    file = place(tmp_path, seals=False, changes=[('url = "mqtt://127.0.0.1"', tls)])
    for name in ("ca", "c", "k"):
        (tmp_path / name).touch()
    (tmp_path / "k").chmod(mode)
    assert (not bad(look(file, PERMISSIONS))) is good


def as_nobody(*words: str | Path) -> Result:
    """`dianjian …` with the rights of a user who has none."""
    groups = os.getgroups()
    call(*words)  # imports, also codecs and the like, what lies where he may not read
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        result = call(*words)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may pass to, which those of pytest are not for every group."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_user_who_may_not_enter_the_folder_is_told_to_ask_as_root(open_folder: Path) -> None:
    shut = open_folder / "shut"
    shut.mkdir(mode=0o700)
    result = as_nobody("--config", shut / "site.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Permission denied; try: sudo dianjian doctor" in result.stderr


def test_a_user_without_rights_is_told_which_ones_he_lacks_and_gets_the_rest(open_folder: Path) -> None:
    with line() as port:
        os.chmod(port, 0o600)  # noqa: PTH101
        file = serial_site(open_folder, port, seals=True)
        file.chmod(0o644)
        result = as_nobody("--config", file, "--json")
    assert not result.stderr, result.stderr
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    lacks = {one["about"]: one for one in found if one["check"] == "permissions"}
    assert {"b1", "store"} <= set(lacks)
    assert "usermod -aG" in lacks["b1"]["remedy"]
    keys = [one for one in found if one["check"] == "keys"]
    assert [one["state"] for one in keys] == ["warning"]
    assert "sudo" in keys[0]["remedy"]
    assert not [one for one in found if "broke" in one["text"]]
    assert {one["check"] for one in found} >= {"config", "clock", "disk", "versions"}


def test_the_status_of_an_agent_is_for_its_group(open_folder: Path) -> None:
    file = place(open_folder, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    file.chmod(0o644)
    (open_folder / "g1").chmod(0o711)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    listener.bind(str(open_folder / "g1/status.sock"))
    os.umask(before)
    listener.listen()
    lock = Lock(open_folder / "g1/chain.db.lock")
    try:
        result = as_nobody("--config", file, "--json")
    finally:
        listener.close()
        lock.release()
    (one,) = [one for one in json.loads(result.stdout) if one["check"] == "buses"]
    assert "Permission denied" in one["text"]
    assert "usermod -aG dianjian" in one["remedy"]


@pytest.mark.parametrize(
    ("mode", "uid", "groups", "want", "allowed"),
    [
        (0o640, 0, (), 6, True),
        (0o640, 1, (), 4, False),
        (0o640, 1, (0,), 4, True),
        (0o640, 1, (0,), 6, False),
        (0o604, 1, (), 4, True),
        (0o604, 1, (0,), 4, False),
    ],
)
def test_rights_by_the_bits(
    open_folder: Path, mode: int, uid: int, groups: tuple[int, ...], want: int, allowed: bool
) -> None:
    """The first class that a user belongs to decides, as in the kernel."""
    file = open_folder / "file"
    file.touch()
    file.chmod(mode)
    for folder in file.parents:
        if folder.stat().st_mode & 0o011 != 0o011:
            pytest.skip(f"{folder} is closed")
    assert may(Person("x", uid, frozenset(groups)), file, want) is allowed


def logger_site(folder: Path, url: str) -> Path:
    meter = f'[[meter]]\nid = "cems"\nbus = "b9"\nmodel = "hj212-air"\naddress = "{MN}"\n'
    more = f'[[bus]]\nid = "b9"\nurl = "{url}"\n{meter}'
    return place(folder, seals=False, more=more, changes=[("tcp://127.0.0.1", "rtu:/dev/null")])


def test_a_port_for_data_loggers_is_tried_and_one_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"hj212+listen://127.0.0.1:{taken.getsockname()[1]}"
        found = [one for one in look(logger_site(tmp_path, url), PORTS) if one.about == "b9"]
        assert [one.state for one in found] == [State.FAILED]
        assert found[0].text.en.startswith("cannot be listened at: 127.0.0.1:")
    found = [one for one in look(logger_site(tmp_path, url), PORTS) if one.about == "b9"]
    assert [one.state for one in found] == [State.OK]
