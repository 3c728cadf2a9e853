"""The counterparts themselves, asked by mbpoll (libmodbus) and by bare sockets."""

import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import termios
import time
import tty
from collections.abc import Iterator

import pytest

from tests.counterparts.bus import Overflow, Says, SerialBus
from tests.counterparts.device import (
    SILENT,
    AfterRestart,
    Device,
    Mishap,
    Over,
    drawn,
    fixed,
    growing,
    lacking,
)
from tests.counterparts.dlt645 import Dlt645Device, Dlt645Stream
from tests.counterparts.frames import Request, crc, rtu_frame, tcp_frame
from tests.counterparts.ports import Manners, PtyPort, Second, TcpPort, Transaction, serve
from tests.counterparts.registers import (
    DTSU666,
    PM5XXX,
    SDM630,
    UMG96RM,
    Coded,
    FloatMap,
    is_right,
    second_of,
)
from tests.counterparts.sunspec import Common, Inverter, Meter, sunspec_map

PATIENCE_S = 5.0
QUIET_S = 0.3
READ = bytes.fromhex("04 0034 0002")


def mbpoll(port: TcpPort, unit: int, address: int, count: int = 1, kind: str = "3:float") -> tuple[int, str]:
    """Exit code and output of one poll."""
    if shutil.which("mbpoll") is None:
        pytest.fail("mbpoll is missing: apt install mbpoll")
    argv = ["mbpoll", "-1", "-0", "-B", "-q", "-o", "2", "-m", "tcp", "-p", str(port.port), "-t", kind]
    argv += ["-a", str(unit), "-r", str(address), "-c", str(count), port.host]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def connected(port: TcpPort) -> Iterator[socket.socket]:
    with socket.create_connection((port.host, port.port), PATIENCE_S) as plug:
        yield plug


def ask(plug: socket.socket, unit: int = 1, pdu: bytes = READ, number: int = 1) -> bytes:
    plug.sendall(tcp_frame(number, unit, pdu))
    return receive(plug)


def receive(plug: socket.socket) -> bytes:
    """One TCP frame; b"" at the end of the file or after a while of silence."""
    plug.settimeout(PATIENCE_S)
    head = plug.recv(6, socket.MSG_WAITALL)
    if len(head) < 6:
        return head
    return head + plug.recv(struct.unpack(">H", head[4:])[0], socket.MSG_WAITALL)


def silent(plug: socket.socket) -> bool:
    plug.settimeout(QUIET_S)
    try:
        return plug.recv(1) == b"never"
    except TimeoutError:
        return True


def ended(plug: socket.socket) -> str:
    """How the other side hangs up: "end", "reset" or "data"."""
    plug.settimeout(PATIENCE_S)
    try:
        return "data" if plug.recv(1024) else "end"
    except ConnectionResetError:
        return "reset"


def test_mbpoll_reads_values_that_say_whose_they_are() -> None:
    with serve(TcpPort(SerialBus([Device(1), Device(7)]))) as (port,):
        for unit in (1, 7):
            code, output = mbpoll(port, unit, 0x34)
            assert code == 0, output
        frame = ask_once(port, 7)
        power = struct.unpack(">f", frame[9:13])[0]
        assert is_right(SDM630, 0x34, 7, power)
        assert not is_right(SDM630, 0x34, 6, power)
        assert not is_right(SDM630, 0x0C, 7, power)


def ask_once(port: TcpPort, unit: int = 1, pdu: bytes = READ) -> bytes:
    with connected(port) as plug:
        return ask(plug, unit, pdu)


def test_mbpoll_reads_integers_of_a_device_with_a_register_everywhere() -> None:
    with serve(TcpPort(SerialBus([Device(3, Coded())]))) as (port,):
        code, output = mbpoll(port, 3, 100, 2, kind="4:hex")
        assert code == 0, output
        words = [int(text, 16) for text in re.findall(r"0x([0-9A-F]{4})", output)]
        assert [word >> 8 for word in words] == [(3 * 31 + 7 * at) % 256 for at in (100, 101)]


