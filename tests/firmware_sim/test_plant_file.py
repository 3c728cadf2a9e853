import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import firmware_sim
from firmware_sim.layout import BusKind, Parity
from firmware_sim.plant import Plant, load_plant
from firmware_sim.plant_file import FILE_BYTES_MAX, PlantError, to_layout

PLANTS = sorted((Path(firmware_sim.__file__).parent / "plants").glob("*.toml"))


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(PlantError) as caught:
        to_layout(tomllib.loads(text))
    return caught.value.problems


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_every_shipped_plant_loads(path: Path) -> None:
    assert load_plant(path).layout.meters


def test_a_plant_says_what_its_file_says(plant: Callable[..., Plant], start_s: float) -> None:
    works = plant()
    assert works.start_s == start_s
    assert [(bus.kind, bus.wire.parity if bus.wire else None) for bus in works.layout.buses] == [
        (BusKind.TCP, None),
        (BusKind.PTY, Parity.EVEN),
        (BusKind.RTU_TCP, None),
    ]
    assert works.line("t1").meters == ("m2", "m3")
    assert [meter.share for meter in works.layout.meters] == [1.0, 0.5, 0.5]
    assert works.meter("m3").ct_ratio == 20


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('model = "chint-dtsu666"', 'model = "x"', "meter[2].model: unknown model 'x'; known: "),
        ('bus = "b3"', 'bus = "b9"', "meter[2].bus: unknown bus 'b9'; known: b1, b2, b3"),
        ("unit_id = 3", "unit_id = 248", "meter[2].unit_id: must be a whole number from 1 to 247, not 248"),
        ("unit_id = 3", "", "meter[2].unit_id: missing"),
        (
            'bus = "b3"\nunit_id = 3',
            'bus = "b1"\nunit_id = 1',
            "meter[2].unit_id: 1 on bus 'b1' is taken by meter[0]",
        ),
        ('id = "m3"', 'id = "m1"', "meter[2].id: 'm1' is given twice"),
        ("ct_ratio = 20", "ct_ration = 20", "meter[2].ct_ration: unknown key, did you mean ct_ratio?"),
        ("ct_ratio = 20", "strict_holes = 1", "meter[2].strict_holes: must be true or false, not 1"),
        ("ct_ratio = 20", "share = 0.9", "line[1]: its meters' shares add up to 1.4, more than 1"),
        ('kind = "tcp"', 'kind = "udp"', "bus[0].kind: must be one of tcp, rtu+tcp, pty, not 'udp'"),
        ('kind = "tcp"', 'kind = "tcp"\nlink = "/tmp/x"', "bus[0].link: unknown key"),
        ('parity = "E"', 'parity = "X"', "bus[1].parity: must be one of N, E, O, not 'X'"),
        ('lines = ["p1"]', 'lines = ["p9"]', "line[1].profile.lines: unknown line 'p9'; known: p1, t1"),
        ('lines = ["p1"]', 'lines = ["t1"]', "line[1].profile.lines: 't1' follows other lines itself"),
        ('lines = ["p1"]', "lag_s = 3", 'line[1].profile.lines: missing: shape "follows" needs it'),
        ("on_s = 1800, ", "", 'line[0].profile.on_s: missing: shape "batch" needs it'),
        ("on_s = 1800", "on_s = 1800, lag_s = 5", 'line[0].profile.lag_s: shape "batch" has no such key'),
        ("08:00-12:00", "8-12", "line[0].profile.shifts: '8-12' is no window like 08:00-17:30"),
        (
            "on_s = 1800",
            "on_s = 1800, days = [0]",
            "line[0].profile.days: must be ISO weekdays, 1 (Monday) to 7",
        ),
        ("+08:00", "", "plant.start: needs its offset from UTC"),
        (
            "start = 2026-03-02T07:30:00+08:00",
            "start = 12",
            "plant.start: must be a date and time with offset",
        ),
        ("seed = 7", "seeds = 7", "plant.seeds: unknown key, did you mean seed?"),
        ("[plant]", "[plants]\n[plant]", "plants: unknown key, did you mean plant?"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, old: str, new: str, problem: str) -> None:
    assert old in text
    found = problems_of(text.replace(old, new, 1))
    assert any(line.startswith(problem) for line in found), found


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('[[event]]\nwhat = "fire"\nat = 0', "event[0].what: must be one of treatment_off, "),
        (
            '[[event]]\nwhat = "idle"\nline = "p1"\nat = 0\nduration_s = 9',
            "event[0].line: idle happens to treatment",
        ),
        ('[[event]]\nwhat = "idle"\nline = "t1"\nat = 0', "event[0].duration_s: missing"),
        ('[[event]]\nwhat = "gap"\nline = "t1"\nat = 0\nduration_s = 9', "event[0].line: unknown key"),
        (
            '[[event]]\nwhat = "dead_meter"\nmeter = "m9"\nat = 0',
            "event[0].meter: unknown meter 'm9'; known: m1, m2, m3",
        ),
        ('[[event]]\nwhat = "dead_meter"\nmeter = "m1"\nat = "noon"', "event[0].at: must be a date and time"),
        (
            '[[event]]\nwhat = "dead_meter"\nmeter = "m1"',
            "event[0].at: missing, seconds from the plant's start",
        ),
        (
            '[[event]]\nwhat = "ct_off"\nmeter = "m1"\nat = 0\nphases = ["l4"]',
            "event[0].phases: must be an array of l1",
        ),
        ('[[fault]]\nwhat = "late"\nbus = "b2"\nshare = 1.5', "fault[0].share: must be a number from 0 to 1"),
        (
            '[[fault]]\nwhat = "late"\nbus = "b2"\ndelay_s = 2\ndelay_max_s = 1',
            "fault[0].delay_max_s: must be",
        ),
        (
            '[[fault]]\nwhat = "crc_noise"\nbus = "b1"',
            "fault[0].what: frames on the tcp bus 'b1' have no CRC",
        ),
        (
            '[[fault]]\nwhat = "crc_noise"\nmeter = "m1"',
            "fault[0].what: frames on the tcp bus 'b1' have no CRC",
        ),
        ('[[fault]]\nwhat = "silence"\nbus = "b2"\nfrom = 9\nto = 9', "fault[0].to: is not after from"),
        (
            '[[fault]]\nwhat = "exception"\nbus = "b2"\ncode = 0',
            "fault[0].code: must be a whole number from 1 to 255",
        ),
        ('[[fault]]\nwhat = "silence"\nbus = "b2"\ncode = 3', "fault[0].code: unknown key"),
    ],
)
def test_a_mistake_in_what_happens_is_told_with_its_place(text: str, more: str, problem: str) -> None:
    found = problems_of(text + more)
    assert any(line.startswith(problem) for line in found), found


