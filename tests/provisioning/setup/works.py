"""A works to set up: its simulator with a socket for its machines, and the person who switches them."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from firmware_sim.control import ask
from provisioning.demo.parts import Part

SMALL = """
[plant]
start = 2026-03-02T09:00:00+08:00
seed = 20260611
[[bus]]
id = "b1"
kind = "tcp"
[[bus]]
id = "b2"
kind = "pty"
[[line]]
id = "p1"
kind = "production"
rated_w = 60000
profile = { shape = "continuous", level = 0.7, ramp_s = 1 }
[[line]]
id = "t1"
kind = "treatment"
rated_w = 22000
profile = { shape = "continuous", level = 0.8, ramp_s = 1 }
[[meter]]
id = "m1"
model = "schneider-pm5xxx"
bus = "b1"
unit_id = 1
line = "p1"
power_factor = 0.85
wiring = { mistake = "ct_reversed", phases = ["l3"] }
[[meter]]
id = "m2"
model = "siemens-pac3200"
bus = "b1"
unit_id = 2
line = "t1"
share = 0.6
[[meter]]
id = "m3"
model = "abb-b23"
bus = "b2"
unit_id = 3
line = "t1"
share = 0.4
"""
SMALL_ANSWERS = """
language = "zh"
technician = "王伟"
[site]
gateway = "jn-3"
name = "小厂"
[[line]]
id = "p1"
kind = "production"
name = "喷涂线"
rated_kw = 60
meters = ["b1:1"]
[[line]]
id = "t1"
kind = "treatment"
name = "排风喷淋"
rated_kw = 22
meters = ["b1:2", "b2:3"]
[wiring]
reads = 3
pause_s = 0.3
"""


@define
class Works:
    """The simulator's buses, in the plant file's order, and the socket of its machines."""

    simulator: Part
    socket: Path
    buses: dict[str, str]

    def switch(self, line: str, to: str) -> None:
        """What a person does at the machine."""
        answer = ask(self.socket, f"{line} {to}")
        assert "error" not in answer, answer


@contextlib.contextmanager
def works_at(folder: Path, plant: str | None = None) -> Iterator[Works]:
    """The plant of a text, or the one of ten meters, served on loopback and ptys."""
    folder.mkdir()
    name = "ten-meters"
    if plant is not None:
        name = str(folder / "plant.toml")
        (folder / "plant.toml").write_text(plant, "utf-8")
    (folder / "links").mkdir()
    socket = folder / "plant.sock"
    call = ["firmware_sim.main", "serve", name, "--control", str(socket), "--links", str(folder / "links")]
    simulator = Part("simulator", call, folder)
    simulator.start()
    try:
        urls = simulator.first_line()["buses"]
        yield Works(simulator, socket, {bus: url.partition("?")[0] for bus, url in urls.items()})
    finally:
        simulator.stop()


@define
class Ended:
    """How a setup with --yes --json ended."""

    code: int
    events: list[dict[str, Any]]
    said: str
    switched: list[tuple[str, str]] = field(factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        """The events of one name."""
        return [one for one in self.events if one["event"] == name]


def set_up(works: Works, folder: Path, answers: Path, *words: str) -> Ended:
    """Run a setup for scripts; somebody switches the machines that it asks to be switched."""
    command = [sys.executable, "-P", "-m", "provisioning.cli", "setup", *words, "--folder", str(folder)]
    command += ["--yes", "--json", "--answers", str(answers)]
    ended = Ended(-1, [], "")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        words_said: list[str] = []
        reader = threading.Thread(target=lambda: words_said.extend(process.stderr or ()))
        reader.start()
        for line in process.stdout:
            event = json.loads(line)
            ended.events.append(event)
            if event["event"] == "switch":
                works.switch(event["line"], event["to"])
                ended.switched.append((event["line"], event["to"]))
        ended.code = process.wait()
        reader.join()
        ended.said = "".join(words_said)
    return ended
