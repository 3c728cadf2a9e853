import pytest
from attrs import Factory, define, evolve

from drivers.clock import SystemClock
from drivers.errors import BusDownError, DriverError, ExceptionReplyError, ReplyError, ReplyTimeoutError
from drivers.link.transaction import Answer, BusStats
from drivers.points.model import Model, Point, load
from drivers.points.plan import Span
from drivers.points.registers import RegisterType
from drivers.poll.bus import open_bus
from drivers.poll.learned import Missing
from drivers.poll.meter import (
    Meter,
    MeterSetup,
    is_refusal,
)
from drivers.reading import PollGroup, Quality, Quantity
from tests.drivers.poll.modelled_meter import VirtualClock
from tests.drivers.scripted_meter import Asked, ScriptedMeter, on_pty, words

CLOCK = VirtualClock()
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
    stats: BusStats = Factory(BusStats)
    url: str = "tcp://fake"

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
        self.stats.requests += 1
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


@pytest.mark.parametrize(
    ("trouble", "reason", "said_no"),
    [
        (ReplyTimeoutError("no answer"), "no answer", False),
        (ReplyError("unit 9 instead of 5"), "unit 9 instead of 5", False),
        (ExceptionReplyError(4), "exception 4", True),
        (ExceptionReplyError(6), "exception 6", True),
        (ExceptionReplyError(255), "exception 255", True),
        (ExceptionReplyError(10), "exception 10", False),  # a gateway has waited in vain
        (ExceptionReplyError(11), "exception 11", False),
        (ReplyError("doubtful exception 2"), "doubtful exception 2", False),
    ],
)
def test_a_fault_of_the_meter_is_a_bad_reading_with_its_reason(
    trouble: DriverError, reason: str, said_no: bool
) -> None:
    mine = meter()
    assert mine.poll(FakeBus(), FAST, CLOCK).quality is Quality.GOOD
    reading = mine.poll(FakeBus(troubles=(None, *[trouble] * 20)), FAST, CLOCK)
    assert (reading.quality, reading.reason, reading.blocks) == (Quality.BAD, reason, ())
    assert is_refusal(reading) is said_no


def test_of_a_meter_that_never_answered_the_first_read_that_fails_ends_the_poll() -> None:
    bus = FakeBus(troubles=(ReplyTimeoutError("no answer"),))
    meter().poll(bus, FAST, CLOCK)
    assert len(bus.asked) == 1


def test_a_meter_that_falls_silent_costs_two_time_outs_in_its_first_poll_and_then_one() -> None:
    mine = meter()
    mine.poll(FakeBus(), FAST, CLOCK)
    silent = FakeBus(troubles=tuple(ReplyTimeoutError("no answer") for _ in range(9)))
    assert mine.poll(silent, FAST, CLOCK).reason == "no answer"
    assert len(silent.asked) == 2
    mine.poll(silent, FAST, CLOCK)
    assert len(silent.asked) == 3


def test_a_lost_answer_is_asked_for_again_in_the_same_poll() -> None:
    mine = meter()
    mine.poll(FakeBus(), FAST, CLOCK)
    for at in range(2):
        bus = FakeBus(troubles=(*[None] * at, ReplyTimeoutError("no answer")))
        assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD


def test_a_bus_that_is_down_is_not_the_fault_of_the_meter() -> None:
    with pytest.raises(BusDownError):
        meter().poll(FakeBus(troubles=(BusDownError("gone"),)), FAST, CLOCK)


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_refused_hole_splits_the_read_at_once_and_for_good(code: int) -> None:
    bus, mine = FakeBus(refused=frozenset({4}), code=code), meter()
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD
    bus.asked.clear()
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD
    assert bus.asked == [(3, 0, 4), (3, 6, 1), (3, 40, 1)]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_one_refusal_teaches_nothing(code: int) -> None:
    mine = meter()
    bus = FakeBus(troubles=(ExceptionReplyError(code),))
    assert mine.poll(bus, FAST, CLOCK).quality is Quality.GOOD
    assert mine.spans(FAST)[0] == Span(3, 0, 7)
    assert len(bus.asked) == 3


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_meter_teaches_no_holes(code: int) -> None:
    mine = meter()
    for _ in range(6):
        assert (
            mine.poll(FakeBus(refused=frozenset({4}), code=code), FAST, CLOCK).reason == f"exception {code}"
        )
    assert mine.spans(FAST)[0] == Span(3, 0, 7)


def test_a_refused_point_is_left_out_and_named() -> None:
    bus, mine = FakeBus(refused=frozenset({3})), meter()
    reading = mine.poll(bus, FAST, CLOCK)
    assert (reading.quality, [block.address for block in reading.blocks]) == (Quality.GOOD, [0, 6, 40])
    assert mine.learned("x").missing == (Missing(Span(3, 3, 1), "exception 2"),)
    assert len(bus.asked) < 16
    bus.asked.clear()
    mine.poll(bus, FAST, CLOCK)
    assert bus.asked == [(3, 0, 1), (3, 6, 1), (3, 40, 1)]


def test_a_meter_that_refuses_everything_is_a_bad_reading_each_time_and_no_storm() -> None:
    bus, mine = FakeBus(refused=frozenset(range(100))), meter()
    for _ in range(3):
        assert mine.poll(bus, FAST, CLOCK).reason == "exception 2"
    assert len(bus.asked) <= 3 * 8
    assert mine.learned("x").is_nothing


def test_a_group_of_which_everything_is_missing_says_so_without_a_request() -> None:
    model = evolve(GAPPED, points=(*GAPPED.points, evolve(point("e", 90), group=PollGroup.SLOW)))
    bus, mine = FakeBus(refused=frozenset({90})), meter(model)
    mine.poll(bus, FAST, CLOCK)
    assert mine.poll(bus, PollGroup.SLOW, CLOCK).reason == "exception 2"
    bus.asked.clear()
    reading = mine.poll(bus, PollGroup.SLOW, CLOCK)
    assert (reading.reason, is_refusal(reading), bus.asked) == ("exception 2", True, [])


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
    assert mine.count_spare(mine.spans(FAST)[0]) == spare


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
