"""What the city's page shows at one moment. Pure."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from centre.fleet.judging import Gravity, Verdict, judge, rank
from centre.fleet.known import Known
from centre.fleet.papers import KeyEnd, Paper, judge_paper
from evidence.clues.course import Clue
from evidence.words import Words
from provisioning.city.positions import Position, choose_near


@frozen
class Row:
    """One gateway.

    Attributes:
        site: The plant's name as the centre enrolled it, "" if it has none.
        ends_ms: The end of its last certificate, None if that is not known.
        is_sent: Whether it has kept a site file of the centre's, so that drift can be told.
    """

    known: Known
    verdict: Verdict
    site: str = ""
    ends_ms: int | None = None
    position: Position | None = None
    is_sent: bool = False


@frozen
class View:
    """All of it.

    Attributes:
        rows: The gravest first.
        notes: Sentences about the centre itself.
        clues: Those that are not closed, the newest first.
        keys: When the centre's keys end, the first before the others.
        offset_s: Of the city's zone.
    """

    rows: tuple[Row, ...]
    now_ms: int
    notes: tuple[Words, ...] = ()
    clues: tuple[Clue, ...] = ()
    offset_s: int = 8 * 3600
    keys: tuple[KeyEnd, ...] = ()

    def count(self, gravity: Gravity) -> int:
        """How many gateways stand so."""
        return sum(row.verdict.gravity is gravity for row in self.rows)


def make_rows(
    fleet: Sequence[Known],
    now_ms: int,
    sites: Mapping[str, str],
    papers: Mapping[str, Paper],
    positions: Mapping[str, Position],
    sent: Mapping[str, tuple[str, str]] | None = None,
) -> tuple[Row, ...]:
    """Every gateway that the store or the register (`sites`) knows, judged and in order.

    `sent` is what `provisioning.care.drift.read_sent` gives.
    `positions` go before what a gateway's site file says, which counts near the middle of all.
    """
    heard = {known.gateway: known for known in fleet}
    names = dict.fromkeys([*heard, *sites])
    known = [heard.get(name) or Known(name) for name in names]
    own = {one.gateway: Position(*one.position) for one in known if one.position}
    places = choose_near(own, {name: one for name, one in positions.items() if name in names})
    sent = sent or {}
    drifts = _list_drifts(known, sent)
    judged = rank(
        (one, _judge(one, now_ms, papers.get(one.gateway), drifts.get(one.gateway, ""))) for one in known
    )
    return tuple(
        Row(
            one,
            verdict,
            sites.get(one.gateway, ""),
            papers[one.gateway].ends_ms if one.gateway in papers else None,
            places.get(one.gateway),
            one.gateway in sent,
        )
        for one, verdict in judged
    )


def _judge(known: Known, now_ms: int, paper: Paper | None, drift: str) -> Verdict:
    if paper is None:
        return judge(known, now_ms, drift=drift)
    return judge(known, now_ms, paper.ends_ms, judge_paper(paper, now_ms), drift)


def _list_drifts(fleet: Sequence[Known], sent: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The order that each of these gateways was sent last, had kept, and does not run with."""
    drifts = {}
    for known in fleet:
        order, digest = sent.get(known.gateway, ("", ""))
        if digest and known.site_hash not in {"", digest}:
            drifts[known.gateway] = order
    return drifts
