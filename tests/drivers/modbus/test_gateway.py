"""A gateway with one serial line on a real socket: one request is owed, and what comes late is used."""

import pytest

from drivers.clock import SystemClock
from drivers.errors import ExceptionReplyError, ReplyTimeoutError
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.poll.bus import open_bus
from tests.counterparts.bus import Says, SerialBus
from tests.counterparts.device import Device, fixed
from tests.counterparts.ports import TcpPort, serve
from tests.counterparts.registers import Coded

CLOCK = SystemClock()
COUNT = 4
FRAMINGS = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu over tcp"])


def is_of(words: bytes, unit: int, address: int) -> bool:
    return words[::2] == bytes((unit * 31 + (address + at) * 7) % 256 for at in range(COUNT))


@FRAMINGS
@pytest.mark.parametrize(("says", "code"), [(Says.EXCEPTION_11, 11), (Says.EXCEPTION_10, 10)])
def test_an_absent_meter_holds_the_gateway_and_its_queue_stays_empty(
    *, rtu: bool, says: Says, code: int
) -> None:
    there = SerialBus([Device(17, Coded()), Device(18, Coded())], waits_s=0.3, says=says)
    with serve(TcpPort(there, rtu=rtu)) as (port,):
        bus = open_bus(port.url, CLOCK, Ledger(duplicate_max_s=0.02))
        for address in (0, 40):
            with pytest.raises(ExceptionReplyError) as refused:
                bus.read(5, 3, address, COUNT, timeout_s=0.05, spare_registers=3)
            assert refused.value.code == code
            for unit in (17, 18):
                answer = bus.read(unit, 3, address, COUNT, timeout_s=0.2, spare_registers=3)
                assert is_of(answer.words, unit, address)
        bus.close()
    assert there.owed_max == 1


@FRAMINGS
def test_an_answer_behind_its_time_out_is_the_reading_that_was_asked_for(*, rtu: bool) -> None:
    there = SerialBus([Device(1, Coded(), answers=fixed(0.3))], waits_s=1.0)
    with serve(TcpPort(there, rtu=rtu)) as (port,):
        bus = open_bus(port.url, CLOCK)
        answer = bus.read(1, 3, 10, COUNT, timeout_s=0.05)
        bus.close()
    assert is_of(answer.words, 1, 10)
    assert answer.latency_s >= 0.3
    assert there.owed_max == 1


def test_a_gateway_that_says_nothing_is_learned_and_the_live_meters_are_read() -> None:
    there = SerialBus([Device(17, Coded())], waits_s=0.7, says=Says.NOTHING)
    with serve(TcpPort(there)) as (port,):
        ledger = Ledger(queue=GatewayQueue(first_s=1.2))
        bus = open_bus(port.url, CLOCK, ledger)
        for address in range(5):
            assert is_of(bus.read(17, 3, address, COUNT, timeout_s=0.2).words, 17, address)
            with pytest.raises(ReplyTimeoutError):
                bus.read(5, 3, address, COUNT, timeout_s=0.05)
        assert is_of(bus.read(17, 3, 90, COUNT, timeout_s=0.2).words, 17, 90)
        bus.close()
    assert ledger.queue.held_s
    assert there.owed_max <= 2
