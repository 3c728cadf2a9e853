"""An order to diagnose is carried out once, within its limits, and whatever else comes of it is told."""

import io
import json
import logging
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bus_loop import BusLoop
from agent.care.diagnosing import RUNS_MAX, RUNS_S, WAIT_S, Diagnosing
from agent.care.gathering import DIAGNOSES_NAME, KEPT_MAX, SESSION_BYTES_MAX, Facts, Gathering, keep_file
from agent.host.log import KEPT_BYTES_MAX, KeptLog
from agent.site.setups import setups_of
from agent.status.bus_desk import Desk
from agent.uplink.files import FilesOut
from drivers.clock import ClockState, SystemClock
from drivers.link.transaction import Answer, BusStats
from drivers.poll.replay import replay
from evidence.cbor import FormatError
from evidence.orders.diagnosis import BUNDLE, BUS, DOCTOR, LOG, Diagnosis, decode_diagnosis
from evidence.record import Kind, Record
from tests.agent.care.lives import Life
from tests.agent.rig import SITE
from tests.evidence.orders import made
from wire import orders as wire
from wire.mqtt_events import Message
from wire.platforms.credentials import Credentials, write_credentials

SECRET = "correct-horse-battery"  # noqa: S105
SM4_KEY = bytes(range(0x90, 0xA0))


