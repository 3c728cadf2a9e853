"""What the simulator says that it can script is what it can script."""

import json
from itertools import chain

import pytest
from click.testing import CliRunner

from firmware_sim import bus_faults, faults, quirks, timetable, wiring
from firmware_sim.catalogue import CATALOGUE
from firmware_sim.layout import FaultKind
from firmware_sim.main import main
from firmware_sim.quirks import QuirkKind
from firmware_sim.timetable import EventKind
from firmware_sim.wiring import Mistake

TOLD_IN = {
    "event": str(timetable.__doc__),
    "wiring": str(wiring.__doc__),
    "fault": str(faults.__doc__) + str(bus_faults.__doc__),
    "quirk": str(quirks.__doc__),
}


def test_every_word_of_a_plant_file_is_listed_once() -> None:
    words = [(entry.section, entry.what) for entry in CATALOGUE]
    known = chain(
        (("event", what) for what in EventKind),
        (("wiring", mistake) for mistake in Mistake),
        (("fault", kind) for kind in FaultKind),
        (("quirk", kind) for kind in QuirkKind),
    )
    assert sorted(words) == sorted(known)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: f"{entry.section}-{entry.what}")
def test_every_word_is_explained_where_it_is_made(entry: object) -> None:
    words = {line.split()[0] for line in TOLD_IN[entry.section].splitlines() if line.strip()}
    listed = words | set(TOLD_IN[entry.section].split())
    assert entry.what in listed


def test_the_list_is_for_people_and_for_scripts() -> None:
    shown = CliRunner().invoke(main, ["events", "--lang", "en"])
    assert shown.exit_code == 0
    assert all(len(line) <= 120 for line in shown.output.splitlines())
    assert all(entry.what in shown.output for entry in CATALOGUE)
    rows = json.loads(CliRunner().invoke(main, ["events", "--json"]).output)
    assert len(rows) == len(CATALOGUE)
    assert rows[0] == {
        "section": "event",
        "what": "treatment_off",
        "where": "treatment line",
        "keys": "",
        "meaning": "switched off: only standby power",
        "meaning_zh": "关闭，只剩待机功率",
    }


@pytest.mark.parametrize(
    ("locale", "options", "words"),
    [
        ("zh_CN.UTF-8", [], "关闭，只剩待机功率"),
        ("en_GB.UTF-8", [], "switched off: only standby power"),
        ("en_GB.UTF-8", ["--lang", "zh"], "关闭，只剩待机功率"),
    ],
)
def test_the_list_is_in_the_language_of_whoever_asks(locale: str, options: list[str], words: str) -> None:
    shown = CliRunner(env={"LC_ALL": locale}).invoke(main, ["events", *options])
    assert words in shown.output
