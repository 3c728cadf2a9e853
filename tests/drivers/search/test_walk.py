"""The search of a bus on paper: what is probed in which order, and what the bytes mean."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusUrlError
from drivers.link.verdict import Framing, Request
from drivers.modbus.frame import encode_request
from drivers.poll.meter import METER_UNIT_ID_MAX
from drivers.search.diagnosis import Finding, FindingKind, diagnose
from drivers.search.patient import Control
from drivers.search.prober import settings_to_try, url_at
from drivers.search.signs import ProbeResult, Sign, judge_bytes
from drivers.search.walk import (
    GARBLED_AGAIN,
    LAST_PASS_S,
    QUICK_UNITS,
    USUAL,
    BusSetting,
    Probe,
    Walk,
    list_settings,
)
from tests.drivers.frames import encode_exception, encode_reply

REQUEST = Request(5, 3, 0, 1)
ANSWER = encode_reply(Framing.RTU, REQUEST, b"\x12\x34")
OTHER = encode_reply(Framing.RTU, Request(4, 3, 0, 1), b"\x12\x34")
LONG = encode_reply(Framing.RTU, Request(5, 3, 0, 20), bytes(range(1, 41)))
THINNED = bytes(byte if byte.bit_count() % 2 else 0 for byte in LONG)
"""What a UART set to no parity makes of 8E1: a stop bit that is 0 costs the character."""
N9600, E9600 = BusSetting(9600, "N"), BusSetting(9600, "E")
ALL = tuple(range(1, METER_UNIT_ID_MAX + 1))


def next_of(walk: Walk) -> Probe | None:
    """The probe of the next question."""
    ask = walk.next()
    return None if ask is None else ask.probe


Bus = Callable[[Probe], ProbeResult]


@pytest.mark.parametrize(
    ("data", "sign", "others"),
    [
        (b"", Sign.SILENT, ()),
        (ANSWER, Sign.ANSWERS, ()),
        (b"\x00\xff" + ANSWER, Sign.ANSWERS, ()),
        (encode_request(Framing.RTU, REQUEST) + ANSWER, Sign.ANSWERS, ()),
        (encode_exception(Framing.RTU, REQUEST, 1), Sign.REFUSES, ()),
        (encode_exception(Framing.RTU, REQUEST, 11), Sign.GATEWAY, ()),
        (encode_exception(Framing.RTU, REQUEST, 5), Sign.BUSY, ()),
        (encode_exception(Framing.RTU, REQUEST, 6), Sign.BUSY, ()),
        (ANSWER + ANSWER, Sign.GARBLED, ()),
        (ANSWER + encode_exception(Framing.RTU, REQUEST, 2), Sign.GARBLED, ()),
        (ANSWER[:-1] + b"\x00\x07", Sign.GARBLED, ()),
        (OTHER, Sign.OTHERS, (4,)),
        (OTHER + ANSWER, Sign.ANSWERS, (4,)),
        (encode_request(Framing.RTU, Request(9, 4, 8, 2)), Sign.OTHERS, ()),
        (encode_request(Framing.RTU, REQUEST), Sign.ECHO, ()),
        (b"\x00", Sign.BREAK, ()),
        (bytes(12), Sign.BREAK, ()),
        (bytes(byte ^ 0xFF for byte in LONG), Sign.INVERTED, ()),
        (THINNED, Sign.PARITY, ()),
        (b"\x86\xe6\x1e\x98\xf8\x06\x9e\x60\xfe", Sign.UNFRAMED, ()),
    ],
)
def test_every_kind_of_bytes_has_its_sign(data: bytes, sign: Sign, others: tuple[int, ...]) -> None:
    result = judge_bytes(Framing.RTU, REQUEST, data)
    assert (result.sign, result.others, result.size) == (sign, others, len(data))


@pytest.mark.parametrize(
    ("data", "sign"),
    [
        (b"", Sign.SILENT),
        (encode_reply(Framing.TCP, REQUEST, b"\0\1", 7), Sign.ANSWERS),
        (
            encode_reply(Framing.TCP, REQUEST, b"\0\1", 6) + encode_exception(Framing.TCP, REQUEST, 2, 7),
            Sign.REFUSES,
        ),
        (encode_exception(Framing.TCP, REQUEST, 10, 7), Sign.GATEWAY),
        (encode_reply(Framing.TCP, REQUEST, b"\0\1", 6), Sign.SILENT),
        (b"HTTP/1.1 400 Bad Request", Sign.UNFRAMED),
    ],
)
def test_a_tcp_bus_is_judged_by_its_own_frames(data: bytes, sign: Sign) -> None:
    assert judge_bytes(Framing.TCP, REQUEST, data, 7).sign is sign


@given(st.binary(max_size=300), st.sampled_from(list(Framing)))
def test_any_bytes_have_a_sign(data: bytes, framing: Framing) -> None:
    result = judge_bytes(framing, REQUEST, data)
    assert result.size == len(data)
    assert (result.sign is Sign.SILENT) or data


def walk_over(walk: Walk, line: Bus, seconds: float = 0.3) -> list[Probe]:
    """The whole walk over a simulated bus: all probes in their order."""
    probes = []
    while (probe := next_of(walk)) is not None:
        probes.append(probe)
        walk.record(probe, line(probe), seconds)
    return probes


def silent(_ask: Probe) -> ProbeResult:
    return ProbeResult(Sign.SILENT)


def meters_at(line: BusSetting | None, *units: int, function: int = 3, wrong: Sign = Sign.SILENT) -> Bus:
    """A bus of these meters; at another setting they make bytes of a kind."""

    def respond(probe: Probe) -> ProbeResult:
        if probe.setting != line:
            return ProbeResult(wrong)
        return ProbeResult(
            Sign.ANSWERS if probe.unit_id in units and probe.function == function else Sign.SILENT
        )

    return respond


def a_walk(**more: bool) -> Walk:
    return Walk(tuple(list_settings()), ALL, 0.3, **more)


def test_the_usual_comes_first_and_everything_comes_once() -> None:
    probes = walk_over(a_walk(), silent)
    quick = QUICK_UNITS * len(USUAL)
    assert [(probe.setting, probe.unit_id) for probe in probes[:33]] == [(N9600, u) for u in range(1, 33)] + [
        (E9600, 1)
    ]
    assert {probe.setting for probe in probes[:quick]} == set(USUAL)
    assert {probe.unit_id for probe in probes[:quick]} == set(range(1, QUICK_UNITS + 1))
    assert max(Counter(probes).values()) == 1
    assert {(probe.setting, probe.unit_id) for probe in probes if probe.function == 3} == {
        (line, unit) for line in list_settings() for unit in ALL
    }


@pytest.mark.parametrize(
    ("line", "unit", "function"),
    [
        (N9600, 1, 3),
        (E9600, 33, 3),
        (BusSetting(115200, "N"), 247, 3),
        (BusSetting(230400, "O"), 32, 3),
        (BusSetting(230400, "O"), 247, 3),
        (N9600, 247, 4),
        (BusSetting(2400, "E"), 1, 4),
    ],
    ids=str,
)
def test_a_meter_is_found_at_every_setting_and_address(line: BusSetting, unit: int, function: int) -> None:
    walk = a_walk()
    walk_over(walk, meters_at(line, unit, function=function))
    assert list(walk.found) == [Probe(line, unit, function)]
    assert diagnose(walk) == ()


def test_one_meter_settles_the_setting_and_the_others_of_the_line_are_found_there() -> None:
    walk = a_walk()
    probes = walk_over(walk, meters_at(E9600, 3, 40, 247))
    assert [probe.unit_id for probe in walk.found] == [3, 40, 247]
    after = probes[probes.index(Probe(E9600, 3)) + 1 :]
    assert {probe.setting for probe in after} == {E9600}
    assert len([probe for probe in after if probe.function == 3]) == METER_UNIT_ID_MAX - 3
    assert not any(probe.function == 4 and probe.unit_id in {3, 40, 247} for probe in after)


def test_with_all_settings_wanted_none_is_dropped() -> None:
    walk = a_walk(keep_settings=True)
    probes = walk_over(walk, meters_at(N9600, 1))
    assert {probe.setting for probe in probes} == set(list_settings())


def test_the_quick_pass_alone_ends_after_it() -> None:
    assert len(walk_over(a_walk(quick=True), silent)) == QUICK_UNITS * len(USUAL)


def test_the_quick_pass_is_told_from_the_rest() -> None:
    walk = a_walk()
    quick = 0
    while walk.is_quick:
        probe = next_of(walk)
        assert probe is not None
        walk.record(probe, ProbeResult(Sign.SILENT), 0.3)
        quick += 1
    assert quick == QUICK_UNITS * len(USUAL)
    assert next_of(walk) is not None


def test_units_that_are_all_high_are_asked_quickly_too() -> None:
    walk = Walk((None,), tuple(range(100, 105)), 0.3, quick=True)
    assert [probe.unit_id for probe in walk_over(walk, silent)] == [100, 101, 102, 103, 104]


def test_the_time_left_is_what_the_rest_takes() -> None:
    walk = a_walk()
    while (probe := next_of(walk)) is not None:
        before = walk.left_s
        walk.record(probe, ProbeResult(Sign.SILENT), walk.cost_s(probe.setting))
        assert walk.left_s == pytest.approx(before)
    assert walk.left_s == 0
    fresh, other = a_walk(), a_walk()
    assert fresh.left_s == pytest.approx(
        sum(fresh.cost_s(probe.setting) for probe in walk_over(other, silent))
    )


def test_the_time_left_follows_what_was_measured() -> None:
    walk = Walk((None,), ALL, 0.3)
    for _ in range(100):
        probe = next_of(walk)
        assert probe is not None
        walk.record(probe, ProbeResult(Sign.GATEWAY), 0.02)
    assert walk.left_s == pytest.approx(0.02 * (walk.total - walk.done))


def test_what_questions_cost_beyond_the_time_out_is_reckoned_with_at_settings_not_yet_tried() -> None:
    walk, slow_s = a_walk(), 0.15
    silence_s = {line: walk.cost_s(line) for line in walk.settings}
    probe = next_of(walk)
    assert probe is not None
    walk.record(probe, ProbeResult(Sign.SILENT), silence_s[probe.setting] + slow_s)
    assert all(walk.cost_s(line) == pytest.approx(cost + slow_s) for line, cost in silence_s.items())


def test_the_time_left_of_the_quick_pass_is_its_own() -> None:
    walk, quick = a_walk(), a_walk(quick=True)
    assert walk.quick_left_s == pytest.approx(quick.left_s)
    while walk.is_quick and (probe := next_of(walk)) is not None:
        walk.record(probe, ProbeResult(Sign.SILENT), walk.cost_s(probe.setting))
    assert (walk.quick_left_s, walk.is_silent) == (0, True)
    assert walk.left_s > 1000


def test_a_late_answer_finds_the_meter_that_was_asked_before() -> None:
    walk = Walk((N9600,), ALL, 0.3, quick=True)
    walk_over(
        walk, lambda probe: ProbeResult(Sign.OTHERS, (5,)) if probe.unit_id == 6 else ProbeResult(Sign.SILENT)
    )
    assert [probe.unit_id for probe in walk.found] == [5]


def test_a_damaged_answer_is_asked_for_again_before_it_is_believed() -> None:
    noise = iter([ProbeResult(Sign.GARBLED)])
    walk = Walk((N9600,), (7,), 0.3, quick=True)
    walk_over(walk, lambda _: next(noise, ProbeResult(Sign.ANSWERS)))
    assert walk.found == {Probe(N9600, 7): ProbeResult(Sign.ANSWERS)}
    walk = Walk((N9600,), (7,), 0.3, quick=True)
    assert len(walk_over(walk, lambda _: ProbeResult(Sign.GARBLED))) == 1 + GARBLED_AGAIN
    assert diagnose(walk) == (Finding(FindingKind.SHARED_ADDRESS, "7"),)


def always(sign: Sign) -> Bus:
    return lambda _: ProbeResult(sign)


def only_at(line: BusSetting, sign: Sign) -> Bus:
    return lambda probe: ProbeResult(sign if probe.setting == line else Sign.SILENT)


@pytest.mark.parametrize(
    ("line", "findings"),
    [
        (silent, (Finding(FindingKind.DEAD),)),
        (always(Sign.ECHO), (Finding(FindingKind.ECHO_ONLY),)),
        (always(Sign.UNFRAMED), (Finding(FindingKind.NOISE, ", ".join(sorted(map(str, USUAL)))),)),
        (only_at(E9600, Sign.UNFRAMED), (Finding(FindingKind.WRONG_SETTING, "9600 8E1"),)),
        (only_at(E9600, Sign.PARITY), (Finding(FindingKind.WRONG_PARITY, "9600 8E1"),)),
        (only_at(E9600, Sign.BREAK), (Finding(FindingKind.RESTS_WRONG, "9600 8E1"),)),
        (only_at(E9600, Sign.INVERTED), (Finding(FindingKind.SWAPPED, "9600 8E1"),)),
        (only_at(E9600, Sign.OTHERS), (Finding(FindingKind.OTHER_MASTER, "9600 8E1"),)),
        (meters_at(E9600, 3, wrong=Sign.UNFRAMED), ()),
    ],
)
def test_a_line_is_told_by_its_bytes(line: Bus, findings: tuple[Finding, ...]) -> None:
    walk = a_walk(quick=True)
    walk_over(walk, line)
    assert diagnose(walk) == findings


def test_a_gateway_without_meters_is_told_from_a_dead_bus() -> None:
    walk = Walk((None,), ALL, 0.3)
    walk_over(walk, always(Sign.GATEWAY))
    assert diagnose(walk) == (Finding(FindingKind.NO_METER_BEHIND_GATEWAY),)


def test_a_walk_that_has_not_begun_says_nothing() -> None:
    assert diagnose(a_walk()) == ()


@given(st.lists(st.sampled_from(list(Sign)), max_size=60))
def test_whatever_a_line_says_the_walk_ends_and_asks_nothing_twice_but_what_was_damaged(
    signs: list[Sign],
) -> None:
    results = iter(signs)
    walk = Walk((N9600, E9600), tuple(range(1, 9)), 0.3)
    probes = walk_over(walk, lambda _: ProbeResult(next(results, Sign.SILENT)))
    assert max(Counter(probes).values()) <= 1 + GARBLED_AGAIN
    assert walk.left_s == 0
    assert walk.done == walk.total == len(probes)
    diagnose(walk)


@pytest.mark.parametrize(
    ("url", "everything", "lines"),
    [
        ("tcp://h", False, (None,)),
        ("rtu+tcp://h:1", True, (None,)),
        ("rtu:/dev/x?baudrate=9600&parity=E", False, (E9600,)),
        ("rtu:/dev/x?baudrate=9600", False, (N9600, E9600, BusSetting(9600, "O"))),
        ("rtu:/dev/x?baudrate=9600&parity=E", True, tuple(list_settings())),
        ("rtu:/dev/x?baudrate=9600&parity=N&stopbits=2", False, (BusSetting(9600, "N", 2),)),
        ("rtu:/dev/x", False, tuple(list_settings())),
    ],
)
def test_what_the_url_names_is_kept(url: str, everything: bool, lines: tuple[BusSetting | None, ...]) -> None:
    assert settings_to_try(url, everything=everything) == lines


@pytest.mark.parametrize("url", ["rtu:/dev/x?baudrate=9601", "ftp://x", "rtu:/dev/x?speed=1"])
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(BusUrlError):
        settings_to_try(url, everything=False)


def test_the_url_at_a_setting_names_all_of_it() -> None:
    assert url_at("rtu:/dev/x?parity=O", E9600) == "rtu:/dev/x?baudrate=9600&parity=E&stopbits=1"
    assert url_at("tcp://h", None) == "tcp://h"


def test_a_setting_is_called_as_people_call_it() -> None:
    assert str(BusSetting(19200, "E")) == "19200 8E1"
    assert all(USUAL.values())


FIRST_READS = (Control(4, 52, 2), Control(3, 19000, 2), Control(3, 8192, 2))


def only_at(*there: tuple[int, Control], setting: BusSetting | None = N9600) -> Bus:
    """Meters that answer nothing but one read each, beside meter 7, which answers register 0."""

    def respond(probe: Probe) -> ProbeResult:
        asked = Control(probe.function, probe.address, probe.count)
        is_there = (probe.unit_id, asked) in {*there, (7, Control(3, 0))} and probe.setting == setting
        return ProbeResult(Sign.ANSWERS if is_there else Sign.SILENT)

    return respond


@pytest.mark.parametrize("read", FIRST_READS)
@pytest.mark.parametrize("unit", [1, 9, 20])
def test_a_meter_that_answers_only_what_a_model_has_is_found_at_last(unit: int, read: Control) -> None:
    walk = a_walk()
    walk.first_reads = FIRST_READS
    walk_over(walk, only_at((unit, read)))
    assert {probe.unit_id for probe in walk.found} == {7, unit}


def test_the_last_pass_takes_no_longer_than_its_time_unless_everything_is_wanted() -> None:
    walk = a_walk()
    walk.first_reads = FIRST_READS
    last = [probe for probe in walk_over(walk, only_at()) if probe.address]
    assert 0.9 * LAST_PASS_S < 0.3 * len(last) <= LAST_PASS_S
    whole = Walk((N9600,), (7, 8, 9), 0.3, keep_settings=True, first_reads=FIRST_READS)
    assert len([probe for probe in walk_over(whole, only_at()) if probe.address]) == 2 * len(FIRST_READS)


def test_where_the_setting_is_not_known_no_last_pass_is_made() -> None:
    walk = a_walk()
    walk.first_reads = FIRST_READS
    assert not [probe for probe in walk_over(walk, silent) if probe.address]
