"""What the machine says of itself, where it has such figures: wear of its flash, temperature, free memory.

    {"flash_wear_percent", "temperature_c", "memory_available_bytes"}; a figure that it has not is left out

Wear is what an eMMC estimates to be used of its life, the upper end of a tenth, of the worse of its two
areas: 10 to 100, 110 beyond it (JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST in EXT_CSD). Other disks tell it to
root alone. The temperature is that of the kernel's hottest zone. Read at each heartbeat; none is evidence.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path("/")
LIVES: Final = "sys/class/mmc_host/mmc*/mmc*/life_time"
ZONES: Final = "sys/class/thermal/thermal_zone*/temp"
MEMORY: Final = "proc/meminfo"
LIFE_STEPS_MAX: Final = 11
"""0x0B: beyond the life that was estimated; 0 is not defined."""
TEMPERATURE_C: Final = range(-60, 200)
"""Beyond it a sensor is not connected."""
_FILES_MAX: Final = 32
_BYTES_MAX: Final = 8_192


def read_machine(root: Path = ROOT) -> Mapping[str, int]:
    """The figures now."""
    wear = [10 * step for text in _read(root, LIVES) for step in _steps(text)]
    zones = [degrees for text in _read(root, ZONES) if (degrees := _degrees(text)) is not None]
    figures: dict[str, int] = {}
    if wear:
        figures["flash_wear_percent"] = max(wear)
    if zones:
        figures["temperature_c"] = max(zones)
    for text in _read(root, MEMORY):
        figures.update(_memory(text))
    return figures


def _read(root: Path, pattern: str) -> Iterator[str]:
    try:
        paths = sorted(root.glob(pattern))[:_FILES_MAX]
    except OSError:  # no descriptor left to list a folder
        return
    for path in paths:
        try:
            with path.open("rb") as file:
                yield file.read(_BYTES_MAX).decode("ascii", "replace")
        except OSError:  # a zone whose sensor sleeps, or no descriptor left
            continue


def _steps(text: str) -> Iterator[int]:
    for word in text.split()[:2]:
        try:
            step = int(word, 16)
        except ValueError:
            continue
        if 1 <= step <= LIFE_STEPS_MAX:
            yield step


def _degrees(text: str) -> int | None:
    try:
        degrees = round(int(text) / 1_000)
    except ValueError:
        return None
    return degrees if degrees in TEMPERATURE_C else None


def _memory(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if name == "MemAvailable" and words and words[0].isdigit():
            yield "memory_available_bytes", int(words[0]) * 1_024
