"""What has to be confirmed when a plant is learned again."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.learning.relearn import SMALL, find_changes
from agent.detect.line_params import Bin, Threshold
from agent.detect.params import IncomerParams
from tests.agent.detect.timeline import line, linkage

PRESENT = linkage()


def compare(**more: object) -> list[tuple[str, bool]]:
    return [(one.name, one.lenient) for one in find_changes(PRESENT, evolve(PRESENT, **more))]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, []),
        ({"learned_from_s": 5, "learned_to_s": 9}, []),
        ({"limit_s": 185.0}, []),  # within what two honest periods differ by
        ({"limit_s": 300.0}, [("limit_s", True)]),
        ({"tau_s": 120}, [("tau_s", False)]),
        ({"duty_window_s": 600}, [("duty_window_s", True)]),
        ({"duty_fill_wh": 2_500}, [("duty_fill_wh", True)]),
        ({"untreated_w": 6_000}, [("untreated_w", True)]),
        ({"interruptions_s": 0}, [("interruptions_s", True)]),
        ({"overrun_s": 5_400}, [("overrun_s", False)]),  # judged from now on
        ({"on_treatment": Threshold(hi_w=4_000, lo_w=900)}, [("on_treatment.lo_w", True)]),
        ({"provisional": True}, [("provisional", False)]),
        (
            {"treatment": (line("t1", noise_floor=0.01, pf_heater=0.97),)},
            [("treatment.t1.noise_floor", False), ("treatment.t1.pf_heater", False)],
        ),
        (
            {"envelope": (Bin(from_w=0, lo_w=900, median_w=8_000), *PRESENT.envelope[1:])},
            [("envelope.0.lo_w", True)],
        ),
    ],
)
def test_a_change_is_named_and_marked_where_it_is_lenient(
    more: dict[str, object], wanted: list[tuple[str, bool]]
) -> None:
    assert compare(**more) == wanted


def test_what_was_judged_and_is_no_longer_is_lenient_and_so_is_a_missing_bin() -> None:
    before = evolve(PRESENT, treatment=(line("t1", noise_floor=0.01),))
    (gone,) = find_changes(before, PRESENT)
    assert (gone.name, gone.lenient) == ("treatment.t1.noise_floor", True)
    fewer = find_changes(PRESENT, evolve(PRESENT, envelope=PRESENT.envelope[:2]))
    assert {one.name for one in fewer} == {f"envelope.2.{name}" for name in ("from_w", "lo_w", "median_w")}
    assert all(one.after is None for one in fewer)


def test_a_change_reads_in_both_languages() -> None:
    (one,) = find_changes(PRESENT, linkage(limit_s=300.0))
    assert one.words.en == "limit_s: 180 -> 300 (more lenient)"
    assert one.words.zh == "limit_s：180 → 300（更宽松）"


def test_a_duty_cycle_that_is_judged_by_time_again_is_stricter() -> None:
    (gone,) = find_changes(linkage(duty_fill_wh=2_500), PRESENT)
    assert (gone.name, gone.after, gone.lenient) == ("duty_fill_wh", None, False)


def test_a_wider_band_of_an_incomer_is_lenient() -> None:
    incomer = IncomerParams(incomer=line("f1"), lines=("p1",), lo_w=-500, hi_w=3_000, residual_s=900)
    wider = find_changes(incomer, evolve(incomer, lo_w=-900, hi_w=4_000))
    assert [(one.name, one.lenient) for one in wider] == [("lo_w", True), ("hi_w", True)]
    narrower = find_changes(incomer, evolve(incomer, lo_w=-100, hi_w=2_000))
    assert [one.lenient for one in narrower] == [False, False]


@given(st.floats(100, 1_000), st.floats(-SMALL / 2, SMALL / 2))
@settings(deadline=None)
def test_what_differs_by_little_is_no_change(limit_s: float, by: float) -> None:
    assert find_changes(linkage(limit_s=limit_s), linkage(limit_s=limit_s * (1 + by))) == ()
