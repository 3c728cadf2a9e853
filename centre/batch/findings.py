"""The lines of findings, each of them told once for a gateway, a code and a seal.

What was told is in the store, so a restart tells nothing again that was told, and forgets nothing. A finding
about no seal (a malformed message, a mistake of this program) is no fact but an event: it is told once a day.
Findings about gateways that are not enrolled are remembered while this program runs, and told again after it.
"""

from typing import Final

from attrs import define, field

from centre.batch.chains import Batch, Chain, Chains
from centre.gateway.budget import MS_PER_DAY
from centre.gateway.reports import STRANGERS, Reports
from centre.json_lines import make_finding
from centre.store.contract import Told
from evidence.chain import Code, Finding

FAULT: Final = "fault"
"""The code of a finding about a message that the centre itself failed on."""
_ALL_REVOKED: Final = -1
"""In the place of a number: the seals of a revoked gateway, however many."""


@define
class Findings:
    """See the module."""

    chains: Chains
    _reports: Reports = field(init=False, factory=Reports)

    def report(self, gateway: str, finding: Finding, batch: Batch) -> None:
        """Add the line of a finding, unless it was told."""
        chain, day = self.chains.get(gateway), batch.utc_ms // MS_PER_DAY
        if chain is None:
            is_new = self._reports.is_new(STRANGERS, gateway, finding.code, finding.number, day)
        elif finding.code is Code.GAP and chain.paced:
            return
        else:
            key = (finding.code, self._subject_of(chain, finding), 0 if finding.number else day)
            is_new = self._reports.is_new(gateway, *key) and not self._is_on_record(chain, finding, day)
        if is_new:
            batch.lines.append(make_finding(gateway, finding.number, finding.code, finding.text))

    def note_fault(self, gateway: str, error: Exception, batch: Batch) -> None:
        """A message has made the centre itself fail: a finding; whoever sends many is set aside."""
        chain = self.chains.find(gateway)
        assert chain is not None  # else its message would not have been looked at
        chain.account.faults += 1
        batch.touched[gateway] = chain
        text = f"a message cannot be handled: {type(error).__name__}: {error}"[:300]
        if self._reports.is_new(gateway, FAULT, type(error).__name__, batch.utc_ms // MS_PER_DAY):
            batch.lines.append(chain.make_line(FAULT, text))

    @staticmethod
    def _subject_of(chain: Chain, finding: Finding) -> int:
        """What the finding is about: a seal, or one gap or revocation, however many seals follow it."""
        if finding.code is Code.GAP:
            return chain.state.number + 1
        is_behind = finding.code is Code.REVOKED and finding.number > (chain.state.revoked or 0)
        return _ALL_REVOKED if is_behind else finding.number

    def _is_on_record(self, chain: Chain, finding: Finding, day: int) -> bool:
        """Whether an earlier life of this program has told it."""
        store, gateway, code = self.chains.store, chain.state.gateway, finding.code
        if finding.code is Code.GAP:
            told = store.last_finding(gateway, code)
            return told is not None and told.number > chain.state.number  # the same one, still open
        if self._subject_of(chain, finding) == _ALL_REVOKED:
            told = store.last_finding(gateway, code)
            return told is not None and told.number > (chain.state.revoked or 0)
        told = store.finding_at(gateway, finding.number, code)
        return told is not None and (bool(finding.number) or _day_of(told) == day)


def _day_of(told: Told) -> int:
    return told.received_utc_ms // MS_PER_DAY
