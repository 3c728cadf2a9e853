"""`dianjian answer` without a plant: what it keeps, what it refuses, and what it says where no agent is;
the whole way is in `tests/e2e/test_orders.py`."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.inbox import FILES_NAME, INBOX_NAME
from agent.status.socket import StatusSocket
from evidence.marks.mark import FILE_BYTES_MAX
from provisioning.cli import cli
from provisioning.terminal.exits import EXIT_OUTSIDE, EXIT_USAGE

HELD = {
    "order": "o1",
    "issuer": "bureau",
    "number": 1,
    "kind": "supervise",
    "state": "pending",
    "left_s": 60.0,
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site.toml"
    site.write_text('[site]\ngateway = "g1"\n[store]\npath = "."\n', "utf-8")
    return site


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[None]:
    """Answers that it holds one order."""
    status, done = StatusSocket(tmp_path), threading.Event()

    def serve() -> None:
        while not done.wait(0.01):
            for reader in status.waiting():
                status.answer(reader, {"orders": [{**HELD, "test": False}]})

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    done.set()
    thread.join()
    status.close()


def call(site: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--lang", "en", "answer", "--config", str(site), *words])


def test_without_an_agent_one_line_says_what_to_do(site: Path) -> None:
    result = call(site)
    assert result.exit_code == EXIT_OUTSIDE
    assert "no agent answers in" in result.stderr
    assert f"dianjian doctor --config {site}" in result.stderr
    assert "Errno" not in result.stderr


@pytest.mark.usefixtures("agent")
def test_a_file_may_be_as_large_as_is_said_and_no_byte_larger(site: Path) -> None:
    paper = site.parent / "paper.pdf"
    words = ("o1", "done", "--by", "W", "--file", str(paper))
    for more in (1, 2, 9_000):
        paper.write_bytes(bytes(FILE_BYTES_MAX + more))
        result = call(site, *words)
        assert result.exit_code == EXIT_USAGE
        assert f"paper.pdf: has more than {FILE_BYTES_MAX} bytes; make it smaller" in result.stderr
    assert not (site.parent / INBOX_NAME).exists()
    paper.write_bytes(bytes(FILE_BYTES_MAX))
    assert call(site, *words).exit_code == 0
    digest = hashlib.sha256(bytes(FILE_BYTES_MAX)).hexdigest()
    assert [path.name for path in (site.parent / FILES_NAME).iterdir()] == [digest]


@pytest.mark.usefixtures("agent")
def test_an_order_that_is_not_held_is_told_with_those_that_are(site: Path) -> None:
    result = call(site, "o2", "done", "--by", "W")
    assert result.exit_code == EXIT_USAGE
    assert "no order o2 in force; there are: o1" in result.stderr
