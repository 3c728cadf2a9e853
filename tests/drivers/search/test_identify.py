"""Every shipped model is known among all the others, in all that a meter may do with unknown registers."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from attrs import evolve

from drivers.clock import SystemClock
from drivers.errors import BusDownError
from drivers.link.verdict import FUNCTIONS
from drivers.points.model import Model, load, names
from drivers.points.registers import WordOrder
from drivers.search.identify import Match, list_first_reads, probe, same_registers
from drivers.search.identify import identify as name_meter
from drivers.search.plausibility import Code, turn_words
from firmware_sim.device import ILLEGAL_FUNCTION
from tests.drivers.search.simulated import IdleClock, SaysBus, bus_of

CLOCK = SystemClock()


def identify(bus: SaysBus, unit_id: int, models: Iterable[Model], *more: Any) -> tuple[Match, ...]:
    return name_meter(bus, unit_id, models, *more).matches


KNOWN = [load(name) for name in names()]
MODBUS = [model for model in KNOWN if all(point.function in FUNCTIONS for point in model.points)]
METERS = [model for model in MODBUS if not model.is_analyser]
TWINS = {"eastron-sdm120", "eastron-sdm230"}
"""Models with the same registers, told apart by a register that not all of them have."""


def twins_of(model: Model) -> set[str]:
    if model.fingerprints:
        return set()
    return {other.name for other in METERS if other is not model and same_registers(model, other)}


def known_as(model: Model, *, strict: bool, watts: float = 30_000.0) -> tuple[Match, ...]:
    return identify(bus_of([model], strict=strict, watts=watts), 1, KNOWN, CLOCK)


def test_the_models_that_nobody_can_tell_apart_are_these() -> None:
    assert {model.name for model in METERS if twins_of(model)} == set()
    bare = [evolve(model, fingerprints=()) for model in METERS if model.name in TWINS]
    assert same_registers(*bare)


@pytest.mark.parametrize("name", sorted(TWINS))
@pytest.mark.parametrize("code", [None, 16384], ids=["no such register", "a code that nobody knows"])
@pytest.mark.parametrize("strict", [False, True], ids=["holes read as zero", "holes are refused"])
def test_twins_without_their_code_are_both_named_with_equal_confidence(
    name: str, code: int | None, strict: bool
) -> None:
    model = load(name)
    marks = () if code is None else (evolve(model.fingerprints[0], one_of=(code,)),)
    served = evolve(model, fingerprints=marks)
    first, second = identify(bus_of([served], strict=strict), 1, KNOWN, CLOCK)[:2]
    assert {first.model.name, second.model.name} == TWINS
    assert first.alike == (second.model.name,)
    assert first.confidence == second.confidence < 0.5
    assert {first.certain, second.certain} == {False}


@pytest.mark.parametrize("strict", [False, True], ids=["holes read as zero", "holes are refused"])
@pytest.mark.parametrize("model", METERS, ids=[model.name for model in METERS])
def test_a_meter_is_named_first_and_alone_but_for_its_twins(model: Model, strict: bool) -> None:
    matches = known_as(model, strict=strict)
    best = next(match for match in matches if match.model.name == model.name)
    assert best.score == matches[0].score
    assert set(best.alike) == twins_of(model)
    assert best.reasons
    if model.fingerprints:
        assert best.certain
        assert best.confidence == pytest.approx(0.99)
    else:
        assert not best.certain
        assert best.confidence < 0.96
    assert sum(match.confidence for match in matches) < 1


@pytest.mark.parametrize("name", [model.name for model in MODBUS if model.is_analyser])
def test_an_analyser_is_taken_for_nothing_else(name: str) -> None:
    assert known_as(load(name), strict=False) == ()


@pytest.mark.parametrize("watts", [500.0, 2_000_000.0])
@pytest.mark.parametrize("name", ["eastron-sdm630", "gavazzi-em340", "acrel-adw300", "chint-dtsu666"])
def test_a_meter_is_known_at_light_and_at_heavy_load(name: str, watts: float) -> None:
    assert known_as(load(name), strict=True, watts=watts)[0].model.name == name


def test_a_meter_with_its_words_the_other_way_round_is_said_to_have_them_so() -> None:
    turned = evolve(
        load("siemens-pac3200"),
        points=tuple(evolve(p, word_order=WordOrder.LOW_FIRST) for p in load("siemens-pac3200").points),
    )
    bus = bus_of([turned])
    assert [match.model.name for match in identify(bus, 1, [load("siemens-pac3200")], CLOCK)] == []
    assert identify(bus, 1, [turned], CLOCK)[0].model is turned


def test_the_reasons_name_voltage_frequency_sums_and_word_order() -> None:
    codes = {reason.code for reason in known_as(load("eastron-sdm630"), strict=True)[0].reasons}
    assert codes >= {
        Code.VOLTAGE_NOMINAL,
        Code.FREQUENCY_NOMINAL,
        Code.PHASE_SUM,
        Code.PRODUCT,
        Code.WORD_ORDER,
        Code.COUNTER,
        Code.SERIAL,
    }


def test_an_identity_that_its_values_contradict_is_not_certain() -> None:
    em340 = load("gavazzi-em340")
    mark = em340.fingerprints[0]

    def respond(_unit: int, function: int, address: int, count: int) -> bytes:
        if (function, address, count) == (mark.function, mark.address, mark.count):
            return int(mark.one_of[0]).to_bytes(2)
        return b"\x7a\x12" * count

    assert not any(match.certain for match in identify(SaysBus(respond), 1, KNOWN, CLOCK))


@pytest.mark.parametrize("word", [b"\xff\xff", b"\0\0", b"\x12\x34", b"\x80\x00"])
def test_nothing_fits_a_device_that_is_no_meter(word: bytes) -> None:
    bus = SaysBus(lambda _unit, _function, _address, count: word * count)
    assert identify(bus, 1, KNOWN, CLOCK) == ()


def test_a_meter_that_refuses_everything_fits_nothing() -> None:
    bus = SaysBus(lambda *_: ILLEGAL_FUNCTION)
    assert probe(bus, 1).how == "refuses"
    assert identify(bus, 1, KNOWN, CLOCK) == ()


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_answers_for_a_silent_meter_is_no_life(code: int) -> None:
    assert not probe(SaysBus(lambda *_: code), 1)


def test_a_silent_address_shows_no_life_and_fits_nothing() -> None:
    bus = bus_of([])
    assert not probe(bus, 1)
    assert identify(bus, 1, KNOWN, CLOCK) == ()


def test_each_model_is_told_before_it_is_tried() -> None:
    noted: list[str] = []
    identify(bus_of([load("hiking-dds238")]), 1, KNOWN, CLOCK, noted.append)
    assert sorted(noted) == sorted([*(model.name for model in METERS), "sunspec"])


def test_a_bus_that_goes_down_is_not_mistaken_for_a_meter_that_does_not_fit() -> None:
    answers: Iterator[bytes] = iter([b"\0\0"] * 3)

    def respond(*_: int) -> bytes:
        for words in answers:
            return words
        raise BusDownError("the cable is out")

    with pytest.raises(BusDownError):
        identify(SaysBus(respond), 1, KNOWN, CLOCK)


@pytest.mark.parametrize("model", METERS, ids=lambda model: model.name)
def test_a_meter_that_is_silent_about_all_but_its_own_points_is_found_and_named(model: Model) -> None:
    bus = bus_of([model], strict=True)
    has = {(one.function, at) for one in model.points for at in range(one.address, one.address + one.count)}
    has |= {
        (one.function, at) for one in model.fingerprints for at in range(one.address, one.address + one.count)
    }
    says = bus._says

    def respond(unit_id: int, function: int, address: int, count: int) -> bytes | int | None:
        if not {(function, at) for at in range(address, address + count)} <= has:
            return None
        words = says(unit_id, function, address, count)
        return None if isinstance(words, int) else words

    bus._says = respond
    life = probe(bus, 1, first_reads=list_first_reads(KNOWN))
    assert life.how == "answers"
    best = name_meter(bus, 1, KNOWN, IdleClock(), control=life.control).matches[0]
    assert model.name in {best.model.name, *best.alike}


@pytest.mark.parametrize("name", ["eastron-sdm630", "chint-dtsu666", "wago-879"])
def test_a_meter_that_sends_its_words_in_the_other_order_is_told_with_a_model_that_reads_it(
    name: str,
) -> None:
    wired = turn_words(load(name))
    bus = bus_of([wired])
    found = name_meter(bus, 1, [load(name)], CLOCK)
    assert found.matches == ()
    assert [model.points for model in found.turned] == [wired.points]
    assert name_meter(bus_of([load(name)]), 1, [load(name)], CLOCK).turned == ()
