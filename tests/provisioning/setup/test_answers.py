"""Wrong answers are named by their key, and what was done before them is kept."""

from pathlib import Path

import pytest

from agent.site.file import load_site
from provisioning.setup.answers import read_answers
from tests.provisioning.setup.plants import begun, events, kept, setup, told

GOOD_LINES = """
[site]
gateway = "jn-1"
[[line]]
kind = "production"
rated_kw = 60
meters = ["m1"]
[[line]]
kind = "treatment"
rated_kw = 22
meters = ["b1:2"]
"""

FILES = [
    ("languag = 1", "languag: unknown key"),
    ("x = [", "is not TOML"),
    (
        "[[line]]\nkind = 'produce'",
        "line[0].kind: must be one of production, treatment, incomer, not 'produce'",
    ),
    ("[[line]]\nrated_kw = '3'", "line[0].rated_kw: must be a number"),
    ("[[meter]]\nclamp_a = {l1 = 'x'}", "meter[0].clamp_a: must be a number"),
    ("[wiring]\nreads = 1.5", "wiring.reads: must be a whole number"),
    ("[[photo]]\nwhat = 'x'", "photo[0].path: missing"),
    ("[site]\nreplace = 'yes'", "site.replace: must be true or false"),
]


def test_an_answers_file_of_version_0_1_names_the_incomer_feed(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("[[line]]\nkind = 'feed'\n", "utf-8")
    assert [line.kind for line in read_answers(tmp_path / "answers.toml").line] == ["incomer"]


@pytest.mark.parametrize(("text", "line"), FILES)
def test_a_mistake_in_the_answers_file_is_told_before_anything_is_done(
    tmp_path: Path, text: str, line: str
) -> None:
    ended = setup(tmp_path / "f", answers=text)
    assert ended.exit_code == 2
    assert told(ended)[0].startswith(f"{tmp_path}/answers.toml: {line}")
    assert not (tmp_path / "f").exists()


STEPS = [
    ("find", "[find]\nbuses = ['com1']", "find.buses[0]: bus URL 'com1': expected one of"),
    ("find", "[find]\nbuses = ['tcp://127.0.0.1:1']", "tcp://127.0.0.1:1: "),
    ("lines", "", "line: missing; say id, kind, rated_kw and meters of each line"),
    ("lines", "[site]\ngateway = 'a b'", "site.gateway: must be letters, digits"),
    ("lines", '[site]\nname = "\\u0007"\n', "site.name: contains characters that cannot be shown"),
    ("lines", "[[line]]\nid = 'p1'", "line[0].kind: missing"),
    ("lines", "[[line]]\nkind = 'production'", "line[0].rated_kw: missing"),
    ("lines", "[[line]]\nkind = 'production'\nrated_kw = 0", "line[0].rated_kw: must be a number from"),
    ("lines", "[[line]]\nid = '?'\nkind = 'production'\nrated_kw = 1", "line[0].id: must be letters"),
    ("lines", GOOD_LINES.replace('"m1"', '"m9"'), "line[0].meters[0]: no meter 'm9'; known: m1 (b1:1)"),
    ("lines", GOOD_LINES.replace('"b1:2"', '"m1"'), "line.meters: m2 (b1:2, chint-dtsu666) feeds no line"),
    ("lines", GOOD_LINES + "[[linkage]]\nproduction = ['p1']", "linkage[0].treatment: missing"),
    (
        "lines",
        GOOD_LINES + "[[linkage]]\nproduction = ['t1']\ntreatment = ['t1']",
        "linkage[0].production: no production line 't1'; known: p1",
    ),
    ("lines", GOOD_LINES + "[[meter]]\nid = 'm2'\nct_ratio = 0", "meter[0].ct_ratio: must be a number from"),
    ("lines", "[[meter]]\nat = 'b9:1'", "meter[0].at: no meter 'b9:1'; known: m1 (b1:1), m2 (b1:2)"),
    ("lines", "[[meter]]\nct_ratio = 3", "meter[0].id: no meter ''; known: m1 (b1:1), m2 (b1:2)"),
    ("wiring", "[wiring]\nreads = 50", "wiring.reads: must be a number from 3 to 10, not 50"),
    ("thresholds", "[[line]]\nid = 'p1'\non_kw = 1\noff_kw = 2", "line[0].off_kw: must be above 0 and not"),
    ("photos", "[[photo]]\npath = 'no.jpg'", "photo[0].path: no.jpg: no such file"),
    ("photos", "[[photo]]\npath = '/'", "photo[0].path: /: is no file"),
    ("enrol", "", "enrol.token_file: missing, and it has no default"),
    ("enrol", "[enrol]\ntoken_file = 'no'", "enrol.token_file: "),
    ("commission", "[commission]\nhours = 0", "commission.hours: must be a number from 1 to 2208"),
]


@pytest.mark.parametrize(("step", "text", "line"), STEPS)
def test_a_wrong_answer_is_named_by_its_key(tmp_path: Path, step: str, text: str, line: str) -> None:
    folder = begun(tmp_path / "f", step)
    before = kept(folder).steps
    ended = setup(folder, step, answers=text)
    assert ended.exit_code in {2, 3}, ended.output
    (said,) = told(ended)
    assert line in said
    assert kept(folder).steps == before


def test_a_token_that_was_mistyped_is_refused_and_not_repeated(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "enrol")
    (folder / "site.toml").write_text('[site]\ngateway = "g1"\n', "utf-8")
    for typed in ("7K4Q-F2XN-0000-0000-0000-0000", "dianjian:1?g=g1&t=7K4Q", "dianjian:1?", "x" * 5_000):
        (folder / "token").write_text(typed, "utf-8")
        ended = setup(folder, "enrol", answers="[enrol]\ntoken_file = 'token'")
        (said,) = told(ended)
        assert "enrol.token_file: " in said
        assert "7K4Q" not in said


def test_answers_make_the_site_file_that_the_agent_takes(tmp_path: Path) -> None:
    folder = begun(tmp_path / "f", "lines")
    ended = setup(folder, "lines", "--json", answers=GOOD_LINES)
    assert ended.exit_code == 0, ended.output
    assert [one["event"] for one in events(ended)] == ["step", "site", "done"]
    site = load_site(folder / "site.toml")
    assert site.site.gateway == "jn-1"
    assert [(one.id, one.rated_w) for one in site.line] == [("p1", 60_000), ("t1", 22_000)]
    assert [(one.id, one.line, one.ct_ratio) for one in site.meter] == [("m1", "p1", 1.0), ("m2", "t1", 20.0)]
    assert [(one.production, one.treatment) for one in site.linkage] == [(("p1",), ("t1",))]


def test_a_ratio_in_the_answers_is_a_number_or_what_stands_on_the_plate(tmp_path: Path) -> None:
    for given, ratio in (("40", 40.0), ('"100/5"', 20.0), ('"200 A / 5 A"', 40.0)):
        folder = begun(tmp_path / given.replace("/", "-"), "lines")
        answers = GOOD_LINES + f"[[meter]]\nid = 'm2'\nct_ratio = {given}\n"
        assert setup(folder, "lines", answers=answers).exit_code == 0
        assert kept(folder).meters[1].ct_ratio == ratio


def test_a_step_says_which_one_comes_first(tmp_path: Path) -> None:
    ended = setup(begun(tmp_path / "f", "find"), "receipt", "--yes")
    assert (ended.exit_code, told(ended)) == (2, ["step receipt: do enrol first"])
