"""Checks the content of an evidence pack: each run of seals and what it rests on. Pure.

The rules are in `evidence.pack.content`. `prove` reports everything that is wrong with each run, and returns
the evidence only if nothing is. Not handled here: the container, the page, what the readings mean.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from attrs import define, evolve, field

from evidence import cbor
from evidence.attested_chain import Passing
from evidence.chain import ChainState, Code, Finding, Outcome
from evidence.continuation import continue_chain
from evidence.pack.content import KEY_CHANGES, Content, PackedSeal
from evidence.pack.proved import Evidence, PackError, Part, ProvedSeal, Rest
from evidence.receipt import Receipt, open_receipt
from evidence.seal import FIRST_NUMBER, SealHeader, open_body, peek_header, seal_hash
from evidence.statement import NO_KEY, Enrolment, Replace, Revoke, Statement, open_statement
from evidence.verify import accept, check_records, read_declarations

FINDINGS_MAX: Final = 1_000
"""Problems kept with their text, so that a forger cannot fill the reader's memory."""


def prove(content: Content, digest: bytes, centre_key: bytes, first_key: bytes | None = None) -> Evidence:
    """The evidence that `content`, decoded and not trusted, is; `digest` is its SHA-256.

    The centre's public key is the root of everything; `first_key` is the gateway's enrolled one, where the
    verifier knows it.

    Raises:
        PackError: Something does not hold.
    """
    proof = _Proof(content, centre_key)
    proof.read_roots(first_key)
    for run in content.runs:
        proof.check_run(run)
    proof.check_rest()
    if proof.problems:
        raise PackError(proof.problems)
    asked = content.question
    evidence = Evidence(
        content=content,
        digest=digest,
        enrolment=proof.enrolment,
        statements=tuple(one for one in proof.statements if not isinstance(one, Enrolment)),
        parts=tuple(proof.parts),
        receipts=proof.receipts,
        findings=tuple(proof.findings[:FINDINGS_MAX]),
        attestations=tuple(proof.attestations[:FINDINGS_MAX]),
        absent={},
    )
    declared = proof.declared
    absent = {
        number: next((by for first, last, by in declared if first <= number <= last), None)
        for number, seal in enumerate(evidence.window, asked.first)
        if seal.records is None
    }
    return evolve(evidence, absent=absent)