def test_all_mistakes_are_told_at_once(text: str) -> None:
    wrong = text.replace("unit_id = 3", "unit_id = 0").replace('"E"', '"X"').replace("on_s = 1800, ", "")
    places = {line.split(":")[0] for line in problems_of(wrong + '[[event]]\nwhat = "x"\n')}
    assert {"meter[2].unit_id", "bus[1].parity", "line[0].profile.on_s", "event[0].what"} <= places


def test_an_empty_file_says_what_is_missing() -> None:
    assert problems_of("") == (
        "plant.start: missing, a date and time with offset",
        "bus: needs at least one [[bus]]",
        "line: needs at least one [[line]]",
        "meter: needs at least one [[meter]]",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = ", "Invalid value"),
        (b"\xff", "is not UTF-8 at byte 0"),
        (b"#" * (FILE_BYTES_MAX + 1), f"more than {FILE_BYTES_MAX} bytes"),
    ],
)
def test_a_file_that_is_no_plant_is_told_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "plant.toml"
    path.write_bytes(content)
    with pytest.raises(PlantError) as caught:
        load_plant(path)
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]


def test_a_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(PlantError, match="No such file"):
        load_plant(tmp_path / "none.toml")


def test_times_may_be_written_as_moments(plant: Callable[..., Plant], start_s: float) -> None:
    works = plant('[[event]]\nwhat = "dead_meter"\nmeter = "m1"\nat = 2026-03-02T07:40:00+08:00\n')
    assert works.events[0].begin_s == start_s + 600
