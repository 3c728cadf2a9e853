"""A load that is driven by a recording is told from every load that only looks alike."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.detector import Detector
from agent.detect.echo import BLOCK, HISTORY, QUIET, Echo
from tests.agent.detect.test_repetition import FIRST, STEADY, fan, lose
from tests.agent.detect.timeline import DT_S, T0_S, line, linkage


def follow(tape: Sequence[int], hours: int, seed: int = 7) -> list[int]:
    """A heater that follows a tape again and again, with a wander of up to a hundredth of its own."""
    rng = np.random.default_rng(seed)
    played = np.resize(np.array(tape, np.float64), hours * BLOCK)
    wander = np.cumsum(rng.normal(0, 2e-4, len(played))).clip(-0.01, 0.01)
    return [round(one) for one in played * (1 + wander) * (1 + rng.normal(0, 3e-4, len(played)))]


def fed(readings: Sequence[int | None], first: int = FIRST) -> tuple[Echo, list[int]]:
    """What is known after these readings, and the slots at which a block closed with an echo."""
    known, found = Echo(first), []
    for slot, raw in enumerate(readings, first):
        if raw is None:
            continue
        if slot >= known.due:
            known.close(slot)
            if known.echoes:
                found.append(slot - first)
        known.readings[slot] = raw
    return known, found


@pytest.mark.parametrize("share", [0.0, 0.02], ids=["all readings", "one in fifty lost"])
@pytest.mark.parametrize("tape_h", [1.5, 4, 11])
def test_a_heater_that_follows_a_tape_is_named_once_the_tape_is_known(tape_h: float, share: float) -> None:
    own = fan(30)
    tape = own[-round(tape_h * BLOCK) :]
    known, found = fed(lose(own + follow(tape, 13), share))
    assert found
    assert len(own) + BLOCK < found[0] <= len(own) + 5 * BLOCK
    told = known.describe(DT_S)
    assert told["echo_percent"] >= 90
    assert told["echo_for_s"] >= 7_200
    assert (known.since - told["echo_from_at_s"] // DT_S) % len(tape) == 0


def test_an_echo_ends_where_the_load_is_its_own_again() -> None:
    own = fan(30)
    played = own + follow(own[-3 * BLOCK :], 8)
    known, found = fed(played + fan(5, seed=2))
    assert not known.echoes
    assert len(played) - BLOCK < found[-1] <= len(played) + BLOCK


def test_an_echo_lasts_over_a_rest_and_nothing_is_said_of_what_is_hardly_known() -> None:
    own = fan(30)
    heater = follow(own[-6 * BLOCK :], 16)
    rest: list[int | None] = [None] * (4 * BLOCK)
    assert fed([*own, *heater[: 4 * BLOCK], *rest, *heater[8 * BLOCK : 9 * BLOCK], *own[:2]])[0].echoes
    assert fed([*own, *([None] * (HISTORY + 5 * BLOCK)), *heater[: 3 * BLOCK], *own[:2]])[1] == []
    thin = [raw if at % 3 else None for at, raw in enumerate(heater)]
    assert fed([*own, *thin])[1] == []


PERIODIC: list[tuple[str, Callable[[], list[int]]]] = [
    ("a pulse of ten minutes, later", lambda: fan(20) + _pulse(fan(20, 3))),
    ("a cycle of a shift, from the first day", lambda: follow(fan(8), 200)),
]


def _pulse(own: list[int]) -> list[int]:
    """A filter that is shaken by a programme of ten minutes, far above the noise."""
    programme = np.resize(20 * (np.array(fan(1, seed=9)[:60]) - 20_000), len(own))
    return [raw + more for raw, more in zip(own, programme.tolist(), strict=True)]


@pytest.mark.parametrize(
    "readings", [one[1] for one in STEADY + PERIODIC], ids=[one[0] for one in STEADY + PERIODIC]
)
def test_what_is_alike_for_an_honest_reason_is_no_echo(readings: Callable[[], list[int]]) -> None:
    assert fed(readings())[1] == []


def test_nothing_is_told_before_it_was_quiet_for_long_enough() -> None:
    own = fan(QUIET - 2)
    assert fed(own + follow(own[-3 * BLOCK :], 30))[1] == []


@given(st.integers(0, 2**32), st.integers(1, 200), st.floats(5.0, 300.0))
@settings(deadline=None, max_examples=8)
def test_no_load_of_its_own_echoes(seed: int, step_w: int, noise_w: float) -> None:
    assert fed(fan(60, seed=seed, step_w=step_w, noise_w=noise_w))[1] == []


@given(
    st.lists(st.sampled_from([None, 0, 5, 20_066, 10**9]), max_size=90),
    st.integers(0, 3 * BLOCK),
    st.integers(-(10**11), 10**11),
)
@settings(deadline=None, max_examples=40)
def test_a_restart_changes_nothing(readings: list[int | None], cut: int, first: int) -> None:
    own = [*fan(2), *readings, *fan(2)]
    whole, _ = fed(own, first)
    before, _ = fed(own[:cut], first)
    after = Echo(0)
    after.restore(before.state())
    for slot, raw in enumerate(own[cut:], first + cut):
        if raw is not None:
            if slot >= after.due:
                after.close(slot)
            after.readings[slot] = raw
    assert after.state() == whole.state()


def test_the_episode_says_what_is_followed_and_who_looks() -> None:
    known = evolve(linkage(), treatment=(line("t1", noise_floor=0.0001),))
    own = [raw // 2 for raw in fan(24)]
    detector, found = Detector([known]), []
    for slot, raw in enumerate([*own, *follow(own[-4 * BLOCK :], 8), *[one // 2 for one in fan(4, seed=2)]]):
        at = T0_S + slot * DT_S
        detector.sample("p1", at, 10_000 + slot % 7)
        detector.sample("t1", at, raw)
        found += detector.advance(at)
        if slot % 5_000 == 4_999:
            again = Detector([known])
            again.restore(detector.checkpoint())
            detector = again
    raised, cleared = found
    assert (raised.rule.value, raised.severity.value, raised.lines) == ("dummy", "integrity", ("t1",))
    assert cleared.state.value == "cleared"
    assert raised.begin_at_s - raised.numbers["echo_from_at_s"] == 4 * 3600
    assert raised.numbers["echo_percent"] >= 90
    assert "turned the same way" in raised.sentence["en"]
    assert "Bureau: look on site whether another load" in raised.sentence["en"]
    assert "升降相同" in raised.sentence["zh"]
