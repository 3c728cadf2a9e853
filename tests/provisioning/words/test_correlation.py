"""What people read of the correlation: r with its window and lag, or why there is none."""

from typing import Any

import pytest

from evidence.words import Words
from provisioning.words.correlation import describe_correlation, describe_for_episode, shorten_correlation

HALF: dict[str, Any] = {
    "correlation": 0.834, "undefined_reason": "", "correlated_minutes": 42, "correlated_minutes_min": 15,
    "correlation_minutes": 240, "correlation_limit": 0.52, "lag_s": 60, "learned": True,
}  # fmt: skip
NONE = {**HALF, "correlation": None}
ROWS = [
    (
        HALF,
        "r = +0.83 over 42 of 240 min at the learned lag of 1 min; commissioning saw at least +0.52",
        "r = +0.83，最近42分钟（窗口240分钟），按学习到的滞后1分钟；调试期不低于+0.52",
        "+0.83 · 42 min · 1 min later",
    ),
    (
        {**HALF, "correlated_minutes": 240, "lag_s": 0, "correlation_limit": None, "correlation": -0.1},
        "r = -0.10 over the last 240 min at no lag; r is not judged for this linkage",
        "r = -0.10，最近240分钟，不计滞后；该关联不以r作判断",
        "-0.10 · 240 min",
    ),
    (
        {**HALF, "correlation_varied": False, "correlation": 0.04},
        (
            "r = +0.04 over 42 of 240 min at the learned lag of 1 min; "
            "production hardly varies, so r says nothing now"
        ),
        "r = +0.04，最近42分钟（窗口240分钟），按学习到的滞后1分钟；生产几乎不变，此时r说明不了什么",
        "+0.04 · steady production",
    ),
    (
        {**HALF, "learned": False, "lag_s": 0},
        "r = +0.83 over 42 of 240 min, its lag not learned",
        "r = +0.83，最近42分钟（窗口240分钟），滞后尚未学习",
        "+0.83 · 42 min · no lag yet",
    ),
    (
        {**NONE, "undefined_reason": "too few samples", "correlated_minutes": 3},
        "too few samples: 3 of 15 min needed",
        "样本不足：3分钟，至少需要15分钟",
        "3 of 15 min",
    ),
    (
        {**NONE, "undefined_reason": "production constant"},
        "production constant: nothing to correlate",
        "生产负荷恒定，无可相关",
        "production constant",
    ),
    (
        {**NONE, "undefined_reason": "treatment constant"},
        "treatment constant: nothing to correlate",
        "治污负荷恒定，无可相关",
        "treatment constant",
    ),
]


@pytest.mark.parametrize(("known", "english", "chinese", "short"), ROWS)
def test_a_correlation_reads_like_this(known: dict[str, Any], english: str, chinese: str, short: str) -> None:
    assert describe_correlation(known) == Words(chinese, english)
    assert shorten_correlation(known).en == short
    assert len(short) <= 28, "the cell that 80 columns leave"


def test_what_an_older_agent_says_is_shown_as_far_as_it_goes() -> None:
    old = {"correlation": None, "undefined_reason": "too few samples"}
    assert describe_correlation(old) == Words("样本不足", "too few samples")
    assert shorten_correlation(old) == Words("样本不足", "too few samples")
    assert shorten_correlation({**old, "correlation": 0.5}).en == "+0.50"
    assert describe_correlation({}) is None


def test_an_episode_of_a_linkage_has_it_and_one_of_a_line_has_not() -> None:
    numbers = {"correlation": None, "correlation_undefined": "production constant", "correlated_minutes": 60}
    found = describe_for_episode({"rule": "off", "numbers": numbers})
    assert found is not None
    assert found.en.endswith("production constant: nothing to correlate")
    assert describe_for_episode({"rule": "stuck", "numbers": numbers}) is None
    assert describe_for_episode({"rule": "off", "numbers": {"correlation": None}}) is None
