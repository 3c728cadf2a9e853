"""The city's page as it is served: from a store that goes on, to who may see it."""

import getpass
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest
from attrs import define

from centre.core import Centre
from centre.enrolment.ledger import LEDGER_NAME
from centre.fleet.watcher import Watcher
from centre.orders.ledger import LedgerError, root_line, statement_line
from centre.register import enrol_in
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.clues.step import Stage
from evidence.orders.certificate import Role
from evidence.statement import Enrolment
from provisioning.centre.web import STRANGERS, _vouch
from provisioning.city.page import POLICY
from provisioning.city.positions import read_positions
from provisioning.city.source import (
    IDLE_MS,
    SENT_S,
    Source,
    WatchedFile,
    read_keys,
    read_open_clues,
    read_papers,
    read_sites,
)
from provisioning.live.page.gate import Token
from provisioning.live.page.server import Server
from tests.centre.test_core import whole
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret
from tests.evidence.clues import ledgers
from tests.evidence.orders import made

NOW_MS = 1_767_268_830_000
WAIT_S = 60


@define
class Plant:
    """A store with one gateway, whose plant the register names."""

    folder: Path
    chain: Chain
    now_ms: int = NOW_MS

    def seal(self) -> None:
        with closing(SqliteStore(self.folder / "centre.db")) as store:
            Centre(store, secret(0, "centre")).handle([whole(self.chain.seal([heartbeat(1)]))], self.now_ms)

    def source(self, clues: str | None = None) -> Source:
        none = WatchedFile(None, read_papers)
        return Source(
            Watcher(self.folder / "centre.db"),
            WatchedFile(self.folder / "register", read_sites),
            none,
            WatchedFile(self.folder / "positions.csv", read_positions),
            WatchedFile(
                self.folder / clues if clues else None,
                partial(read_open_clues, orders=self.folder / "orders.jsonl"),
            ),
            now_s=lambda: self.now_ms / 1_000,
        )

    def page(self, source: Source) -> str:
        while source.look():
            pass
        return source.build(chinese=False).decode()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    key = keys.public(secret(1))
    enrol_in(
        tmp_path / "register", Enrolment(GATEWAY, "<b>东厂</b>", key, bytes(32), (), 1), secret(0, "centre")
    )
    (tmp_path / "positions.csv").write_text(f"gateway,longitude,latitude\n{GATEWAY},120.3,36.1\n", "utf-8")
    with closing(SqliteStore(tmp_path / "centre.db")) as store:
        store.enrol(GATEWAY, key)
    return Plant(tmp_path, Chain())


def test_the_page_follows_the_store_and_the_register(plant: Plant) -> None:
    source = plant.source()
    page = plant.page(source)
    assert "&lt;b&gt;东厂&lt;/b&gt;" in page
    assert 'class="state new"' in page
    plant.seal()
    assert 'class="state new"' in source.build(chinese=False).decode(), "nothing was looked at since"
    page = plant.page(source)
    assert 'class="state well"' in page
    assert "<circle" in page
    enrol_in(
        plant.folder / "register",
        Enrolment("gw-8", "西厂", keys.public(secret(1, "gw-8")), bytes(32), (), 1),
        secret(0, "centre"),
    )
    assert "西厂" in plant.page(source), "which has not sent anything"


def test_while_nothing_comes_it_says_so_and_calls_nobody_silent(plant: Plant) -> None:
    source = plant.source()
    plant.seal()
    plant.now_ms += IDLE_MS
    assert "is dianjian subscribe running?" not in plant.page(source)
    plant.now_ms += 1
    page = plant.page(source)
    assert "nothing has come into the store since 2026-01-01 20:00" in page
    assert 'class="state well"' in page


def test_what_cannot_be_read_is_told_above_what_was_seen_last(plant: Plant) -> None:
    source = plant.source()
    plant.seal()
    assert "cannot be read" not in plant.page(source)
    kept = (plant.folder / "centre.db").read_bytes()
    (plant.folder / "centre.db").write_bytes(b"not a database, but longer than its head" * 30)
    for file in plant.folder.glob("centre.db-*"):
        file.unlink()
    (plant.folder / "register").write_text("{\n")
    (plant.folder / "positions.csv").unlink()
    page = plant.page(source)
    assert "the store cannot be read (" in page
    assert "the register cannot be read" in page
    assert "the positions cannot be read" in page
    assert 'class="state well"' in page
    assert "东厂" in page
    (plant.folder / "centre.db").write_bytes(kept)
    assert "the store cannot be read" not in plant.page(source)


