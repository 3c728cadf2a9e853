"""Every verb with every path of its call replaced by something that is not what it should be.

Whatever the file is, a verb ends by itself with 1, 2 or 3 and says why in a line of its own; it never shows
a traceback, never hangs, and never touches what it was not told to overwrite. The calls are made from the
verbs' own declarations, so that a new verb or option is walked too.
"""

import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import pytest

from provisioning.cli import VERBS, cli
from provisioning.terminal.ending import run_to_end
from provisioning.terminal.exits import EXIT_INTERNAL
from provisioning.terminal.paths import NewFile
from tests.agent.rig import SITE

WORKS_S: Final = 8
"""A call that takes more of the processor's time reads something without end."""
WAITS_S: Final = 180
"""A call that takes longer on a busy machine waits for what does not come."""
ADDRESSES_BYTES_MAX: Final = 4 << 30
"""Whoever reads a device to its end meets this before the machine does."""
PLACE: Final = "@"
"""Stands for the path under trial."""


def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for inner in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), inner)
            assert found is not None
            yield from walk(f"{name} {inner}".strip(), found)
    else:
        yield name, command


COMMANDS: Final = dict(walk("", cli))


def is_path(param: click.Parameter) -> bool:
    return isinstance(param.type, click.Path)


def value_of(param: click.Parameter) -> str:
    """Something that the verb's parser takes, and that is nowhere."""
    if is_path(param):
        return "missing"
    if isinstance(param.type, click.Choice):
        return str(param.type.choices[0])
    if isinstance(
        param.type, (click.IntRange, click.FloatRange, click.types.IntParamType, click.types.FloatParamType)
    ):
        return "1"
    return {"url": "tcp://127.0.0.1:1", "broker": "mqtt://127.0.0.1:1"}.get(param.name or "", "x")


def call_of(name: str, command: click.Command, tried: click.Parameter) -> list[str]:
    """The call with all that is required and the one path under trial."""
    arguments: list[str] = []
    for param in command.params:
        if param is tried or param.required:
            value = PLACE if param is tried else value_of(param)
            arguments += [value] if isinstance(param, click.Argument) else [param.opts[0], value]
    return [*name.split(), *arguments]


CALLS: Final = [
    pytest.param(call_of(name, command, param), isinstance(param.type, NewFile), id=f"{name} {param.name}")
    for name, command in sorted(COMMANDS.items())
    for param in command.params
    if is_path(param)
    and not name.startswith("demo")  # it would play; tests/provisioning/demo and alert_day try its folder
    and (not name.startswith("setup ") or name == "setup sheet")  # every step of it takes the same paths
]
BAD: Final[dict[str, Callable[[Path], str]]] = {
    "missing": lambda folder: str(folder / "missing" / "file"),
    "a folder": lambda folder: str(folder / "folder"),
    "without end": lambda _folder: "/dev/zero",
    "a full device": lambda _folder: "/dev/full",
    "empty": lambda folder: str(folder / "empty"),
    "noise": lambda folder: str(folder / "noise"),
    "a link to itself": lambda folder: str(folder / "loop"),
    "a pipe": lambda folder: str(folder / "pipe"),
    "a long name": lambda folder: str(folder / ("x" * 300)),
    "not text": lambda folder: str(folder / "gbk"),
    "controls in its name": lambda folder: str(folder / "a\x1b[31mb\nc"),
}


