"""The alerts of a chain, each line of each judged again, beside what the gateway has sealed of it.

The code is the gateway's own (`evidence.response.bench`), fed from the records in their order, so what it
gives is what an honest gateway sealed. Whether a cancel of another issuer counts follows from the root's
statements in the chain.

A site file that the chain has later than its first record is gone on with from there, as the gateway did.

What the two do not agree in is a finding, but for what the gateway had no occasion to seal yet (the chain
ends). Who may be compared at all stands in `provisioning.curtail.settled`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from agent.site.books import bench_of
from agent.site.file import ConfigError, Site, parse_site
from agent.site.manifest import read_site_text
from agent.site.setups import setups_of
from disk.tables import TableError
from drivers.poll.setup import MeterSetup
from drivers.reading import PollGroup, Quality
from evidence.curtailment.energy import HOUR_S
from evidence.curtailment.judge import find_disagreements
from evidence.curtailment.ledger import Ledger
from evidence.orders.trust import Trust
from evidence.record import MODEL_ID_BYTES, Kind, ReadingRecord, Record
from evidence.response.asked import Unfit
from evidence.response.bench import Bench, Made
from evidence.response.dating import Dating
from evidence.response.values import find_energy
from provisioning.curtail.history import Seals

FIGURES: Final = (Kind.BASELINE, Kind.VERDICT, Kind.EXERCISE)
_READ: Final = (Kind.READING, Kind.ORDER, Kind.EPISODE, Kind.BOOT, Kind.CLOCK, Kind.MANIFEST, *FIGURES)
SEALED: Final = Path("site.toml")
"""Named in what is wrong with a site file of the chain."""

Key = tuple[str, int, str]
"""An alert, its revision, a line."""
Bodies = dict[Key, list[dict[str, Any]]]


@define
class Judged:
    """What was computed and what was sealed, each by alert, revision and line, in the order of the chain.

    Attributes:
        pending: Alerts, or lines of them, that cannot be judged and were not told yet.
        ledgers: The energies of each line that has meters.
        odd_s: When readings were of another model than the site file's, which nothing here can decode; UTC,
            to the hour.
    """

    computed: Bodies = field(factory=dict)
    sealed: Bodies = field(factory=dict)
    pending: list[Unfit] = field(factory=list)
    ledgers: dict[str, Ledger] = field(factory=dict)
    odd_s: set[float] = field(factory=set)


def judge_chain(site: Site, walk: Seals, *, follows: bool = True) -> Judged:
    """Judge every alert of a chain, each reading by the site file that was sealed before it.

    `site` is the one in force where the chain begins, or all along if not `follows`.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    dating, at_s = Dating(), 0.0
    key = site.broker.centre_key if site.broker and site.broker.centre_key else bytes(32)
    trust = Trust(key)
    court = _Court(trust, site.text if follows else None, setups_of(site), bench_of(site, trust.may_end))
    for seal in walk.seals():
        for record in seal.decode(*_READ):
            if isinstance(record, Record) and record.kind in {Kind.BOOT, Kind.CLOCK}:
                dating.note(record, seal.header.boot_id)
            record_s = dating.date_s(record, seal.header)
            at_s = max(at_s, record_s)
            court.take(record, record_s)
    court.keep(court.bench.advance(at_s))
    judged, bench = court.judged, court.bench
    judged.ledgers = {line: book.ledger for line, book in bench.books.items()}
    told = judged.computed.keys()
    unfit = bench.asked.find_unfit()
    judged.pending = [one for one in unfit if (one.order.id, one.order.rev, one.line) not in told]
    return judged


@define
class _Court:
    """The bench with what it needs of the site file in force; `text` is that, None to hear of no other."""

    trust: Trust
    text: str | None
    setups: Mapping[str, MeterSetup]
    bench: Bench
    judged: Judged = field(factory=Judged, init=False)

    def take(self, record: Record | ReadingRecord, at_s: float) -> None:
        """Take a record that was made at `at_s`, UTC."""
        if isinstance(record, ReadingRecord):
            if _is_odd(self.setups, record):
                self.judged.odd_s.add(at_s // HOUR_S * HOUR_S)
            self.keep(_read(self.bench, self.setups, record, at_s))
        elif record.kind is Kind.ORDER:
            self.trust.add(record.body.get("statements", ()))
            self.keep(self.bench.take_order(record.body, at_s))
        elif record.kind is Kind.EPISODE:
            self.bench.take_episode(record.body)
        elif record.kind is Kind.MANIFEST:
            self._go_on(read_site_text(record.body))
        elif record.kind in FIGURES:
            _keep(self.judged.sealed, record.body)

    def keep(self, made: Iterable[Made]) -> None:
        """Keep what the bench has made."""
        for _, body in made:
            _keep(self.judged.computed, body)

    def _go_on(self, text: str | None) -> None:
        """Go on by another site file, as the gateway did at its start, if this version can read it."""
        if text is None or self.text in {None, text}:
            return
        try:
            site = parse_site(text, SEALED)
            setups, bench = setups_of(site), bench_of(site, self.trust.may_end)
        except (ConfigError, TableError):
            return
        for line, book in bench.books.items():
            if line in self.bench.books:
                book.restore(self.bench.books[line].state())
        bench.restore(self.bench.state())
        self.text, self.setups, self.bench = text, setups, bench


def _is_odd(setups: Mapping[str, MeterSetup], record: ReadingRecord) -> bool:
    setup = setups.get(record.meter)
    return setup is not None and record.model != setup.model.hash[:MODEL_ID_BYTES]


def _read(bench: Bench, setups: Mapping[str, MeterSetup], record: ReadingRecord, at_s: float) -> list[Made]:
    setup = setups.get(record.meter)
    if setup is None or record.quality is not Quality.GOOD:
        return []
    if _is_odd(setups, record):
        return []  # of an older site file
    wh, watts = find_energy(setup, record.blocks)
    return bench.read(record.meter, at_s, wh, watts, is_sample=record.group is PollGroup.FAST)


def _keep(kept: Bodies, body: dict[str, Any]) -> None:
    kept.setdefault((body["order"], body["rev"], body["line"]), []).append(body)


def compare(judged: Judged) -> list[tuple[Key, str, list[str]]]:
    """Where a gateway has sealed something else: alert and line, of what, and in which keys."""
    found: list[tuple[Key, str, list[str]]] = []
    for key, sealed in judged.sealed.items():
        computed = {_name(body): body for body in judged.computed.get(key, ())}
        for body in sealed:
            name = _name(body)
            mine = computed.get(name)
            wrong = ["only sealed"] if mine is None else sorted(find_disagreements(body, mine))
            found += [(key, name, wrong)] if wrong else []
        found += [(key, name, ["not sealed"]) for name in _find_withheld(sealed, list(computed))]
    return found


def _find_withheld(sealed: Iterable[Mapping[str, Any]], computed: list[str]) -> list[str]:
    """What the gateway should have sealed before the last that it did seal."""
    names = [_name(body) for body in sealed]
    last = max((computed.index(name) for name in names if name in computed), default=0)
    return [name for name in computed[:last] if name not in names]


def _name(body: Mapping[str, Any]) -> str:
    """What tells a body of an alert and a line from the others."""
    return f"{body['what']} {body['begin_s']}" if body["what"] == "hour" else str(body["what"])
