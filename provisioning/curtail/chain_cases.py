"""The alerts of a chain, each line of each judged again, beside what the gateway has sealed of it.

The code is the gateway's own (`evidence.response.bench`), fed from the records in their order, so what it
gives is what an honest gateway sealed. Whether a cancel of another issuer counts follows from the root's
statements in the chain.

What the two do not agree in is a finding, with two exceptions: what the gateway had no occasion to seal yet
(the chain ends), and baselines that rest on days of which this chain has no readings any more.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, field

from agent.site.books import bench_of
from agent.site.file import Site
from agent.site.setups import setups_of
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
_READ: Final = (Kind.READING, Kind.ORDER, Kind.EPISODE, Kind.BOOT, Kind.CLOCK, *FIGURES)
_FROM_THE_PAST: Final = frozenset({"baseline", "base_w"})
"""Of a baseline: what days and hours before the alert decide."""

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


def judge_chain(site: Site, walk: Seals) -> Judged:
    """Judge every alert of a chain.

    Raises:
        ConfigError: The meters of the site file are wrong.
    """
    setups, judged, dating = setups_of(site), Judged(), Dating()
    key = site.broker.centre_key if site.broker and site.broker.centre_key else bytes(32)
    trust, at_s = Trust(key), 0.0
    bench = bench_of(site, trust.may_end)
    for seal in walk.seals():
        for record in seal.decode(*_READ):
            if isinstance(record, Record) and record.kind in {Kind.BOOT, Kind.CLOCK}:
                dating.note(record, seal.header.boot_id)
            at_s = max(at_s, dating.date_s(record, seal.header))
            if isinstance(record, ReadingRecord):
                if _is_odd(setups, record):
                    judged.odd_s.add(dating.date_s(record, seal.header) // HOUR_S * HOUR_S)
                made = _read(bench, setups, record, dating.date_s(record, seal.header))
                _keep(judged.computed, (body for _, body in made))
            elif record.kind is Kind.ORDER:
                trust.add(record.body.get("statements", ()))
                made = bench.take_order(record.body, dating.date_s(record, seal.header))
                _keep(judged.computed, (body for _, body in made))
            elif record.kind is Kind.EPISODE:
                bench.take_episode(record.body)
            elif record.kind in FIGURES:
                _keep(judged.sealed, (record.body,))
    _keep(judged.computed, (body for _, body in bench.advance(at_s)))
    judged.ledgers = {line: book.ledger for line, book in bench.books.items()}
    told = judged.computed.keys()
    unfit = bench.asked.find_unfit()
    judged.pending = [one for one in unfit if (one.order.id, one.order.rev, one.line) not in told]
    return judged


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


def _keep(kept: Bodies, bodies: Iterable[dict[str, Any]]) -> None:
    for body in bodies:
        kept.setdefault((body["order"], body["rev"], body["line"]), []).append(body)


def compare(judged: Judged, *, is_whole: bool) -> list[tuple[Key, str, list[str]]]:
    """Where a gateway has sealed something else: alert and line, of what, and in which keys.

    `is_whole` says that the chain begins with its first seal: only then are baselines compared, and final
    verdicts, which rest on them.
    """
    found: list[tuple[Key, str, list[str]]] = []
    for key, sealed in judged.sealed.items():
        computed = {_name(body): body for body in judged.computed.get(key, ())}
        for body in sealed:
            name = _name(body)
            mine = computed.get(name)
            if mine is None:
                found += [(key, name, ["only sealed"])]
            elif is_whole or body["what"] != "final":
                wrong = set(find_disagreements(body, mine)) - (set() if is_whole else _FROM_THE_PAST)
                found += [(key, name, sorted(wrong))] if wrong else []
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
