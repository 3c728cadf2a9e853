"""The table of `make bench` does not flatter: its arithmetic, its parsers, who is absent, what failed."""

import argparse
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.sealing.sealer import Sealer
from drivers.clock import SystemClock
from drivers.link.verdict import Framing, Request, Words
from drivers.modbus.frame import parse
from drivers.poll.bus import open_bus
from evidence.chain import ChainState
from tests.bench.loads import readings
from tests.bench.peers import __main__ as bench
from tests.bench.peers import disk, document, install, journal, rows, slave, spoiler, tap, wire
from tests.bench.peers.subjects import Ours
from tests.bench.peers.table import Row, at_least, at_most, cell, counts, lines
from tests.evidence.chains import GATEWAY, MemorySlots, MemoryStore, stamp
from wire import messages as uplink

BOTH = Row("rate", "rate", (at_least(1.2, "node-red"), at_least(2.0, "modpoll")))
MOST = Row("bytes", "bytes", (at_most(4.0),), 2)


@pytest.mark.parametrize(
    ("row", "figures", "said"),
    [
        (BOTH, {"ours": [120.0], "node-red": [100.0], "modpoll": [60.0]}, True),
        (BOTH, {"ours": [119.9], "node-red": [100.0], "modpoll": [10.0]}, False),
        (BOTH, {"ours": [120.0], "node-red": [100.0], "modpoll": [60.1]}, False),
        (BOTH, {"ours": [120.0], "node-red": [100.0]}, None),
        (BOTH, {"ours": [110.0], "node-red": [100.0]}, False),
        (BOTH, {"node-red": [100.0], "modpoll": [1.0]}, None),
        (BOTH, {"ours": [1.0, 130.0, 500.0], "node-red": [100.0], "modpoll": [65.0, 65.0, 900.0]}, True),
        (MOST, {"ours": [4.0]}, True),
        (MOST, {"ours": [4.001]}, False),
        (MOST, {}, None),
        (Row("x", "no target"), {"ours": [1.0]}, None),
    ],
)
def test_every_bound_must_hold_and_what_is_not_there_judges_nothing(
    row: Row, figures: dict[str, list[float]], said: bool | None
) -> None:
    assert row.judged(figures) is said


def test_a_cell_shows_the_median_and_the_spread() -> None:
    assert cell([3.0, 1.0, 20.0], 1) == "3.0 (1.0–20.0)"
    assert cell([12345.6], 0) == "12,346"
    assert cell([], 0) == cell(None, 0) == "–"
    assert cell([0.004, 0.0041], 2) == "0.00"


def test_the_table_names_target_verdict_and_who_is_absent() -> None:
    results = {"rate": {"ours": [120.0], "modpoll": [90.0]}, "bytes": {"ours": [3.0]}}
    told = lines([BOTH, MOST], results, {"node-red": "npm ended with 1"})
    assert told[0] == "| what | target | ours | modpoll | Node-RED |  |"
    assert told[2] == "| rate | ≥ 1.2 × Node-RED and ≥ 2 × modpoll | 120 | 90 | absent | **missed** |"
    assert told[3] == "| bytes | ≤ 4 | 3.00 | – | absent | met |"
    assert counts([BOTH, MOST], results) == (1, 1, 0)


def test_the_document_tells_of_a_run_in_which_nearly_everything_failed(tmp_path: Path) -> None:
    found = journal.Journal(tmp_path / "run.json", facts={"machine": "a small one"})
    found.absent["thingsboard"] = "pip ended with 1: no network"
    found.fails("second/ours/0", "SubjectError: 0 polls in 40 s")
    found.took("second/modpoll/0", {"modpoll": {"cpu_s_per_1000": 0.04}})
    found.took("parts/bench_bus", "tcp: own 35 us\n")
    told = document.text(journal.load(found.path))
    for words in (
        "machine: a small one",
        "thingsboard-gateway: absent: pip ended with 1: no network",
        "Targets: 0 met, 0 missed",
        "second/ours/0: SubjectError",
        "| ≤ 0.5 × modpoll | 0.0400 | absent | not judged |",
        "tcp: own 35 us",
    ):
        assert words in told


