"""A timeline in words for the detector: `at` minutes, powers of lines, and what comes of it."""

from collections.abc import Mapping, Sequence

from attrs import evolve

from agent.detect.detector import Detector
from agent.detect.episode import Episode
from agent.detect.line_params import Bin, LineParams, Threshold
from agent.detect.params import LinkageParams

DT_S = 10
T0_S = 1_767_200_400

Watts = Mapping[str, int | None]
Timeline = Sequence[tuple[float, Watts]]
"""Minutes that a state lasts, and the watts of each line in it (None: no answer)."""


def line(name: str, **more: object) -> LineParams:
    plain = LineParams(
        id=name,
        rated_w=20_000,
        ct_range_w=40_000,
        threshold=Threshold(hi_w=4_000, lo_w=2_000),
        fall_from_w=3_000,
    )
    return evolve(plain, **more)


def linkage(
    production: Sequence[str] = ("p1",), treatment: Sequence[str] = ("t1",), **more: object
) -> LinkageParams:
    plain = LinkageParams(
        linkage="k1",
        production=tuple(line(name) for name in production),
        treatment=tuple(line(name) for name in treatment),
        on_production=Threshold(hi_w=4_000, lo_w=2_000),
        on_treatment=Threshold(hi_w=4_000, lo_w=2_000),
        envelope=(
            Bin(from_w=0, lo_w=2_000, median_w=8_000),
            Bin(from_w=8_000, lo_w=7_000, median_w=9_000),
            Bin(from_w=14_000, lo_w=12_000, median_w=15_000),
        ),
        provisional=False,
    )
    return evolve(plain, **more)


def run(params: LinkageParams, timeline: Timeline) -> tuple[list[Episode], Detector]:
    """Feed the timeline with a little ripple, so that no meter looks frozen."""
    detector = Detector([params])
    found: list[Episode] = []
    slot = 0
    for minutes, watts in timeline:
        for _ in range(round(minutes * 60 / DT_S)):
            t_s = T0_S + slot * DT_S
            for name, value in watts.items():
                if value is not None:
                    detector.sample(name, t_s, value + (slot * 7) % 5 if value else 0)
            found += detector.advance(t_s)
            slot += 1
    found += detector.advance(T0_S + (slot + 3) * DT_S)
    return found, detector


def minutes(seconds: float | None) -> float:
    return round(((seconds or 0) - T0_S) / 60, 1)


def outcomes(episodes: Sequence[Episode]) -> list[tuple[str, str]]:
    return [(episode.rule.value, episode.state.value) for episode in episodes]
