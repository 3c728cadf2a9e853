"""Every decoder that reads from outside, by name."""

from typing import Final

from tests.fuzz import evidence, files, modbus, packs, wire
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for target in (*modbus.TARGETS, *evidence.TARGETS, *packs.TARGETS, *wire.TARGETS, *files.TARGETS)
}
