"""`dianjian status` beside a real socket, and in a real terminal (a pty) until ctrl-C."""

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.status.socket import SOCKET_NAME, StatusSocket
from provisioning.cli import cli
from tests.agent.rig import SITE
from tests.provisioning.terminal.test_show import live

WAIT_S = 30.0


@contextmanager
def agent(folder: Path, status: dict[str, Any]) -> Iterator[Path]:
    """A site file, and somebody who answers as its agent."""
    site = folder / "site.toml"
    site.write_text(SITE, "utf-8")
    (folder / "state").mkdir()
    listener, ended = StatusSocket(folder / "state"), threading.Event()

    def serve() -> None:
        while not ended.is_set():
            for reader in listener.waiting():
                listener.answer(reader, status)
            time.sleep(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield site
    finally:
        ended.set()
        thread.join()
        listener.close()


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, words)))


def test_elsewhere_than_on_a_terminal_it_is_printed_once(tmp_path: Path) -> None:
    with agent(tmp_path, live(3)) as site:
        for more in ([], ["--once"], ["--follow"]):
            result = call("--lang", "zh", "status", "--config", site, *more)
            assert result.exit_code == 0
            assert "最近回执 #1234560 30 秒前" in result.stdout
            assert result.stdout.count("已签封") == 1


def test_for_scripts_it_is_the_agent_s_own_object(tmp_path: Path) -> None:
    with agent(tmp_path, live()) as site:
        assert json.loads(call("status", "--config", site, "--json").stdout) == live()


@pytest.mark.parametrize(("lang", "said"), [("zh", "没有代理应答"), ("en", "no agent answers in")])
def test_without_an_agent_one_line_says_what_to_do(tmp_path: Path, lang: str, said: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE, "utf-8")
    result = call("--lang", lang, "status", "--config", site)
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert f"dianjian doctor --config {site}" in result.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may pass to, which those of pytest are not for every group."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_who_may_not_open_the_socket_is_told_of_its_group(open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tmp_path = open_folder
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o755)  # whatever the mask of this process has become
    site = tmp_path / "site.toml"
    site.write_text(SITE, "utf-8")
    site.chmod(0o644)
    call("status", "--config", site)  # imports what lies where nobody may read
    listener = StatusSocket(tmp_path / "state")
    assert (tmp_path / "state" / SOCKET_NAME).stat().st_gid == os.getegid()
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        refused = call("status", "--config", site)
        with socket.socket(socket.AF_UNIX) as channel, pytest.raises(PermissionError):
            channel.connect(str(tmp_path / "state" / SOCKET_NAME))
        os.seteuid(0)
        os.setegid(0)
        os.setgroups([0])  # of its group, and nobody else
        os.setegid(65534)
        os.seteuid(65534)
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(tmp_path / "state" / SOCKET_NAME))
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        listener.close()
    assert refused.exit_code == 3
    assert "usermod -aG dianjian" in refused.stderr


@pytest.mark.parametrize(("lang", "columns", "rows"), [("zh", 80, 24), ("en", 120, 40)])
def test_in_a_terminal_it_lives_until_ctrl_c_and_waits_for_an_agent_that_went_away(
    tmp_path: Path, lang: str, columns: int, rows: int
) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    command = [sys.executable, "-P", "-m", "provisioning.cli", "--lang", lang, "status", "--config"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    shown = b""

    def until(*wanted: str) -> None:
        nonlocal shown
        end_s = time.monotonic() + WAIT_S
        while not any(one.encode() in shown for one in wanted):
            assert time.monotonic() < end_s, shown
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 65_536)

    with agent(tmp_path, live(6, 5, 2)) as site:
        process = subprocess.Popen(
            [*command, str(site)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        until("#1234560")
        assert b"\x1b[?1049h" in shown, "it takes the whole terminal"
    until("代理没有应答", "the agent does not answer")
    process.send_signal(signal.SIGINT)
    until("\x1b[?1049l")
    assert process.wait(WAIT_S) == 0
    os.close(master)
    assert b"Traceback" not in shown


def test_the_page_without_a_site_file_is_that_of_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.live.web.USUAL_SITE", str(tmp_path / "usual.toml"))
    told = CliRunner().invoke(cli, ["web"])
    assert (told.exit_code, told.output.count("\n")) == (2, 1)
    assert f"{tmp_path}/usual.toml: cannot be read" in told.output
