"""Converters that do not copy the transaction id: what is said of them, and how they are read."""

from collections.abc import Iterator

import pytest

from drivers.clock import SystemClock
from drivers.errors import BusUrlError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.bus_url import IGNORED_IDS, parse_url
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.link.transport import TcpPipe
from drivers.link.verdict import Signature
from drivers.modbus.transaction_ids import ANSWERED_KEPT, ID_MAX, OWED_MAX, TransactionIds
from drivers.poll.bus import MeterBus, open_bus
from tests.counterparts.bus import SerialBus
from tests.counterparts.device import Device, Mishap, lacking
from tests.counterparts.ports import Manners, TcpPort, Transaction, serve
from tests.counterparts.registers import Coded
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_tcp, words

CLOCK = SystemClock()
COUNT = 4
FOREIGN = [one for one in Transaction if one is not Transaction.COPIED]
A = Signature(1, 3, 4)


@pytest.fixture
def opened() -> Iterator[list[MeterBus]]:
    buses: list[MeterBus] = []
    yield buses
    for bus in buses:
        bus.close()


def is_of(data: bytes, unit: int, address: int) -> bool:
    return data[::2] == bytes((unit * 31 + (address + at) * 7) % 256 for at in range(COUNT))


@pytest.mark.parametrize("how", FOREIGN, ids=lambda one: one.value)
def test_a_converter_with_ids_of_its_own_is_told_for_what_it_is(
    how: Transaction, opened: list[MeterBus]
) -> None:
    with serve(TcpPort(SerialBus([Device(1, Coded())]), manners=Manners(transaction=how))) as (there,):
        bus = open_bus(there.url, CLOCK)
        opened.append(bus)
        with pytest.raises(ReplyError, match=r"id \d+ where 1 was asked: the converter does not copy it"):
            bus.read(1, 3, 10, COUNT, timeout_s=5)


@pytest.mark.parametrize("how", Transaction, ids=lambda one: one.value)
def test_with_ids_ignored_it_is_read(how: Transaction, opened: list[MeterBus]) -> None:
    device = SerialBus([Device(1, Coded()), Device(2, Coded())])
    with serve(TcpPort(device, manners=Manners(transaction=how))) as (there,):
        bus = open_bus(f"{there.url}?{IGNORED_IDS}", CLOCK, Ledger(duplicate_max_s=0.05))
        opened.append(bus)
        for number in range(6):
            unit, address = number % 2 + 1, 10 * number
            assert is_of(bus.read(unit, 3, address, COUNT, timeout_s=2).words, unit, address)
        assert device.owed_max == 1


@pytest.mark.parametrize("how", [Transaction.ZERO, Transaction.PLUS_ONE, Transaction.SWAPPED])
@pytest.mark.parametrize("ignored", ["", f"?{IGNORED_IDS}"])
def test_a_refusal_with_an_id_of_its_own_is_believed_where_nothing_else_is_owed(
    how: Transaction, ignored: str, opened: list[MeterBus]
) -> None:
    line = SerialBus([Device(1, Coded(), missing=lacking(range(90, 95), 2))], waits_s=0.05)
    with serve(TcpPort(line, manners=Manners(refusals=how))) as (there,):
        bus = open_bus(f"{there.url}{ignored}", CLOCK, Ledger(duplicate_max_s=0.05))
        opened.append(bus)
        for address, code in ((10, 0), (90, 2), (30, 0), (92, 2)):
            if code:
                with pytest.raises(ExceptionReplyError, match="exception 2"):
                    bus.read(1, 3, address, COUNT, timeout_s=5, spare_registers=2)
            else:
                words_ = bus.read(1, 3, address, COUNT, timeout_s=5, spare_registers=2).words
                assert is_of(words_, 1, address)
            CLOCK.sleep(0.1)
        for address in (0, 50):
            with pytest.raises(ExceptionReplyError, match="exception 11"):
                bus.read(9, 3, address, COUNT, timeout_s=5, spare_registers=2)


