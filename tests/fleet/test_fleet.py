"""The fleet plays as a gateway would, its client speaks MQTT, and the audit finds what is wrong."""

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from centre.core import Centre, Incoming
from centre.store.sqlite import SqliteStore
from evidence import keys
from evidence.record import Kind, kind_of
from evidence.seal import open_body, peek_header
from tests.centre.store.contract import accepted
from tests.fleet.audit import audit
from tests.fleet.bench import need, p99_of
from tests.fleet.chains import make_chain, name_of
from tests.fleet.gateway import Gateway
from tests.fleet.mqtt import Acknowledged, Arrived, Connection, Opened, encode_length, read_length
from tests.fleet.player import Plan, Player
from tests.fleet.processes import SECRET, centre
from tests.fleet.storm import KINDS, draw, play_storm
from tests.fleet.table import Row, count_seals, first_after, quantile, show

NOW_MS = 1_767_268_800_000


def test_a_chain_begins_with_the_manifest_and_is_taken_whole() -> None:
    played = make_chain(name_of(7), 3, 5)
    bodies = [open_body(peek_header(seal.cose), seal.body or b"") for seal in played.seals]
    kinds = [[kind_of(record) for record in body] for body in bodies]
    assert kinds == [[Kind.MANIFEST] * 2 + [Kind.READING] * 5, [Kind.READING] * 5, [Kind.READING] * 5]


@given(st.integers(0, 2**28 - 1), st.binary(max_size=3))
def test_a_length_is_read_as_it_was_written(length: int, rest: bytes) -> None:
    raw = encode_length(length)
    assert read_length(raw + rest, 0) == (length, len(raw))
    assert read_length(raw[:-1], 0) is None


@given(st.lists(st.integers(1, 40), min_size=1))
def test_packets_mean_the_same_however_they_are_cut(cuts: list[int]) -> None:
    topic = b"\0\4a/bc"
    stream = bytes.fromhex("2009000006210014220005") + bytes.fromhex("40020007")
    stream += bytes((0x33, 2 + 4 + 2 + 1 + 3)) + topic + b"\0\x09" + b"\0" + b"xyz"
    connection, events, at = Connection(), [], 0
    for cut in [*cuts, len(stream)]:
        events += connection.feed(stream[at : at + cut])
        at += cut
    assert events == [Opened(20, 268_435_460), Acknowledged(7, 0), Arrived("a/bc", b"xyz", retained=True)]
    assert bytes(connection.outgoing) == bytes.fromhex("40020009")


def test_a_gateway_sends_again_what_has_no_receipt_and_counts_how_long_it_waited(tmp_path: Path) -> None:
    one = Gateway(make_chain(name_of(1), 2, 3), keys.public(SECRET))
    with closing(SqliteStore(tmp_path / "centre.db")) as store:
        store.enrol(one.chain.name, one.chain.first_key)
        core = Centre(store, SECRET)
        connection = one.connect()
        one.take(Opened(20, 100_000), 0.0)
        one.seal(1.0)
        assert [message.topic for message in sent(connection, one, 2.0)] == [one.topics.seal]
        assert sent(connection, one, 3.0) == [], "it waits for an answer"
        again = sent(connection, one, 40.0)
        assert [message.topic for message in again] == [one.topics.chain], (
            "the seal alone asks whether one hears"
        )
        for now_s in (41.0, 42.0):
            for answer in core.handle(again, NOW_MS)[0]:
                one.take(Arrived(answer.topic, answer.payload, retained=False), now_s)
            again = sent(connection, one, now_s)
    assert (one.receipted, one.waits_s) == (1, [41.0])


