"""One DL/T 645 read and what comes back until it is answered, refused or given up.

Pure; the rules are those of `drivers.link.transaction`. Late answers to earlier reads are skipped: they
name their data id. A refusal names none: while an answer to another read of this meter may still come, it
is not believed. Bytes that never became a frame are a separate error: there is a meter.
"""

from attrs import define

from drivers.dlt645.codec import START, Data, ReadId, parse
from drivers.errors import DriverError, ReplyError
from drivers.link.transaction import Reply, Transaction
from drivers.link.verdict import Foreign, NeedMore


@define
class Dlt645Transaction(Transaction[Data]):
    """A read that was sent, and what has come back; see `Transaction`."""

    request: ReadId

    @property
    def has_begun(self) -> bool:
        """Never: a meter may pause for half a second within its frame (DL/T 645-2007, section 5.3)."""
        return False

    @property
    def is_under_way(self) -> bool:
        """Whether a frame has begun."""
        return START in self.buffer

    def _judge(self, now_s: float) -> NeedMore | Foreign | Reply[Data]:
        del now_s
        verdict = parse(self.buffer, self.request)
        if isinstance(verdict, NeedMore | Foreign):
            return verdict
        if isinstance(verdict, Data):
            return Reply(verdict.size, verdict)
        return Reply(verdict.size, code=verdict.code)

    def _incomplete_error(self) -> DriverError:
        return ReplyError("no whole answer in time")
