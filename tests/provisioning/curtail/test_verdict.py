"""`dianjian curtail verdict`: orders and readings of one chain, judged again."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evidence.curtailment.measures import Alert, Measure, ReductionList, Row
from evidence.orders.entries import held_body
from evidence.orders.order import Order, hash_order, sign_order
from evidence.record import Kind, encode_record
from provisioning.cli import cli
from tests.agent.rig import BEGIN_S
from tests.evidence.chains import secret
from tests.provisioning.learning.test_commission_chain import Maker, stamp

HOUR_S = 3600
REST_W, WORK_W = 1_000, 40_000
ROWS = (
    Row(lines=("p1",), level="red", measure=Measure.STOP, ramp_s=HOUR_S),
    Row(lines=("p1",), level="orange", measure=Measure.LIMIT_PERCENT, value=300),
    Row(lines=("p1",), level="yellow", measure=Measure.CAP_KW, value=45_000),
)
LIST = ReductionList(edition="e", rows=ROWS)
ISSUED_H = 16


def order(id_: str, kind: str, seq: int, body: dict[str, Any], *, test: bool = False) -> Order:
    at_ms = (BEGIN_S + ISSUED_H * HOUR_S) * 1000
    return Order(
        id=id_,
        rev=1,
        seq=seq,
        kind=kind,
        gateway="g1",
        issuer="bureau",
        issued_utc_ms=at_ms,
        effective_utc_ms=at_ms,
        expires_utc_ms=at_ms + 10**9,
        body=body,
        test=test,
    )


def alert(
    id_: str, seq: int, level: str, first: int, last: int, *, test: bool = False, listed: str = "l1"
) -> Order:
    asked = Alert(
        list=listed, rev=1, level=level, start_s=BEGIN_S + first * HOUR_S, end_s=BEGIN_S + last * HOUR_S
    )
    return order(id_, "alert", seq, asked.to_body(), test=test)


ORDERS = (
    *(order(f"l{at}", "list", at, LIST.to_body()) for at in range(1, 5)),
    alert("a-bad", 5, "red", 18, 22),
    alert("a-good", 6, "red", 24, 27, test=True),
    alert("a-limit", 7, "orange", 18, 27, listed="l2"),
    alert("a-cap", 8, "yellow", 18, 24, listed="l3"),
    alert("a-lost", 9, "red", 18, 22, listed="l9"),
    alert("a-gone", 10, "red", 18, 22, listed="l4"),
    order("c1", "cancel", 11, {"order": "a-gone"}),
    alert("a-old", 3, "orange", 17, 22),  # it comes late, and ends where a-bad begins
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It stands for 14 hours, works until hour 23, and stands again; the orders come at hour 16."""
    maker = Maker(tmp_path_factory.mktemp("verdict"))
    for step in range(29 * 180):
        at_s = BEGIN_S + step * 20
        maker.reading("mp", WORK_W if 14 * 180 <= step < 23 * 180 else REST_W, stamp(at_s))
        if step == ISSUED_H * 180:
            for one in ORDERS:
                raw = sign_order(one, secret(1))
                body = held_body(one, raw, hash_order(raw), ())
                maker.pending.append(encode_record(Kind.ORDER, stamp(at_s), body))
        if step % 30 == 29:
            maker.seal(stamp(at_s))
    return maker.close()


def call(*words: str) -> Result:
    result = CliRunner().invoke(cli, [*words])
    assert "Traceback" not in result.output
    return result


def test_each_line_of_each_alert_is_judged_from_the_readings(site: Path) -> None:
    result = call("curtail", "verdict", "--site", str(site), "--json")
    assert result.exit_code == 1, result.output
    bodies = list(map(json.loads, result.stdout.splitlines()))
    finals = {one["order"]: one for one in bodies if one["what"] == "final"}
    assert {id_: one["verdict"] for id_, one in finals.items()} == {
        "a-bad": "not_met",
        "a-good": "met",
        "a-limit": "cannot_be_judged",
        "a-cap": "cannot_be_judged",  # the meter's register is not in this chain: powers are a lower bound
        "a-lost": "cannot_be_judged",
        "a-old": "cannot_be_judged",
    }
    assert [finals[one]["why"] for one in ("a-limit", "a-lost")] == ["no_whole_day", "no_list"]
    states = [one["state"] for one in bodies if one["order"] == "a-bad" and one["what"] == "hour"]
    assert states[:2] == ["free", "not_met"]
    assert finals["a-good"]["test"] is True
    old = [one["begin_s"] for one in bodies if one["order"] == "a-old" and one["what"] == "hour"]
    assert old == [BEGIN_S // HOUR_S * HOUR_S + 17 * HOUR_S, BEGIN_S // HOUR_S * HOUR_S + 18 * HOUR_S]


def test_the_verdicts_are_drawn_with_baseline_limit_and_hours(site: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "verdicts.html"
    words = ("curtail", "verdict", "--site", str(site), "--plot", str(drawn))
    assert call(*words).exit_code == 1
    page = drawn.read_text("utf-8")
    assert page.count('class="card violation"') == 1
    assert page.count('class="card notice"') == 1
    assert page.count('class="card data"') == 5, "a cancelled alert has no verdict"
    for said in ("a-bad · red · p1 · stop · not met", "a-bad · 红色 · p1 · 停产 · 未达到要求", " 2.2 kW<"):
        assert said in page, said
    assert call(*words).exit_code == 2, "nothing is overwritten unasked"
    assert call(*words, "--force").exit_code == 1


def test_people_read_a_sentence_in_their_language(site: Path) -> None:
    for language, said in (("zh", "未达到要求"), ("en", "not met")):
        assert said in call("--lang", language, "curtail", "verdict", "--site", str(site)).stdout
