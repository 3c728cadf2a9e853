"""The same deeds are found live, by a file and by the chain, however often meters are read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.build import detector_feed_of
from agent.detect.episode import Episode, Severity
from agent.detect.learning.backtest import keep_latest, run
from agent.detect.params import DT_MAX_S, DT_S
from agent.site.file import load_site, parse_site
from agent.site.linkages import find_slot_s, linkages_of, list_polling_misfits
from provisioning.learning.backtest_run import backtest
from provisioning.learning.backtest_run import find_slot_s as find_slot_of_file
from provisioning.learning.learn import learn_linkage
from provisioning.learning.learned import write_parameters
from provisioning.learning.loads_chain import read_chain
from provisioning.loads.loads import Loads
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import wanted_lines
from tests.agent.rig import BEGIN_S
from tests.provisioning.learning.test_commission_chain import PLAN, Maker, stamp

HOUR: Final = 3600
DAY: Final = 86_400
LEARNED_DAYS: Final = 3
FIRST_S: Final = BEGIN_S - BEGIN_S % DAY
TESTED: Final = (LEARNED_DAYS * DAY + 4 * HOUR, LEARNED_DAYS * DAY + 20 * HOUR)
"""One day from before its first shift until after its last."""
DEEDS: Final = (("late_start", 6.0, 6.75), ("off", 9.0, 10.0), ("idle", 12.0, 13.5))
"""Rule, begin and end in hours of the day."""

Samples = tuple[np.ndarray, np.ndarray]


def loads_at(
    t: np.ndarray, line: str, rng: np.random.Generator, deeds: Sequence[tuple[str, float, float]]
) -> np.ndarray:
    """Watts of a shift from 6 to 18 h, with the fan from a minute before until three minutes after it."""
    hour = t % DAY / HOUR
    lunch = (hour >= 15) & (hour < 15.75)
    if line == "p1":
        on = (hour >= 6) & (hour < 18) & ~lunch
        return np.where(on, 48_000 * (1 + rng.normal(0, 0.03, len(t))), 900 + rng.normal(0, 10, len(t)))
    on = (hour >= 5.98) & (hour < 18.05) & ~((hour >= 15.05) & (hour < 15.73))
    watts = np.where(on, 18_000 * (1 + rng.normal(0, 0.01, len(t))), 15 + rng.normal(0, 1, len(t)))
    for rule, begin, end in deeds:
        during = (t >= LEARNED_DAYS * DAY) & (hour >= begin - 0.5 * (rule == "late_start")) & (hour < end)
        watts = np.where(during, watts * 0.35 if rule == "idle" else 15 + rng.normal(0, 1, len(t)), watts)
    return watts


def poll(
    line: str, polling_s: float, seed: int, deeds: Sequence[tuple[str, float, float]] = DEEDS
) -> Samples:
    """When a meter was read and what it showed: with jitter, some polls missed, and a phase of its own."""
    rng = np.random.default_rng([seed, len(line), ord(line[0])])
    count = int(TESTED[1] / polling_s)
    t = (np.arange(count) + rng.uniform(0, 1)) * polling_s + rng.uniform(-0.05, 0.05, count) * polling_s
    t = np.round(np.sort(t[rng.random(count) >= 0.03]), 3)
    return FIRST_S + t, np.rint(loads_at(t, line, rng, deeds))


def merge(samples: Mapping[str, Samples], first_s: float, drop: int = 0) -> Loads:
    """Rows as a file has them: one for each reading; the last `drop` are not there."""
    rows = sorted(
        (at, line, value) for line, (t, watts) in samples.items() for at, value in zip(t, watts, strict=True)
    )
    rows = [row for row in rows if row[0] >= first_s][: None if not drop else -drop]
    watts = {
        line: np.array([value if name == line else np.nan for _, name, value in rows]) for line in samples
    }
    return Loads(np.array([at for at, _, _ in rows]), watts)


def polled(polling_s: float) -> str:
    """The site file of two meters that are read every `polling_s`."""
    return re.sub(r'line = "[pt]1"', lambda found: f"{found[0]}\nfast_s = {polling_s}", PLAN)


class Plant:
    """A plant that is polled every `polling_s`, with its site file and its parameters."""

    def __init__(
        self, folder: Path, polling_s: float, seed: int, deeds: Sequence[tuple[str, float, float]] = DEEDS
    ) -> None:
        self.samples = {line: poll(line, polling_s, seed, deeds) for line in ("p1", "t1")}
        text = polled(polling_s)
        site = parse_site(text, folder / "site.toml")
        learning = merge(self.samples, FIRST_S).to_recording().between(FIRST_S, FIRST_S + LEARNED_DAYS * DAY)
        learned = learn_linkage(site, site.linkage[0], learning, find_slot_s(site))
        assert learned.ready, learned.findings
        self.params = evolve(learned.params, utc_offset="+00:00")
        self.text = write_parameters(text, [self.params])
        self.tested = merge(self.samples, FIRST_S + TESTED[0])
        self.folder = folder

    def by_file(self) -> list[Episode]:
        """Through a CSV file."""
        path = self.folder / "loads.csv"
        loads = self.tested
        cells = [
            ["" if value != value else f"{value:.0f}" for value in loads.watts[line]]  # noqa: PLR0124  NaN
            for line in ("p1", "t1")
        ]
        rows = [f"{at:.3f},{p},{t}" for at, p, t in zip(loads.times_s, *cells, strict=True)]
        path.write_text("\n".join(("time,p1,t1", *rows)) + "\n", "utf-8")
        site = parse_site(self.text, self.folder / "site.toml")
        return list(backtest(site, read_loads(path, wanted_lines(site)), 0).episodes)

    def by_recording(self) -> list[Episode]:
        """Straight from the samples."""
        return keep_latest(run([self.params], None, self.tested.to_recording()))

    def live_and_by_chain(self) -> tuple[list[Episode], list[Episode]]:
        """Through a running feed, whose readings are sealed, and through the chain."""
        maker = Maker(self.folder, self.text)
        feed = detector_feed_of(maker.site)
        begin_s = float(self.tested.times_s[0])
        feed.boot(stamp(begin_s, boottime_s=60))
        found: list[Episode] = []
        for index, (at_s, line, watts) in enumerate(self._readings()):
            now = stamp(at_s, boottime_s=at_s - begin_s + 60)
            feed.reading(maker.reading("mp" if line == "p1" else "mt", watts, now))
            found += feed.advance(now)
            if index % 1000 == 999:
                maker.seal(now)
        maker.seal(now)
        site = load_site(maker.close())
        return keep_latest(found), list(backtest(site, read_chain(site, 24.0), 0).episodes)

    def _readings(self) -> Iterator[tuple[float, str, float]]:
        loads = self.tested
        for at_s, p, t in zip(loads.times_s.tolist(), loads.watts["p1"], loads.watts["t1"], strict=True):
            yield (at_s, "p1", p) if p == p else (at_s, "t1", t)  # noqa: PLR0124  NaN


def accusing(episodes: Sequence[Episode]) -> list[Episode]:
    return [one for one in episodes if one.severity in {Severity.VIOLATION, Severity.INTEGRITY}]


def assert_alike(one: Sequence[Episode], two: Sequence[Episode], dt_s: int) -> None:
    """The same rules of the same lines, each beginning and ending within a slot."""
    assert [(a.rule, a.lines, a.severity) for a in one] == [(b.rule, b.lines, b.severity) for b in two]
    for a, b in zip(one, two, strict=True):
        assert abs(a.begin_at_s - b.begin_at_s) <= dt_s
        assert abs((a.end_at_s or 0) - (b.end_at_s or 0)) <= dt_s


def check(folder: Path, polling_s: float, seed: int) -> None:
    plant = Plant(folder, polling_s, seed)
    live, chain = plant.live_and_by_chain()
    file = plant.by_file()
    dt_s = plant.params.dt_s
    assert_alike(live, chain, dt_s)
    assert_alike(live, file, dt_s)
    told = accusing(live)
    assert [one.rule.value for one in told] == [rule for rule, _, _ in DEEDS]
    for one, (_, begin, end) in zip(told, DEEDS, strict=True):
        assert one.end_at_s is not None
        day_s = FIRST_S + LEARNED_DAYS * DAY
        # Meters are read up to a slot after what they show, and a fall is believed when it is seen twice.
        assert -dt_s <= one.begin_at_s - (day_s + begin * HOUR) <= 3 * dt_s
        assert abs(one.end_at_s - (day_s + end * HOUR)) <= 3 * dt_s


@pytest.mark.parametrize("polling_s", [60, 300])
def test_live_file_and_chain_find_the_same_deeds(tmp_path: Path, polling_s: float) -> None:
    check(tmp_path, polling_s, 1)


@pytest.mark.minutes
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("polling_s", [1, 5, 10, 30, 60, 120, 300])
def test_live_file_and_chain_find_the_same_deeds_at_every_polling(
    tmp_path: Path, polling_s: float, seed: int
) -> None:
    check(tmp_path, polling_s, seed)


@pytest.mark.parametrize(("polling_s", "seeds"), [(60, 1), (300, 4)])
def test_an_honest_day_accuses_nobody_at_any_polling(tmp_path: Path, polling_s: float, seeds: int) -> None:
    """Two meters that are read up to a whole poll apart, of which some are missed."""
    for seed in range(seeds):
        assert accusing(Plant(tmp_path, polling_s, 100 + seed, deeds=()).by_recording()) == []


@pytest.mark.minutes
@pytest.mark.parametrize("polling_s", [30, 60, 120, 200, 300])
def test_many_honest_days_accuse_nobody_at_any_polling(tmp_path: Path, polling_s: float) -> None:
    for seed in range(30):
        assert accusing(Plant(tmp_path, polling_s, 200 + seed, deeds=()).by_recording()) == []


@settings(max_examples=20, deadline=None)
@given(
    polling_s=st.integers(1, 400),
    rows=st.integers(40, 300),
    drop=st.integers(0, 1),
    missed=st.floats(0, 0.2),
    jitter=st.floats(0, 0.1),
    phase=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_the_slot_of_a_file_is_that_of_the_site_whatever_rows_it_has(
    polling_s: int, rows: int, drop: int, missed: float, jitter: float, phase: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def read(shift: float) -> Samples:
        times = (np.arange(rows) + shift + rng.uniform(-jitter, jitter, rows) / 2) * polling_s
        kept = rng.random(rows) >= missed
        return times[kept], np.ones(int(kept.sum()))

    loads = merge({"p1": read(0.1), "t1": read(0.1 + phase)}, 0.0, drop)
    site = parse_site(polled(polling_s), Path("site.toml"))
    assert find_slot_s(site) == min(max(polling_s, DT_S), DT_MAX_S)
    assert abs(find_slot_of_file(loads) - find_slot_s(site)) <= 0.05 * polling_s


@pytest.mark.parametrize(
    ("learned_s", "polled_s", "fits"),
    [(10, 1, True), (10, 15, True), (60, 60, True), (300, 60, True), (300, 300, True), (10, 60, False),
     (60, 300, False), (300, 301, False)],
)  # fmt: skip
def test_parameters_carry_their_slot_and_are_checked_against_the_polling(
    learned_s: int, polled_s: float, fits: bool
) -> None:
    params = linkages_of(parse_site(polled(learned_s), Path("site.toml")))
    site = parse_site(write_parameters(polled(polled_s), params), Path("site.toml"))
    assert [one.dt_s for one in linkages_of(site)] == [learned_s]
    problems = list(list_polling_misfits(site, linkages_of(site)))
    assert problems == [] if fits else len(problems) == 1 and "fast_s" in problems[0]
