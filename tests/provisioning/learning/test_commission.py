"""`dianjian commission`: what it writes, and what only a person's confirmation changes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

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


def call(site: Path, csv: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["commission", "--site", str(site), "--csv", str(csv), *more])


def parameters(site: Path) -> dict[str, Any]:
    table = tomllib.loads(site.read_text("utf-8"))
    found: dict[str, Any] = table["linkage"][0]["parameters"]
    return found


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loads_file(tmp_path_factory.mktemp("loads"), (), days=3)


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
    result = call(site_file(tmp_path), csv_file(tmp_path, *rows), "--dry-run")
    assert "explain or mend it" in result.output
    assert "请说明原因或整改" in result.output


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
    assert "NOT ready" in result.output
    assert "请再记录12小时" in result.output
    assert site.read_bytes() == before


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
