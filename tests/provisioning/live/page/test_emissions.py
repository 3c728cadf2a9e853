"""What stands about analysers is on the terminal and on the page, in the language of the reader."""

from typing import Any, Final

import pytest
from attrs import evolve
from rich.console import Console

from disk import language
from provisioning.live.page.page import _draw_notes
from provisioning.live.page.snapshot import Snapshot
from provisioning.live.page.words import Reader
from provisioning.terminal.views import _emissions
from tests.provisioning.live.page.test_outlook import plain, status  # noqa: F401 - a fixture

OPEN: Final[dict[str, Any]] = {
    "text": "cems so2: production worked and treatment stood <b>",
    "text_zh": "cems so2：生产正常而治理停运 <b>",
    "severity": "notice",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_question_that_stands_is_a_line(
    lang: str,
    monkeypatch: pytest.MonkeyPatch,
    plain: Snapshot,  # noqa: F811
) -> None:
    monkeypatch.setattr(language, "_chosen", [lang])
    said = OPEN["text_zh" if lang == "zh" else "text"]
    screen = Console(width=120, color_system=None)
    with screen.capture() as shown:
        screen.print(*_emissions({"emissions": [OPEN]}))
    assert said in shown.get()
    seen = evolve(plain, status={**status(), "broker": {"alarms": []}, "emissions": [OPEN]})
    page = "".join(_draw_notes(seen, Reader("zh" if lang == "zh" else "en")))
    assert said.replace("<b>", "&lt;b&gt;") in page
