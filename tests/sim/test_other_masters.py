"""Masters of others read the simulator over TCP: two of npm, beside mbpoll in test_server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from drivers.clock import Clock
from firmware_sim.device import Device
from firmware_sim.plant import Plant
from firmware_sim.server import Server

JS = Path(__file__).parent / "js"
NODE_BIN = Path(sys.executable).parent
NODE_S = 60.0
ADDRESS, COUNT, NOWHERE = 0, 40, 0x7000


@pytest.fixture
def served(
    plant: Callable[..., Plant], still: Callable[[float], Clock], start_s: float
) -> Iterator[tuple[Plant, str]]:
    works = plant()
    with Server(works, still(start_s)) as server:
        yield works, server.urls["b1"]


@pytest.mark.parametrize("library", ["modbus-serial", "jsmodbus"])
def test_a_master_of_npm_reads_the_registers_and_understands_the_refusal(
    served: tuple[Plant, str], library: str, start_s: float
) -> None:
    node = shutil.which("node", path=f"{NODE_BIN}:{os.environ['PATH']}")
    if node is None or not (JS / "node_modules" / library).exists():
        pytest.skip(f"node or {library} is missing: make test installs them")
    works, url = served
    place = urlsplit(url)
    asked = (place.hostname or "", place.port, 1, 4, ADDRESS, COUNT, NOWHERE)
    ran = subprocess.run(
        [node, str(JS / "read.mjs"), library, *map(str, asked)],
        capture_output=True,
        text=True,
        timeout=NODE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    words = Device(works.meter("m1"), works).answer(4, ADDRESS, COUNT, start_s)
    assert isinstance(words, bytes)
    assert told["words"] == [int.from_bytes(words[i : i + 2]) for i in range(0, len(words), 2)]
    assert any(told["words"])
    assert told["refusal"] == "exception 2"
