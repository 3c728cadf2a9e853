"""The lines of findings, each of them told once for a gateway, a code and a number."""

from typing import Final

from attrs import define, field

from centre.batch.chains import Batch, Chains
from centre.gateway.reports import STRANGERS, Reports
from centre.json_lines import make_finding
from evidence.chain import Code, Finding

FAULT: Final = "fault"
"""The code of a finding about a message that the centre itself failed on."""


@define
class Findings:
    """See the module."""

    chains: Chains
    _reports: Reports = field(init=False, factory=Reports)

    def report(self, gateway: str, finding: Finding, batch: Batch) -> None:
        """Add the line of a finding, unless it was told."""
        number, chain = finding.number, self.chains.get(gateway)
        if finding.code is Code.GAP and chain is not None:  # one gap, however many seals follow it
            number = chain.state.number + 1
            if chain.paced:
                return
        if finding.code is Code.REVOKED and chain is not None and number > (chain.state.revoked or 0):
            number = -1  # the seals of a revoked gateway, however many
        key = (finding.code, number) if chain is not None else (gateway, finding.code, number)
        if self._reports.is_new(gateway if chain is not None else STRANGERS, *key):
            batch.lines.append(make_finding(gateway, finding.number, finding.code, finding.text))

    def note_fault(self, gateway: str, error: Exception, batch: Batch) -> None:
        """A message has made the centre itself fail: a finding; whoever sends many is set aside."""
        chain = self.chains.find(gateway)
        assert chain is not None  # else its message would not have been looked at
        chain.account.faults += 1
        batch.touched[gateway] = chain
        text = f"a message cannot be handled: {type(error).__name__}: {error}"[:300]
        if self._reports.is_new(gateway, FAULT, type(error).__name__):
            batch.lines.append(chain.make_line(FAULT, text))
