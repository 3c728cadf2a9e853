"""Bodies that do not come: what the chain promised, no record gave up, and the gateway does not deliver.

Pure. Seals come first and bodies later, after an outage for hours, so a body that is missing says nothing
yet. It is told when for WITHHELD_MS, counted only while the gateway is heard, not one of the bodies came that
were missing at the begin of that time. The gateway itself declares what its disk has lost
(`agent.uplink.gone`); who deletes bodies and the declaration too is told here.
"""

from typing import Final

from attrs import define, field

from evidence.chain import Code, Finding
from evidence.held import Held

WITHHELD_MS: Final = 3_600_000
"""A backlog brings a body a second over the narrowest link; with parts of 1 kB one in some minutes."""
LOOK_MS: Final = 60_000
"""Between two looks at one gateway: comparing its holes costs, and a minute is nothing here."""
SHOWN_MAX: Final = 20
"""Runs of seals named in a finding; the receipt has them all."""

Spans = list[tuple[int, int]]


@define
class Withheld:
    """What is missing of one gateway, and for how long."""

    _looked_ms: int | None = field(default=None, init=False)
    _heard_ms: int = field(default=0, init=False)
    _tip: int = field(default=0, init=False)
    _missing: Spans = field(factory=list, init=False)
    _is_told: bool = field(default=False, init=False)

    def look(self, held: Held, tip: int, utc_ms: int) -> list[Finding]:
        """The finding, if there is one; called whenever something came from the gateway."""
        passed_ms = LOOK_MS if self._looked_ms is None else utc_ms - self._looked_ms
        if 0 <= passed_ms < LOOK_MS:
            return []
        self._looked_ms = utc_ms
        if not self._missing or held.list_missing(self._tip) != self._missing:
            self._missing, self._tip, self._heard_ms, self._is_told = held.list_missing(tip), tip, 0, False
            return []
        self._heard_ms += min(max(passed_ms, 0), 2 * LOOK_MS)
        if self._is_told or self._heard_ms < WITHHELD_MS:
            return []
        self._is_told = True
        count = sum(last - first + 1 for first, last in self._missing)
        named = ", ".join(f"{first} to {last}" for first, last in self._missing[:SHOWN_MAX])
        left = len(self._missing) - SHOWN_MAX
        more = f" and {left} more runs" if left > 0 else ""
        how = f"while the gateway was heard for {WITHHELD_MS // 60_000} min, and no record gives them up"
        text = f"{count} bodies have not come {how}: seals {named}{more}"
        return [Finding(Code.WITHHELD, text, self._missing[0][0])]
