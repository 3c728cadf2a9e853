"""Statements (`evidence.continuation`), from the gateway or from the register.

One is applied where the chain has come to it and waits until then; one that contradicts an accepted seal is
kept as proof.
"""

from functools import partial
from typing import Final

from attrs import define

from centre.batch.chains import Batch, Chain, Chains
from centre.batch.findings import Findings
from centre.store.contract import Applied, Fork
from evidence.chain import Code, Finding, Outcome
from evidence.continuation import continue_chain
from evidence.statement import Rekey, Replace

REKEYS_MAX: Final = 8
"""Re-keys for one seal: a recovery tried anew each time the disk breaks."""


@define
class Statements:
    """`public_key` is the centre's."""

    chains: Chains
    findings: Findings
    public_key: bytes

    def apply(self, chain: Chain, raw: bytes, batch: Batch) -> bool:
        """Apply a statement; whether the chain goes on with it now."""
        gateway = chain.state.gateway
        verdict = continue_chain(
            chain.state,
            raw,
            self.public_key,
            stored=partial(self.chains.cose_of, gateway),
            applied=lambda digest: self.chains.store.is_applied(gateway, digest),
        )
        if verdict.outcome is Outcome.GAP:
            assert verdict.statement is not None
            chain.parking.park_statement(verdict.statement.number, raw)
            return False  # no conflict: a statement arrives before the seals of a backlog
        if verdict.outcome is Outcome.ACCEPTED and self._is_rekeyed_too_often(chain, verdict.statement):
            text = f"a {REKEYS_MAX + 1}th re-key for one seal; no more are taken before it is signed"
            self.findings.report(gateway, Finding(Code.STATEMENT, text, chain.state.number + 1), batch)
            return False
        chain.state = verdict.state
        for finding in verdict.findings:
            self.findings.report(gateway, finding, batch)
        if verdict.outcome is Outcome.ACCEPTED:
            chain.conflict = False
            if isinstance(verdict.statement, Rekey | Replace):
                chain.stated.setdefault(verdict.statement.number, []).append(verdict.statement.next_key)
                chain.restated += 1
            batch.changes.append(Applied(verdict.state, raw, batch.utc_ms))
            return True
        if verdict.outcome is Outcome.FORK:
            assert verdict.statement is not None
            batch.changes.append(Fork(gateway, verdict.statement.number, raw, batch.utc_ms))
        chain.conflict |= verdict.outcome is not Outcome.DUPLICATE
        return False

    def _is_rekeyed_too_often(self, chain: Chain, statement: object) -> bool:
        if not isinstance(statement, Rekey):
            return False
        known = self.chains.store.statements_at(chain.state.gateway, statement.number)
        return len(known) + chain.restated >= REKEYS_MAX
