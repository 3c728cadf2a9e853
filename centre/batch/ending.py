"""The end of a batch: what it shows of each gateway, what it costs, its commit and the answers.

A batch is one transaction with the receipts that follow from it, and what the chain does not hold, the
findings, is in it too. Only what `commit` has returned is answered.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from attrs import define

from centre.answers import Answer, Answers, receipt_of
from centre.batch.chains import Batch, Chain, Chains
from centre.gateway.budget import DISK_BYTES_PER_DAY, FAULTS_MAX, LINE_BYTES_PER_DAY, ROW_BYTES
from centre.json_lines import JsonLine, as_text
from centre.store.contract import Change, Charged, count_bytes, gateway_of
from disk.database import CommitError
from evidence.held import Held
from evidence.receipt import RANGES_MAX

PAUSE: Final = "pause"
"""The code of a finding about a gateway that sealed nothing for too long."""


@define
class Ending:
    """See the module.

    Attributes:
        ranges_max: Ranges of bodies in one receipt, as many as the broker's packets hold.
    """

    chains: Chains
    answers: Answers
    ranges_max: int = RANGES_MAX

    def look(self, batch: Batch) -> None:
        """Add what a gateway does not say: attestations and bodies that are missing, pauses."""
        after = self.chains.store.standings_after(batch.changes, batch.touched)
        for name, chain in batch.touched.items():
            batch.lines += self._look_at(name, chain, after[name][1], batch.utc_ms)

    def settle(self, batch: Batch) -> dict[str, str]:
        """Count what each gateway has used in this batch; why some are over a quota, by name."""
        for change in batch.changes:
            chain = self.chains.get(gateway_of(change))
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
            account.judged_to = chain.pauses.at
            if name in changed:
                batch.changes.append(Charged(name, account.to_cbor()))
        return over

    def commit(self, changes: Sequence[Change], conflicts: Mapping[str, bool], utc_ms: int) -> list[Answer]:
        """Commit changes and a receipt for each gateway of `conflicts`; nothing if there is neither."""
        if not conflicts and not changes:
            return []
        receipts = {
            name: partial(
                receipt_of,
                signer=self.answers.signer,
                utc_ms=utc_ms,
                conflict=conflict,
                ranges_max=self.ranges_max,
            )
            for name, conflict in conflicts.items()
        }
        store = self.chains.store
        try:
            signed = store.commit(changes, receipts)
        except CommitError:
            store.reopen()  # the result is unknown: commit the same batch again
            signed = store.commit(changes, receipts)
        return [self.answers.of_receipt(name, raw, utc_ms) for name, raw in signed.items()]

    def _look_at(self, name: str, chain: Chain, held: Held, utc_ms: int) -> list[JsonLine]:
        lines = chain.lines.complete(held.up_to)
        for finding in chain.withheld.look(held, chain.state.number, utc_ms):
            told, line = self.chains.store.last_finding(name, finding.code), chain.lines.of_finding(finding)
            if told is None or told.line != as_text(line):  # else it was told before a restart
                lines.append(line)
        cose_of = partial(self.chains.cose_of, name)
        for pause in chain.pauses.judge(held.up_to, cose_of, chain.lines.config):
            line = chain.lines.make_finding(pause.seal, PAUSE, pause.text)
            lines.append({**line, "gap_ms": pause.gap_ms})
        return lines
