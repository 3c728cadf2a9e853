"""`dianjian marks` over a real chain."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from drivers.hj212.encoding import encode
from drivers.hj212.times import write_time
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.marks.catalogue import Family
from evidence.marks.mark import Mark, Source, SubjectKind
from evidence.record import Kind, encode_reading, encode_record
from provisioning.cli import cli
from tests.agent.rig import BEGIN_S
from tests.drivers.hj212.packets import MN
from tests.drivers.hj212.test_receiver import DATA
from tests.provisioning.learning.test_commission_chain import PLAN, Maker, stamp

HOUR_S = 3600
REST_W, WORK_W = 1_000, 40_000
HOURS = 30
MARK = Mark(
    id="true",
    subject_kind=SubjectKind.LINE,
    subject="p1",
    family=Family.PRODUCTION,
    code="stop",
    from_s=BEGIN_S,
    to_s=BEGIN_S + 14 * HOUR_S,
    source=Source.MANUAL,
    by="王工",
    reason="检修",
    edition="2026-11",
)
MARKS = (
    MARK,
    evolve(MARK, id="old", from_s=BEGIN_S + 15 * HOUR_S, to_s=None),
    evolve(MARK, id="false", from_s=BEGIN_S + 16 * HOUR_S, to_s=BEGIN_S + 20 * HOUR_S, supersedes="old"),
    evolve(MARK, id="all stood", subject_kind=SubjectKind.SITE, subject="site"),
    evolve(
        MARK, id="all", subject_kind=SubjectKind.SITE, subject="site", from_s=BEGIN_S + 10 * HOUR_S, to_s=None
    ),
    evolve(MARK, id="holiday", subject_kind=SubjectKind.SITE, subject="site", code="accident"),
    evolve(MARK, id="late", code="accident", from_s=BEGIN_S - 60 * HOUR_S, to_s=BEGIN_S - 50 * HOUR_S),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It stands for 15 hours and works for as long; three readings a minute where six were due."""
    maker = Maker(tmp_path_factory.mktemp("marks"))
    for step in range(HOURS * 180):
        at_s = BEGIN_S + step * 20
        maker.reading("mp", REST_W if step < 15 * 180 else WORK_W, stamp(at_s))
        if step == HOURS * 180 - 1:
            bodies = [one.to_body() for one in MARKS] + [{"id": "odd", "by": "x"}]
            maker.pending += [encode_record(Kind.MARK, stamp(at_s), body) for body in bodies]
        if step % 30 == 29:
            maker.seal(stamp(at_s))
    return maker.close()


def call(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["marks", *map(str, words)])
    assert "Traceback" not in result.output
    return result


