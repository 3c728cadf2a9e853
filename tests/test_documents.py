"""What the documents show runs, and what they name is there."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from agent.build import linkages_of, setups_of
from agent.config import parse_site
from provisioning.cli import VERBS, cli
from tests.provisioning.plant import loads_file

HERE: Final = Path(__file__).parent.parent
README: Final = (HERE / "README.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


AGENTS: Final = [text for text in BLOCKS if "[[meter]]" in text]
BACKTESTS: Final = [text for text in BLOCKS if "[[meter]]" not in text]
"""A recording has no meters; a block with a meter is meant for a gateway and has to be whole."""


@pytest.mark.parametrize("text", BLOCKS)
def test_every_toml_block_of_the_readme_is_a_good_site_file(text: str) -> None:
    site = parse_site(text, Path("README.md"))
    assert site.linkage
    assert [params.linkage for params in linkages_of(site)] == [linkage.id for linkage in site.linkage]


@pytest.mark.parametrize("text", AGENTS)
def test_every_site_file_with_meters_is_all_that_a_gateway_needs(text: str) -> None:
    site = parse_site(text, Path("README.md"))
    assert site.missing_for_agent() == ()
    assert set(setups_of(site)) == {meter.id for meter in site.meter}


@pytest.mark.parametrize("text", BACKTESTS)
def test_every_site_file_without_meters_can_be_backtested(text: str, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(text, "utf-8")
    loads = loads_file(tmp_path, ("off",), days=4)
    called = ["backtest", "--site", str(site), "--csv", str(loads), "--json"]
    shown = CliRunner().invoke(cli, called)
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout.splitlines()[-1])["summary"]["linkages"]


def test_the_readme_has_a_site_file_for_a_gateway_and_one_for_a_recording() -> None:
    assert AGENTS
    assert BACKTESTS


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md"])
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = (HERE / document).read_text("utf-8")
    named = set(re.findall(r"`((?:agent|drivers|firmware_sim|provisioning|systemd|tests)/[\w./-]*)`", text))
    assert named
    assert not [name for name in sorted(named) if not (HERE / name).exists()]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(cli, [verb, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output


def test_every_verb_of_the_readme_exists() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| `dianjian` |"))
    assert set(re.findall(r"`([a-z]+)`", row)) - {"dianjian"} == set(VERBS)
