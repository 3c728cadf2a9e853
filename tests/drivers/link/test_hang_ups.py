"""Gateways that hang up: after each answer, when idle, in the middle of an answer, at one request, at all."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from drivers.clock import SystemClock
from drivers.dlt645.bus import Dlt645Bus
from drivers.errors import BusDownError, ReplyError
from drivers.link import port as link_port
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.link.transaction import Answer
from drivers.poll.bus import MeterBus, open_bus
from tests.counterparts.bus import Says, SerialBus
from tests.counterparts.device import Device
from tests.counterparts.dlt645 import Dlt645Device, Dlt645Stream
from tests.counterparts.ports import Manners, Second, TcpPort, serve
from tests.counterparts.registers import Coded

CLOCK = SystemClock()
COUNT = 4
FRAMINGS = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu over tcp"])
ENDS = pytest.mark.parametrize("by_rst", [False, True], ids=["end of file", "rst"])


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


OPENED: list[MeterBus] = []


def opened(bus: MeterBus) -> MeterBus:
    """A bus that is closed behind the test."""
    OPENED.append(bus)
    return bus


def ledger() -> Ledger:
    return Ledger(duplicate_max_s=0.01, queue=GatewayQueue(first_s=0.0))


def read(bus: MeterBus, unit: int, address: int) -> Answer:
    """Spare registers as the models allow them: without, RTU would have to rest after each hang-up."""
    return bus.read(unit, 3, address, COUNT, timeout_s=1, spare_registers=6)


def is_of(words: bytes, unit: int, address: int) -> bool:
    """Whether each register says that it is of this unit and address."""
    return words[::2] == bytes((unit * 31 + (address + at) * 7) % 256 for at in range(COUNT))


@FRAMINGS
@ENDS
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_gateway_that_hangs_up_after_some_answers_costs_no_reading(
    *, rtu: bool, by_rst: bool, after: int
) -> None:
    bus = SerialBus([Device(1, Coded()), Device(2, Coded())])
    with serve(TcpPort(bus, rtu=rtu, manners=Manners(hangs_up_after=after, by_rst=by_rst))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        for number in range(6):
            unit, address = number % 2 + 1, 10 * number
            assert is_of(read(ours, unit, address).words, unit, address)
        assert there.connections >= 6 // after
        assert bus.owed_max == 1


@FRAMINGS
@ENDS
def test_a_gateway_that_hangs_up_on_the_idle_costs_no_reading(*, rtu: bool, by_rst: bool) -> None:
    bus = SerialBus([Device(1, Coded())])
    with serve(TcpPort(bus, rtu=rtu, manners=Manners(by_rst=by_rst))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        for address in (0, 50, 90):
            assert is_of(read(ours, 1, address).words, 1, address)
            there.hang_up()
        assert there.connections == 3
        assert len(bus.asked) == 3, "found before anything was sent"


@FRAMINGS
def test_an_answer_that_is_cut_is_asked_for_once_more(*, rtu: bool) -> None:
    bus = SerialBus([Device(1, Coded())])
    with serve(TcpPort(bus, rtu=rtu, manners=Manners(cuts_every=2))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        for address in (0, 50, 90):
            assert is_of(read(ours, 1, address).words, 1, address)


@FRAMINGS
@ENDS
def test_a_gateway_that_hangs_up_at_an_absent_meter_spoils_only_that_one(*, rtu: bool, by_rst: bool) -> None:
    bus = SerialBus([Device(1, Coded())], waits_s=0.05, says=Says.HANGS_UP)
    with serve(TcpPort(bus, rtu=rtu, manners=Manners(by_rst=by_rst))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        for address in (0, 50):
            assert is_of(read(ours, 1, address).words, 1, address)
            with pytest.raises(ReplyError, match="instead of an answer, twice"):
                read(ours, 2, address)
        assert is_of(read(ours, 1, 90).words, 1, 90)
        assert len(bus.times(2)) == 4, "each once more and no oftener"


def test_a_device_that_listens_only_while_it_has_no_client_is_found_again() -> None:
    bus = SerialBus([Device(1, Coded())])
    manners = Manners(hangs_up_after=1, clients=1, second=Second.REFUSED)
    with serve(TcpPort(bus, manners=manners)) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        for address in (0, 50, 90):
            assert is_of(read(ours, 1, address).words, 1, address)


def test_a_dlt645_converter_that_hangs_up_after_each_answer_costs_no_reading() -> None:
    number = 0x202611300007
    bus = SerialBus([Dlt645Device(f"{number:012X}")])
    with serve(TcpPort(bus, stream=Dlt645Stream, manners=Manners(hangs_up_after=1))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, Ledger(duplicate_max_s=0.01)))
        assert isinstance(ours, Dlt645Bus)
        for _ in range(3):
            assert ours.read(number, 17, 0x00010000, 4, timeout_s=1).words
        assert there.connections == 3


@contextlib.contextmanager
def door(*, half: bool) -> Iterator[tuple[int, list[int]]]:
    """The port of a listener that drops every connection at once, or closes its own half; and their sizes."""
    listener, came = socket.create_server(("127.0.0.1", 0)), list[int]()
    kept: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listener.accept()
                came.append(len(came))
                if half:
                    link.shutdown(socket.SHUT_WR)
                    kept.append(link)
                else:
                    link.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], came
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for link in kept:
            link.close()


@FRAMINGS
@pytest.mark.parametrize("half", [False, True], ids=["closed", "half closed"])
def test_who_drops_every_connection_is_called_no_faster_than_the_limit(
    monkeypatch: pytest.MonkeyPatch, *, rtu: bool, half: bool
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(link_port.time, "sleep", pauses.append)
    with door(half=half) as (port, came):
        ours = opened(open_bus(f"{'rtu+' * rtu}tcp://127.0.0.1:{port}", CLOCK, ledger()))
        for unit in range(4):
            with pytest.raises(ReplyError, match="instead of an answer, twice"):
                read(ours, unit, 0)
    limited = [pause for pause in pauses if pause == link_port.UNANSWERED_PAUSE_S]
    assert len(came) <= len(limited) + link_port.UNANSWERED_MAX + 1


def test_a_connection_that_cannot_be_made_is_a_bus_that_is_down_after_a_hang_up_too() -> None:
    with serve(TcpPort(SerialBus([Device(1, Coded())]), manners=Manners(hangs_up_after=1))) as (there,):
        ours = opened(open_bus(there.url, CLOCK, ledger()))
        read(ours, 1, 0)
    with pytest.raises(BusDownError, match="refused"):
        read(ours, 1, 0)
