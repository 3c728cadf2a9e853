"""Every word in both languages, and a word for everything that is shown by name."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import provisioning
from agent.detect import correlation
from agent.detect.episode import Severity, State
from agent.site.file import LineSettings
from agent.uplink.delivery import Alarm
from drivers.reading import Quality
from provisioning.words import common

KINDS = get_args(get_type_hints(LineSettings)["kind"])
REASONS = (correlation.NOT_ENOUGH, correlation.X_CONSTANT, correlation.Y_CONSTANT)


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(common._language)
    yield
    common._language[:] = before


@pytest.mark.parametrize("key", list(common._WORDS))
def test_each_word_is_there_in_both_languages(key: str) -> None:
    chinese, english = common._WORDS[key]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert english.isascii()
    assert english.strip() == english != ""


@pytest.mark.parametrize("key", [*Severity, *State, *Alarm, *REASONS, *KINDS, "good", "bad"])
def test_what_is_shown_by_name_has_a_word(key: str) -> None:
    for language in common.LANGUAGES:
        common.choose_language(language)
        assert common.word(key)


def test_qualities_that_are_shown_have_a_word() -> None:
    assert {Quality.GOOD.value, Quality.BAD.value} <= common._WORDS.keys()


def asked_for() -> set[str]:
    """The literal keys of every call of `word` in the package."""
    folder = Path(provisioning.__file__).parent
    calls = (
        node
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "word"
    )
    return {
        leaf.value
        for call in calls
        for leaf in ast.walk(call.args[0])
        if isinstance(leaf, ast.Constant)
        and isinstance(leaf.value, str)
        and not isinstance(call.args[0], ast.Subscript | ast.Attribute)
    }


def test_every_word_that_the_code_asks_for_is_known() -> None:
    keys = asked_for()
    assert len(keys) > 20
    assert keys <= common._WORDS.keys()


@pytest.mark.parametrize(
    ("wanted", "environment", "chosen"),
    [
        ("zh", {"LANG": "en_US.UTF-8"}, "zh"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LC_ALL": "zh_TW", "LANG": "en_US"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "de_DE"}, "zh"),
        (None, {}, "en"),
    ],
)
def test_the_language_is_what_was_asked_for_else_the_locale_s(
    wanted: str | None, environment: dict[str, str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    common.choose_language(wanted)
    assert common.language() == chosen
