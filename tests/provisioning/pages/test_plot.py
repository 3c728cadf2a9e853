"""Drawings: the same text for the same numbers, nothing from outside unescaped, names where they fit."""

import os
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.moments import zone_s
from evidence.words import Words
from provisioning.pages.plot import draw_chart, find_power_ticks
from provisioning.pages.plot_data import WIDTH, Chart, Curve, Level, Mark, Panel, Span, Strip, measure_text

GOLDEN: Final = Path(__file__).with_name("golden_chart.svg")
BEGIN_S: Final = 1_767_200_400.0
HOUR_S: Final = 3600


def chart(name: str = "k1") -> Chart:
    """Two hours of everything that can be drawn."""
    times = [BEGIN_S + 600 * at for at in range(13)]
    low = [0, 0, 18_000, 20_000, 21_000, None, 20_500, 19_000, 0, 0, None, 5, None]
    high = [0, 0, 22_000, 20_000, 23_000, None, 20_500, 21_000, 0, 0, None, 5, None]
    steps = [
        (BEGIN_S - 60, None),
        (BEGIN_S + 1200, 12_000.0),
        (BEGIN_S + 3600, 15_000.0),
        (BEGIN_S + 5400, None),
    ]
    return Chart(
        name=Words(name, name),
        begin_s=BEGIN_S,
        end_s=BEGIN_S + 2 * HOUR_S,
        offset_s=zone_s("+08:00"),
        panels=[
            Panel(Words("生产", name), Curve("production", times, high, high)),
            Panel(
                Words("治理", "treatment"),
                Curve("treatment", times, low, high),
                [
                    Level(Words("应不低于", "needed"), "limit", steps),
                    Level(Words("停止", "off"), "normal", [(0, 2e3)], "2 kW"),
                ],
            ),
        ],
        strips=[
            Strip(Words("生产", "production"), [Span(BEGIN_S - 900, BEGIN_S + 5000, "production")]),
            Strip(
                Words("事件", "episodes"),
                [
                    Span(
                        BEGIN_S + 900,
                        BEGIN_S + 1500,
                        "violation",
                        Words("关闭", "off"),
                        BEGIN_S + 1080,
                        band=True,
                    ),
                    Span(BEGIN_S + 7000, BEGIN_S + 9e6, "data", Words("缺失", "data loss"), BEGIN_S + 9e6),
                ],
            ),
        ],
        marks=[
            Mark(BEGIN_S + 900, "limit", Words("开始", "began")),
            Mark(BEGIN_S + 7100, "violation", Words("触发", "raised")),
        ],
    )


def test_the_drawing_is_the_golden_one() -> None:
    drawn = draw_chart(chart(), alone=True)
    if os.environ.get("DIANJIAN_GOLDEN") == "write":
        GOLDEN.write_text(drawn, "utf-8")
    assert drawn == GOLDEN.read_text("utf-8"), "look at it, then DIANJIAN_GOLDEN=write pytest writes it anew"


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1))
def test_no_name_can_leave_its_place(name: str) -> None:
    drawn = draw_chart(chart(name), alone=True)
    tree = ET.fromstring(drawn)  # noqa: S314  our own drawing
    texts = [part.text for part in tree.iter("{http://www.w3.org/2000/svg}tspan")]
    assert name in texts or name == "生产"
    assert "<script" not in drawn


def test_a_drawing_loads_nothing() -> None:
    drawn = draw_chart(chart(), alone=True).replace("http://www.w3.org/2000/svg", "")
    assert not any(word in drawn for word in ("http", "url(", "@import", "href", "<script", "<image"))


@settings(deadline=None)
@given(st.floats(1, 1e9))
def test_powers_are_marked_at_two_to_five_round_places(top_w: float) -> None:
    ticks = find_power_ticks(top_w)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= top_w


@pytest.mark.parametrize(("hours", "first"), [(2, "01:00"), (24, "03:00"), (24 * 30, "01-05")])
def test_the_axis_is_marked_in_the_time_of_the_plant(hours: int, first: str) -> None:
    plain = Chart(Words("k", "k"), BEGIN_S, BEGIN_S + hours * HOUR_S, zone_s("+08:00"), [])
    assert f">{first}</text>" in draw_chart(plain)


def test_every_letter_stays_inside() -> None:
    tree = ET.fromstring(draw_chart(chart()))  # noqa: S314  our own drawing
    for text in tree.iter("{http://www.w3.org/2000/svg}text"):
        width = measure_text(Words("".join(text.itertext()), "".join(text.itertext())))
        x, anchor = float(text.attrib["x"]), text.attrib.get("text-anchor", "start")
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        assert left >= 0, "".join(text.itertext())
        assert left + width <= WIDTH + 6, "".join(text.itertext())
