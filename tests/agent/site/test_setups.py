"""The meters of a site: models from files of its own, and what feeds a line and what does not."""

import json
import struct
from pathlib import Path

import pytest

from agent.main import main
from agent.overview import overview, reading_json
from agent.site.file import ConfigError, load_site, parse_site
from agent.site.setups import lines_of, setups_of
from centre.json_lines import JsonLines
from disk.tables import TableError
from drivers.reading import Block, PollGroup, Reading
from evidence.seal import open_body, peek_header
from tests.agent import rig
from tests.agent.rig import SITE, Rig

CEMS = """
[[meter]]
id = "cems"
bus = "b1"
unit_id = 9
model = "models/our-cems.toml"
"""
OWN = """
name = "our-cems"
maker = "Ours"
title = "Analyser of the stack"
verified = "document"
provenance = "Manual of the maker"
[defaults]
function = 4
type = "f32"
[points]
so2 = { address = 0x10, scale = 2.86 }
ph = { address = 0x12 }
"""
WORDS = struct.pack(">ff", 10.0, 7.25)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a site file, with a model of its own below it."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/our-cems.toml").write_text(OWN, "utf-8")
    (tmp_path / "site.toml").write_text(SITE + CEMS, "utf-8")
    return tmp_path


def problems_of(text: str, folder: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        setups_of(parse_site(text, folder / "site.toml"))
    return caught.value.problems


def test_a_site_brings_a_model_of_its_own_from_below_its_folder(folder: Path) -> None:
    setups = setups_of(load_site(folder / "site.toml"))
    assert [setup.model.name for setup in setups.values()] == ["eastron-sdm630", "eastron-sdm630", "our-cems"]
    assert setups["cems"].intervals_s == {PollGroup.FAST: 5.0}


def test_meters_with_one_model_file_share_one_model(folder: Path) -> None:
    """A hundred of them would read it a hundred times, and hold it as often."""
    more = CEMS.replace('"cems"', '"cems-2"').replace("unit_id = 9", "unit_id = 10")
    setups = setups_of(parse_site(SITE + CEMS + more, folder / "site.toml"))
    assert setups["cems"].model is setups["cems-2"].model
    assert setups["mp"].model is setups["mt"].model


def test_an_analyser_feeds_no_line(folder: Path) -> None:
    assert lines_of(load_site(folder / "site.toml")) == {"mp": "p1", "mt": "t1"}


@pytest.mark.parametrize(
    "name", ["/etc/our.toml", "../our.toml", "a/../../our.toml", "a\\b.toml", "a//b.toml"]
)
def test_a_model_file_that_lies_elsewhere_is_refused(name: str) -> None:
    text = SITE + CEMS.replace("models/our-cems.toml", name.replace("\\", "\\\\"))
    with pytest.raises(TableError) as caught:
        parse_site(text, Path("site.toml"))
    (problem,) = caught.value.problems
    wanted = "meter[2].model: must be a file below the site file's folder, like models/cems.toml, not "
    assert problem == wanted + repr(name)


def test_a_model_file_with_a_name_that_no_enrolment_takes_is_refused_before(folder: Path) -> None:
    for name, good in (("烟" * 19, True), ("烟" * 20, False)):
        text = SITE + CEMS.replace("models/our-cems", name)
        if good:
            assert parse_site(text, folder / "site.toml").meter[2].model == f"{name}.toml"
            continue
        with pytest.raises(TableError) as caught:
            parse_site(text, folder / "site.toml")
        assert caught.value.problems == ("meter[2].model: has 65 bytes; the enrolment takes at most 64",)


def test_a_model_file_that_is_not_there_is_one_line(folder: Path) -> None:
    (problem,) = problems_of(SITE + CEMS.replace("our", "their"), folder)
    assert (
        problem
        == f"meter[2].model: {folder}/models/their-cems.toml: cannot be read: No such file or directory"
    )


def test_every_mistake_of_a_model_file_is_said_by_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "models/our-cems.toml"
    file.write_text(OWN.replace("0x10", "-1").replace('maker = "Ours"', ""), "utf-8")
    assert main(["check", "--config", str(folder / "site.toml")]) == 2
    said = capsys.readouterr().err.splitlines()
    start = f"dianjian-agent: {folder}/site.toml: meter[2].model: {file}: "
    assert said == [
        start + "points.so2.address: must be a whole number from 0 to 65535, not -1",
        start + "maker: missing, a text",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'models/our-cems.toml"',
            'models/our-cems.toml"\nline = "p1"',
            "meter[2].line: our-cems has no point active_power, so it can feed no line; leave line out",
        ),
        (
            'line = "t1"',
            "",
            "meter[1].line: missing; eastron-sdm630 measures active_power, so name the line it feeds",
        ),
    ],
)
def test_what_has_active_power_feeds_a_line_and_what_has_none_feeds_none(
    folder: Path, old: str, new: str, problem: str
) -> None:
    assert problems_of((SITE + CEMS).replace(old, new), folder) == (problem,)


@pytest.fixture
def gateway(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A gateway with two meters and an analyser, which has answered once."""
    monkeypatch.setattr(rig, "SITE", SITE + CEMS)
    life = Rig(folder)
    life.read("mp", 30_000)
    model = life.parts.judging.feed.setups["cems"].model
    life.gateway.reading(
        Reading("cems", PollGroup.FAST, life.stamp(), model.hash, (Block(4, 0x10, WORDS),), latency_ns=10**6)
    )
    life.passed_s += 60
    life.tick()
    return life


def test_what_an_analyser_says_is_sealed_and_the_centre_decodes_it_by_the_manifest_alone(
    gateway: Rig,
) -> None:
    centre = JsonLines("g1")
    said = []
    for seal in gateway.seals():
        assert seal.body is not None
        header = peek_header(seal.cose)
        said += centre.of_body(header, tuple(open_body(header, seal.body)))
    gateway.close()
    (line,) = [one for one in said if one["type"] == "reading" and one["meter"] == "cems"]
    assert line["line"] is None
    assert line["values"] == pytest.approx({"so2": 28.6, "ph": 7.25})


def test_the_status_shows_an_analyser_with_its_units_and_the_lines_without_it(gateway: Rig) -> None:
    seen = json.loads(json.dumps(overview(gateway.parts, gateway.stamp()), allow_nan=False))
    gateway.close()
    row = next(one for one in seen["meters"] if one["meter"] == "cems")
    assert (row["line"], row["quality"]) == (None, "good")
    assert row["units"] == {"so2": "mg/m3", "ph": ""}
    assert [line["power_w"] for line in seen["lines"]] == [30_000, None]


def test_once_prints_an_analyser_without_a_line(gateway: Rig) -> None:
    setup, reading = (
        gateway.parts.judging.feed.setups["cems"],
        gateway.parts.readings.latest["cems"][PollGroup.FAST],
    )
    gateway.close()
    assert reading_json(reading, setup, None)["line"] is None
