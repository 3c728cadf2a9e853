"""The page over real sockets: who is let in, who is refused, and that nobody can hold it up."""

import base64
import gzip
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from agent.store.names import DATABASE_NAME
from provisioning.cli import cli
from provisioning.declaring.passwords import read_password, write_password
from provisioning.live.page.chain import Chain
from provisioning.live.page.site import SiteFile
from provisioning.live.web import Pages
from tests.provisioning.live.page.plant import Plant, answering, at_once
from tests.wire.certificates import Authority

pytestmark = pytest.mark.e2e
WAIT_S = 30.0
PASSWORD = "correct horse battery"  # noqa: S105
RESIDENT_BYTES_MAX = 64 << 20
"""46 MB were measured; the unit allows 256, for bodies of declarations."""


@frozen
class Web:
    process: subprocess.Popen[str]
    port: int

    def ask(self, raw: bytes | str, context: ssl.SSLContext | None = None) -> tuple[int, dict[str, str], str]:
        """Status, headers and body."""
        with socket.create_connection(("127.0.0.1", self.port), WAIT_S) as plain:
            channel = context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain
            channel.sendall(raw if isinstance(raw, bytes) else raw.encode())
            answer = bytearray()
            with channel:
                while part := channel.recv(65536):
                    answer += part
        head, _, body = bytes(answer).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body.decode()

    def get(
        self, path: str = "/", *headers: str, context: ssl.SSLContext | None = None
    ) -> tuple[int, dict[str, str], str]:
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        return self.ask("\r\n".join(lines), context)


def basic(password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@contextmanager
def serving(plant: Plant, *options: str, listen: str = "127.0.0.1:0") -> Iterator[Web]:
    command = [
        sys.executable,
        "-m",
        "provisioning.cli",
        "web",
        "--config",
        str(plant.site),
        "--listen",
        listen,
    ]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        said = process.stdout.readline()
        match = re.fullmatch(r"https?://\S+:(\d+)/\n", said)
        assert match, process.stderr.read() if process.stderr else ""
        yield Web(process, int(match[1]))
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)


@pytest.fixture(scope="module")
def web(lived: Plant) -> Iterator[Web]:
    with serving(lived) as one:
        yield one


def test_the_page_comes_with_its_policy_in_the_language_that_was_asked_for(web: Web) -> None:
    status, headers, body = web.get("/?lang=zh")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'sha256-" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert int(headers["Content-Length"]) == len(body.encode())
    assert "东厂区喷涂车间" in body
    assert "代理程序未运行" in body
    assert "no agent answers" in web.get("/?lang=en")[2]


def test_a_running_agent_is_asked_for_each_page(lived: Plant, web: Web) -> None:
    with answering(lived):
        deadline = time.monotonic() + WAIT_S
        while "no agent answers" in (body := web.get("/?lang=en")[2]):
            assert time.monotonic() < deadline
        assert "requests of another master on the bus 12" in body
    deadline = time.monotonic() + WAIT_S
    while "no agent answers" not in web.get("/?lang=en")[2]:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("said", [b"no json", b"[1, 2]", b'{"lines": [{"id": 3}], "seals": 7}'])
def test_what_answers_in_the_agents_place_is_not_believed(copied: Plant, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(copied.state / "status.sock"))
        listener.listen()
        listener.settimeout(WAIT_S)

        def answer() -> None:
            channel, _ = listener.accept()
            with channel:
                channel.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        site = SiteFile(copied.site)
        page = Pages(site, Chain(copied.state / DATABASE_NAME, at_once)).build(chinese=False).decode()
        thread.join()
    assert "no agent answers" in page
    assert page.count("<svg") >= 2, "the day is there all the same"


def test_a_browser_gets_the_page_packed(web: Web) -> None:
    browser = HTTPConnection("127.0.0.1", web.port, timeout=WAIT_S)
    browser.request("GET", "/?lang=en", headers={"Accept-Encoding": "br, gzip"})
    answer = browser.getresponse()
    raw = answer.read()
    browser.close()
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = web.get("/?lang=en")[2]
    assert len(raw) < len(plain) / 2
    assert b"no agent answers" in gzip.decompress(raw)
    assert "Content-Encoding" not in web.get("/", "Accept-Encoding: gzip;q=0")[1]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        ("GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", 405),
        ("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n", 421),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "x" * 20_000 + "\r\n\r\n", 431),
        ("\x16\x03\x01 hello\r\n\r\n", 400),
    ],
)
def test_what_is_no_reading_of_the_page_is_refused(web: Web, raw: str, status: int) -> None:
    told, headers, body = web.ask(raw)
    assert told == status
    assert headers["Connection"] == "close"
    if raw.startswith("HEAD"):
        assert body == ""
        assert int(headers["Content-Length"]) > 10_000


