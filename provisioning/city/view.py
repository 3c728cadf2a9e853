"""What the city's page shows at one moment. Pure."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from centre.fleet.judging import Gravity, Verdict, judge, rank
from centre.fleet.known import Known
from evidence.clues.course import Clue
from evidence.words import Words
from provisioning.city.positions import Position, choose_near


@frozen
class Row:
    """One gateway.

    Attributes:
        site: The plant's name as the centre enrolled it, "" if it has none.
        ends_ms: The end of its last certificate, None if that is not known.
    """

    known: Known
    verdict: Verdict
    site: str = ""
    ends_ms: int | None = None
    position: Position | None = None


@frozen
class View:
    """All of it.

    Attributes:
        rows: The gravest first.
        notes: Sentences about the centre itself.
        clues: Those that are not closed, the newest first.
        offset_s: Of the city's zone.
    """

    rows: tuple[Row, ...]
    now_ms: int
    notes: tuple[Words, ...] = ()
    clues: tuple[Clue, ...] = ()
    offset_s: int = 8 * 3600

    def count(self, gravity: Gravity) -> int:
        """How many gateways stand so."""
        return sum(row.verdict.gravity is gravity for row in self.rows)


def make_rows(
    fleet: Sequence[Known],
    now_ms: int,
    sites: Mapping[str, str],
    ends_ms: Mapping[str, int],
    positions: Mapping[str, Position],
) -> tuple[Row, ...]:
    """Every gateway that the store or the register (`sites`) knows, judged and in order.

    `positions` go before what a gateway's site file says, which counts near the middle of all.
    """
    heard = {known.gateway: known for known in fleet}
    names = dict.fromkeys([*heard, *sites])
    known = [heard.get(name) or Known(name) for name in names]
    own = {one.gateway: Position(*one.position) for one in known if one.position}
    places = choose_near(own, {name: one for name, one in positions.items() if name in names})
    judged = rank((one, judge(one, now_ms, ends_ms.get(one.gateway))) for one in known)
    return tuple(
        Row(
            one,
            verdict,
            sites.get(one.gateway, ""),
            ends_ms.get(one.gateway),
            places.get(one.gateway),
        )
        for one, verdict in judged
    )
