"""What is drawn in the terminal: sparklines, and a status that fits 80 columns in both languages."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from agent.detect.episode import Severity
from agent.uplink.delivery import Alarm
from disk import language as languages
from provisioning import cli
from provisioning.terminal.views import SEVERITY_STYLE, SPARK_COLUMNS, add_title, draw_sparkline, draw_status
from provisioning.words.labels import label
from provisioning.words.status import average, describe_certificate, describe_clock, format_span

COLUMNS = 80
assert cli, "it names the catalogues of what the floors below say"


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    before = list(languages._chosen)
    yield
    languages._chosen[:] = before


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
    assert draw_sparkline(values, top, columns) == drawn
    assert len(drawn) == columns


def status(alarms: tuple[str, ...] = (), reason: str = "too few samples") -> dict[str, Any]:
    line = {"rated_w": 100_000, "power_w": 99_999.0, "on": True}
    return {
        "gateway": "g1",
        "lines": [
            {"id": "p1", "kind": "production", **line},
            {"id": "t1", "kind": "treatment", **line, "on": None, "power_w": None},
            {"id": "incomer", "kind": "incomer", **line, "on": False},
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
    screen.print(draw_status(one, history))
    screen.file.close()
    return screen.export_text().splitlines()


@pytest.mark.parametrize("chosen", languages.LANGUAGES)
def test_a_status_fits_a_terminal_of_80_columns(chosen: str) -> None:
    languages.choose_language(chosen)
    text = drawn(status())
    assert "…" not in "".join(text), "nothing is cut off"
    assert all(cell_len(row) <= COLUMNS for row in text)
    assert label("incomer") in "".join(text)
    assert any("100.00 kW" in row and row.rstrip().endswith(label("on")) for row in text)


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


def live(lines: int = 2, meters: int = 3, episodes: int = 0, **changes: Any) -> dict[str, Any]:
    """What an agent of today says, as large as wanted."""
    sentence = {
        "zh": "生产线 p1 在 08:12 至 08:31 期间运行，治理设施 t1 停止 19 分钟，超过允许的 3 分钟" * 2,
        "en": "Production p1 ran from 08:12 to 08:31 while treatment t1 was off for 19 minutes of 3 allowed."
        * 2,
    }
    hour = [None] * 10 + [1000 * n for n in range(50)]
    bus = {
        "bus": "b1", "url": "tcp://x", "load_percent": 14.2, "requests": 1_234_567, "timeouts": 3,
        "crc_errors": 0, "collisions": 0, "latency_ms": {"p50": 9.0, "p95": 30.0, "max": 99.0},
    }  # fmt: skip
    episode = {
        "id": "e", "severity": "violation", "linkage": "k1", "rule": "off", "state": "raised",
        "sentence": sentence,
    }  # fmt: skip
    kinds = ("production", "treatment")
    return {
        **status(),
        "name": "杭州第三电镀厂二车间",
        "at": "2026-03-02T08:00:00.000Z",
        "version": "0.1.0",
        "clock": "synchronised",
        "clock_ahead_ms": 12,
        "lines": [
            {"id": f"line{n}", "name": "二号镀铬线整流器及附属设备", "kind": kinds[n % 2], "rated_w": 50_000,
             "power_w": 1234.5, "on": True, "recent_w": hour}
            for n in range(lines)
        ],
        "meters": [
            {"meter": f"m{n}", "quality": "good" if n else "bad", "reason": "" if n else "no answer"}
            for n in range(meters)
        ],
        "buses": [bus],
        "seals": {
            "last": 1_234_567, "receipted": 1_234_560, "backlog": 7,
            "receipt": {"number": 1_234_560, "at": "2026-03-02T07:59:30.000Z"},
        },
        "broker": {
            "connected": True, "alarms": [],
            "certificate": {"file": "c", "ends_at": "2026-05-02T08:00:00.000Z"},
        },
        "episodes": [episode] * episodes,
        **changes,
    }  # fmt: skip


def on_screen(one: dict[str, Any], columns: int, rows: int | None) -> list[str]:
    screen = Console(width=columns, record=True, file=io.StringIO())
    screen.print(add_title(one, draw_status(one, columns=columns, rows=rows)))
    return screen.export_text().splitlines()


@pytest.mark.parametrize("chosen", languages.LANGUAGES)
@pytest.mark.parametrize(("columns", "rows"), [(80, 22), (120, 38)])
@pytest.mark.parametrize(("lines", "meters", "episodes"), [(2, 3, 0), (12, 10, 2), (40, 100, 100)])
def test_the_live_view_fits_the_terminal_in_both_languages(
    chosen: str, columns: int, rows: int, lines: int, meters: int, episodes: int
) -> None:
    languages.choose_language(chosen)
    text = on_screen(live(lines, meters, episodes), columns, rows)
    assert len(text) <= rows + 1, "the title"
    assert all(cell_len(row) <= columns for row in text)
    whole = "\n".join(text)
    assert ("m0 (没有应答)" if chosen == "zh" else "m0 (no answer)") in whole
    assert "#1234560 30" in whole
    assert "2026-05-02" in whole
    assert ("8:12" in whole) is bool(episodes)
    hidden = lines - sum(row.startswith("line") and "1.23 kW" in row for row in text)
    assert not hidden or f"… {label('more')} {hidden}" in whole


def many(count: int) -> dict[str, Any]:
    """As many meters at as many addresses, every second one dead, and half as many linkages."""
    one = live(count, count, 2)
    for number, meter in enumerate(one["meters"]):
        meter["quality"] = "bad" if number % 2 else "good"
        meter["reason"] = (
            f"bus down: 192.168.100.{number}:502: Connection reset by peer" if number % 2 else ""
        )
    one["buses"] = [
        {
            **one["buses"][0],
            "bus": f"b{number}",
            "requests": 100,
            "timeouts": 50 + number if number % 2 else 0,
        }
        for number in range(count)
    ]
    one["linkages"] = [
        {**one["linkages"][0], "id": f"k{number}", "deficit_s": float(number)} for number in range(count // 2)
    ]
    return one


@pytest.mark.parametrize("chosen", languages.LANGUAGES)
@pytest.mark.parametrize(("columns", "rows"), [(80, 22), (120, 38)])
def test_a_hundred_tcp_meters_of_which_half_are_dead_fit_the_terminal_and_the_worst_is_seen(
    chosen: str, columns: int, rows: int
) -> None:
    languages.choose_language(chosen)
    text = on_screen(many(100), columns, rows)
    assert len(text) <= rows + 1, "the title"
    assert all(cell_len(row) <= columns for row in text)
    whole = "\n".join(text)
    assert f"{label('bus')}  ● 50/100" in whole
    assert f"b99 14 %  {label('requests')} 100  {label('lost')} 149" in whole
    assert "● 50/100 ● m1 (bus down" in whole
    assert "k49" in whole, "the greatest deficit"
    assert "#1234560 30" in whole
    assert "8:12" in whole
    assert f"… {label('more')} 49" in whole, "buses"
    assert whole.count(f"… {label('more')}") == 4, "lines, linkages, buses, meters"


def test_where_there_is_no_terminal_every_silent_meter_is_named() -> None:
    whole = "\n".join(on_screen(many(100), 80, None))
    assert all(f"m{number} (bus" in whole.replace("\n", " ") for number in range(1, 100, 2))
    assert "k49" in whole
    assert "k0" in whole


def test_the_last_hour_is_a_curve_with_its_gaps() -> None:
    (row,) = [row for row in on_screen(live(1), 120, None) if row.startswith("line0")]
    assert " " * 10 + "▁▁▁▁▂" in row
    (row,) = [row for row in on_screen(live(1), 80, None) if row.startswith("line0")]
    assert "     ▁▁▂▂▂" in row


@pytest.mark.parametrize(
    ("values", "columns", "wanted"),
    [
        ([], 3, []),
        ([1, 2, 3, 4], 2, [1.5, 3.5]),
        ([1, None, None, None], 2, [1, None]),
        ([1, 2, 3], 2, [1, 2.5]),
        ([1, 2], 60, [1, 2]),
    ],
)
def test_minutes_are_joined_to_columns_from_the_present_back(
    values: list[float | None], columns: int, wanted: list[float | None]
) -> None:
    assert average(values, columns) == wanted


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [(0, "0 秒", "0 s"), (119, "119 秒", "119 s"), (120, "2 分钟", "2 min"), (7_199, "120 分钟", "120 min"),
     (7_200, "2 小时", "2 h"), (200_000, "2 天", "2 d"), (-5, "0 秒", "0 s")],
)  # fmt: skip
def test_a_length_of_time_is_told_in_one_unit(seconds: float, zh: str, en: str) -> None:
    for chosen, wanted in (("zh", zh), ("en", en)):
        languages.choose_language(chosen)
        assert format_span(seconds) == wanted


@pytest.mark.parametrize(
    ("ends_at", "said", "style"),
    [
        ("2026-05-02T08:00:00.000Z", "certificate until 2026-05-02 (61 d)", "dim"),
        ("2026-03-12T08:00:00.000Z", "certificate until 2026-03-12 (10 d)", "yellow"),
        ("2026-03-02T07:59:59.000Z", "certificate ended 2026-03-02", "bold red"),
        (None, "certificate cannot be read", "red"),
    ],
)
def test_the_end_of_the_certificate_is_told_in_time(ends_at: str | None, said: str, style: str) -> None:
    languages.choose_language("en")
    broker = {"connected": True, "alarms": [], "certificate": {"file": "c", "ends_at": ends_at}}
    assert describe_certificate(live(broker=broker)) == (said, style)


@pytest.mark.parametrize(
    ("state", "ahead_ms", "said", "style"),
    [
        ("synchronised", None, "clock synchronised", "dim"),
        ("unsynchronised", 0, "clock not synchronised", "yellow"),
        ("synchronised", -90_000, "clock synchronised, against the centre -90 s", "red"),
        ("what is new", None, "what is new", "yellow"),
    ],
)
def test_the_clock_is_told(state: str, ahead_ms: int | None, said: str, style: str) -> None:
    languages.choose_language("en")
    assert describe_clock(live(clock=state, clock_ahead_ms=ahead_ms)) == (said, style)


@pytest.mark.parametrize("chosen", languages.LANGUAGES)
@pytest.mark.parametrize("alarm", list(Alarm))
def test_an_alarm_is_shown_in_words(alarm: Alarm, chosen: str) -> None:
    languages.choose_language(chosen)
    assert label(alarm) in "".join(drawn(status((alarm,))))
    assert label("alarms") not in "".join(drawn(status()))


def test_each_severity_has_its_colour() -> None:
    assert set(SEVERITY_STYLE) == set(Severity)
