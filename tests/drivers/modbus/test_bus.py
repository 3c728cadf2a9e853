import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from drivers.clock import NS_PER_S, ScaledClock, SystemClock
from drivers.errors import (
    BusDownError,
    BusUrlError,
    ExceptionReplyError,
    ReplyError,
    ReplyTimeoutError,
)
from drivers.link.bus_url import parse_url
from drivers.link.gateway_queue import GatewayQueue
from drivers.link.ledger import Ledger
from drivers.link.port import SILENT_REOPEN
from drivers.link.transport import SerialPipe, SerialSettings
from drivers.link.verdict import Framing
from drivers.modbus.bus import Bus
from drivers.poll.bus import open_bus
from tests.drivers.scripted_meter import Asked, Script, ScriptedMeter, answer, crc, on_pty, on_tcp, words

CLOCK = SystemClock()
SHORT_S = 0.08
TIMEOUTS_ALONE_S = 0.0
"""These meters answer side by side, so that a silent one costs no test six seconds."""


def rtu_over_tcp(script: Script) -> AbstractContextManager[ScriptedMeter]:
    return on_tcp(script, rtu=True)


LINES = pytest.mark.parametrize(
    "line", [on_pty, on_tcp, rtu_over_tcp], ids=["rtu on a pty", "tcp", "rtu over tcp"]
)
SERIAL_LINES = pytest.mark.parametrize("line", [on_pty, rtu_over_tcp], ids=["rtu on a pty", "rtu over tcp"])
Line = Callable[[Script], AbstractContextManager[ScriptedMeter]]


@contextmanager
def reading(line: Line, script: Script, **ledger: float) -> Iterator[tuple[Bus, ScriptedMeter]]:
    with line(script) as device:
        bus = open_bus(device.url, CLOCK, Ledger(**ledger, queue=GatewayQueue(TIMEOUTS_ALONE_S)))
        try:
            yield bus, device
        finally:
            bus.close()


@LINES
@pytest.mark.parametrize("count", [1, 40, 125])
def test_the_registers_that_were_asked_for_come_back(line: Line, count: int) -> None:
    with reading(line, answer) as (bus, _):
        answered = bus.read(17, 3, 1000, count, timeout_s=1)
        assert answered.words == words(Asked(17, 3, 1000, count))
        assert answered.latency_s > 0
        assert bus.stats.requests == 1


@LINES
@pytest.mark.parametrize(
    ("pdu", "reason"),
    [
        (lambda a: bytes((a.function ^ 7, 4)) + words(a), "function 4 instead of 3"),
        (lambda a: bytes((3, 2)) + words(a)[:2], "2 bytes instead of 4"),
        (lambda a: bytes((3, 6)) + words(a, 3), "6 bytes instead of 4"),
        (lambda a: bytes((3, 5)) + words(a, 3)[:5], "5 bytes instead of 4"),
    ],
    ids=["function", "too few", "too many", "odd bytes"],
)
def test_an_answer_that_does_not_fit_is_rejected_with_its_reason(
    line: Line, pdu: Callable[[Asked], bytes], reason: str
) -> None:
    with reading(line, lambda asked, device: device.send(device.frame(asked, pdu(asked)))) as (bus, _):
        with pytest.raises(ReplyError, match=reason):
            bus.read(1, 3, 10, 2, timeout_s=SHORT_S)
        assert bus.stats.foreign == 1


