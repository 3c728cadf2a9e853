import pytest
from attrs import Factory, define, evolve

from drivers.clock import NS_PER_S, ScaledClock, SystemClock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer
from drivers.points.model import Model, Point, load
from drivers.points.plan import Span
from drivers.points.registers import RegisterType
from drivers.poll.bus import open_bus
from drivers.poll.meter import (
    PROBE_FIRST_S,
    PROBE_FULL_EVERY,
    TIMEOUT_FIRST_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    Meter,
    MeterSetup,
    is_refusal,
)
from drivers.reading import PollGroup, Quality, Quantity
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_pty, words

CLOCK = ScaledClock(1.0, 1_700_000_000 * NS_PER_S)
FAST = PollGroup.FAST


@define
class FakeBus:
    """Answers every read from a table of refused registers; `troubles` come first, one a read."""

    gap_registers_max: int = 7
    latency_s: float = 0.05
    refused: frozenset[int] = frozenset()
    code: int = 2
    troubles: tuple[DriverError | None, ...] = ()
    asked: list[tuple[int, int, int]] = Factory(list)

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
        assert timeout_s > 0
        assert spare_registers >= 0
        self.asked.append((function, address, count))
        if self.troubles:
            trouble, *rest = self.troubles
            self.troubles = tuple(rest)
            if trouble is not None:
                raise trouble
        if self.refused & set(range(address, address + count)):
            raise ExceptionReplyError(self.code)
        return Answer(words(Asked(unit_id, function, address, count)), self.latency_s)


def point(name: str, address: int, quantity: Quantity = Quantity.REACTIVE_POWER, function: int = 3) -> Point:
    return Point(name, quantity, "", function, address, RegisterType.U16, group=FAST)


GAPPED = Model("gapped", (point("a", 0), point("b", 3), point("c", 6), point("d", 40)))


def meter(model: Model = GAPPED) -> Meter:
    return Meter(MeterSetup("m1", model, 5), 7)


def test_a_good_reading_has_one_block_a_read_and_its_time_and_model() -> None:
    bus = FakeBus()
    reading = meter().poll(bus, FAST, CLOCK)
    assert reading.quality is Quality.GOOD
    assert [(block.function, block.address, len(block.words)) for block in reading.blocks] == [
        (3, 0, 14),
        (3, 40, 2),
    ]
    assert (reading.meter, reading.group, reading.model_hash) == ("m1", FAST, GAPPED.hash)
    assert reading.latency_ns == 50_000_000
    assert abs(reading.stamp.utc_ns - CLOCK.stamp().utc_ns) < 5 * NS_PER_S


@pytest.mark.parametrize(
    ("trouble", "reason", "said_no"),
    [
        (ReplyTimeoutError("no answer"), "no answer", False),
        (ReplyError("unit 9 instead of 5"), "unit 9 instead of 5", False),
        (ExceptionReplyError(4), "exception 4", True),
        (ExceptionReplyError(255), "exception 255", True),
        (ExceptionReplyError(10), "exception 10", False),  # a gateway has waited in vain
        (ExceptionReplyError(11), "exception 11", False),
        (ReplyError("doubtful exception 2"), "doubtful exception 2", False),
    ],
)
def test_a_fault_of_the_meter_is_a_bad_reading_with_its_reason(
    trouble: DriverError, reason: str, said_no: bool
) -> None:
    bus = FakeBus(troubles=(None, trouble))
    reading = meter().poll(bus, FAST, CLOCK)
    assert (reading.quality, reading.reason, reading.blocks) == (Quality.BAD, reason, ())
    assert is_refusal(reading) is said_no


def test_the_first_read_that_fails_ends_the_poll() -> None:
    bus = FakeBus(troubles=(ReplyTimeoutError("no answer"),))
    meter().poll(bus, FAST, CLOCK)
    assert len(bus.asked) == 1


def test_a_bus_that_is_down_is_not_the_fault_of_the_meter() -> None:
    with pytest.raises(BusDownError):
        meter().poll(FakeBus(troubles=(BusDownError("gone"),)), FAST, CLOCK)


@pytest.mark.parametrize("code", [2, 3])
def test_a_refused_hole_splits_the_read_at_once_and_for_good(code: int) -> None:
    bus, mine = FakeBus(refused=frozenset({4}), code=code), meter()
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD
    bus.asked.clear()
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD
    assert bus.asked == [(3, 0, 1), (3, 3, 1), (3, 6, 1), (3, 40, 1)]


@pytest.mark.parametrize("code", [1, 4, 5, 6, 10, 11, 255])
def test_other_exceptions_teach_no_holes(code: int) -> None:
    mine = meter()
    assert mine.poll(FakeBus(refused=frozenset({4}), code=code), FAST, CLOCK).reason == f"exception {code}"
    assert mine.spans(FAST)[0] == Span(3, 0, 7)


def test_an_exception_right_after_a_time_out_teaches_no_holes_but_the_next_one_does() -> None:
    bus = FakeBus(refused=frozenset({4}), troubles=(ReplyTimeoutError("no answer"),))
    mine = meter()
    mine.poll(bus, FAST, CLOCK)
    assert mine.poll(bus, FAST, CLOCK).reason == "exception 2"
    assert mine.spans(FAST)[0] == Span(3, 0, 7)
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD


def test_a_refused_point_is_a_bad_reading_and_does_not_loop() -> None:
    bus, mine = FakeBus(refused=frozenset({3})), meter()
    for _ in range(3):
        assert mine.poll(bus, FAST, CLOCK).reason == "exception 2"
    assert len(bus.asked) < 12


