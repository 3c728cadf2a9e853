"""The rest between a metered incomer and the lines behind it."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.episode import Episode, Severity
from agent.detect.param_table import ParamsError
from agent.detect.params import IncomerParams
from tests.agent.detect.timeline import DT_S, T0_S, line, linkage

Row = tuple[float, dict[str, int | None]]


def incomer(**more: object) -> IncomerParams:
    big = line("f1", rated_w=100_000, ct_range_w=200_000)
    plain = IncomerParams(
        incomer=big, lines=("p1", "t1", "x1"), others=(line("x1"),), lo_w=-500, hi_w=3_000, residual_s=900
    )
    return evolve(plain, **more)


def fed(detector: Detector, rows: list[Row], first: int = 0) -> list[Episode]:
    """Minutes and powers; an incomer of "+n" is the sum of the lines and n more."""
    found: list[Episode] = []
    slot = 0
    for minutes, watts in rows:
        for _ in range(round(minutes * 60 / DT_S)):
            at = T0_S + slot * DT_S
            rest = watts.get("rest", 1_000)
            shown: dict[str, Any] = {
                name: one for name, one in watts.items() if name not in {"rest", "shown"}
            }
            if rest is not None:
                shown["f1"] = sum(one or 0 for one in shown.values()) + rest
            for name, value in shown.items():
                if value is not None and slot >= first:
                    detector.sample(name, at, value + slot % 3)
            if slot >= first:
                found += detector.advance(at)
            slot += 1
    return found


ON = {"p1": 10_000, "t1": 9_000, "x1": 2_500}


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(60, ON)], []),
        ([(30, ON), (30, {**ON, "rest": 9_000})], [("feed_residual", "raised")]),
        ([(30, ON), (30, {**ON, "rest": -4_000})], [("feed_residual", "raised")]),
        ([(30, ON), (10, {**ON, "rest": 9_000}), (30, ON)], []),
        (
            [(30, ON), (30, {**ON, "rest": 9_000}), (60, ON)],
            [("feed_residual", "raised"), ("feed_residual", "cleared")],
        ),
        ([(30, ON), (60, {**ON, "x1": None, "rest": 9_000})], [("data_loss", "raised")]),
        ([(30, ON), (60, {**ON, "rest": None})], [("data_loss", "raised")]),
    ],
    ids=[
        "as usual",
        "above",
        "below",
        "not for long",
        "over again",
        "a line is silent",
        "the incomer is silent",
    ],
)
def test_a_residual_outside_its_band_is_reported(rows: list[Row], wanted: list[tuple[str, str]]) -> None:
    found = fed(Detector([linkage()], incomer()), rows)
    assert [(one.rule.value, one.state.value) for one in found] == wanted


def test_the_episode_carries_the_residual_and_its_direction() -> None:
    above = fed(Detector([linkage()], incomer()), [(30, ON), (30, {**ON, "rest": 9_000})])[0]
    assert (above.linkage, above.lines, above.severity) == ("f1", ("f1",), Severity.INTEGRITY)
    assert above.numbers["residual_w"] == pytest.approx(9_000, abs=10)
    assert above.begin_at_s == T0_S + 1_800
    assert above.raised_at_s - above.begin_at_s == pytest.approx(900, abs=80)
    assert above.numbers["lines_on"] == ["p1", "t1"]
    assert "unmetered" in above.sentence["en"]
    assert "未计量" in above.sentence["zh"]
    below = fed(Detector([linkage()], incomer()), [(30, ON), (30, {**ON, "rest": -4_000})])[0]
    assert "CT ratio" in below.sentence["en"]
    assert above.params_hash == incomer().hash


def test_without_a_learned_band_nothing_is_judged_but_the_incomers_own_meter() -> None:
    rows: list[Row] = [(30, ON), (30, {**ON, "rest": 50_000}), (30, {**ON, "rest": None})]
    found = fed(Detector([linkage()], incomer(residual_s=0)), rows)
    assert [(one.rule.value, one.lines) for one in found] == [("data_loss", ("f1",))]


@pytest.mark.parametrize(
    ("rest", "severity"),
    [
        (1_000, Severity.NOTICE),
        (2_500, Severity.NOTICE),
        (9_000, Severity.INTEGRITY),
        (None, Severity.NOTICE),
    ],
    ids=["nothing else runs", "a little more light", "the load of production", "the incomer is silent"],
)
def test_treatment_by_itself_accuses_only_where_the_incomer_shows_what_it_runs_for(
    rest: int | None, severity: Severity
) -> None:
    alone = {"p1": 100, "t1": 9_000, "x1": 2_500, "rest": rest}
    detector = Detector([linkage(overrun_s=5_400)], incomer(hi_w=50_000))
    found = [one for one in fed(detector, [(60, ON), (100, alone)]) if one.rule == "decoupled"]
    assert [(one.severity, one.state.value) for one in found] == [(severity, "raised")]


@pytest.mark.parametrize(
    ("incomer_falls", "cause"), [(True, "breaker"), (False, "ct")], ids=["breaker open", "CT lost"]
)
def test_the_incomer_tells_an_open_breaker_from_a_lost_ct(incomer_falls: bool, cause: str) -> None:
    none = {"current_a": 0.0, "voltage_v": 230.0}
    detector = Detector([linkage()], incomer())
    found: list[Episode] = []
    for slot in range(360):
        at, off = T0_S + slot * DT_S, slot >= 240
        t = 0 if off else 9_000
        total = 10_000 + (t if incomer_falls else 9_000) + 1_000
        detector.sample("p1", at, 10_000 + slot % 3)
        detector.sample("x1", at, slot % 2)
        detector.sample("f1", at, total + slot % 3)
        detector.sample("t1", at, t, **(none if off else {}))
        found += detector.advance(at)
    off_episode = next(one for one in found if one.rule == "off")
    assert off_episode.numbers["cause"] == cause


@pytest.mark.parametrize(
    ("rest", "severity"),
    [(11_000, Severity.INTEGRITY), (1_000, Severity.NOTICE), (None, Severity.NOTICE)],
    ids=["the incomer still shows it", "a breaker opened", "the incomer is silent"],
)
def test_of_two_lines_one_that_shows_nothing_at_once_accuses_where_the_incomer_still_shows_it(
    rest: int | None, severity: Severity
) -> None:
    two = linkage(("p1", "p2"))
    first = evolve(two.production[0], ct_floor_w=40)
    known = evolve(two, production=(first, two.production[1]))
    before: list[Row] = [(30, {"p1": 100, "p2": 10_000, "t1": 9_000, "x1": 2_500, "rest": 1_000})]
    both: Row = (60, {"p1": 10_000, "p2": 10_000, "t1": 9_000, "x1": 2_500, "rest": 1_000})
    lost: Row = (20, {"p1": 0, "p2": 10_000, "t1": 9_000, "x1": 2_500, "rest": rest})
    whole = incomer(hi_w=50_000, lines=("p1", "p2", "t1", "x1"))
    found = [one for one in fed(Detector([known], whole), [*before, both, lost]) if one.rule == "ct_prod"]
    assert [(one.severity, one.state.value) for one in found] == [(severity, "raised")]


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(-9_000, 20_000)), min_size=1, max_size=12),
    st.integers(0, 300),
)
@settings(deadline=None, max_examples=30)
def test_a_kill_changes_no_episode_of_the_incomer(steps: list[tuple[int, int]], cut: int) -> None:
    rows: list[Row] = [(minutes, {**ON, "rest": rest}) for minutes, rest in steps]
    whole = [one.to_body() for one in fed(Detector([linkage()], incomer(residual_s=180)), rows)]
    first = Detector([linkage()], incomer(residual_s=180))
    flat = [(1 / 6, watts) for minutes, watts in rows for _ in range(round(minutes * 6))]
    found = fed(first, flat[:cut])
    second = Detector([linkage()], incomer(residual_s=180))
    second.restore(first.checkpoint())
    assert second.checkpoint() == first.checkpoint()
    found += fed(second, flat, first=min(cut, len(flat)))
    assert [one.to_body() for one in found] == whole


@given(st.lists(st.integers(-400, 2_900), min_size=1, max_size=60))
@settings(deadline=None, max_examples=30)
def test_a_residual_within_its_band_is_never_reported(rests: list[int]) -> None:
    rows: list[Row] = [(1, {**ON, "rest": rest}) for rest in rests]
    assert fed(Detector([linkage()], incomer(residual_s=60)), rows) == []


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"lines": ()}, "no line stands behind it"),
        ({"lines": ("p1", "p1", "x1")}, "named twice"),
        ({"lines": ("f1", "x1")}, "behind itself"),
        ({"lines": ("p1",)}, "others are not among"),
        ({"lo_w": 5_000}, "lo_w <= hi_w"),
        ({"residual_s": -1}, "negative"),
    ],
)
def test_impossible_parameters_are_refused(more: dict[str, object], wanted: str) -> None:
    with pytest.raises(ParamsError, match=wanted):
        incomer(**more)


def test_lines_of_nowhere_and_lines_of_a_linkage_are_refused() -> None:
    with pytest.raises(ParamsError, match="no parameters for line x9"):
        Detector([linkage()], incomer(lines=("p1", "x1", "x9")))
    with pytest.raises(ParamsError, match="belongs to a linkage"):
        Detector([linkage()], incomer(others=(line("p1"),), lines=("p1", "t1")))


def test_parameters_survive_their_table_and_unknown_keys_are_named() -> None:
    assert IncomerParams.from_dict(incomer().to_dict()) == incomer()
    assert incomer().hash != incomer(hi_w=3_001).hash
    with pytest.raises(ParamsError):
        IncomerParams.from_dict({**incomer().to_dict(), "odd": 1})