@pytest.mark.parametrize("unit", [1, 2, 100, 247])
@pytest.mark.parametrize(
    "table", [SDM630, DTSU666, UMG96RM, PM5XXX], ids=["SDM630", "DTSU666", "UMG96RM", "PM5"]
)
def test_no_value_passes_for_that_of_another_unit_or_address(table: FloatMap, unit: int) -> None:
    for address in table.bases:
        for second in (0, 17, 63, 64):
            (value,) = struct.unpack(">f", struct.pack(">f", table.value(unit, address, second)))
            assert second_of(table, address, unit, value) == second % 64
            assert [one for one in range(256) if is_right(table, address, one, value)] == [unit]
            assert [one for one in table.bases if is_right(table, one, unit, value)] == [address]


ABSENT = [
    (Says.EXCEPTION_11, bytes.fromhex("84 0b")),
    (Says.EXCEPTION_10, bytes.fromhex("84 0a")),
]


@pytest.mark.parametrize(("says", "pdu"), ABSENT)
def test_a_gateway_waits_for_an_absent_device_and_says_so(says: Says, pdu: bytes) -> None:
    bus = SerialBus([Device(1), Device(9, present=False)], waits_s=0.3, says=says)
    with serve(TcpPort(bus)) as (port,), connected(port) as plug:
        assert ask(plug, 9)[7:] == pdu
        assert ask(plug, 1)[7] == 4
    assert bus.spent_s[9] >= 0.3
    assert bus.spent_s[1] < 0.3
    assert [one.unit for one in bus.asked] == [9, 1]


def test_a_gateway_says_nothing_or_hangs_up_for_an_absent_device() -> None:
    mute, rude = (SerialBus([], waits_s=0.1, says=says) for says in (Says.NOTHING, Says.HANGS_UP))
    with serve(TcpPort(mute), TcpPort(rude)) as (first, second):
        with connected(first) as plug:
            plug.sendall(tcp_frame(1, 9, READ))
            assert silent(plug)
        assert ask_once(second, 9) == b""


def flood(plug: socket.socket, many: int) -> list[tuple[int, int]]:
    """So many requests at once; number and function of the answers, until it is quiet."""
    plug.sendall(b"".join(tcp_frame(number, 1, READ) for number in range(1, many + 1)))
    seen = []
    with contextlib.suppress(TimeoutError):
        while True:
            plug.settimeout(2 * QUIET_S)
            head = plug.recv(6, socket.MSG_WAITALL)
            number, length = struct.unpack(">HxxH", head)
            seen.append((number, plug.recv(length, socket.MSG_WAITALL)[1]))
    return seen


@pytest.mark.parametrize(
    ("overflow", "seen"),
    [
        (Overflow.DROP_NEWEST, [(1, 4), (2, 4), (3, 4)]),
        (Overflow.DROP_OLDEST, [(1, 4), (5, 4), (6, 4)]),
        (Overflow.EXCEPTION_6, [(4, 0x84), (5, 0x84), (6, 0x84), (1, 4), (2, 4), (3, 4)]),
    ],
)
def test_a_queue_that_is_full_drops_the_newest_or_the_oldest_or_refuses(
    overflow: Overflow, seen: list[tuple[int, int]]
) -> None:
    bus = SerialBus([Device(1)], waits_s=1.0, queue=2, overflow=overflow)
    with serve(TcpPort(bus)) as (port,), connected(port) as plug:
        assert flood(plug, 6) == seen
    assert bus.overflowed == 3
    assert bus.owed_max == 4 if overflow is Overflow.EXCEPTION_6 else bus.owed_max >= 3


def test_bare_wires_lose_what_comes_while_a_device_answers() -> None:
    bus = SerialBus([Device(1)])
    with serve(TcpPort(bus)) as (port,), connected(port) as plug:
        assert [number for number, _ in flood(plug, 3)] == [1]
    assert bus.overflowed == 2


