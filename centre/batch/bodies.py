"""Bodies: with their seals, alone, or in parts; and the lines that they make.

A body that arrives alone must match the root of its accepted seal; parts of one are put together first
(`centre.gateway.parts`), and nothing of them is believed before that. Lines are made once for every body.
"""

from collections.abc import Mapping
from typing import Final

from attrs import define

from centre.batch.chains import Batch, Chain, Chains
from centre.batch.findings import Findings
from centre.store.contract import LateBody, Marked
from centre.store.journal import Mark
from evidence import cbor
from evidence.chain import Code, Finding
from evidence.held import HELD_RANGES_MAX
from evidence.record import Kind, kind_of
from evidence.seal import SealHeader, open_body, peek_header
from evidence.verify import read_declarations
from wire.messages import PartMessage

MARKS: Final[Mapping[int, Mark]] = {
    Kind.MANIFEST: Mark.TEACHES,
    Kind.ORDER: Mark.ANSWERS,
    Kind.ANSWER: Mark.ANSWERS,
    Kind.COMMISSIONING: Mark.ANSWERS,  # who may answer
    Kind.MARK: Mark.MARKS,
    Kind.EPISODE: Mark.TELLS,
    Kind.VERDICT: Mark.JUDGES,
    Kind.ATTESTATION: Mark.ATTESTS,
}
"""What a record of each kind makes of its body."""


@define
class Bodies:
    """See the module."""

    chains: Chains
    findings: Findings

    def join(self, chain: Chain, part: PartMessage, batch: Batch) -> bytes | None:
        """The body that `part` completes; one that is held already is only answered."""
        gateway = chain.state.gateway
        if part.number in chain.bodies or part.number in self.chains.store.held(gateway):
            batch.touched[gateway] = chain
            return None
        return chain.parts.put(part)

    def take(self, chain: Chain, number: int, body: bytes, batch: Batch) -> None:
        """Take a body that came without its seal."""
        store, gateway = self.chains.store, chain.state.gateway
        batch.touched[gateway] = chain
        if number > chain.state.number:
            chain.conflict = True  # its seal comes first
            return
        if number in chain.bodies:
            return
        if number in store.held(gateway) or not self.has_room(chain, number):
            return
        cose, known = store.seal(gateway, number) or (chain.coses.get(number), None)
        if cose is None:
            return
        header = peek_header(cose)  # verified when it was accepted
        try:
            records = open_body(header, body)
        except cbor.FormatError as error:
            self.findings.report(gateway, Finding(Code.BODY, str(error), number), batch)
            return
        findings, absent = read_declarations(records, number)
        chain.bodies.add(number)
        batch.changes.append(LateBody(gateway, number, body, tuple(absent), batch.utc_ms))
        if known is not None:  # stored when its number had no room
            return
        batch.heard[gateway] = chain.state.number
        batch.lines.append({"type": "body", "gateway": gateway, "seal": number})
        for finding in findings:
            self.findings.report(gateway, finding, batch)
        self.hand_on(chain, header, records, batch)

    def hand_on(self, chain: Chain, header: SealHeader, records: tuple[bytes, ...], batch: Batch) -> None:
        """Make the lines of a body, and mark it if it does something to those of others."""
        batch.lines += chain.lines.of_body(header, records)
        marks = Mark.WAITS if chain.lines.has_waited else Mark(0)
        for kind in MARKS.keys() & set(map(kind_of, records)):
            marks |= MARKS[kind]
        if marks:
            batch.changes.append(Marked(header.gateway, header.number, marks))

    def has_room(self, chain: Chain, number: int) -> bool:
        """Whether the set of bodies takes another one; what was taken in this batch may each be a range."""
        held, taken = self.chains.store.held(chain.state.gateway), chain.bodies
        return (
            len(held.ranges) + len(taken) < HELD_RANGES_MAX
            or (held.has_room(number, number) and not taken)
            or number == held.up_to + 1
            or any(near in held or near in taken for near in (number - 1, number + 1))
        )
