"""The pages for people: whole, without script, without anything from elsewhere, in a real browser."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve

from agent.detect.episode import Rule
from agent.site.file import parse_site
from provisioning.learning.backtest_page import DAYS_MAX, draw_backtest_page
from provisioning.learning.backtest_run import backtest
from provisioning.learning.outcome import Outcome
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import wanted_lines
from provisioning.pages.episode import draw_episode_file, draw_episode_page
from tests.provisioning.pages import chromium
from tests.provisioning.plant import SITE, loads_file

ZONE_S = 8 * 3600
VOID = {"meta", "link", "input", "br", "rect", "path"}


class Strict(HTMLParser):
    """Collects tags and what they would load; every tag must be closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "data", "action"}]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("pages")
    site = parse_site(SITE, folder / "site.toml")
    loads = read_loads(loads_file(folder, ("off", "stuck_t", "gap")), wanted_lines(site))
    return backtest(site, loads, 259_200)


@pytest.fixture(scope="module")
def pages(tested: Outcome) -> dict[str, str]:
    found = {f"episode-{one.rule.value}": one for one in tested.episodes}
    made = {name: draw_episode_page(one.to_body(), ZONE_S, "both") for name, one in found.items()}
    return {"backtest": draw_backtest_page(tested, "zh"), **made}


def test_the_pages_are_whole_and_load_nothing(pages: dict[str, str]) -> None:
    assert {"backtest", "episode-off", "episode-stuck", "episode-data_loss"} <= set(pages)
    for text in pages.values():
        parser = Strict()
        parser.feed(text)
        assert parser.open == []
        assert "script" not in parser.tags
        assert parser.loads == ["data:,"]
        assert "default-src 'none'" in text
        assert "@import" not in text


def test_the_browser_draws_every_page_without_a_complaint(pages: dict[str, str], tmp_path: Path) -> None:
    for name in ("backtest", "episode-off"):
        page, picture = tmp_path / f"{name}.html", tmp_path / f"{name}.png"
        page.write_text(pages[name], "utf-8")
        assert chromium.look(page, picture) == []
        assert chromium.size(picture) == (400, 900)
        assert picture.stat().st_size > 20_000, "an empty page would be smaller"


def test_the_browser_would_complain_about_a_script_and_about_a_stranger(
    pages: dict[str, str], tmp_path: Path
) -> None:
    page = tmp_path / "bad.html"
    bad = '<script>nothing.at.all()</script><img src="http://127.0.0.1:9/x.png"></body>'
    page.write_text(pages["episode-off"].replace("</body>", bad), "utf-8")
    assert chromium.look(page, tmp_path / "bad.png")


def test_the_drawing_alone_follows_the_dark_setting(tested: Outcome, tmp_path: Path) -> None:
    drawing = tmp_path / "episode.svg"
    drawing.write_text(draw_episode_file(tested.episodes[0].to_body(), ZONE_S), "utf-8")
    dark, light = tmp_path / "dark.png", tmp_path / "light.png"
    assert chromium.look(drawing, light) == []
    assert chromium.look(drawing, dark, "--blink-settings=preferredColorScheme=0") == []
    assert dark.read_bytes() != light.read_bytes()


def test_an_episode_says_its_numbers_in_both_languages_and_in_the_zone(pages: dict[str, str]) -> None:
    text = pages["episode-off"]
    for part in (
        "治污功率下限",
        "treatment needed at this production",
        "宽限期截止",
        "grace ends",
        "应不低于",
    ):
        assert part in text
    assert "<h1>" in text


def test_names_from_outside_stay_text(tested: Outcome) -> None:
    evil = "<img src=x onerror=alert(1)>"
    body = tested.episodes[0].to_body()
    body |= {
        "severity": f'"{evil}',
        "linkage": evil,
        "lines": [evil],
        "sentence": {"zh": evil, "en": evil},
        "rule": evil,
    }
    body["numbers"] = {evil: evil, "cause": evil}
    body["id"] = evil
    for text in (draw_episode_page(body, ZONE_S, "en"), draw_episode_file(body, ZONE_S)):
        assert "<img" not in text


def test_every_rule_has_a_page(tested: Outcome) -> None:
    for rule in Rule:
        one = evolve(tested.episodes[0], rule=rule, end_at_s=None)
        assert "<svg" in draw_episode_page(one.to_body(), ZONE_S, "zh")


def test_days_with_episodes_are_open_and_quiet_ones_folded(pages: dict[str, str]) -> None:
    page = pages["backtest"]
    days = page.count('<details class="card"')
    assert 1 < page.count('<details class="card" open>') < days <= DAYS_MAX
