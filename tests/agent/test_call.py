"""How the daemon's calls end where the files that it needs are not there."""

from pathlib import Path

import pytest

from agent.main import main
from tests.test_documents import AGENTS


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A good site file of a gateway that is not enrolled yet."""
    text = AGENTS[0].replace("/var/lib/dianjian", str(tmp_path / "state"))
    text = text.replace("/etc/dianjian", str(tmp_path)).replace("models/our-cems.toml", "generic-cems")
    (tmp_path / "state").mkdir()
    path = tmp_path / "site.toml"
    path.write_text(text, "utf-8")
    return path


def test_check_names_the_files_that_enrolment_has_still_to_bring(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(site)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["broker.ca", "broker.certificate", "broker.key"]
    for name in ("ca.pem", "jn-0417.pem", "jn-0417.key"):
        (site.parent / name).touch()
    assert main(["check", "--config", str(site)]) == 0
    assert not capsys.readouterr().err


def test_a_run_without_its_certificates_ends_in_one_line(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--config", str(site)]) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dianjian-agent")]
    assert line == f"dianjian-agent: {site.parent / 'ca.pem'}: No such file or directory"
