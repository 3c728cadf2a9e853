"""A plant that changed since it was commissioned: days to learn from are proposed, nothing moves alone."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agent.detect.learning.changed import propose_days
from agent.detect.learning.series import Grid, to_grid
from agent.detect.params import LinkageParams
from tests.agent.detect.learning.test_commission import RATED, learn
from tests.agent.detect.plant import DAY, Loads, plant, times

DAYS = 7
WHOLE = plant("constant", DAYS, 5)


@cache
def params() -> LinkageParams:
    return learn(WHOLE).params


def grid(loads: Loads, **more: np.ndarray) -> Grid:
    lines = {"p1": loads.u, "t1": loads.t, **more}
    return to_grid({name: (times(loads), watts) for name, watts in lines.items()}, 10)


def later(from_day: int, change: float) -> np.ndarray:
    return np.where(np.arange(DAYS * DAY) >= from_day * DAY, change, 1.0)


@pytest.mark.parametrize(
    ("loads", "kind", "begin", "words"),
    [
        (WHOLE, None, "", ""),
        (replace(WHOLE, t=WHOLE.t * later(4, 0.93)), None, "", ""),
        (replace(WHOLE, t=WHOLE.t * later(4, 0.8)), "drift", "2026-01-05", "draws 20 % less"),
        (replace(WHOLE, t=WHOLE.t * later(5, 1.3)), "drift", "2026-01-06", "draws 30 % more"),
        (replace(WHOLE, u=WHOLE.u * later(4, 1.5)), "product", "2026-01-05", "above what was learned"),
        (replace(WHOLE, t=WHOLE.t * later(6, 0.7)), None, "", ""),
    ],
    ids=["steady", "a season", "clogged", "another fan", "another product", "one day"],
)
def test_a_change_that_holds_is_proposed_with_its_days(
    loads: Loads, kind: str | None, begin: str, words: str
) -> None:
    found = propose_days(params(), RATED, grid(loads))
    assert (found.kind if found else None) == kind
    if found is not None:
        assert (found.begin, found.end) == (begin, "2026-01-07")
        assert words in found.words.en
        assert f"--from {begin} --until 2026-01-07 --confirm" in found.words.en


def test_a_line_that_is_new_and_runs_is_a_machine() -> None:
    new = np.where(np.arange(DAYS * DAY) >= 5 * DAY, 20_000.0, 30.0)
    found = propose_days(params(), {**RATED, "p2": 30_000.0}, grid(WHOLE, p2=new))
    assert found is not None
    assert (found.kind, found.begin) == ("machine", "2026-01-06")
    assert "p2 was not there" in found.words.en
