"""What the check of an evidence pack gives: the seals that it proved, and what they rest on."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import frozen

from evidence.chain import Finding
from evidence.pack.content import Content
from evidence.receipt import Receipt
from evidence.seal import SealHeader
from evidence.statement import Enrolment, Rekey, Replace, Revoke

PROBLEMS_MAX: Final = 100
"""Problems reported for one pack; the rest adds nothing."""


class PackError(Exception):
    """The pack does not hold; `problems` has one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems[:PROBLEMS_MAX])
        super().__init__("; ".join(self.problems))


class Rest(StrEnum):
    """What a run of seals rests on."""

    ENROLMENT = "enrolment"
    RECEIPT = "receipt"
    FIRST_KEY = "first key"
    """A first key that the verifier knows; the pack has no enrolment."""


@frozen
class ProvedSeal:
    """A seal that was checked; `records` is None where its body is not in the pack."""

    header: SealHeader
    hash: bytes
    records: tuple[bytes, ...] | None


@frozen
class Part:
    """A run that was checked.

    Attributes:
        rests: The enrolment if possible, else receipts, else what the verifier knows.
        receipted: The numbers of the seals in it that the centre has signed for.
    """

    seals: tuple[ProvedSeal, ...]
    rests: Rest
    receipted: tuple[int, ...]

    @property
    def first(self) -> int:
        """Number of its first seal."""
        return self.seals[0].header.number

    @property
    def last(self) -> int:
        """Number of its last seal."""
        return self.seals[-1].header.number


@frozen
class Evidence:
    """A pack whose every signature and hash holds.

    Attributes:
        content: What it was read from.
        digest: SHA-256 of the content, its fingerprint.
        enrolment: The enrolment, where the centre has signed one.
        statements: The later statements about its keys.
        parts: The runs, in the order of the numbers.
        receipts: By the number of the seal.
        findings: Facts that a reader should know, in the order of the seals.
        attestations: What is wrong with attestations of a TPM, likewise; the page does not draw them.
        absent: Seals of the window without a body: the number of the seal that declares it lost, or None.
    """

    content: Content
    digest: bytes
    enrolment: Enrolment | None
    statements: tuple[Rekey | Replace | Revoke, ...]
    parts: tuple[Part, ...]
    receipts: Mapping[int, Receipt]
    findings: tuple[Finding, ...]
    attestations: tuple[Finding, ...]
    absent: Mapping[int, int | None]

    @property
    def window(self) -> tuple[ProvedSeal, ...]:
        """The seals that the question is about."""
        asked = self.content.question
        part = next(part for part in self.parts if part.first <= asked.first <= part.last)
        return part.seals[asked.first - part.first : asked.last - part.first + 1]
