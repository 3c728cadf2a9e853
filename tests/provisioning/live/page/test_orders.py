"""Orders on the page: what is asked, by when, and what to do; a page that was sent is told, once."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent.inbox import INBOX_NAME, SHOWN
from agent.overview import overview
from agent.store.names import DATABASE_NAME
from provisioning.live.page.chain import Chain
from provisioning.live.page.orders import draw_orders, list_orders
from provisioning.live.page.outlook import State, judge_outlook
from provisioning.live.page.page import draw_status_page
from provisioning.live.page.shown import Shown
from provisioning.live.page.site import SiteFile
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from tests.agent.orders.test_orders import give
from tests.agent.rig import Rig
from tests.evidence.orders import made
from tests.provisioning.live.page.plant import Plant, at_once
from tests.provisioning.live.page.test_outlook import plain, status  # noqa: F401 - a fixture
from tests.provisioning.live.page.test_page import EVIL, parsed

HOUR_S = 3600


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a real gateway says of an order."""
    rig = Rig(tmp_path_factory.mktemp("rig"))
    rig.connect()
    give(rig, made.message())
    (found,) = overview(rig.parts, rig.stamp())["orders"]
    rig.close()
    return dict(found)


@pytest.mark.parametrize(
    ("more", "state", "head", "deed"),
    [
        ({}, State.WARN, "waits for an answer by", "Look into it, and answer in time"),
        ({"state": "overdue", "left_s": -HOUR_S}, State.ACT, "1 h late", "It is late: answer now"),
        ({"state": "returned", "result": "not plausible"}, State.ACT, "was returned", "The bureau says: not"),
        ({"state": "declared"}, State.WELL, "nothing is being counted", "the bureau checks it"),
        ({"state": "closed"}, State.WELL, "nothing is being counted", "Closed. Nothing to do"),
        (
            {"kind": "alert", "due": None},
            State.WARN,
            "waits for an answer;",
            "measures of the reduction list",
        ),
        ({"kind": "list", "due": None}, State.WELL, "nothing is being counted", "Compare lines and measures"),
        ({"kind": "recipe", "due": None, "test": True}, State.WELL, "nothing", "object if it is wrong"),
        ({"test": True}, State.WARN, "DRILL: Order", "DRILL"),
    ],
)
def test_an_order_says_what_is_to_be_done_by_when(
    plain: Snapshot,  # noqa: F811
    row: dict[str, Any],
    more: dict[str, Any],
    state: State,
    head: str,
    deed: str,
) -> None:
    seen = evolve(plain, status={**status(), "orders": [{**row, **more}]})
    outlook = judge_outlook(seen, ())
    assert outlook.state is state
    assert head in " ".join(point.en for point in outlook.points)
    assert all(point.zh for point in outlook.points)
    assert deed in drawn(seen)
    assert not {"{", "}"} & set(drawn(seen, chinese=True))


def drawn(seen: Snapshot, *, chinese: bool = False) -> str:
    return "".join(draw_orders(list_orders(seen), seen.plan, seen.now_s, Reader("zh" if chinese else "en")))


def test_the_most_urgent_stands_first(plain: Snapshot, row: dict[str, Any]) -> None:  # noqa: F811
    states = ["closed", "declared", "pending", "returned", "overdue"]
    rows = [{**row, "order": state, "state": state} for state in states]
    seen = evolve(plain, status={**status(), "orders": rows})
    assert [one["order"] for one in list_orders(seen)] == states[::-1]
    assert list_orders(evolve(plain, status=status())) == [], "an older agent knows no orders"


def test_what_a_bureau_writes_is_text(lived: Plant, row: dict[str, Any]) -> None:
    plan = SiteFile(lived.site).plan()
    view = Chain(lived.state / DATABASE_NAME, at_once).read(plan, lived.now_s)
    evil = dict.fromkeys(("text", "result", "issuer", "number", "order", "kind", "state"), EVIL)
    told = {**lived.status, "orders": [{**row, **evil}, row]}
    seen = Snapshot(plan, told, "", view, lived.now_s)
    text = " ".join(parsed(draw_status_page(seen, chinese=False)).texts)
    assert EVIL in text
    assert "请说明" in text


def letters(state: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((state / INBOX_NAME).glob("*.json"))]


def test_a_page_that_was_sent_is_told_once_and_again_only_for_another_revision(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    shown, moment = Shown(), iter(range(100))
    shown.note([row])
    assert not (tmp_path / INBOX_NAME).exists(), "drawn is not sent"
    for rows in ([row], [row], [{**row, "shown": True}], [{**row, "rev": 2}], [{**row, "rev": 2}]):
        shown.note(rows)
        shown.tell(tmp_path, next(moment))
    assert letters(tmp_path) == [{"what": SHOWN, "order": "o1", "rev": rev} for rev in (1, 2)]


def test_a_letter_that_cannot_be_written_is_written_later(
    tmp_path: Path, row: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shown, state = Shown(), tmp_path / "state"
    state.write_text("a file where the folder should be")
    for _ in range(2):
        shown.note([row])
        shown.tell(state, 0)
    assert len(caplog.records) == 1
    state.unlink()
    state.mkdir()
    shown.note([row])
    shown.tell(state, 0)
    assert [one["order"] for one in letters(state)] == ["o1"]
