"""The journal of a setup: it comes back as it was written, and nothing in it can end in a traceback."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.words import Words
from provisioning.journal.entries import (
    STEPS,
    BusFound,
    Enrolled,
    Journal,
    LineNamed,
    LineThreshold,
    LinkageNamed,
    MeterFound,
    Period,
    Photo,
    Receipted,
    Sheet,
    SiteFacts,
    Trial,
    WiringVerdict,
    find_last_trial,
    find_last_wiring,
)
from provisioning.journal.file import (
    BYTES_MAX,
    JournalError,
    dump_journal,
    load_journal,
    parse_journal,
    save_journal,
)

TEXT = st.text(max_size=12)
NUMBER = st.floats(-1e9, 1e9)
TIME = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
BOTH = st.builds(Words, TEXT, TEXT)


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


METER = st.builds(
    MeterFound,
    id=TEXT,
    bus=TEXT,
    unit_id=st.none() | st.integers(0, 255),
    address=st.none() | TEXT,
    model=TEXT,
    confidence=NUMBER,
    reasons=few(TEXT),
    line=st.none() | TEXT,
    ct_ratio=NUMBER,
    seal_numbers=few(TEXT),
    rated_a=st.none() | NUMBER,
)
VERDICT = st.builds(
    WiringVerdict,
    meter=TEXT,
    at=TEXT,
    verdict=st.sampled_from(["good", "mistake", "undecided"]),
    mistake=st.none() | TEXT,
    phases=few(TEXT),
    ratio=st.none() | NUMBER,
    sentence=BOTH,
    remedy=BOTH,
    numbers=st.dictionaries(TEXT, NUMBER, max_size=3),
)
TRIAL = st.builds(
    Trial,
    line=TEXT,
    meter=TEXT,
    begin_at=TEXT,
    end_at=TEXT,
    follows=st.booleans(),
    off_w=st.none() | NUMBER,
    on_w=st.none() | NUMBER,
    samples=few(st.tuples(NUMBER, st.none() | NUMBER)),
    switched=few(st.tuples(NUMBER, st.sampled_from(["on", "off"]))),
    sentence=BOTH,
    skipped=TEXT,
)
THRESHOLD = st.builds(
    LineThreshold,
    line=TEXT,
    lo_w=st.integers(0, 10**9),
    hi_w=st.integers(0, 10**9),
    source=st.sampled_from(["nameplate", "trial", "typed"]),
)
KIND = st.sampled_from(["production", "treatment", "incomer"])
JOURNAL = st.builds(
    Journal,
    language=st.sampled_from(["zh", "en"]),
    technician=TEXT,
    site=st.builds(SiteFacts, gateway=TEXT, name=TEXT, enterprise=TEXT, uscc=TEXT, address=TEXT),
    steps=st.dictionaries(st.sampled_from(list(STEPS)), TIME),
    buses=few(st.builds(BusFound, id=TEXT, url=TEXT)),
    meters=few(METER),
    lines=few(
        st.builds(LineNamed, id=TEXT, kind=KIND, name=TEXT, rated_w=st.integers(0, 10**9), equipment=TEXT)
    ),
    linkages=few(st.builds(LinkageNamed, id=TEXT, production=few(TEXT), treatment=few(TEXT))),
    wiring=few(VERDICT),
    trials=few(TRIAL),
    thresholds=few(THRESHOLD),
    photos=few(st.builds(Photo, path=TEXT, sha256=TEXT, what=TEXT, meter=st.none() | TEXT)),
    enrolment=st.none() | st.builds(Enrolled, transport=TEXT, first_key=TEXT),
    receipt=st.none() | st.builds(Receipted, seal=st.integers(0, 10**9), hash=TEXT, at=TEXT),
    commissioning=st.none() | st.builds(Period, begin_at=TEXT, until_at=TEXT),
    sheet=st.none() | st.builds(Sheet, path=TEXT, sha256=TEXT, at=TEXT),
    site_sha256=TEXT,
)


@given(JOURNAL)
@settings(deadline=None)
def test_a_journal_comes_back_as_it_was_written(journal: Journal) -> None:
    assert parse_journal(dump_journal(journal)) == journal


def test_a_journal_on_disk_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "setup.json"
    save_journal(path, Journal(technician="Wang"))
    save_journal(path, Journal(technician="Li"))
    assert load_journal(path).technician == "Li"
    assert [file.name for file in tmp_path.iterdir()] == ["setup.json"]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_end_in_a_traceback(raw: bytes) -> None:
    assert_told(raw)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(JOURNAL, st.data())
@settings(deadline=None)
def test_a_value_of_another_kind_is_told_in_lines_or_read_to_the_same_again(
    journal: Journal, data: st.DataObject
) -> None:
    table = json.loads(dump_journal(journal))
    at: Any = table
    while True:  # down a random way, and something else there
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not at[key] or not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            at[key] = data.draw(ANY)
            break
        at = at[key]
    assert_told(json.dumps(table).encode())


@given(JOURNAL, st.data())
@settings(deadline=None)
def test_a_file_that_was_cut_or_flipped_is_told_in_lines(journal: Journal, data: st.DataObject) -> None:
    raw = bytearray(dump_journal(journal))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert_told(bytes(raw))
    assert_told(bytes(raw[:at]))


def assert_told(raw: bytes) -> None:
    problems: tuple[str, ...] = ("read",)
    try:
        again = parse_journal(raw)
        assert parse_journal(dump_journal(again)) == again
    except JournalError as error:
        problems = error.problems
    assert problems
    assert all(problem and "\n" not in problem for problem in problems), problems


WRONG = [
    ("[]", "file: must be a table, not []"),
    ("{}", "version: None is not known to this software, which writes 1"),
    ('{"version": 2}', "version: 2 is not known to this software, which writes 1"),
    ('{"version": 1, "extra": 1}', "extra: unknown key"),
    ('{"version": 1, "meters": 3}', "meters: must be a list, not 3"),
    ('{"version": 1, "meters": [{"id": "m1"}]}', "meters[0].bus: missing"),
    (
        '{"version": 1, "meters": [{"id": "m1", "bus": "b1", "unit_id": 300}]}',
        "meters[0].unit_id: must be a whole number from 0 to 255, not 300",
    ),
    ('{"version": 1, "enrolment": 3}', "enrolment: must be a table, not 3"),
    ('{"version": 1, "steps": {"dig": "2026-03-02T07:30:00Z"}}', "steps: 'dig' is no step"),
    ('{"version": 1, "steps": {"find": "noon"}}', "steps.find: must be a time like"),
    ('{"version": 1, "technician": NaN}', "technician: must be a text"),
    ('{"version": 1, "technician": "\\ud800"}', "technician: must be a text in quotes"),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_a_mistake_is_told_with_its_place(text: str, line: str) -> None:
    with pytest.raises(JournalError) as caught:
        parse_journal(text.encode())
    assert caught.value.problems[0].startswith(line)


def test_a_journal_of_version_0_1_names_the_incomer_feed() -> None:
    journal = Journal(lines=(LineNamed("f1", "incomer"),))
    assert parse_journal(dump_journal(journal).replace(b'"incomer"', b'"feed"')) == journal


def test_a_file_that_is_too_long_is_not_read() -> None:
    with pytest.raises(JournalError, match="at most"):
        parse_journal(b" " * (BYTES_MAX + 1))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_read_without_end(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal.json"
    made = {"pipe": os.mkfifo, "device": lambda at: at.symlink_to("/dev/zero"), "folder": Path.mkdir}
    made[kind](path)
    with pytest.raises(JournalError, match="cannot be read"):
        load_journal(path)


def test_what_was_measured_last_counts() -> None:
    verdicts = (WiringVerdict("m1", "1", "mistake"), WiringVerdict("m1", "2", "good"))
    tried = (Trial("p1", "m1", "1", "2", follows=False), Trial("p1", "m1", "3", "4", follows=True))
    journal = evolve(Journal(), wiring=verdicts, trials=tried)
    assert find_last_wiring(journal, "m1") == verdicts[1]
    assert find_last_trial(journal, "p1") == tried[1]
    assert find_last_wiring(journal, "m2") is find_last_trial(journal, "p2") is None
