"""The check of a ledger of clues: whatever was done to it is named, and what honest officers wrote is not."""

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.clues.check import Fault, check_ledger
from evidence.clues.step import Stage, parse_step, sign_step
from tests.evidence.clues.ledgers import COURSE, LI, OPENING, WANG, Writer, trust, withdrawal
from tests.evidence.orders import made

Raws = list[bytes]


def whole() -> Writer:
    """Two clues by two officers, their steps in turns: fourteen steps."""
    writer = Writer()
    for stage, body in COURSE:
        writer.step("c1", stage, body, WANG)
        writer.step("c2", stage, body, LI)
    writer.step("c3", Stage.SCREENING, OPENING)
    writer.step("c3", Stage.SCREENING, {"closed": True})
    return writer


WHOLE = whole()
RAWS, END = WHOLE.raws, WHOLE.end()


def faults(raws: Raws, end: bytes | None = END, *more: bytes) -> list[tuple[str, int]]:
    checked = check_ledger(raws, end, trust(*more))
    return [(one.fault.value, one.seq) for one in checked.wrong]


def test_a_whole_ledger_is_good_and_its_clues_have_come_to_their_ends() -> None:
    checked = check_ledger(RAWS, END, trust())
    assert checked.ok
    assert checked.end is not None
    clues = checked.ledger.clues
    assert {name: (one.stage.name, one.closed, one.is_dismissed) for name, one in clues.items()} == {
        "c1": ("IMPROVING", True, False),
        "c2": ("IMPROVING", True, False),
        "c3": ("SCREENING", True, True),
    }


def altered(raw: bytes, at: int) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 1
    return bytes(changed)


def swap(at: int) -> Callable[[Raws], Raws]:
    return lambda raws: [*raws[:at], raws[at + 1], raws[at], *raws[at + 2 :]]


def stranger(raws: Raws) -> Raws:
    """A step by a key that nobody certified, under an officer's name, in the place of the fifth."""
    writer = Writer(raws[:4], made.NOW_MS + 4_000)
    writer.step("c1", Stage.VERIFYING, {"outcome": "device"}, made.STRANGER)
    return [*writer.raws, *raws[4:]]


def rewritten(raws: Raws) -> Raws:
    """An officer signs another fifth step afterwards, with the number and the link of the first one."""
    step = evolve(parse_step(raws[4]).step, body={"outcome": "device"})
    return [*raws[:4], sign_step(step, WANG), *raws[5:]]


ATTACKS: list[tuple[str, Callable[[Raws], Raws], list[tuple[str, int]]]] = [
    (
        "the text of step 5 is altered",
        lambda raws: [*raws[:4], altered(raws[4], -70), *raws[5:]],
        [("signature", 5), ("course", 7), ("course", 9), ("course", 11)],
    ),
    (
        "the signature of the last is altered",
        lambda raws: [*raws[:-1], altered(raws[-1], -1)],
        [("signature", 14), ("missing", 14)],
    ),
    (
        "step 3 is left out",
        lambda raws: [*raws[:2], *raws[3:]],
        [("missing", 4)],
    ),
    ("the last two are cut off", lambda raws: raws[:-2], [("missing", 14)]),
    ("steps 13 and 14 are moved", swap(12), [("course", 14), ("number", 13)]),
    ("step 6 stands twice", lambda raws: [*raws[:6], raws[5], *raws[6:]], [("number", 6)]),
    ("a stranger's step is put in", stranger, [("key", 5)]),
    ("a step is rewritten by its officer", rewritten, [("previous", 6)]),
    ("something that is no step", lambda raws: [*raws[:2], b"\xd2\x84", *raws[2:]], [("form", 0)]),
]


@pytest.mark.parametrize(("attack", "wanted"), [one[1:] for one in ATTACKS], ids=[one[0] for one in ATTACKS])
def test_each_attack_is_named(attack: Callable[[Raws], Raws], wanted: list[tuple[str, int]]) -> None:
    assert faults(attack(RAWS)) == wanted


def test_a_key_counts_while_it_is_certified_and_not_withdrawn() -> None:
    since_ms = made.NOW_MS + 3_000
    assert faults(RAWS, END, withdrawal(LI, made.NOW_MS + 10**9)) == []
    found = faults(RAWS, END, withdrawal(LI, since_ms))
    assert ("withdrawn", 4) in found
    assert ("withdrawn", 2) not in found
    late = Writer(utc_ms=made.NOW_MS * 2)
    late.step("c1", Stage.SCREENING, OPENING)
    assert faults(late.raws, None) == [("validity", 1)]


def test_the_other_roles_of_the_root_are_no_officers() -> None:
    writer = Writer()
    writer.step("c1", Stage.SCREENING, OPENING, made.CITY, officer=made.CITY_NAME)
    assert faults(writer.raws, None, made.CITY_CERTIFICATE) == [("key", 1)]


@pytest.mark.parametrize(
    ("changes", "by", "fault"),
    [
        ({"seq": 9}, WANG, "end"),
        ({"hash": bytes(32)}, WANG, "end"),
        ({}, made.STRANGER, "key"),
    ],
)
def test_a_wrong_end_is_named(changes: dict[str, object], by: bytes, fault: str) -> None:
    assert [one for one, _ in faults(RAWS, WHOLE.end(by, **changes))] == [fault]


def test_an_older_step_than_the_one_before_it_is_named() -> None:
    writer = Writer()
    writer.step("c1", Stage.SCREENING, OPENING)
    writer.step("c1", Stage.VERIFYING, {}, utc_ms=made.NOW_MS)
    assert faults(writer.raws, None) == [("time", 2)]


@given(st.permutations(range(len(RAWS))), st.integers(0, len(RAWS)))
@settings(max_examples=40, deadline=None)
def test_no_other_order_and_no_part_passes_as_the_whole(order: list[int], kept: int) -> None:
    raws = [RAWS[at] for at in order[:kept]]
    checked = check_ledger(raws, END, trust())
    assert checked.ok == (raws == RAWS)


def test_every_fault_can_be_found() -> None:
    named = {fault for _, _, wanted in ATTACKS for fault, _ in wanted}
    assert {one.value for one in Fault} - named == {"validity", "withdrawn", "time", "end"}