def test_with_ids_ignored_a_late_answer_is_never_that_to_other_registers(opened: list[MeterBus]) -> None:
    """The ledger of RTU: equal counts rest while an answer may come, other counts are told apart."""
    held: list[bytes] = []

    def script(asked: Asked, device: ScriptedMeter) -> None:
        held.append(device.reply(Asked(asked.unit_id, asked.function, asked.address, asked.count, 0)))
        if len(held) > 1:
            device.send(b"".join(held))

    with on_tcp(script) as device:
        ledger = Ledger(late_max_s=60.0, queue=GatewayQueue(first_s=0.0))
        bus = open_bus(f"{device.url}?{IGNORED_IDS}", CLOCK, ledger)
        opened.append(bus)
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, COUNT, timeout_s=0.05)
        with pytest.raises(ReplyTimeoutError, match="not asked"):
            bus.read(1, 3, 50, COUNT, timeout_s=0.05)
        late = bus.read(1, 3, 50, COUNT, timeout_s=2, spare_registers=2)
        assert late.words == words(Asked(1, 3, 50, COUNT))
        assert bus.stats.late == 1


def test_with_ids_ignored_mishaps_of_the_line_give_no_wrong_value(opened: list[MeterBus]) -> None:
    mishaps = {Mishap.LOST: 0.1, Mishap.LATE: 0.1, Mishap.DOUBLED: 0.2}
    units = [Device(unit, Coded(), mishaps=mishaps, late_s=0.15, seed=unit) for unit in (1, 2)]
    there = TcpPort(SerialBus(units), manners=Manners(transaction=Transaction.ZERO))
    right = 0
    with serve(there):
        ledger = Ledger(queue=GatewayQueue(first_s=0.0))
        bus = open_bus(f"{there.url}?{IGNORED_IDS}", CLOCK, ledger)
        opened.append(bus)
        for number in range(40):
            unit, address = number % 2 + 1, 3 * number
            try:
                answer = bus.read(unit, 3, address, COUNT, timeout_s=0.1, spare_registers=6)
            except (ReplyError, ReplyTimeoutError):
                continue
            assert is_of(answer.words, unit, address)
            right += 1
    assert right > 5, "each time-out keeps a count from its unit"


def test_the_second_copy_of_an_answer_is_no_sign_of_such_a_converter(opened: list[MeterBus]) -> None:
    kept: list[bytes] = []

    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(b"".join([*kept, device.reply(asked)]))
        kept[:] = [device.reply(asked)]

    with on_tcp(script) as device:
        bus = open_bus(device.url, CLOCK)
        opened.append(bus)
        for address in (10, 50, 90):
            assert bus.read(1, 3, address, COUNT, timeout_s=1).words == words(Asked(1, 3, address, COUNT))


def test_ids_begin_again_after_the_last_and_leave_0_out() -> None:
    ids = TransactionIds()
    assert [ids.take_next() for _ in range(ID_MAX + 1)] == [*range(1, ID_MAX + 1), 1]


def test_what_is_owed_is_taken_once_and_forgotten_with_the_connection() -> None:
    ids = TransactionIds()
    ids.note_silence(7, 1.5)
    ids.note_silence(8, 2.5)
    assert (ids.take_owed(7), ids.take_owed(7), ids.take_owed(9)) == (1.5, None, None)
    ids.forget()
    assert ids.take_owed(8) is None


def test_only_the_last_ids_are_remembered() -> None:
    ids = TransactionIds()
    for number in range(1, OWED_MAX + 2):
        ids.note_silence(number, 0.0)
        ids.note_answer(number, A)
    assert ids.take_owed(1) is None
    assert ids.take_owed(2) == 0.0
    assert [ids.has_answered(OWED_MAX + 1 - back, A) for back in (0, ANSWERED_KEPT - 1, ANSWERED_KEPT)] == [
        True, True, False,
    ]  # fmt: skip
    assert not ids.has_answered(OWED_MAX + 1, Signature(1, 3, 5))


def test_the_url_says_that_ids_are_ignored() -> None:
    plain, ignoring = parse_url("tcp://host:502"), parse_url(f"tcp://host:502?{IGNORED_IDS}")
    assert isinstance(ignoring.pipe, TcpPipe)
    assert (plain.ignores_ids, ignoring.ignores_ids) == (False, True)
    for url in (f"rtu+tcp://host:1?{IGNORED_IDS}", "tcp://host?transaction_id=0", "tcp://host?other=1"):
        with pytest.raises(BusUrlError, match="may follow host and port"):
            parse_url(url)