def test_clues_that_are_not_closed_stand_on_the_page_and_a_forged_ledger_is_told(plant: Plant) -> None:
    source, orders = plant.source("clues.jsonl"), plant.folder / "orders.jsonl"
    orders.write_text(root_line(keys.public(made.ROOT)) + statement_line(ledgers.WANG_CERTIFICATE))
    writer = ledgers.Writer()
    writer.course("c1")
    writer.step("c2", Stage.SCREENING, ledgers.OPENING)
    writer.step("c2", Stage.VERIFYING, {})
    lines = [json.dumps({"step": raw.hex()}) + "\n" for raw in writer.raws]
    (plant.folder / "clues.jsonl").write_text("".join(lines))
    page = plant.page(source)
    assert "Clues that are not closed" in page
    assert "c2 · verifying · off" in page
    assert "c1 ·" not in page, "it is closed"
    (plant.folder / "clues.jsonl").write_text("".join(lines[1:]))
    page = plant.page(source)
    assert "the ledger of clues cannot be read" in page
    assert "c2 · verifying" in page, "as it was"


def test_the_office_is_read_for_the_ends_of_certificates_and_a_missing_one_is_told(plant: Plant) -> None:
    office = WatchedFile(plant.folder / LEDGER_NAME, read_papers)
    assert office.look() == {}
    assert "No such file" in office.wrong
    (plant.folder / LEDGER_NAME).touch(0o600)
    assert office.look() == {}
    assert office.wrong == ""


@contextmanager
def served(server: Server) -> Iterator[HTTPConnection]:
    listening = server.listen("127.0.0.1", 0)
    thread = threading.Thread(target=listening.serve)
    thread.start()
    browser = HTTPConnection("127.0.0.1", listening.address[1], timeout=WAIT_S)
    try:
        yield browser
    finally:
        browser.close()
        listening.close()
        thread.join()


def ask(browser: HTTPConnection, headers: Mapping[str, str], path: str = "/") -> int:
    browser.request("GET", path, headers=dict(headers))
    answer = browser.getresponse()
    answer.read()
    return answer.status


def test_a_proxy_is_believed_for_its_user_and_not_for_its_header(plant: Plant) -> None:
    build, token = plant.source().build, Token()
    mine = Server(build, POLICY, token=token, vouches=_vouch("X-Remote-User", getpass.getuser()))
    with served(mine) as browser:
        assert ask(browser, {}) == 403
        assert ask(browser, {"X-Remote-User": " "}) == 403
        assert ask(browser, {"x-remote-user": "wang"}) == 200
        assert ask(browser, {}, f"/?token={token.text}") == 200
    with served(Server(build, POLICY, token=token, vouches=_vouch("X-Remote-User", "nobody"))) as browser:
        assert ask(browser, {"X-Remote-User": "wang"}) == 403


def test_the_verb_serves_it_beside_a_subscriber_and_writes_nothing(plant: Plant) -> None:
    plant.seal()
    before = {file.name: file.read_bytes() for file in plant.folder.iterdir()}
    command = [
        *(sys.executable, "-m", "provisioning.cli", "centre", "web", "--listen", "127.0.0.1:0"),
        *("--store", plant.folder / "centre.db", "--register", plant.folder / "register"),
    ]
    with (
        closing(SqliteStore(plant.folder / "centre.db")),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout
        assert process.stderr
        try:
            address = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", process.stdout.readline())
            assert address, process.stderr.read()
            token = re.search(r"\?token=(\S+)", process.stderr.readline())
            assert token
            browser = HTTPConnection("127.0.0.1", int(address[1]), timeout=WAIT_S)
            browser.request("GET", "/")
            answer = browser.getresponse()
            assert (answer.status, answer.read()) == (403, STRANGERS)
            assert ask(browser, {}, f"/?token={token[1]}&lang=en") == 200
            assert ask(browser, {}, "/metrics") == 403
            assert ask(browser, {}, f"/metrics?token={token[1]}") == 200
            browser.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S)
    assert process.returncode == 0
    after = {file.name: file.read_bytes() for file in plant.folder.iterdir()}
    assert {name: raw for name, raw in after.items() if name in before} == before


def test_drift_and_keys_that_end_are_on_the_page_and_a_wrong_ledger_hides_neither(plant: Plant) -> None:
    plant.seal()
    source = plant.source()
    source.keys = WatchedFile(plant.folder / "orders.jsonl", read_keys)
    asked: list[bool] = []

    def read_sent() -> Mapping[str, tuple[str, str]]:
        asked.append(True)
        if len(asked) == 2:
            raise LedgerError("is wrong")
        return {GATEWAY: ("c-7", "bb" * 32)}

    source.read_sent = read_sent
    until = {"from_utc_ms": 0, "until_utc_ms": plant.now_ms}
    ending = statement_line(made.certificate("verifier 1", made.VERIFIER, Role.RECEIPT, **until))
    (plant.folder / "orders.jsonl").write_text(root_line(keys.public(made.ROOT)) + ending)
    page = plant.page(source)
    assert "the receipt key “verifier 1” ends at" in page
    source.watcher.gateways[GATEWAY].site_hash = "aa" * 32
    assert "its site file was changed there since c-7" in plant.page(source)
    plant.now_ms += round(SENT_S * 1_000)
    assert "its site file was changed there since c-7" in plant.page(source), "as it was"
    assert len(asked) == 2
    (plant.folder / "orders.jsonl").write_text("{}\n")
    assert "the ledger of orders cannot be read" in plant.page(source)