@LINES
def test_an_answer_of_another_unit_is_rejected(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(device.reply(Asked(9, 3, 10, 2, asked.transaction_id)))

    with reading(line, script) as (bus, _), pytest.raises(ReplyError, match="unit 9 instead of 1"):
        bus.read(1, 3, 10, 2, timeout_s=SHORT_S)


@LINES
@pytest.mark.parametrize("code", [1, 2, 4, 6, 11, 255])
def test_a_refusal_is_raised_with_its_code(line: Line, code: int) -> None:
    with reading(line, lambda asked, device: device.send(device.refusal(asked, code))) as (bus, _):
        with pytest.raises(ExceptionReplyError) as refused:
            bus.read(1, 3, 10, 2, timeout_s=1)
        assert refused.value.code == code
        assert bus.stats.exceptions == 1


@LINES
def test_silence_is_a_time_out(line: Line) -> None:
    with reading(line, lambda _asked, _meter: None) as (bus, _):
        with pytest.raises(ReplyTimeoutError, match="no answer"):
            bus.read(1, 3, 10, 2, timeout_s=SHORT_S)
        assert bus.stats.timeouts == 1


@LINES
def test_an_answer_byte_by_byte_is_put_together(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        for i, byte in enumerate(device.reply(asked)):
            device.send(bytes((byte,)), 0.001 * i)

    with reading(line, script) as (bus, _):
        assert bus.read(1, 3, 10, 2, timeout_s=1).words == words(Asked(1, 3, 10, 2))


@LINES
def test_a_slow_loris_has_until_the_deadline_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    monkeypatch.setattr("drivers.link.port.PIECES_S_MAX", 0.2)

    def script(asked: Asked, device: ScriptedMeter) -> None:
        for i, byte in enumerate(device.reply(asked)):
            device.send(bytes((byte,)), 0.05 * i)

    with reading(line, script) as (bus, _), pytest.raises(ReplyTimeoutError):
        bus.read(1, 3, 10, 20, timeout_s=0.12)


@LINES
def test_a_flood_ends_the_request_and_the_next_one_works(line: Line) -> None:
    flooding = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(bytes(range(256)) * 40 if flooding else device.reply(asked))

    with reading(line, script) as (bus, _):
        with pytest.raises(ReplyError):
            bus.read(1, 3, 10, 2, timeout_s=0.3)
        flooding.clear()
        for _ in range(3):  # what is left of the flood may cost an answer, never make one
            try:
                assert bus.read(1, 3, 10, 2, timeout_s=0.5, spare_registers=4).words == words(
                    Asked(1, 3, 10, 2)
                )
                break
            except ReplyError:
                continue
        else:
            pytest.fail("the bus did not recover from a flood")


@SERIAL_LINES
@pytest.mark.parametrize("noise", [b"\0", b"\xff", b"\xff\x01\x03", b"\x55" * 30])
def test_noise_before_an_answer_costs_no_answer(line: Line, noise: bytes) -> None:
    with reading(line, lambda asked, device: device.send(noise + device.reply(asked))) as (bus, _):
        assert bus.read(1, 3, 10, 2, timeout_s=1).words == words(Asked(1, 3, 10, 2))


@SERIAL_LINES
def test_a_damaged_answer_is_counted_and_never_believed(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        frame = bytearray(device.reply(asked))
        frame[5] ^= 1
        device.send(bytes(frame))

    with reading(line, script) as (bus, _):
        with pytest.raises(ReplyError, match="CRC"):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S)
        assert bus.stats.crc_errors == 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda frame: frame[:5] + bytes((frame[5] ^ 1,)) + frame[6:], "CRC"),
        (lambda frame: frame[:9], "no whole answer"),
    ],
    ids=["damaged", "broken off"],
)
def test_an_answer_that_came_spoiled_is_not_waited_for_and_the_same_is_asked_again_at_once(
    spoil: Callable[[bytes], bytes], reason: str
) -> None:
    """Without spare registers too: what has come cannot come late. The time-out would last for 30 s."""

    def script(asked: Asked, device: ScriptedMeter) -> None:
        frame = device.reply(asked)
        device.send(spoil(frame) if len(device.asked) == 1 else frame)

    begun = time.monotonic()
    with reading(on_pty, script, late_max_s=60.0) as (bus, _):
        with pytest.raises((ReplyError, ReplyTimeoutError), match=reason):
            bus.read(1, 3, 10, 4, timeout_s=30)
        assert bus.read(1, 3, 10, 4, timeout_s=30).words == words(Asked(1, 3, 10, 4))
    assert time.monotonic() - begun < 25


def test_noise_in_place_of_an_answer_is_not_taken_for_one_that_came() -> None:
    """So its registers rest, for the answer may still be on its way."""

    def script(asked: Asked, device: ScriptedMeter) -> None:
        del asked
        device.send(b"\xa5\x5a" * 20)

    with reading(on_pty, script, late_max_s=60.0) as (bus, _):
        with pytest.raises(ReplyTimeoutError, match="no whole answer"):
            bus.read(1, 3, 10, 4, timeout_s=30)
        with pytest.raises(ReplyTimeoutError, match="not asked"):
            bus.read(1, 3, 10, 4, timeout_s=1)


