"""The figures for Prometheus follow its text format, and say what the page says."""

import re

from attrs import evolve

from centre.fleet.known import Beat
from centre.fleet.papers import KeyEnd, Paper
from provisioning.city.figures import write_figures
from provisioning.city.view import View, make_rows
from tests.provisioning.city.cities import DAY_MS, HOSTILE, NOW_MS, SICK, hostile, thousand, well

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
    found = parse(write_figures(thousand(), NOW_MS, NOW_MS - DAY_MS, is_deaf=False).decode())
    assert found["dianjian_store_archived_to_timestamp_seconds", ""] == (NOW_MS - DAY_MS) / 1_000
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
    assert "archived" not in text


def test_renewals_keys_drift_clock_and_the_machine_are_figures_where_they_are_known() -> None:
    late = Paper(NOW_MS - 80 * DAY_MS, NOW_MS + 20 * DAY_MS)
    known = evolve(
        well("g1"),
        site_hash="aa" * 32,
        rekeyed_ms=NOW_MS,
        beat=Beat(1, NOW_MS, wear_percent=30, temperature_c=-4, memory_bytes=1 << 26),
    )
    sent = {"g1": ("c-1", "bb" * 32)}
    rows = make_rows([known, well("g2")], NOW_MS, {}, {"g1": late}, {}, sent)
    keys = (KeyEnd("bureau", 'a "b" \\c', NOW_MS),)
    text = write_figures(View(rows, NOW_MS, keys=keys), NOW_MS, is_deaf=False).decode()
    label = r'{role="bureau",name="a \"b\" \\c"}'
    assert f"dianjian_key_end_timestamp_seconds{label} {NOW_MS // 1_000}\n" in text
    found = parse("".join(f"{one}\n" for one in text.splitlines() if "key_end" not in one))
    mine = {
        name.removeprefix("dianjian_gateway_"): value for (name, who), value in found.items() if "g1" in who
    }
    assert mine["renewal_failed"] == mine["rekeying"] == mine["site_file_drift"] == 1
    assert mine["clock_synchronised"] == 1
    assert (mine["flash_wear_ratio"], mine["temperature_celsius"]) == (0.3, -4)
    assert mine["memory_available_bytes"] == 1 << 26
    others = {name for (name, who) in found if "g2" in who}
    assert not others & {
        f"dianjian_gateway_{one}" for one in ("renewal_failed", "site_file_drift", "flash_wear_ratio")
    }
