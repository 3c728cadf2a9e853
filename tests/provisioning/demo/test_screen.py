"""The demo on a terminal of any size, in both languages; what it refuses before it begins."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evidence.words import Words
from provisioning.cli import cli
from provisioning.demo import acts
from provisioning.demo.acts import ACTS, find_act
from provisioning.demo.words import LINES
from provisioning.terminal.demo_views import Told, draw_demo
from provisioning.terminal.views import draw_plant
from provisioning.words.language import LANGUAGES, choose_language
from tests.provisioning.terminal.test_show import status

TEXTS: Final = st.builds(
    "".join, st.lists(st.sampled_from(["违规", "m6", "（", "ab", "，", "-"]), min_size=1, max_size=90)
)
TOLD: Final = st.tuples(
    st.sampled_from(["07:55", ""]), TEXTS.map(Words.same), st.sampled_from(["", "violation"])
)


def render(told: list[Told], size: tuple[int, int], footer: str = "") -> list[str]:
    heading = ("电监 dianjian", "Act 1/6", "what to look at")
    console = Console(width=size[0], height=size[1], color_system=None, force_terminal=True)
    plant = draw_plant(status(), {}, columns=size[0])
    with console.capture() as captured:
        console.print(draw_demo(heading, plant, told, size, (footer, "bold")), end="")
    return captured.get().splitlines()


@given(told=st.lists(TOLD, max_size=12), columns=st.integers(80, 200), rows=st.integers(24, 60))
def test_the_screen_fits_and_ends_with_the_newest_event(told: list[Told], columns: int, rows: int) -> None:
    shown = render(told, (columns, rows), "Enter")
    assert len(shown) <= rows
    assert "Enter" in "".join(shown)
    if told:
        assert "".join("".join(shown).split()).endswith("".join(told[-1][1].en.split())[-20:])


def test_what_is_taller_than_the_room_scrolls_up_and_away() -> None:
    told: list[Told] = [(f"{number:02d}:00", Words.same(f"event {number}"), "") for number in range(60)]
    shown = render(told, (120, 40))
    seen = [line.split()[-1] for line in shown if " event " in line]
    assert seen == [str(number) for number in range(60 - len(seen), 60)]
    assert len(seen) > 15


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_act_says_on_one_row_what_to_look_at(language: Any) -> None:
    console = Console(width=80)
    for act in ACTS:
        for words in (act.title, act.look):
            assert len(console.render_lines(words.text(language), pad=False)) == 1, words


def test_the_acts_begin_when_the_plant_does_what_they_say() -> None:
    plant = tomllib.loads(files("firmware_sim.plants").joinpath("demo.toml").read_text("utf-8"))
    at_min = {event["what"]: event["at"] / 60 for event in plant["event"]}
    assert at_min == {"treatment_off": acts.OFF_MIN, "dead_meter": acts.DEAD_METER_MIN}
    assert {line["id"] for line in plant["line"]} == {line for line, _ in LINES}


@pytest.mark.parametrize(("minute", "number"), [(-1, 0), (0, 0), (14.9, 0), (15, 1), (46, 4), (66, 5)])
def test_an_act_lasts_until_the_next(minute: float, number: int) -> None:
    assert find_act(minute) == number


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path, language: Any) -> None:
    (tmp_path / "site.toml").write_text("mine", "utf-8")
    shown = CliRunner().invoke(cli, ["--lang", language, "demo", "--folder", str(tmp_path)])
    choose_language(None)
    assert shown.exit_code == 2
    assert len(shown.stderr.splitlines()) == 1
    assert str(tmp_path) in shown.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["site.toml"]
    assert (tmp_path / "site.toml").read_text("utf-8") == "mine"


@pytest.mark.parametrize("bad", ["/dev/null/x", "/proc/demo"])
def test_a_folder_that_cannot_be_made_is_named_in_one_line(bad: str) -> None:
    shown = CliRunner().invoke(cli, ["demo", "--folder", bad])
    assert (shown.exit_code, len(shown.stderr.splitlines())) == (2, 1)
    assert bad in shown.stderr


def test_a_tour_without_a_terminal_is_refused() -> None:
    shown = CliRunner().invoke(cli, ["demo", "--tour"])
    assert (shown.exit_code, len(shown.stderr.splitlines())) == (2, 1)
    assert "--tour" in shown.stderr