def test_a_device_with_a_network_of_its_own_answers_side_by_side() -> None:
    bus = SerialBus([Device(1, answers=lambda number: 0.4 - 0.1 * number)], side_by_side=True)
    with serve(TcpPort(bus)) as (port,), connected(port) as plug:
        assert [number for number, _ in flood(plug, 3)] == [3, 2, 1]
    assert bus.owed_max == 3


@pytest.mark.parametrize(("by_rst", "seen"), [(False, "end"), (True, "reset")])
def test_it_hangs_up_after_an_answer_or_when_nobody_asks(by_rst: bool, seen: str) -> None:
    bus = SerialBus([Device(1)])
    after = TcpPort(bus, manners=Manners(hangs_up_after=1, by_rst=by_rst))
    idle = TcpPort(bus, manners=Manners(idle_s=0.1, by_rst=by_rst))
    with serve(after, idle):
        with connected(idle) as plug:
            assert ended(plug) == seen
        with connected(after) as plug:
            plug.sendall(tcp_frame(1, 1, READ))
            end = "data"
            while end == "data":
                end = ended(plug)
            assert end == seen
    assert len(bus.asked) == 1


def test_it_hangs_up_in_the_middle_of_an_answer() -> None:
    port = TcpPort(SerialBus([Device(1)]), manners=Manners(cuts_every=2))
    with serve(port), connected(port) as plug:
        assert len(ask(plug)) == 13
        plug.sendall(tcp_frame(2, 1, READ))
        got = b""
        while data := plug.recv(64):
            got += data
        assert len(got) == 6


@pytest.mark.parametrize(
    ("how", "numbers"),
    [
        (Transaction.COPIED, [0x1234, 0x1235]),
        (Transaction.ZERO, [0, 0]),
        (Transaction.PLUS_ONE, [0x1235, 0x1236]),
        (Transaction.SWAPPED, [0x3412, 0x3512]),
        (Transaction.CONSTANT, [0x4D42, 0x4D42]),
        (Transaction.PREVIOUS, [0, 0x1234]),
    ],
)
def test_transaction_ids_are_copied_or_not(how: Transaction, numbers: list[int]) -> None:
    port = TcpPort(SerialBus([Device(1)]), manners=Manners(transaction=how))
    with serve(port), connected(port) as plug:
        frames = [ask(plug, number=number) for number in (0x1234, 0x1235)]
    assert [int.from_bytes(frame[:2], "big") for frame in frames] == numbers


@pytest.mark.parametrize("second", list(Second))
def test_a_gateway_with_room_for_one_turns_the_second_away(second: Second) -> None:
    port = TcpPort(SerialBus([Device(1)]), manners=Manners(clients=1, second=second))
    with serve(port), connected(port) as first:
        assert ask(first)
        try:
            with connected(port) as other:
                if second is Second.THROWS_OUT:
                    assert ask(other)
                    assert ended(first) == "reset"
                    return
                if second is Second.MUTE:
                    other.sendall(tcp_frame(1, 1, READ))
                    assert silent(other)
                else:
                    assert ended(other) == ("end" if second is Second.CLOSED else "reset")
        except ConnectionRefusedError:
            assert second is Second.REFUSED
        except ConnectionResetError:  # it may come before connect() has returned
            assert second is Second.RST
        assert ask(first)


def test_the_door_opens_again_when_the_first_client_leaves() -> None:
    port = TcpPort(SerialBus([Device(1)]), manners=Manners(clients=1, second=Second.REFUSED))
    with serve(port):
        for _ in range(3):
            deadline_s = time.monotonic() + PATIENCE_S
            while True:
                try:
                    assert ask_once(port)
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline_s, "it stays closed"
                    time.sleep(0.02)


def test_delays_are_fixed_or_drawn_or_grow() -> None:
    assert [fixed(2.0)(number) for number in range(2)] == [2.0, 2.0]
    assert [growing(1.0, 0.5, 1.8)(number) for number in range(3)] == [1.0, 1.5, 1.8]
    some = [drawn(0.1, 0.9)(number) for number in range(20)]
    assert len(set(some)) == 20
    assert all(0.1 <= one <= 0.9 for one in some)


