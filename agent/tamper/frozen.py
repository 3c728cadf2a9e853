"""Finds meters whose fast values stay the same to the last bit, read after read, under load.

A measured voltage is never constant. How long a meter's registers may honestly stay the same is
learned from itself: a run of equal reads is reported when it is READS_MIN long, LASTS_S long and LONGER
times as long as any run that ended by itself.
"""

from typing import Any, Final

from attrs import define, field

READS_MIN: Final = 20
READS_MAX: Final = 200
"""Reads after which it is reported in any case: nobody can train the check to wait for ever."""
LASTS_S: Final = 180.0
"""Slow meters refresh their registers once a minute; one that starts again may repeat itself for two."""
LONGER: Final = 3
LOAD_SHARE: Final = 0.05
"""Of the highest power seen: below it the line may be off and its currents zero."""


@define(eq=False, repr=False)
class Frozen:
    """The check of one meter.

    Attributes:
        reported: It was reported as frozen, and not yet as moving again.
    """

    reported: bool = False
    _words: tuple[bytes, ...] = field(default=(), init=False)
    _reads: int = field(default=0, init=False)
    _since_s: float = field(default=0.0, init=False)
    _longest: int = field(default=0, init=False)
    _peak_w: float = field(default=0.0, init=False)
    _loaded: bool = field(default=False, init=False)

    def add(self, at_s: float, words: tuple[bytes, ...], watts: float | None) -> dict[str, Any] | None:
        """Add a read; a finding."""
        lasts_s = at_s - self._since_s
        if words == self._words and lasts_s >= 0:
            self._reads += 1
            wanted = min(max(READS_MIN, LONGER * self._longest), READS_MAX)
            if self.reported or not self._loaded or self._reads < wanted or lasts_s < LASTS_S:
                return None
            self.reported = True
            return self._describe("meter frozen", self._reads, lasts_s)
        first, reads = not self._words, self._reads
        if self._loaded and not self.reported:
            self._longest = max(self._longest, reads)
        self._words, self._reads, self._since_s = words, 1, at_s
        self._peak_w = max(self._peak_w, abs(watts or 0.0))
        self._loaded = bool(watts) and abs(watts or 0.0) >= LOAD_SHARE * self._peak_w
        if first or not self.reported:
            return None
        self.reported = False
        return self._describe("meter moves again", reads, lasts_s)

    def _describe(self, what: str, reads: int, lasts_s: float) -> dict[str, Any]:
        return {"what": what, "reads": reads, "lasts_s": round(lasts_s), "usual": self._longest}
