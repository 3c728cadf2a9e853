"""A gateway and its orders, on a real database and key file: sealed once, answered once, over every kill."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent.orders.book import KNOWN_MAX
from agent.orders.orders import REFUSED_MAX, WAIT_S
from drivers.clock import ClockState
from evidence.orders.entries import HELD
from evidence.orders.newest import Newest, sign_newest
from evidence.orders.order import ORDER_BYTES_MAX, hash_order
from evidence.record import Kind, Record
from tests.agent.rig import CENTRE, Rig
from tests.evidence.orders import made
from tests.evidence.orders.made import CITY, DISTRICT, DISTRICT_NAME, NOW_MS, STRANGER
from wire import orders as wire
from wire.mqtt_events import Message


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    assert made.ROOT == CENTRE
    rig = Rig(tmp_path / "first")
    rig.connect()
    return rig


def give(
    rig: Rig, payload: bytes, topic: str = wire.order_topic("g1", "o1"), *, retained: bool = True
) -> None:
    rig.gateway.mqtt(Message(topic, payload, retained), rig.stamp(), rig.passed_s)
    rig.passed_s += 1
    rig.tick()


def told(rig: Rig) -> list[Record]:
    return [one for one in rig.records() if isinstance(one, Record) and one.kind in {Kind.ORDER, Kind.ANSWER}]


def said(rig: Rig) -> list[tuple[Any, ...]]:
    """What stands in the chain, short."""
    short: list[tuple[Any, ...]] = []
    for one in told(rig):
        body = one.body
        if one.kind is Kind.ANSWER:
            short.append(("answer", body["order"], body["rev"], body["state"]))
        elif body["what"] == "order":
            short.append((body["state"], body.get("id", ""), body.get("reason", "")))
        else:
            short.append((body["what"], body.get("missing", body.get("seq", ""))))
    return short


def newest(seq: int, raw: bytes, live: tuple[int, ...], keys_hash: bytes = bytes(32), at: int = 0) -> bytes:
    one = Newest("g1", seq, hash_order(raw), live, keys_hash, NOW_MS + (at or seq))
    return wire.encode_attested(wire.Attested(sign_newest(one, made.ROOT), ()))


ANSWERED = [(HELD, "o1", ""), ("answer", "o1", 1, "received")]


def test_an_order_is_sealed_whole_and_answered_in_the_same_seal(rig: Rig) -> None:
    raw = made.signed()
    give(rig, made.message())
    assert said(rig) == ANSWERED
    assert told(rig)[0].body["order"] == raw
    assert set(told(rig)[0].body["statements"]) == set(made.STATEMENTS)


def test_what_the_broker_repeats_is_not_sealed_again(rig: Rig) -> None:
    for _ in range(3):
        give(rig, made.message())
        give(rig, b"")  # the centre took the retained message away
    give(rig, made.message(statements=(*made.STATEMENTS, made.VERIFIER_CERTIFICATE)))
    assert said(rig) == ANSWERED


@pytest.mark.parametrize("boot", [b"first boot......", b"second boot....."])
def test_a_kill_or_a_power_cut_loses_nothing_that_was_sealed_and_repeats_nothing(
    rig: Rig, tmp_path: Path, boot: bytes
) -> None:
    give(rig, made.message())
    again = rig.killed(tmp_path / "second", boot_id=boot)
    again.connect()
    give(again, made.message())
    assert said(again) == ANSWERED
    assert [one.id for one in again.parts.orders.book.in_force(NOW_MS)] == ["o1"]
    third = again.killed(tmp_path / "third", boot_id=b"third boot......")
    third.connect()
    give(third, made.message(seq=2, rev=2))
    give(third, made.message())
    assert said(third) == [*ANSWERED, (HELD, "o1", ""), ("answer", "o1", 2, "received")]


def test_a_kill_before_the_seal_loses_no_order(rig: Rig, tmp_path: Path) -> None:
    rig.gateway.mqtt(Message(wire.order_topic("g1", "o1"), made.message(), True), rig.stamp(), rig.passed_s)
    again = rig.killed(tmp_path / "second")  # no tick: the record waits in the spool
    again.connect()
    give(again, made.message())
    assert said(again) == ANSWERED


def test_a_restart_long_after_needs_no_old_seals(rig: Rig, tmp_path: Path) -> None:
    give(rig, made.message())
    rig.run(1_500, 40_000, 9_000, step_s=10)
    assert (rig.parts.orders.keep_from() or 0) > 10
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    assert [one.id for one in again.parts.orders.book.in_force(NOW_MS)] == ["o1"]


REFUSED: list[tuple[str, list[tuple[bytes, tuple[bytes, ...], dict[str, Any]]], str]] = [
    ("a stranger", [(STRANGER, made.STATEMENTS, {})], "key"),
    ("another gateway's", [(CITY, made.STATEMENTS, {"gateway": "g2"})], "gateway"),
    ("a withdrawn key",
     [(DISTRICT, (*made.STATEMENTS, made.WITHDRAWAL), {"issuer": DISTRICT_NAME})], "withdrawn"),
    ("beyond its kinds", [(DISTRICT, made.STATEMENTS, {"issuer": DISTRICT_NAME, "kind": "alert"})], "kind"),
    ("outside of its area", [(CITY, (made.CITY_CERTIFICATE,), {})], "area"),
    ("expired", [(CITY, made.STATEMENTS, {"effective_utc_ms": 0, "expires_utc_ms": NOW_MS - 1})], "expired"),
    ("an old revision", [(CITY, made.STATEMENTS, {"rev": 2}), (CITY, made.STATEMENTS, {"seq": 2})], "stale"),
    ("a revision of a lower number",
     [(CITY, made.STATEMENTS, {"seq": 5}), (CITY, made.STATEMENTS, {"seq": 2, "rev": 2})], "stale"),
    ("a number twice", [(CITY, made.STATEMENTS, {}), (CITY, made.STATEMENTS, {"id": "o2"})], "number"),
    ("another bureau's id",
     [(CITY, made.STATEMENTS, {}),
      (DISTRICT, made.STATEMENTS, {"issuer": DISTRICT_NAME, "seq": 2, "rev": 2})],
     "authority"),
    ("a district cancels what the city ordered",
     [(CITY, made.STATEMENTS, {}),
      (DISTRICT, made.STATEMENTS,
       {"id": "c1", "issuer": DISTRICT_NAME, "seq": 2, "kind": "cancel", "body": {"order": "o1"}})],
     "authority"),
    ("an owner cancels by himself",
     [(CITY, made.STATEMENTS, {}),
      (STRANGER, made.STATEMENTS, {"id": "c1", "seq": 2, "kind": "cancel", "body": {"order": "o1"}})],
     "key"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refusal_is_sealed_with_its_reason_once(
    rig: Rig, tmp_path: Path, given: list[tuple[bytes, tuple[bytes, ...], dict[str, Any]]], reason: str
) -> None:
    for secret, statements, changes in given:
        give(rig, made.message(secret, statements, **changes))
    last = told(rig)[-1].body
    assert (last["state"], last["reason"]) == ("refused", reason)
    assert ("order" in last) == (reason not in {"key", "gateway"}), "strangers cannot fill a chain"
    count = len(told(rig))
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    again.connect()
    secret, statements, changes = given[-1]
    give(again, made.message(secret, statements, **changes))
    assert len(told(again)) == count
    if len(given) > 1:
        assert [one.seq for one in again.parts.orders.book.in_force(NOW_MS)] == [given[0][2].get("seq", 1)]


@pytest.mark.parametrize("payload", [b"\xff", b"\x80", wire.encode_attested(wire.Attested(b"junk", ()))])
def test_junk_is_sealed_by_its_hash_alone_and_not_without_end(rig: Rig, payload: bytes) -> None:
    give(rig, payload)
    give(rig, payload)
    assert said(rig) == [("refused", "", "form")]
    assert set(told(rig)[0].body) == {"what", "state", "reason", "hash"}
    for number in range(REFUSED_MAX + 50):
        rig.gateway.mqtt(Message("dj/1/g1/order/x", b"junk %d" % number, True), rig.stamp(), rig.passed_s)
    rig.passed_s += 1
    rig.tick()
    assert len(told(rig)) == REFUSED_MAX


def test_who_floods_the_topic_does_not_have_what_is_held_sealed_again(rig: Rig) -> None:
    give(rig, made.message())
    book = rig.parts.orders.book
    for number in range(KNOWN_MAX + 1):
        junk = {"what": "order", "state": "refused", "reason": "form", "hash": number.to_bytes(32, "big")}
        book.apply(Kind.ORDER, junk, NOW_MS)
    give(rig, made.message())
    assert said(rig) == ANSWERED


def test_what_is_too_large_is_refused_before_it_is_read(rig: Rig) -> None:
    give(rig, bytes(wire.MESSAGE_BYTES_MAX + 1))
    give(rig, wire.encode_attested(wire.Attested(bytes(ORDER_BYTES_MAX + 1), ())))
    assert said(rig) == [("refused", "", "too large"), ("refused", "", "form")]


def test_without_a_set_clock_the_number_decides(rig: Rig) -> None:
    rig.clock_state = ClockState.UNSYNCHRONISED
    rig.ahead_s = 0.0
    give(rig, made.message(effective_utc_ms=0, expires_utc_ms=NOW_MS - 1))
    give(rig, made.message(seq=3, id="o3"))
    give(rig, made.message(seq=2, rev=2, id="o3"))
    assert [one[:1] + one[2:] for one in said(rig) if one[0] != "answer"] == [
        (HELD, ""), (HELD, ""), ("refused", "stale"),
    ]  # fmt: skip


def test_a_cancel_holds_whichever_of_the_two_comes_first(rig: Rig, tmp_path: Path) -> None:
    cancel = made.message(id="c1", seq=2, kind="cancel", body={"order": "o1"})
    give(rig, cancel)
    give(rig, made.message())
    assert rig.parts.orders.book.in_force(NOW_MS) == []
    other = Rig(tmp_path / "other")
    give(other, made.message())
    assert [one.id for one in other.parts.orders.book.in_force(NOW_MS)] == ["o1"]
    give(other, cancel)
    assert other.parts.orders.book.in_force(NOW_MS) == []
    give(other, made.message(seq=3, rev=2))
    assert [one.seq for one in other.parts.orders.book.in_force(NOW_MS)] == [3], (
        "its issuer has ordered it anew"
    )


def test_what_the_city_cancelled_a_district_cannot_order_anew(rig: Rig) -> None:
    mine = {"issuer": DISTRICT_NAME}
    give(rig, made.message(DISTRICT, **mine))
    give(rig, made.message(id="c1", seq=2, kind="cancel", body={"order": "o1"}))
    give(rig, made.message(DISTRICT, seq=3, rev=2, **mine))
    assert said(rig)[-1] == ("refused", "o1", "authority")
    assert rig.parts.orders.book.in_force(NOW_MS) == []


def alert(seq: int, level: str, **changes: Any) -> bytes:
    return made.message(id=f"a{seq}", seq=seq, kind="alert", body={"list": "L1", "level": level}, **changes)


def test_of_two_alerts_that_contradict_the_later_number_holds_and_it_is_told_once(rig: Rig) -> None:
    give(rig, alert(2, "red"))
    give(rig, alert(1, "orange"))
    give(rig, alert(3, "yellow", test=True))  # a drill contradicts no alert
    far = {"effective_utc_ms": NOW_MS + 20 * made.DAY_MS, "expires_utc_ms": NOW_MS + 21 * made.DAY_MS}
    give(rig, alert(4, "red", **far))
    rig.run(60, 40_000, 9_000)
    pairs = [
        (one.body["id"], one.body["other"]) for one in told(rig) if one.body.get("what") == "contradiction"
    ]
    assert pairs == [("a2", "a1")]
    assert {one.id for one in rig.parts.orders.book.in_force(NOW_MS + made.DAY_MS)} == {"a2", "a3"}


def test_a_withheld_order_is_told_after_a_while_and_so_is_its_coming(rig: Rig, tmp_path: Path) -> None:
    second = made.signed(seq=2, id="o2")
    give(rig, made.message())
    give(rig, newest(2, second, (1, 2)), wire.newest_topic("g1"))
    assert said(rig)[2:] == [("newest", 2)]
    rig.run(WAIT_S + 5, 40_000, 9_000)
    rig.run(60, 40_000, 9_000)
    assert said(rig)[2:] == [("newest", 2), ("missing", [2])]
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    again.connect()
    give(again, newest(2, second, (1, 2)), wire.newest_topic("g1"))
    again.run(60, 40_000, 9_000)
    assert said(again)[2:] == [("newest", 2), ("missing", [2])], "told before the restart"
    give(again, made.message(seq=2, id="o2"))
    again.run(10, 40_000, 9_000)
    assert said(again)[4:] == [(HELD, "o2", ""), ("answer", "o2", 1, "received"), ("missing", [])]


def test_another_order_under_the_newest_number_is_told(rig: Rig) -> None:
    give(rig, made.message())
    give(rig, newest(1, made.signed(id="other"), (1,)), wire.newest_topic("g1"))
    rig.run(WAIT_S + 5, 40_000, 9_000)
    assert said(rig)[-1] == ("missing", [1])


def test_withdrawals_that_are_withheld_are_told_and_those_that_come_are_sealed(rig: Rig) -> None:
    keys = wire.encode_keys([made.WITHDRAWAL])
    give(rig, made.message())
    give(rig, newest(1, made.signed(), (1,), hash_order(keys)), wire.newest_topic("g1"))
    rig.run(WAIT_S + 5, 40_000, 9_000)
    assert told(rig)[-1].body["keys"]
    give(rig, keys, wire.KEYS)
    give(rig, keys, wire.KEYS)
    rig.run(5, 40_000, 9_000)
    assert [one.body["what"] for one in told(rig)[-2:]] == ["keys", "missing"]
    assert not told(rig)[-1].body["keys"]
    give(rig, made.message(DISTRICT, (), seq=2, id="o2", issuer=DISTRICT_NAME))
    assert said(rig)[-1] == ("refused", "o2", "withdrawn")


def test_a_number_of_the_newest_that_is_replayed_forged_or_foreign_is_refused(rig: Rig) -> None:
    raw = made.signed(seq=3)
    give(rig, newest(3, raw, (3,)), wire.newest_topic("g1"))
    give(rig, newest(2, raw, (2,)), wire.newest_topic("g1"))
    one = Newest("g1", 9, b"h" * 32, (), bytes(32), NOW_MS * 2)
    for secret, other in ((STRANGER, one), (made.ROOT, evolve(one, gateway="g2"))):
        raw = sign_newest(other, secret)
        give(rig, wire.encode_attested(wire.Attested(raw, ())), wire.newest_topic("g1"))
    assert [body.body.get("reason", body.body["what"]) for body in told(rig)] == [
        "newest", "stale", "key", "gateway",
    ]  # fmt: skip
