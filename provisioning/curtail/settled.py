"""Which alerts of a chain may honestly be sealed otherwise than one site file gives them now. Pure.

A gateway judges each reading with the site file of its moment, and begins anew where its disk lost what it
knew. So an alert is not compared where the site file of its figures, or of the days before that they rest on,
is not the last one of the chain; where readings of these days are of another model than that file's; or where
the gateway has sealed that it knew less from then on.
"""

from pathlib import Path
from typing import Final

from attrs import define, field

from agent.site.file import ConfigError, parse_site
from agent.site.manifest import read_site_text
from disk.tables import TableError
from evidence.curtailment.baseline import P90_DAYS
from evidence.curtailment.ledger import DAY_S
from evidence.record import Kind
from provisioning.curtail.chain_cases import FIGURES, Judged, Key
from provisioning.curtail.history import MS_PER_S, Seals

PAST_S: Final = (P90_DAYS + 1) * DAY_S
"""Before its first figure: what an alert rests on."""
FORGOT: Final = frozenset({"database salvaged", "seals missing", "alerts not judged"})
"""Events after which a gateway knows less of its days than its chain has (`agent.host.boot`)."""


def find_changed(walk: Seals, judged: Judged, *, sees_sites: bool) -> set[Key]:
    """The alerts that are not to be compared; `sees_sites` says whether the site files of the chain count."""
    spans = _read_spans(walk, sees_sites=sees_sites)
    spans.broken_s |= judged.odd_s
    return spans.find_changed()


@define
class _Spans:
    """When the figures of each alert were sealed, first and last, and what changed when; UTC, s.

    Attributes:
        site_s: When the site file that all is judged by came into force, if another one was before it.
        broken_s: When something came that this cannot compute with, or the gateway knew less from then on.
    """

    sealed_s: dict[Key, tuple[float, float]] = field(factory=dict)
    site_s: float = float("-inf")
    broken_s: set[float] = field(factory=set)

    def find_changed(self) -> set[Key]:
        """The alerts that may honestly be sealed otherwise than they are computed here."""
        return {
            key
            for key, (first_s, last_s) in self.sealed_s.items()
            if self.site_s >= first_s - PAST_S
            or any(first_s - PAST_S <= at_s <= last_s for at_s in self.broken_s)
        }


def _read_spans(walk: Seals, *, sees_sites: bool) -> _Spans:
    spans, basis = _Spans(), None
    text: str | None = None
    for seal in walk.seals():
        at_s = seal.header.utc_ms / MS_PER_S
        for record in seal.events(Kind.MANIFEST, Kind.EVENT, *FIGURES):
            if record.kind is Kind.MANIFEST:
                before, was = text, basis
                text = read_site_text(record.body) or text
                basis = _find_basis(text) if text != before else was
                if sees_sites and before is not None and basis != was:
                    spans.site_s = at_s
            elif record.kind is Kind.EVENT:
                spans.broken_s |= {at_s} if record.body["what"] in FORGOT else set()
            else:
                key = record.body["order"], record.body["rev"], record.body["line"]
                spans.sealed_s[key] = spans.sealed_s.get(key, (at_s, at_s))[0], at_s
    return spans


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
