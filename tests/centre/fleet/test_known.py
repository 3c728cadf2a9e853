"""What is known of a gateway does not depend on the order of its bodies, nor grow with its owner."""

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from centre import core, subscriber
from centre.fleet import judging, known, watcher
from centre.fleet.judging import Gravity, Reason, judge, rank
from centre.fleet.known import FINDINGS_MAX, OPEN_MAX, Known, Open
from drivers.clock import ClockState
from evidence import keys
from evidence.chain import ChainState, Code
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal, open_body, peek_header
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.records import EPISODE

NOW_MS = 1_767_268_800_000
DAY_MS = judging.MS_PER_DAY


def episode(id_: str = "e1", **more: Any) -> bytes:
    return encode_record(Kind.EPISODE, stamp(), {**EPISODE, "id": id_, **more})


def raised(id_: str = "e1", severity: str = "violation") -> bytes:
    return episode(id_, state="raised", end_at_s=None, severity=severity)


def ended(id_: str = "e1") -> bytes:
    return episode(id_, state="cleared", end_at_s=EPISODE["begin_at_s"] + 600)


def beat(**body: Any) -> bytes:
    return encode_record(Kind.HEARTBEAT, stamp(), body)


def note(one: Known, seal: StoredSeal) -> None:
    header = peek_header(seal.cose)
    assert seal.body is not None
    one.note_body(header, open_body(header, seal.body))


def finding(code: str, **more: Any) -> dict[str, Any]:
    return {"type": "finding", "gateway": GATEWAY, "seal": 1, "code": code, "text": "t", **more}


@given(order=st.randoms(use_true_random=False), kinds=st.lists(st.sampled_from("reopbm"), max_size=10))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_order_of_bodies_makes_no_difference(order: random.Random, kinds: list[str]) -> None:
    made = {
        "r": [raised()],
        "e": [ended()],
        "o": [raised("e2", "data")],
        "p": [ended("e2")],
        "b": [beat(silent=["m1"], backlog=3)],
        "m": [encode_record(Kind.MANIFEST, stamp(), {"version": "1.2"}), b"\x00"],
    }
    chain = Chain()
    seals = [chain.seal(made[kind]) for kind in kinds]
    one, other = Known(GATEWAY), Known(GATEWAY)
    for seal in seals:
        note(one, seal)
    for seal in order.sample(seals, len(seals)) + seals[:3]:
        note(other, seal)
    assert (one.opened, one.beat, one.version) == (other.opened, other.beat, other.version)
    last = {"e1": [k for k in kinds if k in "re"], "e2": [k for k in kinds if k in "op"]}
    assert one.opened.keys() == {id_ for id_, told in last.items() if told and told[-1] in "ro"}


def test_an_owner_cannot_make_it_grow() -> None:
    one, chain = Known(GATEWAY), Chain()
    for number in range(3 * OPEN_MAX):
        note(one, chain.seal([raised(f"e{number}"), ended(f"x{number}")]))
        one.note_finding(finding("gap", text="x" * 5_000), NOW_MS + number)
    assert len(one.opened) == OPEN_MAX
    assert f"e{3 * OPEN_MAX - 1}" in one.opened
    assert len(one.findings) == FINDINGS_MAX
    assert one.findings[-1].utc_ms == NOW_MS + 3 * OPEN_MAX - 1
    assert len(one.findings[-1].text) == known.TEXT_CHARS_MAX


def test_a_heartbeat_says_what_it_has_of_the_right_type_and_no_more() -> None:
    one, chain = Known(GATEWAY), Chain()
    note(one, chain.seal([beat(silent="m1", backlog="many", used=7, judging=1)]))
    assert one.beat == known.Beat(1, one.beat.utc_ms if one.beat else 0)
    note(one, chain.seal([beat(silent=["m1", 2], backlog=4, used=0.25, judging=False)]))
    assert one.beat is not None
    assert (one.beat.silent, one.beat.backlog, one.beat.used, one.beat.judging) == (
        ("m1", "2"),
        4,
        0.25,
        False,
    )


def test_silence_lasts_from_where_the_centre_says_until_it_says_so() -> None:
    one = Known(GATEWAY)
    one.note_finding(finding(known.SILENCE, seconds=200), NOW_MS)
    assert one.silent_since_ms == NOW_MS - 200_000
    one.note_finding(finding(known.SILENCE, seconds=300, ended=True), NOW_MS + 1)
    assert (one.silent_since_ms, one.findings) == (None, [])


def test_the_codes_are_those_of_who_tells_them() -> None:
    assert known.SILENCE == subscriber.SILENCE
    assert watcher.OUTAGE == subscriber.OUTAGE
    assert {core.SET_ASIDE, core.READMITTED} <= judging.TOLD_OTHERWISE