@pytest.mark.parametrize(("load", "busy"), [("0.12", False), ("0.50", True), ("4.71", True)])
def test_a_busy_machine_is_told(tmp_path: Path, load: str, busy: bool) -> None:
    found = journal.Journal(tmp_path / "run.json", facts={"load before": load})
    assert ("The machine was busy" in document.text(found)) is busy


def test_a_row_has_a_key_of_its_own() -> None:
    keys = [row.key for row in (*rows.MAIN, *rows.LINE)]
    assert len(set(keys)) == len(keys)


def test_a_run_goes_on_where_it_was_ended_and_a_step_that_failed_is_tried_again(tmp_path: Path) -> None:
    path, calls = tmp_path / "run.json", list[str]()

    def step(name: str, *, fails: bool = False) -> bench.Step:
        def measure() -> dict[str, dict[str, float]]:
            calls.append(name)
            if fails:
                raise RuntimeError("the slave has gone")
            return {"ours": {"rate": float(len(calls))}}

        return bench.Step(name, measure)

    found = journal.Journal(path)
    bench.walk(found, [step("fastest/ours/0"), step("fastest/ours/1", fails=True), step("dead/all")])
    assert found.failed == {"fastest/ours/1": "RuntimeError: the slave has gone"}
    again = journal.load(path)
    bench.walk(again, [step("fastest/ours/0"), step("fastest/ours/1"), step("dead/all")])
    assert calls == ["fastest/ours/0", "fastest/ours/1", "dead/all", "fastest/ours/1"]
    assert again.results == {"rate": {"ours": [1.0, 3.0, 4.0]}}
    assert not again.failed


@pytest.mark.parametrize("text", ["", "{", "[]", '{"unknown": 1}'])
def test_a_journal_that_cannot_be_read_is_a_new_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, "utf-8")
    assert journal.load(path) == journal.Journal(path)


def test_a_peer_that_cannot_be_installed_is_named_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Missing:
        def __init__(self) -> None:
            install._run(["/nowhere/npm", "ci"])

    monkeypatch.setattr(bench, "SUBJECTS", (Missing, Ours))
    monkeypatch.setattr(bench, "NAMES", {Missing: "node-red", Ours: "ours"})
    found = journal.Journal(tmp_path / "run.json")
    assert [name for name, _ in bench._subjects(found)] == ["ours"]
    assert "npm" in found.absent["node-red"]
    with pytest.raises(install.AbsentError, match="ended with 3: no such package"):
        install._run(["sh", "-c", "echo no such package >&2; exit 3"])


def test_of_measurements_side_by_side_one_that_fails_leaves_the_others() -> None:
    def fail() -> dict[str, float]:
        raise OSError("no pty")

    calls: dict[tuple[str, str], Any] = {
        ("ours", "tcp"): lambda: {"dead_tcp": 1.0},
        ("ours", "rtu"): fail,
        ("modpoll", "tcp"): lambda: {"dead_tcp": 0.3},
    }
    assert bench.side_by_side(calls) == {"ours": {"dead_tcp": 1.0}, "modpoll": {"dead_tcp": 0.3}}


def test_the_bytes_of_bench_disk_are_found_in_what_it_prints() -> None:
    told = """\
1 reading a second, sealed every second: 1 records a seal, a seal in 1 s
       21463 bytes a record, 1073.2 a value
20 readings a second, sealed every 10 s: 200 records a seal, a seal in 10 s
       68768 bytes a seal: WAL 30%, database 19%, slots 12%, journal 18%, WAL index 18%, inodes 4%
         344 bytes a record, 17.2 a value
          28 to 55 years of an 8 GB eMMC
20 readings a second, sealed every second: 20 records a seal, a seal in 1 s
       26375 bytes a seal: WAL 38%, database 9%, slots 31%, journal 13%, WAL index 8%, inodes 2%
        1319 bytes a record, 65.9 a value
"""
    assert disk.parsed(told) == {"disk_10s": 17.2, "disk_10s_own": 10.5, "disk_1s": 65.9, "disk_1s_own": 51.4}
    with pytest.raises(RuntimeError, match="bench_disk"):
        disk.parsed("not measured: needs root")


