"""`dianjian centre verdicts`: an honest gateway agrees with its readings, a lying one is told."""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.site.enrolment import note_first_key
from agent.site.linkages import incomer_of, linkages_of
from agent.site.manifest import manifest_bodies
from agent.site.setups import setups_of
from agent.store.gateway import read_seals
from centre.batch.chains import findings_of
from centre.core import Centre, Incoming
from centre.json_lines import JsonLine
from centre.rechecks import VERDICT_DIFFERS, Rechecks
from centre.store.sqlite import SqliteStore
from drivers.clock import Stamp
from evidence.orders.entries import held_body
from evidence.orders.order import hash_order, sign_order
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal
from provisioning.centre.rechecking import Recheck, recheck_in
from provisioning.cli import cli
from provisioning.marks.centre_chain import find_site, walk_centre
from tests.agent.rig import BEGIN_S, CENTRE
from tests.evidence.chains import secret
from tests.provisioning.curtail.test_verdict import HOUR_S, ISSUED_H, LIST, REST_W, WORK_W, alert, order
from tests.provisioning.learning.test_commission_chain import PLAN, Maker, on, receipted, stamp
from wire import messages

HOURS = 24
ORDERS = (order("l1", "list", 1, LIST.to_body()), alert("a-bad", 5, "red", 18, 22))
KINDS = {"baseline": Kind.BASELINE, "hour": Kind.VERDICT, "final": Kind.VERDICT}
Body = dict[str, Any]


def honest(body: Body) -> Body:
    return body


def lying(body: Body) -> Body:
    return {**body, "verdict": "met"} if body["what"] == "final" else body


def silent(body: Body) -> Body | None:
    return None if body["what"] == "hour" and body["state"] == "not_met" else body


def manifests(maker: Maker, at: Stamp) -> list[bytes]:
    lines = linkages_of(maker.site), incomer_of(maker.site, linkages_of(maker.site))
    bodies = manifest_bodies(maker.site, setups_of(maker.site), *lines, "1", at)
    return [encode_record(Kind.MANIFEST, at, body) for body in bodies]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, list[Body]]:
    """A line that works on through a stop: its gateway's folder, the first key, and what is true of it."""
    folder = tmp_path_factory.mktemp("base") / "gateway"
    folder.mkdir()
    maker = Maker(folder)
    maker.pending += manifests(maker, stamp(BEGIN_S))
    for step in range(HOURS * 180):
        at_s = BEGIN_S + step * 20
        maker.reading("mp", WORK_W if step >= 14 * 180 else REST_W, stamp(at_s))
        if step == ISSUED_H * 180:
            for one in ORDERS:
                raw = sign_order(one, secret(1))
                body = held_body(one, raw, hash_order(raw), ())
                maker.pending.append(encode_record(Kind.ORDER, stamp(at_s), body))
        if step % 60 == 59:
            maker.seal(stamp(at_s))
    site, first_key = maker.close(), maker.recovery.next_key
    told = CliRunner().invoke(cli, ["curtail", "verdict", "--site", str(site), "--json"])
    return folder, first_key, list(map(json.loads, told.stdout.splitlines()))


def lie(base: tuple[Path, bytes, list[Body]], folder: Path, seal: Callable[[Body], Body | None]) -> Path:
    """The gateway goes on, and seals what `seal` makes of what is true."""
    shutil.copytree(base[0], folder)
    maker = Maker(folder)
    at = stamp(BEGIN_S + HOURS * HOUR_S)
    made = [seal(body) for body in base[2]]
    maker.pending += [encode_record(KINDS[one["what"]], at, one) for one in made if one is not None]
    if maker.pending:
        maker.seal(at)
    note_first_key(folder / "state", "g1", base[1])
    return maker.close()


def collect(folder: Path, first_key: bytes, bodies: Callable[[StoredSeal], bool] = lambda _: True) -> Path:
    """The centre's store, with the bodies that came."""
    with closing(SqliteStore(folder / "centre.db")) as store:
        store.enrol("g1", first_key)
        batch = [
            Incoming("dj/1/g1/seal", messages.encode_seal(one.cose, one.body or b""))
            if bodies(one)
            else Incoming("dj/1/g1/chain", messages.encode_chain([one.cose]))
            for one in read_seals(folder / "state/chain.db")
        ]
        Centre(store, CENTRE).handle(batch, 1_000 * (BEGIN_S + HOURS * HOUR_S))
    return folder / "centre.db"


