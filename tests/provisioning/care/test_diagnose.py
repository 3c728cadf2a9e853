"""An officer asks a gateway for a look at itself, and reads what came at the desk: the whole way."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.care.diagnosing import Diagnosing
from agent.care.gathering import DIAGNOSES_NAME
from agent.uplink.files import FilesOut
from centre.files.collector import Collector
from centre.files.shelf import Shelf
from centre.store.place import find_shelf
from evidence import keys
from provisioning.care.lines import FactsError, list_findings, read_facts
from provisioning.care.session import SessionError, sum_up_session
from provisioning.cli import cli
from tests.centre.orders.test_whole_way import City, now
from tests.evidence.orders import made
from wire.mqtt_events import PACKET_BYTES_MAX

SESSION = "\n".join(
    json.dumps(one)
    for one in (
        {"dianjian_record": 1, "url": "tcp://h", "gap_registers_max": 31, "utc_ns": 1},
        {"at_s": 0.0, "unit": 1, "function": 4, "address": 0, "count": 1, "latency_s": 0.02, "words": "0001"},
        {"at_s": 0.1, "unit": 1, "function": 4, "address": 0, "count": 1, "latency_s": 0.04, "words": "0002"},
        {"at_s": 0.2, "unit": 2, "function": 4, "address": 0, "count": 1, "error": "timeout", "reason": "x"},
    )
).encode()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path)
    city.certify("运维科", made.OFFICER, "--kind", "diagnose")
    (tmp_path / "care.key").write_text(made.OFFICER.hex())
    (tmp_path / "care.key").chmod(0o600)
    city.rig.ahead_s = time.time() - city.rig.passed_s
    (source,) = (one for one in city.rig.gateway.sources if isinstance(one, Diagnosing))
    source.gathering.run = lambda work: work()
    source.gathering.log = lambda hours: [f"line of {hours} h", "\x1b[2Jwipes a screen"]
    yield city
    city.rig.close()
    city.store.close()


def send(city: City, *options: str, code: int = 0) -> Any:
    who = ["--key", city.path("care.key"), "--issuer", "运维科"]
    return city.call("diagnose", "send", *who, *options, "g1", code=code)


def show(city: City, id_: str, *options: str) -> Any:
    call = ["--orders", str(city.ledger), "--store", city.path("centre.db"), "--id", id_, *options, "g1"]
    return CliRunner().invoke(cli, ["centre", "diagnose", "show", *call])


def fetch(city: City) -> None:
    """The gateway carries out what it has; the file comes to the shelf, a piece at a time."""
    for _ in range(4):
        city.rig.run(2, 40_000, 9_000, 1.0)
    city.collect(now(city))
    shelf = Shelf(find_shelf(Path(city.path("centre.db")), Path()))
    collector = Collector(shelf, made.ROOT)
    collector.resume(city.store, ["g1"])
    state = city.rig.folder / "state"
    sender = FilesOut(state / "files", "g1", keys.public(made.ROOT), state / DIAGNOSES_NAME)
    for answer in collector.due(now(city)):
        sender.take(answer.payload)
    at_s = 1e9
    while sender.is_due(at_s):
        piece = sender.next(at_s, PACKET_BYTES_MAX)
        assert piece is not None
        collector.take("g1", piece, now(city))
        sender.on_ack(0, at_s)
        at_s += 2


def test_the_doctor_s_lines_of_a_gateway_are_read_at_the_desk(city: City) -> None:
    send(city, "--id", "q1", "--what", "doctor")
    assert "sent" in show(city, "q1").stdout
    city.publish(now(city))
    assert show(city, "q1").exit_code == 1
    fetch(city)
    ran = show(city, "q1", "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["stage"], told["file"]["found"], told["file"]["name"]) == ("kept", "held", "doctor.json")
    checks = {one["check"]: one for one in told["findings"]}
    assert {"clock", "disk", "broker", "meters", "versions"} <= checks.keys()
    assert "beacon" in checks["broker"]["text"], "no beacon has come"
    person = show(city, "q1").stdout
    assert "g1  q1 rev 1  done" in person
    assert "run dianjian doctor at the gateway" in person
    assert "网关 g1" not in person


def test_a_log_is_shown_line_by_line_and_obeyed_by_no_terminal(city: City) -> None:
    send(city, "--id", "q2", "--what", "log", "--hours", "5")
    city.publish(now(city))
    fetch(city)
    ran = show(city, "q2")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines()[-2:] == ["line of 5 h", r"\x1b[2Jwipes a screen"]


def test_a_bundle_is_saved_and_never_shown(city: City, tmp_path: Path) -> None:
    send(city, "--id", "q3", "--what", "bundle")
    city.publish(now(city))
    fetch(city)
    assert "--save FILE keeps it" in show(city, "q3").stdout
    place = tmp_path / "b.zip"
    assert show(city, "q3", "--save", str(place)).exit_code == 0
    assert place.read_bytes()[:2] == b"PK"
    assert show(city, "q3", "--save", str(place)).exit_code == 2, "nothing is overwritten unasked"


def test_a_file_that_was_edited_at_the_centre_is_not_shown(city: City) -> None:
    send(city, "--id", "q4", "--what", "log", "--hours", "1")
    city.publish(now(city))
    fetch(city)
    (file,) = (Path(city.path("centre.db.files")) / "g1").iterdir()
    file.write_bytes(file.read_bytes() + b"x")
    ran = show(city, "q4")
    assert (ran.exit_code, "not what was sealed" in ran.stdout) == (1, True)
    assert "line of" not in ran.stdout


def test_what_the_gateway_refuses_is_told_at_the_desk(city: City) -> None:
    send(city, "--id", "q5", "--what", "bus", "--bus", "b9")
    city.publish(now(city))
    fetch(city)
    ran = show(city, "q5", "--wait-s", "60")
    assert (ran.exit_code, "REFUSED: bus b9 cannot be recorded" in ran.stdout) == (1, True)


def test_another_call_is_refused(city: City) -> None:
    for options in (["bus"], ["shell"], ["log", "--hours", "0"], ["bus", "--bus", "b1", "--seconds", "61"]):
        send(city, "--id", "a", "--what", *options, code=2)


def test_an_order_that_was_not_sent_is_said_so(city: City) -> None:
    ran = show(city, "none")
    assert (ran.exit_code, "no diagnose order none" in ran.stderr) == (1, True)


def test_a_session_is_summed_up_by_unit() -> None:
    one, two = sum_up_session(SESSION, "bus.jsonl")
    assert (one["unit"], one["reads"], one["answered"], one["median_ms"], one["longest_ms"]) == (
        1,
        2,
        2,
        30,
        40,
    )
    assert (two["answered"], two["errors"], two["median_ms"]) == (0, {"timeout": 1}, None)


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_whatever_a_gateway_sends_is_read_or_refused(raw: bytes) -> None:
    for read, error in ((read_facts, FactsError), (sum_up_session, SessionError)):
        try:
            read(raw, "file")
        except error:
            continue


@pytest.mark.parametrize("site", ["[site", "[site]\nof_a_later_version = 1\n", 7, None])
def test_a_site_file_that_is_masked_or_of_another_version_is_passed_over(site: object) -> None:
    head = {"dianjian_diagnosis": 1, "at": "2026-12-01T00:00:00+00:00", "site": site}
    raw = json.dumps({**head, "status": {}, "disk": {"free": 1 << 40, "database": 1, "quota": 1}}).encode()
    facts = read_facts(raw, "doctor.json")
    assert facts.site is None
    assert {one.check for one in list_findings(facts)} >= {"disk", "versions"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=6,
)


def tables(*names: str) -> Any:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))


@settings(max_examples=25)
@given(
    tables("meters", "buses", "broker", "platforms", "clock", "clock_ahead_ms"),
    tables("free", "database", "quota"),
)
def test_whatever_a_gateway_says_of_itself_becomes_lines(
    status: dict[str, Any], disk: dict[str, Any]
) -> None:
    head = {"dianjian_diagnosis": 1, "at": datetime(2026, 12, 1, tzinfo=UTC).isoformat()}
    raw = json.dumps({**head, "status": status, "disk": disk}).encode()
    try:
        facts = read_facts(raw, "doctor.json")
    except FactsError:
        return
    assert {one.check for one in list_findings(facts)} >= {"disk", "versions"}
