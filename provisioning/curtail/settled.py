"""Which alerts of a chain may honestly be sealed otherwise than its readings give them now. Pure.

A gateway begins anew where its disk lost what it knew, and goes on with what it knew where its site file
changes. So an alert is not compared where, in its midst or in the days before that it rests on, the site file
changed, readings were of another model than the site file's, or the gateway has sealed that it knew less from
then on. Nothing is compared where the chain does not begin with its first seal or lacks readings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from agent.site.books import learned_off_of
from agent.site.file import ConfigError, parse_site
from agent.site.manifest import read_site_text
from disk.tables import TableError
from evidence.curtailment.baseline import P90_DAYS
from evidence.curtailment.ledger import DAY_S
from evidence.record import Kind
from evidence.seal import FIRST_NUMBER
from evidence.walk import WalkedSeal
from provisioning.curtail.chain_cases import FIGURES, Judged, Key, compare
from provisioning.curtail.history import MS_PER_S, Seals

PAST_S: Final = (P90_DAYS + 1) * DAY_S
"""Before its first figure: what an alert rests on."""
Difference = tuple[Key, str, list[str]]
FORGOT: Final = frozenset({"database salvaged", "seals missing", "alerts not judged"})
"""Events after which a gateway knows less of its days than its chain has (`agent.host.boot`)."""


@define
class Noted:
    """A walk that notes, while it is gone along, when what changed.

    Attributes:
        sees_sites: Whether the site files of the chain count.
        sealed_s: When the figures of each alert were sealed, first and last; UTC, s.
        changed_s: When another site file came into force, or the gateway knew less from then on.
        absent: Seals without their readings.
        first: The first seal; 0 if there is none.
    """

    walk: Seals
    sees_sites: bool
    sealed_s: dict[Key, tuple[float, float]] = field(factory=dict, init=False)
    changed_s: set[float] = field(factory=set, init=False)
    absent: int = field(default=0, init=False)
    first: int = field(default=0, init=False)

    @property
    def last(self) -> int:
        """The last seal of the walk."""
        return self.walk.last

    @property
    def is_whole(self) -> bool:
        """Whether the chain gone along begins with its first seal and has all readings."""
        return self.first == FIRST_NUMBER and not self.absent

    def seals(self) -> Iterator[WalkedSeal]:
        """The seals, in order."""
        text: str | None = None
        basis: object = None
        for seal in self.walk.seals():
            at_s = seal.header.utc_ms / MS_PER_S
            self.first = self.first or seal.header.number
            self.absent += seal.records is None
            for record in seal.events(Kind.MANIFEST, Kind.EVENT, *FIGURES):
                if record.kind is Kind.MANIFEST:
                    before, was = text, basis
                    text = read_site_text(record.body) or text
                    basis = _find_basis(text) if text != before else was
                    if self.sees_sites and before is not None and basis != was:
                        self.changed_s.add(at_s)
                elif record.kind is Kind.EVENT:
                    self.changed_s |= {at_s} if record.body["what"] in FORGOT else set()
                else:
                    key = record.body["order"], record.body["rev"], record.body["line"]
                    self.sealed_s[key] = self.sealed_s.get(key, (at_s, at_s))[0], at_s
            yield seal

    def find_changed(self, judged: Judged) -> set[Key]:
        """The alerts, judged along this walk, that may honestly be sealed otherwise."""
        moments = self.changed_s | judged.odd_s
        return {
            key
            for key, (first_s, last_s) in self.sealed_s.items()
            if any(first_s - PAST_S <= at_s <= last_s for at_s in moments)
        }

    def find_differences(self, judged: Judged) -> list[Difference]:
        """Where a gateway sealed otherwise than honestly may be: alert and line, of what, which keys."""
        changed = self.find_changed(judged)
        return [one for one in compare(judged) if one[0] not in changed] if self.is_whole else []


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
    try:
        off_w = learned_off_of(site)
    except ConfigError:
        off_w = {}
    return meters, lines, off_w, site.site.utc_offset, site.broker and site.broker.centre_key
