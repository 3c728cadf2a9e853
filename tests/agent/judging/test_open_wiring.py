"""A meter whose wiring is known to be wrong is named, and nothing is judged by it."""

from pathlib import Path

import pytest
from attrs import evolve

from agent.build import detector_feed_of
from agent.detect.detector import Detector
from agent.detect.episode import Episode, Rule, Severity
from agent.detect.param_table import ParamsError
from agent.detect.params import LinkageParams, nameplate
from agent.site.file import ConfigError, parse_site
from agent.site.linkages import incomer_of, linkages_of
from disk.tables import TableError
from tests.agent.detect.timeline import DT_S, T0_S, Timeline, line, linkage, run
from tests.agent.rig import SITE

WRONG = "mt=cts_swapped"
ON = {"p1": 10_000, "t1": 9_000}
OFF = {"p1": 10_000, "t1": 0}


def with_wiring(params: LinkageParams, wiring: str, side: str = "treatment") -> LinkageParams:
    return evolve(params, **{side: tuple(evolve(one, wiring=wiring) for one in getattr(params, side))})


def outcomes(episodes: list[Episode]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.rule.value, one.state.value, one.lines) for one in episodes]


SHOWS: list[tuple[str, Timeline]] = [
    ("nothing", [(600, OFF)]),
    ("its load and then nothing", [(60, ON), (300, OFF), (60, ON)]),
    ("a frozen value", [(600, {"p1": 10_000, "t1": 4_321})]),
    ("power the wrong way", [(300, {"p1": 10_000, "t1": -9_000})]),
    ("a heater's steadiness", [(60, ON), (300, {"p1": 10_000, "t1": 9_000})]),
]


@pytest.mark.parametrize("timeline", [row[1] for row in SHOWS], ids=[row[0] for row in SHOWS])
@pytest.mark.parametrize("side", ["production", "treatment"])
def test_whatever_such_a_meter_shows_it_is_named_and_nothing_is_judged_by_it(
    side: str, timeline: Timeline
) -> None:
    name = "t1" if side == "treatment" else "p1"
    swapped = (
        timeline
        if side == "treatment"
        else [(minutes, {"p1": watts["t1"], "t1": watts["p1"]}) for minutes, watts in timeline]
    )
    episodes, detector = run(with_wiring(linkage(), WRONG, side), swapped)
    assert outcomes(episodes) == [("wiring", "raised", (name,))]
    assert episodes[0].numbers["wiring"] == {"mt": "cts_swapped"}
    for language, words in (("zh", "两只互感器互换"), ("en", "two current transformers are exchanged")):
        assert words in episodes[0].sentence[language]
    assert [one.violation for one in detector.status()] == [None]


def test_the_other_lines_of_its_linkage_are_judged_on() -> None:
    params = linkage(production=("p1", "p2"))
    one_wrong = evolve(params, production=(evolve(line("p1"), wiring=WRONG), line("p2")))
    episodes = run(
        one_wrong, [(60, {"p1": 0, "p2": 9_000, "t1": 9_000}), (60, {"p1": 0, "p2": 9_000, "t1": 50})]
    )[0]
    assert [rule for rule, _, _ in outcomes(episodes)] == ["wiring", "off"]


def test_the_loss_of_its_data_is_still_told() -> None:
    silent = run(with_wiring(linkage(), WRONG), [(60, ON), (60, {"p1": 10_000, "t1": None}), (60, ON)])[0]
    assert [row[:2] for row in outcomes(silent)] == [
        ("wiring", "raised"), ("data_loss", "raised"), ("data_loss", "cleared"),
    ]  # fmt: skip


def test_it_ends_when_the_wiring_is_put_right_and_outlives_every_other_restart() -> None:
    wrong = with_wiring(linkage(), WRONG)
    checkpoint = run(wrong, [(60, OFF)])[1].checkpoint()
    told: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for name, params in (
        ("still wrong", wrong),
        ("put right", linkage()),
        ("another", with_wiring(linkage(), "mt=ct_open")),
    ):
        detector, found = Detector([params]), []
        detector.restore(checkpoint)
        for slot in range(363, 460):
            at = T0_S + slot * DT_S
            for name_of, watts in ON.items():
                detector.sample(name_of, at, watts + slot % 3)
            found += detector.advance(at)
        told[name] = outcomes(found)
    assert told == {"still wrong": [], "put right": [("wiring", "cleared", ("t1",))], "another": []}


def test_the_site_file_says_it_and_every_reader_of_it_knows() -> None:
    text = SITE.replace('line = "t1"', 'line = "t1"\nwiring = "cts_swapped"')
    site = parse_site(text, Path("site.toml"))
    assert [one.wiring for params in linkages_of(site) for one in params.lines] == ["", "mt=cts_swapped"]
    assert [one.wiring for one in detector_feed_of(site).linkages[0].treatment] == ["mt=cts_swapped"]
    whole = parse_site(SITE, Path("site.toml"))
    # What does not use the key has the hash that it had before there was one.
    assert "wiring" not in str(linkages_of(whole)[0].to_dict())
    assert linkages_of(whole)[0].hash != linkages_of(site)[0].hash
    assert LinkageParams.from_dict(linkages_of(site)[0].to_dict()) == linkages_of(site)[0]
    fed = text + '[[line]]\nid = "f1"\nkind = "incomer"\nrated_w = 100000\n'
    fed_site = parse_site(fed, Path("site.toml"))
    assert incomer_of(fed_site, linkages_of(fed_site)) is not None


@pytest.mark.parametrize("wiring", ['""', '"Swapped!"', "3", '"a=b"', '"x,y"'])
def test_a_finding_that_setup_would_not_write_is_refused(wiring: str) -> None:
    with pytest.raises((TableError, ConfigError, ParamsError), match="wiring"):
        parse_site(SITE.replace('line = "t1"', f'line = "t1"\nwiring = {wiring}'), Path("site.toml"))


def test_a_meter_that_never_showed_its_machine_running_proves_no_stop() -> None:
    """Behind a wrong ratio of transformers a fan that runs looks like the standby of one that was stopped."""
    detector, found = Detector([nameplate("k1", {"p1": 20_000}, {"t1": 20_000})]), []
    for slot in range(720):
        at = T0_S + slot * DT_S
        detector.sample("p1", at, 10_000 + slot % 3)
        detector.sample("t1", at, 225 + slot % 3, pf=0.86, current_a=0.4, voltage_v=230.0)
        found += detector.advance(at)
    assert [(one.rule, one.severity) for one in found] == [(Rule.LATE_START, Severity.NOTICE)]
