"""Which alerts of a chain may honestly be sealed otherwise than one site file gives them now. Pure.

A gateway judges each reading with the site file of its moment, and begins anew where its disk lost what it
knew. So an alert is not compared where the site file of its figures, or of the days before that they rest on,
is not the last one of the chain; where readings of these days are of another model than that file's; or where
the gateway has sealed that it knew less from then on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.site.file import ConfigError, parse_site
from agent.site.manifest import read_site_text
from disk.tables import TableError
from evidence.curtailment.baseline import P90_DAYS
from evidence.curtailment.ledger import DAY_S
from evidence.record import Kind
from evidence.walk import WalkedSeal
from provisioning.curtail.chain_cases import FIGURES, Judged, Key
from provisioning.curtail.history import MS_PER_S, Seals

PAST_S: Final = (P90_DAYS + 1) * DAY_S
"""Before its first figure: what an alert rests on."""
FORGOT: Final = frozenset({"database salvaged", "seals missing", "alerts not judged"})
"""Events after which a gateway knows less of its days than its chain has (`agent.host.boot`)."""


@define
class Noted:
    """A walk that notes, while it is gone along, when what changed.

    Attributes:
        sees_sites: Whether the site files of the chain count.
        sealed_s: When the figures of each alert were sealed, first and last; UTC, s.
        site_s: When the site file that all is judged by came into force, if another one was before it.
        broken_s: When the gateway knew less from then on.
        absent: Seals without their readings.
    """

    walk: Seals
    sees_sites: bool
    sealed_s: dict[Key, tuple[float, float]] = field(factory=dict, init=False)
    site_s: float = field(default=float("-inf"), init=False)
    broken_s: set[float] = field(factory=set, init=False)
    absent: int = field(default=0, init=False)

    @property
    def last(self) -> int:
        """The last seal of the walk."""
        return self.walk.last

    def seals(self) -> Iterator[WalkedSeal]:
        """The seals, in order."""
        text: str | None = None
        basis: object = None
        for seal in self.walk.seals():
            at_s = seal.header.utc_ms / MS_PER_S
            self.absent += seal.records is None
            for record in seal.events(Kind.MANIFEST, Kind.EVENT, *FIGURES):
                if record.kind is Kind.MANIFEST:
                    before, was = text, basis
                    text = read_site_text(record.body) or text
                    basis = _find_basis(text) if text != before else was
                    if self.sees_sites and before is not None and basis != was:
                        self.site_s = at_s
                elif record.kind is Kind.EVENT:
                    self.broken_s |= {at_s} if record.body["what"] in FORGOT else set()
                else:
                    key = record.body["order"], record.body["rev"], record.body["line"]
                    self.sealed_s[key] = self.sealed_s.get(key, (at_s, at_s))[0], at_s
            yield seal

    def find_changed(self, judged: Judged) -> set[Key]:
        """The alerts, judged along this walk, that may honestly be sealed otherwise."""
        moments = self.broken_s | judged.odd_s
        return {
            key
            for key, (first_s, last_s) in self.sealed_s.items()
            if self.site_s >= first_s - PAST_S or any(first_s - PAST_S <= at_s <= last_s for at_s in moments)
        }


def _find_basis(text: str | None) -> object | None:
    """What of a site file verdicts rest on; None for one that this version cannot read."""
    try:
        site = parse_site(text or "", Path("site.toml"))
    except (ConfigError, TableError):
        return None
    meters = [
        (one.id, one.line, one.model, one.ct_ratio, one.pt_ratio, one.fast_s, one.wiring is None)
        for one in site.meter
    ]
    lines = [(one.id, one.kind, one.rated_w) for one in site.line]
    return meters, lines, site.site.utc_offset, site.broker and site.broker.centre_key
