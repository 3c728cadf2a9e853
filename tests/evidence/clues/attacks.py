"""A whole ledger of clues, and what can be done to it: how each attack is named. Also the table of courses.

`tests/vectors/make.py` writes the same as files for verifiers in other languages.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from evidence.clues.step import Stage, parse_step, sign_step
from tests.evidence.clues.ledgers import (
    COURSE,
    LI,
    OPENING,
    RECHECK,
    STATEMENTS,
    WANG,
    Writer,
    withdrawal,
)
from tests.evidence.orders import made

Raws = list[bytes]
Fault = tuple[str, int]
"""Its name, and the number of the step."""


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


def list_ledgers() -> Iterator[tuple[str, tuple[bytes, ...], Raws, bytes | None, list[Fault]]]:
    """Each ledger: what it is, statements, steps, end, and what is wrong with it."""
    known = STATEMENTS
    yield "a whole ledger", known, RAWS, END, []
    yield "nothing", known, [], Writer().end(), []
    for say, attack, wanted in ATTACKS:
        yield say, known, attack(RAWS), END, wanted
    later = withdrawal(LI, made.NOW_MS + 10**9)
    yield "a key that was withdrawn afterwards", (*known, later), RAWS, END, []
    whole_ = [("withdrawn", number) for number in (4, 6, 8, 10, 12)]
    gone = withdrawal(LI, made.NOW_MS + 3_000)
    yield "a key that was withdrawn meanwhile", (*known, gone), RAWS, END, whole_
    late = Writer(utc_ms=made.NOW_MS * 2)
    late.step("c1", Stage.SCREENING, OPENING)
    yield "after the certificate", known, late.raws, None, [("validity", 1)]
    bureau = Writer()
    bureau.step("c1", Stage.SCREENING, OPENING, made.CITY, officer=made.CITY_NAME)
    yield "a bureau", (*known, made.CITY_CERTIFICATE), bureau.raws, None, [("key", 1)]
    old = Writer()
    old.step("c1", Stage.SCREENING, OPENING)
    old.step("c1", Stage.VERIFYING, {}, utc_ms=made.NOW_MS)
    yield "older than the one before it", known, old.raws, None, [("time", 2)]
    yield "an end of another number", known, RAWS[:2], WHOLE.end(seq=1), [("end", 1)]
    yield "an end of another hash", known, RAWS, WHOLE.end(hash=bytes(32)), [("end", 14)]
    yield "a stranger's end", known, RAWS, WHOLE.end(made.STRANGER), [("key", 14)]
    for say, raws, wanted in list_courses():
        yield say, known, raws, None, wanted


def list_courses() -> Iterator[tuple[str, Raws, list[Fault]]]:
    """One step more behind the first steps of a clue."""
    for wanted, rows in ((False, GOOD), (True, BAD)):
        for at, (count, stage, body) in enumerate(rows):
            writer = Writer()
            for before, its in COURSE[:count]:
                writer.step("c1", before, its)
            writer.step("c1", stage, body)
            what = f"{stage.name.lower()} with {', '.join(body) or 'nothing'} behind {count}"
            say = f"{'bad' if wanted else 'good'} course {at}: {what}"
            yield say, writer.raws, [("course", count + 1)] if wanted else []


S, V, D, R, I = Stage  # noqa: E741
AGAIN = {**RECHECK, "result": "again", "longest_s": 4_000, "lacked_s": 4_000}
GOOD: list[tuple[int, Stage, dict[str, Any]]] = [
    (1, S, {}), (1, S, {"closed": True}), (1, V, {}), (1, V, {"outcome": "device"}), (2, V, {}),
    (3, V, {"outcome": "device"}), (3, D, {}), (4, D, {}), (4, R, {"recheck": RECHECK}),
    (4, R, {"recheck": AGAIN}), (5, R, {}), (5, R, {"recheck": AGAIN}), (5, D, {}), (5, I, {}),
    (5, I, {"closed": True}),
]  # fmt: skip
BAD: list[tuple[int, Stage, dict[str, Any]]] = [
    (0, V, OPENING), (0, S, {}), (0, S, {**OPENING, "lines": ["p1", "p1"]}), (1, D, {}),
    (1, R, {"recheck": RECHECK}), (2, S, {}), (2, D, {}), (2, V, {"closed": True}),
    (2, V, {"outcome": "nobody"}), (3, D, {"outcome": "plant"}), (4, R, {}), (4, D, {"recheck": RECHECK}),
    (4, R, {"recheck": {**RECHECK, "result": "cannot_be_judged"}}),
    (4, R, {"recheck": {**RECHECK, "why": "stood"}}), (4, R, {"recheck": {**RECHECK, "ran_s": 300_001}}),
    (5, R, {"closed": True}), (5, V, {}), (5, I, {"closed": 1}), (5, I, {"verdict": "guilty"}), (6, I, {}),
]  # fmt: skip
