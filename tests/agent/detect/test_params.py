import tomllib

import pytest
import tomlkit
from attrs import evolve

from agent.detect.param_table import ParamsError
from agent.detect.params import LinkageParams, nameplate
from tests.agent.detect.timeline import line, linkage


def test_parameters_survive_toml_with_their_hash() -> None:
    params = linkage(("p1", "p2"), ("t1",), correlation_limit=0.25)
    again = LinkageParams.from_dict(tomllib.loads(tomlkit.dumps(params.to_dict())))
    assert again == params
    assert again.hash == params.hash


def test_any_changed_parameter_changes_the_hash() -> None:
    assert linkage(grace_s=301).hash != linkage().hash
    assert linkage(production=("p2",)).hash != linkage().hash


def test_the_nameplate_alone_gives_usable_but_provisional_parameters() -> None:
    params = nameplate("k1", {"p1": 60_000}, {"t1": 22_000, "t2": 22_000})
    assert params.provisional
    assert (params.on_production.hi_w, params.on_production.lo_w) == (6_000, 4_200)
    assert (params.on_treatment.hi_w, params.on_treatment.lo_w) == (4_400, 3_080)


@pytest.mark.parametrize(
    ("change", "problem_text"),
    [
        ({"dt_s": 0}, "dt_s must be 1..300"),
        ({"tau_s": 60}, "tau_s must be at least 90"),
        ({"lag_s": 901}, "lag_s must be 0..900"),
        ({"production": ()}, "no production line"),
        ({"treatment": ()}, "no treatment line"),
        ({"treatment": (line("p1"),)}, "a line is named twice"),
        ({"envelope": ()}, "envelope: from_w must rise"),
        ({"utc_offset": "Beijing"}, "utc_offset 'Beijing' is not like +08:00"),
        ({"correlation_minutes": 1}, "correlation_minutes must be at least 2"),
        ({"reorder_slots": -1}, "reorder_slots is negative"),
    ],
)
def test_every_impossible_value_gets_its_line(change: dict[str, object], problem_text: str) -> None:
    with pytest.raises(ParamsError) as caught:
        evolve(linkage(), **change)
    assert any(problem_text in problem for problem in caught.value.problems)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ParamsError) as caught:
        evolve(linkage(), dt_s=0, tau_s=1, lag_s=-1)
    assert len(caught.value.problems) == 3


def test_unknown_and_missing_keys_are_named_with_their_place() -> None:
    table = linkage().to_dict()
    table["gracee_s"] = 1
    del table["production"][0]["rated_w"]
    with pytest.raises(ParamsError) as caught:
        LinkageParams.from_dict(table)
    text = str(caught.value)
    assert "gracee_s" in text
    assert "rated_w" in text
