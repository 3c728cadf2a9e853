"""The reference centre: messages in; verified, committed evidence, answers and lines out.

One batch of messages is verified in the order of arrival, committed in one transaction, and only
then answered. So a receipt never says more than the disk holds, and a crash at any place costs
nothing: what was not receipted comes again, and what comes again changes nothing.

- A seal that is next in the chain is accepted; one that was accepted before is a duplicate, whose
  body is still taken if it was missing; one further on is parked and the gateway is asked for what
  is missing; one that contradicts an accepted one is a fork and is kept as proof.
- A body that comes alone must match the root of its accepted seal.
- A statement (`evidence.continuation`), from the gateway or from the register, is applied where the
  chain has come to it and waits until then; one that contradicts an accepted seal is kept as proof.
- Every gateway that sent something is answered once a batch: a signed, retained, cumulative
  receipt, with `conflict` where the chain cannot go on with what came.
- Lines (`centre.json_lines`) are made once for every accepted body, after the commit. They are a
  live feed; the database is the record, and `replay` makes them again from it.

Who is trusted: the first keys in the register, and the centre's own key. Nothing about a message
is believed for its topic; a topic that names another gateway than the seal does is refused.
`utc_ms` and `now` come from the caller; this file has no clock, socket or thread.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from attrs import define, field, frozen

from centre.answers import Answer, Answers
from centre.json_lines import JsonLine, JsonLines
from centre.store.sqlite import Accepted, Applied, CentreStore
from disk.database import CommitError
from evidence import cbor
from evidence.chain import ChainState, Code, Finding
from evidence.seal import FIRST_NUMBER, peek_header, seal_hash
from evidence.statement import Rekey, Replace
from evidence.verify import Outcome, Verdict, accept, accept_body, continue_chain, declarations
from wire import messages as wire
from wire.messages import Kind, WireError

PARKED_MAX: Final = 256
"""Seals of one gateway that wait for an earlier one: a dozen messages of a full window."""
STATEMENTS_PARKED_MAX: Final = 16
"""Statements of one gateway that wait for the chain to come to them; one is usual."""
FINDINGS_TOLD_MAX: Final = 10_000
"""Findings remembered as told. The oldest are forgotten, and told again if they come again: whoever
makes many must not silence those after them."""


@frozen
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes


@define
class _Chain:
    """One gateway while a batch is worked on."""

    state: ChainState
    lines: JsonLines
    parked: dict[int, tuple[bytes, bytes | None]] = field(factory=dict)
    coses: dict[int, bytes] = field(factory=dict)  # accepted in this batch
    bodies: dict[int, tuple[bytes, tuple[tuple[int, int], ...]]] = field(factory=dict)  # came alone
    with_body: set[int] = field(factory=set)  # accepted in this batch together with their bodies
    statements: dict[bytes, bytes] = field(factory=dict)  # that wait for the chain, by hash
    stated: dict[int, bytes] = field(factory=dict)  # keys that statements of this batch gave
    conflict: bool = False
    touched: bool = False


@define
class Centre:
    """See the module.

    Attributes:
        store: The centre's database.
        answers: Signs for what is in it.
        first_key: Looks a gateway up in the register; None for a stranger.
    """

    store: CentreStore
    answers: Answers
    first_key: Callable[[str], bytes | None]
    _chains: dict[str, _Chain] = field(init=False, factory=dict)
    _told: dict[tuple[str, str, int], None] = field(init=False, factory=dict)

    def handle(self, messages: Iterable[Incoming], utc_ms: int) -> tuple[list[Answer], list[JsonLine]]:
        """Work on a batch: what to publish and what to hand on, both true on the disk by then.

        Raises:
            CommitError: The disk fails; nothing may be answered, and the process should end.
        """
        accepted: list[Accepted | Applied] = []
        lines: list[JsonLine] = []
        for message in messages:
            try:
                lines += self._message(message, utc_ms, accepted)
            except (WireError, cbor.FormatError) as error:
                lines += self._told_once("", Finding(Code.FORM, f"{message.topic[:120]}: {error}", 0))
        self._commit(accepted)
        for name, chain in self._chains.items():
            lines += chain.lines.complete(self.store.held(name).up_to) if chain.touched else ()
        return self._answers(utc_ms), lines

    def enrol(
        self, gateway: str, first_key: bytes, recovery_key: bytes, enrolment: bytes, utc_ms: int
    ) -> None:
        """Know a gateway of the register; a recovery key that is new is believed from now on.

        Raises:
            EnrolmentError: It is known by another first key.
        """
        self.store.enrol(gateway, first_key, recovery_key, enrolment, utc_ms)
        chain = self._chains.get(gateway)
        if chain is not None:
            chain.state = self.store.state(gateway)

    def state_keys(
        self, statements: Iterable[tuple[str, bytes]], utc_ms: int
    ) -> tuple[list[Answer], list[JsonLine]]:
        """Apply statements of the register, (gateway, raw); else as `handle`."""
        accepted: list[Accepted | Applied] = []
        lines: list[JsonLine] = []
        for gateway, raw in statements:
            chain = self._chain(gateway)
            if chain is not None and not self.store.is_applied(gateway, seal_hash(raw)):
                lines += self._statement(chain, raw, utc_ms, accepted)
        self._commit(accepted)
        return self._answers(utc_ms), lines

    def receipts(self, utc_ms: int) -> list[Answer]:
        """A receipt for every enrolled gateway: what is said anew after a start."""
        return [self.answers.receipt(name, utc_ms) for name in self.store.gateways()]

    def replay(self, gateway: str, first: int = FIRST_NUMBER) -> Iterator[JsonLine]:
        """The lines of everything that is held of a gateway from seal `first` on."""
        lines = JsonLines(gateway, partial(self._hash_of, gateway))
        for number, cose, body, _ in self.store.chain(gateway):
            if body is None:
                continue
            header = peek_header(cose)  # verified before it entered the store
            made = lines.of_body(header, accept_body(header, body))
            yield from made if number >= first else ()

    def lines_of(self, gateway: str) -> JsonLines | None:
        """The decoder of an enrolled gateway, with what it has learnt; None for a stranger."""
        chain = self._chain(gateway)
        return None if chain is None else chain.lines

    def _message(self, message: Incoming, utc_ms: int, accepted: list[Accepted | Applied]) -> list[JsonLine]:
        gateway, kind = wire.parse_topic(message.topic)
        chain = self._chain(gateway)
        if chain is None:
            return self._told_once(gateway, Finding(Code.FOREIGN, "a gateway that is not enrolled", 0))
        if kind is Kind.STATE:
            online, details = wire.decode_state(message.payload)
            return [{**details, "type": "state", "gateway": gateway, "online": online}]
        lines: list[JsonLine] = []
        if kind is Kind.SEAL:
            whole = wire.decode_seal(message.payload)
            lines = self._seal(chain, whole.seal, whole.body, utc_ms, accepted)
        elif kind is Kind.CHAIN:
            for cose in wire.decode_chain(message.payload):
                lines += self._seal(chain, cose, None, utc_ms, accepted)
        elif kind is Kind.BODY:
            late = wire.decode_body(message.payload)
            lines = self._body(chain, late.number, late.body)
        elif kind is Kind.REKEY:
            lines = self._statement(chain, wire.decode_statement(message.payload), utc_ms, accepted)
        return lines

    def _seal(
        self, chain: _Chain, cose: bytes, body: bytes | None, utc_ms: int, accepted: list[Accepted | Applied]
    ) -> list[JsonLine]:
        """A seal that came, and those that were parked behind it."""
        chain.touched = True
        lines: list[JsonLine] = []
        due: tuple[bytes, bytes | None] | None = (cose, body)
        while due is not None:
            lines += self._judge(chain, *due, utc_ms, accepted)
            lines += self._waiting_statements(chain, utc_ms, accepted)
            due = chain.parked.pop(chain.state.number + 1, None)
        chain.parked = {n: parked for n, parked in chain.parked.items() if n > chain.state.number}
        return lines

    def _judge(
        self, chain: _Chain, cose: bytes, body: bytes | None, utc_ms: int, accepted: list[Accepted | Applied]
    ) -> list[JsonLine]:
        gateway = chain.state.gateway
        verdict = accept(
            chain.state,
            cose,
            body,
            utc_ms,
            stored=lambda number: chain.coses.get(number) or self.store.cose(gateway, number),
            stated_key=lambda number: chain.stated.get(number) or self.store.stated_key(gateway, number),
            reference_utc_ms=self.answers.reference_utc_ms,
        )
        lines = [line for finding in verdict.findings for line in self._told_once(gateway, finding)]
        number = verdict.state.number if verdict.header is None else verdict.header.number
        if verdict.outcome is Outcome.ACCEPTED:
            chain.conflict = False
            chain.coses[number] = cose
            proven = None if verdict.records is None else body
            accepted.append(Accepted(verdict.state, cose, proven, utc_ms, verdict.absent))
            return [*lines, *_accepted(chain, verdict)]
        if verdict.outcome is Outcome.DUPLICATE:
            return lines if body is None else [*lines, *self._body(chain, number, body)]
        chain.conflict = True
        if verdict.outcome is Outcome.FORK:
            self.store.put_fork(gateway, number, cose, utc_ms)
        elif verdict.outcome is Outcome.GAP and len(chain.parked) < PARKED_MAX:
            chain.parked[number] = cose, body
        return lines

    def _statement(
        self, chain: _Chain, raw: bytes, utc_ms: int, accepted: list[Accepted | Applied]
    ) -> list[JsonLine]:
        """A statement that came, and the seals that were parked behind it."""
        chain.touched = True
        lines, applied = self._apply(chain, raw, utc_ms, accepted)
        due = chain.parked.pop(chain.state.number + 1, None) if applied else None
        return lines if due is None else [*lines, *self._seal(chain, *due, utc_ms, accepted)]

    def _waiting_statements(
        self, chain: _Chain, utc_ms: int, accepted: list[Accepted | Applied]
    ) -> list[JsonLine]:
        lines: list[JsonLine] = []
        for digest, raw in list(chain.statements.items()):
            del chain.statements[digest]
            lines += self._apply(chain, raw, utc_ms, accepted)[0]
        return lines

    def _apply(
        self, chain: _Chain, raw: bytes, utc_ms: int, accepted: list[Accepted | Applied]
    ) -> tuple[list[JsonLine], bool]:
        """What became of a statement, and whether the chain goes on with it."""
        gateway = chain.state.gateway
        verdict = continue_chain(
            chain.state,
            raw,
            self.answers.public_key,
            stored=lambda number: chain.coses.get(number) or self.store.cose(gateway, number),
            applied=lambda digest: self.store.is_applied(gateway, digest),
        )
        if verdict.outcome is Outcome.GAP:
            if len(chain.statements) < STATEMENTS_PARKED_MAX:
                chain.statements[seal_hash(raw)] = raw
            return [], False  # no conflict: a statement comes before the seals of a backlog
        chain.state = verdict.state
        lines = [line for finding in verdict.findings for line in self._told_once(gateway, finding)]
        if verdict.outcome is Outcome.ACCEPTED:
            chain.conflict = False
            if isinstance(verdict.statement, Rekey | Replace):
                chain.stated[verdict.statement.number] = verdict.statement.next_key
            accepted.append(Applied(verdict.state, raw, utc_ms))
            return lines, True
        if verdict.outcome is Outcome.FORK:
            assert verdict.statement is not None
            self.store.put_fork(gateway, verdict.statement.number, raw, utc_ms)
        chain.conflict |= verdict.outcome is not Outcome.DUPLICATE
        return lines, False

    def _body(self, chain: _Chain, number: int, body: bytes) -> list[JsonLine]:
        gateway = chain.state.gateway
        chain.touched = True
        if number > chain.state.number:
            chain.conflict = True  # its seal comes first
            return []
        if number in chain.bodies or number in chain.with_body:
            return []
        known = self.store.seal(gateway, number) or (chain.coses.get(number), None)
        if known[1] is not None or known[0] is None:
            return []
        header = peek_header(known[0])  # verified when it was accepted
        try:
            records = accept_body(header, body)
        except cbor.FormatError as error:
            return self._told_once(gateway, Finding(Code.BODY, str(error), number))
        findings, absent = declarations(records, number)
        chain.bodies[number] = body, tuple(absent)
        told = [line for finding in findings for line in self._told_once(gateway, finding)]
        late = {"type": "body", "gateway": gateway, "seal": number}
        return [late, *told, *chain.lines.of_body(header, records)]

    def _commit(self, accepted: list[Accepted | Applied]) -> None:
        if accepted:
            try:
                self.store.commit(accepted)
            except CommitError:
                self.store.reopen()  # an unknown result: the same batch again
                self.store.commit(accepted)
        for name, chain in self._chains.items():
            for number, (body, absent) in chain.bodies.items():
                self.store.put_body(name, number, body, absent)

    def _answers(self, utc_ms: int) -> list[Answer]:
        answers = []
        for name, chain in self._chains.items():
            if chain.touched:
                answers.append(self.answers.receipt(name, utc_ms, conflict=chain.conflict))
            chain.touched = chain.conflict = False
            chain.coses.clear()
            chain.stated.clear()
            chain.bodies.clear()
            chain.with_body.clear()
        return answers

    def _chain(self, gateway: str) -> _Chain | None:
        if gateway not in self._chains:
            if gateway not in self.store.gateways():
                first_key = self.first_key(gateway)
                if first_key is None:
                    return None
                self.store.enrol(gateway, first_key)
            self._chains[gateway] = _Chain(
                self.store.state(gateway), JsonLines(gateway, partial(self._hash_of, gateway))
            )
        return self._chains[gateway]

    def _hash_of(self, gateway: str, number: int) -> bytes | None:
        """The hash of a seal that was accepted, in this batch or before."""
        chain = self._chains.get(gateway)
        cose = (chain.coses.get(number) if chain else None) or self.store.cose(gateway, number)
        return None if cose is None else seal_hash(cose)

    def _told_once(self, gateway: str, finding: Finding) -> list[JsonLine]:
        number = finding.number
        if finding.code is Code.GAP:  # one gap, however many seals come behind it
            number = self._chains[gateway].state.number + 1
        if finding.code is Code.REVOKED and number > (self._chains[gateway].state.revoked or 0):
            number = -1  # the seals of a revoked gateway, however many
        key = gateway, str(finding.code), number
        if key in self._told:
            return []
        self._told[key] = None
        if len(self._told) > FINDINGS_TOLD_MAX:
            del self._told[next(iter(self._told))]
        return [JsonLines(gateway).of_finding(finding)]


def _accepted(chain: _Chain, verdict: Verdict) -> list[JsonLine]:
    """Go on behind an accepted seal."""
    header, records = verdict.header, verdict.records
    assert header is not None
    chain.state = verdict.state
    line = {"type": "seal", "gateway": header.gateway, "seal": header.number, "count": header.count}
    if records is None:
        return [{**line, "body": False}]
    chain.with_body.add(header.number)
    return [{**line, "body": True}, *chain.lines.of_body(header, records)]
