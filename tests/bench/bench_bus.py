"""CPU time per transaction of 40 registers: this driver against the synchronous client of pymodbus.

Run it: .venv/bin/python tests/bench/bench_bus.py [transactions]

Both read the same responder, which lives in a process of its own so that its work is not counted, over
the same pty or the same loopback connection, in turns within one run. Quote the ratio, not the figures.
"""

import os
import pty
import socket
import statistics
import sys
import time
import tty
from collections.abc import Callable

from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from drivers.clock import SystemClock
from drivers.link.verdict import Framing, Request
from drivers.poll.bus import open_bus
from tests.drivers.frames import encode_reply

REQUEST = Request(1, 3, 100, 40)
WORDS = bytes(range(80))
ROUNDS = 5
TRANSACTIONS = 400


def respond(fd: int, framing: Framing) -> None:
    """Answer every request that is read from `fd`, for ever."""
    while asked := os.read(fd, 4096):
        transaction_id = int.from_bytes(asked[:2]) if framing is Framing.TCP else 0
        os.write(fd, encode_reply(framing, REQUEST, WORDS, transaction_id))


def in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def cpu_us(read: Callable[[], object], transactions: int) -> float:
    begun = time.process_time()
    for _ in range(transactions):
        read()
    return (time.process_time() - begun) / transactions * 1e6


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], transactions: int) -> None:
    for read in (ours, theirs):
        cpu_us(read, 20)
    rounds = [(cpu_us(ours, transactions), cpu_us(theirs, transactions)) for _ in range(ROUNDS)]
    own, other = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{name}: own {own:.0f} us, pymodbus {other:.0f} us CPU a transaction, ratio {other / own:.2f}")


def over_tcp(transactions: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        for _ in range(2):
            link, _ = listener.accept()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if os.fork() == 0:
                respond(link.fileno(), Framing.TCP)
                os._exit(0)
            link.close()

    child = in_child(serve)
    bus = open_bus(f"tcp://127.0.0.1:{port}", SystemClock())
    client = ModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=2)
    client.connect()
    compare(
        "tcp",
        lambda: bus.read(1, 3, 100, 40, timeout_s=2),
        lambda: client.read_holding_registers(100, count=40, device_id=1),
        transactions,
    )
    bus.close()
    client.close()
    listener.close()
    os.waitpid(child, 0)


def over_pty(transactions: int) -> None:
    ends = [pty.openpty() for _ in range(2)]
    for _, theirs in ends:
        tty.setraw(theirs)
    children = [in_child(lambda fd=ours: respond(fd, Framing.RTU)) for ours, _ in ends]
    own_port, other_port = (os.ttyname(theirs) for _, theirs in ends)
    bus = open_bus(f"rtu:{own_port}?baudrate=115200", SystemClock())
    client = ModbusSerialClient(other_port, baudrate=115200, retries=0, timeout=2)
    client.connect()
    compare(
        "rtu on a pty",
        lambda: bus.read(1, 3, 100, 40, timeout_s=2),
        lambda: client.read_holding_registers(100, count=40, device_id=1),
        transactions,
    )
    bus.close()
    client.close()
    for child in children:
        os.kill(child, 15)
        os.waitpid(child, 0)
    for end in ends:
        for fd in end:
            os.close(fd)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else TRANSACTIONS
    over_tcp(number)
    over_pty(number)
