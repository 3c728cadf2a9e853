"""The list of the fleet: who needs somebody stands first, and nobody is lost."""

import pytest

from centre.fleet.judging import Gravity, judge
from centre.fleet.known import Beat
from provisioning.centre.fleet import list_lines
from provisioning.city.view import make_rows
from provisioning.city.words import Reader
from tests.provisioning.city.cities import NOW_MS, SICK, evolve, thousand, well

EN = Reader("en")


def test_the_three_sick_of_a_thousand_stand_first_with_their_reasons() -> None:
    lines = [fields for _, fields in list_lines(thousand(), EN)]
    assert {one["gateway"] for one in lines[:3]} == set(SICK)
    assert all(one["state"] == "act" and one["reasons"] for one in lines[:3])
    assert len(lines) == 1_005


@pytest.mark.parametrize("sort", ["gateway", "heard", "version", "certificate", "disk"])
def test_every_order_has_every_gateway(sort: str) -> None:
    view = thousand(60)
    assert len(list_lines(view, EN, sort=sort)) == len(view.rows)


def test_it_is_filtered_by_state_and_by_what_is_said() -> None:
    view = thousand()
    assert len(list_lines(view, EN, states=["act"])) == 3
    silent = [fields["gateway"] for _, fields in list_lines(view, EN, find="silent for")]
    assert silent == [SICK[0]]


def test_a_file_that_was_changed_on_the_site_since_is_told() -> None:
    view = thousand(3)
    fleet = [evolve(row.known, site_hash="aa" * 32) for row in view.rows if row.known.number]
    sent = {fleet[0].gateway: ("c-1", "aa" * 32), fleet[1].gateway: ("c-1", "bb" * 32)}
    rows = make_rows(fleet, NOW_MS, {}, {}, {}, sent)
    told = {fields["gateway"]: fields for _, fields in list_lines(evolve(view, rows=rows), EN)}
    assert told[fleet[0].gateway]["drift"] is None
    assert told[fleet[1].gateway]["drift"] == "c-1"
    assert [one["text"] for one in told[fleet[1].gateway]["reasons"]] == [
        "its site file was changed there since c-1"
    ]
    assert rows[0].known.gateway == fleet[1].gateway, "it stands first"


@pytest.mark.parametrize(
    ("figures", "codes"),
    [
        ({"wear_percent": 80, "temperature_c": 84, "memory_bytes": 64 << 20}, []),
        ({"wear_percent": 90}, ["flash"]),
        ({"temperature_c": 85, "memory_bytes": 31 << 20}, ["hot", "memory"]),
    ],
)
def test_a_machine_that_ends_soon_is_looked_at(figures: dict[str, int], codes: list[str]) -> None:
    known = evolve(well("g"), beat=Beat(1, NOW_MS, **figures))
    verdict = judge(known, NOW_MS)
    assert [one.code for one in verdict.reasons] == codes
    assert verdict.gravity is (Gravity.LOOK if codes else Gravity.WELL)
