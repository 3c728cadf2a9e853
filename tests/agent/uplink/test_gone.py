"""Bodies that are gone without a word are declared, and none that a record gave up or that is under way."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.store.gateway import GatewayStore
from agent.uplink.gone import GONE, LOOK_S, GoneBodies
from drivers.clock import ClockState, Stamp
from evidence.receipt import Receipt, sign_receipt
from evidence.record import Kind
from tests.agent.uplink.test_courier import CENTRE, CONNECTED, Bench
from tests.evidence.chains import GATEWAY

Span = tuple[int, int]


def at(second: float) -> Stamp:
    return Stamp(0, int(second * 10**9), bytes(16), ClockState.SYNCHRONISED)


def drops(bench: Bench, second: float) -> list[Span]:
    """What the courier declares at a look, ten seconds after the last."""
    found = [one for one in bench.courier.due(at(second * LOOK_S)) if one.kind is Kind.DROP]
    assert all(one.body["why"] == GONE for one in found)
    return [(one.body["first"], one.body["last"]) for one in found]


def receive(bench: Bench, up_to: int, ranges: tuple[Span, ...]) -> None:
    seal = bench.store.row(bench.courier.outbox.tip)
    assert seal is not None
    bench.hear(sign_receipt(Receipt(GATEWAY, seal.number, seal.hash, up_to, ranges, 0), CENTRE))


def test_a_body_that_other_hands_deleted_is_declared_once_all_others_are_receipted(tmp_path: Path) -> None:
    bench = Bench(GatewayStore(tmp_path / "chain.db", 16 << 20))
    bench.seal(6)
    other = sqlite3.connect(tmp_path / "chain.db")
    other.execute("UPDATE seals SET body = NULL WHERE number IN (3, 4)")
    other.commit()
    other.close()
    bench.courier.handle(CONNECTED, at(0), bench.now_s)
    assert drops(bench, 1) == [], "nothing is receipted"
    receive(bench, 2, ((5, 5),))
    assert drops(bench, 2) == [], "the body of seal 6 is under way and may declare them"
    receive(bench, 2, ((5, 6),))
    assert drops(bench, 3) == [], "a record may wait for the next seal"
    assert drops(bench, 4) == []
    bench.seal()
    receive(bench, 2, ((5, 7),))
    assert drops(bench, 5) == [(3, 4)]
    bench.seal()
    receive(bench, 2, ((5, 8),))
    assert drops(bench, 6) == [], "once"
    bench.store.close()


@given(
    tip=st.integers(1, 12),
    gone=st.sets(st.integers(1, 12)),
    receipted=st.sets(st.integers(1, 12)),
    looks=st.lists(st.integers(0, 2), max_size=5),
)
def test_only_what_is_bare_and_unreceipted_is_declared_and_each_once(
    tip: int, gone: set[int], receipted: set[int], looks: list[int]
) -> None:
    watcher = GoneBodies(lambda first: next((n for n in range(first, 100) if n not in gone), None))
    told: list[int] = []
    for more in looks:
        tip += more
        missing = [(number, number) for number in range(1, tip + 1) if number not in receipted]
        for first, last in watcher.look(missing, tip):
            told += range(first, last + 1)
            assert not any(one not in gone for (one, _) in missing), "another body is under way"
    assert set(told) <= gone - receipted
    assert len(told) == len(set(told))
