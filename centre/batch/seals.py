"""Seals, and what waited for them.

One that is next in the chain is accepted; one that was accepted before is a duplicate, whose body is still
taken if it was missing; one further on is parked and the gateway is asked for what is missing; one that
contradicts an accepted one is a fork and is kept as proof.
"""

from functools import partial

from attrs import define

from centre.answers import Answers
from centre.batch.bodies import Bodies
from centre.batch.chains import Batch, Chain, Chains
from centre.batch.findings import Findings
from centre.batch.statements import Statements
from centre.store.contract import Accepted, Fork
from evidence.chain import Outcome, Verdict
from evidence.verify import accept


@define
class Seals:
    """See the module."""

    chains: Chains
    findings: Findings
    answers: Answers
    bodies: Bodies
    statements: Statements

    def take(self, chain: Chain, cose: bytes, body: bytes | None, batch: Batch) -> None:
        """Take a seal, and those parked behind it."""
        batch.touched[chain.state.gateway] = chain
        due: tuple[bytes, bytes | None] | None = (cose, body)
        while due is not None:
            self._judge(chain, *due, batch)
            for raw in chain.parking.take_statements(chain.state.number):
                self.statements.apply(chain, raw, batch)
            due = chain.parking.pop(chain.state.number + 1)
        chain.parking.forget_up_to(chain.state.number)

    def take_statement(self, chain: Chain, raw: bytes, batch: Batch) -> None:
        """Take a statement, and the seals parked behind it."""
        batch.touched[chain.state.gateway] = chain
        if self.statements.apply(chain, raw, batch):
            due = chain.parking.pop(chain.state.number + 1)
            if due is not None:
                self.take(chain, *due, batch)

    def _judge(self, chain: Chain, cose: bytes, body: bytes | None, batch: Batch) -> None:
        gateway, store = chain.state.gateway, self.chains.store
        verdict = accept(
            chain.state,
            cose,
            body,
            batch.utc_ms,
            stored=partial(self.chains.cose_of, gateway),
            stated_keys=lambda number: [*store.stated_keys(gateway, number), *chain.stated.get(number, ())],
            reference_utc_ms=self.answers.reference_utc_ms,
        )
        for finding in verdict.findings:
            self.findings.report(gateway, finding, batch)
        number = verdict.state.number if verdict.header is None else verdict.header.number
        if verdict.outcome is Outcome.ACCEPTED:
            self._accept(chain, verdict, cose, body, batch)
        elif verdict.outcome is Outcome.DUPLICATE:
            if body is not None:
                self.bodies.take(chain, number, body, batch)
        else:
            chain.conflict = True
            if verdict.outcome is Outcome.FORK:
                batch.changes.append(Fork(gateway, number, cose, batch.utc_ms))
            elif verdict.outcome is Outcome.GAP:
                chain.has_gap = True
                chain.parking.park(number, cose, body)

    def _accept(self, chain: Chain, verdict: Verdict, cose: bytes, body: bytes | None, batch: Batch) -> None:
        header, records = verdict.header, verdict.records
        assert header is not None
        chain.state, chain.conflict = verdict.state, False
        batch.heard[header.gateway] = header.number
        chain.coses[header.number] = cose
        if records is not None and not self.bodies.has_room(chain, header.number):
            records = None  # it comes again when holes were filled
        proven = None if records is None else body
        absent = verdict.absent if records is not None else ()
        batch.changes.append(Accepted(verdict.state, cose, proven, batch.utc_ms, absent))
        line = {"type": "seal", "gateway": header.gateway, "seal": header.number, "count": header.count}
        batch.lines.append({**line, "body": records is not None})
        if records is not None:
            chain.bodies.add(header.number)
            self.bodies.hand_on(chain, header, records, batch)
