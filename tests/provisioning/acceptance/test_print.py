"""The sheet on paper: how many pages, what stands on them, and that no browser complains."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from provisioning.acceptance.sheet import write_sheet
from tests.provisioning.acceptance.journals import png, site, whole
from tests.provisioning.pages import chromium


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "photos").mkdir()
    (folder / "photos/cabinet.png").write_bytes(png())
    long = "很长的企业名称有限责任公司" * 12
    journal = whole()
    journal = evolve(journal, site=evolve(journal.site, address=long))
    return Path(write_sheet(journal, site(), folder, at="", version="0.1.0").path)


@pytest.fixture(scope="module")
def printed(sheet: Path) -> Path:
    """The PDF that a browser prints of it."""
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: sh .ci/need python3 system"
    pdf = sheet.with_suffix(".pdf")
    profile = f"--user-data-dir={sheet.parent / 'print-profile'}"
    more = [profile, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", sheet.as_uri()]
    done = subprocess.run(
        [browser, *chromium.FLAGS, *more], capture_output=True, text=True, timeout=chromium.PAGE_S, check=True
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return pdf


def text_of(pdf: Path, *options: str) -> str:
    tool = shutil.which("pdftotext")
    assert tool, "pdftotext is missing: sh .ci/need python3 system"
    return subprocess.run([tool, *options, str(pdf), "-"], capture_output=True, text=True, check=True).stdout


def test_it_is_printed_on_a_few_pages_of_a4_that_are_counted(printed: Path) -> None:
    info = subprocess.run(["pdfinfo", str(printed)], capture_output=True, text=True, check=True).stdout
    size = re.search(r"Page size: +([0-9.]+) x ([0-9.]+)", info)
    assert size
    assert [round(float(side)) for side in size.groups()] == [595, 842], "A4"
    pages = text_of(printed).count("\f")
    assert 5 <= pages <= 8, "ten meters and nine tests, drawn"
    assert f"{pages}/{pages}" in text_of(printed, "-f", str(pages)).replace(" ", "")


def test_what_was_found_is_text_on_the_paper(printed: Path) -> None:
    text = re.sub(r"\s+", "", text_of(printed))
    for part in (
        "某某涂装有限公司",
        "Acceptancesheet",
        "202600000010",
        "已纠正",
        "switchedoff",
        "55" * 32,
    ):
        assert part in text, part


def test_signatures_and_the_way_to_check_stand_together_on_the_last_page(printed: Path) -> None:
    last = text_of(printed).rstrip("\f").split("\f")[-1]
    for part in (
        "企业",
        "installer",
        "bureau",
        "signature",
        "sha256sum",
        "dianjian setup sheet --check",
    ):
        assert part in last, part


@pytest.mark.minutes
def test_it_stays_white_in_a_dark_room(sheet: Path, tmp_path: Path) -> None:
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    assert chromium.look(sheet, light, width=900) == []
    assert chromium.look(sheet, dark, "--blink-settings=preferredColorScheme=0", width=900) == []
    assert light.read_bytes() == dark.read_bytes()
