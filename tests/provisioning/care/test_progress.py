"""How far a change has come, and whether the next wave may follow."""

from pathlib import Path
from typing import Any, Final

import pytest

from centre.orders.board import Come, GatewayBoard
from centre.orders.ledger import Ledger, add_line, open_ledger, order_line, root_line, statement_line
from evidence import keys
from evidence.orders.order import hash_order
from provisioning.care.progress import Progress, Stage, list_progress, pick_wave
from tests.agent.care.lives import FREE, body_of
from tests.evidence.orders import made

NOW_MS: Final = made.NOW_MS + 1_000
LATE_MS: Final = made.NOW_MS + 30 * made.DAY_MS


def sent(folder: Path, *, cancelled: bool = False) -> tuple[Ledger, bytes]:
    """A ledger with one change, and the bytes of its order."""
    path = folder / "orders"
    raw = made.signed(id="c1", kind="config", body=body_of(FREE), due_utc_ms=None)
    lines = [root_line(keys.public(made.ROOT)), *map(statement_line, made.STATEMENTS), order_line(raw)]
    if cancelled:
        lines.append(
            order_line(made.signed(id="k", seq=2, kind="cancel", body={"order": "c1"}, due_utc_ms=None))
        )
    for line in lines:
        add_line(path, line)
    return open_ledger(path), raw


def said(*states: str, state: str = "held", text: str = "") -> Come:
    return Come(3, NOW_MS, NOW_MS, state, "area", [{"state": one, "text": text} for one in states])


@pytest.mark.parametrize(
    ("come", "now_ms", "stage"),
    [
        (None, NOW_MS, Stage.SENT),
        (None, LATE_MS, Stage.EXPIRED),
        (said("received"), NOW_MS, Stage.SEALED),
        (said("received", "accepted"), NOW_MS, Stage.ACCEPTED),
        (said("received", "accepted"), LATE_MS, Stage.EXPIRED),
        (said("received", "accepted", "done"), LATE_MS, Stage.KEPT),
        (said("received", "objected"), NOW_MS, Stage.REFUSED),
        (said("received", "accepted", "objected"), NOW_MS, Stage.BACK),
        (said(state="refused"), NOW_MS, Stage.REFUSED),
    ],
)
def test_what_came_back_says_how_far_it_is(
    tmp_path: Path, come: Come | None, now_ms: int, stage: Stage
) -> None:
    ledger, raw = sent(tmp_path)
    boards = {"g1": GatewayBoard(come={hash_order(raw): come})} if come is not None else {}
    assert [one.stage for one in list_progress(ledger, boards, now_ms, "c1")] == [stage]


def test_a_change_that_was_taken_back_unheard_is_cancelled(tmp_path: Path) -> None:
    ledger, _ = sent(tmp_path, cancelled=True)
    assert [one.stage for one in list_progress(ledger, {}, NOW_MS)] == [Stage.CANCELLED]


@pytest.mark.parametrize(
    ("stages", "picked"),
    [
        ([], ["a", "b"]),
        ([Stage.KEPT, Stage.BACK], ["c", "d"]),
        ([Stage.KEPT, Stage.EXPIRED], ["c", "d"]),
        ([Stage.KEPT, Stage.SENT], []),
        ([Stage.ACCEPTED], []),
        ([Stage.KEPT] * 5, []),
    ],
)
def test_a_wave_follows_once_the_one_before_has_its_results(stages: list[Any], picked: list[str]) -> None:
    rows = [Progress("abcde"[at], "c1", 1, stage) for at, stage in enumerate(stages)]
    assert pick_wave([*"abcde"], rows, 2) == picked
