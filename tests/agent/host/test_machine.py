"""Figures of the machine: those that it has, and none where it has none or talks nonsense."""

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import machine
from agent.host.machine import read_machine

EMMC = "sys/class/mmc_host/mmc0/mmc0:0001/life_time"
ZONE = "sys/class/thermal/thermal_zone{}/temp"


def put(root: Path, name: str, text: str | bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("files", "figures"),
    [
        ({}, {}),
        ({EMMC: "0x01 0x03\n"}, {"flash_wear_percent": 30}),
        ({EMMC: "0x0B 0x01\n"}, {"flash_wear_percent": 110}),
        ({EMMC: "0x00 0x00\n"}, {}),
        ({EMMC: "0x0C zz\n"}, {}),
        ({ZONE.format(0): "48250\n", ZONE.format(1): "61000\n"}, {"temperature_c": 61}),
        ({ZONE.format(0): "-273200\n", ZONE.format(1): ""}, {}),
        ({"proc/meminfo": "MemTotal: 8 kB\nMemAvailable:  5120 kB\n"}, {"memory_available_bytes": 5_242_880}),
        ({"proc/meminfo": "MemAvailable: many kB\n"}, {}),
    ],
)
def test_what_the_machine_has_is_told(tmp_path: Path, files: dict[str, str], figures: dict[str, int]) -> None:
    for name, text in files.items():
        put(tmp_path, name, text)
    assert read_machine(tmp_path) == figures


@given(st.binary(max_size=200))
def test_any_bytes_in_its_files_give_figures_of_their_range_or_none(raw: bytes) -> None:
    text = raw.decode("ascii", "replace")
    assert all(1 <= step <= machine.LIFE_STEPS_MAX for step in machine._steps(text))
    assert machine._degrees(text) is None or machine._degrees(text) in machine.TEMPERATURE_C
    assert all(figure >= 0 for _, figure in machine._memory(text))


def test_without_a_descriptor_left_there_are_no_figures_and_no_fault() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/", os.O_RDONLY)  # the lowest number that is free
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        found = read_machine()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == {}


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ZONE.format(0)).mkdir(parents=True)
    put(tmp_path, ZONE.format(1), "40000")
    assert read_machine(tmp_path) == {"temperature_c": 40}
