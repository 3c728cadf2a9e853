"""Row 36: what the broker doubles or reorders changes nothing at the centre."""

import random
from pathlib import Path

import pytest

from centre.core import Incoming
from tests.faults.line import Line


@pytest.mark.parametrize("seed", range(3))
def test_36_duplicates_and_reordering_at_the_centre_change_nothing(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    kept: list[Incoming] = []

    def meddle(batch: list[Incoming]) -> list[Incoming]:
        kept.extend(batch)
        again = dice.sample(kept, min(len(kept), 3))
        mixed = [*batch, *batch, *again]
        dice.shuffle(mixed)
        return mixed

    with Line(tmp_path) as line:
        line.centre.meddle = meddle
        for _ in range(6):
            line.gateway.seal(dice.randint(1, 6))
            line.turn()
        line.deliver()
        records = [one["record"] for one in line.centre.lines if one["type"] in {"record", "episode"}]
        assert len(records) == len(set(records)), "each record is handed on once"
        assert {finding["code"] for finding in line.centre.findings()} <= {"boot", "clock_state", "gap"}
        line.check()
        assert line.centre.held() == line.held()
