"""The reference centre: messages in; verified, committed evidence, answers and JSON lines out.

One batch of messages is verified in the order of arrival, committed in one transaction together with the
receipts that follow from it, and only then answered. So a receipt never claims more than the disk has, and a
crash at any place costs nothing: what has no receipt is sent again, and a repetition changes nothing.

- A seal that is next in the chain is accepted; one that was accepted before is a duplicate, whose
  body is still taken if it was missing; one further on is parked and the gateway is asked for what
  is missing; one that contradicts an accepted one is a fork and is kept as proof.
- A body that arrives alone must match the root of its accepted seal; parts of one are put together first
  (`centre.gateway.parts`), and nothing of them is believed before that.
- A statement (`evidence.continuation`), from the gateway or from the register, is applied where the
  chain has come to it and waits until then; one that contradicts an accepted seal is kept as proof.
- Every gateway that sent something is answered once a batch: a signed, retained, cumulative
  receipt, with `conflict` where the chain cannot go on with what came.
- JSON lines (`centre.json_lines`) are made once for every accepted body and handed on after the commit. What
  the chain does not hold, the findings, is committed with them, so that `centre.feed` can make the same lines
  again from the store.

What one gateway costs is bounded (`centre.gateway.budget`): who exceeds a quota that no honest gateway
reaches is set aside, and a message that makes this program fail is a finding about its gateway, not the end
for all.

Only the first keys of the enrolled gateways and the centre's own key are trusted. A topic proves nothing
about a message; one that names another gateway than the seal does is refused.
`utc_ms` comes from the caller; this file has no clock, socket or thread.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from attrs import define, field, frozen

from centre.answers import Answer, Answers, receipt_of
from centre.gateway.budget import DISK_BYTES_PER_DAY, FAULTS_MAX, LINE_BYTES_PER_DAY, ROW_BYTES, Account
from centre.gateway.parking import Parking
from centre.gateway.parts import Parts
from centre.gateway.pauses import Pauses
from centre.gateway.reports import STRANGERS, Reports
from centre.gateway.withheld import Withheld
from centre.json_lines import JsonLine, JsonLines, as_text, make_finding
from centre.store.contract import (
    Accepted,
    Applied,
    CentreStore,
    Change,
    Charged,
    Fork,
    LateBody,
    Marked,
    Told,
    count_bytes,
    gateway_of,
)
from centre.store.journal import Mark
from disk.database import CommitError, StoreError
from evidence import cbor
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict
from evidence.continuation import continue_chain
from evidence.held import HELD_RANGES_MAX
from evidence.receipt import RANGES_MAX
from evidence.record import Kind as Record
from evidence.record import kind_of
from evidence.seal import FIRST_NUMBER, SealHeader, open_body, peek_header, seal_hash
from evidence.statement import Rekey, Replace
from evidence.verify import accept, read_declarations
from wire import messages as wire
from wire.messages import Kind, WireError

REKEYS_MAX: Final = 8
"""Re-keys for one seal: a recovery tried anew each time the disk breaks."""
SET_ASIDE: Final = "set_aside"
READMITTED: Final = "readmitted"
PAUSE: Final = "pause"
FAULT: Final = "fault"
"""Codes of findings that only the centre makes."""


@frozen
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes


@define
class _Chain:
    """One gateway; the fields from `coses` on are about the current batch.

    Attributes:
        paced: The centre itself dropped messages of it, so a hole is no finding.
    """

    state: ChainState
    lines: JsonLines
    account: Account
    pauses: Pauses
    parking: Parking = field(factory=Parking)
    parts: Parts = field(factory=Parts)
    withheld: Withheld = field(factory=Withheld)
    paced: bool = False
    coses: dict[int, bytes] = field(factory=dict)  # accepted
    bodies: set[int] = field(factory=set)  # accepted, with their seals or alone
    stated: dict[int, bytes] = field(factory=dict)  # keys that statements gave, by number
    restated: int = 0
    conflict: bool = False
    used: int = 0  # bytes of the disk
    said: int = 0  # bytes of lines
    has_gap: bool = False

    def end_batch(self) -> None:
        """Forget the batch, which is in the store now."""
        self.coses.clear()
        self.bodies.clear()
        self.stated.clear()
        self.restated = self.used = self.said = 0
        self.paced &= self.has_gap
        self.conflict = self.has_gap = False


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
    _reports: Reports = field(init=False, factory=Reports)
    _heard: dict[str, int] = field(init=False, factory=dict)

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
            except (StoreError, CommitError):
                raise
            except Exception as error:  # noqa: BLE001 - one gateway's message must not end it for all
                self._note_fault(message, error, batch)
        return self._finish(batch)

    def charge(self, gateway: str, line_bytes: int) -> None:
        """Count lines that were handed on; they are paid with the next batch of the gateway."""
        chain = self._chains.get(gateway)
        if chain is not None:
            chain.said += line_bytes

    def pace(self, gateways: Iterable[str]) -> None:
        """Messages of these were dropped before they came here: a hole in their chains is no finding."""
        for gateway in gateways:
            chain = self._find_chain(gateway)
            if chain is not None:
                chain.paced = True

    def set_aside(self, gateway: str, why: str, utc_ms: int) -> list[JsonLine]:
        """Read nothing more of a gateway until it is readmitted; it stays so over restarts."""
        chain = self._find_chain(gateway)
        if chain is None or chain.account.aside:
            return []
        chain.account.set_aside(why, utc_ms)
        chain.parking, chain.parts = Parking(), Parts()
        text = f"set aside: {why}; `dianjian centre readmit` lets it in again"
        lines = [self._line(chain, SET_ASIDE, text)]
        self.store.commit([Charged(gateway, chain.account.to_cbor()), *_findings_of(lines, utc_ms)])
        return lines

    def readmit(self, gateway: str, readmissions: int, utc_ms: int) -> list[JsonLine]:
        """Let a gateway in again if an operator has said so once more than it is known here."""
        chain = self._find_chain(gateway)
        if chain is None or readmissions == chain.account.readmissions:
            return []
        was_aside, chain.account.readmissions = bool(chain.account.aside), readmissions
        if was_aside:
            chain.account.readmit()
            chain.lines.over = ""
        lines = [self._line(chain, READMITTED, "an operator lets it in again")] if was_aside else []
        self.store.commit([Charged(gateway, chain.account.to_cbor()), *_findings_of(lines, utc_ms)])
        return lines

    def is_aside(self, gateway: str) -> bool:
        """Whether it was set aside."""
        chain = self._find_chain(gateway)
        return chain is not None and bool(chain.account.aside)

    def go_on(self) -> list[JsonLine]:
        """Lines of readings whose table has come, of gateways that have more of them than one body makes."""
        behind = [chain for chain in self._chains.values() if chain.lines.is_behind]
        return [line for chain in behind for line in chain.lines.go_on()]

    def is_behind(self) -> bool:
        """Whether `go_on` has more."""
        return any(chain.lines.is_behind for chain in self._chains.values())

    def tell(self, lines: Sequence[JsonLine], utc_ms: int) -> None:
        """Commit findings that the caller has made."""
        if lines:
            self.store.commit(_findings_of(lines, utc_ms))

    def awaited(self) -> dict[str, int]:
        """The gateways that have sealed and may go on, with the last seal of each."""
        states = {name: self.store.state(name) for name in self.store.gateways()}
        return {
            name: state.number
            for name, state in states.items()
            if state.number >= FIRST_NUMBER and state.revoked is None and not self.is_aside(name)
        }

    def take_heard(self) -> dict[str, int]:
        """The gateways of which something new was accepted since the last call, with the last seal."""
        heard, self._heard = self._heard, {}
        return heard

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
        elif chain.account.aside:
            return
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
            for raw in chain.parking.take_statements(chain.state.number):
                self._apply(chain, raw, batch)
            due = chain.parking.pop(chain.state.number + 1)
        chain.parking.forget_up_to(chain.state.number)

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
            elif verdict.outcome is Outcome.GAP:
                chain.has_gap = True
                chain.parking.park(number, cose, body)

    def _accept(
        self, chain: _Chain, verdict: Verdict, cose: bytes, body: bytes | None, batch: _Batch
    ) -> None:
        header, records = verdict.header, verdict.records
        assert header is not None
        chain.state, chain.conflict = verdict.state, False
        self._heard[header.gateway] = header.number
        chain.coses[header.number] = cose
        if records is not None and not self._has_room(chain, header.number):
            records = None  # it comes again when holes were filled
        proven = None if records is None else body
        absent = verdict.absent if records is not None else ()
        batch.changes.append(Accepted(verdict.state, cose, proven, batch.utc_ms, absent))
        line = {"type": "seal", "gateway": header.gateway, "seal": header.number, "count": header.count}
        batch.lines.append({**line, "body": records is not None})
        if records is not None:
            chain.bodies.add(header.number)
            self._hand_on(chain, header, records, batch)

    def _hand_on(self, chain: _Chain, header: SealHeader, records: tuple[bytes, ...], batch: _Batch) -> None:
        """Make the lines of a body, and mark it if it does something to those of others."""
        batch.lines += chain.lines.of_body(header, records)
        marks = Mark.TEACHES if any(kind_of(record) == Record.MANIFEST for record in records) else Mark(0)
        if chain.lines.has_waited:
            marks |= Mark.WAITS
        if marks:
            batch.changes.append(Marked(header.gateway, header.number, marks))

    def _take_statement(self, chain: _Chain, raw: bytes, batch: _Batch) -> None:
        """Take a statement, and the seals parked behind it."""
        batch.touched[chain.state.gateway] = chain
        if self._apply(chain, raw, batch):
            due = chain.parking.pop(chain.state.number + 1)
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
            assert verdict.statement is not None
            chain.parking.park_statement(verdict.statement.number, raw)
            return False  # no conflict: a statement arrives before the seals of a backlog
        if verdict.outcome is Outcome.ACCEPTED and self._is_rekeyed_too_often(chain, verdict.statement):
            text = f"a {REKEYS_MAX + 1}th re-key for one seal; no more are taken before it is signed"
            self._report(gateway, Finding(Code.STATEMENT, text, chain.state.number + 1), batch)
            return False
        chain.state = verdict.state
        for finding in verdict.findings:
            self._report(gateway, finding, batch)
        if verdict.outcome is Outcome.ACCEPTED:
            chain.conflict = False
            if isinstance(verdict.statement, Rekey | Replace):
                chain.stated[verdict.statement.number] = verdict.statement.next_key
                chain.restated += 1
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
        if number in self.store.held(gateway) or not self._has_room(chain, number):
            return
        cose, known = self.store.seal(gateway, number) or (chain.coses.get(number), None)
        if cose is None:
            return
        header = peek_header(cose)  # verified when it was accepted
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            self._report(gateway, Finding(Code.BODY, str(error), number), batch)
            return
        findings, absent = read_declarations(records, number)
        chain.bodies.add(number)
        batch.changes.append(LateBody(gateway, number, body, tuple(absent), batch.utc_ms))
        if known is not None:  # stored when its number had no room
            return
        self._heard[gateway] = chain.state.number
        batch.lines.append({"type": "body", "gateway": gateway, "seal": number})
        for finding in findings:
            self._report(gateway, finding, batch)
        self._hand_on(chain, header, records, batch)

    def _has_room(self, chain: _Chain, number: int) -> bool:
        """Whether the set of bodies takes another one; what was taken in this batch may each be a range."""
        held, taken = self.store.held(chain.state.gateway), chain.bodies
        return (
            len(held.ranges) + len(taken) < HELD_RANGES_MAX
            or (held.has_room(number, number) and not taken)
            or number == held.up_to + 1
            or any(near in held or near in taken for near in (number - 1, number + 1))
        )

    def _is_rekeyed_too_often(self, chain: _Chain, statement: object) -> bool:
        if not isinstance(statement, Rekey):
            return False
        known = self.store.statements_at(chain.state.gateway, statement.number)
        return len(known) + chain.restated >= REKEYS_MAX

    def _note_fault(self, message: Incoming, error: Exception, batch: _Batch) -> None:
        """A message has made the centre itself fail: a finding; whoever sends many is set aside."""
        gateway = wire.parse_topic(message.topic)[0]
        chain = self._find_chain(gateway)
        assert chain is not None
        chain.account.faults += 1
        batch.touched[gateway] = chain
        text = f"a message cannot be handled: {type(error).__name__}: {error}"[:300]
        if self._reports.is_new(gateway, FAULT, type(error).__name__):
            batch.lines.append(self._line(chain, FAULT, text))

    def _finish(self, batch: _Batch) -> tuple[list[Answer], list[JsonLine]]:
        """Commit, and only then answer; findings are committed with what they are about."""
        after = self.store.standings_after(batch.changes, batch.touched)
        for name, chain in batch.touched.items():
            held = after[name][1]
            batch.lines += chain.lines.complete(held.up_to)
            for finding in chain.withheld.look(held, chain.state.number, batch.utc_ms):
                told, line = self.store.last_finding(name, finding.code), chain.lines.of_finding(finding)
                if told is None or told.line != as_text(line):  # else it was told before a restart
                    batch.lines.append(line)
            for pause in chain.pauses.judge(held.up_to, partial(self._cose_of, name), chain.lines.config):
                line = chain.lines.make_finding(pause.seal, PAUSE, pause.text)
                batch.lines.append({**line, "gap_ms": pause.gap_ms})
        batch.changes += _findings_of(batch.lines, batch.utc_ms)
        over = self._settle(batch)
        conflicts = {name: chain.conflict for name, chain in batch.touched.items()}
        answers = self._commit(batch.changes, conflicts, batch.utc_ms)
        for chain in batch.touched.values():
            chain.end_batch()
        for name, why in over.items():
            batch.lines += self.set_aside(name, why, batch.utc_ms)
        return answers, batch.lines

    def _settle(self, batch: _Batch) -> dict[str, str]:
        """Count what each gateway has used in this batch; why some are over a quota, by name."""
        for change in batch.changes:
            chain = self._chains.get(gateway_of(change))
            if chain is not None:  # else a finding about a stranger, which the store bounds
                chain.used += ROW_BYTES + count_bytes(change)
        over: dict[str, str] = {}
        changed = dict.fromkeys(map(gateway_of, batch.changes))
        for name, chain in batch.touched.items():
            account = chain.account
            if not account.disk.use(chain.used, batch.utc_ms):
                over[name] = f"more than {DISK_BYTES_PER_DAY} bytes on the disk a day"
            if not account.lines.use(chain.said, batch.utc_ms):
                over[name] = f"more than {LINE_BYTES_PER_DAY} bytes of lines a day"
            if account.faults >= FAULTS_MAX:
                over[name] = f"{account.faults} messages that the centre fails on"
            if chain.lines.over:
                over[name] = chain.lines.over
            if name in changed:
                batch.changes.append(Charged(name, account.to_cbor()))
        return over

    def _commit(self, changes: Sequence[Change], conflicts: Mapping[str, bool], utc_ms: int) -> list[Answer]:
        """Commit changes and a receipt for each gateway of `conflicts`; nothing if there is neither."""
        if not conflicts and not changes:
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
            raw = self.store.account(gateway)
            account = Account() if raw is None else Account.from_cbor(raw)
            pauses = Pauses(self.store.held(gateway).up_to)
            self._chains[gateway] = _Chain(self.store.state(gateway), lines, account, pauses)
        return self._chains[gateway]

    def _hash_of(self, gateway: str, number: int) -> bytes | None:
        cose = self._cose_of(gateway, number)
        return None if cose is None else seal_hash(cose)

    def _cose_of(self, gateway: str, number: int) -> bytes | None:
        """A seal that was accepted, in this batch or before."""
        return self._chains[gateway].coses.get(number) or self.store.cose(gateway, number)

    def _report(self, gateway: str, finding: Finding, batch: _Batch) -> None:
        """Add the line of a finding, once for each gateway, code and number."""
        number, chain = finding.number, self._chains.get(gateway)
        if finding.code is Code.GAP and chain is not None:  # one gap, however many seals follow it
            number = chain.state.number + 1
            if chain.paced:
                return
        if finding.code is Code.REVOKED and chain is not None and number > (chain.state.revoked or 0):
            number = -1  # the seals of a revoked gateway, however many
        key = (finding.code, number) if chain is not None else (gateway, finding.code, number)
        if self._reports.is_new(gateway if chain is not None else STRANGERS, *key):
            batch.lines.append(make_finding(gateway, finding.number, finding.code, finding.text))

    def _line(self, chain: _Chain, code: str, text: str) -> JsonLine:
        return chain.lines.make_finding(chain.state.number, code, text)


def _findings_of(lines: Sequence[JsonLine], utc_ms: int) -> list[Told]:
    """The findings among `lines`, to be committed."""
    return [
        Told(line["gateway"], line["seal"], as_text(line), utc_ms)
        for line in lines
        if line["type"] == "finding"
    ]
