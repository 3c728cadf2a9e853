"""Which site file a gateway kept last, whatever else it was sent."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from centre.orders.board import Come, GatewayBoard
from centre.orders.ledger import add_line, open_ledger, order_line, root_line, statement_line
from evidence import keys
from evidence.orders.order import hash_order
from provisioning.care.drift import find_kept
from tests.agent.care.lives import FREE, SEALED, SITE, body_of
from tests.evidence.orders import made

FILES = {("c1", 1): FREE, ("c2", 1): SITE, ("c1", 2): SEALED}
"""By order and revision, in the order in which they were sent."""


@pytest.mark.parametrize(
    ("done", "order"),
    [
        ([], None),
        ([("c1", 1)], ("c1", 1)),
        ([("c1", 1), ("c2", 1)], ("c2", 1)),
        ([("c1", 1), ("c2", 1), ("c1", 2)], ("c1", 2)),
        ([("c2", 1), ("c1", 1)], ("c1", 1)),
    ],
    ids=["none", "a revision that followed was not kept", "the last", "a later revision", "begun later"],
)
def test_what_the_gateway_kept_last_counts(
    tmp_path: Path, done: list[tuple[str, int]], order: tuple[str, int] | None
) -> None:
    path, board = tmp_path / "orders", GatewayBoard()
    lines = [root_line(keys.public(made.ROOT)), *map(statement_line, made.STATEMENTS)]
    for seq, (name, text) in enumerate(FILES.items(), start=1):
        head: dict[str, Any] = {"id": name[0], "rev": name[1], "seq": seq, "kind": "config"}
        raw = made.signed(**head, due_utc_ms=None, body=body_of(text, SITE if text != SITE else FREE))
        lines.append(order_line(raw))
        answers = [{"state": "accepted", "seal": 1}]
        answers += [{"state": "done", "seal": 10 + done.index(name)}] if name in done else []
        board.come[hash_order(raw)] = Come(1, state="held", answers=answers)
    for line in lines:
        add_line(path, line)
    kept = find_kept(open_ledger(path), {"g1": board})
    assert kept == ({} if order is None else {"g1": (order[0], sha256(FILES[order].encode()).hexdigest())})
