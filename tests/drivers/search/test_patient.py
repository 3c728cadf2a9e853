"""A question is asked until chance is excluded; where it cannot be, the bus is said to be too poor."""

import random
from itertools import count

import pytest
from attrs import Factory, define
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.ledger import Ledger
from drivers.link.transaction import Answer, BusStats
from drivers.link.verdict import Request
from drivers.points.model import load, names
from drivers.reading import PollGroup
from drivers.search.identify import identify, probe
from drivers.search.patient import BUDGET_S, TRIES_MAX, Control, PatientBus, UnclearError
from tests.drivers.search.simulated import LATENCY_S, IdleClock, Says, SaysBus, bus_of

KNOWN = [load(name) for name in names()]
CONTROL = Control(3, 0)
HERE, REFUSED, MUTE = 10, 20, 30
"""Registers of a device: one that it has, one that it refuses, one about which it keeps silent."""


def lossy(bus: SaysBus, lost: float, busy: float, seed: int) -> SaysBus:
    draws, says = random.Random(seed), bus._says

    def respond(unit_id: int, function: int, address: int, count: int) -> bytes | int | None:
        drawn = draws.random()
        if drawn < lost:
            return None
        return draws.choice((5, 6)) if drawn < lost + busy else says(unit_id, function, address, count)

    bus._says = respond
    return bus


def device(_unit: int, _function: int, address: int, count: int) -> bytes | int | None:
    return {REFUSED: 2, MUTE: None}.get(address, bytes(2 * count))


@settings(max_examples=200, deadline=None, derandomize=True)  # certain but for one question in 10,000
@given(lost=st.floats(0.0, 0.3), busy=st.floats(0.0, 0.15), seed=st.integers(0, 10_000))
def test_no_loss_makes_a_register_absent_and_none_makes_an_absent_one_present(
    lost: float, busy: float, seed: int
) -> None:
    bus = PatientBus(lossy(SaysBus(device), lost, busy, seed), 1, CONTROL, IdleClock())
    bus.warm_up()
    for address in (HERE, 11, 12, 13):
        try:
            assert bus.read(1, 3, address, 1).words == b"\0\0"
        except UnclearError:
            assert bus.losses.share > 0.2, "a fair bus is no poor one"
    for address, error in ((REFUSED, ExceptionReplyError), (MUTE, ReplyTimeoutError)):
        with pytest.raises((error, UnclearError)):
            bus.read(1, 3, address, 1)


def test_what_is_certain_is_not_asked_again() -> None:
    inner = SaysBus(device)
    bus = PatientBus(inner, 1, CONTROL, IdleClock())
    for _ in range(3):
        bus.read(1, 3, HERE, 1)
        with pytest.raises(ExceptionReplyError):
            bus.read(1, 3, REFUSED, 1)
    asked = [one[2] for one in inner.asked]
    assert asked.count(HERE) == 1
    assert asked.count(REFUSED) == 2, "a refusal is believed when it came twice"


def test_a_meter_that_vanishes_is_not_asked_for_ever() -> None:
    left = iter(range(20))
    inner = SaysBus(lambda *_: b"\0\0" if next(left, None) is not None else None)
    bus = PatientBus(inner, 1, CONTROL, IdleClock())
    bus.warm_up()
    for address in range(100, 200):
        with pytest.raises(UnclearError) if len(inner.asked) >= 20 else pytest.MonkeyPatch.context():
            bus.read(1, 3, address, 1)
    assert len(inner.asked) < 60


@pytest.mark.parametrize("lost", [0.1, 0.3, 0.45])
@pytest.mark.parametrize("name", ["eastron-sdm630", "chint-dtsu666", "gavazzi-em340", "siemens-pac3200"])
def test_a_three_phase_meter_on_a_lossy_bus_is_named_or_nothing_is(name: str, lost: float) -> None:
    for seed in range(6):
        found = identify(lossy(bus_of([load(name)], strict=True), lost, 0.0, seed), 1, KNOWN, IdleClock())
        named = [match.model.name for match in found.matches[:1]]
        assert named == [name] or (named == [] and found.is_too_poor)
        assert found.losses.asked > found.losses.lost


