"""The bad input of the issue, both ways: what comes of each packet, and thousands with changed bytes.

A refusal names its reason and the byte; nothing is lost that stood beside it; nothing is believed that was
not there.
"""

from random import Random
from typing import Final

import pytest
from attrs import evolve

from drivers.hj212.crc import CrcKind
from drivers.hj212.decoding import decode
from drivers.hj212.encoding import encode
from drivers.hj212.oddity import Wrong
from drivers.hj212.packet import Flag, Packet
from drivers.hj212.receiver import (
    STALE_CONTRADICTS,
    STALE_LATER,
    STALE_NO_TIME,
    STALE_ORDER,
    Answer,
    Arrival,
    Memory,
    Receiver,
    Refusal,
    Told,
)
from drivers.points.model import load
from drivers.reading import Block
from tests.drivers.hj212.packets import KEY, MN
from tests.drivers.hj212.test_codec import frame_of
from tests.drivers.hj212.test_receiver import DATA, NOW_S, UTC_MS, of_region
from tests.drivers.hj212.test_second_codec import change
from tests.wire.hj212.test_link import DATUM, answer, link_of
from wire.hj212.acts import Declined, Delivered, HangUp, Send, Tell

SEED: Final = 2018
MUTATED, MUTATED_MANY = 2_400, 60_000
GOOD: Final = encode(DATA)
AFTER: Final = encode(of_region("DataTime=20260302083001;a21026-Rtd=1.5", "20260302083001001"))
"""Must always arrive, whatever stood before it."""
KNOWN: Final = {*(one.value for one in Wrong), "stranger", "command"}


def without(name: str) -> bytes:
    """The packet without a field, length and sum made new."""
    segment = GOOD[6:-6]
    fields = [one for one in segment.split(b";") if not one.startswith(name.encode() + b"=")]
    return frame_of(b";".join(fields))


def with_field(name: str, value: str) -> bytes:
    segment = GOOD[6:-6]
    return frame_of(b";".join(f"{name}={value}".encode() if one.startswith(name.encode() + b"=") else one
                              for one in segment.split(b";")))  # fmt: skip


