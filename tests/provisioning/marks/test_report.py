"""The monthly self-check report: the same from the plant's chain, its archive, and the centre."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from click.testing import CliRunner, Result

from agent.store.gateway import read_seals
from centre.core import Centre, Incoming
from centre.store.journal import SHIFT
from centre.store.reading import GIVEN_UP
from centre.store.sqlite import SqliteStore
from evidence.orders.entries import Answered, answer_body
from evidence.record import Kind, encode_record
from provisioning.cli import cli
from provisioning.marks.month import parse_month
from provisioning.marks.report import hash_report
from tests.agent.rig import BEGIN_S, CENTRE
from tests.evidence.response.ordered import held, listed
from tests.provisioning.evidence.test_hostile import EPISODE
from tests.provisioning.learning.test_commission_chain import Maker, stamp
from tests.provisioning.marks.test_verb import HOUR_S, HOURS, MARK, REST_W, WORK_W
from wire import messages

EVIL = "<script>alert(1)</script>"
OWN = (
    MARK,
    evolve(MARK, id="false", from_s=BEGIN_S + 16 * HOUR_S, to_s=BEGIN_S + 20 * HOUR_S),
    evolve(MARK, id="late", code="accident", from_s=BEGIN_S - 60 * HOUR_S, to_s=BEGIN_S - 50 * HOUR_S),
)
FOUND = {**EPISODE, "begin_at_s": BEGIN_S + 99, "raised_at_s": BEGIN_S + 999, "end_at_s": None}


@frozen
class Made:
    """A chain of thirty hours, its site file and the centre's store of it."""

    site: Path
    store: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    maker = Maker(folder)
    for step in range(HOURS * 180):
        at_s = BEGIN_S + step * 20
        maker.reading("mp", REST_W if step < 15 * 180 else WORK_W, stamp(at_s))
        if step == HOURS * 180 - 1:
            at = stamp(at_s)
            marks = [*OWN, evolve(MARK, id="evil", by=EVIL, reason=EVIL, code="accident")]
            maker.pending += [encode_record(Kind.MARK, at, one.to_body()) for one in marks]
            maker.pending.append(encode_record(Kind.EPISODE, at, FOUND))
            maker.pending.append(encode_record(Kind.ORDER, at, held(listed())))
            said = answer_body("l1", 1, Answered.ACCEPTED, 1_000 * BEGIN_S, "王", "好")
            maker.pending.append(encode_record(Kind.ANSWER, at, said))
        if step % 30 == 29:
            maker.seal(stamp(at_s))
    site, seals = maker.close(), list(read_seals(folder / "state/chain.db"))
    with closing(SqliteStore(folder / "centre.db")) as store:
        store.enrol("g1", maker.recovery.next_key)
        batch = [Incoming("dj/1/g1/seal", messages.encode_seal(one.cose, one.body or b"")) for one in seals]
        Centre(store, CENTRE).handle(batch, 1_000 * (BEGIN_S + HOURS * HOUR_S))
        assert store.held("g1").up_to == len(seals)
    return Made(site, folder / "centre.db")


