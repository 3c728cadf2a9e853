"""What is drawn in the terminal: sparklines, and a status that fits 80 columns in both languages."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.detect.episode import Severity
from agent.uplink.delivery import Alarm
from provisioning import words
from provisioning.show import _SEVERITY_STYLE, SPARK_COLUMNS, sparkline, status_view

COLUMNS = 80


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(words._language)
    yield
    words._language[:] = before


@pytest.mark.parametrize(
    ("values", "top", "columns", "drawn"),
    [
        ([], 10, 3, "   "),
        ([0, 5, 10], 10, 3, "▁▅█"),
        ([0, 5, 10], 10, 5, "  ▁▅█"),
        ([1, 2, 3, 10], 10, 2, "▃█"),
        ([None, 10, None], 10, 3, " █ "),
        ([99, -5], 10, 2, "█▁"),
        ([3, 4], 0, 2, "▁▁"),
        ([3, 4], -1, 2, "▁▁"),
        ([0.7, 0.8], 10, 2, "▁▂"),
    ],
    ids=["nothing", "scale", "right", "the last", "gaps", "beyond", "no top", "absurd top", "rounding"],
)
def test_a_sparkline(values: list[float | None], top: float, columns: int, drawn: str) -> None:
    assert sparkline(values, top, columns) == drawn
    assert len(drawn) == columns


def status(alarms: tuple[str, ...] = (), reason: str = "too few samples") -> dict[str, Any]:
    line = {"rated_w": 100_000, "power_w": 99_999.0, "on": True}
    return {
        "gateway": "g1",
        "lines": [
            {"id": "p1", "kind": "production", **line},
            {"id": "t1", "kind": "treatment", **line, "on": None, "power_w": None},
            {"id": "feed", "kind": "feed", **line, "on": False},
        ],
        "linkages": [
            {
                "id": "k1", "production": ["p1"], "treatment": ["t1"], "deficit_s": 90.0, "limit_s": 180.0,
                "correlation": None, "undefined_reason": reason,
            }
        ],
        "meters": [{"meter": "m1", "quality": "good", "reason": ""}],
        "seals": {"last": 1234, "receipted": 1234, "backlog": 0},
        "broker": {"connected": True, "alarms": list(alarms)},
        "episodes": [],
        "process": {"resident_bytes": 44 << 20},
    }  # fmt: skip


def drawn(one: dict[str, Any]) -> list[str]:
    screen = Console(width=COLUMNS, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    history = {line["id"]: [line["power_w"]] * SPARK_COLUMNS for line in one["lines"]}
    screen.print(status_view(one, history))
    screen.file.close()
    return screen.export_text().splitlines()


@pytest.mark.parametrize("chosen", words.LANGUAGES)
def test_a_status_fits_a_terminal_of_80_columns(chosen: str) -> None:
    words.choose_language(chosen)
    text = drawn(status())
    assert "…" not in "".join(text), "nothing is cut off"
    assert all(cell_len(row) <= COLUMNS for row in text)
    assert words.word("feed") in "".join(text)
    assert any("100.00 kW" in row and row.rstrip().endswith(words.word("on")) for row in text)


def test_what_an_analyser_says_is_shown_with_its_units() -> None:
    values = {"so2": 28.4937, "o2": 9.8751, "flue_gas_flow": 52_480.0, "ph": 7.249, "serial_number": "A7"}
    units = {"so2": "mg/m3", "o2": "%", "flue_gas_flow": "m3/h", "ph": "", "serial_number": ""}
    cems = {"meter": "cems", "quality": "good", "reason": "", "values": values, "units": units}
    before = drawn(status())
    text = drawn(status() | {"meters": [*status()["meters"], cems]})
    (row,) = [row for row in text if row.startswith("cems")]
    assert row.rstrip().split("  ") == [
        *("cems", "so2 28.5 mg/m3", "o2 9.88 %", "flue_gas_flow 52480.0 m3/h", "ph 7.25"),
    ]
    assert "serial_number A7" in text[text.index(row) + 1]
    assert "cems" not in "".join(before)
    assert all(cell_len(row) <= COLUMNS for row in text)


@pytest.mark.parametrize("chosen", words.LANGUAGES)
@pytest.mark.parametrize("alarm", list(Alarm))
def test_an_alarm_is_shown_in_words(alarm: Alarm, chosen: str) -> None:
    words.choose_language(chosen)
    assert words.word(alarm) in "".join(drawn(status((alarm,))))
    assert words.word("alarms") not in "".join(drawn(status()))


def test_each_severity_has_its_colour() -> None:
    assert set(_SEVERITY_STYLE) == set(Severity)