SUM: Final = GOOD[-6:-2]
ARRIVES: Final[list[str]] = [""]
BAD: Final[list[tuple[str, bytes, list[str]]]] = [
    ("no QN", without("QN"), ARRIVES), ("no ST", without("ST"), ARRIVES), ("no PW", without("PW"), ARRIVES),
    ("no Flag", without("Flag"), ARRIVES), ("no MN", without("MN"), ["stranger"]),
    ("no CN", without("CN"), ["no_command"]), ("no CP", frame_of(GOOD[6:-6].partition(b"CP=")[0]), ["half"]),
    ("no DataTime", encode(of_region("a21026-Rtd=1")), [STALE_NO_TIME]),
    ("a QN of 40 digits", with_field("QN", "2" * 40), ARRIVES),
    ("an MN of 40", with_field("MN", "A" * 40), ["stranger"]),
    ("a password of 40", with_field("PW", "9" * 40), ARRIVES),
    ("a CN of five digits", with_field("CN", "20111"), ["field"]),
    ("a CN of letters", with_field("CN", "x"), ["field"]),
    ("Flag 999", with_field("Flag", "999"), ["field"]),
    ("a field twice", with_field("ST", "31;CN=1012"), ["field_twice"]),
    ("fields out of order", frame_of(GOOD[6:-6].replace(b"ST=31;CN=2011", b"CN=2011;ST=31")), ARRIVES),
    ("a control character", frame_of(GOOD[6:-6].replace(b"35.2", b"35\x07")), ["charset"]),
    ("GBK in a name", frame_of(GOOD[6:-6].replace(b"35.2", "烟气".encode("gbk"))), ARRIVES),
    ("no charset at all", frame_of(GOOD[6:-6].replace(b"35.2", b"\xff\xfe\x81")), ["charset"]),
    ("a length too small", b"##0100" + GOOD[6:], ["length", "noise", "half"]),
    ("a length too large", b"##0999" + GOOD[6:], ["length", "half"]),
    ("a length of letters", b"##01xx" + GOOD[6:], ["length", "noise"]),
    ("the sum of another kind", encode(DATA, crc=CrcKind.MODBUS), ARRIVES),
    ("the sum swapped", encode(DATA, crc=CrcKind.MODBUS_SWAPPED), ARRIVES),
    ("a sum in lower case", GOOD[:-6] + SUM.lower() + GOOD[-2:], ARRIVES),
    ("a sum of another packet", GOOD[:-6] + b"%04X" % (int(SUM, 16) ^ 0x0101) + GOOD[-2:], ["crc"]),
    ("a value that was changed", GOOD.replace(b"35.2", b"35.3"), ["crc"]),
    ("a replay", GOOD + GOOD, ARRIVES), ("half a packet", GOOD[: len(GOOD) // 2], ["half", "length"]),
    ("the second half", GOOD[len(GOOD) // 2 :], ["noise"]),
    ("noise before", b"\x00\xff##12" + GOOD, ["noise", ""]),
    ("backfill", encode(evolve(DATA, is_backfill=True)), [STALE_LATER]),
    ("a command", encode(of_region("SystemTime=20200101000000", cn="1012")), ["command"]),
    ("a later one before", encode(of_region("DataTime=20260302083000;a21002-Rtd=1")) + encode(
        of_region("DataTime=20260302082959;a21002-Rtd=1", "20260302083000003")), ["", STALE_ORDER]),
    ("a value that it corrects itself", GOOD + encode(
        of_region("DataTime=20260302083000;a21026-Rtd=3.0")), ["", ""]),
    ("another item of the same time", GOOD + encode(
        of_region("DataTime=20260302083000;a21002-Rtd=3.0")), ["", ""]),
    ("another system at the same time", GOOD + encode(
        of_region("DataTime=20260302083000;a21026-Rtd=3.0", st="44")), ["", ""]),
]  # fmt: skip


def told_of(told: list[Told]) -> list[str]:
    """For each arrival why it is stale, for each refusal why it was."""
    return [one.stale if isinstance(one, Arrival) else one.why for one in told if not isinstance(one, Answer)]


@pytest.mark.parametrize(("raw", "expected"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_each_bad_packet_is_taken_as_it_came_or_refused_with_its_reason(
    raw: bytes, expected: list[str]
) -> None:
    receiver = Receiver(Memory(frozenset({MN})))
    told = [*receiver.receive(raw, NOW_S, UTC_MS)]
    if receiver.is_waiting:
        told += receiver.flush()
    found = told_of(told)
    assert found
    if expected == ARRIVES or "" in expected or len(expected) == 1:
        assert found == expected
    else:
        assert set(found) <= set(expected)
    for one in told:
        if isinstance(one, Refusal):
            assert 0 <= one.place <= len(raw)
            assert len(one.detail) <= 64
    assert told_of([*receiver.receive(AFTER, NOW_S, UTC_MS)]) == [""], "what follows is not lost"


def test_two_that_send_under_one_mn_are_each_sealed_and_neither_has_the_last_word() -> None:
    memory = Memory(frozenset({MN}))
    first, second = Receiver(memory), Receiver(memory)
    for at in range(10):
        time = f"202603020830{at:02d}"
        raws = [
            encode(of_region(f"DataTime={time};a21026-Rtd={value}", f"{time}{value:03d}"))
            for value in (5, 90)
        ]
        told = [*first.receive(raws[0], NOW_S, UTC_MS), *second.receive(raws[1], NOW_S, UTC_MS)]
        assert told_of(told) == ["", STALE_CONTRADICTS]
        assert [one.raws for one in told if isinstance(one, Arrival)] == [(raw,) for raw in raws]
        assert len([one for one in told if isinstance(one, Answer)]) == 2


def test_a_flood_of_what_is_no_packet_ends_with_the_packet_behind_it() -> None:
    receiver = Receiver(Memory(frozenset({MN})))
    told = [one for _ in range(50) for one in receiver.receive(b"##0100QN=" * 500, NOW_S, UTC_MS)]
    told += receiver.flush()
    assert set(told_of(told)) <= KNOWN
    assert told_of([*receiver.receive(GOOD, NOW_S, UTC_MS)]) == [""]


def believed(raw: bytes) -> dict[str, object]:
    return dict(load("hj212-air").decode((Block(212, 2011, raw),)))


MUTATIONS = pytest.mark.parametrize(
    "count", [MUTATED, pytest.param(MUTATED_MANY, marks=pytest.mark.minutes)], ids=["few", "many"]
)


@MUTATIONS
def test_of_changed_packets_of_a_logger_nothing_is_believed_that_was_not_there(count: int) -> None:
    random, found = Random(SEED), set[str]()
    encrypted = encode(DATA, key=KEY)
    for number in range(count):
        source = encrypted if number % 4 == 0 else GOOD
        raw = change(source, random)
        if number % 3 == 0 and source is GOOD:  # what an attacker sends, who can count
            raw = frame_of(change(GOOD[6:-6], random))
        memory = Memory(frozenset({MN}), {MN: (KEY,)} if source is encrypted else {})
        receiver = Receiver(memory)
        told = [*receiver.receive(raw, NOW_S, UTC_MS), *receiver.flush()]
        found.update(told_of(told))
        for one in told:
            if isinstance(one, Arrival):
                assert all(part in raw for part in one.raws)
                assert one.mn == MN
                values = believed(one.raws[0]) if source is GOOD else {}
                assert all(str(value).rstrip("0").rstrip(".").encode() in raw for value in values.values()), (
                    raw
                )
            elif isinstance(one, Refusal):
                assert one.why in KNOWN
                assert 0 <= one.place <= len(raw)
        assert told_of([*receiver.receive(AFTER, NOW_S, UTC_MS)])[-1:] == [""], raw
    assert {"", "crc", "length", "field", "noise"} <= found


@MUTATIONS
def test_of_changed_answers_of_a_platform_only_the_right_number_ends_a_packet(count: int) -> None:
    random = Random(SEED)
    answers = [encode(answer("9014")), encode(answer("9011", "QnRtn=1")), encode(answer("9011", "QnRtn=3"))]
    asked = encode(Packet("1012", "31", MN, "246810", "20260302083000002", Flag(2, wants_answer=True),
                          region="SystemTime=20200101000000"))  # fmt: skip
    for number in range(count):
        raw = change(random.choice([*answers, asked]), random)
        if number % 3 == 0:
            raw = frame_of(change(random.choice(answers)[6:-6], random))
        link = link_of()
        link.offer(DATUM, 0.0)
        acts = [*link.receive(raw, 1.0, UTC_MS), *link.settle(9.0, UTC_MS)]
        for act in acts:
            if isinstance(act, Delivered | Declined):
                assert act.number == DATUM.number
                assert DATUM.qn.encode() in raw
            elif isinstance(act, Send):
                decode(act.raw)
            elif isinstance(act, Tell):
                place = 0 if act.trouble is None else act.trouble.place
                assert 0 <= place <= len(raw)
            else:
                assert isinstance(act, HangUp)
        assert not any(b"20200101" in act.raw for act in acts if isinstance(act, Send))