def test_slow_readers_and_slow_writers_hold_nobody_up(web: Web) -> None:
    idle = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(20)]
    try:
        for one in idle[:10]:
            one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert web.get()[0] == 200
    finally:
        for one in idle:
            one.close()


def test_more_connections_than_there_is_room_for_are_closed_and_later_ones_served(web: Web) -> None:
    many = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(40)]
    for one in many:
        one.settimeout(WAIT_S)
    over = 0
    for one in many[32:]:
        try:
            over += one.recv(1) == b""
        except OSError:
            over += 1
    assert over >= 8, "some of the ones before may not be gone yet"
    for one in many:
        one.close()
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            if web.get()[0] == 200:
                break
        except (OSError, ValueError, IndexError):
            assert time.monotonic() < deadline


def test_the_process_stays_small(lived: Plant, web: Web) -> None:
    with answering(lived):
        for _ in range(30):
            assert web.get()[0] == 200
    text = Path(f"/proc/{web.process.pid}/status").read_text("ascii")
    known = dict(line.split(":", 1) for line in text.splitlines())
    assert int(known["VmHWM"].split()[0]) << 10 <= RESIDENT_BYTES_MAX
    assert int(known["Threads"]) <= 3


def test_with_a_password_nothing_is_shown_without_it(lived: Plant, tmp_path: Path) -> None:
    file = tmp_path / "page.password"
    write_password(file, PASSWORD)
    with serving(lived, "--password-file", str(file), listen="0.0.0.0:0") as web:
        status, headers, body = web.get()
        assert (status, body) == (401, "a password is needed\n")
        assert headers["WWW-Authenticate"].startswith("Basic ")
        assert web.get("/x")[0] == 401
        assert web.get("/", basic(PASSWORD))[0] == 200
        tries = [web.get("/", basic(f"guess number {number}")) for number in range(6)]
        assert tries[0][0] == 401
        assert {status for status, _, _ in tries} == {401, 429}, (
            "each pause is twice as long as the one before"
        )
        headers = next(headers for status, headers, _ in tries if status == 429)
        assert int(headers["Retry-After"]) >= 1
        assert web.get("/", basic(PASSWORD))[0] == 200, "who is known does not wait"


def test_with_a_certificate_it_speaks_tls(lived: Plant, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.server()
    with serving(lived, "--certificate", str(own.certificate), "--key", str(own.key)) as web:
        context = ssl.create_default_context(cafile=str(own.ca))
        assert web.get(context=context)[0] == 200
        with socket.create_connection(("127.0.0.1", web.port), WAIT_S) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" not in plain.recv(100)


def test_systemd_is_told_when_it_is_ready_and_a_signal_ends_it_cleanly(
    lived: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(address))
        supervisor.settimeout(WAIT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        with serving(lived) as web:
            assert supervisor.recv(100) == b"READY=1"
            web.process.send_signal(signal.SIGTERM)
            assert web.process.wait(WAIT_S) == 0
        assert supervisor.recv(100) == b"STOPPING=1"


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(cli, ["web", *arguments], input=said, prog_name="dianjian")


def test_a_password_from_a_script_comes_on_standard_input(tmp_path: Path) -> None:
    done = run("--set-password", str(tmp_path / "p"), said=PASSWORD + "\n")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'p'}: kept\n")
    assert read_password(tmp_path / "p").matches(PASSWORD.encode())
    assert run("--set-password", str(tmp_path / "q"), said="short\n").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("--config nosuch.toml", 2, "cannot be read"),
        ("--config {site} --listen 0.0.0.0:0", 2, "a password is needed"),
        ("--config {site} --listen 192.168.1.1:1", 2, "a password is needed"),
        ("--config {site} --listen [::]:0", 2, "a password is needed"),
        ("--config {site} --listen localhost:0", 2, "an address and a port"),
        ("--config {site} --listen 127.0.0.1", 2, "an address and a port"),
        ("--config {site} --listen 127.0.0.1:99999", 2, "an address and a port"),
        ("--config {site} --listen 127.0.0.1:{busy}", 3, "cannot listen"),
        ("--config {site} --password-file {open}", 2, "others can read it"),
        ("--config {site} --certificate x", 2, "go together"),
        ("--config {site} --certificate x --key y", 2, "No such file"),
    ],
)
def test_every_wrong_word_is_one_line(
    lived: Plant, tmp_path: Path, arguments: str, code: int, says: str
) -> None:
    others = tmp_path / "open"
    others.write_text("x", "utf-8")
    others.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"site": lived.site, "open": others, "busy": taken.getsockname()[1]}
        done = run(*(word.format(**known) for word in arguments.split()))
    assert done.exit_code == code, done.output
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
