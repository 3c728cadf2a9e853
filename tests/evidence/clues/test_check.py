"""The check of a ledger of clues: whatever was done to it is named, and what honest officers wrote is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import keys
from evidence.clues.check import Fault, check_ledger
from evidence.orders.trust import Trust
from tests.evidence.clues.attacks import END, RAWS, Raws, list_ledgers
from tests.evidence.clues.ledgers import trust
from tests.evidence.orders import made


def test_a_whole_ledger_is_good_and_its_clues_have_come_to_their_ends() -> None:
    checked = check_ledger(RAWS, END, trust())
    assert checked.ok
    assert checked.end is not None
    clues = checked.ledger.clues
    assert {name: (one.stage.name, one.closed, one.is_dismissed) for name, one in clues.items()} == {
        "c1": ("IMPROVING", True, False),
        "c2": ("IMPROVING", True, False),
        "c3": ("SCREENING", True, True),
    }


LEDGERS = list(list_ledgers())


@pytest.mark.parametrize("one", LEDGERS, ids=[one[0] for one in LEDGERS])
def test_whatever_was_done_to_a_ledger_is_named(
    one: tuple[str, tuple[bytes, ...], Raws, bytes | None, list[tuple[str, int]]],
) -> None:
    _, statements, raws, end, wanted = one
    checked = check_ledger(raws, end, Trust(keys.public(made.ROOT), list(statements)))
    assert [(wrong.fault.value, wrong.seq) for wrong in checked.wrong] == wanted


@given(st.permutations(range(len(RAWS))), st.integers(0, len(RAWS)))
@settings(max_examples=40, deadline=None)
def test_no_other_order_and_no_part_passes_as_the_whole(order: list[int], kept: int) -> None:
    raws = [RAWS[at] for at in order[:kept]]
    checked = check_ledger(raws, END, trust())
    assert checked.ok == (raws == RAWS)


def test_every_fault_can_be_found() -> None:
    assert {fault for *_, wanted in LEDGERS for fault, _ in wanted} == {one.value for one in Fault}