@pytest.mark.parametrize("busy", [0.3, 0.5])
def test_a_meter_that_is_often_busy_is_named(busy: float) -> None:
    for seed in range(5):
        bus = lossy(bus_of([load("eastron-sdm630")]), 0.0, busy, seed)
        life = probe(bus, 1)
        assert life.how in {"answers", "refuses"}
        found = identify(bus, 1, KNOWN, IdleClock(), control=life.control)
        assert found.matches[0].model.name == "eastron-sdm630"
        assert found.losses.busy > 0


def test_a_bus_that_is_too_poor_is_said_to_be_so_with_counts() -> None:
    found = identify(lossy(bus_of([load("eastron-sdm630")]), 0.9, 0.0, 3), 1, KNOWN, IdleClock())
    assert found.is_too_poor
    assert found.matches == ()
    assert found.unjudged
    assert found.losses.lost > TRIES_MAX


def test_a_unit_that_is_always_busy_is_no_meter_that_refuses() -> None:
    assert probe(SaysBus(lambda *_: 6), 1).how == "busy"


@pytest.mark.parametrize("every", [2, 3, 4, 5])
@pytest.mark.parametrize("code", [None, 5, 6])
def test_a_meter_that_fails_in_a_rhythm_is_named(every: int, code: int | None) -> None:
    bus, asked = bus_of([load("chint-dtsu666")], strict=True), count()
    says = bus._says
    bus._says = lambda *read: code if next(asked) % every == 0 else says(*read)
    found = identify(bus, 1, KNOWN, IdleClock())
    assert found.matches[0].model.name == "chint-dtsu666"
    assert not found.unjudged


@pytest.mark.parametrize("deaf_s", [0.15, 0.3, 0.5, 0.7])
def test_a_meter_that_is_deaf_after_each_answer_gets_the_pause_that_it_needs(deaf_s: float) -> None:
    clock, bus = IdleClock(), bus_of([load("chint-dtsu666")], strict=True)
    says, answered_s = bus._says, [-1.0]

    def respond(*read: int) -> bytes | int | None:
        if clock.slept_s < answered_s[0] + deaf_s:
            clock.sleep(0.3)  # the time-out
            return None
        clock.sleep(0.02)
        answered_s[0] = clock.slept_s
        return says(*read)

    bus._says = respond
    found = identify(bus, 1, KNOWN, clock)
    assert found.matches[0].model.name == "chint-dtsu666"
    assert found.losses.lost < found.losses.asked / 4, "the pause is learned, and then nothing is lost"
    again = identify(bus, 1, KNOWN, clock, pause_s=found.pause_s)
    assert again.losses.lost == 0, "a neighbour of its kind costs nothing more"


def test_a_meter_that_hears_each_second_request_is_not_taken_for_one_that_needs_a_pause() -> None:
    clock, bus, asked = IdleClock(), bus_of([load("chint-dtsu666")], strict=True), count()
    says = bus._says
    bus._says = lambda *read: None if next(asked) % 2 else says(*read)
    patient = PatientBus(bus, 1, CONTROL, clock)
    patient.warm_up()
    paused_s = clock.slept_s
    for address in range(0x2006, 0x2016, 2):
        patient.read(1, 3, address, 2)
    assert clock.slept_s == paused_s


def test_a_part_of_an_answer_is_known_and_a_longer_read_than_a_refused_one_is_asked() -> None:
    inner = SaysBus(lambda _unit, _function, _address, count: 2 if count % 2 else bytes(range(2 * count)))
    bus = PatientBus(inner, 1, CONTROL, IdleClock())
    whole = bus.read(1, 3, HERE, 10).words
    assert bus.read(1, 3, HERE + 4, 2).words == whole[8:12]
    with pytest.raises(ExceptionReplyError):
        bus.read(1, 3, HERE + 20, 1)
    assert bus.read(1, 3, HERE + 20, 2).words == bytes(range(4)), "this meter refuses halves of a value"
    assert [one[2:] for one in inner.asked].count((HERE + 4, 2)) == 0


