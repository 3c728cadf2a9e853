"""The verb as a whole: what it prints, how it ends, and that no check can hold it up or end it."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import evolve
from rich.cells import cell_len

from agent.status.socket import SOCKET_NAME, StatusSocket
from provisioning.doctor.finding import Check, Finding, State, Target, ok
from provisioning.doctor.verb import CHECKS, config, find_target
from tests.provisioning.doctor.place import bad, call, look, place, told

KEYS = {"check", "about", "state", "text", "remedy", "text_zh", "remedy_zh"}


def test_every_line_has_its_state_and_what_is_not_ok_its_remedy_in_both_languages(tmp_path: Path) -> None:
    result = call("--config", place(tmp_path, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")]), "--json")
    assert result.exit_code == 1, "a dead port"
    found = told(result)
    assert all(set(one) == KEYS for one in found)
    assert all(bool(one["remedy"]) == bool(one["remedy_zh"]) == (one["state"] != "ok") for one in found)
    assert {one["check"] for one in found} >= {
        "config",
        "ports",
        "clock",
        "disk",
        "keys",
        "chain",
        "versions",
    }
    assert {one["state"] for one in found} <= {"ok", "warning", "failed"}
    assert [one["about"] for one in found if one["check"] == "ports"] == ["b1"]


@pytest.mark.parametrize(
    ("lang", "mark", "word"), [("en", "failed", "cannot be reached"), ("zh", "故障", "连接不上")]
)
def test_people_read_one_line_each_and_the_remedy_below(
    tmp_path: Path, lang: str, mark: str, word: str
) -> None:
    from click.testing import CliRunner  # noqa: PLC0415

    from provisioning.cli import cli  # noqa: PLC0415

    file = place(tmp_path, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    said = CliRunner().invoke(cli, ["--lang", lang, "doctor", "--config", str(file)]).stdout.splitlines()
    at = next(n for n, line in enumerate(said) if word in line)
    assert said[at].startswith(mark)
    assert said[at + 1].lstrip().startswith("→")


def test_every_mistake_of_the_site_file_is_a_line_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    file = place(
        tmp_path, seals=False, changes=[("unit_id = 1", "unit_id = 300"), ("rated_w = 50000", "rated = 5")]
    )
    found = told(call("--config", file, "--json"))
    wrong = [one["text"] for one in found if one["check"] == "config"]
    assert len(wrong) == 3
    assert all(one["state"] == "failed" for one in found if one["check"] == "config")
    assert {one["check"] for one in found} == {"config", "clock", "service", "versions"}


@pytest.mark.parametrize("later_s", [-60, 60])
def test_a_site_file_that_was_written_under_the_running_agent_is_told(tmp_path: Path, later_s: int) -> None:
    file = place(tmp_path)
    with contextlib.closing(StatusSocket(tmp_path / "g1")):
        started_s = (tmp_path / "g1" / SOCKET_NAME).stat().st_mtime
        os.utime(file, (started_s, started_s + later_s))
        target = evolve(find_target(file), owner=os.getpid())
        found = [one for one in config(target, lambda _: None) if one.about == "file"]
        assert [one.state for one in found] == [State.WARNING] * (later_s > 0)
        stopped = evolve(target, owner=0, status=None)
        assert all(one.about != "file" for one in config(stopped, lambda _: None))


def test_a_model_that_is_not_known_is_a_mistake_too(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False, changes=[("eastron-sdm630", "nobody-x")])
    found = told(call("--config", file, "--json"))
    assert sum(one["check"] == "config" and one["state"] == "failed" for one in found) == 2
    assert any(one["check"] == "keys" for one in found), "what else can be looked at is"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config", "nowhere.toml"], "no site file is there"),
        (["--config", ".", "--bundle", "b.rar"], "is a .tar.gz or a .zip"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(words: list[str], said: str) -> None:
    result = call(*words)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert said in result.stderr


def hangs(_: Target, __: Callable[[str], None]) -> Iterator[Finding]:
    yield ok("stuck", "一", "one")
    threading.Event().wait()


def dies(_: Target, __: Callable[[str], None]) -> Iterator[Finding]:
    yield ok("dead", "一", "one")
    raise RuntimeError("ouch")


def test_a_check_that_hangs_or_dies_is_a_finding_and_the_next_one_runs(tmp_path: Path) -> None:
    file = place(tmp_path, seals=False)
    begin_s = time.monotonic()
    found = look(
        file,
        Check("stuck", hangs, 0.2),
        Check("dead", dies, 5.0),
        Check("last", lambda *_: [ok("last", "", "")], 5.0),
    )
    assert time.monotonic() - begin_s < 30
    assert [(one.check, one.state) for one in found] == [
        ("stuck", State.OK),
        ("stuck", State.FAILED),
        ("dead", State.OK),
        ("dead", State.FAILED),
        ("last", State.OK),
    ]
    assert "RuntimeError: ouch" in found[3].text.en


def test_all_checks_together_have_an_end() -> None:
    assert sum(check.limit_s for check in CHECKS) <= 300
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_agent_of_another_gateway_is_not_believed(tmp_path: Path) -> None:
    file = place(tmp_path)
    socket = StatusSocket(tmp_path / "g1")

    def serve() -> None:
        while not (readers := socket.waiting()):
            time.sleep(0.01)
        for reader in readers:
            socket.answer(reader, {"gateway": "other", "buses": [], "meters": []})

    thread = threading.Thread(target=serve)
    thread.start()
    meters = next(check for check in CHECKS if check.name == "buses")
    assert not bad(look(file, meters))
    thread.join()
    socket.close()


def test_what_is_being_done_is_told_on_the_terminal_and_never_in_a_file(tmp_path: Path) -> None:
    """stderr is a terminal and stdout a file, as in `dianjian doctor > file`."""
    file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    master, slave = pty.openpty()
    out = tmp_path / "out.txt"
    command = [sys.executable, "-P", "-m", "provisioning.cli", "doctor", "--config", str(file)]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with out.open("wb") as stdout:
        process = subprocess.Popen(command, stdin=slave, stdout=stdout, stderr=slave, env=environment)
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the terminal is left
            while part := os.read(master, 65_536):
                shown += part
    assert process.wait(60) == 1
    os.close(master)
    assert "… broker".encode() in shown
    text = out.read_text("utf-8")
    assert "\x1b" not in text
    assert "failed  ports b1: " in text
    assert "\n        → " in text
    assert text.splitlines()[-1].endswith(" ok")


def test_on_a_terminal_lines_are_wrapped_between_words_below_their_mark(tmp_path: Path) -> None:
    """Chinese characters are two columns wide; nothing leaves the terminal's 60."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    file = place(tmp_path, seals=False, changes=[("tcp://127.0.0.1", "tcp://127.0.0.1:1")])
    command = [
        sys.executable,
        "-P",
        "-m",
        "provisioning.cli",
        "--lang",
        "zh",
        "doctor",
        "--config",
        str(file),
    ]
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)  # the terminal itself is to be asked
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(master, 65_536):
            shown += part
    assert process.wait(60) == 1
    os.close(master)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8"))
    rows = [row.rstrip() for row in re.split(r"[\r\n]+", plain)]
    assert max(map(cell_len, rows)) <= 60
    assert any(row.startswith("故障    ports b1: ") for row in rows)
    assert all(row[:1] != " " or row.startswith(" " * 8) for row in rows if row)