def test_each_mark_has_its_truth_and_a_false_one_ends_it_with_1(site: Path) -> None:
    result = call("check", "--site", site, "--json")
    assert result.exit_code == 1, result.output
    found = {one["id"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert {id_: one["truth"] for id_, one in found.items()} == {
        "late": "unknown",
        "true": "consistent",
        "false": "contradicted",
        "all stood": "consistent",
        "all": "contradicted",  # who marks everything as stopped is not believed for the line that ran
        "holiday": "unknown",
    }
    assert found["false"]["counted_s"] > 3 * HOUR_S
    assert {id_ for id_, one in found.items() if one["late"]} == {"late"}
    assert "is missing" in result.stderr  # the odd one is told


def test_people_see_the_same_in_a_table(site: Path) -> None:
    said = CliRunner().invoke(cli, ["--lang", "zh", "marks", "check", "--site", str(site)])
    assert "与用电矛盾" in said.stdout
    assert "停产" in said.stdout
    assert "迟报" in said.stdout


def test_the_rate_is_told_with_and_without_marked_hours(site: Path) -> None:
    result = call("rate", "--site", site, "--by", "month", "--json")
    assert result.exit_code == 0, result.output
    rows = list(map(json.loads, result.stdout.splitlines()))
    assert {row["meter"] for row in rows} == {"mp"}
    assert sum(row["hours_left_out"] for row in rows) in {13, 14}  # the true stop alone
    assert sum(row["come"] for row in rows) == HOURS * 180
    assert all(0 < row["completed_with_marked"] < 1 for row in rows)
    assert call("rate", "--site", site).exit_code == 0


def test_a_chain_that_is_not_there_is_a_line(tmp_path: Path, site: Path) -> None:
    other = tmp_path / "site.toml"
    other.write_text(site.read_text("utf-8"), "utf-8")
    for verb in ("check", "rate"):
        result = call(verb, "--site", other)
        assert result.exit_code == 2
        assert "no chain is there" in result.output


def with_analyser() -> str:
    bus = '[[bus]]\nid = "b9"\nurl = "hj212+listen://127.0.0.1:9001"\n'
    meter = f'[[meter]]\nid = "cems"\nbus = "b9"\nmodel = "hj212-air"\naddress = "{MN}"\nfast_s = 60\n'
    return f"{PLAN}\n{bus}{meter}"


def packet(minute: int, so2: float) -> Block:
    at_ms = (BEGIN_S + minute * 60) * 1000
    region = f"DataTime={write_time(at_ms)};a21026-Rtd={so2:.2f},a21026-Flag=N"
    return Block(212, 2011, encode(evolve(DATA, qn=f"{write_time(at_ms)}001", region=region)))


@pytest.fixture(scope="module", params=["clean", "honest"])
def emitting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Six hours of work, of which treatment stands for one and a half; an honest analyser then rises."""
    maker = Maker(tmp_path_factory.mktemp("emissions"), with_analyser())
    for minute in range(360):
        off, now = 200 <= minute < 290, stamp(BEGIN_S + minute * 60)
        maker.reading("mp", WORK_W, now)
        maker.reading("mt", 100 if off else 15_000, now)
        so2 = 30 + minute % 7 / 2 + (250 if off and request.param == "honest" else 0)
        model = maker.models["cems"].hash
        made = Reading("cems", PollGroup.FAST, now, model, (packet(minute, so2),), Quality.GOOD)
        maker.pending.append(encode_reading(made))
        if minute % 20 == 19:
            maker.seal(now)
    return str(request.param), maker.close()


def test_an_analyser_that_stays_clean_without_treatment_is_asked_about_with_its_curves(
    emitting: tuple[str, Path],
) -> None:
    kind, site = emitting
    result = call("emissions", "--site", site, "--json")
    assert result.exit_code == 0, result.output
    rows = list(map(json.loads, result.stdout.splitlines()))
    assert [(one["what"], one["point"], one["contradiction"]) for one in rows] == (
        [("clean", "so2", False)] if kind == "clean" else []
    )
    shown = CliRunner().invoke(cli, ["--lang", "zh", "marks", "emissions", "--site", str(site)])
    assert ("待核实：cems so2" in shown.stdout) is (kind == "clean")
    assert ("治理功率" in shown.stdout) is (kind == "clean")
    assert ("与用电相符" in shown.stdout) is (kind == "honest")


def test_a_chain_without_an_analyser_says_so(site: Path) -> None:
    result = call("emissions", "--site", site, "--lang", "en")
    assert result.exit_code == 1
    assert "there are no readings of an analyser" in result.stderr


def test_what_the_chain_itself_shows_is_marked_on_request(tmp_path: Path) -> None:
    """A chain of a day: it stands, works with a hole of an hour, and starts again on another boot."""
    maker = Maker(tmp_path)
    hole = range(17 * 180, 18 * 180)
    for step in range(HOURS * 180):
        at_s = BEGIN_S + step * 20
        if step not in hole:
            maker.reading("mp", REST_W if step < 15 * 180 else WORK_W, stamp(at_s))
        if step == 20 * 180:
            body = {"boot_id": b"another boot....", "offset_ms": 0, "start": "clean", "version": "1"}
            maker.pending.append(encode_record(Kind.BOOT, stamp(at_s), body))
        if step % 30 == 29 and maker.pending:
            maker.seal(stamp(at_s))
    site = maker.close()
    result = call("check", "--site", site, "--automatic", "--json")
    assert result.exit_code == 0, result.output
    rows = list(map(json.loads, result.stdout.splitlines()))
    assert {one["source"] for one in rows} == {"auto"}
    found = {one["code"]: (one["from_s"] - BEGIN_S, one["to_s"] - BEGIN_S, one["truth"]) for one in rows}
    assert found["stop"] == (0, 15 * HOUR_S - 60, "consistent")
    assert found["lost-contact"] == (17 * HOUR_S - 20, 18 * HOUR_S, "consistent")
    assert "restart" in found
    rates = call("rate", "--site", site, "--automatic", "--json").stdout.splitlines()
    assert sum(json.loads(line)["hours_left_out"] for line in rates) in {13, 14}