@define
class _Proof:
    """A check under way."""

    content: Content
    centre_key: bytes
    problems: list[str] = field(factory=list)
    parts: list[Part] = field(factory=list)
    receipts: dict[int, Receipt] = field(factory=dict)
    references: dict[bytes, int] = field(factory=dict)
    findings: list[Finding] = field(factory=list)
    attestations: list[Finding] = field(factory=list)
    attested: Passing = field(factory=Passing)
    declared: list[tuple[int, int, int]] = field(factory=list)
    statements: list[Statement] = field(factory=list)
    applied: set[bytes] = field(factory=set)  # hashes of those within the runs
    enrolment: Enrolment | None = None
    first_key: bytes | None = None  # only one that somebody vouches for

    def read_roots(self, first_key: bytes | None) -> None:
        """Read the enrolment, or the first key, that everything rests on."""
        content = self.content
        if content.centre_key != self.centre_key:
            self.problems.append(
                f"made for the centre's key {content.centre_key.hex()}, not for {self.centre_key.hex()}"
            )
        if first_key is not None:
            self.first_key = first_key
            if content.first_key not in {None, first_key}:
                self.problems.append("the first key of the gateway is another one than was given")
        for raw in content.statements:
            self._read_statement(raw)
        for raw in content.receipts:
            self._read_receipt(raw)
        if self.enrolment is not None and content.first_key is not None:
            self.problems.append("a first key beside the enrolment that names it")

    def check_run(self, run: Sequence[PackedSeal]) -> None:
        """Check one run as far as it goes."""
        try:
            head = peek_header(run[0].cose)
        except cbor.FormatError as error:
            self.problems.append(f"the first seal of a run: {error}")
            return
        if self.parts and head.number <= self.parts[-1].last + 1:
            self.problems.append(f"seal {head.number}: the runs do not ascend, or touch")
        last = head.number + len(run) - 1
        receipted = tuple(number for number in self.receipts if head.number <= number <= last)
        from_first = head.number == FIRST_NUMBER
        rests = (
            Rest.ENROLMENT if from_first and self.enrolment else Rest.RECEIPT if receipted else Rest.FIRST_KEY
        )
        if rests is Rest.FIRST_KEY and not (from_first and self.first_key):
            hint = "; give the gateway's first key" if from_first else ""
            self.problems.append(f"seals {head.number} to {last}: nothing vouches for them{hint}")
        seals = self._prove_seals(run, head)
        if seals is not None:
            self.parts.append(Part(seals, rests, receipted))
            self._judge_attestations(seals)

    def _judge_attestations(self, seals: Sequence[ProvedSeal]) -> None:
        """Note what is wrong with the attestations in a run."""
        self.attested.skip()
        for seal in seals:
            number = seal.header.number
            wrong = self.attested.judge(number, seal.hash, seal.records)
            self.attestations += [Finding(Code.ATTESTATION, text, number) for text in wrong]

    def check_rest(self) -> None:
        """Check what concerns the pack as a whole."""
        if self.problems:
            return
        asked = self.content.question
        part = next((part for part in self.parts if part.first <= asked.first <= part.last), None)
        if part is None or asked.last > part.last:
            self.problems.append(f"seals {asked.first} to {asked.last} of the window are not all there")
            return
        within = [
            asked.from_ms <= part.seals[number - part.first].header.utc_ms <= asked.to_ms
            for number in (asked.first, max(asked.first, asked.last - 1), asked.last)
        ]
        if not within[0] or not (within[1] or within[2]):
            self.problems.append("the seals of the window were not made in its time")
        self.problems += [
            f"seal {part.last}: the centre has revoked this gateway after seal {limit}"
            for part in self.parts
            for limit in self._find_revocations(part)
        ]
        unused = [n for n in self.receipts if not any(part.first <= n <= part.last for part in self.parts)]
        self.problems += [f"the receipt for seal {n} is about no seal of the pack" for n in unused]

    def _find_revocations(self, part: Part) -> list[int]:
        """For each revocation that forbids seals of `part`, the last seal that counts."""
        lifts = [one for one in self.statements if isinstance(one, Replace) and one.number <= part.last]
        return [
            one.number
            for one in self.statements
            if isinstance(one, Revoke)
            and part.last > one.number
            and not any(lift.number > one.number and lift.utc_ms > one.utc_ms for lift in lifts)
        ]

    def _read_statement(self, raw: bytes) -> None:
        """Read a statement of the centre about the gateway's whole life."""
        try:
            one = open_statement(raw, self.centre_key)
        except cbor.FormatError as error:
            self.problems.append(f"a statement: {error}")
            return
        if one.gateway != self.content.gateway:
            self.problems.append(f"a statement about gateway {one.gateway}")
        elif isinstance(one, Enrolment) and not self.statements:
            self.enrolment = one
            if self.first_key not in {None, one.first_key}:
                self.problems.append("the enrolment names another first key than was given")
            self.first_key = one.first_key
        elif isinstance(one, Replace | Revoke):
            before = [known.number for known in self.statements if not isinstance(known, Enrolment)]
            if before and one.number < before[-1]:
                self.problems.append(f"the statement about seal {one.number} does not ascend")
        else:
            self.problems.append("a statement that is out of place")
        self.statements.append(one)

    def _apply(self, state: ChainState, raw: bytes) -> ChainState:
        """The state after a statement that precedes a seal."""
        verdict = continue_chain(state, raw, self.centre_key, applied=self.applied.__contains__)
        if verdict.outcome is not Outcome.ACCEPTED or verdict.statement is None:
            reasons = "; ".join(finding.text for finding in verdict.findings)
            self.problems.append(f"statement before seal {state.number + 1}: {reasons or verdict.outcome}")
            return state
        if isinstance(verdict.statement, Revoke):
            self.problems.append(f"statement before seal {state.number + 1}: a revocation within a run")
        self.findings += verdict.findings
        self.statements.append(verdict.statement)
        self.applied.add(seal_hash(raw))
        return verdict.state

    def _find_recovery_key(self, number: int) -> bytes:
        """The recovery key that was in force at seal `number`, as far as the centre's statements name it."""
        known = [one for one in self.statements if isinstance(one, Replace) and one.number <= number]
        # An earlier run was applied after the statements of the pack were read: the number decides.
        last = max(enumerate(known), key=lambda placed: (placed[1].number, placed[0]), default=None)
        if last is not None:
            return last[1].recovery_key
        return self.enrolment.recovery_key if self.enrolment else NO_KEY

    def _read_receipt(self, raw: bytes) -> None:
        before = max(self.receipts, default=0)
        try:
            receipt = open_receipt(raw, self.centre_key)
        except cbor.FormatError as error:
            self.problems.append(f"the receipt behind that for seal {before}: {error}")
            return
        if receipt.gateway != self.content.gateway:
            self.problems.append(f"a receipt of gateway {receipt.gateway}")
        elif receipt.number <= before:
            self.problems.append(f"the receipt for seal {receipt.number} does not ascend")
        self.receipts[receipt.number] = receipt
        self.references[sha256(raw).digest()] = receipt.centre_utc_ms

    def _prove_seals(self, run: Sequence[PackedSeal], head: SealHeader) -> tuple[ProvedSeal, ...] | None:
        """The proved seals of a run, None if one does not hold."""
        gateway = self.content.gateway
        known = self.first_key or self.content.first_key
        before = len(self.problems)
        proved: list[ProvedSeal] = []
        if head.number == FIRST_NUMBER and known is not None:
            state, rest = ChainState.enrolled(gateway, known, self._find_recovery_key(0)), run
        else:
            if head.gateway != gateway:
                self.problems.append(f"seal {head.number}: seal of gateway {head.gateway}")
                return None
            if run[0].statements:
                self.problems.append(f"seal {head.number}: a statement before it that proves nothing")
            state = evolve(_state_after(head, run[0].cose), recovery_key=self._find_recovery_key(head.number))
            rest = run[1:]
            proved.append(ProvedSeal(head, state.hash, self._open_body(head, run[0].body)))
            self._compare_receipt(state)
        for seal in rest:
            changes = seal.statements == (KEY_CHANGES,)
            step = self._prove_change(state, seal, run) if changes else self._prove_next(state, seal)
            if step is None:
                return None
            state, one = step
            proved.append(one)
            self._compare_receipt(state)
        return tuple(proved) if len(self.problems) == before else None

    def _prove_next(self, state: ChainState, seal: PackedSeal) -> tuple[ChainState, ProvedSeal] | None:
        """The next seal, proved, with the state after it; None if it does not hold."""
        for raw in seal.statements:
            state = self._apply(state, raw)
        number = state.number + 1
        receipt = self.receipts.get(number)
        verdict = accept(
            state,
            seal.cose,
            seal.body,
            None if receipt is None else receipt.centre_utc_ms,
            reference_utc_ms=self.references.get,
        )
        if verdict.outcome is not Outcome.ACCEPTED or verdict.header is None:
            reasons = "; ".join(finding.text for finding in verdict.findings)
            self.problems.append(f"seal {number}: {reasons or verdict.outcome}")
            return None
        wrong = [finding for finding in verdict.findings if finding.code is Code.BODY]
        self.problems += [f"seal {number}: {finding.text}" for finding in wrong]
        self.findings += [*verdict.findings, *check_records(verdict.records or (), verdict.header)]
        self.declared += [(*span, number) for span in verdict.absent]
        return verdict.state, ProvedSeal(verdict.header, verdict.state.hash, verdict.records)

    def _prove_change(
        self, state: ChainState, seal: PackedSeal, run: Sequence[PackedSeal]
    ) -> tuple[ChainState, ProvedSeal] | None:
        """The same where the key changes by a statement that nobody can check here: a receipt must vouch."""
        number = state.number + 1
        try:
            head = peek_header(seal.cose)
        except cbor.FormatError as error:
            self.problems.append(f"seal {number}: {error}")
            return None
        last = peek_header(run[-1].cose).number
        follows = (head.gateway, head.number, head.previous) == (state.gateway, number, state.hash)
        vouched = any(number <= receipt <= last for receipt in self.receipts)
        unchecked = self.enrolment is None and seal is not run[0]
        if not unchecked or not follows or head.first_record < state.next_record or not vouched:
            self.problems.append(f"seal {number}: under a new key that nothing vouches for")
            return None
        after = _state_after(head, seal.cose)
        return after, ProvedSeal(head, after.hash, self._open_body(head, seal.body))

    def _open_body(self, header: SealHeader, body: bytes | None) -> tuple[bytes, ...] | None:
        if body is None:
            return None
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            self.problems.append(f"seal {header.number}: {error}")
            return None
        findings, absent = read_declarations(records, header.number)
        self.findings += [*findings, *check_records(records, header)]
        self.declared += [(*span, header.number) for span in absent]
        return records

    def _compare_receipt(self, state: ChainState) -> None:
        receipt = self.receipts.get(state.number)
        if receipt is not None and receipt.seal_hash != state.hash:
            self.problems.append(
                f"seal {state.number}: the centre's receipt is for another seal {state.number}"
            )


def _state_after(head: SealHeader, raw: bytes) -> ChainState:
    """The state after a seal that nothing before it proves; its proof follows later."""
    return ChainState.enrolled(head.gateway, head.next_key).after(head, seal_hash(raw))
