"""Orders in a pack: a stranger with the root's key alone proves what was asked, and what he cannot."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.inbox import drop
from agent.sealing.source import NewRecord, Urgency
from evidence import keys
from evidence.moments import iso_utc
from evidence.record import Kind
from evidence.words import Words
from provisioning.cli import cli
from tests.agent.orders.test_orders import give
from tests.agent.rig import SITE, Rig, end_rigs
from tests.evidence.orders import made

FIGURE = {
    "order": "a1", "rev": 1, "test": False, "line": "p1", "level": "red", "measure": "stop",
}  # fmt: skip
SENTENCE = Words("达到要求", "it stood").to_body()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An alert with figures and an answer, an order beyond its bureau's kinds; an hour later one more."""
    folder = tmp_path_factory.mktemp("ordered") / "g"
    rig = Rig(folder)
    rig.connect()
    give(rig, made.message(id="a1", kind="alert", body={"list": "l1", "raw": b"\x00\x01"}))
    for body in (
        {**FIGURE, "what": "hour", "begin_s": 0, "state": "met"},
        {**FIGURE, "what": "hour", "begin_s": 3600, "state": "not_met"},
        {**FIGURE, "what": "final", "verdict": "met", "why": None, "episodes": [], "sentence": SENTENCE},
    ):
        rig.gateway.sealing.put(NewRecord(Kind.VERDICT, body, Urgency.AT_ONCE), rig.stamp())
    answer = {"what": "answer", "order": "a1", "state": "done", "by": "王", "at": 5, "text": "已停"}
    drop(folder / "state", {**answer, "files": []}, 9)
    rig.run(10, 40_000, 9_000)
    give(rig, made.message(made.DISTRICT, issuer=made.DISTRICT_NAME, kind="diagnose", id="x1", seq=2))
    rig.passed_s += 3_600
    give(rig, made.message(id="d2", seq=3))
    rig.run(10, 40_000, 9_000)
    rig.gateway.stop(rig.stamp(), rig.passed_s)
    rig.close()
    (folder / "site.toml").write_text(SITE, "utf-8")
    (folder / "first").write_text(rig.first_key.hex())
    end_rigs()
    return folder


def call(*words: str, language: str = "en") -> str:
    ran = CliRunner().invoke(cli, ["--lang", language, *words])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def pack(plant: Path, out: Path, begin_s: float) -> list[str]:
    """The words that check a pack of what came from `begin_s` after the begin on."""
    at = [iso_utc(made.NOW_MS + round(one * 1000)) for one in (begin_s, 7_200)]
    call(
        "evidence", "--config", str(plant / "site.toml"), "--from", at[0], "--to", at[1], "--whole-chain",
        "--out", str(out),
    )  # fmt: skip
    first = (plant / "first").read_text()
    return ["verify", "--centre-key", keys.public(made.ROOT).hex(), "--first-key", first, str(out)]


def orders(words: list[str]) -> dict[str, dict[str, Any]]:
    return {one["order"]: one for one in json.loads(call(*words, "--json"))["orders"]}


def test_a_stranger_proves_what_was_asked_measured_and_answered(plant: Path, tmp_path: Path) -> None:
    words = pack(plant, tmp_path / "p.zip", -60)
    found = orders(words)
    assert list(found) == ["a1", "x1", "d2"]
    alert = found["a1"]
    assert (alert["proved"], alert["state"], alert["issuer"]) == (True, "held", made.CITY_NAME)
    assert alert["body"] == {"list": "l1", "raw": "0001"}
    assert [(one["state"], one["by"]) for one in alert["answers"]] == [("received", ""), ("done", "王")]
    figures = [(one["what"], one.get("verdict")) for one in alert["figures"]]
    own = ("final", "cannot_be_judged")  # the gateway's: nobody can judge by such a body
    assert figures == [("hour", None), ("hour", None), ("final", "met"), own]
    beyond = found["x1"]
    assert (beyond["proved"], beyond["why_not"], beyond["state"]) == (False, "kind", "refused")
    for language, said in (
        ("en", ("hours of p1: met 1, not met 1", "it stood", "answered: done by 王", "refused (kind)")),
        ("zh", ("p1 各小时：达到要求 1, 未达到要求 1", "结论", "答复：已完成（答复人：王）", "由根密钥认证")),
    ):
        shown = call(*words, language=language)
        assert all(one in shown for one in said), shown


def test_without_the_seal_of_its_certificate_an_order_is_shown_and_not_proved(
    plant: Path, tmp_path: Path
) -> None:
    words = pack(plant, tmp_path / "p.zip", 1_800)
    late = orders(words)["d2"]
    assert (late["proved"], late["why_not"]) == (False, "key")
    assert "the certificate of its key is in an earlier seal" in call(*words)
