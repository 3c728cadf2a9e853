"""A serial line at its physical limit, with noise, and with a dead meter among eight.

Run it: .venv/bin/python tests/bench/bench_rtu.py [rate|noise|dead] [seconds]

The slave is a process of its own that behaves as a UART and a meter do: a request is complete 8
characters after it was written, the meter thinks for its turnaround, and the characters of its answer
arrive in groups of 14 (the usual trigger of a 16-byte FIFO), each when its last character is complete. It
waits by spinning, so its times are good to some µs; give it a core of its own.

rate   20 float32 a request, this driver and pymodbus. The legal limit is request + turnaround + answer +
       t3.5 (3.5 characters as they are on the line, 1.75 ms above 19200 baud). A short gap is a request
       that begins less than that after the end of the answer before, as the slave sees it.
noise  From the last byte of noise to the next good answer, less what the transaction takes by itself.
dead   Readings/s of the live meters on the real bus task beside a dead one (of 8 on RTU, of 20 on TCP), over
       those of the same meters when all live. From a cold start, in which the dead one costs most.
"""

import collections
import contextlib
import json
import os
import pty
import signal
import socket
import statistics
import sys
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define, frozen
from pymodbus.client import ModbusSerialClient

from agent.acquire import BusTask
from drivers.clock import SystemClock
from drivers.errors import DriverError
from drivers.link.verdict import Framing, Request
from drivers.modbus.bus import Bus
from drivers.points.model import Model
from drivers.points.point import Point
from drivers.points.registers import RegisterType
from drivers.poll.bus import open_bus
from drivers.poll.meter import MeterSetup
from drivers.reading import PollGroup, Quality, Quantity, Reading
from tests.drivers.frames import encode_reply

REGISTERS: Final = 40
FIFO_BYTES: Final = 14
SECONDS: Final = 4.0
REQUEST_BYTES: Final = 8
ANSWER_BYTES: Final = 5 + 2 * REGISTERS
FAST_BAUDRATE: Final = 19200
FAST_GAP_S: Final = 0.00175


@frozen
class Wire:
    """A setting of the line."""

    baudrate: int
    parity: str
    turnaround_s: float

    @property
    def character_s(self) -> float:
        """One character as it is on the line."""
        return (10 if self.parity == "N" else 11) / self.baudrate

    @property
    def gap_s(self) -> float:
        """t3.5."""
        return FAST_GAP_S if self.baudrate > FAST_BAUDRATE else 3.5 * self.character_s

    @property
    def limit_s(self) -> float:
        """The shortest legal transaction."""
        return (REQUEST_BYTES + ANSWER_BYTES) * self.character_s + self.turnaround_s + self.gap_s


def wait_until(moment_s: float) -> None:
    """Spin: a sleep would be late by more than what is measured."""
    left_s = moment_s - time.monotonic()
    if left_s > 0.002:
        time.sleep(left_s - 0.001)
    while time.monotonic() < moment_s:
        pass


