"""What a setup does with its folder: nothing is lost, nothing of others overwritten, nobody is in the way."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest
from attrs import evolve

from agent.inbox import INBOX_NAME
from agent.site.field_types import UnitId
from agent.site.file import load_site
from agent.site.linkages import linkages_of
from agent.site.remote import Kept, Remote, name_text, write_remote
from agent.site.setups import setups_of
from disk.lock import Lock
from provisioning.journal.entries import LineThreshold, MeterFound, Photo, Trial
from provisioning.journal.file import JOURNAL_NAME, save_journal
from provisioning.setup.session import LOCK_NAME, SITE_NAME
from provisioning.setup.site import format_site
from tests.provisioning.setup.plants import AT, begun, events, journal_up_to, kept, setup, told
from tests.provisioning.setup.test_answers import GOOD_LINES


def test_a_damaged_journal_is_set_aside_and_said_and_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / JOURNAL_NAME).write_text('{"version": 1, "meters": 3}', "utf-8")
    ended = setup(folder, "commission", "--json", "--yes")
    (aside,) = [path for path in folder.iterdir() if "damaged" in path.name]
    assert aside.read_text("utf-8") == '{"version": 1, "meters": 3}'
    assert events(ended)[0] == {
        "event": "set_aside",
        "path": str(aside),
        "problems": ["meters: must be a list, not 3"],
    }
    assert told(ended) == ["step commission: do lines first"]
    again = setup(folder, "commission", "--yes")
    assert "damaged" not in again.output


@pytest.mark.parametrize("text", ['{"version": 2}', '{"version": "x"}'])
def test_a_journal_of_newer_software_is_left_alone(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / JOURNAL_NAME).write_text(text, "utf-8")
    ended = setup(folder, "find", "--yes")
    assert ended.exit_code == 2
    assert "is not known to this software" in told(ended)[0]
    assert (folder / JOURNAL_NAME).read_text("utf-8") == text


def test_two_setups_in_one_folder_are_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "commission")
    lock = Lock(folder / LOCK_NAME)
    ended = setup(folder, "commission", "--yes")
    assert (ended.exit_code, told(ended)) == (2, [f"{folder}: another setup is at work in this folder"])
    lock.release()
    assert setup(folder, "commission", "--yes").exit_code == 0


HAND_WRITTEN = '[site]\ngateway = "mine"\n'


def test_a_site_file_of_others_is_not_overwritten_unasked(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "thresholds")
    (folder / SITE_NAME).write_text(HAND_WRITTEN, "utf-8")
    ended = setup(folder, "thresholds", "--yes")
    assert ended.exit_code == 2
    assert "was not written by this setup and stays as it is" in told(ended)[0]
    assert '-gateway = "mine"' in ended.output
    assert (folder / SITE_NAME).read_text("utf-8") == HAND_WRITTEN
    assert setup(folder, "thresholds", answers="[site]\nreplace = true").exit_code == 0
    assert load_site(folder / SITE_NAME).site.gateway == "g1"
    (old,) = [path for path in folder.iterdir() if "replaced" in path.name]
    assert old.read_text("utf-8") == HAND_WRITTEN


def test_a_site_file_of_this_setup_is_written_again_without_a_question(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "thresholds")
    assert setup(folder, "thresholds", "--yes").exit_code == 0
    answers = "[[line]]\nid = 'p1'\non_kw = 9\n"
    assert setup(folder, "thresholds", answers=answers).exit_code == 0
    assert [one for one in folder.iterdir() if "replaced" in one.name] == []
    digest = hashlib.sha256((folder / SITE_NAME).read_bytes()).hexdigest()
    assert kept(folder).site_sha256 == digest


def test_what_the_centre_has_sent_is_told_before_it_is_overwritten(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "thresholds")
    assert setup(folder, "thresholds", "--yes").exit_code == 0
    text = (folder / SITE_NAME).read_text("utf-8")
    state = load_site(folder / SITE_NAME).path(load_site(folder / SITE_NAME).store.path)
    state.mkdir(exist_ok=True)
    write_remote(state, Remote(name_text(text), Kept("c-7", 1, text)))
    ended = setup(folder, "thresholds", answers="[[line]]\nid = 'p1'\non_kw = 9\n")
    assert ended.exit_code == 0
    assert "order c-7 rev 1" in ended.output
    assert "takes its place" in ended.output
    ended = setup(folder, "thresholds", answers="[[line]]\nid = 'p1'\non_kw = 8\n")
    assert "c-7" not in ended.output, "it was told, and is void"


NAMES = ['a "quoted" \\ name', "电镀线\u3000一号", "\x7f\u2028", "'''", "# [x]"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_stands_in_the_site_file_as_it_is(name: str) -> None:
    journal = journal_up_to("thresholds")
    site = evolve(journal.site, name=name)
    lines = tuple(evolve(one, name=name) for one in journal.lines)
    table = tomllib.loads(format_site(evolve(journal, site=site, lines=lines), "state"))
    assert table["site"]["name"] == name
    assert table["line"][0]["name"] == name


@pytest.mark.parametrize("step", ["find", "lines", "wiring", "thresholds", "enrol", "receipt"])
def test_the_site_file_is_valid_at_every_step(tmp_path: Path, step: str) -> None:
    (tmp_path / SITE_NAME).write_text(format_site(journal_up_to(step), "state"), "utf-8")
    assert load_site(tmp_path / SITE_NAME).store.path == "state"


def test_a_tried_machine_gives_its_thresholds_to_the_detector(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "thresholds")
    trials = (
        Trial("p1", "m1", AT, AT, follows=True, off_w=5_000.0, on_w=45_000.0),
        Trial("t1", "m2", AT, AT, follows=False, off_w=100.0, on_w=120.0),
    )
    save_journal(folder / JOURNAL_NAME, evolve(kept(folder), trials=trials))
    assert setup(folder, "thresholds", "--yes").exit_code == 0
    assert kept(folder).thresholds == (
        LineThreshold("p1", 7_800, 9_000, "trial"),
        LineThreshold("t1", 1_540, 2_200, "nameplate"),
    )
    (params,) = linkages_of(load_site(folder / SITE_NAME))
    assert (params.on_production.lo_w, params.on_production.hi_w) == (7_800, 9_000)
    assert params.production[0].threshold.hi_w == params.production[0].fall_from_w == 9_000
    assert (params.on_treatment.lo_w, params.on_treatment.hi_w) == (1_540, 2_200)


def test_photos_are_hashed_and_seal_numbers_kept(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "photos")
    (folder / "photos").mkdir()
    (folder / "photos/m1.jpg").write_bytes(b"a photo")
    answers = """
