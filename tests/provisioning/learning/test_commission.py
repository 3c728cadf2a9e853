"""`dianjian commission`: what it writes, and what only a person's confirmation changes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.detect.line_params import Answer
from agent.detect.params import IncomerParams, LinkageParams
from agent.site.file import SITE_FILE_BYTES_MAX, load_site
from agent.site.linkages import incomer_of, linkages_of
from provisioning.cli import cli
from tests.provisioning.plant import SITE, csv_file, loads_file, site_file

INCOMER = """
[[line]]
id = "f1"
kind = "incomer"
rated_w = 120000
"""


def call(site: Path, csv: Path, *more: str, language: str = "en", typed: str | None = None) -> Result:
    command = ["--lang", language, "commission", "--site", str(site), "--csv", str(csv), *more]
    return CliRunner().invoke(cli, command, input=typed)


def parameters(site: Path) -> dict[str, Any]:
    table = tomllib.loads(site.read_text("utf-8"))
    found: dict[str, Any] = table["linkage"][0]["parameters"]
    return found


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loads_file(tmp_path_factory.mktemp("loads"), (), days=3)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loads_file(tmp_path_factory.mktemp("day"), (), days=1)


def test_a_first_commissioning_is_written_and_read_again(tmp_path: Path, loads: Path) -> None:
    site = site_file(tmp_path)
    result = call(site, loads)
    assert result.exit_code == 0, result.output
    assert linkages_of(load_site(site)) == (LinkageParams.from_dict(parameters(site)),)
    again = call(site, loads)
    assert again.exit_code == 0
    assert "to confirm" not in again.output


def test_changes_of_present_parameters_wait_for_a_person(tmp_path: Path, loads: Path) -> None:
    site = site_file(tmp_path)
    call(site, loads)
    learned = parameters(site)["limit_s"]
    site.write_text(site.read_text("utf-8").replace(f"limit_s = {learned}", "limit_s = 100.0"), "utf-8")
    before = site.read_bytes()
    listed = call(site, loads, "--json")
    assert listed.exit_code == 1
    assert "--confirm" in listed.stderr
    assert site.read_bytes() == before
    (change,) = json.loads(listed.stdout)["changes"]
    assert change == {"name": "limit_s", "before": 100.0, "after": learned, "lenient": True}
    assert call(site, loads, "--dry-run", "--confirm").exit_code == 0
    assert site.read_bytes() == before
    assert call(site, loads, "--confirm").exit_code == 0
    assert parameters(site)["limit_s"] == learned


def test_exceptions_are_told_in_chinese_and_english(tmp_path: Path) -> None:
    rows = loads_file(tmp_path, (), days=3).read_text("utf-8").splitlines()
    begin = next(n for n in range(3_000, len(rows)) if float(rows[n].split(",")[1] or 0) > 30_000) + 120
    for number in range(begin, begin + 300):
        at, u, _ = rows[number].split(",")
        rows[number] = f"{at},{u},5"
    site, csv = site_file(tmp_path), csv_file(tmp_path, *rows)
    assert "explain or mend it" in call(site, csv, "--dry-run").output
    assert "请说明原因或整改" in call(site, csv, "--dry-run", language="zh").output
    told = json.loads(call(site, csv, "--dry-run", "--json").stdout)
    assert [set(one) for one in told["exceptions"]] == [{"zh", "en"}] * len(told["exceptions"]) != []


def test_an_incomer_is_learned_with_its_linkages(tmp_path: Path) -> None:
    rows = loads_file(tmp_path, (), days=3).read_text("utf-8").splitlines()
    incomer = [f"{sum(float(cell or 0) for cell in row.split(',')[1:]) + 2_000:.0f}" for row in rows[1:]]
    csv = csv_file(
        tmp_path, rows[0] + ",f1", *(f"{row},{watts}" for row, watts in zip(rows[1:], incomer, strict=True))
    )
    site = site_file(tmp_path, SITE + INCOMER)
    result = call(site, csv)
    assert result.exit_code == 0, result.output
    found = incomer_of(load_site(site), linkages_of(load_site(site)))
    assert isinstance(found, IncomerParams)
    assert found.lo_w < 2_000 < found.hi_w
    assert (found.lines, found.residual_s) == (("p1", "t1"), 900)


def test_too_little_writes_nothing(tmp_path: Path) -> None:
    rows = loads_file(tmp_path, (), days=3).read_text("utf-8").splitlines()[:2_000]
    site = site_file(tmp_path)
    before = site.read_bytes()
    result = call(site, csv_file(tmp_path, *rows))
    assert result.exit_code == 1
    assert "k1: refused (too_little)" in result.output
    assert "record 12 h more" in result.output
    assert "for the reasons above: k1: too_little" in result.stderr
    assert site.read_bytes() == before
    refusals = json.loads(call(site, csv_file(tmp_path, *rows), "--json").stdout)["refusals"]
    assert [one["name"] for one in refusals] == ["too_little"]
    assert "请再记录12小时" in refusals[0]["zh"]


def test_what_was_learned_is_told_in_words_and_drawn(tmp_path: Path, day: Path) -> None:
    text = call(site_file(tmp_path), day, "--dry-run").output
    assert text.startswith("k1: ready")
    for part in (
        "production counts as running from", "treatment follows production after", "at least", "usual",
        "█", "--answer k1.product=yes", "Not learned",
    ):  # fmt: skip
        assert part in text, part
    assert "电镀" not in text
    chinese = call(site_file(tmp_path), day, "--dry-run", language="zh").output
    assert "起算运行" in chinese
    assert "Learned" not in chinese


def test_an_answer_is_kept_in_the_parameters_and_not_asked_again(tmp_path: Path, day: Path) -> None:
    site = site_file(tmp_path)
    asked = json.loads(call(site, day, "--json").stdout)
    assert [one["name"] for one in asked["questions"]] == ["k1.product"]
    assert set(asked["questions"][0]["choices"]) == {"yes", "no"}
    assert "answers" not in parameters(site)
    answered = call(site, day, "--answer", "product=no", "--confirm")
    assert answered.exit_code == 0, answered.output
    assert "Answered" in answered.output
    kept = {"question": "product", "answer": "no", "value_w": 0}
    assert parameters(site)["answers"] == [kept]
    assert linkages_of(load_site(site))[0].answers == (Answer(**kept),)
    again = json.loads(call(site, day, "--json").stdout)
    assert (again["questions"], again["changes"]) == ([], [])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("k9.product=no", "must be like --answer k1.standby=yes"),
        ("product", "must be like --answer k1.standby=yes"),
        ("k1.product=5 kW", "only a standby is answered with a power"),
        ("k1.night=yes", "known are standby=yes"),
        ("k1.standby=yes", "no standby was asked about"),
    ],
)
def test_a_wrong_answer_is_one_line(tmp_path: Path, day: Path, answer: str, problem: str) -> None:
    site = site_file(tmp_path)
    before = site.read_bytes()
    result = call(site, day, "--answer", answer)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1
    assert site.read_bytes() == before


def test_days_are_chosen_and_wrong_ones_refused(tmp_path: Path, loads: Path) -> None:
    site = site_file(tmp_path)
    one = json.loads(call(site, loads, "--json", "--from", "2026-01-01", "--until", "2026-01-01").stdout)
    assert [refusal["name"] for refusal in one["refusals"]] == []
    assert one["parameters"]["learned_to_s"] - one["parameters"]["learned_from_s"] <= 86_400
    for days in (("--from", "yesterday"), ("--from", "2026-01-02", "--until", "2026-01-01")):
        wrong = call(site, loads, *days)
        assert wrong.exit_code == 2
        assert wrong.stderr.count("\n") == 1


def test_at_a_terminal_questions_are_asked_and_enter_leaves_them_open(
    tmp_path: Path, day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.learning.commission.is_terminal", lambda: True)
    left = call(site_file(tmp_path), day, "--dry-run", typed="\n")
    assert "Which one (number; Enter leaves it open)" in left.output
    assert "Answered" not in left.output
    site = site_file(tmp_path)
    answered = call(site, day, typed="7\n2\n")
    assert "type 1 to 2" in answered.output
    assert parameters(site)["answers"][0]["answer"] == "no"


def test_a_site_file_that_the_agent_would_refuse_is_not_written(tmp_path: Path, loads: Path) -> None:
    comment = "#" + "x" * (SITE_FILE_BYTES_MAX - len(SITE) - 200) + "\n"
    site = site_file(tmp_path, comment + SITE)
    before = site.read_bytes()
    result = call(site, loads)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"at most {SITE_FILE_BYTES_MAX} are read" in result.stderr
    assert site.read_bytes() == before


def test_the_site_file_keeps_its_mode(tmp_path: Path, loads: Path) -> None:
    site = site_file(tmp_path)
    site.chmod(0o640)
    assert call(site, loads).exit_code == 0
    assert site.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, loads: Path) -> None:
    site = site_file(tmp_path)
    before = site.read_bytes()
    (tmp_path / "site.toml.new").mkdir()
    result = call(site, loads)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "cannot be written: Is a directory" in result.stderr
    assert site.read_bytes() == before
