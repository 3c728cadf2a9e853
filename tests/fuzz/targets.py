"""Every decoder that reads from outside, by name."""

from typing import Final

from tests.fuzz import (
    centre,
    clues,
    curtailment,
    dlt645,
    enrolment,
    evidence,
    files,
    hj212,
    modbus,
    orders,
    packs,
    spool,
    wire,
)
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for part in (
        modbus,
        dlt645,
        hj212,
        evidence,
        centre,
        packs,
        wire,
        files,
        enrolment,
        spool,
        orders,
        clues,
        curtailment,
    )
    for target in part.TARGETS
}
