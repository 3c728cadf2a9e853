"""The figures for Prometheus follow its text format, and say what the page says."""

import re

from provisioning.city.figures import write_figures
from tests.provisioning.city.cities import HOSTILE, NOW_MS, SICK, hostile, thousand

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z]+="[^"\\\n]*"\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)')
ABOUT = re.compile(r"# (HELP|TYPE) (\S+) (.+)")


def parse(text: str) -> dict[tuple[str, str], float]:
    """As the format's description has it: HELP and TYPE of a name once, right before all its samples."""
    assert text.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    types: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if about := ABOUT.fullmatch(line):
            kind, last, said = about.groups()
            assert (kind, last) not in types
            if kind == "TYPE":
                assert said in {"gauge", "counter"}
                assert last.endswith("_total") == (said == "counter")
                types[last] = said
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, value = sample.groups()
        assert name == last
        assert name in types
        assert (name, labels) not in found
        found[name, labels or ""] = float(value)
    return found


def test_they_say_what_the_page_says() -> None:
    found = parse(write_figures(thousand(), NOW_MS, is_deaf=False).decode())
    states = {labels: value for (name, labels), value in found.items() if name == "dianjian_gateways"}
    assert states == {
        '{state="act"}': 3,
        '{state="look"}': 20,
        '{state="new"}': 5,
        '{state="well"}': 975,
        '{state="over"}': 2,
    }
    sick = [
        labels
        for (name, labels), value in found.items()
        if name == "dianjian_gateway_needs_somebody" and value
    ]
    assert sorted(sick) == [f'{{gateway="{name}"}}' for name in SICK]
    assert found["dianjian_open_episodes", '{severity="violation"}'] == 1
    assert found["dianjian_centre_deaf", ""] == 0
    assert found["dianjian_store_last_arrival_timestamp_seconds", ""] == NOW_MS / 1_000
    assert found["dianjian_gateway_silent", f'{{gateway="{SICK[0]}"}}'] == 1
    assert found["dianjian_gateway_backlog_seals", f'{{gateway="{SICK[2]}"}}'] == 400
    assert ("dianjian_gateway_last_heard_timestamp_seconds", '{gateway="new-1"}') not in found


def test_nothing_that_others_wrote_stands_in_them() -> None:
    text = write_figures(hostile(), 0, is_deaf=True).decode()
    assert parse(text)["dianjian_centre_deaf", ""] == 1
    assert HOSTILE[:8] not in text
    assert "last_arrival" not in text
