"""Row 33: forged, foreign, old and doubled receipts, beacons and orders are ignored, each refusal is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.receipt import Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from tests.faults.gateway_end import CENTRE
from tests.faults.line import Line
from wire.messages import BEACON, Topics

OTHER: bytes = bytes(31) + b"\1"
TOPICS = Topics("g1")
SEALS = 6
Message = Callable[[Line], tuple[str, bytes]]


def receipt(line: Line, number: int, secret: bytes = CENTRE, gateway: str = "g1") -> bytes:
    digest = line.gateway.gateway.sealing.store.hash_of(number) or bytes(32)
    return sign_receipt(Receipt(gateway, number, digest, number, (), 0), secret)


def tip(line: Line) -> int:
    return line.gateway.outbox.tip


def changed(raw: bytes) -> bytes:
    return raw[:-1] + bytes((raw[-1] ^ 1,))


REJECTED: dict[str, Message] = {
    "another key": lambda line: (TOPICS.receipt, receipt(line, tip(line), OTHER)),
    "a changed bit": lambda line: (TOPICS.receipt, changed(receipt(line, tip(line)))),
    "no receipt at all": lambda _: (TOPICS.receipt, b"\xa1\x01\x02"),
    "empty": lambda _: (TOPICS.receipt, b""),
    "another gateway's": lambda line: (TOPICS.receipt, receipt(line, tip(line), gateway="g2")),
    "a beacon as receipt": lambda _: (TOPICS.receipt, sign_beacon(Beacon(1, 1), CENTRE)),
    "a forged beacon": lambda _: (BEACON, sign_beacon(Beacon(1, 1), OTHER)),
    "a receipt as beacon": lambda line: (BEACON, receipt(line, tip(line))),
    "a forged order": lambda _: (TOPICS.order, b"stop everything"),
}


@pytest.mark.parametrize("name", list(REJECTED))
def test_33_what_is_not_the_centres_word_moves_nothing_and_is_told(tmp_path: Path, name: str) -> None:
    with Line(tmp_path) as line:
        line.seal(2)
        line.deliver()
        line.centre.there = False
        line.gateway.seal(SEALS)
        before = line.gateway.outbox.received
        line.broker.publish(*REJECTED[name](line))
        line.until(lambda: bool(line.gateway.gateway.sealing.waits))
        line.witness.rejections += 1
        line.gateway.seal()
        assert line.gateway.outbox.received == before
        assert line.gateway.gateway.courier.prunable_below() <= before
        assert [body["count"] for body in line.gateway.find_events("message rejected")] == [1]
        line.centre.there = True
        line.heal()
        line.check()


def test_33_a_receipt_for_another_seal_of_that_number_is_a_fork_and_prunes_nothing(tmp_path: Path) -> None:
    with Line(tmp_path) as line:
        line.seal(2)
        line.deliver()
        line.centre.there = False
        line.gateway.seal(SEALS)
        before = line.gateway.outbox.received
        wrong = sign_receipt(Receipt("g1", tip(line), OTHER, tip(line), (), 0), CENTRE)
        line.broker.publish(TOPICS.receipt, wrong)
        line.until(lambda: "fork" in line.gateway.outbox.status().alarms)
        line.witness.rejections += 1
        line.gateway.seal()
        assert line.gateway.outbox.received == before
        assert line.gateway.find_events("delivery fork")
        line.centre.there = True
        line.heal()
        line.check()


def test_33_old_and_doubled_receipts_change_nothing(tmp_path: Path) -> None:
    """The broker may keep and repeat whatever the centre has ever signed."""
    with Line(tmp_path) as line:
        line.seal(SEALS)
        line.deliver()
        received = line.gateway.outbox.received
        for number in (1, received, 3, received, 1):
            line.broker.publish(TOPICS.receipt, receipt(line, number))
        for _ in range(20):
            conflict = Conflict(2, line.gateway.gateway.sealing.store.hash_of(1) or b"")
            old = Receipt("g1", 1, conflict.hash, 1, (), 0, conflict)
            line.broker.publish(TOPICS.receipt, sign_receipt(old, CENTRE))
        line.seal(2)
        line.deliver()
        assert line.gateway.outbox.received == received + 2
        assert not line.gateway.find_events("message rejected")
        line.check()
