"""Rows 27 to 30: a broker that refuses: by ACL, size or window, because it is busy or sees a clone."""

import time
from pathlib import Path

import pytest
from attrs import evolve

from agent.uplink.delivery import Alarm, Limits
from tests.faults.gateway_end import HASTY, QUICK
from tests.faults.line import Line
from tests.faults.scripted_broker import DROP, HANG_UP, SWALLOW, Manners
from wire.messages import Kind
from wire.mqtt_events import PACKET_TOO_LARGE

REFUSED = 0x87
SEARCH_S = 90.0
"""A dozen packets refused one after the other, each with its pause, on a loaded machine."""


def evidence(topic: str) -> bool:
    return topic.rpartition("/")[2] in {Kind.SEAL, Kind.CHAIN, Kind.BODY}


def test_27_a_refusal_by_the_acl_is_an_alarm_and_nothing_is_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Line(tmp_path) as line:
        line.seal(3)
        line.deliver()
        line.broker.manners.puback = lambda topic: REFUSED if evidence(topic) else 0
        monkeypatch.setattr(line.gateway.gateway.sealing.store, "used_fraction", lambda: 0.8)
        line.seal(6)
        line.until(lambda: Alarm.NOT_AUTHORIZED in line.gateway.outbox.status().alarms)
        line.seal(3)
        first = line.gateway.gateway.sealing.store.first_number()
        assert first is not None
        assert first <= line.gateway.outbox.received < line.gateway.outbox.tip
        (event,) = line.gateway.find_events("delivery not_authorized")
        assert "0x87" in event["text"]
        line.witness.rejections += 1
        line.broker.manners.puback = lambda _: 0
        line.heal()
        assert not line.gateway.outbox.status().alarms
        line.check()


@pytest.mark.parametrize("most", [512, 1_024, 2_048, 4_096, 16_384])
def test_28_small_packets_that_the_broker_names_carry_everything(tmp_path: Path, most: int) -> None:
    with Line(tmp_path, Manners(packet_bytes_max=most), meters=20) as line:
        line.gateway.seal(30)
        line.deliver()
        assert line.broker.largest <= most
        assert not line.gateway.outbox.status().alarms
        line.broker.manners.packet_bytes_max = None
        line.broker.cut()
        line.heal()
        line.check()


@pytest.mark.parametrize("code", [PACKET_TOO_LARGE, -PACKET_TOO_LARGE, 0x97, 0x80, HANG_UP, SWALLOW, DROP])
def test_28_small_packets_that_the_broker_does_not_name_are_learned(tmp_path: Path, code: int) -> None:
    limits = evolve(QUICK, ack_stall_s=0.5)
    with Line(tmp_path, Manners(takes_max=1_024, too_large=code), meters=20, limits=limits) as line:
        line.gateway.seal(30)
        line.deliver(within_s=SEARCH_S)
        status = line.gateway.outbox.status()
        assert 256 < (status.packet_bytes_max or 0) <= 1_024
        line.until(lambda: not line.gateway.outbox.status().alarms)
        line.gateway.seal(5)
        line.deliver()
        line.witness.rejections += 1
        (event,) = line.gateway.find_events("delivery packet_size")[-1:]
        assert "the broker takes no packet of " in event["text"]
        line.check()


def test_28_a_broker_too_small_for_a_seal_gets_none_and_is_named(tmp_path: Path) -> None:
    with Line(tmp_path, Manners(packet_bytes_max=300)) as line:
        line.seal(3)
        line.until(lambda: Alarm.OVERSIZE in line.gateway.outbox.status().alarms)
        assert line.broker.largest <= 300
        line.witness.rejections += 1
        line.broker.manners.packet_bytes_max = 4_096
        line.broker.cut()
        line.heal()
        (event,) = line.gateway.find_events("delivery oversize")
        assert "300 bytes" in event["text"]
        assert not line.gateway.outbox.status().alarms
        line.check()


def test_29_a_window_of_one_is_slower_and_never_exceeded(tmp_path: Path) -> None:
    with Line(tmp_path, Manners(receive_maximum=1, ack_after_s=0.01)) as line:
        line.gateway.seal(40)
        line.deliver()
        assert line.gateway.outbox.status().window == 1
        assert line.broker.exceeded == 0
        assert line.broker.connects == 1
        line.check()


@pytest.mark.parametrize("code", [0x97, 0x93])
def test_30_a_broker_that_is_too_busy_is_left_in_peace_and_served_slowly(tmp_path: Path, code: int) -> None:
    """0x97 refuses a message, 0x93 ends the connection; both halve the window and make pauses that grow."""
    limits = Limits(settle_s=0.02, stall_s=5.0, busy_s=0.05, busy_longest_s=1.0)
    asked: list[str] = []
    with Line(tmp_path, limits=limits) as line:
        line.seal(2)
        line.deliver()

        def busy(topic: str) -> int | None:
            if not evidence(topic):
                return 0
            asked.append(topic)
            return code if code == 0x97 else -code

        line.broker.manners.puback = busy
        line.gateway.seal(40)
        line.until(lambda: line.gateway.outbox.status().window == 1)
        refused = len(asked)
        line.until(lambda: len(asked) > refused)
        assert len(asked) <= 60, "a window at first, then fewer and fewer"
        assert Alarm.REFUSED in line.gateway.outbox.status().alarms
        line.seal()
        line.witness.rejections += len(asked)
        line.broker.manners.puback = lambda _: 0
        line.heal()
        (event,) = line.gateway.find_events("delivery refused")
        assert f"{code:#04x}" in event["text"]
        line.check()


def test_30_another_client_of_the_same_name_is_a_clone_alarm_and_no_fight(tmp_path: Path) -> None:
    longest_s = 0.6
    with Line(tmp_path, network={**HASTY, "reconnect_longest_s": longest_s}) as line:
        line.seal(2)
        line.deliver()
        line.broker.disconnect(0x8E)
        line.until(lambda: bool(line.gateway.ends))
        thrown_out_s = time.monotonic()
        assert line.gateway.ends[-1].reason_code == 0x8E
        line.until(lambda: line.broker.connects == 2)
        assert time.monotonic() - thrown_out_s > longest_s / 4, "not at once: two must not fight"
        line.witness.rejections += 1
        line.heal()
        (event,) = line.gateway.find_events("delivery clone")
        assert "another client" in event["text"]
        line.check()