def call(*words: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [*map(str, words)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def test_the_plant_its_archive_and_the_centre_get_the_same_report(made: Made, tmp_path: Path) -> None:
    page, archive = tmp_path / "report.html", tmp_path / "stick/g1"
    month = ["--month", "2026-03", "--json"]
    own = json.loads(call("report", "--site", made.site, "--html", page, *month).stdout)
    shutil.copytree(made.site.parent / "state", archive)
    copied = json.loads(call("report", "--site", made.site, "--state", archive, *month).stdout)
    at_centre = ["centre", "report", "--store", made.store, "--site", made.site, *month, "g1"]
    assert own == copied == json.loads(call(*at_centre).stdout)
    assert own["sha256"] == hash_report(own)
    check(own)
    text = page.read_text("utf-8")
    assert own["sha256"] in text
    assert own["chain"]["hash"] in text
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    for said in ("月度自检报告", "Monthly self-check report", "与用电矛盾", "停产", "已接受"):
        assert said in text


def check(report: dict[str, Any]) -> None:
    """What the month holds."""
    (meter,) = report["meters"]
    assert (meter["meter"], meter["come"], meter["hours_left_out"]) == ("mp", HOURS * 180, 14)
    truths = {one["id"]: one["truth"] for one in report["marks"] if one["source"] == "manual"}
    assert truths == {"true": "consistent", "false": "contradicted", "evil": "unknown"}
    assert "stop" in {one["code"] for one in report["marks"] if one["source"] == "auto"}
    assert [(one["id"], one["end_at_s"]) for one in report["episodes"]] == [(EPISODE["id"], None)]
    (order,) = report["orders"]
    assert (order["order"], order["state"]) == ("l1", "held")
    assert [(one["state"], one["by"]) for one in order["answers"]] == [("accepted", "王")]
    assert report["verdicts"] == []


def test_a_month_whose_readings_were_archived_is_no_month_without_readings(
    made: Made, tmp_path: Path
) -> None:
    store = tmp_path / "centre.db"
    shutil.copy(made.store, store)
    received_ms = 1_000 * (BEGIN_S + HOURS * HOUR_S)
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE journal SET marks = NULL")  # as of readings whose table has come
    with closing(SqliteStore(store)) as owner:
        owner.set_mark(GIVEN_UP, 1)
        assert owner.drop_bodies(received_ms, received_ms + 1, [(SHIFT + 1, SHIFT + 9)]) == 9
    report = ["--lang", "en", "centre", "report", "--store", store, "--site", made.site]
    said = call(*report, "--month", "2026-03", "g1", code=1)
    assert "the readings of seals 1 to 9 were archived" in said.stderr
    call(*report, "--month", "2026-04", "g1")


def test_readings_after_the_end_of_a_verification_are_marked(made: Made) -> None:
    text = made.site.read_text("utf-8")
    other = made.site.with_name("verified.toml")
    other.write_text(text.replace('line = "p1"\n', 'line = "p1"\nverified_until = 2026-03-02\n', 1), "utf-8")
    report = json.loads(call("report", "--site", other, "--month", "2026-03", "--json").stdout)
    (found,) = [one for one in report["marks"] if one["code"] == "unverified"]
    assert (found["subject"], found["from_s"]) == (["meter", "mp"], 1_772_467_200)


def test_another_month_holds_what_lasted_and_nothing_else(made: Made) -> None:
    ran = call("--lang", "en", "report", "--site", made.site, "--month", "2026-02", "--json")
    before = json.loads(ran.stdout)
    assert [before[name] for name in ("meters", "episodes", "orders", "marks")] == [[], [], [], []]
    assert before["chain"]["seals"] == 0, "nothing was sealed by the end of that month"
    assert "there are no readings" in ran.stderr
    after = json.loads(call("report", "--site", made.site, "--month", "2026-04", "--json").stdout)
    assert [one["id"] for one in after["episodes"]] == [EPISODE["id"]]
    assert (after["orders"], after["meters"]) == ([], [])
    assert before["sha256"] != after["sha256"]


def test_people_get_a_sentence_and_what_is_wrong_is_a_line(made: Made, tmp_path: Path) -> None:
    told = call("--lang", "en", "report", "--site", made.site, "--month", "2026-03")
    assert "3 marks of persons, 1 of them contradicted by power" in told.stdout
    wrong = call("report", "--site", made.site, "--month", "march", code=2)
    assert "YYYY-MM" in wrong.stderr
    nobody = call("centre", "report", "--store", made.store, "--month", "2026-03", "g9", code=2)
    assert "g9" in nobody.stderr
    without = call("centre", "report", "--store", made.store, "--month", "2026-03", "g1", code=2)
    assert "--site" in without.stderr, "no manifest is in this chain"
    absent = call("report", "--site", made.site, "--state", tmp_path / "no", "--month", "2026-03", code=2)
    assert "no chain is there" in absent.stderr


@pytest.mark.parametrize(
    ("text", "offset_s", "begin", "end"),
    [
        ("2026-03", 0, 1_772_323_200, 1_775_001_600),
        ("2026-03", 28_800, 1_772_294_400, 1_774_972_800),
        ("2025-12", 0, 1_764_547_200, 1_767_225_600),
    ],
)
def test_a_month_is_one_of_the_plants_clock(text: str, offset_s: int, begin: int, end: int) -> None:
    month = parse_month(text, offset_s)
    assert (month.begin_s, month.end_s) == (begin, end)


@pytest.mark.parametrize("text", ["2026-13", "2026", "26-3", "", "9999-12x"])
def test_another_text_is_no_month(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the standard library
        parse_month(text, 0)