SERVES: Final = {("web", "empty")}
"""An empty site file is that of a gateway that is not set up yet, and its page says so."""
OFTEN: Final = {"missing", "without end", "not text", "controls in its name"}
"""What is tried at every test; the rest with the fault matrix."""
MAKEABLE: Final = {"missing", "a folder", "empty", "controls in its name"}
"""Where a verb may succeed, since it makes what it was given the path of."""
TRIALS: Final = [
    pytest.param(*one.values, bad, id=f"{one.id} {bad}", marks=[] if bad in OFTEN else [pytest.mark.minutes])
    for one in CALLS
    for bad in BAD
    if (one.values[0][0], bad) not in SERVES
    and not (one.values[1] and bad == "a pipe")  # a result waits for the pipe's reader, as it should
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "gbk").write_bytes("名称 = '治污'\n时间,功率\n".encode("gbk"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def ends_soon() -> Iterator[None]:
    def stop(_number: int, _frame: object) -> None:
        raise AssertionError("it hangs")

    befores = [(number, signal.signal(number, stop)) for number in (signal.SIGALRM, signal.SIGPROF)]
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES_MAX, limits[1]))
    signal.alarm(WAITS_S)
    signal.setitimer(signal.ITIMER_PROF, WORKS_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        for number, before in befores:
            signal.signal(number, before)


def run(arguments: list[str]) -> tuple[int, str]:
    """The exit code and what was said on stderr, as the console script ends it."""
    with redirect_stderr(io.StringIO()) as said, ends_soon():
        main: Callable[..., Any] = partial(cli.main, arguments, prog_name="dianjian", standalone_mode=False)
        try:
            code = run_to_end(main)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, said.getvalue()


@pytest.mark.parametrize(("call", "is_output", "bad"), TRIALS)
def test_a_path_that_is_not_what_it_should_be_ends_the_verb_in_one_line(
    place: Path, call: list[str], is_output: bool, bad: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    code, said = run([BAD[bad](place) if part == PLACE else part for part in call])
    out, err = capfd.readouterr()
    said += err
    assert "Traceback" not in out + said
    assert code in {0, 1, 2, 3}, said
    assert code or is_output or bad in MAKEABLE, "it believed what was no such file"
    if code:
        assert (out + said if call[0] == "doctor" else said).strip(), "it says nothing"
        assert not said.strip() or said.strip().splitlines()[-1].startswith("dianjian"), said
    assert "\x1b[31m" not in said
    assert {path: path.read_bytes() for path in before} == before


OUTPUTS: Final = [call for call in CALLS if call.values[1]]


@pytest.mark.parametrize("call", [pytest.param(one.values[0], id=one.id) for one in OUTPUTS])
def test_a_result_is_never_written_over_a_file_that_is_there(place: Path, call: list[str]) -> None:
    (place / "mine.zip").write_text("mine", "utf-8")
    code, said = run(["mine.zip" if part == PLACE else part for part in call])
    assert code == 2
    assert "mine.zip" in said
    assert "--force" in said
    assert (place / "mine.zip").read_text("utf-8") == "mine"


def test_every_verb_is_walked() -> None:
    assert {name.split()[0] for name in COMMANDS} == set(VERBS)
    assert len(OUTPUTS) >= 8


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError(2, "x", "site.toml"), 2),
        (IsADirectoryError(21, "x", "site.toml"), 2),
        (PermissionError(13, "x", "site.toml"), 2),
        (OSError(28, "x", "site.toml"), 3),
        (OSError(30, "x", "site.toml"), 3),
        (OSError(28, "x"), 3),
        (ConnectionRefusedError(111, "x"), 3),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), 2),
        (MemoryError(), 3),
        (KeyboardInterrupt(), 130),
        (EOFError(), 130),
        (click.Abort(), 130),
        (click.UsageError("x"), 2),
        (RecursionError("x"), EXIT_INTERNAL),
        (TypeError("a\nb"), EXIT_INTERNAL),
    ],
    ids=lambda value: f"{value!r}-{getattr(value, 'filename', '')}",
)
def test_whatever_a_verb_raises_is_one_line_and_a_code(
    error: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fails() -> None:
        raise error

    with redirect_stderr(io.StringIO()) as said:
        assert run_to_end(fails) == code
    (line,) = said.getvalue().splitlines()
    assert line.startswith("dianjian: ")
    kept = list(tmp_path.iterdir())
    assert bool(kept) is (code == EXIT_INTERNAL)
    if kept:
        assert str(kept[0]) in line
        assert "Traceback" in kept[0].read_text("utf-8")


@pytest.mark.parametrize("verb", ["models", "--help"])
def test_a_full_disk_behind_the_output_is_said(verb: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "provisioning.cli", verb],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 3
    assert ended.stderr == "dianjian: the output: the disk is full; make room and try again\n"


CALLS_OF_ALL: Final = [
    ["provisioning.cli", "models"],
    ["agent.main", "check", "--config", "site.toml"],
    ["firmware_sim.main", "events"],
]
"""A call of each of the three programs that prints and is done."""


def call_program(call: list[str], folder: Path, redirection: str) -> "subprocess.CompletedProcess[str]":
    """As a shell starts it with that redirection behind."""
    (folder / "site.toml").write_text(SITE, "utf-8")
    words = [sys.executable, "-P", "-m", *call]
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize(
    "call",
    [
        *CALLS_OF_ALL,
        *([program, "--help"] for program, *_ in CALLS_OF_ALL),
        ["provisioning.cli", "--version"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_mistake(
    call: list[str], unbuffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", *call],
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=180,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("call", CALLS_OF_ALL, ids=lambda call: call[0])
def test_a_closed_stream_is_no_mistake(call: list[str], tmp_path: Path) -> None:
    ended = call_program(call, tmp_path, "<&- >&-")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("call", CALLS_OF_ALL, ids=lambda call: call[0])
def test_a_terminal_of_another_encoding_is_no_mistake(
    call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    ended = call_program(call, tmp_path, "")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("call", [*CALLS_OF_ALL, ["agent.main", "--help"]], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_any_program_is_one_line_and_a_code(
    call: list[str], unbuffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ended = call_program(call, tmp_path, "> /dev/full")
    assert ended.returncode == (1 if call[0] == "firmware_sim.main" else 3)
    (line,) = ended.stderr.splitlines()
    assert line.startswith("dianjian")


@pytest.mark.parametrize(
    "call",
    [
        ["provisioning.cli", "read", "x", "--model", "y"],
        ["agent.main", "check", "--config", "nowhere.toml"],
        ["firmware_sim.main", "serve", "nowhere"],
    ],
    ids=lambda call: call[0],
)
def test_the_code_says_what_is_wrong_where_no_line_can_be_written(call: list[str], tmp_path: Path) -> None:
    assert call_program(call, tmp_path, "2> /dev/full").returncode == 2


def test_no_file_but_one_of_a_password_is_overwritten_by_a_password(place: Path) -> None:
    words = [sys.executable, "-P", "-m", "provisioning.cli", "web", "--set-password"]
    (place / "mine.toml").write_text("mine", "utf-8")
    for name, code in (("mine.toml", 2), ("page.password", 0), ("page.password", 0), ("folder", 2)):
        ended = subprocess.run(
            [*words, name], input="long enough 8460\n", text=True, capture_output=True, check=False
        )
        assert ended.returncode == code, ended.stderr
    assert (place / "mine.toml").read_text("utf-8") == "mine"


HOSTS: Final = ("bad host", "a..b", "-", "::1::2", "x" * 300, "😀.cn", "")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "call",
    [
        ["centre", "broker-config", "--authority", "x", "--out", "y", "--host={}"],
        ["centre", "certificate", "--authority", "x", "--out", "y", "--", "{}"],
    ],
)
def test_what_is_no_host_is_refused_before_anything_is_made(call: list[str], host: str) -> None:
    code, said = run([part.format(host) for part in call])
    assert code == 2
    assert "neither an address nor the name of a host" in said
    assert len(said.splitlines()[-1]) < 300
