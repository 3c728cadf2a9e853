"""The slots of the detector follow the polling, wherever they are chosen."""

from pathlib import Path

import numpy as np
import pytest

from agent.site.file import Site, parse_site
from agent.site.linkages import find_hold_s, find_slot_s, linkages_of, list_polling_misfits
from provisioning.learning.backtest_run import find_slot_s as find_slot_of_file
from provisioning.loads.loads import Loads

TEXT = """
[[bus]]
id = "b1"
url = "tcp://127.0.0.1:1502"
[[meter]]
id = "m1"
bus = "b1"
unit_id = 1
model = "eastron-sdm630"
line = "p1"
fast_s = {fast_s}
[[meter]]
id = "m2"
bus = "b1"
unit_id = 2
model = "eastron-sdm630"
line = "t1"
fast_s = {fast_s}
[[meter]]
id = "m3"
bus = "b1"
unit_id = 3
model = "eastron-sdm630"
line = "other"
fast_s = 600
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
[[line]]
id = "other"
kind = "production"
rated_w = 1000
[[linkage]]
id = "k1"
production = ["p1"]
treatment = ["t1"]
"""


def site(fast_s: float, parameters: str = "") -> Site:
    return parse_site(TEXT.format(fast_s=fast_s) + parameters, Path("site.toml"))


@pytest.mark.parametrize(
    ("fast_s", "slot_s", "hold_s"),
    [
        (1, 10, 30),
        (5, 10, 30),
        (10, 10, 30),
        (15, 15, 30),
        (30, 30, 45),
        (60, 60, 90),
        (120, 120, 180),
        (300, 300, 450),
    ],
)
def test_site_and_file_of_one_polling_have_the_same_slot(fast_s: int, slot_s: int, hold_s: int) -> None:
    polled = site(fast_s)
    assert find_slot_s(polled) == linkages_of(polled)[0].dt_s == slot_s
    assert find_hold_s(polled) == hold_s
    assert list(list_polling_misfits(polled, linkages_of(polled))) == []
    # Meters that are read one after the other have rows of their own, and a row more or less changes nothing.
    for rows in (200, 201):
        times = np.sort(np.concatenate([np.arange(rows) * fast_s, np.arange(200) * fast_s + 0.13 * fast_s]))
        first = np.isin(times, np.arange(rows) * fast_s)
        watts = {"p1": np.where(first, 1.0, np.nan), "t1": np.where(first, np.nan, 1.0)}
        assert find_slot_of_file(Loads(times, watts)) == slot_s


def test_polling_that_the_slots_cannot_follow_is_said() -> None:
    slow = site(600)
    assert "set fast_s = 300" in next(list_polling_misfits(slow, linkages_of(slow)))


def test_parameters_learned_at_another_polling_are_to_be_learned_again() -> None:
    learned = linkages_of(site(5))
    assert "commission again" in next(list_polling_misfits(site(60), learned))
    assert list(list_polling_misfits(site(15), learned)) == []