@SERIAL_LINES
def test_the_echo_of_a_half_duplex_adapter_is_ignored(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        body = bytes((asked.unit_id, asked.function)) + asked.address.to_bytes(2) + asked.count.to_bytes(2)
        device.send(body + crc(body) + device.reply(asked))

    with reading(line, script) as (bus, _):
        assert bus.read(1, 3, 10, 4, timeout_s=1).words == words(Asked(1, 3, 10, 4))
        assert bus.stats.foreign == 0


@SERIAL_LINES
def test_no_answer_is_believed_after_another_master_asked_for_as_many_registers(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        body = bytes((asked.unit_id, asked.function, 0x11, 0x22)) + asked.count.to_bytes(2)
        device.send(
            body + crc(body) + device.reply(Asked(asked.unit_id, asked.function, 0x1122, asked.count))
        )

    with reading(line, script) as (bus, _), pytest.raises(ReplyError, match="another master"):
        bus.read(1, 3, 10, 4, timeout_s=SHORT_S)


@SERIAL_LINES
def test_another_master_that_asks_for_something_else_does_no_harm(line: Line) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        other = Asked(asked.unit_id, asked.function, 0x1122, asked.count + 1)
        body = bytes((other.unit_id, other.function)) + other.address.to_bytes(2) + other.count.to_bytes(2)
        device.send(body + crc(body) + device.reply(other) + device.reply(asked))

    with reading(line, script) as (bus, _):
        assert bus.read(1, 3, 10, 4, timeout_s=1).words == words(Asked(1, 3, 10, 4))


@LINES
def test_spare_registers_are_read_when_needed_and_never_returned(line: Line) -> None:
    silent = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if silent:
            silent.clear()
        else:
            answer(asked, device)

    with reading(line, script) as (bus, device):
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S, spare_registers=3)
        assert bus.read(1, 3, 50, 4, timeout_s=1, spare_registers=3).words == words(Asked(1, 3, 50, 4))
        assert [asked.count for asked in device.asked] == [4, 5]


@SERIAL_LINES
def test_without_spare_registers_a_confusable_request_is_not_sent(line: Line) -> None:
    with reading(line, lambda _asked, _meter: None, late_max_s=60.0) as (bus, device):
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S)
        with pytest.raises(ReplyTimeoutError, match="not asked"):
            bus.read(1, 3, 50, 4, timeout_s=SHORT_S)
        assert len(device.asked) == 1


def test_tcp_has_transaction_ids_and_need_not_wait() -> None:
    silent = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if silent:
            silent.clear()
            device.send(device.reply(asked), SHORT_S + 0.02)  # comes while the next one is waited for
        else:
            device.send(device.reply(asked), 0.1)

    with reading(on_tcp, script, late_max_s=60.0) as (bus, _):
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S)
        assert bus.read(1, 3, 50, 4, timeout_s=1).words == words(Asked(1, 3, 50, 4))
        assert bus.stats.late == 1


@pytest.mark.parametrize("code", [10, 11])
def test_after_a_gateway_gave_up_the_next_count_differs_for_the_meter_may_answer_the_gateway(
    code: int,
) -> None:
    with reading(on_tcp, lambda asked, device: device.send(device.refusal(asked, code))) as (bus, device):
        for address in (10, 50):
            with pytest.raises(ExceptionReplyError):
                bus.read(1, 3, address, 4, timeout_s=1, spare_registers=3)
        assert [asked.count for asked in device.asked] == [4, 5]


@SERIAL_LINES
@pytest.mark.parametrize("code", [2, 3])
def test_a_meter_that_refuses_spare_registers_is_asked_without_them_from_then_on(
    line: Line, code: int
) -> None:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        if asked.address + asked.count > 14:
            device.send(device.refusal(asked, code))
        else:
            answer(asked, device)

    with reading(line, script, duplicate_max_s=0.01) as (bus, device):
        bus.read(1, 3, 2, 4, timeout_s=1, spare_registers=3)
        for _ in range(3):
            assert bus.read(1, 3, 10, 4, timeout_s=1, spare_registers=3).words == words(Asked(1, 3, 10, 4))
            bus.read(2, 3, 2, 4, timeout_s=1)
        assert [asked.count for asked in device.asked if asked.address == 10] == [5, 4, 4, 4]


