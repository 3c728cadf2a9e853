"""No page has a text that is cut, lies over another, leaves the screen or is too pale; nor has its print.

A real browser measures the letters. At every change a page of each kind is walked, on a phone, a tablet and a
laptop, by day and by night; every state, width and scheme with the fault matrix.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.pictures.browser import OPEN_ALL, Browser, browsing
from tests.pictures.gallery import SCROLLS, WIDTHS, write_all

pytestmark = pytest.mark.e2e
FULL_MIN: Final = 0.62
"""Part of a sheet of paper that is used, but for the last one."""
OFTEN: Final = (
    ("status-act-4-zh", 390, True),
    ("status-attention-4-en", 390, False),
    ("status-unknown-0-en", 390, False),
    ("status-act-4-en", 768, False),
    ("status-act-4-zh", 1440, True),
    ("status-asked-1-zh", 390, False),
    ("evidence", 390, False),
    ("episode", 390, True),
    ("backtest", 390, False),
    ("sheet", 390, False),
    ("sheet", 1440, False),
)
ABOVE_FOOT: Final = 0.955
"""Part of a sheet above the number of the page."""
INK: Final = 0xE0
"""Darker grey is ink, and no hairline between cells."""
START: Final = 12
"""Letters of a text that are looked for: a browser breaks the rest where it likes."""
TEXTS: Final = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = []
  const unprinted = "script,style,title,nav,body>label,#stale,.narrow,.head,details:not([open])>:not(summary)"
  for (let node; node = walker.nextNode();) {
    const element = node.parentElement, text = node.data.trim()
    if (text && !element.closest(unprinted) && element.checkVisibility()) found.push(text)
  }
  return found
}"""
PRINTED: Final = ("status-act-4-zh", "evidence", "episode", "sheet")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return dict(write_all(tmp_path_factory.mktemp("gallery")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as one:
        yield one


def look(browser: Browser, page: Path, width: int, *, dark: bool) -> list[str]:
    """What is wrong on a page with everything unfolded."""
    browser.complaints.clear()
    browser.open(page, width, dark=dark)
    browser.run(OPEN_ALL)
    return [*browser.audit(scrolls=SCROLLS), *browser.complaints]


@pytest.mark.parametrize(("name", "width", "dark"), OFTEN)
def test_every_text_is_whole_apart_and_dark_enough(
    pages: dict[str, Path], browser: Browser, name: str, width: int, dark: bool
) -> None:
    assert look(browser, pages[name], width, dark=dark) == []


@pytest.mark.minutes
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, *WIDTHS])
def test_so_it_is_on_every_page_in_every_state(
    pages: dict[str, Path], browser: Browser, width: int, dark: bool
) -> None:
    found = {name: look(browser, page, width, dark=dark) for name, page in pages.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("name", PRINTED)
def test_no_sheet_of_paper_is_half_blank_and_every_word_is_on_one(
    pages: dict[str, Path], browser: Browser, tmp_path: Path, name: str
) -> None:
    paper = tmp_path / "page.pdf"
    browser.open(pages[name], 794)
    browser.print(paper)
    shares = list(find_used(paper))
    assert min(shares[:-1], default=1.0) >= FULL_MIN, shares
    assert shares[-1] > 0, "the last sheet is blank"
    assert find_lost(browser, paper) == []


def find_used(paper: Path) -> Iterator[float]:
    """Which part of each sheet, from its top, has ink."""
    drawn = convert("pdftoppm", "-gray", "-r", "30", str(paper))
    while drawn:
        head = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", drawn)
        assert head
        width, height = int(head[1]), int(head[2])
        grey, drawn = drawn[head.end() : head.end() + width * height], drawn[head.end() + width * height :]
        rows = [grey[row * width : (row + 1) * width] for row in range(round(ABOVE_FOOT * height))]
        used = [row for row, pixels in enumerate(rows) if min(pixels) < INK]
        yield (used[-1] + 1) / len(rows) if used else 0.0


def find_lost(browser: Browser, paper: Path) -> list[str]:
    """Texts of the page that a reader of the paper cannot find."""
    printed = re.sub(r"\s+", "", convert("pdftotext", "-raw", str(paper), "-").decode())
    texts: list[str] = browser.run(f"({TEXTS})()")
    return [one for one in texts if re.sub(r"\s+", "", one)[:START] not in printed]


def convert(*command: str) -> bytes:
    """What a tool of poppler-utils writes."""
    return subprocess.run(command, capture_output=True, check=True).stdout
