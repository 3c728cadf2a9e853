"""The language of a call, and a label for everything that is shown by name."""

from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from agent.detect import correlation
from agent.detect.episode import Severity, State
from agent.site.file import LineSettings
from agent.uplink.delivery import Alarm
from disk import language as languages
from drivers.reading import Quality
from evidence.words import Language
from provisioning.words.labels import label

KINDS = get_args(get_type_hints(LineSettings)["kind"])
REASONS = (correlation.NOT_ENOUGH, correlation.X_CONSTANT, correlation.Y_CONSTANT)


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(languages._chosen)
    yield
    languages._chosen[:] = before


@pytest.mark.parametrize(
    "key", [*Severity, *State, *Alarm, *REASONS, *KINDS, Quality.GOOD.value, Quality.BAD.value]
)
def test_what_is_shown_by_name_has_a_label(key: str) -> None:
    for one in languages.LANGUAGES:
        languages.choose_language(one)
        assert label(key)


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
    wanted: Language | None, environment: dict[str, str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    languages.choose_language(wanted)
    assert languages.language() == chosen