@SERIAL_LINES
def test_a_late_refusal_is_not_taken_for_the_refusal_of_the_next_request(line: Line) -> None:
    first = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if first:
            first.clear()
            device.send(device.refusal(asked, 2), SHORT_S + 0.05)
        else:
            device.send(device.reply(asked), 0.15)

    with reading(line, script) as (bus, _):
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S, spare_registers=3)
        assert bus.read(1, 3, 50, 9, timeout_s=1, spare_registers=3).words == words(Asked(1, 3, 50, 9))
        assert bus.stats.exceptions == 0


@SERIAL_LINES
def test_a_refusal_that_may_be_late_is_an_error_of_its_own(line: Line) -> None:
    first = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if not first:
            device.send(device.refusal(asked, 2))
        first.clear()

    with reading(line, script) as (bus, _):
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 10, 4, timeout_s=SHORT_S)
        with pytest.raises(ReplyError, match="doubtful exception 2"):
            bus.read(1, 3, 50, 9, timeout_s=SHORT_S)


@SERIAL_LINES
def test_a_babbling_meter_does_not_stop_the_others(line: Line) -> None:
    babble = threading.Event()

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if asked.unit_id == 13:
            babble.set()
            for i in range(300):
                device.send(b"\xa5\x5a\x13", 0.005 * i)
        else:
            answer(asked, device)

    with reading(line, script) as (bus, _):
        with pytest.raises(ReplyTimeoutError, match="no whole answer"):
            bus.read(13, 3, 10, 4, timeout_s=SHORT_S)
        assert babble.is_set()
        assert bus.read(1, 3, 50, 9, timeout_s=0.5).words == words(Asked(1, 3, 50, 9))


def test_a_connection_that_went_deaf_is_made_again() -> None:
    deaf = [True]

    def script(asked: Asked, device: ScriptedMeter) -> None:
        if not deaf:
            answer(asked, device)

    with reading(on_tcp, script) as (bus, _):
        for _ in range(SILENT_REOPEN):
            with pytest.raises(ReplyTimeoutError):
                bus.read(1, 3, 10, 4, timeout_s=0.02)
        deaf.clear()
        assert bus.read(1, 3, 10, 4, timeout_s=1).words == words(Asked(1, 3, 10, 4))
        assert bus.stats.reopened == 1


def test_a_port_that_is_not_there_is_a_bus_that_is_down() -> None:
    with pytest.raises(BusDownError, match="/dev/ttyNONE"):
        open_bus("rtu:/dev/ttyNONE", CLOCK).read(1, 3, 0, 1, timeout_s=1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BusDownError, match="refused"):
        open_bus(f"tcp://127.0.0.1:{port}", CLOCK).read(1, 3, 0, 1, timeout_s=1)


def test_a_pty_whose_other_end_went_away_is_a_bus_that_is_down() -> None:
    ours, theirs = os.openpty()
    bus = open_bus(f"rtu:{os.ttyname(theirs)}", CLOCK)
    os.close(theirs)
    with pytest.raises(ReplyTimeoutError):
        bus.read(1, 3, 0, 1, timeout_s=0.02)
    os.close(ours)
    with pytest.raises(BusDownError):
        bus.read(1, 3, 0, 2, timeout_s=0.02)


def test_a_port_belongs_to_one_process_alone() -> None:
    with on_pty(answer) as device:
        first, second = open_bus(device.url, CLOCK), open_bus(device.url, CLOCK)
        first.read(1, 3, 0, 1, timeout_s=1)
        with pytest.raises(BusDownError, match=r"[Ll]ock|unavailable"):
            second.read(1, 3, 0, 1, timeout_s=1)
        first.close()
        second.close()


