"""A pack of another version of this program holds; its page is not believed, and the verdict says so."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner

from evidence.pack import container
from evidence.pack.content import (
    EVIDENCE_NAME,
    INDEX_NAME,
    PAGE_NAME,
    encode_content,
    encode_evidence,
    index_of,
    sign_issue,
)
from provisioning.cli import cli
from provisioning.evidence.page import PAGE_VERSION
from tests.evidence.pack import packs

PAGE = b"<p>as it was drawn then, or a lie"


def pack_of(folder: Path, page: int, secret: bytes | None = None) -> Path:
    """A pack whose page is PAGE, said to be drawn by version `page`; signed if the centre makes it."""
    content = packs.content(packs.run(packs.chain(3)), last=3, statements=(packs.enrolment(),))
    raw = encode_content(evolve(content, page=page, by_centre=secret is not None))
    evidence = encode_evidence(raw, None if secret is None else sign_issue(raw, PAGE, secret))
    file = folder / "pack.zip"
    index = index_of(evidence, PAGE)
    file.write_bytes(container.write({EVIDENCE_NAME: evidence, PAGE_NAME: PAGE, INDEX_NAME: index}))
    return file


def verified(file: Path, *options: str) -> tuple[int, str]:
    ran = CliRunner().invoke(cli, ["verify", "--centre-key", packs.CENTRE_KEY.hex(), *options, str(file)])
    return ran.exit_code, ran.output


@pytest.mark.parametrize("page", [0, 1, PAGE_VERSION + 1, 1 << 16])
def test_a_plants_own_pack_of_another_version_is_good_and_its_page_is_not_believed(
    tmp_path: Path, page: int
) -> None:
    file = pack_of(tmp_path, page)
    code, told = verified(file)
    assert code == 0
    assert "verdict: good, but its report.html is not compared" in told
    assert f"as version {page} did it" in told
    known = json.loads(verified(file, "--json")[1])
    assert (known["ok"], known["page_is_proved"]) == (True, False)
    drawn = tmp_path / "drawn.html"
    verified(file, "--html", str(drawn))
    assert b"The check holds" in drawn.read_bytes()


def test_a_page_of_this_version_that_the_evidence_does_not_give_is_not_good(tmp_path: Path) -> None:
    code, told = verified(pack_of(tmp_path, PAGE_VERSION))
    assert code == 1
    assert "verdict: NOT GOOD" in told


def test_a_page_that_the_centre_signed_is_good_whoever_drew_it(tmp_path: Path) -> None:
    code, told = verified(pack_of(tmp_path, 1, packs.CENTRE))
    assert code == 0
    assert "verdict: good\n" in told
