"""One DL/T 645 read and what comes back until it is answered, refused or given up.

Pure, and the same as `drivers.transaction` in its manners: what is not the answer is cut off, counted
and told to the ledger; late answers to earlier reads are passed over, for they name their data id. A
refusal names none: while anything else asked of this meter may be answered late, it is not believed.
After another master asked the same meter for the same data id, no answer is believed.
"""

from attrs import Factory, define

from drivers.dlt645 import Data, ReadId, Refusal, parse
from drivers.errors import DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.ledger import Ledger
from drivers.transaction import FLOOD_BYTES_MAX, BusStats
from drivers.verdict import Foreign, ForeignKind, NeedMore


@define
class Exchange:
    """A read that was sent and is waited for.

    Attributes:
        buffer: Bytes received and not yet judged; what is left at the end belongs to nobody.
        received: Bytes fed so far.
    """

    ask: ReadId
    ledger: Ledger
    stats: BusStats
    buffer: bytes = b""
    received: int = 0
    _trouble: str = Factory(str)
    _poisoned: bool = False

    def feed(self, chunk: bytes, now_s: float) -> Data | None:
        """Take bytes that arrived at `now_s`; the answer, or None while it is waited for.

        Raises:
            ExceptionReplyError: The meter certainly refused this read.
            ReplyError: Nothing sensible can follow.
        """
        self.received += len(chunk)
        self.buffer += chunk
        while True:
            verdict = parse(self.buffer, self.ask)
            if isinstance(verdict, NeedMore):
                if self.received > FLOOD_BYTES_MAX:
                    raise ReplyError("flood of bytes that are no answer")
                return None
            if isinstance(verdict, Data):
                self.buffer = self.buffer[verdict.size :]
                if not self._poisoned:
                    self.ledger.answered(self.ask, now_s)
                    return verdict
            elif isinstance(verdict, Refusal):
                self.buffer = self.buffer[verdict.size :]
                self._refuse(verdict.code, now_s)
            else:
                self.buffer = self.buffer[verdict.consumed :]
                self._reject(verdict, now_s)

    def given_up(self) -> DriverError:
        """The time-out passed: the error that says why there is no answer."""
        self.stats.timeouts += 1
        if self._trouble:
            return ReplyError(self._trouble)
        return ReplyError("no whole answer in time") if self.received else ReplyTimeoutError("no answer")

    def _refuse(self, code: int, now_s: float) -> None:
        if self._poisoned or self.ledger.doubtful(self.ask, now_s):
            self._trouble = f"doubtful exception {code}, perhaps the answer to an earlier request"
            return
        self.stats.exceptions += 1
        self.ledger.answered(self.ask, now_s, refused=True)
        raise ExceptionReplyError(code)

    def _reject(self, foreign: Foreign, now_s: float) -> None:
        if foreign.kind is ForeignKind.ECHO:
            return
        if foreign.kind is ForeignKind.REPLY and foreign.signature is not None:
            if self.ledger.arrived(foreign.signature, now_s):
                self.stats.late += 1
                return
        elif foreign.kind is ForeignKind.REQUEST and foreign.signature is not None:
            self.stats.collisions += 1
            self.ledger.overheard(foreign.signature, now_s)
            self._poisoned = self._poisoned or foreign.signature == self.ask.signature
        if foreign.kind is ForeignKind.CRC:
            self.stats.crc_errors += 1
        else:
            self.stats.foreign += 1
        self._trouble = foreign.reason
