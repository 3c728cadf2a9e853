"""The driver against Modbus servers that others wrote: libmodbus' own test server and pymodbus."""

import asyncio
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from drivers.clock import SystemClock
from drivers.errors import DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.modbus.bus import Bus
from drivers.poll.bus import open_bus

CLOCK = SystemClock()
EXAMPLES = Path("/usr/share/doc/libmodbus-dev/examples")
UNIT = 255  # what libmodbus' server answers with at its special addresses
SPECIAL = 0x170
INVALID_TRANSACTION = 0x171
SLEEP_500_MS = 0x172
BYTE_SLEEP_5_MS = 0x173


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (EXAMPLES / "unit-test-server.c").exists() or shutil.which("gcc") is None:
        pytest.fail("libmodbus' test server is missing: apt-get install libmodbus-dev gcc")
    folder = tmp_path_factory.mktemp("libmodbus")
    for name in ("unit-test-server.c", "unit-test.h"):
        shutil.copy(EXAMPLES / name, folder)
    return folder


@pytest.fixture(scope="module")
def libmodbus(server_source: Path) -> Iterator[Bus]:
    port = find_free_port()
    source = server_source / "unit-test-server.c"
    source.write_text(source.read_text("utf-8").replace("1502", str(port)), "utf-8")
    binary = server_source / "server"
    built = subprocess.run(
        ["gcc", "-w", "-I/usr/include/modbus", "-o", binary, source, "-lmodbus"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.fail(f"libmodbus' test server cannot be built: {built.stderr}")
    with subprocess.Popen([binary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        bus = open_bus(f"tcp://127.0.0.1:{port}", CLOCK)
        try:
            _first_answer(bus)
            yield bus
        finally:
            bus.close()
            server.kill()


def _first_answer(bus: Bus) -> None:
    """Wait until the server listens: it says so nowhere, and serves one connection only."""
    for _ in range(100):
        try:
            bus.read(UNIT, 4, 0x108, 1, timeout_s=1)
        except DriverError:
            CLOCK.sleep(0.02)
        else:
            return
    pytest.fail("libmodbus' test server does not answer")


def test_libmodbus_serves_input_registers(libmodbus: Bus) -> None:
    assert libmodbus.read(UNIT, 4, 0x108, 1, timeout_s=1).words == b"\x00\x0a"
    assert libmodbus.read(3, 3, 0x160, 0x10, timeout_s=1).words == bytes(0x20)


def test_libmodbus_refuses_what_it_does_not_have(libmodbus: Bus) -> None:
    with pytest.raises(ExceptionReplyError) as refused:
        libmodbus.read(UNIT, 3, 0x100, 3, timeout_s=1)
    assert refused.value.code == 2


def test_libmodbus_gives_a_busy_exception_at_its_special_address(libmodbus: Bus) -> None:
    with pytest.raises(ExceptionReplyError) as refused:
        libmodbus.read(UNIT, 3, SPECIAL, 1, timeout_s=1)
    assert refused.value.code == 6


def test_libmodbus_with_the_wrong_count_is_rejected(libmodbus: Bus) -> None:
    with pytest.raises(ReplyError, match="2 bytes instead of 4"):
        libmodbus.read(UNIT, 3, 0x160, 2, timeout_s=0.1)


def test_libmodbus_with_an_invalid_transaction_id_is_rejected(libmodbus: Bus) -> None:
    with pytest.raises((ReplyError, ReplyTimeoutError)):
        libmodbus.read(UNIT, 3, INVALID_TRANSACTION, 1, timeout_s=0.1)
    assert libmodbus.read(UNIT, 4, 0x108, 1, timeout_s=1).words == b"\x00\x0a"


def test_libmodbus_that_sleeps_is_waited_for_because_it_does_one_thing_at_a_time(libmodbus: Bus) -> None:
    """The answer comes behind the time-out, before anything else was asked: it is the reading."""
    late = libmodbus.read(UNIT, 3, SLEEP_500_MS, 1, timeout_s=0.1)
    assert late.words == b"\0\0"
    assert late.latency_s >= 0.4
    assert libmodbus.read(UNIT, 4, 0x108, 1, timeout_s=2).words == b"\x00\x0a"
    assert libmodbus.stats.late == 0


def test_libmodbus_that_sends_one_byte_in_5_ms_is_read(libmodbus: Bus) -> None:
    assert libmodbus.read(UNIT, 3, BYTE_SLEEP_5_MS, 1, timeout_s=1).words == b"\0\0"


@contextmanager
def pymodbus_server(framer: FramerType) -> Iterator[int]:
    """pymodbus' own server in a thread of its own; the port it listens on."""
    started = threading.Event()
    port = find_free_port()
    loop = asyncio.new_event_loop()
    block = ModbusSequentialDataBlock(1, list(range(1000, 1200)))  # pymodbus counts registers from 1
    context = ModbusServerContext(devices={7: ModbusDeviceContext(hr=block, ir=block)}, single=False)
    stop = asyncio.Event()

    async def serve() -> None:
        server = ModbusTcpServer(context, framer=framer, address=("127.0.0.1", port))
        await server.listen()
        started.set()
        await stop.wait()
        await server.shutdown()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize(("framer", "scheme"), [(FramerType.SOCKET, "tcp"), (FramerType.RTU, "rtu+tcp")])
@pytest.mark.parametrize("function", [3, 4])
def test_the_server_of_pymodbus_is_read(framer: FramerType, scheme: str, function: int) -> None:
    with pymodbus_server(framer) as port:
        bus = open_bus(f"{scheme}://127.0.0.1:{port}", CLOCK)
        answered = bus.read(7, function, 20, 100, timeout_s=2)
        assert answered.words == b"".join(n.to_bytes(2) for n in range(1020, 1120))
        with pytest.raises(ExceptionReplyError) as refused:
            bus.read(7, function, 5000, 2, timeout_s=2)
        assert refused.value.code == 2
        bus.close()
