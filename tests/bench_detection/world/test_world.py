"""The second world is what it says: the same for the same seed, honest where it claims to be, sane in watts."""

import numpy as np
import pytest

from tests.bench_detection.cases import MISSING
from tests.bench_detection.world.kinds import KINDS, draw
from tests.bench_detection.world.meters import show
from tests.bench_detection.world.works import spans

DAYS = 17
BARE_S = 180
"""The longest that any honest plant here emits without treatment."""
ALL = [(kind, variant) for kind, one in KINDS.items() for variant in range(one.variants)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plant_is_the_same_for_the_same_seed_and_another_for_another(kind: str) -> None:
    one, again, other = (show(draw(kind, 0, seed, days=10)) for seed in (1, 1, 2))
    for line, twin in zip(one.lines, again.lines, strict=True):
        assert np.array_equal(line.watts, twin.watts)
    assert np.array_equal(one.times_s, again.times_s)
    assert not np.array_equal(one.lines[0].watts, other.lines[0].watts)


@pytest.mark.parametrize(("kind", "variant"), ALL)
def test_an_honest_plant_emits_nothing_without_treatment_beyond_minutes(kind: str, variant: int) -> None:
    works = draw(kind, variant, 5, days=DAYS)
    treated = np.logical_or.reduce([one.on for one in works.of(treatment=True)])
    bare = works.producing & ~works.dead & ~treated
    for a, b in works.excused:
        bare[a:b] = False
    assert works.producing.any()
    longest = max((b - a for a, b in spans(bare)), default=0) * works.dt_s
    assert works.duty or longest <= BARE_S


@pytest.mark.parametrize(("kind", "variant"), ALL)
def test_watts_are_those_of_the_machine_that_the_nameplate_names(kind: str, variant: int) -> None:
    plant = show(draw(kind, variant, 6, days=9))
    for line in plant.lines:
        known = line.watts[line.watts != MISSING]
        assert known.min() >= 0
        assert known.max() < 1.5 * line.rated_w + max(plant.works.step_w.values(), default=0) + 6000
        for values in line.channels.values():
            assert np.array_equal(np.isnan(values), line.watts == MISSING)


def test_a_meter_without_one_phase_shows_two_thirds_and_the_current_as_it_is() -> None:
    works = draw("lost_phase", 1, 3, days=24)
    sick = show(works)
    lost = works.phase.pop("t1") < 1
    sound = show(works)
    at = lost & (sick.lines[1].watts != MISSING) & (sound.lines[1].watts > 1000)
    assert at.sum() > 100
    assert sick.lines[1].watts[at] / sound.lines[1].watts[at] == pytest.approx(2 / 3, rel=0.01)
    for name, share in (("voltage_v", 2 / 3), ("current_a", 1.0)):
        assert np.allclose(sick.lines[1].channels[name][at], share * sound.lines[1].channels[name][at])


def test_a_pulse_meter_counts_the_energy_that_was_used() -> None:
    works = draw("coarse", 2, 4, days=9)
    works.loss_share = 0
    plant = show(works)
    shown = sum(int(line.watts.sum()) for line in plant.lines)
    true = sum(float(one.watts.sum()) for one in works.machines)
    assert shown == pytest.approx(true, rel=0.002)