def pdus(device: Device, *asked: tuple[int, int], at_s: float = 1.0) -> list[bytes | None]:
    """What it says to reads of (address, count), a long while apart."""
    request = [Request(device.unit, struct.pack(">BHH", 4, *one)) for one in asked]
    return [device.handle(one, at_s).pdu for one in request]


def test_missing_registers_are_refused_or_silent_and_the_strictest_wins() -> None:
    device = Device(1, missing=lacking([4, 5], 2) | lacking([8], SILENT) | {10: 4})
    said = pdus(device, (0, 2), (3, 2), (4, 1), (7, 2), (9, 2), (4, 6))
    assert said[0] is not None
    assert said[1:] == [b"\x84\x02", b"\x84\x02", None, b"\x84\x04", None]


@pytest.mark.parametrize(
    ("over", "said"), [(Over.REFUSE_2, b"\x84\x02"), (Over.REFUSE_3, b"\x84\x03"), (Over.SILENT, None)]
)
def test_a_block_that_is_too_long_is_refused_or_silent(over: Over, said: bytes | None) -> None:
    assert pdus(Device(1, block_max=10, over=over), (0, 11)) == [said]


def test_a_block_that_is_too_long_is_cut() -> None:
    (pdu,) = pdus(Device(1, block_max=10, over=Over.TRUNCATE), (0, 30))
    assert pdu is not None
    assert pdu[1] == 20


def test_a_device_is_busy_now_and_then() -> None:
    device = Device(1, busy_every=3, busy_code=5)
    said = pdus(device, *[(0, 2)] * 6)
    assert [pdu == b"\x84\x05" for pdu in said] == [False, False, True] * 2


def test_a_device_is_deaf_after_its_answer() -> None:
    device, request = Device(1, answers=fixed(0.1), deaf_s=0.2), Request(1, READ)
    assert device.hears(request, 1.0)
    device.handle(request, 1.0)
    assert not device.hears(request, 1.25)
    assert device.hears(request, 1.31)


def test_counters_are_zero_or_garbage_until_they_have_settled() -> None:
    for shown, head in ((AfterRestart.ZERO, b"\0\0\0\0"), (AfterRestart.ONES, b"\xff\xff\xff\xff")):
        device = Device(1, settles_s=5.0, after_restart=shown)
        device.restart(10.0)
        (early,), (later,) = pdus(device, (0x48, 2), at_s=14.0), pdus(device, (0x48, 2), at_s=15.0)
        assert early is not None
        assert later is not None
        assert early[2:] == head
        assert is_right(SDM630, 0x48, 1, struct.unpack(">f", later[2:])[0])


def test_mishaps_strike_their_share_of_the_answers() -> None:
    device = Device(1, mishaps={Mishap.LOST: 0.25, Mishap.DAMAGED: 0.25, Mishap.DOUBLED: 0.1})
    said = [device.handle(Request(1, READ), 1.0) for _ in range(1000)]
    assert 200 < sum(one.pdu is None for one in said) < 300
    assert 200 < sum(one.mishap is Mishap.DAMAGED for one in said) < 300
    assert 60 < sum(one.mishap is Mishap.DOUBLED for one in said) < 140


def test_rtu_over_tcp_damages_and_doubles_frames() -> None:
    damaged = SerialBus([Device(1, mishaps={Mishap.DAMAGED: 1.0})])
    doubled = SerialBus([Device(1, mishaps={Mishap.DOUBLED: 1.0})])
    with serve(TcpPort(damaged, rtu=True), TcpPort(doubled, rtu=True)) as ports:
        frames = []
        for port in ports:
            with connected(port) as plug:
                plug.sendall(rtu_frame(1, READ))
                plug.settimeout(PATIENCE_S)
                frames.append(plug.recv(100))
    assert crc(frames[0][:-2]) != frames[0][-2:]
    assert frames[1][:9] == frames[1][9:]
    assert crc(frames[1][:7]) == frames[1][7:9]


def open_terminal(path: str, speed: int) -> int:
    end = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(end)
    state = termios.tcgetattr(end)
    state[4] = state[5] = speed
    termios.tcsetattr(end, termios.TCSANOW, state)
    os.set_blocking(end, False)
    return end


