"""From an empty directory to a receipted seal and a sheet whose hash is in the chain, with real parts only.

The simulator on TCP and ptys, mosquitto with the office's certificates, the subscriber, the desk for claims;
the test is the person who switches the machines when the setup asks for it.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve

from agent.detect.episode import Rule
from agent.site.field_types import UnitId
from agent.site.file import load_site
from agent.store.gateway import read_seals
from drivers.clock import ScaledClock, SystemClock
from evidence.record import Kind, ReadingRecord, Record, decode_record
from evidence.seal import open_body, peek_header
from provisioning.demo.parts import Part
from provisioning.journal.entries import STEPS, BusFound, Journal, MeterFound, find_last_wiring
from provisioning.journal.file import load_journal, save_journal
from tests.provisioning.setup.centre import Centre, centre_at
from tests.provisioning.setup.plants import begun
from tests.provisioning.setup.works import SMALL, SMALL_ANSWERS, Ended, Works, set_up, works_at

UNTRIED: Final = '[trial]\nskip = "late shift"\n'
TEN: Final = Path(__file__).with_name("ten_meters.toml")


def answers_for(folder: Path, text: str, works: Works, centre: Centre, gateway: str) -> Path:
    """The technician's answers, with the buses of this works and a token of this centre."""
    (folder / "token.txt").write_text(centre.token(gateway, "--auto-approve")["offer"], "utf-8")
    buses = f"[find]\nbuses = {json.dumps(list(works.buses.values()))}\n"
    enrol = f'[enrol]\ntoken_file = "{folder}/token.txt"\n'
    path = folder / "answers.toml"
    path.write_text(f"{text}\n{buses}{enrol}", "utf-8")
    return path


def commissioning(folder: Path) -> list[dict[str, Any]]:
    """The bodies of the COMMISSIONING records in the gateway's chain."""
    return list(_bodies(folder))


def _bodies(folder: Path) -> Iterator[dict[str, Any]]:
    for seal in read_seals(folder / "state/chain.db"):
        assert seal.body is not None
        for raw in open_body(peek_header(seal.cose), seal.body):
            record = decode_record(raw)
            if isinstance(record, Record) and record.kind is Kind.COMMISSIONING:
                yield record.body


def wrong(journal: Journal) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """What is wrong with which meter, by its place."""
    found = {}
    for meter in journal.meters:
        verdict = find_last_wiring(journal, meter.id)
        assert verdict is not None
        if verdict.verdict != "good":
            found[f"{meter.bus}:{meter.unit_id}"] = (verdict.mistake, verdict.phases)
    return found


def judged(ended: Ended, folder: Path, gateway: str) -> Journal:
    """What every setup that ended well has left."""
    assert ended.code == 0, ended.said
    journal = load_journal(folder / "setup.json")
    assert list(journal.steps) == list(STEPS)
    assert journal.receipt is not None
    first = next(iter(read_seals(folder / "state/chain.db")))
    assert (journal.receipt.seal, journal.receipt.hash) == (first.number, first.hash.hex())
    site = load_site(folder / "site.toml")
    assert site.site.gateway == gateway
    assert site.missing_for_agent() == ()
    sheet = hashlib.sha256((folder / "acceptance.html").read_bytes()).hexdigest()
    bodies = commissioning(folder)
    assert [body["sha256"] for body in bodies if body["what"] == "sheet"] == [sheet]
    assert len([body for body in bodies if body["what"] == "wiring"]) == len(journal.meters)
    assert len([body for body in bodies if body["what"] == "trial"]) == len(journal.trials)
    assert [body["until_at"] for body in bodies if body["what"] == "period"] == [
        journal.commissioning.until_at if journal.commissioning else None
    ]
    assert list((folder / "state/postbox").iterdir()) == []
    (sheet_event,) = ended.of("sheet")
    assert sheet_event["sealed"] is True
    return journal


