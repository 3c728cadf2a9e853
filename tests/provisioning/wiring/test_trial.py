"""The on/off test: a table of scenes, and no other machine that is ever taken for the one switched."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.wiring.trial import WAIT_S, OnOffTest, Wait, follow
from provisioning.wiring.trial_words import Outcome

World = Callable[[float, bool, float], Mapping[str, float | None]]
"""What meters show at a moment: seconds, whether the machine is on, seconds since it was switched."""


def run(
    test: OnOffTest, world: World, *, every_s: float = 1.0, delay_s: float = 6.0, tells: bool = False
) -> tuple[Outcome, float]:
    """Do as the test asks, `delay_s` after it asks; the result and how long it took."""
    is_on, since_s, asked_s, told = test.begin == "on", -1e9, math.nan, ""
    t_s = 0.0
    for _ in range(4000):
        wait = test.sample(t_s, world(t_s, is_on, t_s - since_s))
        if wait.what == "done":
            assert test.result is not None
            return test.result, t_s
        if wait.what == "switch" and wait.to != told:
            told, asked_s = str(wait.to), t_s
        if wait.what != "switch":
            told = ""
        if told and t_s >= asked_s + delay_s and is_on != (told == "on"):
            is_on, since_s = told == "on", t_s
            if tells:
                test.confirm_switched(t_s, wait.to)
        t_s += every_s
    raise AssertionError("it never ends")


def machine(
    on_w: float, off_w: float = 150.0, *, up_s: float = 4.0, down_s: float = 4.0, noise: float = 0.02
) -> Callable[[float, bool, float], float]:
    """A load that runs up and down, with noise and a slow swing."""

    def watts(t_s: float, is_on: bool, since_s: float) -> float:
        ramp = min(max(since_s, 0.0) / (up_s if is_on else down_s), 1.0)
        share = ramp if is_on else 1 - ramp
        wobble = 1 + noise * math.sin(1.7 * t_s) * math.cos(0.9 * t_s + 1) + 0.03 * math.sin(t_s / 240)
        return off_w + (on_w - off_w) * share * wobble

    return watts


def steady(watts: float, noise: float = 0.02) -> Callable[[float], float]:
    return lambda t_s: watts * (1 + noise * math.sin(2.3 * t_s + watts) + 0.04 * math.sin(t_s / 300 + watts))


P1, T1, T2 = machine(40_000), steady(18_000), steady(9_000)


def blink(t_s: float) -> float:
    """A compressor: on for 40 s, off for 25 s."""
    return 11_000.0 if t_s % 65 < 40 else 200.0


SCENES: dict[str, tuple[OnOffTest, World, str, tuple[str, ...]]] = {
    "its meter follows": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": P1(t, on, s), "m2": T1(t), "m3": T2(t)},
        "follows",
        (),
    ),
    "a fan coasts for a minute": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": machine(15_000, down_s=55, up_s=30)(t, on, s), "m2": T1(t)},
        "follows",
        (),
    ),
    "two meters are the line, and the incomer sees it": (
        OnOffTest(("m1", "m2"), sums=("incomer",)),
        lambda t, on, s: {
            "m1": 0.6 * P1(t, on, s),
            "m2": 0.4 * P1(t + 3, on, s),
            "m3": T1(t),
            "incomer": P1(t, on, s) + T1(t) + T2(t),
        },
        "follows",
        (),
    ),
    "another machine stops and starts meanwhile": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": P1(t, on, s), "m2": blink(t), "m3": T2(t)},
        "follows",
        (),
    ),
    "a part of the line is switched": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": P1(t, on, s) + T1(t), "m2": T2(t)},
        "follows",
        (),
    ),
    "reads fail for a while": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": None if 20 < t < 50 or t % 7 == 0 else P1(t, on, s), "m2": T1(t)},
        "follows",
        (),
    ),
    "treatment follows the production by itself": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": P1(t, on, s), "m2": T1(t) * (1.0 if on else 0.4)},
        "follows",
        (),
    ),
    "its transformers are the wrong way round": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": -P1(t, on, s), "m2": T1(t)},
        "inverted",
        ("m1",),
    ),
    "its transformers sit on another cable": (
        OnOffTest(("m1",), sums=("incomer",)),
        lambda t, on, s: {"m1": T1(t), "m2": P1(t, on, s), "incomer": P1(t, on, s) + T1(t) + T2(t)},
        "elsewhere",
        ("m2",),
    ),
    "they sit on another cable while a third machine starts and stops": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": T1(t), "m2": P1(t, on, s), "m3": blink(t)},
        "elsewhere",
        ("m2",),
    ),
    "one of its two meters sits on another cable": (
        OnOffTest(("m1", "m2")),
        lambda t, on, s: {"m1": 0.6 * P1(t, on, s), "m2": T1(t), "m3": T2(t)},
        "partly",
        ("m2",),
    ),
    "one of its two meters is the wrong way round": (
        OnOffTest(("m1", "m2")),
        lambda t, on, s: {"m1": 0.6 * P1(t, on, s), "m2": -0.4 * P1(t, on, s)},
        "inverted",
        ("m2",),
    ),
    "nobody switches": (
        OnOffTest(("m1",)),
        lambda t, _on, _s: {"m1": steady(40_000)(t), "m2": T1(t), "m3": T2(t)},
        "nothing",
        (),
    ),
    "its transformers are shorted and only the incomer sees the machine": (
        OnOffTest(("m1",), sums=("incomer",)),
        lambda t, on, s: {"m1": 0.0, "m2": T1(t), "incomer": P1(t, on, s) + T1(t)},
        "nothing",
        (),
    ),
    "its meter is dead": (
        OnOffTest(("m1",)),
        lambda t, _on, _s: {"m1": None, "m2": T1(t)},
        "silent",
        (),
    ),
    "its meter dies in the test": (
        OnOffTest(("m1",)),
        lambda t, on, s: {"m1": P1(t, on, s) if t < 15 else None, "m2": T1(t)},
        "silent",
        (),
    ),
    "the machine is off at first": (
        OnOffTest(("m1",), begin="off"),
        lambda t, on, s: {"m1": P1(t, on, s), "m2": T1(t)},
        "follows",
        (),
    ),
    "a small pump among large machines": (
        OnOffTest(("m1",), rated_w=750, sums=("incomer",)),
        lambda t, on, s: {
            "m1": machine(600, 5)(t, on, s),
            "m2": P1(t, True, 1e9),
            "incomer": P1(t, True, 1e9),
        },
        "follows",
        (),
    ),
}


@pytest.mark.parametrize(
    ("every_s", "delay_s", "tells"), [(1.0, 6.0, False), (3.0, 25.0, True), (0.5, 2.0, True)]
)
@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_is_judged_as_it_is(scene: str, every_s: float, delay_s: float, tells: bool) -> None:
    like, world, kind, meters = SCENES[scene]
    test = OnOffTest(like.own, like.sums, like.rated_w, like.begin)
    said, took_s = run(test, world, every_s=every_s, delay_s=delay_s, tells=tells)
    assert (said.kind, said.meters[:1]) == (kind, meters[:1]), said.sentence.en
    assert said.follows == (kind == "follows")
    assert took_s < 4 * (WAIT_S + 20) + 200
    assert all((said.sentence.zh, said.sentence.en, said.remedy.zh, said.remedy.en))


def test_what_the_line_takes_off_and_on_is_told() -> None:
    said, took_s = run(OnOffTest(("m1",)), lambda t, on, s: {"m1": P1(t, on, s), "m2": T1(t)})
    assert said.off_w == pytest.approx(150, abs=5)
    assert said.on_w == pytest.approx(40_000, rel=0.08)
    assert took_s < 60, "settle, off, settle, on: each some ten seconds"
    assert said.sentence.en.startswith("Meter m1 follows: 0.15 kW off, ")


def test_a_person_may_take_half_an_hour_to_the_switch() -> None:
    test = OnOffTest(("m1",), wait_s=3600)
    said, took_s = run(test, lambda t, on, s: {"m1": P1(t, on, s), "m2": T1(t)}, delay_s=1800)
    assert said.follows
    assert said.on_w == pytest.approx(40_000, rel=0.08)
    assert 3600 < took_s < 3700


def test_an_incomer_that_saw_the_machine_is_told_where_nothing_else_did() -> None:
    scene = SCENES["its transformers are shorted and only the incomer sees the machine"]
    said, _ = run(OnOffTest(("m1",), ("incomer",)), scene[1], tells=True)
    assert "incomer of the incomer saw" in said.sentence.en


def test_it_says_what_it_waits_for() -> None:
    test = OnOffTest(("m1",))
    seen: list[tuple[str, object]] = []
    for t_s in range(12):
        wait = test.sample(t_s, {"m1": 40_000.0})
        if not seen or seen[-1] != (wait.what, wait.to):
            seen.append((wait.what, wait.to))
    assert seen == [("settle", None), ("switch", "off")]
    assert test.sample(12, {"m1": None}) == Wait("switch", "off", 40_000.0, WAIT_S - 4)
    for t_s in range(13, 30):
        wait = test.sample(t_s, {"m1": 100.0})
    assert (wait.what, wait.to) in {("settle", None), ("switch", "on")}


def test_what_was_kept_is_judged_again_alike() -> None:
    kept: list[tuple[float, dict[str, float | None]]] = []

    def world(t_s: float, is_on: bool, since_s: float) -> dict[str, float | None]:
        kept.append((t_s, {"m1": P1(t_s, is_on, since_s), "m2": T1(t_s)}))
        return kept[-1][1]

    said, _ = run(OnOffTest(("m1",)), world)
    assert follow(OnOffTest(("m1",)), kept) == said
    assert follow(OnOffTest(("m1",)), kept[:10]) is None


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    on_w=st.floats(300, 2e5),
    noise=st.floats(0, 0.04),
    coast_s=st.floats(1, 50),
    delay_s=st.floats(1, 40),
    failing=st.floats(0, 0.3),
    every_s=st.sampled_from([1.0, 2.0]),
    is_moved=st.booleans(),
)
def test_a_machine_is_found_among_others_that_come_and_go(
    seed: int,
    on_w: float,
    noise: float,
    coast_s: float,
    delay_s: float,
    failing: float,
    every_s: float,
    is_moved: bool,
) -> None:
    rng = np.random.default_rng(seed)
    mine = machine(on_w, 0.01 * on_w, down_s=coast_s, noise=noise)
    moments = np.cumsum(rng.exponential(300, 40))  # others switch every few minutes, each its own way

    def world(t_s: float, is_on: bool, since_s: float) -> dict[str, float | None]:
        count = int(np.searchsorted(moments, t_s))
        others = steady(on_w * 0.5)(t_s) + on_w * 0.4 * (count % 2)
        still = steady(on_w * 0.7, noise)(t_s)
        mine_w = mine(t_s, is_on, since_s)
        found = {"m1": still if is_moved else mine_w, "m2": others, "m3": mine_w if is_moved else still}
        return {name: None if rng.random() < failing else watts for name, watts in found.items()}

    said, _ = run(OnOffTest(("m1",)), world, every_s=every_s, delay_s=delay_s, tells=True)
    if is_moved:
        assert said.kind in {"elsewhere", "nothing"}
        assert said.meters[:1] in {("m3",), ()}
    else:
        assert said.kind == "follows", said.sentence.en


values = st.none() | st.floats() | st.floats(-1e5, 1e5)


@settings(deadline=None, max_examples=60)
@given(
    reads=st.lists(st.dictionaries(st.sampled_from(["m1", "m2", "incomer"]), values), max_size=80),
    steps=st.lists(st.floats(0, 200), min_size=80, max_size=80),
    told=st.lists(st.sampled_from(["on", "off", ""]), min_size=80, max_size=80),
)
def test_whatever_is_read_it_waits_or_judges(
    reads: list[dict[str, float | None]], steps: list[float], told: list[str]
) -> None:
    test, t_s = OnOffTest(("m1",), ("incomer",)), 0.0
    for watts, step_s, word in zip(reads, steps, told, strict=False):
        t_s += step_s
        wait = test.sample(t_s, watts)
        assert (wait.what == "switch") == (wait.to is not None)
        assert (wait.what == "done") == (test.result is not None)
        if word:
            test.confirm_switched(t_s, word)
