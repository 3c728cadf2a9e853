"""What the documents show runs, and what they name is there."""

import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from agent.build import setups_of
from agent.detect.episode import SEVERITIES, Rule
from agent.site.file import parse_site
from agent.site.linkages import linkages_of
from evidence.body import BODY_BYTES_MAX
from evidence.cbor import DEPTH_MAX, TEXT_BYTES_MAX
from evidence.clues.step import END_BYTES_MAX, END_DOMAIN, STEP_BYTES_MAX, STEP_DOMAIN
from evidence.orders.certificate import (
    CERTIFICATE_BYTES_MAX,
    CERTIFY_DOMAIN,
    PLACE_DOMAIN,
    WITHDRAW_DOMAIN,
)
from evidence.orders.newest import NEWEST_BYTES_MAX, NEWEST_DOMAIN
from evidence.orders.order import ORDER_BYTES_MAX, ORDER_DOMAIN
from evidence.receipt import BEACON_BYTES_MAX, BEACON_DOMAIN, RECEIPT_BYTES_MAX, RECEIPT_DOMAIN
from evidence.record import RECORD_BYTES_MAX, Kind
from evidence.seal import COSE_BYTES_MAX, RECORDS_MAX
from evidence.seal import DOMAIN as SEAL_DOMAIN
from evidence.statement import (
    CONTINUE_BYTES_MAX,
    ENROLMENT_DOMAIN,
    REASON_BYTES_MAX,
    REKEY_DOMAIN,
    REPLACE_DOMAIN,
    REVOKE_DOMAIN,
    STATEMENT_BYTES_MAX,
)
from provisioning.cli import VERBS, cli
from provisioning.words.numbers import RULES

HERE: Final = Path(__file__).parent.parent
README: Final = (HERE / "README.md").read_text("utf-8")
PAGES: Final = sorted((HERE / "docs").glob("*.md"))
BLOCKS: Final = [
    block
    for name in ("site-file.md", "history.md")
    for block in re.findall(r"```toml[^\n]*\n(.*?)```", (HERE / "docs" / name).read_text("utf-8"), re.DOTALL)
]


TEMPLATE: Final = HERE / "drivers/models/generic-cems.toml"
AGENTS: Final = [text for text in BLOCKS if "[[meter]]" in text]
BACKTESTS: Final = [text for text in BLOCKS if "[[meter]]" not in text]
"""A recording has no meters; a block with a meter is meant for a gateway and has to be whole."""


@pytest.mark.parametrize("text", BLOCKS)
def test_every_toml_block_of_the_pages_is_a_good_site_file(text: str) -> None:
    site = parse_site(text, Path("site-file.md"))
    assert site.linkage
    assert [params.linkage for params in linkages_of(site)] == [linkage.id for linkage in site.linkage]


@pytest.mark.parametrize("text", AGENTS)
def test_every_site_file_with_meters_is_all_that_a_gateway_needs(text: str, tmp_path: Path) -> None:
    site = parse_site(text, tmp_path / "site.toml")
    for own in {meter.model for meter in site.meter if meter.model.endswith(".toml")}:
        (tmp_path / own).parent.mkdir(exist_ok=True)
        (tmp_path / own).write_bytes(TEMPLATE.read_bytes())  # as the page says it is begun
    assert site.missing_for_agent() == ()
    assert set(setups_of(site)) == {meter.id for meter in site.meter}


def test_the_pages_have_a_site_file_for_a_gateway_and_one_for_a_recording() -> None:
    assert AGENTS
    assert BACKTESTS


DOCUMENTS: Final = ["README.md", "README.zh.md", "ARCHITECTURE.md", *(f"docs/{page.name}" for page in PAGES)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_to_a_file(document: str) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (HERE / document).read_text("utf-8"))
    outside = [link for link in links if "://" in link]
    assert not outside
    assert not [link for link in links if not (HERE / document).parent.joinpath(link).exists()]