@pytest.mark.e2e
def test_three_meters_from_an_empty_directory_to_the_sheet(tmp_path: Path) -> None:
    with works_at(tmp_path / "works", SMALL) as works, centre_at(tmp_path / "centre") as centre:
        answers = answers_for(tmp_path, SMALL_ANSWERS + UNTRIED, works, centre, "jn-3")
        ended = set_up(works, tmp_path / "site", answers)
        journal = judged(ended, tmp_path / "site", "jn-3")
        secret = (tmp_path / "token.txt").read_text("utf-8")
        wrote = "".join(
            path.read_text("utf-8", "replace") for path in (tmp_path / "site").rglob("*") if path.is_file()
        )
        registered = json.loads(Path(centre.register).read_text("utf-8").splitlines()[0])
    assert wrong(journal) == {"b1:1": ("ct_reversed", ("l3",))}
    assert [(one.line, one.skipped) for one in journal.trials] == [("p1", "late shift"), ("t1", "late shift")]
    assert registered["gateway"] == "jn-3"
    assert secret.strip() not in wrote + ended.said
    again = set_up(works, tmp_path / "site", answers)
    assert (again.code, [one["event"] for one in again.events]) == (0, ["all_done"])


SWAPPED: Final = SMALL.replace(
    'line = "t1"\nshare = 0.6',
    'line = "t1"\nshare = 0.6\nwiring = { mistake = "cts_swapped", phases = ["l1", "l3"] }',
)
SPEED: Final = 60
WATCHED_MIN: Final = 30
"""Minutes of the plant with readings of every meter, in which a stop would be told three times over."""
MINUTE_MS: Final = 60_000
WATCH_S: Final = 400.0
"""A busy machine; it takes half a minute on a quiet one."""


def make_fast_clock() -> str:
    """A clock that runs SPEED times as fast from now on."""
    now = SystemClock().stamp()
    began_ns = now.boottime_ns - now.boottime_ns // SPEED
    return ScaledClock(SPEED, now.utc_ns - now.boottime_ns, began_ns).spec()


def read_chain(folder: Path) -> list[Record | ReadingRecord]:
    return [
        decode_record(raw)
        for seal in read_seals(folder / "state/chain.db")
        for raw in open_body(peek_header(seal.cose), seal.body or b"")
    ]


