"""The normal rest of an incomer, learned although something ran unmetered for a shift."""

import numpy as np
import pytest

from agent.detect.detector import Detector
from agent.detect.learning.commission_incomer import IncomerResult, commission_incomer
from agent.detect.params import IncomerParams, nameplate_incomer
from tests.agent.detect.plant import DAY, plant, times
from tests.agent.detect.timeline import linkage

RATED = {"p1": 60_000.0, "t1": 22_000.0}
PLAIN = nameplate_incomer(("f1", 120_000.0), RATED, {"p1", "t1"}, 28_800)


def site(seed: int = 5, days: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times, production, treatment, and a base load of light by day and losses."""
    loads = plant("modulated", days, seed)
    rng = np.random.default_rng(seed)
    at_s = times(loads)
    light = np.where((np.arange(len(at_s)) % DAY) > DAY // 3, 4_000.0, 1_500.0)
    return at_s, loads.u, loads.t, light + 60 * rng.standard_normal(len(at_s))


def learned(moved_h: float = 0, days: int = 3) -> IncomerResult:
    at_s, u, t, base = site(days=days)
    incomer = u + t + base
    begin = DAY + 9 * 360
    incomer[begin : begin + round(moved_h * 360)] += 15_000  # a press on a branch without a meter
    series = {"f1": (at_s, incomer), "p1": (at_s, u), "t1": (at_s, t)}
    return commission_incomer(PLAIN, series["f1"], series, linkage())


def test_the_band_holds_the_base_load_and_no_machine() -> None:
    found = learned()
    assert found.ready
    assert found.findings == ()
    assert -4_500 < found.params.lo_w < 1_500
    assert 4_000 < found.params.hi_w < 9_000
    assert found.params.residual_s == 900
    assert IncomerParams.from_dict(found.params.to_dict()) == found.params


def test_eight_hours_of_an_unmetered_machine_are_an_exception_and_not_the_norm() -> None:
    found = learned(moved_h=8)
    assert found.params.hi_w < 10_000
    (exception,) = found.findings
    assert "incomer and lines differ" in exception.en
    assert "总进线" in exception.zh


def test_less_than_a_day_is_too_little() -> None:
    at_s, u, t, base = (column[: DAY // 2] for column in site())
    series = {"f1": (at_s, u + t + base), "p1": (at_s, u), "t1": (at_s, t)}
    found = commission_incomer(PLAIN, series["f1"], series, linkage())
    assert not found.ready
    assert found.params.residual_s == 0
    assert "24 h are needed" in found.findings[0].en


def test_a_healthy_week_is_never_reported_and_a_moved_machine_is() -> None:
    params = learned().params
    at_s, u, t, base = site(seed=8, days=5)
    incomer = u + t + base
    incomer[4 * DAY + 9 * 360 : 4 * DAY + 11 * 360] += 15_000
    watched = Detector([linkage()], params)
    found = []
    for index, at in enumerate(at_s.tolist()):
        for name, column in (("p1", u), ("t1", t), ("f1", incomer)):
            value = column[index]
            if np.isfinite(value):
                watched.sample(name, at, int(value))
        found += watched.advance(at)
    raised = [one for one in found if one.rule == "feed_residual" and one.state == "raised"]
    assert len(raised) == 1
    assert raised[0].begin_at_s == pytest.approx(at_s[4 * DAY + 9 * 360], abs=120)