def test_the_time_out_follows_the_latency_and_doubles_in_silence() -> None:
    mine = meter()
    assert mine.timeout_s == TIMEOUT_FIRST_S
    for _ in range(3):
        mine.poll(FakeBus(latency_s=0.1), FAST, CLOCK)
    assert mine.timeout_s == pytest.approx(0.4)
    mine.poll(FakeBus(latency_s=0.001), FAST, CLOCK)
    assert 0.3 < mine.timeout_s < 0.4  # one quick answer is no reason for haste
    for _ in range(60):
        mine.poll(FakeBus(latency_s=0.001), FAST, CLOCK)
    assert mine.timeout_s == TIMEOUT_MIN_S
    silent = FakeBus(troubles=tuple(ReplyTimeoutError("no answer") for _ in range(9)))
    mine.poll(silent, FAST, CLOCK)
    assert mine.timeout_s == 2 * TIMEOUT_MIN_S
    for _ in range(8):
        mine.poll(silent, FAST, CLOCK)
    assert mine.timeout_s == TIMEOUT_MAX_S


@pytest.mark.parametrize(
    ("model", "spare"),
    [
        (GAPPED, 6),
        (evolve(GAPPED, request_registers_max=9), 2),
        (evolve(GAPPED, request_registers_max=7), 0),
        (evolve(GAPPED, barriers=((3, 10),)), 3),
        (evolve(GAPPED, barriers=((4, 10),)), 6),
        (evolve(GAPPED, gap_registers_max=0), 0),
    ],
)
def test_spare_registers_stay_within_what_the_model_allows(model: Model, spare: int) -> None:
    mine = meter(model)
    assert mine._count_spare(mine.spans(FAST)[0]) == spare


def test_only_groups_with_points_are_polled() -> None:
    assert meter().setup.intervals_s == {FAST: 5.0}
    assert list(MeterSetup("m", load("eastron-sdm630"), 1).intervals_s) == list(PollGroup)


@pytest.mark.parametrize("unit_id", [None, 256, -1])
def test_a_meter_has_an_address_of_a_meter(unit_id: int | None) -> None:
    with pytest.raises(ValueError, match="unit_id"):
        MeterSetup("m", GAPPED, unit_id)


def test_a_model_is_read_over_a_pty_and_decodes_to_what_the_meter_measures() -> None:
    model = load("eastron-sdm630")
    truth = {"voltage_l1": 230.5, "current_l1": 12.25, "active_power": 8250.0, "frequency": 50.0}
    image = model.encode(truth)

    def script(asked: Asked, device: ScriptedMeter) -> None:
        data = b"".join(image.get((asked.function, asked.address + i), b"\0\0") for i in range(asked.count))
        device.send(device.reply(asked, data))

    with on_pty(script) as device:
        bus = open_bus(device.url, SystemClock())
        mine = Meter(MeterSetup("m1", model, 1), bus.gap_registers_max)
        readings = [mine.poll(bus, group, SystemClock()) for group in (FAST, PollGroup.SLOW)]
        bus.close()
    values = model.decode([block for reading in readings for block in reading.blocks])
    assert {name: values[name] for name in truth} == pytest.approx(truth)


@define
class MutedBus(FakeBus):
    """Notes the time-outs that it is asked with, and answers within `latency_s` if that is soon enough."""

    given_s: list[float] = Factory(list)

    def read(self, *args: int, timeout_s: float, spare_registers: int = 0) -> Answer:
        self.given_s.append(timeout_s)
        if timeout_s < self.latency_s:
            raise ReplyTimeoutError("no answer")
        return super().read(*args, timeout_s=timeout_s, spare_registers=spare_registers)


def test_a_probe_is_short_and_every_eighth_as_long_as_a_poll() -> None:
    bus = MutedBus(latency_s=9.0)
    unknown = meter()
    for _ in range(2 * PROBE_FULL_EVERY):
        unknown.poll(bus, FAST, CLOCK, probe=True)
    assert bus.given_s == 2 * ([PROBE_FIRST_S] * (PROBE_FULL_EVERY - 1) + [TIMEOUT_FIRST_S])


@pytest.mark.parametrize(
    ("latency_s", "probes"),
    [
        (0.02, [TIMEOUT_MIN_S] * 8),
        (0.2, [0.4] * 7 + [0.8]),
        (0.9, [1.8] * 7 + [2.0]),
    ],
)
def test_a_probe_of_a_meter_that_has_answered_waits_for_twice_its_slowest_answer(
    latency_s: float, probes: list[float]
) -> None:
    bus = MutedBus(latency_s=latency_s)
    known = meter(Model("one", (point("a", 0),)))
    known.poll(bus, FAST, CLOCK)
    bus.latency_s, bus.given_s = 9.0, []
    for _ in range(2):
        known.poll(bus, FAST, CLOCK)
    bus.given_s = []
    for _ in probes:
        known.poll(bus, FAST, CLOCK, probe=True)
    assert bus.given_s == pytest.approx(probes)


def test_a_meter_that_is_slower_than_any_short_probe_is_found_by_a_long_one() -> None:
    bus = MutedBus(latency_s=0.9)
    slow = meter(Model("one", (point("a", 0),)))
    answers = [slow.poll(bus, FAST, CLOCK, probe=True).quality for _ in range(PROBE_FULL_EVERY)]
    assert answers == [Quality.BAD] * (PROBE_FULL_EVERY - 1) + [Quality.GOOD]


def test_a_probe_that_is_answered_reads_the_rest_of_its_group_with_a_full_time_out() -> None:
    bus = MutedBus(latency_s=0.1)
    meter().poll(bus, FAST, CLOCK, probe=True)
    assert bus.given_s == pytest.approx([PROBE_FIRST_S, 0.4])
