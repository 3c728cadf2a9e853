"""The second world is what it says: the same for the same seed, honest, sane in watts, guilty where told."""

import numpy as np
import pytest

from agent.detect.params import nameplate
from tests.bench_detection.cases import MISSING
from tests.bench_detection.scene_b import spans
from tests.bench_detection.world import report
from tests.bench_detection.world.commit import Guilty, commit
from tests.bench_detection.world.kinds import KINDS, draw
from tests.bench_detection.world.meters import show
from tests.bench_detection.world.scene import Deed
from tests.bench_detection.world.score import Accusation, DeedResult, Job, Result
from tests.bench_detection.world.trial import Heard, Learned, Said, Trial

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
def test_a_plant_treats_what_it_emits_and_takes_what_its_nameplates_allow(kind: str, variant: int) -> None:
    works = draw(kind, variant, 5, days=DAYS)
    treated = np.logical_or.reduce([one.on for one in works.of(treatment=True)])
    bare = works.producing & ~works.dead & ~treated
    for a, b in works.excused:
        bare[a:b] = False
    assert works.producing.any()
    longest = max((b - a for a, b in spans(bare)), default=0) * works.dt_s
    assert works.duty or longest <= BARE_S
    for machine in works.machines:
        assert machine.watts.min() >= 0
        assert machine.watts.max() < 1.5 * machine.rated_w


@pytest.mark.parametrize("kind", KINDS)
def test_meters_show_whole_watts_of_the_machine_and_lose_all_channels_of_a_sample_at_once(kind: str) -> None:
    works = draw(kind, KINDS[kind].variants - 1, 6, days=9)
    lump = max(works.step_w.values(), default=0.0) + 3600 / works.dt_s * max(
        works.pulse_wh.values(), default=0
    )
    for line, machine in zip(show(works).lines, sorted(works.machines, key=lambda one: one.id), strict=True):
        known = line.watts != MISSING
        share = works.phase.get(line.id, np.ones(works.n)) * ~works.dead
        off = np.abs(line.watts - machine.watts * share)[known]
        assert off.max() <= 1 + lump + 0.006 * machine.watts.max()
        for values in line.channels.values():
            assert np.array_equal(np.isnan(values), ~known)


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


GUILTY_KINDS = ("plain", "coating", "kiln", "tanks")


@pytest.mark.parametrize("kind", GUILTY_KINDS)
def test_deeds_are_the_same_again_after_learning_apart_and_nothing_else_is_changed(kind: str) -> None:
    honest, guilty, again = (
        show(draw(kind, 0, 4, days=20)), commit(draw(kind, 0, 4, days=20)), commit(draw(kind, 0, 4, days=20)),
    )  # fmt: skip
    assert guilty.deeds == again.deeds
    assert len(guilty.deeds) >= 2
    assert guilty.deeds[0].begin >= honest.works.rare_from
    for one, following in zip(guilty.deeds, guilty.deeds[1:], strict=False):
        assert following.begin - one.end > honest.works.slots(60)
    free = np.ones(honest.works.n, np.bool_)
    for deed in guilty.deeds:
        free[deed.begin - honest.works.slots(300) : deed.end + honest.works.slots(100)] = False
    assert free.mean() > 0.3
    for line, twin in zip(honest.lines, guilty.plant.lines, strict=True):
        assert np.array_equal(line.watts[free], twin.watts[free])


@pytest.mark.parametrize(("kind", "seed"), [("plain", 1), ("plain", 2), ("pelletizer", 3), ("series", 4)])
def test_treatment_is_gone_where_a_deed_says_off_while_production_goes_on(kind: str, seed: int) -> None:
    honest, guilty = show(draw(kind, 0, seed, days=24)), commit(draw(kind, 0, seed, days=24))
    offs = [one for one in guilty.deeds if one.name.startswith(("off at", "late", "early", "not started"))]
    assert offs
    for deed in offs:
        at = slice(deed.begin, deed.end)
        treated = [line.watts[at] for line in guilty.plant.lines if line.treatment]
        usual = [line.watts[line.watts > 0].max() for line in honest.lines if line.treatment]
        for watts, most in zip(treated, usual, strict=True):
            assert watts.max() < 0.1 * most, deed
        assert honest.works.producing[at].mean() > 0.6, deed


def shown(guilty: Guilty, deed: Deed, name: str) -> np.ndarray:
    line = next(one for one in guilty.plant.lines if one.id == name)
    watts = line.watts[deed.begin : deed.end]
    return watts[watts != MISSING]


@pytest.mark.parametrize("seed", [1, 2])
def test_tricks_show_at_the_meter_as_their_name_says(seed: int) -> None:
    guilty = [commit(draw(kind, 0, seed, days=24)) for kind in ("plain", "pelletizer")]
    checked = 0
    for one, deed in [(each, deed) for each in guilty for deed in each.deeds]:
        if deed.name == "treatment meter stuck, fan off":
            assert len(set(shown(one, deed, "t1").tolist())) == 1
        elif deed.name == "CTs of production lifted off":
            assert shown(one, deed, "p1").max() == 0
            assert np.median(shown(one, deed, "t1")) > 100
        elif deed.name.startswith("all CTs of"):
            assert np.median(shown(one, deed, "t1" if "treatment" in deed.name else "p1")) < 0
        elif deed.name == "heater instead of the fan":
            watts = shown(one, deed, "t1")
            assert watts.std() < 0.01 * watts.mean()
        else:
            continue
        checked += 1
    assert checked >= 2


def test_each_deed_finds_its_place_somewhere() -> None:
    found = set()
    for kind in ("plain", "pelletizer"):
        for seed in (1, 2):
            found |= {one.name for one in commit(draw(kind, 1, seed, days=24)).deeds}
    assert len(found) >= 12, sorted(found)


def test_an_episode_counts_from_when_its_worst_was_said() -> None:
    heard = Heard(
        "k1", [Said(5, "unlearned", "notice"), Said(9, "off", "violation"), Said(12, "off", "notice")]
    )
    assert heard.worst == Said(9, "off", "violation")
    learned = Learned(nameplate("k1", {"p1": 9e4}, {"t1": 2e4}), 72, (), ())
    assert Trial(learned=learned, heard=(heard,)).grave() == [Said(9, "off", "violation")]


def result(**more: object) -> Result:
    return Result(job=Job(kind="plain", variant=0, seed=1), months=10.0, **more)  # type: ignore[arg-type]


def missed(results: list[Result]) -> set[str]:
    return {row.what for row in report.targets(results, 5.0) if row.met is False}


def test_absent_data_is_missed_and_what_was_not_asked_is_not() -> None:
    nothing = missed([])
    assert {"honest pair-months", "violations", "notices", "recall of plain deeds"} <= nothing
    deed = DeedResult(deed="off", plain=True, hidden="", begin_h=1, end_h=2, delay_s=240.0, rule="off")
    wrong = Accusation(rule="stuck", severity="integrity", hours=3, why="")
    good = missed([result(gaps=3, deeds=(deed,))])
    assert good == {"kinds of plant without a case"}
    assert missed([result(gaps=3, deeds=(deed,), false=(wrong,) * 4)]) == {
        *good,
        "violations and integrity findings",
    }
    assert missed([result(gaps=3, gaps_accused=1, deeds=(deed,), notices=("x",) * 11)]) == {
        *good, "gaps in which a violation was said", "notices",
    }  # fmt: skip
