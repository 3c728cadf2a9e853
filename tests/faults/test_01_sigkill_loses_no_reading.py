"""A real agent is killed again and again while it reads: each answer is in its chain, once, in order.

Every answer carries the number of its request, so that the chain can be compared with what the meters said.
Only the poll that is under way on a bus at that moment may be lost: the last answers on its connection.
"""

import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field

from agent.sealing.opening import open_chain
from agent.site.file import load_site
from agent.spool.place import spool_path
from agent.store.gateway import read_seals
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import open_body, peek_header

METERS: Final = 30
BUSES: Final = 2
KILLS: Final = 3
MANY_KILLS: Final = 40
KILLERS: Final = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
"""What the memory's guard and the watchdog of the supervisor send, and what a crash of a library does."""
END_S: Final = 180.0
"""A start takes a second of the processor, of which a busy machine may give a hundredth part."""

SITE: Final = """
[site]
gateway = "g1"
[store]
path = "state"
[seal]
interval_s = {interval_s}
heartbeat_s = 1
[broker]
url = "mqtt://127.0.0.1:9"
centre_key = "{centre_key}"
[[bus]]
id = "b1"
url = "tcp://127.0.0.1:{port}"
[[bus]]
id = "b2"
url = "tcp://127.0.0.1:{port}"
"""
METER: Final = """
[[meter]]
id = "m{n}"
bus = "b{bus}"
unit_id = {n}
model = "eastron-sdm630"
fast_s = 0.5
slow_s = 0.5
line = "p1"
"""
LINE: Final = """
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
"""


@define
class Meters:
    """Answers every read with the number of the request as a float in each point.

    Attributes:
        said: The numbers of the answers by connection, in their order.
    """

    listener: socket.socket
    said: list[list[int]] = field(factory=list)
    _number: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link: socket.socket) -> None:
        said: list[int] = []
        self.said.append(said)
        with link, suppress(OSError, struct.error):
            while True:
                head, unit, function, _, count = struct.unpack(">4s2xBBHH", link.recv(12, socket.MSG_WAITALL))
                with self._lock:
                    self._number += 1
                    number = self._number
                words = (struct.pack(">f", number) * 63)[: 2 * count]
                answer = struct.pack(">BBB", unit, function, len(words)) + words
                link.sendall(head + struct.pack(">H", len(answer)) + answer)
                said.append(number)


@contextmanager
def meters() -> Iterator[Meters]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = Meters(listener)
        threading.Thread(target=one.serve, daemon=True).start()
        yield one


def site_of(folder: Path, port: int, interval_s: float) -> Path:
    text = SITE.format(port=port, interval_s=interval_s, centre_key="11" * 32) + LINE
    text += "".join(METER.format(n=n, bus=1 + n % 2) for n in range(1, METERS + 1))
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


@contextmanager
def started(site: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The agent; it is over at the end, whatever the test has found."""
    with (site.parent / "agent.log").open("ab") as log:
        call = [sys.executable, "-m", "agent.main", "run", "--config", str(site)]
        process = subprocess.Popen(call, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_said(meters: Meters, count: int) -> None:
    """Wait until the meters have given so many more answers."""
    wanted = sum(map(len, meters.said)) + count
    deadline_s = time.monotonic() + END_S
    while sum(map(len, meters.said)) < wanted:
        assert time.monotonic() < deadline_s, "the agent does not read"
        time.sleep(0.01)


def killed_lives(folder: Path, kills: int, interval_s: float, seed: int) -> tuple[Meters, Path]:
    """An agent that is killed so often at moments that nobody chose, and then ends in order."""
    rng = random.Random(seed)
    with meters() as served:
        site = site_of(folder, served.listener.getsockname()[1], interval_s)
        for kill in range(kills):
            with started(site) as process:
                until_said(served, rng.randrange(1, 90))
                time.sleep(rng.random() * 0.05)
                process.send_signal(KILLERS[kill % len(KILLERS)])
                process.wait(END_S)
        with started(site) as process:
            until_said(served, 40)
            process.terminate()
            assert process.wait(END_S) == 0, (folder / "agent.log").read_text("utf-8")[-2000:]
    return served, site


def records_of(site: Path) -> list[Record | ReadingRecord]:
    return [
        decode_record(raw)
        for seal in read_seals(site.parent / "state/chain.db")
        for raw in open_body(peek_header(seal.cose), seal.body or b"")
    ]


def numbers_of(records: list[Record | ReadingRecord]) -> list[list[int]]:
    """The numbers in each good reading, in the order of the chain."""
    return [
        [round(struct.unpack(">f", block.words[:4])[0]) for block in record.blocks]
        for record in records
        if isinstance(record, ReadingRecord) and record.blocks
    ]


def judged(served: Meters, site: Path, lives: int) -> None:
    records = records_of(site)
    readings = numbers_of(records)
    taken = [number for reading in readings for number in reading]
    assert len(taken) == len(set(taken)), "an answer stands twice in the chain"
    reads_max = max(map(len, readings))
    for said in served.said:
        lost = [number for number in said if number not in set(taken)]
        assert lost == said[len(said) - len(lost) :], "an answer is gone, and a later one is there"
        assert len(lost) <= reads_max, "more than the poll under way is gone"
        own = [number for number in taken if number in set(said)]
        assert own == sorted(own), "the order is another"
    for bus in range(BUSES):
        own_ms = [
            one.boottime_ms
            for one in records
            if isinstance(one, ReadingRecord) and int(one.meter[1:]) % BUSES == bus
        ]
        assert own_ms == sorted(own_ms), "a later reading of a bus stands before an earlier one"
    told = [one.body for one in records if isinstance(one, Record) and one.kind is Kind.EVENT]
    assert any(body["what"] == "taken up" for body in told)
    boots = [one for one in records if isinstance(one, Record) and one.kind is Kind.BOOT]
    assert len(boots) == lives
    _, store, _, recovery = open_chain(load_site(site))
    store.close()
    assert recovery.start.value == "clean"
    assert not spool_path(site.parent / "state").exists(), "an orderly end leaves nothing waiting"


@pytest.mark.e2e
def test_01_each_answer_is_in_the_chain_once_and_in_order_whatever_kills_the_agent(tmp_path: Path) -> None:
    judged(*killed_lives(tmp_path, KILLS, 10, 1), lives=KILLS + 1)


@pytest.mark.minutes
@pytest.mark.parametrize("interval_s", [1, 10])
def test_01_many_kills_in_a_row_lose_nothing(interval_s: int, tmp_path: Path) -> None:
    judged(*killed_lives(tmp_path, MANY_KILLS, interval_s, interval_s), lives=MANY_KILLS + 1)
