"""The city's page: three sick of a thousand gateways stand first, and nothing on it is markup of others."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from centre.fleet.judging import TOLD_OTHERWISE, Gravity
from centre.fleet.known import Beat
from centre.rechecks import VERDICT_DIFFERS, VERDICT_UNCHECKED
from drivers.clock import ClockState
from evidence.chain import Code
from provisioning.city.page import CARDS_MAX, POLICY, ROWS_MAX, draw_city_page
from provisioning.city.positions import (
    Position,
    PositionsError,
    choose_near,
    find_scale,
    lay_out,
    read_positions,
)
from provisioning.city.view import View, make_rows
from provisioning.city.words import CODES
from tests.provisioning.city.cities import LONG, NOW_MS, SICK, hostile, thousand, views, well


def draw(view: View, *, chinese: bool = False) -> str:
    return draw_city_page(view, chinese=chinese).decode()


def visible(page: str) -> str:
    body = page.partition("<body>")[2].partition("<script>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def test_three_sick_of_a_thousand_are_the_first_words_with_their_reasons() -> None:
    text = visible(draw(thousand()))
    assert "3 of 1005 gateways need somebody" in text
    head = text[: text.index("Episodes that have not ended")]
    assert sorted(re.findall(r"plant-\d{4}", head)) == sorted(SICK)
    for reason in (
        "silent for 47 min",
        "k1 · violation · off, since 01-01 19:29",
        "two seals of one number, 2 times, last 10 min ago",
        "2 meters do not answer: m1, m2",
        "its own store is 93 % full",
        "400 seals wait there",
    ):
        assert reason in head
    chinese = visible(draw(thousand(), chinese=True))
    assert "1005台网关，3台需要处理" in chinese
    assert "已47分没有数据" in chinese
    assert "同一编号有两个签封，2次" in chinese


def test_every_gateway_has_one_row_to_which_fields_cards_and_episodes_lead() -> None:
    page = draw(thousand(placed=True))
    rows = re.findall(r'<tr id="(g-[^"]+)"', page)
    assert len(rows) == len(set(rows)) == 1_005
    assert set(re.findall(r'href="#([^"]+)"', page)) == set(rows)
    assert page.count("<circle") == 900
    assert page.count('class="field') == 105


def test_when_many_are_sick_the_page_stays_short_enough_and_says_how_many_more() -> None:
    fleet = [well(f"p{n}") for n in range(ROWS_MAX + 5)]
    for one in fleet[: CARDS_MAX + 7]:
        one.silent_since_ms = NOW_MS
    view = View(make_rows(fleet, NOW_MS, {}, {}, {}), NOW_MS)
    page = draw(view)
    assert page.count("<article") == CARDS_MAX
    assert "7 more, see all gateways" in page
    assert page.count("<tr id=") == ROWS_MAX
    assert "dianjian centre list has the others" in page


def test_what_others_wrote_is_text() -> None:
    for chinese in (False, True):
        page = draw(hostile(), chinese=chinese)
        assert "<img" not in page
        assert page.count("<script>") == 1
        assert "\u202e" not in page
        assert "owned" in page, "it is shown all the same"


class Tags(HTMLParser):
    """See that what is opened is closed, in order."""

    open: list[str]

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag not in {"meta", "link", "input", "circle", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"circle", "path"}:
            assert self.open.pop() == tag


@pytest.mark.parametrize("name", views())
def test_the_page_is_well_formed_and_its_policy_allows_nothing_from_elsewhere(name: str) -> None:
    parser = Tags()
    parser.open = []
    page = draw(views()[name])
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert "unsafe" not in POLICY
    assert not re.search(r'(src|href)="(?!#|\?lang|data:)', page)
    assert " style=" not in page


def test_three_that_are_to_be_looked_at_have_a_card_where_nobody_is_worse() -> None:
    fleet = [well(f"p{n:03d}") for n in range(100)]
    fleet[7].beat, fleet[50].beat = Beat(1, NOW_MS, silent=("m3",)), Beat(1, NOW_MS, used=0.97)
    fleet[93].clock = ClockState.UNSYNCHRONISED
    page = draw(View(make_rows(fleet, NOW_MS, {}, {}, {}), NOW_MS))
    assert "none of 100 gateways needs somebody; 3 to be looked at" in visible(page)
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    told = ("1 meters do not answer: m3", "its own store is 97 % full", "its clock is not in step")
    for card, name, why in zip(cards, ("p007", "p050", "p093"), told, strict=True):
        assert name in card
        assert why in card


def test_a_city_that_is_well_says_so() -> None:
    view = views()["well"]
    assert view.count(Gravity.ACT) == 0
    assert "All is well" in visible(draw(view))
    assert "no gateway is enrolled yet" in visible(draw(views()["none"]))


def test_every_finding_that_counts_has_a_name_in_both_languages() -> None:
    told = {*(one.value for one in Code), VERDICT_DIFFERS, VERDICT_UNCHECKED} - {
        str(one) for one in TOLD_OTHERWISE
    }
    assert told <= CODES.keys()


def test_a_long_name_of_a_plant_is_whole() -> None:
    assert f"{LONG}0" in draw(thousand(40))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: is not gateway,longitude,latitude"),
        ("name,x,y\n", "line 1"),
        ("gateway,longitude,latitude\np1,120\n", "line 2: has 2 fields"),
        ("gateway,longitude,latitude\np1,east,36\n", "line 2: could not convert"),
        ("gateway,longitude,latitude\np1,nan,36\n", "line 2: no longitude"),
        ("gateway,longitude,latitude\np1,120,89\n", "line 2: no longitude"),
        ("gateway,longitude,latitude\n\n<b>,120,36\n", "line 3: a gateway id"),
        ('gateway,longitude,latitude\n"p1,120,36\n' + "x" * 200_000, "field larger"),
    ],
)
def test_wrong_positions_are_named_by_their_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "positions.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(PositionsError, match=says):
        read_positions(file)


def test_positions_lie_on_the_plane_as_on_the_ground(tmp_path: Path) -> None:
    file = tmp_path / "positions.csv"
    file.write_text("\ufeffgateway, longitude, latitude\r\na,120,36\r\nb,120.5,36\r\nc,120,36.5\r\n", "utf-8")
    found = read_positions(file)
    assert found["b"] == Position(120.5, 36.0)
    places = lay_out(found).places
    assert places["c"][0] == places["a"][0] < places["b"][0]
    assert places["c"][1] < places["a"][1] == places["b"][1]
    assert places["b"][0] - places["a"][0] == pytest.approx(45.0, abs=0.3), "half a degree at 36° north"
    assert places["a"][1] - places["c"][1] == pytest.approx(55.6, abs=0.1)
    alone = lay_out({"a": Position(120.0, 36.0)})
    assert alone.width_km > 0
    assert [find_scale(width) for width in (4.0, 30.0, 90.0, 1_000.0)] == [1.0, 5.0, 20.0, 200.0]


def test_a_gateway_that_puts_itself_elsewhere_does_not_make_a_point_of_the_others() -> None:
    own = {f"g{number}": Position(120.3 + number / 100, 36.0) for number in range(9)}
    far = Position(-60.0, -80.0)
    assert choose_near({**own, "evil": far}, {}) == own
    assert choose_near(own, {"evil": far}) == {**own, "evil": far}, "who runs the page may"
    assert choose_near({}, {}) == {}
