"""`docs/meters.md`: what it says of the models is what they are, and what it says to do can be done."""

import io
import re
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from drivers.points.model import load, names
from provisioning.cli import VERBS, cli
from provisioning.meters.models_page import BEGIN, END, draw_models, replace_models
from provisioning.terminal.ending import run_to_end

PAGE: Final = Path(__file__).parents[3] / "docs" / "meters.md"
TEXT: Final = PAGE.read_text("utf-8")


def test_the_page_is_what_the_models_are() -> None:
    """Write it again: dianjian models page docs/meters.md"""
    assert replace_models(TEXT, [load(name) for name in names()]) == TEXT


def test_every_model_is_in_both_tables() -> None:
    for name in names():
        assert TEXT.count(f"| `{name}` |") == 2, name


def test_a_model_that_changes_changes_the_page() -> None:
    some = load("eastron-sdm630")
    assert "| 80 registers |" in draw_models([some])
    assert "03: 64512–64513; 04: 0–17" in draw_models([some])
    assert draw_models([load("gavazzi-em24")]).count("low word first") == 1


def test_the_verb_writes_the_page_and_leaves_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "meters.md"
    page.write_text(f"before\n{BEGIN}\nwritten earlier\n{END}\nbehind\n", "utf-8")
    assert CliRunner().invoke(cli, ["models", "page", str(page)]).exit_code == 0
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nbehind\n")
    assert "`acrel-adw300`" in text
    assert "written earlier" not in text


@pytest.mark.parametrize("text", ["", BEGIN, END])
def test_a_page_without_its_marks_is_left_alone(text: str, tmp_path: Path) -> None:
    page = tmp_path / "meters.md"
    page.write_text(text, "utf-8")
    result = CliRunner().invoke(cli, ["models", "page", str(page)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert page.read_text("utf-8") == text


def test_a_page_that_is_not_there_is_told_in_plain_words(tmp_path: Path) -> None:
    run = partial(cli.main, ["models", "page", str(tmp_path / "none.md")], standalone_mode=False)
    with redirect_stderr(io.StringIO()) as said:
        assert run_to_end(run) == 2
    assert said.getvalue() == f"dianjian: {tmp_path / 'none.md'}: there is no such file or folder\n"


def test_every_command_of_the_page_exists_with_its_options() -> None:
    called = re.findall(r"dianjian (\w+)([^`\n]*)", TEXT)
    assert len(called) > 8
    for verb, rest in called:
        assert verb in VERBS, verb
        shown = CliRunner().invoke(cli, [verb, "--help"]).output
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in shown, (verb, option)


def test_every_file_that_the_page_names_is_there() -> None:
    for name in re.findall(r"`((?:drivers|docs|provisioning)/[\w./-]+)`", TEXT):
        assert (PAGE.parents[1] / name).exists(), name