def test_the_observer_counts_each_poll_once_whatever_comes_twice() -> None:
    seen = tap.Seen()
    batch = json.dumps({"m1": [{"ts": 1, "values": {}}, {"ts": 2, "values": {}}], "m2": [{"ts": 1}]}).encode()
    for topic, payload in (("modpoll/m1", b"{1}"), ("nr/m2", b"{2}"), (tap.TELEMETRY, batch)):
        for _ in range(2):
            seen.take(topic, payload, 5.0)
    assert (seen.packets, seen.polls) == (6, 5)
    assert dict(seen.by_meter) == {"m1": 3, "m2": 2}
    assert "_known" not in seen.told()


def test_the_observer_opens_our_seals_and_bodies_that_come_later() -> None:
    sealer = Sealer(GATEWAY, MemorySlots(), MemoryStore())
    ChainState.enrolled(GATEWAY, sealer.recover().next_key)
    live, late = (sealer.seal(readings(2, 3, at), stamp(at + 3)) for at in (0, 3))
    assert live.body is not None
    assert late.body is not None
    topics, seen = uplink.Topics(GATEWAY), tap.Seen()
    seen.take(topics.seal, uplink.encode_seal(live.cose, live.body), 1.0)
    seen.take(topics.chain, uplink.encode_chain([late.cose]), 2.0)
    assert dict(seen.by_meter) == {"m01": 3, "m02": 3}
    for _ in range(2):
        seen.take(topics.body, uplink.encode_body(late.number, late.body), 3.0)
    assert (seen.polls, seen.first_poll_s) == (12, 1.0)


def test_a_publish_has_a_head_of_its_length() -> None:
    assert [tap.publish_bytes("a", payload) for payload in (0, 121, 122)] == [8, 129, 131]


@pytest.mark.parametrize("payload", [0, 1, 100, 16_000, 60_000])
def test_a_publish_is_as_long_as_our_own_uplink_says(payload: int) -> None:
    topic = "dj/1/bench-1/seal"
    most = uplink.packet_bytes(topic, payload)  # with the longest head that there is
    assert most - 3 <= tap.publish_bytes(topic, payload) <= most


def test_a_line_s_answers_are_right_and_its_faults_are_not() -> None:
    asked = (3, 4, 16, 4)
    request, right = Request(*asked), wire.reply(*asked)
    verdict = parse(Framing.RTU, right, request)
    assert isinstance(verdict, Words)
    assert verdict.words == bytes((3, 16, 3, 17, 3, 18, 3, 19))
    rng = random.Random(1)
    for fault in ("foreign", "short", "long", "noise", "broken"):
        came, _ = wire.spoiled(fault, asked, rng)
        assert came != right, fault
    assert wire.spoiled("late", asked, rng)[1] > 0
    assert wire.spoiled("twice", asked, rng) == (2 * right, 0.0)
    for fault in ("foreign", "short", "long", "old id"):
        assert spoiler.spoiled(fault, 9, asked) != spoiler.reply(9, *asked), fault


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_fast_slave_answers_our_bus_counts_what_it_does_and_leaves_the_dead_silent(
    tmp_path: Path,
) -> None:
    with slave.slave(slave.build(tmp_path), units=3, dead=2) as here:
        bus = open_bus(f"tcp://127.0.0.1:{here.port}", SystemClock())
        words = [bus.read(unit, 4, 0, slave.REGISTERS, timeout_s=5.0).words for unit in (1, 3)]
        with pytest.raises(Exception, match="no answer"):
            bus.read(2, 4, 0, slave.REGISTERS, timeout_s=0.05)
        bus.close()
        seen = here.counts()
    assert [len(one) for one in words] == [80, 80]
    assert words[0] != words[1]
    assert (seen.requests, seen.answers, seen.connections) == (3, 2, 1)
    assert seen.unit_requests[1:4] == (1, 1, 1)
    assert seen.unit_answers[1:4] == (1, 0, 1)
    assert (seen.bytes_in, seen.bytes_out) == (3 * 12, 2 * 89)


def test_the_options_are_those_of_the_words() -> None:
    call = bench._parser().parse_args(["--quick", "--only", "rtu", "dead"])
    assert call == argparse.Namespace(
        quick=True, resume=False, write=False, table=False, only=["rtu", "dead"]
    )
