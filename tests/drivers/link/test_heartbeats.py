"""Serial servers that put packets of their own into the stream: names at the start, heartbeats, keep-alives.

Where they stand beside answers they cost none; within one they cost it, and are never taken for registers.
Measured before on Modbus TCP: 0 of 6 reads behind a packet, 3 of 6 with one between reads.
"""

import pytest

from drivers.clock import SystemClock
from drivers.errors import DriverError, ReplyError
from drivers.poll.bus import open_bus
from tests.drivers.scripted_meter import Asked, Script, ScriptedMeter, on_tcp, words

COUNT = 10
READS = 4
TIMEOUT_S = 10.0
"""No read waits for it: each answer comes."""
PACKETS = {
    "name": b"REG:867725030123456;ICCID=89860\r\n",
    "text": b"+++",
    "zero": b"\0",
    "filler": b"\xfe\xfe\xfe\xfe",
    "begin of a frame of Modbus TCP": b"\0\1\0\0\0\6",
    "begin of one with an id in use": b"\0\2\0\0\0\x17\1\3",
    "begin of an answer": b"\1\3\x14",
}


def before(packet: bytes) -> Script:
    return lambda asked, device: device.send(packet + device.reply(asked))


def before_and_apart(packet: bytes) -> Script:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(packet)
        device.send(device.reply(asked), 0.02)

    return script


def behind(packet: bytes) -> Script:
    return lambda asked, device: device.send(device.reply(asked) + packet)


def behind_and_apart(packet: bytes) -> Script:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(device.reply(asked))
        device.send(packet, 0.02)

    return script


def before_a_refusal(packet: bytes) -> Script:
    return lambda asked, device: device.send(packet + device.refusal(asked, 2))


def within(packet: bytes) -> Script:
    def script(asked: Asked, device: ScriptedMeter) -> None:
        reply = device.reply(asked)
        device.send(reply[:7] + packet + reply[7:])

    return script


def read(script: Script, *, rtu: bool, host: str = "127.0.0.1") -> list[bytes | DriverError]:
    """What became of READS reads of other registers each."""
    found: list[bytes | DriverError] = []
    with on_tcp(script, rtu=rtu, host=host) as device:
        bus = open_bus(device.url, SystemClock())
        for number in range(READS):
            try:
                answer = bus.read(1, 3, COUNT * number, COUNT, timeout_s=TIMEOUT_S, spare_registers=6)
            except DriverError as error:
                found.append(error)
            else:
                found.append(answer.words)
        bus.close()
    return found


RIGHT = [words(Asked(1, 3, COUNT * number, COUNT)) for number in range(READS)]
RTU = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu over tcp"])


@RTU
@pytest.mark.parametrize("place", [before, before_and_apart, behind, behind_and_apart])
@pytest.mark.parametrize("packet", PACKETS)
def test_a_packet_of_the_serial_server_beside_an_answer_costs_no_answer(
    packet: str, place: Script, rtu: bool
) -> None:
    assert read(place(PACKETS[packet]), rtu=rtu) == RIGHT  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("packet", PACKETS)
def test_the_refusal_behind_a_packet_is_the_meters(packet: str) -> None:
    found = read(before_a_refusal(PACKETS[packet]), rtu=False)
    assert [str(one) for one in found] == ["exception 2"] * READS


@pytest.mark.parametrize("packet", PACKETS)
def test_a_packet_within_an_answer_is_never_taken_for_registers(packet: str) -> None:
    found = read(within(PACKETS[packet]), rtu=False)
    assert all(isinstance(one, ReplyError) for one in found)


@RTU
def test_a_meter_at_an_address_of_ipv6_is_read(rtu: bool) -> None:
    assert read(before(b""), rtu=rtu, host="::1") == RIGHT