def sent(connection: Connection, one: Gateway, now_s: float) -> list[Incoming]:
    """What a gateway publishes now, each acknowledged at once by the broker."""
    connection.outgoing.clear()
    one.send(now_s)
    found: list[Incoming] = []
    raw, at = bytes(connection.outgoing), 0
    while at < len(raw):
        length, begin = read_length(raw, at + 1) or (0, 0)
        packet = raw[begin : begin + length]
        end = 2 + int.from_bytes(packet[:2], "big")
        found.append(Incoming(packet[2:end].decode(), packet[end + 3 :]))
        one.take(Acknowledged(int.from_bytes(packet[end : end + 2], "big"), 0), now_s)
        at = begin + length
    return found


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A store with three seals of one gateway, and what a fleet says of it."""
    one = make_chain(name_of(0), 3, 2)
    with closing(SqliteStore(tmp_path / "centre.db")) as store:
        store.enrol(one.name, one.first_key)
        store.commit([*accepted(store.state(one.name), list(one.seals))])
    said = {"receipted": 3, "hash": one.seals[-1].hash.hex(), "alarms": 0}
    return tmp_path / "centre.db", {"gateways": {one.name: said}}


def test_the_audit_is_good_where_all_is_there(kept: tuple[Path, dict[str, Any]]) -> None:
    place, result = kept
    assert audit(place, result).is_good
    assert audit(place, result).seals == 3


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"receipted": 4}, "missing"),
        ({"hash": "00" * 32}, "missing"),
        ({"alarms": 1}, "alarms"),
    ],
)
def test_the_audit_tells_a_receipt_that_was_not_kept(
    kept: tuple[Path, dict[str, Any]], said: dict[str, Any], field: str
) -> None:
    place, result = kept
    result["gateways"][name_of(0)] |= said
    found = audit(place, result)
    assert (found.is_good, getattr(found, field)) == (False, 1)


@pytest.mark.parametrize(
    ("sql", "field"),
    [
        ("DELETE FROM seals WHERE at % 1099511627776 = 2", "holes"),
        ("DELETE FROM journal WHERE id = 2", "arrivals"),
        (
            "INSERT INTO journal (at, what, received_utc_ms) SELECT at, 3, 0 FROM journal WHERE id = 2",
            "arrivals",
        ),
        ("INSERT INTO forks (gateway, number, cose, received_utc_ms) VALUES (1, 1, x'00', 0)", "forks"),
    ],
)
def test_the_audit_tells_what_is_wrong_in_the_store(
    kept: tuple[Path, dict[str, Any]], sql: str, field: str
) -> None:
    place, result = kept
    with closing(SqliteStore(place)) as store, store._write() as connection:
        connection.execute(sql)
    found = audit(place, result)
    assert (found.is_good, getattr(found, field)) == (False, 1)


def test_the_figures_of_the_table() -> None:
    assert (quantile([3.0, 1.0, 2.0], 0.5), quantile([], 0.5)) == (2.0, float("inf"))
    result = {"gateways": {"a": {"receipted_s": [1.0, 7.5]}, "b": {"receipted_s": [6.0]}}}
    assert first_after(result, ["a", "b"], 5.0) == 2.5
    assert first_after(result, ["a"], 8.0) == float("inf")


def test_what_a_city_needs_follows_from_the_processor_time_of_a_seal() -> None:
    found = need(10_000, {"verifiers": 2.0, "broker": 0.5}, 1_000)
    assert (found.what, found.found) == ("cores for 10000", "broke 0.5 verif 2.0")


def test_a_target_that_was_missed_or_not_measured_ends_the_table_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, figure, bad = Row("a", "1", "1", is_good=True), Row("b", "2"), Row("c", "", "3", is_good=False)
    assert (show([good, figure], as_json=False), show([good, bad], as_json=True)) == (0, 1)
    assert "good" in capsys.readouterr().out
    result = {"gateways": {"a": {"made": 3, "receipted": 2, "waits_s": [0.5, 2.0]}}}
    assert (*count_seals(result), p99_of(result)) == (3, 2, 2.0)


def test_a_plan_is_done_when_every_seal_has_its_receipt() -> None:
    player = Player(Plan(1, keys.public(SECRET).hex(), gateways=2, seals=1, readings=1))
    player.prepare()
    first, second = player.gateways
    first.receipted = 1
    assert [player._is_done(one) for one in (first, second)] == [True, False]
    assert {*player.result()["gateways"]} == {name_of(0), name_of(1)}
    assert evolve(player.plan, seals=2).seals == 2


def test_a_storm_is_the_same_for_a_seed_and_has_every_kind_in_turn() -> None:
    blows = list(draw(3, 600.0))
    assert blows == list(draw(3, 600.0)) != list(draw(4, 600.0))
    assert all({one.kind for one in blows[at : at + 4]} == set(KINDS) for at in range(0, len(blows) - 3, 4))
    assert all(one.at_s < two.at_s < 600.0 and one.back_s > one.at_s for one, two in pairwise(blows))


@pytest.mark.minutes
def test_nothing_that_was_receipted_is_missing_after_a_storm() -> None:
    rows = play_storm(gateways=100, length_s=60.0, seed=2)
    assert not [one for one in rows if one.is_good is False]


@pytest.mark.minutes
def test_a_verifier_that_slept_over_its_lease_goes_on_and_nothing_is_lost_or_forked() -> None:
    """SIGSTOP under load until another has its gateways, then SIGCONT: it was in the midst of anything."""
    with centre(60) as town:
        fleet = town.fleet(gateways=60, seals=24, interval_s=2.0, readings=5, drain_s=120.0)
        for name in ("verifier-1", "verifier-2"):
            town.start_verifier(name, "--slices", "auto")
        fleet.await_ready()
        town.until(lambda: all(map(town.owned_by, town.verifiers)), "both have gateways")
        fleet.begin()
        for name, other in (("verifier-1", "verifier-2"), ("verifier-2", "verifier-1")):
            town.pause(name)
            town.until(lambda other=other: len(town.owned_by(other)) == 60, "the other has all")  # type: ignore[misc]
            town.go_on(name)
            town.until(lambda: all(map(town.owned_by, town.verifiers)), "both have gateways again")
        result = fleet.result()
        assert all(one["receipted"] == one["made"] for one in result["gateways"].values())
        found = audit(town.place, result)
        assert found.is_good, found
        assert all("overtaken" in part.output.read_text("utf-8") for part in town.verifiers.values())
