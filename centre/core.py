"""The reference centre: messages in; verified, committed evidence, answers and JSON lines out.

One batch of messages is verified in the order of arrival, committed in one transaction together with the
receipts that follow from it, and only then answered. So a receipt never claims more than the disk has, and a
crash at any place costs nothing: what has no receipt is sent again, and a repetition changes nothing.

- What a seal, a body and a statement do to their chain is in `centre.batch`, a file each.
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

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

from centre.answers import Answer, Answers
from centre.batch.bodies import Bodies
from centre.batch.chains import Batch, Chain, Chains, findings_of
from centre.batch.ending import Ending
from centre.batch.findings import Findings
from centre.batch.seals import Seals
from centre.batch.statements import Statements
from centre.gateway.parking import Parking
from centre.gateway.parts import Parts
from centre.json_lines import JsonLine, JsonLines
from centre.store.contract import CentreStore, Charged
from disk.database import CommitError, StoreError
from evidence import cbor
from evidence.chain import Code, Finding
from evidence.delegated import Signer, to_signer
from evidence.seal import FIRST_NUMBER, seal_hash
from wire import messages as wire
from wire.messages import Kind, WireError

SET_ASIDE: Final = "set_aside"
READMITTED: Final = "readmitted"
"""Codes of findings that only this file makes."""


def _keep_no_file(_: str, __: bytes, ___: int) -> list[Finding]:
    """Nobody collects files."""
    return []


@frozen
class Incoming:
    """A message as it came from the broker."""

    topic: str
    payload: bytes


@define
class Centre:
    """See the module.

    Attributes:
        store: The enrolled gateways, and all that is held of them.
        signer: The root, or a receipt key that it has certified; bytes are the root's secret.
        on_file: Takes a piece of a file, (gateway, payload, UTC ms), and gives what is wrong with the file.
        decodes: Whether readings become lines; others read them from the store (`centre.feed`).
    """

    store: CentreStore
    signer: Signer = field(converter=to_signer)
    on_file: Callable[[str, bytes, int], Iterable[Finding]] = _keep_no_file
    decodes: bool = True
    answers: Answers = field(init=False)
    _chains: Chains = field(init=False)
    _findings: Findings = field(init=False)
    _bodies: Bodies = field(init=False)
    _seals: Seals = field(init=False)
    _ending: Ending = field(init=False)
    _heard: dict[str, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.answers = Answers(self.signer)
        self._chains = Chains(self.store, self.decodes)
        self._findings = Findings(self._chains)
        self._bodies = Bodies(self._chains, self._findings)
        statements = Statements(self._chains, self._findings, self.answers.public_key)
        self._seals = Seals(self._chains, self._findings, self.answers, self._bodies, statements)
        self._ending = Ending(self._chains, self.answers)

    @property
    def ranges_max(self) -> int:
        """Ranges of bodies in one receipt, as many as the broker's packets hold."""
        return self._ending.ranges_max

    @ranges_max.setter
    def ranges_max(self, value: int) -> None:
        self._ending.ranges_max = value

    def handle(self, messages: Iterable[Incoming], utc_ms: int) -> tuple[list[Answer], list[JsonLine]]:
        """Verify and commit a batch; the messages to publish and the lines to hand on.

        Raises:
            CommitError: The disk fails; nothing may be answered, and the process should end.
        """
        batch = Batch(utc_ms)
        for message in messages:
            try:
                self._take(message, batch)
            except (WireError, cbor.FormatError) as error:
                self._note_malformed(message, error, batch)
            except (StoreError, CommitError):
                raise
            except Exception as error:  # noqa: BLE001 - one gateway's message must not end it for all
                self._findings.note_fault(wire.parse_topic(message.topic)[0], error, batch)
        return self._finish(batch)

    def charge(self, gateway: str, line_bytes: int) -> None:
        """Count lines that were handed on; they are paid with the next batch of the gateway."""
        chain = self._chains.get(gateway)
        if chain is not None:
            chain.said += line_bytes

    def pace(self, gateways: Iterable[str]) -> None:
        """Messages of these were dropped before they came here: a hole in their chains is no finding."""
        for gateway in gateways:
            chain = self._chains.find(gateway)
            if chain is not None:
                chain.paced = True

    def set_aside(self, gateway: str, why: str, utc_ms: int) -> list[JsonLine]:
        """Read nothing more of a gateway until it is readmitted; it stays so over restarts."""
        chain = self._chains.find(gateway)
        if chain is None or chain.account.aside:
            return []
        chain.account.set_aside(why, utc_ms)
        chain.parking, chain.parts = Parking(), Parts()
        text = f"set aside: {why}; `dianjian centre readmit` lets it in again"
        lines = [chain.make_line(SET_ASIDE, text)]
        self.store.commit([Charged(gateway, chain.account.to_cbor()), *findings_of(lines, utc_ms)])
        return lines

    def readmit(self, gateway: str, readmissions: int, utc_ms: int) -> list[JsonLine]:
        """Let a gateway in again if an operator has said so once more than it is known here."""
        chain = self._chains.find(gateway)
        if chain is None or readmissions == chain.account.readmissions:
            return []
        was_aside, chain.account.readmissions = bool(chain.account.aside), readmissions
        if was_aside:
            chain.account.readmit()
            chain.lines.over = ""
        lines = [chain.make_line(READMITTED, "an operator lets it in again")] if was_aside else []
        self.store.commit([Charged(gateway, chain.account.to_cbor()), *findings_of(lines, utc_ms)])
        return lines

    def is_aside(self, gateway: str) -> bool:
        """Whether it was set aside."""
        chain = self._chains.find(gateway)
        return chain is not None and bool(chain.account.aside)

    def go_on(self) -> list[JsonLine]:
        """Lines of readings whose table has come, of gateways that have more of them than one body makes."""
        behind = [chain for chain in self._chains.loaded() if chain.lines.is_behind]
        return [line for chain in behind for line in chain.lines.go_on()]

    def is_behind(self) -> bool:
        """Whether `go_on` has more."""
        return any(chain.lines.is_behind for chain in self._chains.loaded())

    def tell(self, lines: Sequence[JsonLine], utc_ms: int) -> None:
        """Commit findings that the caller has made."""
        if lines:
            self.store.commit(findings_of(lines, utc_ms))

    def awaited(self) -> dict[str, int]:
        """The gateways that have sealed and may go on, with the last seal of each."""
        states = [self.store.state(name) for name in self.store.gateways()]
        going = [state for state in states if state.number >= FIRST_NUMBER and state.revoked is None]
        return {state.gateway: state.number for state in going if not self.is_aside(state.gateway)}

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
        batch = Batch(utc_ms)
        for gateway, raw in statements:
            chain = self._chains.find(gateway)
            if chain is not None and not self.store.is_applied(gateway, seal_hash(raw)):
                self._seals.take_statement(chain, raw, batch)
        return self._finish(batch)

    def make_receipts(self, utc_ms: int, gateways: Iterable[str] | None = None) -> list[Answer]:
        """A new receipt for each of `gateways`, or all, to be published on each connect."""
        names = self.store.gateways() if gateways is None else gateways
        return self._ending.commit([], dict.fromkeys(names, False), utc_ms)

    def forget(self, gateways: Iterable[str]) -> None:
        """Another process has these gateways from now on."""
        for gateway in gateways:
            self._chains.forget(gateway)

    def lines_of(self, gateway: str) -> JsonLines:
        """The decoder of an enrolled gateway, with what it has learnt."""
        chain = self._chains.find(gateway)
        assert chain is not None
        return chain.lines

    def _take(self, message: Incoming, batch: Batch) -> None:
        gateway, kind = wire.parse_topic(message.topic)
        chain = self._chains.find(gateway)
        if chain is None:
            self._findings.report(gateway, Finding(Code.FOREIGN, "a gateway that is not enrolled", 0), batch)
        elif chain.account.aside:
            return
        elif kind is Kind.STATE:
            online, details = wire.decode_state(message.payload)
            batch.lines.append({**details, "type": "state", "gateway": gateway, "online": online})
        elif kind is Kind.SEAL:
            whole = wire.decode_seal(message.payload)
            self._seals.take(chain, whole.seal, whole.body, batch)
        elif kind is Kind.CHAIN:
            for cose in wire.decode_chain(message.payload):
                self._seals.take(chain, cose, None, batch)
        elif kind is Kind.BODY:
            self._take_body(chain, message.payload, batch)
        elif kind is Kind.REKEY:
            self._seals.take_statement(chain, wire.decode_statement(message.payload), batch)
        elif kind is Kind.FILE:
            self._take_file(gateway, message.payload, batch)

    def _take_body(self, chain: Chain, payload: bytes, batch: Batch) -> None:
        late = wire.decode_body(payload)
        body = self._bodies.join(chain, late, batch) if isinstance(late, wire.PartMessage) else late.body
        if body is not None:
            self._bodies.take(chain, late.number, body, batch)

    def _take_file(self, gateway: str, payload: bytes, batch: Batch) -> None:
        for finding in self.on_file(gateway, payload, batch.utc_ms):
            self._findings.report(gateway, finding, batch)

    def _note_malformed(self, message: Incoming, error: Exception, batch: Batch) -> None:
        """About the gateway whose topic it is, so that the message of one hides that of no other."""
        finding = Finding(Code.FORM, f"{message.topic[:120]}: {error}", 0)
        try:
            sender = wire.parse_topic(message.topic)[0]
        except WireError:
            sender = ""
        self._findings.report(sender if self._chains.find(sender) else "", finding, batch)

    def _finish(self, batch: Batch) -> tuple[list[Answer], list[JsonLine]]:
        """Commit, and only then answer; findings are committed with what they are about."""
        self._heard |= batch.heard
        self._ending.look(batch)
        batch.changes += findings_of(batch.lines, batch.utc_ms)
        over = self._ending.settle(batch)
        conflicts = {name: chain.conflict for name, chain in batch.touched.items()}
        answers = self._ending.commit(batch.changes, conflicts, batch.utc_ms)
        for chain in batch.touched.values():
            chain.end_batch()
        for name, why in over.items():
            batch.lines += self.set_aside(name, why, batch.utc_ms)
        return answers, batch.lines
