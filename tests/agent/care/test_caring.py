"""A site file sent by the centre is kept where it proves itself, and comes back by itself everywhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.care.rights import list_changes, list_refused, list_sealed
from agent.overview import overview
from agent.site.file import load_own_site, load_site, parse_site
from drivers.clock import ClockState
from evidence import keys
from evidence.cbor import FormatError
from tests.agent.care.lives import FREE, METER, METER_NAME, SEALED, Life, body_of
from tests.agent.platforms.test_feed import SITE as PLATFORM
from tests.agent.rig import CENTRE, SITE
from tests.evidence.orders import made
from wire import orders as wire
from wire.mqtt_events import Message

KEY = keys.public(CENTRE).hex()
BAD = SITE.replace("unit_id = 2", "unit_id = 2\nfoo = 1")
NEW_METER = '[[meter]]\nid = "m3"\nbus = "b1"\nunit_id = 3\nmodel = "eastron-sdm630"\nline = "p1"\n'


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path)
    life.live(5)
    yield life
    life.rig.close()


def test_a_file_that_proves_itself_is_kept_over_every_later_start(life: Life) -> None:
    assert life.interval_s == 10
    life.give(FREE)
    assert life.rig.restarts == 1
    life.restart()
    assert life.interval_s == 5
    life.live(3)
    life.receipt()
    life.live(3)
    life.restart()
    life.live(3)
    assert life.interval_s == 5
    assert life.rig.restarts == 0
    assert life.told() == ["accepted c1", "trial c1", "kept c1", "done c1"]


@pytest.mark.parametrize(
    ("lacks", "why"),
    [("receipt", "no receipt for a seal under the new file"), ("meter", "meter mt has not answered")],
)
def test_a_file_that_does_not_prove_itself_goes_by_itself(life: Life, lacks: str, why: str) -> None:
    life.give(FREE)
    life.restart()
    life.live(3, treatment=None if lacks == "meter" else 9_000)
    if lacks == "meter":
        life.receipt()
    life.live(70, treatment=None if lacks == "meter" else 9_000)
    assert life.rig.restarts == 1
    life.restart()
    life.live(3)
    assert life.interval_s == 10
    assert life.told() == ["accepted c1", "trial c1", "back c1", "objected c1"]
    assert life.why() == f"{why}; waited 60 s"


def test_the_status_says_what_became_of_the_last_change(life: Life) -> None:
    def shown() -> Any:
        return overview(life.rig.parts, life.rig.stamp())["remote"]

    assert shown() is None
    life.give(FREE)
    life.restart()
    life.live(3)
    assert shown() == {"state": "trial", "order": "c1", "rev": 1, "why": ""}
    life.live(70)
    life.restart()
    why = "no receipt for a seal under the new file; waited 60 s"
    assert shown() == {"state": "back", "order": "c1", "rev": 1, "why": why}
    life.live(3)
    life.give(FREE, seq=2)
    life.restart()
    life.live(3)
    life.receipt()
    life.live(3)
    assert shown() == {"state": "kept", "order": "c2", "rev": 1, "why": ""}
    life.restart(lambda folder: (folder / "site.toml").write_text(SITE + "\n") and None)
    assert shown() == {"state": "void", "order": "c2", "rev": 1, "why": ""}


def test_a_meter_that_was_silent_before_need_not_answer_afterwards(life: Life) -> None:
    life.live(30, treatment=None)
    life.give(FREE, effective_utc_ms=made.NOW_MS + 50_000)
    life.live(30, treatment=None)
    life.restart()
    life.live(3, treatment=None)
    life.receipt()
    life.live(3, treatment=None)
    assert life.told()[-1] == "done c1"


def test_a_file_that_ends_the_process_is_started_three_times_and_then_goes(life: Life) -> None:
    life.give(FREE)
    for _ in range(3):
        life.restart()
        assert life.interval_s == 5
    life.restart()
    life.live(3)
    assert life.interval_s == 10
    assert life.told()[-2:] == ["back c1", "objected c1"]
    assert life.why() == "started 3 times, it never proved itself"


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_disk_that_takes_no_write_gives_the_file_back_and_keeps_no_gateway_from_starting(
    life: Life, by_hand: bool
) -> None:
    def hinder(folder: Path) -> None:
        (folder / "state/remote-site.json.new").mkdir()  # no draft can be made there
        if by_hand:
            (folder / "site.toml").write_text(SITE + "# by hand\n")

    life.give(FREE)
    life.restart(hinder)
    life.live(3)
    life.receipt()
    life.live(3)
    assert (life.interval_s, life.told()) == (10, ["accepted c1"])
    (life.rig.folder / "state/remote-site.json.new").rmdir()
    life.live(3)
    assert life.told() == ["accepted c1", "back c1", "objected c1"]
    assert life.rig.restarts == 0


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        (BAD, {}, "unknown key"),
        (SITE, {}, "it is in force already"),
        (FREE, {"base": FREE + "# another\n"}, "it was made from another file"),
        (SEALED, {}, "needs a key that is certified for metrology: line p1.rated_w"),
        (SITE.replace('"g1"', '"g2"'), {}, "site.gateway: no order may change it"),
        (SITE.replace(KEY, "0" * 64), {}, "broker.centre_key: no order may change it"),
        (SITE.replace("[broker]", "[broker]\nplain = true"), {}, "no order may turn encryption off"),
        (SITE.replace("[broker]", "[store]\npath = 'other'\n[broker]"), {}, "store.path: no order may"),
        (SITE.replace("[broker]", "[archive]\npath = '/srv/x'\n[broker]"), {}, "archive: no order may"),
        (SITE.replace("[broker]", "[seal]\ninterval_s = 3600\n[broker]"), {}, "at most 300 s from afar"),
        (SITE.replace('id = "mt"', 'id = "mt"\nfast_s = 900'), {}, "at most 300 s"),
        (SITE.replace("[broker]", "[seal]\nheartbeat_s = 900\n[broker]"), {}, "at most 300 s from afar"),
        (SITE[: SITE.index("[[meter]]")], {}, "at least one [[meter]]"),
        (FREE, {"body": {"text": "!"}}, "a config order has exactly"),
        (FREE, {"body": {**body_of(FREE), "sha256": bytes(32)}}, "not the one that its hash names"),
        (FREE, {"body": {**body_of(FREE), "site": b"\xff" * 20}}, "site is not deflated"),
    ],
)
def test_what_could_not_run_or_may_not_be_ordered_is_refused_before_anything_changes(
    life: Life, text: str, changes: dict[str, object], why: str
) -> None:
    life.give(text, **changes)
    life.live(5)
    assert life.told() == ["objected c1"]
    assert why in life.why()
    assert life.rig.restarts == 0


def test_what_a_technician_sealed_changes_with_the_key_that_answers_for_metering(life: Life) -> None:
    life.give(SEALED, key=(METER, METER_NAME))
    life.restart()
    life.live(3)
    life.receipt()
    life.live(3)
    assert life.told() == ["accepted c1", "trial c1", "kept c1", "done c1"]
    assert load_site(life.rig.folder / "site.toml").line[0].rated_w == 60_000
    assert load_own_site(life.rig.folder / "site.toml").line[0].rated_w == 50_000


@pytest.mark.parametrize("step", ["on trial", "kept"])
def test_the_file_of_who_stands_before_the_gateway_holds(life: Life, step: str) -> None:
    by_hand = SITE.replace("[broker]", "[seal]\ninterval_s = 7\n[broker]")
    life.give(FREE)
    if step == "kept":
        life.restart()
        life.live(3)
        life.receipt()
        life.live(3)
    life.restart(lambda folder: (folder / "site.toml").write_text(by_hand))
    life.live(3)
    assert life.interval_s == 7
    if step == "on trial":
        assert life.told()[-2:] == ["back c1", "objected c1"]
        assert "changed on the site" in life.why()


def test_a_second_change_is_laid_over_the_first_and_its_way_back_leads_to_the_first(life: Life) -> None:
    life.give(FREE)
    life.restart()
    life.live(3)
    life.receipt()
    life.live(3)
    second = FREE.replace("interval_s = 5", "interval_s = 8")
    life.give(second, seq=2, base=FREE)
    life.restart()
    assert life.interval_s == 8
    life.live(70)
    life.restart()
    life.live(3)
    assert life.interval_s == 5
    assert life.told()[-4:] == ["accepted c2", "trial c2", "back c2", "objected c2"]


def test_a_change_waits_for_its_time_and_a_cancel_in_between_ends_it(life: Life) -> None:
    life.give(FREE, effective_utc_ms=made.NOW_MS + 60_000)
    life.live(30)
    assert life.rig.restarts == 0
    raw = made.message(id="k", seq=2, kind="cancel", body={"order": "c1"}, due_utc_ms=None)
    life.rig.gateway.mqtt(
        Message(wire.order_topic("g1", "k"), raw, True), life.rig.stamp(), life.rig.passed_s
    )
    life.live(60)
    assert life.rig.restarts == 0
    assert life.told() == ["accepted c1"]


def test_a_change_whose_time_passed_while_the_gateway_was_off_waits_until_it_knows_which_meters_answer(
    life: Life,
) -> None:
    life.give(FREE, effective_utc_ms=made.NOW_MS + 60_000)
    life.live(40)
    life.restart()
    life.rig.passed_s += 60
    for _ in range(5):
        life.rig.passed_s += 1
        life.rig.tick()
    assert life.rig.restarts == 0
    life.live(3)
    assert life.rig.restarts == 1
    life.restart()
    life.live(3, treatment=None)
    life.receipt()
    life.live(3, treatment=None)
    assert life.told() == ["accepted c1", "trial c1"]


@pytest.mark.parametrize(
    ("good", "bad", "sealed", "refused"),
    [
        ("interval_s = 5", "interval_s = 6", [], []),
        ("127.0.0.1:1", "127.0.0.1:2", ["hj212 city.address"], []),
        ("minute_min = 5\n", "", ["hj212 city.minute_min"], []),
        ("city.secret", "other", [], ["hj212 city.credentials: no order may change it"]),
        (PLATFORM, "", ["hj212 city"], []),
        ("[[line]]", NEW_METER + "[[line]]", ["meter m3"], []),
    ],
)  # fmt: skip
def test_what_an_order_may_change_beside_a_platform_of_hj_212(
    good: str, bad: str, sealed: list[str], refused: list[str]
) -> None:
    whole = FREE + PLATFORM
    assert good in whole
    old, new = (parse_site(text, Path("site.toml")) for text in (whole, whole.replace(good, bad, 1)))
    assert list_changes(old, new)
    assert list_sealed(old, new)[: len(sealed)] == sealed
    assert bool(list_sealed(old, new)) == bool(sealed)
    assert list_refused(old, new) == refused


def test_a_drill_is_judged_and_changes_nothing(life: Life) -> None:
    life.give(FREE, test=True)
    life.live(10)
    assert life.rig.restarts == 0
    assert life.told() == ["accepted c1"]


def test_no_person_of_the_plant_answers_for_the_gateway(life: Life) -> None:
    life.give(FREE, effective_utc_ms=made.NOW_MS + 600_000)
    letter = {"order": "c1", "state": "objected", "by": "王", "at": 1, "text": "", "files": []}
    with pytest.raises(FormatError, match="the gateway itself answers"):
        life.rig.parts.orders.answer(letter, life.rig.stamp())


@pytest.mark.parametrize(("later_s", "restarts"), [(0, 1), (60, 0)])
def test_without_a_set_clock_an_order_for_now_is_carried_out_and_one_for_later_waits(
    tmp_path: Path, later_s: int, restarts: int
) -> None:
    life = Life(tmp_path)
    life.rig.clock_state = ClockState.UNSYNCHRONISED
    life.live(5)
    life.give(FREE, effective_utc_ms=made.NOW_MS + later_s * 1_000)
    life.live(120)
    assert life.rig.restarts == restarts
    life.rig.close()