def test_the_readme_leads_to_every_page() -> None:
    assert {f"docs/{page.name}" for page in PAGES} <= set(re.findall(r"\]\(([^)]+)\)", README))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = (HERE / document).read_text("utf-8")
    named = set(re.findall(r"`((?:agent|drivers|firmware_sim|provisioning|systemd|tests)/[\w./-]*)`", text))
    assert not [name for name in sorted(named) if not (HERE / name).exists()]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(cli, [verb, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output


def test_every_verb_of_the_readme_exists() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| `dianjian` |"))
    assert set(re.findall(r"`([a-z0-9-]+)`", row)) - {"dianjian"} == set(VERBS)


FORMAT: Final = (HERE / "docs" / "format.md").read_text("utf-8")
LIMITS: Final = [
    ("seal", COSE_BYTES_MAX),
    ("body, and the plain form of its records", BODY_BYTES_MAX),
    ("record", RECORD_BYTES_MAX),
    ("records in a seal", RECORDS_MAX),
    ("re-key, replacement", CONTINUE_BYTES_MAX),
    ("enrolment", STATEMENT_BYTES_MAX),
    ("receipt", RECEIPT_BYTES_MAX),
    ("beacon", BEACON_BYTES_MAX),
    ("order", ORDER_BYTES_MAX),
    ("number of the newest order", NEWEST_BYTES_MAX),
    ("certificate, withdrawal, placement", CERTIFICATE_BYTES_MAX),
    ("step of a clue", STEP_BYTES_MAX),
    ("end of a ledger of clues", END_BYTES_MAX),
    ("nesting", DEPTH_MAX),
    ("a text in a fixed field of a reading, a statement or a receipt", TEXT_BYTES_MAX),
    ("the reason in a re-key, replacement or revocation", REASON_BYTES_MAX),
]


@pytest.mark.parametrize(("what", "limit"), LIMITS)
def test_the_format_names_the_limit_that_the_code_has(what: str, limit: int) -> None:
    row = re.search(rf"^\| {re.escape(what)} \| ([0-9,]+)", FORMAT, re.MULTILINE)
    assert row is not None
    assert int(row[1].replace(",", "")) == limit


def test_the_format_shows_the_schema_that_messages_are_held_against() -> None:
    shown = re.findall(r"```cddl\n(.*?)```", FORMAT, re.DOTALL)
    assert shown == [(HERE / "evidence" / "records.cddl").read_text("utf-8")]


DOMAINS: Final = (
    *(SEAL_DOMAIN, RECEIPT_DOMAIN, BEACON_DOMAIN, ENROLMENT_DOMAIN),
    *(REKEY_DOMAIN, REPLACE_DOMAIN, REVOKE_DOMAIN),
    *(ORDER_DOMAIN, NEWEST_DOMAIN, CERTIFY_DOMAIN, WITHDRAW_DOMAIN, PLACE_DOMAIN),
    *(STEP_DOMAIN, END_DOMAIN),
)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_format_names_what_each_message_is_signed_as(domain: bytes) -> None:
    assert f"`{domain.decode()}`" in FORMAT


@pytest.mark.parametrize("kind", list(Kind))
def test_the_format_names_every_kind_of_record(kind: Kind) -> None:
    numbers = re.findall(r"^\| ([0-9]+)(?: to ([0-9]+))? \| [a-z]", FORMAT, re.MULTILINE)
    named = {n for first, last in numbers for n in range(int(first), int(last or first) + 1)}
    assert kind == Kind.READING or kind in named


FINDINGS: Final = (HERE / "docs" / "findings.md").read_text("utf-8")


@pytest.mark.parametrize("rule", list(Rule))
def test_the_page_of_findings_has_every_rule_with_its_name_and_severity(rule: Rule) -> None:
    row = re.search(rf"^\| `{rule.value}` \| (.+?) \| (.+?) \|", FINDINGS, re.MULTILINE)
    assert row is not None
    assert row[1] == RULES[rule.value].zh
    assert row[2] == SEVERITIES[rule].value
