"""The whole life of an order, cut before and after every step: sealed, shown, answered, closed exactly once.

A step is what reaches the gateway: a message of the centre, a letter of the page. A power cut loses what no
seal held (a kill loses less: the spool, `tests/plant`), and broker and page bring it once more; what was
sealed is not told again though they do.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.inbox import drop, name_letter
from evidence.record import Kind, Record
from tests.agent.orders.test_orders import give
from tests.agent.rig import Rig
from tests.evidence.orders import made
from wire import orders as wire

MARK = {
    "subject": ["line", "p1"], "family": "production", "code": "stop", "from_s": 1, "to_s": None,
    "source": "manual", "by": "王", "reason": "检修", "files": [], "supersedes": None, "edition": "2026-11",
}  # fmt: skip
DECLARED = {"what": "declare", "mark": MARK}
ANSWER = {"what": "answer", "order": "o1", "by": "王", "at": 5, "text": "检修", "files": []}


def send(name: str, **changes: Any) -> Callable[[Rig], None]:
    return lambda rig: give(rig, made.message(**changes), wire.order_topic("g1", name))


def letter(**body: Any) -> Callable[[Rig], None]:
    return lambda rig: void(drop(rig.folder / "state", body, sum(map(ord, str(sorted(body.items()))))))


def void(_: object) -> None:
    """A path that nobody needs."""


STEPS: list[Callable[[Rig], None]] = [
    send("o1"),
    letter(what="shown", order="o1", rev=1),
    letter(**DECLARED),
    letter(**ANSWER, state="declared", mark=name_letter(DECLARED)),
    send("k1", id="k1", seq=2, kind="check", body={"order": "o1", "closed": False, "text": "不实"}),
    letter(**ANSWER, state="done"),
    send("k2", id="k2", seq=3, kind="check", body={"order": "o1", "closed": True, "text": "属实"}),
]
MESSAGES = (0, 4, 6)
"""The steps that the broker retains and repeats; the others are letters."""
TOLD = [
    "held o1", "received o1", "shown o1", "mark", "declared o1", "held k1", "received k1", "done o1",
    "held k2", "received k2",
]  # fmt: skip


def told(rig: Rig) -> list[str]:
    found = []
    for one in rig.records():
        if isinstance(one, Record) and one.kind is Kind.ORDER and one.body["what"] == "order":
            found.append(f"{one.body['state']} {one.body['id']}")
        elif isinstance(one, Record) and one.kind is Kind.ANSWER:
            found.append(f"{one.body['state']} {one.body['order']}")
        elif isinstance(one, Record) and one.kind is Kind.MARK:
            found.append("mark")
        elif isinstance(one, Record) and one.kind is Kind.EVENT:
            assert one.body["what"] != "postbox", one.body
    return found


def live(rig: Rig) -> None:
    """Long enough for the inbox to be looked at, and for a seal."""
    rig.run(10, 40_000, 9_000)


@pytest.mark.parametrize("at", range(len(STEPS)))
@pytest.mark.parametrize("moment", ["before the seal", "after it"])
def test_an_order_is_obeyed_and_told_once_whatever_ends_the_gateway_in_between(
    tmp_path: Path, at: int, moment: str
) -> None:
    rig = Rig(tmp_path / "first")
    rig.connect()
    for number, step in enumerate(STEPS):
        step(rig)
        if number == at:
            if moment == "after it":
                live(rig)
            rig = rig.killed(tmp_path / "second", boot_id=b"second boot.....")
            rig.connect()
            step(rig)  # the broker has it retained, and the page tells it again
        live(rig)
    assert told(rig) == TOLD
    assert [one["state"] for one in rig.parts.orders.list_open(rig.stamp())] == ["closed"]
    rig.close()