def ask(store: Path, site: Path, *more: str) -> Result:
    call = ["--lang", "en", "centre", "verdicts", "--store", str(store), "--site", str(site), *more, "g1"]
    result = CliRunner().invoke(cli, call)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    ("seal", "code", "differences"),
    [
        (honest, 0, []),
        (lying, 1, [("final", ["verdict"])]),
        (silent, 1, [("hour", ["not sealed"])]),
    ],
)
def test_what_a_gateway_has_sealed_is_held_against_its_readings(
    base: tuple[Path, bytes, list[Body]],
    tmp_path: Path,
    seal: Callable[[Body], Body | None],
    code: int,
    differences: list[tuple[str, list[str]]],
) -> None:
    folder = tmp_path / "gateway"
    site = lie(base, folder, seal)
    store = collect(folder, base[1])
    result = ask(store, site, "--json")
    assert result.exit_code == code, result.output
    told = json.loads(result.stdout)
    assert (told["sealed"] >= 2, told["absent"]) == (True, 0)
    found = {(one["what"].split()[0], tuple(one["keys"])) for one in told["differences"]}
    assert found == {(what, tuple(keys)) for what, keys in differences}
    if code == 1:
        assert "IS NOT what its readings give" in ask(store, site).stdout


def test_nobody_is_called_a_liar_while_readings_lack(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    site = lie(base, folder, lying)
    result = ask(collect(folder, base[1], lambda one: one.number != 30), site)
    assert result.exit_code == 0, result.output
    assert "1 seals lack their readings" in result.stdout
    assert ask(tmp_path / "no.db", site).exit_code == 2


RATIO = PLAN.replace('line = "p1"', 'line = "p1"\nct_ratio = 10')
AFTER_S = BEGIN_S + HOURS * HOUR_S + 60


def go_on(folder: Path, first_key: bytes, text: str, event: str | None, bodies: list[Body]) -> Path:
    """The gateway starts again, by the site file `text`; its `bodies` follow."""
    maker, at = Maker(folder, text), stamp(AFTER_S)
    note_first_key(folder / "state", "g1", first_key)
    maker.pending += manifests(maker, at)
    if event is not None:
        maker.pending.append(encode_record(Kind.EVENT, at, {"what": event, "text": ""}))
    maker.pending += [encode_record(KINDS[one["what"]], at, one) for one in bodies]
    maker.seal(at)
    return maker.close()


@pytest.mark.parametrize(("text", "event"), [(RATIO, None), (PLAN, "database salvaged")])
def test_nobody_is_called_a_liar_whose_site_file_or_disk_changed_in_the_midst(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path, text: str, event: str | None
) -> None:
    folder = tmp_path / "gateway"
    lie(base, folder, silent)
    site = go_on(folder, base[1], text, event, [one for one in base[2] if one["what"] == "final"])
    store = collect(folder, base[1])
    for call in (
        ["centre", "verdicts", "--store", str(store), "g1"],
        ["curtail", "verdict", "--site", str(site)],
    ):
        result = CliRunner().invoke(cli, ["--lang", "en", *call])
        assert result.output.count("1 alerts are not compared") == 1, result.output
        assert "not what its readings give" not in result.output


@pytest.mark.parametrize(("seal", "code"), [(honest, 0), (lying, 1)])
def test_each_reading_is_judged_by_the_site_file_of_its_time(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path, seal: Callable[[Body], Body | None], code: int
) -> None:
    """Ten times the ratio afterwards neither accuses who was honest nor hides who lied."""
    folder = tmp_path / "gateway"
    lie(base, folder, seal)
    site = go_on(folder, base[1], RATIO, None, [])
    store = collect(folder, base[1])
    result = CliRunner().invoke(cli, ["--lang", "en", "centre", "verdicts", "--store", str(store), "g1"])
    assert result.exit_code == code, result.output
    told = CliRunner().invoke(cli, ["--lang", "en", "curtail", "verdict", "--site", str(site), "--json"])
    assert list(map(json.loads, told.stdout.splitlines())) == base[2]
    assert told.stderr.count("not what its readings give") == code
    with walk_centre(store, "g1") as walk:
        found = find_site(walk), find_site(walk, 1_000 * AFTER_S)
    ratios = [None if one is None else one.meter[0].ct_ratio for one in found]
    assert ratios == [10.0, 1.0], "a report is by the site file of its month"


@pytest.mark.parametrize("lost", ["first", "body"])
def test_a_plant_that_has_pruned_its_chain_compares_nothing(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path, lost: str
) -> None:
    site = lie(base, tmp_path / "gateway", lying)
    receipted(site, 60)
    on(
        site,
        "DELETE FROM seals WHERE number = 1"
        if lost == "first"
        else "UPDATE seals SET body = NULL WHERE number = 30",
    )
    told = CliRunner().invoke(cli, ["--lang", "en", "curtail", "verdict", "--site", str(site)])
    assert "nothing is compared with what the gateway has sealed" in " ".join(told.output.split())
    assert "not what its readings give" not in told.output


@pytest.mark.parametrize(
    ("seal", "absent", "same"),
    [(lying, 0, False), (lying, 30, None), (lambda _: None, 0, None)],
)
def test_a_report_calls_nobody_a_liar_whose_readings_lack(
    base: tuple[Path, bytes, list[Body]],
    tmp_path: Path,
    seal: Callable[[Body], Body | None],
    absent: int,
    same: bool | None,
) -> None:
    site = lie(base, tmp_path / "gateway", seal)
    store = collect(tmp_path / "gateway", base[1], lambda one: one.number != absent)
    month = f"{datetime.fromtimestamp(BEGIN_S, UTC) + timedelta(hours=8):%Y-%m}"
    call = ["--store", str(store), "--site", str(site), "--month", month, "--json", "g1"]
    result = CliRunner().invoke(cli, ["centre", "report", *call])
    assert [one["same"] for one in json.loads(result.stdout)["verdicts"]] == [same], result.output


@pytest.mark.parametrize(("seal", "says"), [(honest, []), (lying, ["a-bad p1 final (verdict)"])])
def test_the_subscriber_has_it_computed_beside_and_tells_it_once(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path, seal: Callable[[Body], Body | None], says: list[str]
) -> None:
    folder = tmp_path / "gateway"
    lie(base, folder, seal)
    with closing(SqliteStore(collect(folder, base[1]))) as store:
        rechecks = Rechecks(recheck_in(folder / "centre.db"))
        line = {"type": "record", "gateway": "g1", "seal": 7, "kind": "verdict", "body": {"what": "final"}}
        rechecks.note_line({**line, "body": {"what": "hour"}})
        assert (rechecks.look(store), rechecks._running) == ([], None), "an hour is no verdict"
        told: list[JsonLine] = []
        for _ in range(2 if says else 1):
            rechecks.note_line(line)
            found = rechecks.look(store)
            deadline = time.monotonic() + 120
            while rechecks._running is not None and time.monotonic() < deadline:
                time.sleep(0.02)
                found += rechecks.look(store)
            told += found
            store.commit(findings_of(found, 1))
        texts = [f"sealed otherwise than its readings give: {one}" for one in says]
        assert [(one["code"], one["seal"], one["text"]) for one in told] == [
            (VERDICT_DIFFERS, 7, text) for text in texts
        ]


def test_a_check_waits_for_all_readings_and_ends_with_the_subscriber(
    base: tuple[Path, bytes, list[Body]], tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    lie(base, folder, honest)
    line = {"type": "record", "gateway": "g1", "seal": 7, "kind": "exercise", "body": {"what": "final"}}
    with closing(SqliteStore(collect(folder, base[1], lambda one: one.number != 30))) as store:
        rechecks = Rechecks(recheck_in(folder / "centre.db"))
        rechecks.note_line(line)
        rechecks.note_line({**line, "gateway": "gone"})
        assert (rechecks.look(store), rechecks._running) == ([], None)
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copytree(folder / "state", whole / "state")
    with closing(SqliteStore(collect(whole, base[1]))) as store:
        rechecks = Rechecks(recheck_in(whole / "centre.db"))
        rechecks.note_line(line)
        rechecks.look(store)
        assert rechecks._running is not None
        process = rechecks._running[2]
        rechecks.stop()
        assert isinstance(process, Recheck)
        assert process._process.wait(60) is not None
