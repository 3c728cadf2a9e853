"""Analysers judged live: dishonest ones are asked about once, honest plants never, also over restarts."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, evolve

from agent.detect.params import LinkageParams
from agent.emissions.watching import Watching
from agent.emissions.window import CURVE_POINTS_MAX, SETTLED_MIN, WINDOW_MIN, Window
from agent.site.file import Site, parse_site
from agent.site.linkages import find_hold_s, linkages_of
from agent.site.setups import lines_of, setups_of
from agent.store.gateway import read_seals_from
from drivers.clock import Stamp
from drivers.hj212.encoding import encode
from drivers.hj212.times import write_time
from drivers.points.model import Model
from drivers.poll.meter import MeterSetup
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence.record import Kind, ReadingRecord, decode_record, encode_reading, encode_record
from tests.agent.rig import BEGIN_S
from tests.drivers.hj212.test_receiver import of_region
from tests.provisioning.learning.test_commission_chain import Maker, stamp
from tests.provisioning.marks.test_verb import WORK_W, with_analyser

MINUTES: Final = 390
OFF: Final = range(200, 300)
TREATED_W: Final = 15_000


@define
class Story:
    """What happens in each minute."""

    so2: Callable[[int], tuple[float, str]]
    o2: Callable[[int], tuple[float, str]] = lambda at: (9.0 + at % 13 / 8, "N")
    off: range = range(0)
    rest: range = range(0)


def usual(at: int, level: float = 30.0) -> tuple[float, str]:
    return level + at * 7919 % 101 / 25, "N"


def frozen(at: int) -> tuple[float, str]:
    return (21.5, "N") if 150 <= at < 330 else usual(at)


def marked(mark: str, length: int) -> Callable[[int], tuple[float, str]]:
    return lambda at: (usual(at)[0], mark) if 100 <= at < 100 + length else usual(at)


HONEST: Final = {
    "it treats": Story(usual),
    "treatment stops and the gas shows it": Story(
        lambda at: usual(at, 300.0 if at in OFF else 30.0), off=OFF
    ),
    "nothing is made while treatment stands": Story(usual, off=OFF, rest=OFF),
    "an hour of calibration": Story(marked("C", 60)),
    "it stands with the plant": Story(marked("F", 100), rest=range(100, 200)),
    "it reads the last value while the plant rests": Story(frozen, rest=range(150, 330)),
    "treatment is washed for half an hour": Story(usual, off=range(200, 230)),
    "an analyser that only knows zero": Story(lambda _: (0.0, "N")),
}
ASKED: Final[dict[str, tuple[Story, bool, list[tuple[str, str, bool]]]]] = {
    "clean without treatment": (
        Story(usual, off=OFF), True, [("clean", "begins", False), ("clean", "ends", False)],
    ),
    "clean at first, because the wash takes its time": (
        Story(lambda at: usual(at, 300.0 if 250 <= at < 390 else 30.0), off=range(200, 390)), True,
        [("clean", "begins", False), ("clean", "withdrawn", False)],
    ),
    "one value frozen": (Story(frozen), True, [("frozen", "begins", False), ("frozen", "ends", False)]),
    "two frozen together": (
        Story(frozen, lambda at: (8.5, "N") if 150 <= at < 330 else (9.0 + at % 13 / 8, "N")), True,
        [*[("frozen", "begins", False)] * 2, *[("frozen", "contradicted", True)] * 2,
         *[("frozen", "ends", True)] * 2],
    ),
    "two frozen, thresholds not learned": (
        Story(frozen, lambda at: (8.5, "N") if 150 <= at < 330 else (9.0 + at % 13 / 8, "N")), False,
        [("frozen", "begins", False), ("frozen", "begins", False), ("frozen", "ends", False),
         ("frozen", "ends", False)],
    ),
    "out of service, and moving": (
        Story(marked("F", 60)), True, [("out", "begins", True), ("out", "ends", True)],
    ),
    "calibrating for more than four hours": (
        Story(marked("C", 260)), True, [("calibrating", "begins", False), ("calibrating", "ends", False)],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Site:
    return parse_site(with_analyser(), Path("site.toml"))


@pytest.fixture(scope="module")
def setups(site: Site) -> dict[str, MeterSetup]:
    return setups_of(site)


def linkages(site: Site, *, learned: bool) -> tuple[LinkageParams, ...]:
    def sure(one: LinkageParams) -> LinkageParams:
        sides = {
            side: tuple(
                evolve(line, threshold=evolve(line.threshold, provisional=False))
                for line in getattr(one, side)
            )
            for side in ("production", "treatment")
        }
        return evolve(one, **sides)

    return tuple(sure(one) if learned else one for one in linkages_of(site))


def window_of(site: Site, setups: dict[str, MeterSetup], *, learned: bool = True) -> Window:
    return Window(setups, lines_of(site), linkages(site, learned=learned), find_hold_s(site))


@cache
def block_of(model: Model, watts: int) -> Block:
    image = model.encode({"active_power": float(watts)})
    words = b"".join(word for _, word in sorted(image.items()))
    return Block(4, min(address for _, address in image), words)


def records(story: Story, minute: int, setups: dict[str, MeterSetup]) -> list[ReadingRecord]:
    """What the meters say in a minute."""
    now = stamp(BEGIN_S + minute * 60)
    (so2, mark), (o2, other), at = story.so2(minute), story.o2(minute), write_time(now.utc_ns // 1_000_000)
    region = f"DataTime={at};a21026-Rtd={so2:.2f},a21026-Flag={mark};a19001-Rtd={o2:.2f},a19001-Flag={other}"
    blocks = {
        "mp": block_of(setups["mp"].model, 500 if minute in story.rest else WORK_W),
        "mt": block_of(setups["mt"].model, 100 if minute in story.off else TREATED_W),
        "cems": Block(212, 2011, encode(of_region(region, f"{at}001"))),
    }
    return [
        ReadingRecord(
            now.utc_ns // 1_000_000,
            now.boottime_ns // 1_000_000,
            now.clock_state,
            meter,
            PollGroup.FAST,
            setups[meter].model.hash[:8],
            (block,),
            Quality.GOOD,
            "",
            0,
        )
        for meter, block in blocks.items()
    ]


def play(
    story: Story, site: Site, setups: dict[str, MeterSetup], *, learned: bool = True, restart_at: int = -1
) -> list[dict[str, Any]]:
    """The events of a story; at `restart_at` a new window reads all again, with the events so far."""
    window, said, past = window_of(site, setups, learned=learned), list[dict[str, Any]](), list[Any]()
    for minute in range(MINUTES):
        for record in records(story, minute, setups):
            past.append((record, BEGIN_S + minute * 60.0))
            window.take_reading(record, BEGIN_S + minute * 60.0)
        if minute == restart_at:
            window = window_of(site, setups, learned=learned)
            for record, at_s in past:
                window.take_reading(record, at_s)
            for body in said:
                window.take_event(body)
        if minute % 30 == 29:
            found = window.judge()
            said += found
            for body in found:
                window.take_event(body)  # as it comes back out of the chain
    return said


def told(said: Sequence[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    return [(one["doubt"], one["state"], one["contradiction"]) for one in said]


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_plant_is_asked_nothing(name: str, site: Site, setups: dict[str, MeterSetup]) -> None:
    assert told(play(HONEST[name], site, setups)) == []


@pytest.mark.parametrize("name", ASKED)
def test_what_does_not_fit_is_asked_about_once_and_told_when_it_is_over(
    name: str, site: Site, setups: dict[str, MeterSetup]
) -> None:
    story, learned, expected = ASKED[name]
    said = play(story, site, setups, learned=learned)
    assert told(said) == expected
    for one in said:
        assert one["severity"] == ("integrity" if one["contradiction"] else "notice")


def test_a_restart_asks_nothing_twice_and_forgets_nothing(site: Site, setups: dict[str, MeterSetup]) -> None:
    story, learned, expected = ASKED["two frozen together"]
    for restart_at in (310,):
        assert told(play(story, site, setups, learned=learned, restart_at=restart_at)) == expected


def test_an_event_has_both_curves_both_languages_and_fits_a_seal(
    site: Site, setups: dict[str, MeterSetup]
) -> None:
    begin, end = play(ASKED["clean without treatment"][0], site, setups)
    assert (begin["from_s"], end["to_s"]) == (BEGIN_S + (OFF.start + 15) * 60, BEGIN_S + OFF.stop * 60)
    assert "治理停运" in end["text_zh"]
    assert "treatment stood" in end["text"]
    curves = end["curves"]
    assert len(curves["value"]) == len(curves["production_w"]) == len(curves["treatment_w"])
    assert len(curves["value"]) <= CURVE_POINTS_MAX
    at = (begin["from_s"] - curves["from_s"]) // curves["step_s"]
    assert (curves["production_w"][at], curves["treatment_w"][at]) == (WORK_W, 100.0)
    raw = encode_record(Kind.EVENT, stamp(BEGIN_S), end)
    assert len(raw) < 4_000
    assert decode_record(raw).body == end  # type: ignore[union-attr]


def test_a_clock_that_was_a_month_ahead_and_is_set_costs_no_question(
    site: Site, setups: dict[str, MeterSetup]
) -> None:
    window, said = window_of(site, setups), list[dict[str, Any]]()
    story = ASKED["clean without treatment"][0]
    for minute in (*range(30 * WINDOW_MIN, 30 * WINDOW_MIN + 60, 5), *range(MINUTES)):
        for record in records(story, minute, setups):
            window.take_reading(record, BEGIN_S + minute * 60.0)
        if minute % 30 == 29:
            said += window.judge()
    assert told(said) == [("clean", "begins", False), ("clean", "ends", False)]


def test_what_is_older_than_a_day_is_forgotten(site: Site, setups: dict[str, MeterSetup]) -> None:
    window = window_of(site, setups)
    for minute in range(0, 3 * WINDOW_MIN, 60):
        for record in records(Story(usual), minute, setups):
            window.take_reading(record, BEGIN_S + minute * 60.0)
        window.judge()
    assert len(window._analysers["cems"]["so2"]) <= WINDOW_MIN // 60 + 1
    assert all(len(one) <= WINDOW_MIN // 60 + 1 for one in window._powers.values())


def test_an_event_that_is_none_of_ours_changes_nothing(site: Site, setups: dict[str, MeterSetup]) -> None:
    window = window_of(site, setups)
    for body in (
        {},
        {"what": "meter"},
        {"what": "emissions"},
        {"what": "emissions", "from_s": "x", "to_s": 1},
    ):
        window.take_event(body)
    assert window.list_open() == []
    assert window.judge() == []


@define
class At:
    """A clock that stands."""

    now: Stamp

    def stamp(self) -> Stamp:
        return self.now


@pytest.mark.parametrize("later_s", [pytest.param(0, marks=pytest.mark.minutes), 20 * 3600])
def test_the_own_chain_is_read_beside_the_agent_from_a_day_before_now(later_s: int, tmp_path: Path) -> None:
    maker = Maker(tmp_path, with_analyser())
    setups, story = setups_of(maker.site), ASKED["one value frozen"][0]
    for minute in range(360):
        for record in records(story, minute, setups):
            now = stamp(BEGIN_S + minute * 60)
            reading = Reading(
                record.meter,
                PollGroup.FAST,
                now,
                setups[record.meter].model.hash,
                record.blocks,
                Quality.GOOD,
            )
            maker.pending.append(encode_reading(reading))
        if minute % 4 == 3:
            maker.seal(stamp(BEGIN_S + minute * 60))
    chain = maker.close().parent / "state/chain.db"
    clock = At(stamp(BEGIN_S + 360 * 60 + later_s))
    window = window_of(maker.site, setups)
    watching = Watching(window, partial(read_seals_from, chain), clock)  # type: ignore[arg-type]
    while watching.turn():
        pass
    (found,) = list(watching.due(clock.now))
    assert (found.kind, dict(found.body)["state"]) == (Kind.EVENT, "ends")  # type: ignore[arg-type]
    assert watching.list_open() == []
    first = min(window._analysers["cems"]["so2"]) - BEGIN_S // 60
    assert abs(first - max(0, (later_s // 60 + 360) - WINDOW_MIN)) <= SETTLED_MIN