@pytest.mark.parametrize("parity", ["N", "E", "O"])
def test_a_pty_can_be_opened_with_any_parity_again_and_again(parity: str) -> None:
    with on_pty(answer, f"?baudrate=19200&parity={parity}") as device:
        bus = open_bus(device.url, CLOCK)
        for start in range(3):
            assert bus.read(1, 3, 0, 5 + start, timeout_s=1).words == words(Asked(1, 3, 0, 5 + start))
            bus.close()


def test_frames_keep_the_silence_of_the_serial_line() -> None:
    assert SerialPipe(SerialSettings("x", 9600)).gap_s == pytest.approx(3.5 * 10 / 9600)
    assert SerialPipe(SerialSettings("x", 9600, "E")).gap_s == pytest.approx(3.5 * 11 / 9600)
    assert SerialPipe(SerialSettings("x", 9600, "N", 2)).gap_s == pytest.approx(3.5 * 11 / 9600)
    assert SerialPipe(SerialSettings("x", 115200)).gap_s == 0.00175
    came: list[float] = []

    def script(asked: Asked, device: ScriptedMeter) -> None:
        came.append(time.monotonic())
        answer(asked, device)

    with reading(lambda s: on_pty(s, "?baudrate=1200"), script) as (bus, _):
        for start in range(4):
            bus.read(1, 3, start, 3 + start, timeout_s=1)
    gap_s = 3.5 * 10 / 1200
    assert all(later - sooner >= gap_s for sooner, later in itertools.pairwise(came))


def test_a_fast_clock_shortens_the_waiting() -> None:
    clock = ScaledClock(60.0, 1_700_000_000 * NS_PER_S)
    with on_pty(lambda _asked, _meter: None) as device:
        bus = open_bus(device.url, clock)
        begun = time.monotonic()
        with pytest.raises(ReplyTimeoutError):
            bus.read(1, 3, 0, 1, timeout_s=60.0)
        assert 0.9 < time.monotonic() - begun < 30
        bus.close()


@pytest.mark.parametrize(
    ("url", "framing", "gap"),
    [
        ("tcp://host:502", Framing.TCP, 31),
        ("tcp://10.0.0.7", Framing.TCP, 31),
        ("tcp://[::1]:1502", Framing.TCP, 31),
        ("rtu+tcp://host:4001", Framing.RTU, 7),
        ("rtu:/dev/ttyS1", Framing.RTU, 7),
        ("rtu:/dev/ttyS1?baudrate=9600&parity=E&stopbits=1", Framing.RTU, 7),
        ("rtu:/dev/serial/by-id/usb-FTDI-port0?baudrate=19200", Framing.RTU, 7),
    ],
)
def test_a_bus_is_known_by_its_url(url: str, framing: Framing, gap: int) -> None:
    bus = open_bus(url, CLOCK)
    assert (bus.url, bus.framing, bus.gap_registers_max) == (url, framing, gap)


@pytest.mark.parametrize(
    ("url", "mistake"),
    [
        ("", "expected one of"),
        ("/dev/ttyS1", "expected one of"),
        ("http://host", "expected one of"),
        ("tcp://", "host is missing"),
        ("tcp://:502", "host is missing"),
        ("tcp://host:99999", "[Pp]ort"),
        ("tcp://host:x", "[Pp]ort"),
        ("tcp://host:502/unit/1", "may follow host and port"),
        ("tcp://host:502?baudrate=9600", "may follow host and port"),
        ("tcp://[::1", "Invalid"),
        ("rtu+tcp://host", "port is missing"),
        ("rtu://dev/ttyS1", "port is a path"),
        ("rtu:ttyS1", "port is a path"),
        ("rtu:/dev/ttyS1?baud=9600", "unknown baud"),
        ("rtu:/dev/ttyS1?baudrate=9601", "baudrate is '9601'"),
        ("rtu:/dev/ttyS1?parity=even", "parity is 'even'"),
        ("rtu:/dev/ttyS1?stopbits=3", "stopbits is '3'"),
    ],
)
def test_a_bad_url_is_refused_with_one_clear_line(url: str, mistake: str) -> None:
    with pytest.raises(BusUrlError, match=mistake) as refused:
        parse_url(url)
    assert repr(url) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BusUrlError, match="bus URL 'tcp://host:502': a bus knows no user") as refused:
        parse_url("tcp://admin:secret@host:502")
    assert "secret" not in str(refused.value)
