"""Masters of others read the simulator: two of npm over TCP, pymodbus on a pty, beside mbpoll in test_server.

The serial side of the two of npm needs native parts, so the one that can speaks RTU over TCP instead.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pymodbus.client import ModbusSerialClient

from drivers.clock import Clock
from firmware_sim.device import Device
from firmware_sim.plant import Plant
from firmware_sim.server import Server

JS = Path(__file__).parent / "js"
NODE_BIN = Path(sys.executable).parent
NODE_S = 60.0
NOWHERE = 0x7000
CASES = {
    "modbus-serial": ("b1", "m1", (4, 0, 40)),
    "modbus-serial+rtu": ("b3", "m3", (3, 0x2006, 30)),
    "jsmodbus": ("b1", "m1", (4, 0, 40)),
}


@pytest.fixture
def served(
    plant: Callable[..., Plant], still: Callable[[float], Clock], start_s: float
) -> Iterator[tuple[Plant, Mapping[str, str]]]:
    works = plant()
    with Server(works, still(start_s)) as server:
        yield works, server.urls


def registers(works: Plant, meter: str, asked: tuple[int, int, int], t_s: float) -> list[int]:
    """What the meter truly has."""
    words = Device(works.meter(meter), works).answer(*asked, t_s)
    assert isinstance(words, bytes)
    return [int.from_bytes(words[i : i + 2]) for i in range(0, len(words), 2)]


@pytest.mark.parametrize("library", CASES)
def test_a_master_of_npm_reads_the_registers_and_understands_the_refusal(
    served: tuple[Plant, Mapping[str, str]], library: str, start_s: float
) -> None:
    node = shutil.which("node", path=f"{NODE_BIN}:{os.environ['PATH']}")
    if node is None or not (JS / "node_modules" / library.partition("+")[0]).exists():
        pytest.fail(f"node or {library} is missing: make test installs them")
    works, urls = served
    bus, meter, asked = CASES[library]
    place = urlsplit(urls[bus])
    unit_id = works.meter(meter).unit_id
    arguments = (place.hostname, place.port, unit_id, *asked, NOWHERE)
    ran = subprocess.run(
        [node, str(JS / "read.mjs"), library, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=NODE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    read = json.loads(ran.stdout)
    assert read["words"] == registers(works, meter, asked, start_s)
    assert any(read["words"])
    assert read["refusal"] == "exception 2"


def test_pymodbus_reads_a_pty_and_understands_the_refusal(
    served: tuple[Plant, Mapping[str, str]], start_s: float
) -> None:
    works, urls = served
    path = urls["b2"].partition(":")[2].partition("?")[0]
    client = ModbusSerialClient(path, baudrate=9600, timeout=5, retries=0)
    assert client.connect()
    try:
        read = client.read_input_registers(0, count=40, device_id=2)
        assert read.registers == registers(works, "m2", (4, 0, 40), start_s)
        assert any(read.registers)
        refused = client.read_input_registers(NOWHERE, count=2, device_id=2)
        assert (refused.isError(), refused.exception_code) == (True, 2)
    finally:
        client.close()