def alive(**more: Any) -> Known:
    return Known(GATEWAY, number=5, heard_utc_ms=NOW_MS, clock=ClockState.SYNCHRONISED, **more)


def opened(severity: str) -> dict[str, Open]:
    return {"e": Open("e", "k1", "off", severity, 1, 2, {"zh": "停", "en": "off"}, {}, 9)}


def found(code: str, age_ms: int = 0) -> list[known.Found]:
    return [known.Found(code, "t", 1, NOW_MS - age_ms)]


@pytest.mark.parametrize(
    ("one", "ends_ms", "gravity", "codes"),
    [
        (alive(), None, Gravity.WELL, []),
        (Known(GATEWAY), None, Gravity.NEW, []),
        (alive(revoked=True, aside="x", silent_since_ms=1), None, Gravity.OVER, []),
        (alive(aside="too many bytes"), None, Gravity.ACT, ["aside"]),
        (alive(silent_since_ms=NOW_MS - 200_000), None, Gravity.ACT, ["silent"]),
        (alive(opened=opened("violation")), None, Gravity.ACT, ["episode"]),
        (alive(opened=opened("integrity")), None, Gravity.ACT, ["episode"]),
        (alive(opened=opened("data")), None, Gravity.LOOK, ["episode"]),
        (alive(opened=opened("notice")), None, Gravity.WELL, []),
        (alive(findings=found(Code.FORK)), None, Gravity.ACT, ["finding"]),
        (alive(findings=found(Code.GAP)), None, Gravity.LOOK, ["finding"]),
        (alive(findings=found(Code.FORK, DAY_MS)), None, Gravity.WELL, []),
        (alive(findings=found(Code.BOOT)), None, Gravity.WELL, []),
        (alive(beat=known.Beat(1, NOW_MS, silent=("m1",))), None, Gravity.LOOK, ["meters"]),
        (alive(beat=known.Beat(1, NOW_MS, used=0.89, backlog=359)), None, Gravity.WELL, []),
        (alive(beat=known.Beat(1, NOW_MS, used=0.9, backlog=360)), None, Gravity.LOOK, ["disk", "backlog"]),
        (alive(beat=known.Beat(1, NOW_MS, judging=False)), None, Gravity.LOOK, ["not judging"]),
        (alive(), NOW_MS, Gravity.ACT, ["expired"]),
        (alive(), NOW_MS + 13 * DAY_MS, Gravity.LOOK, ["expires"]),
        (alive(), NOW_MS + 15 * DAY_MS, Gravity.WELL, []),
        (Known(GATEWAY, 5, NOW_MS, clock=ClockState.UNSYNCHRONISED), None, Gravity.LOOK, ["clock"]),
    ],
)
def test_who_needs_a_person_and_why(
    one: Known, ends_ms: int | None, gravity: Gravity, codes: list[str]
) -> None:
    verdict = judge(one, NOW_MS, ends_ms)
    assert (verdict.gravity, [reason.code for reason in verdict.reasons]) == (gravity, codes)


def test_the_gravest_stand_first_and_among_them_those_with_most_that_is_grave() -> None:
    act, look = Reason(Gravity.ACT, "silent"), Reason(Gravity.LOOK, "clock")
    rows = {
        "a": judging.Verdict(Gravity.WELL),
        "b": judging.Verdict(Gravity.LOOK, (look,)),
        "c": judging.Verdict(Gravity.ACT, (act,)),
        "d": judging.Verdict(Gravity.ACT, (act, act)),
        "e": judging.Verdict(Gravity.OVER),
        "f": judging.Verdict(Gravity.LOOK, (look, look)),
    }
    ranked = rank((Known(name), verdict) for name, verdict in rows.items())
    assert "".join(one.gateway for one, _ in ranked) == "dcfbae"


def test_the_standing_of_a_chain_that_has_no_seal_says_nothing_of_its_clock() -> None:
    one = Known(GATEWAY)
    one.note_standing(ChainState.enrolled(GATEWAY, keys.public(secret(1))), "")
    assert (one.number, one.clock, one.revoked) == (0, None, False)


@pytest.mark.parametrize(
    ("site", "position"),
    [
        ("[site]\nlongitude = 117.06\nlatitude = 36.67", (117.06, 36.67)),
        ("[site]\nlongitude = 117", None),
        ("[site]\nlongitude = 181.0\nlatitude = 36.67", None),
        ("[site]\nlongitude = nan\nlatitude = 36.67", None),
        ("[site]\nlongitude = 'east'\nlatitude = 36.67", None),
        ("no toml [", None),
    ],
)
def test_a_position_is_that_of_the_site_file_if_it_is_one(
    site: str, position: tuple[float, float] | None
) -> None:
    one = Known(GATEWAY)
    note(one, Chain().seal([encode_record(Kind.MANIFEST, stamp(), {"version": "1", "site": site})]))
    assert one.position == position