def exchange(end: int, frame: bytes, count: int) -> bytes:
    """So many bytes of the answer; with 0, what comes in a short while."""
    os.write(end, frame)
    got, until_s = b"", time.monotonic() + (PATIENCE_S if count else QUIET_S)
    while time.monotonic() < until_s and (not count or len(got) < count):
        with contextlib.suppress(BlockingIOError):
            got += os.read(end, 256)
        time.sleep(0.01)
    return got


def test_a_terminal_answers_only_who_opened_it_at_its_speed() -> None:
    with serve(PtyPort(SerialBus([Device(1)]), baudrate=19200, cares=True)) as (port,):
        end = open_terminal(port.path, termios.B9600)
        assert exchange(end, rtu_frame(1, READ), 0) == b""
        assert port.garbled == 1
        os.close(end)
        end = open_terminal(port.path, termios.B19200)
        frame = exchange(end, rtu_frame(1, READ), 9)
        os.close(end)
    assert crc(frame[:-2]) == frame[-2:]
    assert is_right(SDM630, 0x34, 1, struct.unpack(">f", frame[3:7])[0])


WILD = bytes.fromhex("fefefefe 68aaaaaaaaaaaa681300 df 16")


def read_datum(address: str, data_id: int) -> bytes:
    body = b"\x68" + bytes.fromhex(address)[::-1] + b"\x68\x11\x04"
    body += bytes((byte + 0x33) % 256 for byte in data_id.to_bytes(4, "little"))
    return body + bytes((sum(body) % 256, 0x16))


@pytest.mark.parametrize("prefix", [0, 1, 4, 8])
def test_a_dlt645_meter_says_its_address_after_its_own_number_of_fe(prefix: int) -> None:
    bus = SerialBus([Dlt645Device("202611300007")])
    with serve(TcpPort(bus, stream=lambda: Dlt645Stream(prefix))) as (port,), connected(port) as plug:
        plug.sendall(WILD)
        plug.settimeout(PATIENCE_S)
        frame = plug.recv(100)
    assert frame[:prefix] == b"\xfe" * prefix
    assert frame[prefix : prefix + 1] == b"\x68"
    assert bytes((byte - 0x33) % 256 for byte in frame[prefix + 10 : -2])[::-1].hex() == "202611300007"


def test_a_dlt645_meter_without_blocks_has_the_items() -> None:
    bus = SerialBus([Dlt645Device("202611300007", has_blocks=False)])
    with serve(TcpPort(bus, stream=lambda: Dlt645Stream(0))) as (port,), connected(port) as plug:
        seen = []
        for data_id in (0x0201FF00, 0x02010100, 0x02030000):
            plug.sendall(read_datum("202611300007", data_id))
            plug.settimeout(PATIENCE_S)
            seen.append(plug.recv(100))
    assert seen[0][8] == 0xD1
    assert bytes((byte - 0x33) % 256 for byte in seen[1][14:-2])[::-1].hex() == "2208"
    power = bytes((byte - 0x33) % 256 for byte in seen[2][14:-2])[::-1].hex()
    assert power[:5] == "12070"


def test_a_sunspec_chain_has_a_common_model_for_each_device() -> None:
    chain = (Common("Inv", "X1", "I-1"), Inverter(), Common("Met", "M3", "M-1", long=False), Meter(5_000))
    device = Device(1, sunspec_map(*chain))
    at, seen = 40_002, []
    while True:
        (pdu,) = pdus(device, (at, 2), at_s=7.0)
        assert pdu is not None
        number, size = struct.unpack(">HH", pdu[2:])
        if number == 0xFFFF:
            break
        seen.append((number, size))
        at += 2 + size
    assert seen == [(1, 66), (103, 50), (1, 65), (203, 105)]
    (power,) = pdus(device, (40_002 + 68 + 52 + 67 + 18, 1), at_s=7.0)
    assert power == struct.pack(">BBH", 4, 2, 5_007)
