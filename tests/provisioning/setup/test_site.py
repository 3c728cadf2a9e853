"""The site file of a setup: it says what the journal says, and what a person wrote into it stays."""

import tomllib
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.site.file import parse_site
from provisioning.journal.entries import Enrolled, Journal, LineThreshold, PlatformMeter, PlatformNamed
from provisioning.setup.site import HEADING, format_site
from tests.provisioning.setup.plants import journal_up_to

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = journal_up_to("receipt")
FILE = Path("site.toml")
TRIED = (LineThreshold("p1", 7_800, 9_000, "trial"), LineThreshold("t1", 1_540, 2_200, "nameplate"))


@st.composite
def journals(draw: st.DrawFn) -> Journal:
    """Any part of a plant, in any order, with any names and ratios."""
    buses = draw(st.permutations(WHOLE.buses))
    lines = draw(st.lists(st.sampled_from(WHOLE.lines), unique_by=lambda one: one.id))
    meters = draw(st.lists(st.sampled_from(WHOLE.meters), unique_by=lambda one: one.id))
    known = {line.id for line in lines}
    ratios = st.sampled_from([1.0, 20.0, 0.5, 1 / 3])
    enrolment = Enrolled(
        "est", "00" * 32, broker_url="mqtt://127.0.0.1:1", ca=draw(TEXTS), centre_key="11" * 32
    )
    return evolve(
        WHOLE,
        site=evolve(WHOLE.site, name=draw(TEXTS)),
        buses=tuple(buses),
        lines=tuple(evolve(line, name=draw(TEXTS)) for line in lines),
        meters=tuple(evolve(meter, ct_ratio=draw(ratios), pt_ratio=draw(ratios)) for meter in meters),
        linkages=tuple(one for one in WHOLE.linkages if known.issuperset((*one.production, *one.treatment))),
        enrolment=draw(st.sampled_from([None, enrolment])),
        thresholds=draw(st.sampled_from([(), TRIED])),
    )


def entries(table: dict[str, Any], name: str) -> list[str]:
    return [one["id"] for one in table.get(name, ())]


@settings(deadline=None, max_examples=150)
@given(journals())
def test_the_file_says_what_the_journal_says_and_writing_it_again_changes_nothing(journal: Journal) -> None:
    text = format_site(journal, "state")
    site, table = parse_site(text, FILE), tomllib.loads(text)
    assert table["site"] == {"gateway": "g1"} | ({"name": journal.site.name} if journal.site.name else {})
    assert [(one.id, one.url) for one in site.bus] == [(one.id, one.url) for one in journal.buses]
    assert [(one.id, one.kind, one.name, one.rated_w) for one in site.line] == [
        (one.id, one.kind, one.name, one.rated_w) for one in journal.lines
    ]
    assert [(one.id, one.unit_id, one.ct_ratio, one.pt_ratio) for one in site.meter] == [
        (one.id, one.unit_id, one.ct_ratio, one.pt_ratio) for one in journal.meters
    ]
    assert entries(table, "linkage") == [one.id for one in journal.linkages]
    assert all((one.parameters is not None) == bool(journal.thresholds) for one in site.linkage)
    assert (site.broker is None) == (journal.enrolment is None)
    assert text.startswith(f"# {HEADING.en}\n# {HEADING.zh}\n")
    assert format_site(journal, "state", text) == text


BY_HAND = """# Ours: the gate is in the boiler house.
[site] # do not rename
gateway = "old"
utc_offset = "+06:00"

[warning]
after_s = 60 # as agreed

[store]
path = "state"
quota_mb = 64

[[bus]]
id = "b1" # grey cabinet
url = "tcp://127.0.0.1:9"

[[meter]]
id = "m1"
bus = "b1"
unit_id = 9
model = "eastron-sdm630"
line = "p1"
fast_s = 2.0 # its furnace is quick

[[line]]
id = "p1"
kind = "production"
rated_w = 1
"""
COMMENTS = ("# Ours", "# do not rename", "# as agreed")


@settings(deadline=None, max_examples=150)
@given(journals(), journals())
def test_what_a_person_wrote_stays_whatever_setup_writes_over_it(first: Journal, second: Journal) -> None:
    text = BY_HAND
    for journal in (first, second, second):
        text = format_site(journal, "state", text)
        site = parse_site(text, FILE)
        assert [one.id for one in site.meter] == [one.id for one in journal.meters]
        assert [one.rated_w for one in site.line] == [one.rated_w for one in journal.lines]
        assert all(comment in text for comment in COMMENTS)
        assert (site.site.gateway, site.site.utc_offset) == ("g1", "+06:00")
        assert (site.warning.after_s, site.store.quota_mb) == (60.0, 64)
        if all("m1" in {one.id for one in each.meters} for each in (first, journal)):
            assert next(one.fast_s for one in site.meter if one.id == "m1") == 2.0
            assert "# its furnace is quick" in text


def test_tables_in_braces_and_a_byte_order_mark_are_taken_over() -> None:
    buses = 'bus = [{ id = "b0", url = "tcp://h" }, { id = "b1", url = "tcp://h" }]'
    site = parse_site(format_site(WHOLE, "state", f"\ufeff{buses}\n[site]\ngateway = 'x'\n"), FILE)
    assert [one.id for one in site.bus] == [one.id for one in WHOLE.buses]
    assert [one.id for one in site.meter] == [one.id for one in WHOLE.meters]


PLATFORMS = """[[hj212]]
name = "ours" # by letter
address = "h:1"
credentials = "state/ours.secret"
crc = "modbus"
[[hj212.station]]
mn = "D7A1EC0000000000000000F1"
[[hj212.station.meter]]
id = "m1"
role = "production"
facility = 1
[[hj212]]
name = "theirs"
address = "h:2"
credentials = "theirs"
[[hj212.station]]
mn = "D7A1EC0000000000000000F2"
[[hj212.station.meter]]
id = "m2"
role = "treatment"
facility = 7
"""
OURS = PlatformNamed(
    "ours",
    "h:9",
    2017,
    "D7A1EC0000000000000000F3",
    "32",
    "state/ours.secret",
    (PlatformMeter("m2", "treatment", 3, 500.0, "", 4), PlatformMeter("gone", "production", 1)),
)


def test_platforms_are_as_the_journal_has_them_and_those_of_a_person_stay() -> None:
    journal = evolve(WHOLE, platforms=(OURS,))
    text = format_site(journal, "state", PLATFORMS)
    for _ in range(2):  # and writing it again changes nothing
        ours, theirs = parse_site(text, FILE).hj212
        assert (ours["address"], ours["edition"], ours["crc"]) == ("h:9", 2017, "modbus")
        (station,) = ours["station"]
        assert (station["mn"], station["st"]) == (OURS.mn, "32")
        assert station["meter"] == [
            {"id": "m2", "role": "treatment", "facility": 3, "running_w": 500.0, "equipment": 4}
        ]
        assert theirs == tomllib.loads(PLATFORMS)["hj212"][1]
        assert "# by letter" in text
        assert format_site(journal, "state", text) == text
        text = format_site(journal, "state", text)
    removed = format_site(evolve(WHOLE, platforms_removed=("ours",)), "state", text)
    assert [one["name"] for one in parse_site(removed, FILE).hj212] == ["theirs"]
    assert parse_site(format_site(WHOLE, "state"), FILE).hj212 == ()
