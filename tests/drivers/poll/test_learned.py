"""What was learned comes back as it was, and nothing else is taken for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.points.plan import Span
from drivers.poll.learned import (
    GATEWAY_S_MAX,
    PAUSE_S_MAX,
    SLOWEST_S_MAX,
    SPANS_MAX,
    LearnedBus,
    LearnedMeter,
    Missing,
    meter_key,
)

thousandths = st.integers(0, 1000).map(lambda number: number / 1000)
spans = st.builds(Span, st.sampled_from([3, 4, 17]), st.integers(0, 0xFFFF), st.integers(1, 125))
meters = st.builds(
    LearnedMeter,
    st.sampled_from(["", "00ff00ff00ff00ff"]),
    thousandths.map(lambda part: part * SLOWEST_S_MAX),
    thousandths.map(lambda part: part * PAUSE_S_MAX),
    st.integers(0, 125),
    st.lists(spans, max_size=5).map(tuple),
    st.lists(st.builds(Missing, spans, st.sampled_from(["exception 2", "no answer"])), max_size=5).map(tuple),
)
buses = st.builds(
    LearnedBus,
    thousandths,
    st.dictionaries(st.sampled_from(["m1", "m2", "m3"]), meters),
    thousandths.map(lambda part: part * GATEWAY_S_MAX),
)
plain_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "key",
                    "slowest_s",
                    "pause_s",
                    "registers_max",
                    "apart",
                    "missing",
                    "meters",
                    "gateway_s",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(buses)
def test_what_was_learned_comes_back(bus: LearnedBus) -> None:
    back = LearnedBus.from_plain(bus.to_plain())
    assert back is not None
    assert back.to_plain() == bus.to_plain()
    assert set(back.meters) == set(bus.meters)


@given(plain_things)
def test_anything_else_is_refused_without_an_error(plain: Any) -> None:
    for kind in (LearnedBus, LearnedMeter):
        read = kind.from_plain(plain)
        assert read is None or isinstance(read.to_plain(), dict)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slowest_s": -1},
        {"slowest_s": SLOWEST_S_MAX + 1},
        {"slowest_s": float("nan")},
        {"pause_s": 9},
        {"registers_max": 126},
        {"registers_max": True},
        {"apart": [[3, 0, 1]] * (SPANS_MAX + 1)},
        {"apart": [[3, -1, 1]]},
        {"missing": [[3, 0, 1]]},
        {"missing": [[3, 0, 1, "\n"]]},
        {"missing": [[3, 0, 1, ""]]},
        {"more": 1},
        [],
    ],
)
def test_a_value_that_cannot_have_been_learned_is_refused(wrong: Any) -> None:
    assert LearnedMeter.from_plain(wrong) is None
    assert LearnedBus.from_plain({"meters": {"m1": wrong}}) is None


def test_another_place_or_model_is_another_meter() -> None:
    keys = {
        meter_key(url, station, model)
        for url in ("tcp://a", "tcp://b")
        for station in (1, 2)
        for model in (b"1", b"2")
    }
    assert len(keys) == 8