def count_minutes(records: Sequence[Record | ReadingRecord]) -> int:
    """Minutes with good readings of the meter that has the fewest."""
    minutes: dict[str, set[int]] = {}
    for one in records:
        if isinstance(one, ReadingRecord):
            minutes.setdefault(one.meter, set()).update([one.utc_ms // MINUTE_MS] if one.blocks else [])
    return min(map(len, minutes.values()), default=0)


def find_episodes(records: Sequence[Record | ReadingRecord]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Rule, severity and lines of each, but of lost data: a busy machine misses polls of so fast a plant."""
    bodies = [one.body for one in records if isinstance(one, Record) and one.kind is Kind.EPISODE]
    return [
        (body["rule"], body["severity"], tuple(body["lines"]))
        for body in bodies
        if body["rule"] != Rule.DATA_LOSS
    ]


def watch(folder: Path, clock: str, episodes: int = 0) -> list[tuple[str, str, tuple[str, ...]]]:
    """What the running agent finds in WATCHED_MIN, and until there are so many episodes."""
    before = len(read_chain(folder))
    call = ["agent.main", "run", "--config", str(folder / "site.toml"), "--sim-clock", clock]
    agent = Part("agent", call, folder)
    agent.start()
    try:
        deadline_s = time.monotonic() + WATCH_S
        while count_minutes(made := read_chain(folder)[before:]) < WATCHED_MIN or (
            len(find_episodes(made)) < episodes
        ):
            agent.must_live()
            assert time.monotonic() < deadline_s, f"{count_minutes(made)} minutes, {find_episodes(made)}"
            time.sleep(1.0)
    finally:
        agent.stop()
    return find_episodes(read_chain(folder)[before:])


@pytest.mark.e2e
@pytest.mark.minutes
def test_swapped_transformers_that_are_left_are_named_and_never_accuse(tmp_path: Path) -> None:
    with works_at(tmp_path / "works", SWAPPED) as works, centre_at(tmp_path / "centre") as centre:
        answers = answers_for(tmp_path, SMALL_ANSWERS + UNTRIED, works, centre, "jn-3")
        ended = set_up(works, tmp_path / "site", answers)
        journal = judged(ended, tmp_path / "site", "jn-3")
        site = tmp_path / "site/site.toml"
        assert wrong(journal) == {"b1:1": ("ct_reversed", ("l3",)), "b1:2": ("cts_swapped", ("l1", "l3"))}
        assert {meter.line: meter.wiring for meter in load_site(site).meter if meter.wiring} == {
            "p1": "ct_reversed", "t1": "cts_swapped",
        }  # fmt: skip
        clock = make_fast_clock()
        named = watch(tmp_path / "site", clock, episodes=2)
        assert sorted(named) == [("wiring", "integrity", ("p1",)), ("wiring", "integrity", ("t1",))]
        site.write_text(re.sub(r"(?m)^wiring = .*\n", "", site.read_text("utf-8")), "utf-8")
        unsaid = watch(tmp_path / "site", clock)
    assert [one for one in unsaid if one[1] == "violation"] == []


def lines_of_works(works: Works, folder: Path, lines: dict[str, str]) -> Path:
    """A setup's folder before the on/off test, whose meters are said to feed these lines."""
    begun(folder, "trial")
    meters = (
        MeterFound("m1", "b1", UnitId(1), model="schneider-pm5xxx", line=lines["m1"]),
        MeterFound("m2", "b1", UnitId(2), model="siemens-pac3200", line=lines["m2"]),
    )
    buses = (BusFound("b1", works.buses["b1"]),)
    save_journal(
        folder / "setup.json", evolve(load_journal(folder / "setup.json"), buses=buses, meters=meters)
    )
    return folder


@pytest.mark.e2e
def test_a_machine_is_switched_and_its_reading_follows(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text('[[line]]\nid = "p1"\nuntried = "runs through"\n', "utf-8")
    with works_at(tmp_path / "works", SMALL) as works:
        folder = lines_of_works(works, tmp_path / "site", {"m1": "p1", "m2": "t1"})
        ended = set_up(works, folder, tmp_path / "answers.toml", "trial")
    assert ended.code == 0, ended.said
    assert ended.switched == [("t1", "off"), ("t1", "on")]
    skipped, tried = load_journal(folder / "setup.json").trials
    assert (skipped.line, skipped.skipped) == ("p1", "runs through")
    assert (tried.line, tried.meter, tried.follows) == ("t1", "m2", True)
    assert tried.on_w == pytest.approx(0.8 * 22_000 * 0.6, rel=0.2)
    assert tried.off_w == pytest.approx(0.0, abs=300)
    assert [to for _, to in tried.switched] == ["off", "on"]
    assert len(tried.samples) > 10
    assert set_up(works, folder, tmp_path / "answers.toml", "thresholds").code == 0
    thresholds = load_journal(folder / "setup.json").thresholds
    assert [(one.line, one.source) for one in thresholds] == [("p1", "nameplate"), ("t1", "trial")]


@pytest.mark.e2e
@pytest.mark.minutes
def test_transformers_on_the_cable_of_another_line_are_named(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("[trial]\nwait_s = 20\n", "utf-8")
    with works_at(tmp_path / "works", SMALL) as works:
        folder = lines_of_works(works, tmp_path / "site", {"m1": "t1", "m2": "p1"})
        ended = set_up(works, folder, tmp_path / "answers.toml", "trial")
    assert ended.code == 0, ended.said
    kinds = {one["line"]: (one["kind"], one["others"]) for one in ended.of("trial")}
    assert kinds == {"p1": ("elsewhere", ["m1"]), "t1": ("elsewhere", ["m2"])}


@pytest.mark.e2e
@pytest.mark.minutes
def test_ten_meters_with_two_wiring_mistakes_in_under_three_minutes(tmp_path: Path) -> None:
    with works_at(tmp_path / "works") as works, centre_at(tmp_path / "centre") as centre:
        answers = answers_for(tmp_path, TEN.read_text("utf-8"), works, centre, "jn-0001")
        began_s = time.monotonic()
        ended = set_up(works, tmp_path / "site", answers)
        took_s = time.monotonic() - began_s
        journal = judged(ended, tmp_path / "site", "jn-0001")
    print(f"{took_s:.0f} s for ten meters")  # noqa: T201 - the figure of the issue
    assert len(journal.meters) == 10
    assert wrong(journal) == {"b1:3": ("ct_reversed", ("l2",)), "b3:7": ("cts_swapped", ("l1", "l3"))}
    assert {trial.line: trial.follows for trial in journal.trials if not trial.skipped} == dict.fromkeys(
        ("p1", "p3", "t1", "t3"), True
    )
    assert {trial.line for trial in journal.trials if trial.skipped} == {"p2", "t2"}
