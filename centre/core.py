"""The reference centre: messages in; verified, committed evidence, answers and JSON lines out.

One batch of messages is verified in the order of arrival, committed in one transaction together with the
receipts that follow from it, and only then answered. So a receipt never claims more than the disk has, and a
crash at any place costs nothing: what has no receipt is sent again, and a repetition changes nothing.

- A seal that is next in the chain is accepted; one that was accepted before is a duplicate, whose
  body is still taken if it was missing; one further on is parked and the gateway is asked for what
  is missing; one that contradicts an accepted one is a fork and is kept as proof.
- A body that arrives alone must match the root of its accepted seal; parts of one are put together first
  (`centre.parts`), and nothing of them is believed before that.
- A statement (`evidence.continuation`), from the gateway or from the register, is applied where the
  chain has come to it and waits until then; one that contradicts an accepted seal is kept as proof.
- Every gateway that sent something is answered once a batch: a signed, retained, cumulative
  receipt, with `conflict` where the chain cannot go on with what came.
- JSON lines (`centre.json_lines`) are made once for every accepted body and handed on after the commit. They
  are a live feed; the store is the record.

Only the first keys of the enrolled gateways and the centre's own key are trusted. A topic proves nothing
about a message; one that names another gateway than the seal does is refused.
`utc_ms` comes from the caller; this file has no clock, socket or thread.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from attrs import define, field, frozen

from centre.answers import Answer, Answers, receipt_of
from centre.json_lines import JsonLine, JsonLines
from centre.parts import Parts
from centre.store.contract import Accepted, Applied, CentreStore, Change, Fork, LateBody
from centre.withheld import Withheld
from disk.database import CommitError
from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict
from evidence.continuation import continue_chain
from evidence.receipt import RANGES_MAX
from evidence.seal import open_body, peek_header, seal_hash
from evidence.statement import Rekey, Replace
from evidence.verify import accept, read_declarations
from wire import messages as wire
from wire.messages import Kind, WireError

PARKED_MAX: Final = 256
"""Seals of one gateway that wait for an earlier one: a dozen messages of a full window."""
STATEMENTS_PARKED_MAX: Final = 16
"""Statements of one gateway that wait until the chain reaches them; one is usual."""
FINDINGS_REPORTED_MAX: Final = 10_000
"""Findings remembered as reported. The oldest are forgotten, and reported again if they recur: a sender
of many must not suppress later ones."""


@frozen
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes


@define
class _Chain:
    """One gateway; the last four fields are about the current batch."""

    state: ChainState
    lines: JsonLines
    parked: dict[int, tuple[bytes, bytes | None]] = field(factory=dict)
    statements: dict[bytes, bytes] = field(factory=dict)  # waiting for the chain, by hash
    parts: Parts = field(factory=Parts)
    withheld: Withheld = field(factory=Withheld)
    coses: dict[int, bytes] = field(factory=dict)  # accepted
    bodies: set[int] = field(factory=set)  # accepted, with their seals or alone
    stated: dict[int, bytes] = field(factory=dict)  # keys that statements gave, by number
    conflict: bool = False

    def end_batch(self) -> None:
        """Forget the batch, which is in the store now."""
        self.coses.clear()
        self.bodies.clear()
        self.stated.clear()
        self.conflict = False


@define
class _Batch:
    """The results of a batch so far; none of them is durable yet.

    Attributes:
        touched: The chains that received something; each is answered.
    """

    utc_ms: int
    changes: list[Change] = field(factory=list)
    lines: list[JsonLine] = field(factory=list)
    touched: dict[str, _Chain] = field(factory=dict)


@define
class Centre:
    """See the module.

    Attributes:
        store: The enrolled gateways, and all that is held of them.
        secret: The centre's key.
        ranges_max: Ranges of bodies in one receipt, as many as the broker's packets hold.
    """

    store: CentreStore
    secret: bytes = field(repr=False)
    ranges_max: int = field(init=False, default=RANGES_MAX)
    answers: Answers = field(init=False)
    _chains: dict[str, _Chain] = field(init=False, factory=dict)
    _reported: dict[tuple[str, str, int], None] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.answers = Answers(self.secret)

    def handle(self, messages: Iterable[Incoming], utc_ms: int) -> tuple[list[Answer], list[JsonLine]]:
        """Verify and commit a batch; the messages to publish and the lines to hand on.

        Raises:
            CommitError: The disk fails; nothing may be answered, and the process should end.
        """
        batch = _Batch(utc_ms)
        for message in messages:
            try:
                self._take(message, batch)
            except (WireError, cbor.FormatError) as error:
                finding = Finding(Code.FORM, f"{message.topic[:120]}: {error}", 0)
                self._report("", finding, batch)
        return self._finish(batch)

    def enrol(
        self, gateway: str, first_key: bytes, recovery_key: bytes, enrolment: bytes, utc_ms: int
    ) -> None:
        """Enrol a gateway of the register; a new recovery key is valid from now on.

        Raises:
            EnrolmentError: It is enrolled with another first key.
        """
        self.store.enrol(gateway, first_key, recovery_key, enrolment, utc_ms)
        chain = self._chains.get(gateway)
        if chain is not None:
            chain.state = self.store.state(gateway)

    def apply_statements(
        self, statements: Iterable[tuple[str, bytes]], utc_ms: int
    ) -> tuple[list[Answer], list[JsonLine]]:
        """Apply statements of the register, (gateway, raw); else as `handle`."""
        batch = _Batch(utc_ms)
        for gateway, raw in statements:
            chain = self._find_chain(gateway)
            if chain is not None and not self.store.is_applied(gateway, seal_hash(raw)):
                self._take_statement(chain, raw, batch)
        return self._finish(batch)

    def make_receipts(self, utc_ms: int) -> list[Answer]:
        """A new receipt for every enrolled gateway, to be published on each connect."""
        return self._commit([], dict.fromkeys(self.store.gateways(), False), utc_ms)

    def lines_of(self, gateway: str) -> JsonLines:
        """The decoder of an enrolled gateway, with what it has learnt."""
        chain = self._find_chain(gateway)
        assert chain is not None
        return chain.lines

    def _take(self, message: Incoming, batch: _Batch) -> None:
        gateway, kind = wire.parse_topic(message.topic)
        chain = self._find_chain(gateway)
        if chain is None:
            self._report(gateway, Finding(Code.FOREIGN, "a gateway that is not enrolled", 0), batch)
        elif kind is Kind.STATE:
            online, details = wire.decode_state(message.payload)
            batch.lines.append({**details, "type": "state", "gateway": gateway, "online": online})
        elif kind is Kind.SEAL:
            whole = wire.decode_seal(message.payload)
            self._take_seal(chain, whole.seal, whole.body, batch)
        elif kind is Kind.CHAIN:
            for cose in wire.decode_chain(message.payload):
                self._take_seal(chain, cose, None, batch)
        elif kind is Kind.BODY:
            late = wire.decode_body(message.payload)
            body = self._join(chain, late, batch) if isinstance(late, wire.PartMessage) else late.body
            if body is not None:
                self._take_body(chain, late.number, body, batch)
        elif kind is Kind.REKEY:
            self._take_statement(chain, wire.decode_statement(message.payload), batch)

    def _take_seal(self, chain: _Chain, cose: bytes, body: bytes | None, batch: _Batch) -> None:
        """Take a seal, and those parked behind it."""
        batch.touched[chain.state.gateway] = chain
        due: tuple[bytes, bytes | None] | None = (cose, body)
        while due is not None:
            self._judge(chain, *due, batch)
            for digest, raw in list(chain.statements.items()):
                del chain.statements[digest]
                self._apply(chain, raw, batch)
            due = chain.parked.pop(chain.state.number + 1, None)
        chain.parked = {n: parked for n, parked in chain.parked.items() if n > chain.state.number}

    def _judge(self, chain: _Chain, cose: bytes, body: bytes | None, batch: _Batch) -> None:
        gateway = chain.state.gateway
        verdict = accept(
            chain.state,
            cose,
            body,
            batch.utc_ms,
            stored=partial(self._cose_of, gateway),
            stated_key=lambda number: chain.stated.get(number) or self.store.stated_key(gateway, number),
            reference_utc_ms=self.answers.reference_utc_ms,
        )
        for finding in verdict.findings:
            self._report(gateway, finding, batch)
        number = verdict.state.number if verdict.header is None else verdict.header.number
        if verdict.outcome is Outcome.ACCEPTED:
            self._accept(chain, verdict, cose, body, batch)
        elif verdict.outcome is Outcome.DUPLICATE:
            if body is not None:
                self._take_body(chain, number, body, batch)
        else:
            chain.conflict = True
            if verdict.outcome is Outcome.FORK:
                batch.changes.append(Fork(gateway, number, cose, batch.utc_ms))
            elif verdict.outcome is Outcome.GAP and len(chain.parked) < PARKED_MAX:
                chain.parked[number] = cose, body

    def _accept(
        self, chain: _Chain, verdict: Verdict, cose: bytes, body: bytes | None, batch: _Batch
    ) -> None:
        header, records = verdict.header, verdict.records
        assert header is not None
        chain.state, chain.conflict = verdict.state, False
        chain.coses[header.number] = cose
        proven = None if records is None else body
        batch.changes.append(Accepted(verdict.state, cose, proven, batch.utc_ms, verdict.absent))
        line = {"type": "seal", "gateway": header.gateway, "seal": header.number, "count": header.count}
        batch.lines.append({**line, "body": records is not None})
        if records is not None:
            chain.bodies.add(header.number)
            batch.lines += chain.lines.of_body(header, records)

    def _take_statement(self, chain: _Chain, raw: bytes, batch: _Batch) -> None:
        """Take a statement, and the seals parked behind it."""
        batch.touched[chain.state.gateway] = chain
        if self._apply(chain, raw, batch):
            due = chain.parked.pop(chain.state.number + 1, None)
            if due is not None:
                self._take_seal(chain, *due, batch)

    def _apply(self, chain: _Chain, raw: bytes, batch: _Batch) -> bool:
        """Apply a statement; whether the chain goes on with it now."""
        gateway = chain.state.gateway
        verdict = continue_chain(
            chain.state,
            raw,
            self.answers.public_key,
            stored=partial(self._cose_of, gateway),
            applied=lambda digest: self.store.is_applied(gateway, digest),
        )
        if verdict.outcome is Outcome.GAP:
            if len(chain.statements) < STATEMENTS_PARKED_MAX:
                chain.statements[seal_hash(raw)] = raw
            return False  # no conflict: a statement arrives before the seals of a backlog
        chain.state = verdict.state
        for finding in verdict.findings:
            self._report(gateway, finding, batch)
        if verdict.outcome is Outcome.ACCEPTED:
            chain.conflict = False
            if isinstance(verdict.statement, Rekey | Replace):
                chain.stated[verdict.statement.number] = verdict.statement.next_key
            batch.changes.append(Applied(verdict.state, raw, batch.utc_ms))
            return True
        if verdict.outcome is Outcome.FORK:
            assert verdict.statement is not None
            batch.changes.append(Fork(gateway, verdict.statement.number, raw, batch.utc_ms))
        chain.conflict |= verdict.outcome is not Outcome.DUPLICATE
        return False

    def _join(self, chain: _Chain, part: wire.PartMessage, batch: _Batch) -> bytes | None:
        """The body that `part` completes; one that is held already is only answered."""
        gateway = chain.state.gateway
        if part.number in chain.bodies or part.number in self.store.held(gateway):
            batch.touched[gateway] = chain
            return None
        return chain.parts.put(part)

    def _take_body(self, chain: _Chain, number: int, body: bytes, batch: _Batch) -> None:
        gateway = chain.state.gateway
        batch.touched[gateway] = chain
        if number > chain.state.number:
            chain.conflict = True  # its seal comes first
            return
        if number in chain.bodies:
            return
        cose, known = self.store.seal(gateway, number) or (chain.coses.get(number), None)
        if cose is None or known is not None:
            return
        header = peek_header(cose)  # verified when it was accepted
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            self._report(gateway, Finding(Code.BODY, str(error), number), batch)
            return
        findings, absent = read_declarations(records, number)
        chain.bodies.add(number)
        batch.changes.append(LateBody(gateway, number, body, tuple(absent)))
        batch.lines.append({"type": "body", "gateway": gateway, "seal": number})
        for finding in findings:
            self._report(gateway, finding, batch)
        batch.lines += chain.lines.of_body(header, records)

    def _finish(self, batch: _Batch) -> tuple[list[Answer], list[JsonLine]]:
        """Commit, and only then answer."""
        conflicts = {name: chain.conflict for name, chain in batch.touched.items()}
        answers = self._commit(batch.changes, conflicts, batch.utc_ms)
        for name, chain in batch.touched.items():
            held = self.store.held(name)
            batch.lines += chain.lines.complete(held.up_to)
            for finding in chain.withheld.look(held, chain.state.number, batch.utc_ms):
                batch.lines.append(chain.lines.of_finding(finding))
            chain.end_batch()
        return answers, batch.lines

    def _commit(self, changes: Sequence[Change], conflicts: Mapping[str, bool], utc_ms: int) -> list[Answer]:
        """Commit changes and a receipt for each gateway of `conflicts`; with none there are no changes."""
        if not conflicts:
            return []
        receipts = {
            name: partial(
                receipt_of,
                secret=self.secret,
                utc_ms=utc_ms,
                conflict=conflict,
                ranges_max=self.ranges_max,
            )
            for name, conflict in conflicts.items()
        }
        try:
            signed = self.store.commit(changes, receipts)
        except CommitError:
            self.store.reopen()  # the result is unknown: commit the same batch again
            signed = self.store.commit(changes, receipts)
        return [self.answers.of_receipt(name, raw, utc_ms) for name, raw in signed.items()]

    def _find_chain(self, gateway: str) -> _Chain | None:
        if gateway not in self._chains:
            if gateway not in self.store.gateways():
                return None
            lines = JsonLines(gateway, partial(self._hash_of, gateway))
            self._chains[gateway] = _Chain(self.store.state(gateway), lines)
        return self._chains[gateway]

    def _hash_of(self, gateway: str, number: int) -> bytes | None:
        cose = self._cose_of(gateway, number)
        return None if cose is None else seal_hash(cose)

    def _cose_of(self, gateway: str, number: int) -> bytes | None:
        """A seal that was accepted, in this batch or before."""
        return self._chains[gateway].coses.get(number) or self.store.cose(gateway, number)

    def _report(self, gateway: str, finding: Finding, batch: _Batch) -> None:
        """Add the line of a finding, once for each gateway, code and number."""
        number = finding.number
        if finding.code is Code.GAP:  # one gap, however many seals follow it
            number = self._chains[gateway].state.number + 1
        if finding.code is Code.REVOKED and number > (self._chains[gateway].state.revoked or 0):
            number = -1  # the seals of a revoked gateway, however many
        key = gateway, str(finding.code), number
        if key in self._reported:
            return
        self._reported[key] = None
        if len(self._reported) > FINDINGS_REPORTED_MAX:
            del self._reported[next(iter(self._reported))]
        batch.lines.append(JsonLines(gateway).of_finding(finding))
