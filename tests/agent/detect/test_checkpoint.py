"""A kill at any moment changes no episode."""

import hashlib
import random
from array import array
from functools import cache
from itertools import pairwise
from typing import Any

import cbor2
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.detect.checkpoint import pack_numbers, unpack_numbers
from agent.detect.detector import CheckpointError, Detector
from agent.detect.params import LinkageParams
from tests.agent.detect.timeline import T0_S, line, linkage, outcomes, run

SLOTS = 2_000
Row = tuple[str, float, int]


def params() -> LinkageParams:
    return evolve(
        linkage(("p1", "p2"), correlation_minutes=30, correlation_sd_w=500.0, correlation_limit=0.3),
        treatment=(line("t1", noise_floor=0.002, stuck_on_s=600),),
        duty_window_s=120,
        overrun_s=5_400,
    )


@cache
def rows() -> tuple[Row, ...]:
    """A wild afternoon: stops, idling, holes, a stuck meter, late and doubled samples."""
    rng = random.Random(11)
    found: list[Row] = []
    for slot in range(SLOTS):
        t_s = T0_S + slot * 10.0
        u = 6_000 + 3_000 * ((slot // 150) % 3) if slot % 700 > 60 else 50
        t = 12_000 if slot % 500 < 350 else (0 if slot % 1000 < 500 else 3_000)
        if 1_200 < slot < 1_300:
            t = 12_000
        for name, watts in (("p1", u), ("p2", u // 2), ("t1", t)):
            if rng.random() < 0.03 or (name == "t1" and 800 < slot < 840):
                continue
            noise = 0 if name == "t1" and 1_200 < slot < 1_300 else rng.randrange(60)
            found.append((name, t_s - (600 if rng.random() < 0.01 else rng.randrange(15)), watts + noise))
    return tuple(found)


def fed(detector: Detector, part: tuple[Row, ...], start: int = 0) -> list[dict[str, Any]]:
    found = []
    for index, (name, t_s, watts) in enumerate(part, start):
        detector.sample(name, t_s, watts)
        found += detector.advance(T0_S + index * 10 * SLOTS / len(rows()))
    return [episode.to_body() for episode in found]


@cache
def uninterrupted() -> list[dict[str, Any]]:
    return fed(Detector([params()]), rows())


def test_the_afternoon_has_something_of_everything() -> None:
    assert {body["rule"] for body in uninterrupted()} >= {"off", "idle", "data_loss", "stuck", "flat"}


@given(st.lists(st.integers(0, len(rows())), max_size=4))
@settings(deadline=None, max_examples=25)
def test_a_kill_at_any_moment_gives_the_same_episodes(cuts: list[int]) -> None:
    detector = Detector([params()])
    found = []
    edges = [0, *sorted(cuts), len(rows())]
    for begin, end in pairwise(edges):
        found += fed(detector, rows()[begin:end], begin)
        checkpoint = detector.checkpoint()
        detector = Detector([params()])
        detector.restore(checkpoint)
    assert found == uninterrupted()


@pytest.mark.parametrize("raw", [b"", b"\xff" * 40, b"\x00" * (1 << 21)])
def test_bytes_that_are_no_checkpoint_are_refused_and_the_detector_is_as_new(raw: bytes) -> None:
    detector = Detector([params()])
    with pytest.raises(CheckpointError):
        detector.restore(raw)
    assert detector.checkpoint() == Detector([params()]).checkpoint()
    assert fed(detector, rows()) == uninterrupted()


@given(st.integers(0, 7_000), st.integers(1, 255))
@settings(deadline=None, max_examples=40)
def test_a_damaged_checkpoint_is_refused(at: int, flip: int) -> None:
    good = bytearray(healthy_checkpoint())
    good[at % len(good)] ^= flip
    with pytest.raises(CheckpointError):
        Detector([linkage()]).restore(bytes(good))


@cache
def healthy_checkpoint() -> bytes:
    return run(linkage(), [(20, {"p1": 10_000, "t1": 9_000})])[1].checkpoint()


@pytest.mark.parametrize(
    "body", [[99, 0, 0, {}, {}, {}, []], [2, 0, 0, [], {}, {}, []], {}, 7, [2, 5, 5, {}, {}, {}]]
)
def test_a_checkpoint_of_another_shape_is_refused_and_the_detector_is_as_new(body: object) -> None:
    raw = cbor2.dumps(body)
    detector = Detector([linkage()])
    with pytest.raises(CheckpointError):
        detector.restore(hashlib.sha256(raw).digest() + raw)
    assert detector.checkpoint() == Detector([linkage()]).checkpoint()


def test_changed_parameters_start_anew_but_open_episodes_are_still_cleared() -> None:
    on, bare = {"p1": 10_000, "t1": 9_000}, {"p1": 10_000, "t1": 0}
    episodes, old = run(linkage(), [(30, on), (30, bare)])
    assert outcomes(episodes) == [("off", "raised")]
    detector = Detector([linkage(grace_s=310)])
    detector.restore(old.checkpoint())
    found = []
    for slot in range(364, 500):
        detector.sample("p1", T0_S + slot * 10, 10_000 + slot % 3)
        detector.sample("t1", T0_S + slot * 10, 9_000 + slot % 3)
        found += detector.advance(T0_S + slot * 10)
    assert outcomes(found) == [("off", "cleared")]
    assert found[0].id == episodes[0].id


@given(st.lists(st.integers(-(2**62), 2**62)), st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_numbers_come_back_and_powers_take_four_bytes(numbers: list[int], powers: list[int]) -> None:
    for row in (numbers, powers):
        assert unpack_numbers(pack_numbers(row), len(row)).tolist() == row
        assert unpack_numbers(array("q", row).tobytes(), len(row)).tolist() == row, "as versions before wrote"
    assert len(pack_numbers(powers)) == 4 * len(powers)
