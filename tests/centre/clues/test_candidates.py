"""What may become a clue, out of every store that the contract is tested on."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import pytest

from centre.batch.bodies import MARKS
from centre.clues.candidates import Candidate, find_candidates, read_arrivals
from centre.json_lines import as_text, make_finding
from centre.store.contract import Marked, Told
from centre.store.journal import Mark
from evidence import keys
from evidence.record import Kind, encode_record, kind_of
from evidence.seal import StoredSeal, open_body, peek_header
from tests.centre.store.contract import STORES, Life, accepted
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret, stamp
from tests.evidence.records import EPISODE

FINAL: Final[dict[str, Any]] = {
    "order": "a1", "rev": 1, "test": False, "line": "p1", "level": "red", "measure": "stop", "what": "final",
    "verdict": "not_met", "why": None, "episodes": [], "sentence": {"zh": "未停产", "en": "not met"},
}  # fmt: skip


def episode(**changes: Any) -> bytes:
    return encode_record(Kind.EPISODE, stamp(), {**EPISODE, **changes})


def verdict(kind: Kind = Kind.VERDICT, **changes: Any) -> bytes:
    return encode_record(kind, stamp(), {**FINAL, **changes})


@pytest.fixture(params=STORES)
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    opening = STORES[request.param](request)
    one = Life(opening, opening())
    one.store.enrol(GATEWAY, keys.public(secret(1)))
    yield one
    one.store.close()


def find_marks(seal: StoredSeal) -> Mark:
    """As the subscriber marks its body."""
    records = open_body(peek_header(seal.cose), seal.body or b"")
    return Mark(sum({MARKS.get(kind_of(raw), Mark(0)) for raw in records}))


def put(life: Life, *bodies: list[bytes], findings: tuple[Told, ...] = ()) -> list[Candidate]:
    chain = Chain()
    seals = [chain.seal(body) for body in bodies]
    marked = [Marked(GATEWAY, seal.number, find_marks(seal)) for seal in seals]
    life.store.commit([*accepted(life.store.state(GATEWAY), seals), *marked, *findings])
    return list(find_candidates(read_arrivals(life.store.journal(), 0)).values())


def told(code: str, *, ended: bool = False) -> Told:
    line = make_finding(GATEWAY, 1, code, "not sealed: d-1")
    return Told(GATEWAY, 1, as_text({**line, "ended": True} if ended else line), 9_000_000)


def test_what_accuses_is_a_candidate_with_the_hash_of_its_record_and_nothing_else_is(life: Life) -> None:
    good = [episode(), verdict()]
    others = [
        episode(id="k1-low", severity="notice"),
        episode(id="k1-loss", severity="data"),
        verdict(order="a2", verdict="met"),
        verdict(order="a3", verdict="cannot_be_judged"),
        verdict(Kind.EXERCISE, order="a4", test=True),
        heartbeat(1),
    ]
    found = put(life, [heartbeat(1)], [*good, *others])
    assert [(*one.key, one.link.seal, one.opening.rule) for one in found] == [
        ("episode", GATEWAY, EPISODE["id"], 2, "off"),
        ("verdict", GATEWAY, "a1/1/p1", 2, "alert_stop"),
    ]
    assert [one.link.hash for one in found] == [sha256(raw).digest() for raw in good]
    assert found[0].opening.lines == ("p1", "t1")


def test_of_an_episode_the_last_record_counts(life: Life) -> None:
    end_s = EPISODE["begin_at_s"] + 600
    (one,) = put(life, [episode()], [episode(end_at_s=end_s, state="cleared")])
    assert (one.link.seal, one.opening.end_s) == (2, end_s)


def test_an_episode_that_became_a_question_is_none(life: Life) -> None:
    assert put(life, [episode()], [episode(severity="notice")]) == []


def test_a_finding_is_one_until_it_has_ended(life: Life) -> None:
    first = put(life, [heartbeat(1)], findings=(told("order_missing"), told("clock_step")))
    assert [(one.key[0], one.opening.rule, one.opening.begin_s) for one in first] == [
        ("finding", "order_missing", 9_000)
    ]
    life.store.commit([told("order_missing", ended=True)])
    assert find_candidates(read_arrivals(life.store.journal(), 0)) == {}


def test_what_came_before_the_time_of_the_search_is_not_looked_at(life: Life) -> None:
    put(life, *([episode(id=f"k1-{number}")] for number in range(3)), findings=(told("fork"),))
    journal = life.store.journal()
    assert list(journal.gateways()) == [GATEWAY]
    assert [one.number for one in read_arrivals(journal, 7_000)] == [1, 2, 3, 1]
    assert [one.received_utc_ms for one in read_arrivals(journal, 7_001)] == [9_000_000]
    assert list(read_arrivals(journal, 9_000_001)) == []
    assert list(read_arrivals(journal, 0, "gw-8")) == []
