"""The city's page in a real browser: on a phone and a wall, by day and by night, and what its script does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.city.page import draw_city_page
from tests.pictures.browser import Browser, browsing
from tests.provisioning.city.cities import views

pytestmark = pytest.mark.e2e
TYPE = (
    "(() => {{ const box = document.querySelector('#find'); box.value = {!r}; "
    "box.dispatchEvent(new Event('input')) }})()"
)
SHOWN = "[...document.querySelectorAll('tbody tr')].filter(row => row.checkVisibility()).map(row => row.id)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as one:
        yield one


def show(browser: Browser, folder: Path, name: str, width: int, *, dark: bool, chinese: bool) -> None:
    page = folder / f"{name}.html"
    page.write_bytes(draw_city_page(views()[name], chinese=chinese))
    browser.complaints.clear()
    browser.open(page, width, dark=dark)


@pytest.mark.parametrize(
    ("name", "width", "dark", "chinese"),
    [
        ("map", 390, True, True),
        ("hostile", 390, False, False),
        *(
            pytest.param(name, width, dark, not dark, marks=pytest.mark.minutes)
            for name in views()
            for width in (320, 390, 768, 1440, 2560)
            for dark in (False, True)
        ),
    ],
)
def test_every_text_is_whole_apart_and_dark_enough(
    browser: Browser, tmp_path: Path, name: str, width: int, dark: bool, chinese: bool
) -> None:
    show(browser, tmp_path, name, width, dark=dark, chinese=chinese)
    assert [*browser.audit(), *browser.complaints] == []
    assert "owned" not in browser.run("document.title")


def test_words_find_gateways_by_name_plant_and_reason(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, "thousand", 1440, dark=False, chinese=False)
    assert len(browser.run(SHOWN)) == 1_005
    for typed, found in {
        "SILENT FOR": ["g-plant-0137"],
        "plant-0512": ["g-plant-0512"],
        "第871号厂": ["g-plant-0871"],
        "nowhere": [],
    }.items():
        browser.run(TYPE.format(typed))
        assert browser.run(SHOWN) == found
    browser.run(TYPE.format(""))
    browser.run("document.querySelector('.cards a').click()")
    assert browser.run("location.hash") == "#g-plant-0137"
    assert browser.run("document.querySelector(':target').getBoundingClientRect().top < innerHeight")