@define
class Slave:
    """Answers on one end of a pty; tells what it saw when it is asked to end."""

    fd: int
    wire: Wire
    dead: frozenset[int] = frozenset()
    spoil: Callable[[int, bytes], bytes] | None = None
    requests: int = 0
    short_gaps: int = 0
    shortest_s: float = 1.0
    end_s: float = 0.0

    def serve(self) -> None:
        """For ever."""
        while asked := os.read(self.fd, 4096):
            begin_s = time.monotonic()
            if self.requests and self.end_s:
                gap_s = begin_s - self.end_s
                self.shortest_s = min(self.shortest_s, gap_s)
                self.short_gaps += gap_s < self.wire.gap_s
            self.requests += 1
            self.end_s = 0.0
            if asked[0] in self.dead:
                continue
            count = int.from_bytes(asked[4:6])
            request = Request(asked[0], asked[1], 0, count)
            answer = encode_reply(
                Framing.RTU, request, bytes([0x43, 0x66, 0, 0]) * (count // 2) + bytes(count % 2 * 2)
            )
            if self.spoil is not None:
                answer = self.spoil(self.requests, answer)
            self._send(answer, begin_s + REQUEST_BYTES * self.wire.character_s + self.wire.turnaround_s)

    def _send(self, data: bytes, begin_s: float) -> None:
        for at in range(0, len(data), FIFO_BYTES):
            part = data[at : at + FIFO_BYTES]
            self.end_s = begin_s + (at + len(part)) * self.wire.character_s
            wait_until(self.end_s)
            os.write(self.fd, part)


@contextmanager
def serving(
    make: Callable[[int], Slave], text: Callable[[Slave], object]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """A slave in a process of its own: its port, and a function that ends it and returns what it told."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        slave = make(ours)

        def end(*_: object) -> None:
            os.write(writing, json.dumps(text(slave)).encode())
            os._exit(0)

        signal.signal(signal.SIGTERM, end)
        try:
            slave.serve()
        finally:
            os._exit(1)

    def ended() -> object:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        return json.loads(os.read(reading, 1 << 20) or b"null")

    try:
        yield os.ttyname(theirs), ended
    finally:
        for fd in (ours, theirs, reading, writing):
            os.close(fd)


def rates(read: Callable[[], object], seconds: float) -> float:
    """Seconds a transaction takes, the median: on a shared machine others spoil some."""
    with contextlib.suppress(DriverError):
        read()
    begin_s = before_s = time.monotonic()
    taken_s = []
    while before_s - begin_s < seconds:
        with contextlib.suppress(DriverError):  # on a busy machine the slave may pause within its answer
            read()
        now_s = time.monotonic()
        taken_s.append(now_s - before_s)
        before_s = now_s
    return statistics.median(taken_s)


def ours_at(port: str, wire: Wire) -> tuple[Callable[[], object], Callable[[], None]]:
    """A read of two meters in turn: alone, one is asked with another count each time."""
    bus = open_bus(f"rtu:{port}?baudrate={wire.baudrate}&parity={wire.parity}", SystemClock())
    units = iter(range(1 << 30))
    return lambda: bus.read(
        1 + next(units) % 2, 3, 100, REGISTERS, timeout_s=1.0, spare_registers=6
    ), bus.close


def theirs_at(port: str, wire: Wire) -> tuple[Callable[[], object], Callable[[], None]]:
    client = ModbusSerialClient(port, baudrate=wire.baudrate, parity="N", retries=0, timeout=1)
    client.connect()
    units = iter(range(1 << 30))
    return lambda: client.read_holding_registers(
        100, count=REGISTERS, device_id=1 + next(units) % 2
    ), client.close


def rate(seconds: float) -> None:
    """The table of rates."""
    print("baud    parity turnaround | own: of the limit, short gaps, shortest gap/t3.5 | pymodbus: the same")
    for baudrate in (9600, 19200, 115200):
        for parity in ("N", "E"):
            for turnaround_s in (0.005, 0.02):
                wire = Wire(baudrate, parity, turnaround_s)
                cells = []
                for client in (ours_at, theirs_at):
                    text = lambda slave: (slave.requests, slave.short_gaps, slave.shortest_s)  # noqa: E731
                    with serving(lambda fd, wire=wire: Slave(fd, wire), text) as (port, ended):
                        read, close = client(port, wire)
                        taken_s = rates(read, seconds)
                        close()
                        requests, short, shortest_s = ended()
                    cells.append(
                        f"{wire.limit_s / taken_s:.4f} {short:3d}/{requests} {shortest_s / wire.gap_s:.2f}"
                    )
                name = f"{baudrate:6d}  8{parity}1   {turnaround_s * 1000:4.0f} ms"
                print(f"{name}   | {cells[0]:>22} | {cells[1]:>22}")


NOISES: Final = {
    "one bit of the answer is wrong": lambda answer: answer[:20] + bytes((answer[20] ^ 4,)) + answer[21:],
    "the answer breaks off in the middle": lambda answer: answer[:40],
    "it breaks off behind two bytes": lambda answer: answer[:2],
    "a burst over the whole answer": lambda _: b"\xa5\x5a" * 43,
    "a babbling meter, 200 ms": lambda _: b"\x55\xaa\x13" * 64,
    "noise in front of the answer": lambda answer: b"\x00\xff\x13\x37" + answer,
    "a few bytes instead of the answer": lambda _: b"\x00\xff\x13",
}


def noise(seconds: float) -> None:
    """The table of resynchronisation, at 9600 8N1 with 5 ms of turnaround."""
    wire = Wire(9600, "N", 0.005)
    tries = max(int(seconds * 5), 5)
    for name, spoil in NOISES.items():
        ends: list[float] = []

        def spoiled(number: int, answer: bytes, spoil: Callable[[bytes], bytes] = spoil) -> bytes:
            return spoil(answer) if number > 5 and number % 2 else answer

        with serving(lambda fd: Slave(fd, wire, spoil=spoiled), lambda _: None) as (port, ended):
            bus = open_bus(f"rtu:{port}?baudrate=9600", SystemClock())
            assert isinstance(bus, Bus)
            lost = 0
            for _ in range(2 * tries + 6):
                begin_s = time.monotonic()
                try:
                    bus.read(1, 3, 200, REGISTERS, timeout_s=0.3, spare_registers=6)
                    continue
                except DriverError:
                    lost += 1
                noise_s = len(spoil(bytes(ANSWER_BYTES))) * wire.character_s
                end_s = begin_s + wire.gap_s + REQUEST_BYTES * wire.character_s + wire.turnaround_s + noise_s
                for _ in range(20):
                    with contextlib.suppress(DriverError):
                        answer = bus.read(1, 3, 200, REGISTERS, timeout_s=0.3, spare_registers=6)
                        ends.append(time.monotonic() - end_s - answer.latency_s)
                        break
            bus.close()
            ended()
        text = (
            "-"
            if not ends
            else f"{statistics.median(ends) * 1000:5.1f} ms, at most {max(ends) * 1000:5.1f} ms"
        )
        print(f"{name:38} {lost:3d} answers lost; from its end to the next request: {text}")


def model() -> Model:
    """20 float32 in one request."""
    names = [
        (q, phase)
        for q in ("voltage", "current", "active_power", "reactive_power", "apparent_power", "power_factor")
        for phase in ("l1", "l2", "l3")
    ]
    points = [(f"{q}_{phase}", Quantity(q), phase) for q, phase in names]
    points += [("active_power", Quantity.ACTIVE_POWER, ""), ("frequency", Quantity.FREQUENCY, "")]
    return Model(
        "bench",
        tuple(
            Point(name, quantity, phase, 3, 2 * n, RegisterType.F32, group=PollGroup.FAST)
            for n, (name, quantity, phase) in enumerate(points)
        ),
    )


def live(
    wire: Wire | None, meters: int, dead: frozenset[int], every_s: float, seconds: float
) -> collections.Counter[str]:
    """Good readings of each meter, dead ones from the start."""
    counts: collections.Counter[str] = collections.Counter()

    def sink(reading: Reading) -> None:
        counts[reading.meter] += reading.quality is Quality.GOOD

    one = model()
    setups = [MeterSetup(f"m{unit}", one, unit, fast_s=every_s) for unit in range(1, 1 + meters)]
    with opened(wire, dead) as url:
        task = BusTask(url, setups, SystemClock(), sink)
        task.start()
        time.sleep(seconds)
        task.stop(5.0)
    return counts


@contextmanager
def opened(wire: Wire | None, dead: frozenset[int]) -> Iterator[str]:
    """The URL of a slave on a serial line, or over TCP without one."""
    if wire is not None:
        with serving(lambda fd: Slave(fd, wire, dead), lambda _: None) as (port, ended):
            yield f"rtu:{port}?baudrate={wire.baudrate}&parity={wire.parity}"
            ended()
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pid = os.fork()
        if not pid:
            try:
                over_tcp(listener, dead)
            finally:
                os._exit(1)
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def over_tcp(listener: socket.socket, dead: frozenset[int]) -> None:
    """One device with many units behind it, for ever; a dead one is silence."""
    while True:
        link, _ = listener.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while asked := link.recv(4096):
            request = Request(asked[6], asked[7], 0, int.from_bytes(asked[10:12]))
            if request.unit_id not in dead:
                words = bytes(2 * request.count)
                link.send(encode_reply(Framing.TCP, request, words, int.from_bytes(asked[:2])))


def dead(seconds: float) -> None:
    """The rate of the live meters beside a dead one."""
    cases = (
        (Wire(9600, "N", 0.005), 8, 1.0, "RTU, each once a second (the line is at 85 %)"),
        (Wire(9600, "N", 0.005), 8, 0.05, "RTU, as often as the line can"),
        (None, 20, 1.0, "TCP, each once a second"),
        (None, 20, 0.001, "TCP, as often as it can"),
    )
    for wire, meters, every_s, what in cases:
        healthy = live(wire, meters, frozenset(), every_s, seconds)
        beside = live(wire, meters, frozenset({meters}), every_s, seconds)
        both = [
            sum(n for meter, n in counts.items() if meter != f"m{meters}") for counts in (healthy, beside)
        ]
        print(
            f"one dead of {meters} on {what}: {both[1] / seconds:.2f}/s over {both[0] / seconds:.2f}/s"
            f" = {both[1] / both[0]:.3f}"
        )


if __name__ == "__main__":
    wanted = sys.argv[1] if len(sys.argv) > 1 else "rate"
    spent = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    {"rate": rate, "noise": noise, "dead": dead}[wanted](spent)