[[photo]]
path = "photos/m1.jpg"
what = "cabinet 1"
meter = "b1:1"
[[meter]]
id = "m1"
seal_numbers = ["A123", "A124"]
"""
    assert setup(folder, "photos", answers=answers).exit_code == 0
    digest = hashlib.sha256(b"a photo").hexdigest()
    assert kept(folder).photos == (Photo("photos/m1.jpg", digest, "cabinet 1", "m1"),)
    assert [meter.seal_numbers for meter in kept(folder).meters] == [("A123", "A124"), ()]
    assert setup(folder, "photos", answers=answers).exit_code == 0
    assert len(kept(folder).photos) == 1


def test_a_meter_that_does_not_answer_is_undecided_and_the_setup_goes_on(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "wiring")
    ended = setup(folder, "wiring", "--json", answers="[wiring]\nreads = 3\npause_s = 0.2")
    assert ended.exit_code == 0, ended.output
    told_ = [one for one in events(ended) if one["event"] == "wiring"]
    assert {one["verdict"] for one in told_} == {"undecided"}
    assert "the meter does not answer" in told_[0]["sentence"]["en"]
    assert len(kept(folder).wiring) == 2


def test_what_was_decided_lies_in_the_postbox(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "commission")
    assert setup(folder, "commission", answers="[commission]\nhours = 24").exit_code == 0
    (letter,) = (folder / "state" / INBOX_NAME).iterdir()
    body = json.loads(letter.read_text("utf-8"))
    period = kept(folder).commissioning
    assert period is not None
    assert (body["what"], body["hours"], body["until_at"]) == ("period", 24.0, period.until_at)


def test_an_analyser_feeds_no_line_and_needs_none(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "lines")
    journal = kept(folder)
    analyser = MeterFound("m3", "b1", UnitId(3), model="generic-cems")
    save_journal(folder / JOURNAL_NAME, evolve(journal, meters=(*journal.meters, analyser)))
    ended = setup(folder, "lines", answers=GOOD_LINES.replace('"b1:2"', '"b1:2", "m3"'))
    assert ended.exit_code == 0, ended.output
    assert "meter m3 measures no power" in ended.output
    assert [meter.line for meter in kept(folder).meters] == ["p1", "t1", None]
    setups_of(load_site(folder / SITE_NAME))
