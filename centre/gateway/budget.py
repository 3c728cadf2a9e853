"""What one gateway may cost the centre: every limit with its unit and its reason. Pure.

Nothing that one gateway signs may stop, slow or grow the centre for another. There are three kinds of limits:

- **Bounds** hold by construction: what is beyond them is not kept, and a finding says so. They stand where
  they are kept: the files beside this one, and `evidence.held`.
- **Shares** pace: who has used up his share of the processor waits until it has come in again. An honest
  backlog of ten days is paced and nothing else.
- **Quotas** end it: bytes on the disk and bytes of lines a day, work for one body, time for one message,
  faults. No honest gateway reaches one. Who does is *set aside*: a finding, no more receipts, and its
  messages are dropped unread, until an operator says `dianjian centre readmit`. It keeps what it has sealed
  and sends it then.

An `Account` is kept in the store with the gateway, so a restart forgives nothing.
"""

from typing import Final

from attrs import define, field

from evidence import cbor
from evidence.seal import NUMBER_MAX

MS_PER_DAY: Final = 86_400_000
BACKLOG_DAYS: Final = 11
"""A quota that was not used is kept for so long: a gateway that was away for ten days brings them at once."""
DISK_BYTES_PER_DAY: Final = 1 << 30
"""Seals, bodies, statements and forks of one gateway: a hundred meters each second make half of it."""
LINE_BYTES_PER_DAY: Final = 12 << 30
"""JSON lines of one gateway: a hundred meters each second make 4.3 GB of them."""
WORK_MAX: Final = 400_000
"""Work for the lines of one body, in about microseconds: a value takes 2 of its 64,000 bytes, so an honest
body takes 190,000 at most, and 100,000 more with a long site file."""
MESSAGE_CPU_S_MAX: Final = 5.0
"""Seconds of the processor for one message: twenty times what the dearest one takes on two slow cores."""
CPU_SHARE: Final = 0.25
"""Seconds of the processor a second; beyond it a gateway waits. A large site takes 0.02."""
CPU_BURST_S: Final = 2.0
"""Share that is kept: the backlog of an hour goes at once."""
FAULTS_MAX: Final = 20
"""Messages that made the centre itself fail: each is a mistake here, and a sender of many means it."""
ROW_BYTES: Final = 100
"""Of the database, around what a row holds."""
_VERSION: Final = 1
_ITEMS: Final = 8
_ITEMS_1: Final = 7
"""Of an account that was written before a pause was looked for or by an older program."""
_ACCOUNT_BYTES_MAX: Final = 1_024
_WHY_BYTES_MAX: Final = 300


@define
class Quota:
    """Units that may be used: `per_day` come in, BACKLOG_DAYS of them are kept."""

    per_day: int
    left: int = field()
    at_utc_ms: int = 0

    @left.default
    def _fill(self) -> int:
        return self.per_day * BACKLOG_DAYS

    def use(self, amount: int, utc_ms: int) -> bool:
        """Take `amount`; whether it was there. A clock that is set back gives nothing and takes nothing."""
        passed_ms = max(utc_ms - self.at_utc_ms, 0) if self.at_utc_ms else 0
        self.at_utc_ms = utc_ms
        self.left = min(self.left + self.per_day * passed_ms // MS_PER_DAY, self.per_day * BACKLOG_DAYS)
        self.left -= amount
        return self.left >= 0


@define
class Account:
    """What one gateway has used.

    Attributes:
        aside: Why it was set aside, "" if it is not.
        readmissions: How often an operator has let it in again, as far as the register was read.
        judged_to: The last seal before which pauses were looked for, None from an older program.
    """

    disk: Quota = field(factory=lambda: Quota(DISK_BYTES_PER_DAY))
    lines: Quota = field(factory=lambda: Quota(LINE_BYTES_PER_DAY))
    aside: str = ""
    aside_utc_ms: int = 0
    readmissions: int = 0
    faults: int = 0
    judged_to: int | None = None

    def set_aside(self, why: str, utc_ms: int) -> None:
        """From now on nothing of it is read."""
        self.aside, self.aside_utc_ms = why.encode()[:_WHY_BYTES_MAX].decode(errors="ignore"), utc_ms

    def readmit(self) -> None:
        """Begin anew, with full quotas."""
        fresh = Account(readmissions=self.readmissions)
        self.disk, self.lines, self.aside, self.aside_utc_ms = fresh.disk, fresh.lines, "", 0
        self.faults = 0

    def to_cbor(self) -> bytes:
        """The account as bytes."""
        quotas = [[max(one.left, 0), one.at_utc_ms] for one in (self.disk, self.lines)]
        aside = [self.aside, self.aside_utc_ms]
        judged = [] if self.judged_to is None else [self.judged_to]
        return cbor.encode([_VERSION, *quotas, *aside, self.readmissions, self.faults, *judged])

    @classmethod
    def from_cbor(cls, raw: bytes) -> "Account":
        """The account in `raw`; raises FormatError."""
        found = cbor.decode(raw, _ACCOUNT_BYTES_MAX)
        is_older = type(found) is list and len(found) == _ITEMS_1
        items = cbor.array(found, "account", _ITEMS_1 if is_older else _ITEMS)
        cbor.natural(items[0], "version", _VERSION, _VERSION)
        return cls(
            disk=_parse_quota(items[1], DISK_BYTES_PER_DAY),
            lines=_parse_quota(items[2], LINE_BYTES_PER_DAY),
            aside=cbor.text(items[3], "aside", _WHY_BYTES_MAX),
            aside_utc_ms=cbor.natural(items[4], "aside_utc_ms"),
            readmissions=cbor.natural(items[5], "readmissions"),
            faults=cbor.natural(items[6], "faults"),
            judged_to=None if is_older else cbor.natural(items[7], "judged_to", NUMBER_MAX),
        )


def _parse_quota(item: object, per_day: int) -> Quota:
    left, at = cbor.array(item, "quota", 2)
    return Quota(per_day, cbor.natural(left, "left", per_day * BACKLOG_DAYS), cbor.natural(at, "at"))


class OverBudgetError(Exception):
    """A body asks for more work than any honest one."""


@define
class Work:
    """Counts the work for one body."""

    left: int = WORK_MAX

    def spend(self, amount: int) -> None:
        """Count `amount`; raises OverBudgetError when it is not there."""
        self.left -= amount
        if self.left < 0:
            raise OverBudgetError(f"the lines of one body take more than {WORK_MAX} units of work")
