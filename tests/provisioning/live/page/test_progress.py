"""How lines stand in an alert, on page and terminal: limit, actual, time left, hours, verdicts."""

from typing import Any

import pytest

from provisioning.live.page.progress import draw_progress
from provisioning.live.page.words import Reader
from provisioning.pages.html import join
from provisioning.words.alerts import tell_alert
from tests.provisioning.live.page.test_page import EVIL, Strict

HOUR_S = 3600
ROW: dict[str, Any] = {
    "order": "a2", "rev": 1, "test": False, "level": "red", "line": "p1", "measure": "stop",
    "begin_s": 1_772_449_200, "end_s": 1_772_456_400, "state": "running", "left_s": 1_800, "limit_w": 2_000,
    "baseline_w": 30_000, "actual_w": 40_000, "not_met": 1, "no_data": 0, "hours_begin_s": 1_772_449_200,
    "hours_w": [40_000, None, 1_000],
}  # fmt: skip
VERDICT = {"verdict": "not_met", "sentence": {"zh": "p1：未达到要求。", "en": "p1: not met."}}


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        (
            {},
            "限值 2.00 kW，当前小时 40.00 kW，剩余30分；已有 1 小时",
            "40.00 kW, 30 min left; 1 hours are not met",
        ),
        ({"state": "waiting", "not_met": 0}, "30分后开始", "begins in 30 min"),
        ({"state": "ended", "actual_w": None}, "当前小时 未知，已结束", "this hour not known, over"),
        ({"test": True, "limit_w": None}, "演练 · 预警", "DRILL · alert a2"),
        ({"measure": "of a later version", "no_data": 2}, "2 小时数据不足", "of a later version: limit"),
    ],
)
def test_one_line_says_limit_actual_and_what_is_left(changes: dict[str, Any], zh: str, en: str) -> None:
    told = tell_alert({**ROW, **changes})
    assert zh in told.zh
    assert en in told.en


@pytest.mark.parametrize(("language", "said"), [("zh", ("基准", "限值")), ("en", ("baseline", "limit"))])
def test_the_hours_stand_beside_baseline_and_limit(language: Any, said: tuple[str, str]) -> None:
    html = str(join(draw_progress({"alerts": [ROW], "verdicts": [VERDICT]}, 28_800, Reader(language))))
    assert html.count("<svg") == 2, "for a wide screen and for a phone"
    for word in (*said, "30.00 kW", "2.00 kW", VERDICT["sentence"][language]):  # type: ignore[index]
        assert word in html


def test_without_an_alert_or_an_agent_there_is_nothing_and_no_name_is_markup() -> None:
    for status in (None, {}, {"alerts": [], "verdicts": []}):
        assert list(draw_progress(status, 0, Reader("en"))) == []
    row = {**ROW, "order": EVIL, "line": EVIL, "level": EVIL, "hours_w": [None]}
    parser = Strict(chinese=True)
    parser.feed(str(join(draw_progress({"alerts": [row]}, 0, Reader("zh")))))
    parser.close()
    assert (parser.open, parser.scripts) == ([], 0)
