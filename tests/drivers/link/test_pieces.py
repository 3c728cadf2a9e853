"""Answers over a connection that come in pieces, down to single bytes, or behind an echo of their request."""

from collections.abc import Iterator

import pytest

from drivers.clock import SystemClock
from drivers.dlt645.codec import ReadId
from drivers.dlt645.transaction import Dlt645Transaction
from drivers.errors import DriverError
from drivers.link import port as link_port
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.link.transaction import BusStats
from drivers.link.verdict import Framing, Request
from drivers.modbus.transaction import ModbusTransaction
from drivers.poll.bus import MeterBus, open_bus
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Device
from tests.counterparts.ports import Manners, TcpPort, serve
from tests.counterparts.registers import Coded

CLOCK = SystemClock()
COUNT = 20
TIMEOUT_S = 0.1
FRAMINGS = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu over tcp"])


@pytest.fixture
def opened() -> Iterator[list[MeterBus]]:
    buses: list[MeterBus] = []
    yield buses
    for bus in buses:
        bus.close()


def is_of(words: bytes, unit: int, address: int) -> bool:
    """Whether each register says that it is of this unit and address."""
    return words[::2] == bytes((unit * 31 + (address + at) * 7) % 256 for at in range(COUNT))


@FRAMINGS
@pytest.mark.parametrize("piece_bytes", [1, 7])
def test_an_answer_whose_pieces_go_on_beyond_its_time_out_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, opened: list[MeterBus], *, rtu: bool, piece_bytes: int
) -> None:
    monkeypatch.setattr(link_port, "BROKEN_OFF_S", 10.0)  # a busy machine holds pieces up
    manners = Manners(piece_bytes=piece_bytes, piece_s=0.01 * piece_bytes)
    there = TcpPort(SerialBus([Device(1, Coded())]), rtu=rtu, manners=manners)
    with serve(there):
        bus = open_bus(there.url, CLOCK)
        opened.append(bus)
        for address in (0, 50):
            answer = bus.read(1, 3, address, COUNT, timeout_s=TIMEOUT_S, spare_registers=2)
            assert is_of(answer.words, 1, address)
            assert answer.latency_s > 2 * TIMEOUT_S
    assert bus.stats.timeouts == 0
    assert there.connections == 1


@FRAMINGS
def test_an_answer_that_breaks_off_is_given_up_and_the_next_one_is_right(
    monkeypatch: pytest.MonkeyPatch, opened: list[MeterBus], *, rtu: bool
) -> None:
    monkeypatch.setattr(link_port, "BROKEN_OFF_S", 0.2)
    there = TcpPort(SerialBus([Device(1, Coded())]), rtu=rtu, manners=Manners(piece_bytes=8, piece_s=600.0))
    with serve(there):
        bus = open_bus(there.url, CLOCK)
        opened.append(bus)
        with pytest.raises(DriverError, match="no whole answer"):
            bus.read(1, 3, 0, COUNT, timeout_s=TIMEOUT_S)
        there.manners = Manners()
        answer = bus.read(1, 3, 50, COUNT, timeout_s=TIMEOUT_S, spare_registers=2)
        assert is_of(answer.words, 1, 50)


@FRAMINGS
def test_an_echo_of_the_request_is_no_answer_and_its_answer_is_waited_for(
    opened: list[MeterBus], *, rtu: bool
) -> None:
    there = TcpPort(SerialBus([Device(1, Coded())]), rtu=rtu, manners=Manners(echoes=True))
    with serve(there):
        bus = open_bus(there.url, CLOCK, Ledger(queue=GatewayQueue(first_s=0.0)))
        opened.append(bus)
        for address in (0, 50):
            answer = bus.read(1, 3, address, COUNT, timeout_s=5.0, spare_registers=2)
            assert is_of(answer.words, 1, address)
        with pytest.raises(DriverError, match="no"):
            bus.read(2, 3, 0, COUNT, timeout_s=TIMEOUT_S)
    assert (bus.stats.foreign, bus.stats.collisions) == (0, 0)


@pytest.mark.parametrize(
    ("framing", "piece", "is_one"),
    [
        (Framing.TCP, "0001", True),
        (Framing.TCP, "", False),
        (Framing.RTU, "01", True),
        (Framing.RTU, "0103", True),
        (Framing.RTU, "0184", False),
        (Framing.RTU, "010308ff", True),
        (Framing.RTU, "0183", True),
        (Framing.RTU, "02", False),
        (Framing.RTU, "0103ff", False),
        (Framing.RTU, "", False),
    ],
)
def test_a_piece_is_told_from_noise(framing: Framing, piece: str, *, is_one: bool) -> None:
    request, stats = Request(1, 3, 0, 4), BusStats()
    buffer = bytes.fromhex(piece)
    modbus = ModbusTransaction(Ledger(), stats, framing, request, 1, 0.0, buffer=buffer)
    assert modbus.is_under_way is is_one


def test_a_frame_of_dlt645_has_begun_with_its_first_byte() -> None:
    read = ReadId("202611300007", 0x02030000, 3)
    for buffer, is_one in ((b"", False), (b"\xfe\xfe", False), (b"\xfe\x68\x07", True)):
        assert Dlt645Transaction(Ledger(), BusStats(), read, buffer=buffer).is_under_way is is_one
