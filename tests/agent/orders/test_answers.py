"""What a plant answers, out of the inbox: sealed once, and only to an order that is held."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agent.inbox import drop
from agent.orders.notices import Notices
from agent.overview import overview
from evidence.record import Kind, Record
from provisioning.terminal.views import draw_status
from provisioning.words.language import choose_language
from provisioning.words.orders import tell_order
from tests.agent.orders.test_orders import give
from tests.agent.rig import Rig
from tests.evidence.orders import made

LETTER = {
    "what": "answer",
    "order": "o1",
    "state": "objected",
    "by": "王",
    "at": 5,
    "text": "已检修",
    "files": [],
}


def answers(rig: Rig) -> list[tuple[str, str]]:
    records = [one for one in rig.records() if isinstance(one, Record) and one.kind is Kind.ANSWER]
    return [(one.body["state"], one.body["by"]) for one in records]


def refusals(rig: Rig) -> list[str]:
    records = [one for one in rig.records() if isinstance(one, Record) and one.kind is Kind.EVENT]
    return [one.body["text"] for one in records if one.body["what"] == "postbox"]


def post(rig: Rig, **changes: Any) -> None:
    drop(rig.folder / "state", {**LETTER, **changes}, len(changes))
    rig.run(10, 40_000, 9_000)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path / "first")
    rig.connect()
    give(rig, made.message())
    return rig


def test_an_answer_is_sealed_once_over_kills(rig: Rig, tmp_path: Path) -> None:
    post(rig)
    assert answers(rig) == [("received", ""), ("objected", "王")]
    (open_,) = rig.parts.orders.list_open(rig.stamp())
    assert (open_["state"], open_["text"]) == ("objected", "请说明")
    drop(rig.folder / "state", LETTER, 0)  # as if it had not been removed yet
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    again.run(10, 40_000, 9_000)
    assert answers(again) == [("received", ""), ("objected", "王")], "the same letter once more"
    assert [one["state"] for one in again.parts.orders.list_open(again.stamp())] == ["objected"]


def test_a_kill_before_the_seal_leaves_the_letter(rig: Rig, tmp_path: Path) -> None:
    drop(rig.folder / "state", LETTER, 0)
    rig.gateway.sealing.put(rig.parts.orders.answer({**LETTER, "id": "0" * 64}, rig.stamp()), rig.stamp())
    again = rig.killed(tmp_path / "second")
    again.run(10, 40_000, 9_000)
    assert answers(again) == [("received", ""), ("objected", "王")]


@pytest.mark.parametrize(
    "changes",
    [
        {"order": "o2"}, {"order": 5}, {"what": "shown", "order": "o2"},
        {"state": "received"}, {"state": "shown"}, {"state": "cancelled"},
        {"by": ""}, {"at": -1}, {"text": 5}, {"files": [{"name": "x"}]},
        {"files": [{"name": "x", "size": 1, "sha256": "0"}]},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_set_aside_and_told(rig: Rig, changes: dict[str, Any]) -> None:
    post(rig, **changes)
    assert answers(rig) == [("received", "")]
    assert len(refusals(rig)) == 1


def test_that_it_was_shown_is_sealed_once_over_kills_and_for_the_revision_that_is_held(
    rig: Rig, tmp_path: Path
) -> None:
    shown = {"what": "shown", "order": "o1", "rev": 1}
    for number in range(2):
        drop(rig.folder / "state", shown, number)
    drop(rig.folder / "state", {**shown, "rev": 2}, 2)
    rig.run(10, 40_000, 9_000)
    assert answers(rig) == [("received", ""), ("shown", "")]
    assert rig.parts.orders.list_open(rig.stamp())[0]["shown"] is True
    again = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
    drop(again.folder / "state", {**shown, "n": 1}, 3)
    again.run(10, 40_000, 9_000)
    assert answers(again) == [("received", ""), ("shown", "")]
    assert refusals(again) == []
    give(again, made.message(rev=2, seq=2))
    assert again.parts.orders.list_open(again.stamp())[0]["shown"] is False
    drop(again.folder / "state", {**shown, "rev": 2, "n": 2}, 4)
    again.run(10, 40_000, 9_000)
    assert answers(again)[2:] == [("received", ""), ("shown", "")]


def test_the_plants_own_address_is_told_of_every_change_and_of_all_at_a_start(
    rig: Rig, tmp_path: Path
) -> None:
    told: list[Any] = []
    rig.parts.orders.notices.send = told.append
    rig.run(5, 40_000, 9_000)
    rig.ahead_s += 2 * 86_400
    rig.run(5, 40_000, 9_000)
    post(rig, state="done")
    give(rig, made.message(id="c1", seq=2, kind="cancel", body={"order": "o1"}, expires_utc_ms=1 << 44))
    rig.run(5, 40_000, 9_000)
    assert [one["state"] for one in told] == ["overdue", "done", "ended"]
    assert told[1]["sentence"]["en"] == f"order o1 is answered: done (supervision of {made.CITY_NAME})"
    assert told[1]["sentence"]["zh"] == f"督办指令 o1 已答复：已完成（{made.CITY_NAME}）"
    give(rig, made.message(id="o3", seq=3))
    again = rig.killed(tmp_path / "second")
    more: list[Any] = []
    for _ in range(2):
        notices = Notices(more.append)
        for _ in range(2):
            notices.look(again.parts.orders.list_open(again.stamp()))
    assert [(one["order"], one["state"]) for one in more] == [("o3", "overdue")] * 2


def test_what_becomes_effective_later_is_shown_before(rig: Rig) -> None:
    give(rig, made.message(id="a1", seq=2, kind="alert", effective_utc_ms=made.NOW_MS + 6 * 3_600_000))
    rows = rig.parts.orders.list_open(rig.stamp())
    assert [one["order"] for one in rows] == ["o1", "a1"]
    assert [one.id for one in rig.parts.orders.book.in_force(made.NOW_MS)] == ["o1"]


def test_an_order_is_overdue_until_a_person_answers(rig: Rig) -> None:
    rig.ahead_s += 2 * 86_400
    assert [one["state"] for one in rig.parts.orders.list_open(rig.stamp())] == ["overdue"]
    post(rig, state="done")
    assert [one["state"] for one in rig.parts.orders.list_open(rig.stamp())] == ["done"]


@pytest.mark.parametrize(
    ("body", "by", "state"),
    [
        ({"order": "o1", "closed": True, "text": "属实"}, made.CITY, "closed"),
        ({"order": "o1", "closed": False}, made.CITY, "returned"),
        ({"order": "o2", "closed": True}, made.CITY, "pending"),
        ({"order": "o1", "closed": True}, made.DISTRICT, "pending"),
    ],
)
def test_its_issuer_closes_or_returns_an_order(rig: Rig, body: dict[str, Any], by: bytes, state: str) -> None:
    issuer = made.CITY_NAME if by == made.CITY else made.DISTRICT_NAME
    give(rig, made.message(by, id="k1", seq=2, kind="check", body=body, issuer=issuer))
    assert [(one["order"], one["state"]) for one in rig.parts.orders.list_open(rig.stamp())] == [
        ("o1", state)
    ]


def test_the_log_says_once_that_nobody_has_answered_in_time(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.ahead_s += 2 * 86_400
    with caplog.at_level("WARNING", "dianjian.orders"):
        rig.run(20, 40_000, 9_000)
    assert [one.getMessage() for one in caplog.records if "overdue" in one.getMessage()] == [
        f"order o1 is overdue: nobody of the plant has answered (supervision of {made.CITY_NAME})"
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", "督办 o1（青岛市生态环境局 青环督〔2026〕3号）：待答复，剩余"), ("en", "h left")],
)
def test_the_view_of_a_running_agent_shows_what_is_open(rig: Rig, language: str, words: str) -> None:
    choose_language(language)  # type: ignore[arg-type]
    try:
        (row,) = overview(rig.parts, rig.stamp())["orders"]
        assert words in tell_order(row)
        shown = Console(width=200)
        with shown.capture() as captured:
            shown.print(draw_status(overview(rig.parts, rig.stamp()), columns=200))
        assert words in captured.get()
    finally:
        choose_language("en")