def diagnosing(life: Life) -> Diagnosing:
    return next(one for one in life.rig.gateway.sources if isinstance(one, Diagnosing))


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Files are made at once, without a thread."""
    life = Life(tmp_path)
    diagnosing(life).gathering.run = lambda work: work()
    life.live(5)
    yield life
    life.rig.close()


def ask(life: Life, body: Any, seq: int = 1, **changes: Any) -> None:
    raw = made.message(
        **{"id": f"d{seq}", "seq": seq, "kind": "diagnose", "body": body, "due_utc_ms": None, **changes}
    )
    hand(life, raw, f"d{seq}")


def hand(life: Life, raw: bytes, name: str = "d1") -> None:
    life.rig.gateway.mqtt(
        Message(wire.order_topic("g1", name), raw, True), life.rig.stamp(), life.rig.passed_s
    )
    life.live(3)


def answers(life: Life) -> list[dict[str, Any]]:
    records = [one for one in life.rig.records() if isinstance(one, Record) and one.kind is Kind.ANSWER]
    return [dict(one.body) for one in records if one.body["state"] != "received"]


def made_file(life: Life) -> bytes:
    """The file of the last answer."""
    (file,) = answers(life)[-1]["files"]
    raw = (life.rig.folder / "state" / DIAGNOSES_NAME / file["sha256"]).read_bytes()
    assert len(raw) == file["size"]
    return raw


def test_the_doctor_s_facts_are_a_file_beside_the_chain_that_the_centre_may_fetch(life: Life) -> None:
    ask(life, {"what": "doctor"})
    assert life.told() == ["accepted d1", "done d1"]
    facts = json.loads(made_file(life))
    assert (facts["dianjian_diagnosis"], facts["gateway"], facts["order"]) == (1, "g1", "d1")
    assert facts["site"] == SITE
    assert [one["meter"] for one in facts["status"]["meters"]] == ["mp", "mt"]
    assert facts["disk"]["quota"] > facts["disk"]["database"] > 0
    assert "journal" in facts["unseen"]
    file = answers(life)[-1]["files"][0]
    sender = FilesOut(life.rig.folder / "state/files", "g1", b"", life.rig.folder / "state" / DIAGNOSES_NAME)
    assert sender._read(bytes.fromhex(file["sha256"]), 0, 100).length == file["size"]


def test_a_bundle_has_the_names_of_files_and_nothing_secret(life: Life) -> None:
    state = life.rig.folder / "state"
    (state / "page.password").write_text(SECRET)
    write_credentials(state / "city.secret", Credentials("246810", (SM4_KEY,)))
    diagnosing(life).gathering.log = lambda _: [
        f"INFO somebody typed {SECRET} and {SM4_KEY.hex()}",
        "INFO mqtts://user:pass9@host",
    ]
    for seq, what in enumerate(("bundle", "doctor", "log"), 1):
        ask(life, {"what": what, **({"hours": 2} if what == "log" else {})}, seq)
    with zipfile.ZipFile(
        io.BytesIO((state / DIAGNOSES_NAME / answers(life)[1]["files"][0]["sha256"]).read_bytes())
    ) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {one.removeprefix("dianjian/") for one in texts} == {
        "chain.json",
        "doctor.json",
        "files.json",
        "log.txt",
    }
    assert "page.password" in texts["dianjian/files.json"]
    whole = "".join(texts.values()) + "".join(
        one.read_text("latin-1") for one in (state / DIAGNOSES_NAME).iterdir()
    )
    keys = [slot.secret.hex() for slot in life.rig.gateway.sealing.sealer._slots.load() if slot.secret]  # type: ignore[union-attr]
    assert keys
    assert not [one for one in (SECRET, SM4_KEY.hex(), "pass9", *keys) if one in whole]
    assert life.told()[-1] == "done d3"


def test_the_log_is_that_of_the_last_hours_and_bounded() -> None:
    kept, log = KeptLog(), logging.getLogger("dianjian.test_kept")
    log.addHandler(kept)
    try:
        for number in range(3_000):
            log.warning("line %d of a hundred characters, more or less %s\nforged", number, "x" * 60)
        assert not kept.read(-1.0)
        lines = kept.read(1.0)
    finally:
        log.removeHandler(kept)
    assert lines[-1].endswith(r"x\nforged")
    assert "line 2999 " in lines[-1]
    assert KEPT_BYTES_MAX - 1_000 < sum(map(len, lines)) <= KEPT_BYTES_MAX


class Answering:
    """A bus whose meters all answer zeros."""

    url, gap_registers_max = "tcp://127.0.0.1", 31

    def __init__(self) -> None:
        self.stats = BusStats()

    def read(self, _unit: int, _function: int, _address: int, count: int, **_: Any) -> Answer:
        self.stats.requests += 1
        return Answer(bytes(2 * count), 0.01)

    def close(self) -> None:
        pass


def test_a_session_is_what_the_bus_is_polled_with_while_it_lasts_and_can_be_replayed(life: Life) -> None:
    desk, site = Desk(), life.rig.parts.site
    loop = BusLoop(Answering(), setups_of(site).values(), SystemClock(), lambda _: None, desk=desk)
    gathering = diagnosing(life).gathering
    gathering.desks = {"b1": ("tcp://127.0.0.1", 31, desk)}
    loop.turn()

    class Turning(threading.Event):
        """The minute of the session: the bus is polled meanwhile."""

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout == pytest.approx(7)
            return bool([loop.turn() for _ in range(4)])

    gathering._ended = Turning()
    ask(life, {"what": "bus", "bus": "b1", "seconds": 7})
    assert life.told()[-1] == "done d1"
    assert desk.recorder is None
    raw = made_file(life)
    loop.turn()
    lines = raw.decode().splitlines()
    assert len(lines) > 2
    assert json.loads(lines[0])["dianjian_record"] == 1
    read = json.loads(lines[1])
    again = replay(lines, "session").read(
        read["unit"], read["function"], read["address"], read["count"], timeout_s=1
    )
    assert again.words.hex() == read["words"]


def test_a_session_of_a_bus_that_answers_faster_than_any_is_cut(tmp_path: Path, life: Life) -> None:
    desk = Desk()

    class Flood(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            del timeout
            assert desk.recorder is not None
            for _ in range(SESSION_BYTES_MAX // 1_000 + 100):
                desk.recorder._write("x" * 999 + "\n")
            return True

    gathering = Gathering(
        life.rig.parts.site, desks={"b1": ("tcp://127.0.0.1", 31, desk)}, run=lambda work: work()
    )
    gathering._ended = Flood()
    gathering.begin(Diagnosis(BUS, bus="b1"), Facts("d", "", "", {}))
    went = gathering.take()
    assert not isinstance(went, str)
    assert went is not None
    assert SESSION_BYTES_MAX - 1_000 <= went.size <= SESSION_BYTES_MAX
    del tmp_path


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "a diagnose order asks for one of bundle, bus, doctor, log"),
        ({"what": "shell", "command": "id"}, "a diagnose order asks for one of bundle, bus, doctor, log"),
        ({"what": "doctor", "command": "id"}, "a diagnose order for doctor has exactly what"),
        ({"what": "log", "hours": 0}, "hours is not a number from 1 to 168"),
        ({"what": "log", "hours": True}, "hours is not a number from 1 to 168"),
        ({"what": "bus", "bus": "b1", "seconds": 61}, "seconds is not a number from 5 to 60"),
        ({"what": "bus", "bus": "b9", "seconds": 60}, "bus b9 cannot be recorded"),
        ({"what": "bus", "bus": "../x", "seconds": 60}, "bus ../x cannot be recorded"),
    ],
)
def test_whatever_is_none_of_the_four_looks_is_refused_with_the_reason(
    life: Life, body: Any, why: str
) -> None:
    ask(life, body)
    assert (life.told(), life.why()) == (["objected d1"], why)
    assert not (life.rig.folder / "state" / DIAGNOSES_NAME).exists()


def test_a_drill_looks_at_nothing(life: Life) -> None:
    ask(life, {"what": "doctor"}, test=True)
    assert (life.told(), life.why()) == (["objected d1"], "a drill: nothing is looked at")


def test_forged_foreign_stale_and_expired_orders_are_told_and_looked_at_by_nobody(life: Life) -> None:
    body = {"what": "doctor"}
    good = {"id": "d1", "kind": "diagnose", "body": body, "due_utc_ms": None}
    raw = made.message(**good)
    hand(life, raw.replace(b"doctor", b"bundle"))
    hand(life, made.message(bytes(range(1, 33)), **good))
    hand(life, made.message(gateway="g2", **good))
    hand(
        life,
        made.message(
            seq=7, expires_utc_ms=made.NOW_MS - 9_999, effective_utc_ms=made.NOW_MS - 10_000, **good
        ),
    )
    assert life.told() == []
    refused = [
        one.body["reason"] for one in life.rig.records()
        if isinstance(one, Record) and one.kind is Kind.ORDER and one.body.get("state") == "refused"
    ]  # fmt: skip
    assert len(refused) == 4
    assert not (life.rig.folder / "state" / DIAGNOSES_NAME).exists()
    hand(life, raw)
    hand(life, raw)
    assert life.told() == ["accepted d1", "done d1"], "a replay does nothing again"


def test_more_than_six_in_an_hour_are_refused_and_later_ones_taken_again(life: Life) -> None:
    for seq in range(1, RUNS_MAX + 2):
        ask(life, {"what": "log", "hours": 1}, seq)
    assert life.told()[-1] == f"objected d{RUNS_MAX + 1}"
    assert life.why() == "6 were begun within an hour"
    life.rig.run(RUNS_S, 40_000, 9_000, 30.0)
    ask(life, {"what": "log", "hours": 1}, RUNS_MAX + 2, expires_utc_ms=made.NOW_MS + 9_000_000)
    assert life.told()[-1] == f"done d{RUNS_MAX + 2}"
    assert len(list((life.rig.folder / "state" / DIAGNOSES_NAME).iterdir())) <= KEPT_MAX


def test_one_waits_for_the_other_and_a_cancelled_one_is_never_begun(life: Life) -> None:
    work: list[Any] = []
    diagnosing(life).gathering.run = work.append
    ask(life, {"what": "doctor"}, 1)
    ask(life, {"what": "log", "hours": 1}, 2)
    ask(life, {"what": "bundle"}, 3)
    assert life.told() == ["accepted d1"]
    hand(life, made.message(id="x", seq=4, kind="cancel", body={"order": "d2"}, due_utc_ms=None), "x")
    for _ in range(2):
        work.pop()()
        life.live(4)
    assert life.told() == ["accepted d1", "done d1", "accepted d3", "done d3"]


def test_what_a_kill_or_a_power_cut_met_is_told_as_failed_and_never_begun_again(life: Life) -> None:
    work: list[Any] = []
    diagnosing(life).gathering.run = work.append
    ask(life, {"what": "doctor"})
    life.restart()
    diagnosing(life).gathering.run = work.append
    life.live(5)
    assert life.told() == ["accepted d1", "objected d1"]
    assert life.why() == "the agent was started anew before it was done"
    life.restart()
    life.live(5)
    assert (life.told(), len(work)) == (["accepted d1", "objected d1"], 1)


def test_one_that_does_not_end_is_told_and_what_comes_of_it_later_counts_for_nothing(life: Life) -> None:
    work: list[Any] = []
    diagnosing(life).gathering.run = work.append
    ask(life, {"what": "doctor"})
    life.live(WAIT_S + 2)
    assert life.why() == "it was not done within 300 s"
    ask(life, {"what": "doctor"}, 2)
    assert life.why() == "an earlier one still hangs"
    work.pop()()
    life.live(3)
    ask(life, {"what": "log", "hours": 1}, 3)
    work.pop()()
    life.live(3)
    assert life.told() == ["accepted d1", "objected d1", "objected d2", "accepted d3", "done d3"]


def test_a_disk_that_takes_no_file_is_told(life: Life) -> None:
    (life.rig.folder / "state" / DIAGNOSES_NAME).write_text("a file where the folder is to be")
    ask(life, {"what": "doctor"})
    assert life.told()[-1] == "objected d1"
    assert life.why().startswith("doctor.json was not made: ")


def test_only_the_newest_files_stay(tmp_path: Path) -> None:
    for number in range(KEPT_MAX + 3):
        digest = keep_file(tmp_path, b"%d" % number)
        os.utime(tmp_path / DIAGNOSES_NAME / digest, (number, number))
    kept = sorted(one.read_bytes() for one in (tmp_path / DIAGNOSES_NAME).iterdir())
    assert kept == [b"3", b"4", b"5", b"6"]


@pytest.mark.parametrize("later_s", [0, 60])
def test_without_a_set_clock_one_for_now_is_carried_out_and_one_for_later_waits(
    tmp_path: Path, later_s: int
) -> None:
    life = Life(tmp_path)
    diagnosing(life).gathering.run = lambda work: work()
    life.rig.clock_state = ClockState.UNSYNCHRONISED
    life.live(3)
    ask(life, {"what": "doctor"}, effective_utc_ms=made.NOW_MS + later_s * 1_000)
    assert life.told() == ([] if later_s else ["accepted d1", "done d1"])
    life.rig.close()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
                    lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=8))  # fmt: skip
def test_no_body_is_more_than_one_of_the_four_looks(body: Any) -> None:
    try:
        found = decode_diagnosis(body)
    except FormatError:
        return
    assert found.to_body() == body


@pytest.mark.parametrize(
    "one",
    [Diagnosis(DOCTOR), Diagnosis(BUNDLE), Diagnosis(LOG, hours=3), Diagnosis(BUS, bus="b1", seconds=9)],
)
def test_a_body_says_what_it_was_made_from(one: Diagnosis) -> None:
    assert decode_diagnosis(one.to_body()) == one
