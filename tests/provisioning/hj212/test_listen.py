"""`dianjian hj212 listen`: who calls, in words, and the tables that the agent then takes."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner

from agent.site.file import parse_site
from agent.site.setups import setups_of
from drivers.hj212.encoding import encode
from provisioning.cli import cli
from tests.agent.test_logger_loop import free_port
from tests.drivers.hj212.packets import KEY, MN
from tests.drivers.hj212.test_receiver import DATA
from wire.platforms.credentials import Credentials, write_credentials

OTHER = "D7A1EC0000000000000000F2"
WATER = evolve(DATA, mn=OTHER, st="32", region="DataTime=20260302083000;w01018-Rtd=20.5,w01018-Flag=N")
WAIT_S = 300.0


@contextlib.contextmanager
def calling(port: int, *raws: bytes) -> Iterator[list[bytes]]:
    """A logger that calls until somebody listens, sends all, and keeps what it is answered."""
    answers: list[bytes] = []

    def call() -> None:
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            with contextlib.suppress(ConnectionRefusedError):
                with socket.create_connection(("127.0.0.1", port), WAIT_S) as wire:
                    wire.sendall(b"".join(raws))
                    with contextlib.suppress(ConnectionError):
                        answers.append(wire.recv(4096))
                return
            time.sleep(0.05)

    thread = threading.Thread(target=call)
    thread.start()
    yield answers
    thread.join()


def listen(port: int, count: int, *more: str, lang: str = "en") -> Any:
    """Until so many pieces have come, however long that takes."""
    words = ["--lang", lang, "hj212", "listen", f"127.0.0.1:{port}", "--seconds", "3600", *more]
    words += ["--count", str(count)]
    return CliRunner().invoke(cli, words)


def test_what_is_printed_is_what_the_site_file_takes_and_nothing_is_answered() -> None:
    port = free_port()
    with calling(port, encode(DATA), encode(WATER), b"GET / HTTP/1.1\r\n\r\n", encode(DATA)) as answers:
        shown = listen(port, 4)
    assert shown.exit_code == 0, shown.output
    assert answers in ([b""], []), "a logger that was told nothing keeps its data"
    assert "real time data (CN 2011) · air emissions (ST 31)" in shown.output
    assert "246810" not in shown.output
    site = parse_site(shown.output[shown.output.index("[[bus]]") :], Path("site.toml"))
    assert [(one.address, one.model) for one in site.meter] == [(MN, "hj212-air"), (OTHER, "hj212-water")]
    assert setups_of(site).keys() == {"cems1", "cems2"}


def test_for_scripts_each_packet_and_each_logger_is_an_object(tmp_path: Path) -> None:
    write_credentials(tmp_path / "secret", Credentials("246810", (KEY,)))
    port = free_port()
    with calling(port, encode(DATA, key=KEY)):
        shown = listen(port, 1, "--json", "--credentials", str(tmp_path / "secret"))
    packet, logger = map(json.loads, shown.stdout.splitlines())
    assert (packet["host"], packet["cn"]) == ("127.0.0.1", "2011")
    assert (logger["mn"], logger["model"], logger["every_s"]) == (MN, "hj212-air", 60)


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "no data logger sent real time data"), ("zh", "没有数采仪")]
)
def test_without_a_logger_it_ends_with_1_and_says_what_to_do(lang: str, said: str) -> None:
    port = free_port()
    with calling(port, encode(DATA).replace(b"35.2", b"35.3")):
        shown = listen(port, 1, lang=lang)
    assert shown.exit_code == 1
    assert said in shown.output
    assert "246810" not in shown.output


def test_a_port_that_is_taken_and_a_place_that_is_none_are_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = listen(taken.getsockname()[1], 1)
        assert shown.exit_code == 3
        assert "already in use" in shown.output
    for place in ("9001", "gateway:9001", "127.0.0.1:99999"):
        shown = CliRunner().invoke(cli, ["--lang", "en", "hj212", "listen", place])
        assert shown.exit_code == 2
        assert len(shown.output.splitlines()) == 1