@define
class Wire:
    """A serial bus that waits for late answers, in the time of a clock."""

    inner: SaysBus
    clock: IdleClock
    ledger: Ledger = Factory(lambda: Ledger(is_hasty=True))
    stats: BusStats = Factory(BusStats)
    url: str = "rtu:/dev/none"
    gap_registers_max: int = 31

    def read(
        self,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float,
        spare_registers: int = 0,
    ) -> Answer:
        request = Request(unit_id, function, address, count)
        choice = self.ledger.choose(request, spare_registers, self.clock.slept_s)
        if choice.wait_s > timeout_s:
            raise ReplyTimeoutError("not asked")
        self.clock.sleep(choice.wait_s)
        request = Request(unit_id, function, address, choice.count)
        self.ledger.note_request(request, self.clock.slept_s)
        self.stats.requests += 1
        try:
            answer = self.inner.read(unit_id, function, address, count, timeout_s=timeout_s)
        except ReplyTimeoutError:
            self.clock.sleep(timeout_s)
            raise
        except ExceptionReplyError:
            doubtful = self.ledger.is_doubtful(request, self.clock.slept_s)
            self.clock.sleep(timeout_s if doubtful else LATENCY_S)
            if doubtful:
                raise ReplyError("doubtful exception") from None
            self.ledger.note_answer(request, self.clock.slept_s, refused=True)
            raise
        self.clock.sleep(LATENCY_S)
        self.ledger.note_answer(request, self.clock.slept_s)
        return answer

    def close(self) -> None:
        pass


BEARABLE_S = 90.0


@pytest.mark.parametrize("name", ["eastron-sdm630", "gavazzi-em340", "gavazzi-et112"])
def test_a_meter_that_keeps_silent_about_what_it_lacks_is_named_in_a_time_that_one_bears(name: str) -> None:
    clock, inner = IdleClock(), bus_of([load(name)], strict=True)
    says = inner._says
    inner._says = lambda *read: None if isinstance(words := says(*read), int) else words
    bus = Wire(inner, clock)
    life = probe(bus, 1)
    found = identify(bus, 1, KNOWN, clock, control=life.control)
    assert found.matches[0].model.name == name
    assert clock.slept_s < BEARABLE_S


@pytest.mark.parametrize("name", ["eastron-sdm630", "chint-dtsu666", "janitza-umg96rm", "acrel-adw300"])
def test_a_meter_that_lacks_one_register_is_no_meter_of_another_model(name: str) -> None:
    model = load(name)
    for point in model.group(PollGroup.FAST):
        lacks = range(point.address, point.address + point.count)
        bus = bus_of([model], strict=True)
        bus._says = refusing(bus._says, point.function, lacks)
        found = identify(bus, 1, KNOWN, IdleClock())
        best = found.matches[0]
        assert name in {best.model.name, *best.alike}, point.name


def refusing(says: Says, lacking: int, lacks: range) -> Says:
    def respond(unit: int, function: int, address: int, count: int) -> bytes | int | None:
        touches = address < lacks.stop and address + count > lacks.start
        return 2 if function == lacking and touches else says(unit, function, address, count)

    return respond


def test_a_bus_on_which_naming_would_take_too_long_is_too_poor() -> None:
    clock, bus = IdleClock(), bus_of([load("chint-dtsu666")], strict=True)
    says = bus._says

    def respond(*read: int) -> bytes | int | None:
        clock.sleep(20.0)
        return says(*read)

    bus._says = respond
    assert identify(bus, 1, KNOWN, clock).is_too_poor
    assert clock.slept_s < BUDGET_S + 8 * 20.0 + 60
