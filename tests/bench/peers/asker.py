"""A master alone, without a gateway around it: our bus, or pymodbus as it comes.

    python -m tests.bench.peers.asker WHO URL SECONDS TIMEOUT_S MANY

WHO is ours, sync or async (pymodbus), URL `rtu:/dev/pts/N?baudrate=…&parity=…` or `tcp://host:port`. It
reads 40 registers of units 1 to 8 in turn, or with MANY 1 other registers and other counts each time, and
prints one JSON line: `right` and `wrong` reads by what the registers say (tests.bench.peers.wire), and
`errors`.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Final

from attrs import define
from pymodbus import ModbusException
from pymodbus.client import (
    AsyncModbusSerialClient,
    AsyncModbusTcpClient,
    ModbusSerialClient,
    ModbusTcpClient,
)

from drivers.clock import SystemClock
from drivers.errors import DriverError
from drivers.poll.bus import open_bus
from drivers.poll.meter import SPARE_REGISTERS_MAX
from tests.bench.peers.wire import register

UNITS: Final = 8
REGISTERS: Final = 40
RECONNECT_S: Final = 0.05

Asked = tuple[int, int, int]


@define
class Tally:
    """What came of the reads."""

    right: int = 0
    wrong: int = 0
    errors: int = 0

    def take(self, asked: Asked, words: bytes | None) -> None:
        """One read; None is an error that the master told of."""
        unit, address, count = asked
        if words is None:
            self.errors += 1
        elif words == b"".join(register(unit, address + index) for index in range(count)):
            self.right += 1
        else:
            self.wrong += 1


class Questions:
    """What is read next."""

    def __init__(self, *, many: bool) -> None:
        self._many = many
        self._rng = random.Random(11)
        self._number = 0

    def next(self) -> Asked:
        """Unit, address, count."""
        self._number += 1
        unit = self._number % UNITS + 1
        if not self._many:
            return unit, 0, REGISTERS
        return unit, self._rng.randrange(0, 120, 8), self._rng.choice((2, 4, 4, 8))


def ours(url: str, seconds: float, timeout_s: float, questions: Questions) -> Tally:
    """Our bus, asked as a poll asks: where a late answer could be mistaken, registers behind are read too."""
    bus, tally, end_s = open_bus(url, SystemClock()), Tally(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        asked = questions.next()
        unit, address, count = asked
        try:
            answer = bus.read(
                unit, 4, address, count, timeout_s=timeout_s, spare_registers=SPARE_REGISTERS_MAX
            )
            words: bytes | None = answer.words
        except DriverError:
            words = None
        tally.take(asked, words)
    bus.close()
    return tally


def _words(registers: Sequence[int]) -> bytes:
    return b"".join(one.to_bytes(2) for one in registers)


def sync(url: str, seconds: float, timeout_s: float, questions: Questions) -> Tally:
    """pymodbus' synchronous client, without repeats."""
    client: ModbusSerialClient | ModbusTcpClient
    if url.startswith("tcp:"):
        host, _, port = url.removeprefix("tcp://").partition(":")
        client = ModbusTcpClient(host, port=int(port), timeout=timeout_s, retries=0)
    else:
        port, baudrate = _serial(url)
        client = ModbusSerialClient(port, baudrate=baudrate, timeout=timeout_s, retries=0)
    client.connect()
    tally, end_s = Tally(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        asked = questions.next()
        unit, address, count = asked
        try:
            answer = client.read_input_registers(address, count=count, device_id=unit)
            words = None if answer.isError() else _words(answer.registers)
        except (ModbusException, OSError):
            words = None
            client.connect()
        tally.take(asked, words)
    client.close()  # type: ignore[no-untyped-call]
    return tally


async def _async(url: str, seconds: float, timeout_s: float, questions: Questions) -> Tally:
    client: AsyncModbusSerialClient | AsyncModbusTcpClient
    if url.startswith("tcp:"):
        host, _, port = url.removeprefix("tcp://").partition(":")
        client = AsyncModbusTcpClient(host, port=int(port), timeout=timeout_s, retries=0)
    else:
        port, baudrate = _serial(url)
        client = AsyncModbusSerialClient(port, baudrate=baudrate, timeout=timeout_s, retries=0)
    await client.connect()
    tally, end_s = Tally(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        asked = questions.next()
        unit, address, count = asked
        try:
            answer = await client.read_input_registers(address, count=count, device_id=unit)
            words = None if answer.isError() else _words(answer.registers)
        except (ModbusException, OSError):
            words = None
            if not client.connected and not await client.connect():
                await asyncio.sleep(RECONNECT_S)
        tally.take(asked, words)
    client.close()
    return tally


def _serial(url: str) -> tuple[str, int]:
    """A pty knows no parity, so the port is opened without: the line's pace has its bit all the same."""
    port, _, query = url.removeprefix("rtu:").partition("?")
    return port, int(dict(pair.split("=") for pair in query.split("&"))["baudrate"])


def main(words: list[str]) -> None:
    """See the module's specification."""
    who, url, seconds, timeout_s, many = words
    call = url, float(seconds), float(timeout_s), Questions(many=many == "1")
    tally = asyncio.run(_async(*call)) if who == "async" else {"ours": ours, "sync": sync}[who](*call)
    report = {"right": tally.right, "wrong": tally.wrong, "errors": tally.errors}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
