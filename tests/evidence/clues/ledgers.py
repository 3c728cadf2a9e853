"""A ledger as two officers write it: made steps, each behind the one before it."""

from typing import Any, Final

from attrs import define, evolve, field

from evidence import keys
from evidence.clues.step import End, Link, Linked, Stage, Step, hash_step, sign_end, sign_step
from evidence.orders.certificate import Role, Withdrawal, sign_root_statement
from evidence.orders.trust import Trust
from evidence.seal import NO_HASH
from tests.evidence.chains import secret
from tests.evidence.orders import made

WANG: Final = made.OFFICER
LI: Final = secret(6, "officer")
NAMES: Final = {WANG: "王芳", LI: "李强"}
WANG_CERTIFICATE: Final = made.certificate("王芳", WANG, Role.OFFICER, area="3702")
LI_CERTIFICATE: Final = made.certificate("李强", LI, Role.OFFICER)
STATEMENTS: Final = (WANG_CERTIFICATE, LI_CERTIFICATE)
LINK: Final = Link(Linked.EPISODE, "k1-off-1772412060", bytes(31) + b"e", "g1", 7)
OPENING: Final = {
    "gateway": "g1",
    "rule": "off",
    "lines": ["p1", "t1"],
    "begin_s": 1_772_412_060,
    "end_s": None,
}
RECHECK: Final = {
    "begin_s": 1_772_500_000, "end_s": 1_772_800_000, "result": "holds", "why": "", "covered_s": 290_000,
    "ran_s": 200_000, "lacked_s": 60, "longest_s": 60, "longest_at_s": 1_772_600_000, "runs_w": 18_000,
    "works_w": 9_000,
}  # fmt: skip
COURSE: Final[tuple[tuple[Stage, dict[str, Any]], ...]] = (
    (Stage.SCREENING, OPENING),
    (Stage.VERIFYING, {}),
    (Stage.VERIFYING, {"outcome": "plant"}),
    (Stage.DISPOSING, {}),
    (Stage.RECTIFYING, {"recheck": RECHECK}),
    (Stage.IMPROVING, {"closed": True}),
)
"""The whole course of a clue."""

WRONG_FIELDS: Final[tuple[tuple[int, object], ...]] = (
    (0, 2), (1, 0), (1, 1 << 32), (2, b"short"), (3, ""), (3, "a/b"), (4, 5), (5, ""), (5, "x" * 65),
    (6, b"short"), (7, -1), (8, "x" * 3_001), (9, [["episode", "", bytes(32), "g1", 7]]),
    (9, [["guess", "x", bytes(32), "g1", 7]]), (9, [["order", "x", bytes(31), "g1", 0]]),
    (9, [["order", "x", bytes(32), "g/1", 0]]), (9, [["order", "x", bytes(32), "g1", -1]]),
    (9, [["order", "x", bytes(32), "g1", 0]] * 17), (10, []),
)  # fmt: skip
"""Of the payload of a step: the place, and what may not stand there."""


def withdrawal(secret_: bytes, since_utc_ms: int) -> bytes:
    one = Withdrawal(keys.public(secret_), since_utc_ms, since_utc_ms, "lost")
    return sign_root_statement(one, made.ROOT)


def trust(*more: bytes) -> Trust:
    return Trust(keys.public(made.ROOT), [*STATEMENTS, *more])


@define
class Writer:
    """Writes a ledger without asking whether it may."""

    raws: list[bytes] = field(factory=list)
    utc_ms: int = made.NOW_MS

    def step(self, clue: str, stage: Stage, body: dict[str, Any], by: bytes = WANG, **changes: Any) -> bytes:
        self.utc_ms += 1_000
        one = Step(
            seq=len(self.raws) + 1,
            previous=hash_step(self.raws[-1]) if self.raws else NO_HASH,
            clue=clue,
            stage=stage,
            officer=NAMES.get(by, "王芳"),
            key=keys.public(by),
            utc_ms=self.utc_ms,
            text="现场核实",
            links=(LINK,) if body is OPENING else (),
            body=body,
        )
        self.raws.append(sign_step(evolve(one, **changes), by))
        return self.raws[-1]

    def course(self, clue: str = "c1", by: bytes = WANG) -> list[bytes]:
        return [self.step(clue, stage, body, by) for stage, body in COURSE]

    def end(self, by: bytes = WANG, **changes: Any) -> bytes:
        digest = hash_step(self.raws[-1]) if self.raws else NO_HASH
        one = End(len(self.raws), digest, NAMES.get(by, "王芳"), keys.public(by), self.utc_ms)
        return sign_end(evolve(one, **changes), by)
