"""Reduction lists and alerts as an officer sends them: checked before they are signed, to each its own."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from centre.orders.ledger import open_ledger
from evidence import keys
from evidence.curtailment.measures import decode_alert, decode_list
from provisioning.cli import cli

BUREAU: Final = "青岛市生态环境局"
LIST: Final = """网关,生产线,预警级别,减排措施,限产比例（%）
gw-1,p1,橙色预警,限产,30
gw-1,p1,红色预警,停产,
gw-2,p4,橙色预警,停产,
"""
TIMES: Final = ("--from", "2026-12-01T08:00+08:00", "--until", "2026-12-04T08:00+08:00")


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, [*words])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with a bureau, and the checked lists of two gateways."""
    monkeypatch.chdir(tmp_path)
    public = keys.public(keys.create_key_file(tmp_path / "bureau.key")).hex()
    keys.create_key_file(tmp_path / "root.key")
    root = ("--orders", "orders", "--key", "root.key")
    kinds = [word for kind in ("list", "alert", "supervise") for word in ("--kind", kind)]
    assert call("centre", "keys", "root", *root).exit_code == 0
    may = ("--role", "bureau", "--name", BUREAU, *kinds, public)
    assert call("centre", "keys", "certify", *root, *may).exit_code == 0
    Path("list.csv").write_text(LIST, "utf-8")
    checked = call("curtail", "list", "check", "--json", "list.csv")
    assert checked.exit_code == 0, checked.output
    Path("lists").write_text(checked.stdout, "utf-8")
    return tmp_path


def order(verb: str, *words: str) -> Result:
    who = ("--orders", "orders", "--key", "bureau.key", "--issuer", BUREAU)
    return call("centre", "order", verb, *who, *words)


def bodies(place: Path) -> dict[tuple[str, str], Any]:
    known = open_ledger(place / "orders")
    return {(name, id_): one.order.body for name in known.orders for id_, one in known.latest(name).items()}


def test_what_the_check_of_a_list_prints_is_sent_and_an_alert_fires_its_level(place: Path) -> None:
    sent = order("send", "--kind", "list", "--id", "l-1", "--body", "lists", "gw-1", "gw-2")
    assert sent.exit_code == 0, sent.output
    fired = order("alert", "--id", "a-1", "--list", "l-1", "--level", "橙色预警", *TIMES, "gw-1", "gw-2")
    assert fired.exit_code == 0, fired.output
    found = bodies(place)
    assert [row.lines for row in decode_list(found["gw-2", "l-1"]).rows] == [("p4",)]
    assert decode_list(found["gw-1", "l-1"]).levels == ("orange", "red")
    alert = decode_alert(found["gw-1", "a-1"])
    assert (alert.list, alert.rev, alert.level, alert.end_s - alert.start_s) == ("l-1", 1, "orange", 259_200)


def test_an_alert_fires_the_revision_that_was_sent_last(place: Path) -> None:
    for _ in range(2):
        order("send", "--kind", "list", "--id", "l-1", "--body", "lists", "gw-1")
    order("alert", "--id", "a-1", "--list", "l-1", "--level", "red", *TIMES, "gw-1")
    assert bodies(place)["gw-1", "a-1"]["rev"] == 2


GOOD: Final = {"edition": "a", "grade": "", "law": [], "rows": []}


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("list", GOOD, "rows"),
        ("list", [{"gateway": "gw-9", "list": {}, "good": True}], "edition"),
        ("list", "lists", "no list of gateway gw-3; it has: gw-1, gw-2"),
        ("list", "[1]", "no JSON object"),
        ("list", "{} {}", "no JSON object"),
        ("list", "x" * 70_000, "no JSON object"),
        ("list", None, "edition"),
        ("alert", {"list": "l-1"}, "rev"),
        ("supervise", [{}, {}], "no JSON object"),
    ],
)
def test_a_body_that_nobody_could_judge_by_is_refused_before_it_is_signed(
    place: Path, kind: str, body: object, says: str
) -> None:
    if isinstance(body, list):
        Path("body").write_text("\n".join(json.dumps(one) for one in body), "utf-8")
    elif body != "lists":
        Path("body").write_text(body if isinstance(body, str) else json.dumps(body), "utf-8")
    given = [] if body is None else ["--body", "lists" if body == "lists" else "body"]
    told = order("send", "--kind", kind, "--id", "o-1", *given, "gw-3")
    assert (told.exit_code, "Traceback" in told.output) == (2, False)
    assert says in told.output
    assert bodies(place) == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--list", "l-2", "--level", "red", *TIMES, "gw-1"), "no reduction list l-2 was sent"),
        (
            ("--list", "l-1", "--level", "red", *TIMES, "gw-2"),
            "asks nothing at the level red; it has: orange",
        ),
        (("--list", "d-1", "--level", "red", *TIMES, "gw-1"), "no reduction list d-1 was sent"),
        (("--list", "l-1", "--level", "red", *TIMES[2:], *("--from", TIMES[3]), "gw-1"), "has to be later"),
    ],
)
def test_an_alert_that_asks_nothing_is_refused_for_all_gateways(
    place: Path, words: tuple[str, ...], says: str
) -> None:
    order("send", "--kind", "list", "--id", "l-1", "--body", "lists", "gw-1", "gw-2")
    order("send", "--kind", "supervise", "--id", "d-1", "gw-1")
    told = order("alert", "--id", "a-1", *words)
    assert told.exit_code == 2
    assert says in told.output
    assert not [id_ for _, id_ in bodies(place) if id_ == "a-1"]
