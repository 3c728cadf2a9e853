"""A bus, the same bus while it is recorded, and the record played back keep one contract."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.clock import SystemClock
from drivers.errors import (
    BusDownError,
    DriverError,
    ExceptionReplyError,
    ReplyError,
    ReplyTimeoutError,
)
from drivers.link.ledger import Ledger
from drivers.points.model import load
from drivers.poll.bus import MeterBus, open_bus
from drivers.poll.meter import Meter, MeterSetup
from drivers.poll.recording import Outcome, RecordedRead, RecordingBus
from drivers.poll.replay import RecordingError, ReplayBus, replay
from drivers.reading import PollGroup, Quality
from drivers.search.identify import identify
from tests.drivers.scripted_meter import Asked, Script, ScriptedMeter, answer, on_tcp, words
from tests.drivers.search.simulated import SaysBus, bus_of

CLOCK = SystemClock()
SHORT_S = 0.05
HEAD = '{"dianjian_record": 1, "url": "tcp://h", "gap_registers_max": 31, "utc_ns": 0}\n'
GOOD = '{"at_s": 0, "unit": 1, "function": 3, "address": 0, "count": 1, "latency_s": 0, "words": "0001"}\n'
Use = Callable[[MeterBus], None]


def on_the_bus(script: Script, use: Use) -> None:
    with on_tcp(script) as device:
        bus = open_bus(device.url, CLOCK, Ledger(late_max_s=0.0))
        use(bus)
        bus.close()


def while_recorded(script: Script, use: Use) -> None:
    on_the_bus(script, lambda bus: use(RecordingBus.on(bus, CLOCK, lambda _: None)))


def played_back(script: Script, use: Use) -> None:
    lines: list[str] = []
    on_the_bus(script, lambda bus: use(RecordingBus.on(bus, CLOCK, lines.append)))
    use(replay(lines, "record"))


BUSES = pytest.mark.parametrize("run", [on_the_bus, while_recorded, played_back])
Run = Callable[[Script, Use], None]


@BUSES
@pytest.mark.parametrize("count", [1, 40, 125])
def test_the_registers_that_were_asked_for_come_back(run: Run, count: int) -> None:
    def use(bus: MeterBus) -> None:
        answered = bus.read(17, 3, 1000, count, timeout_s=1)
        assert answered.words == words(Asked(17, 3, 1000, count))
        assert answered.latency_s > 0
        assert bus.stats.requests == 1
        assert bus.gap_registers_max == 31
        assert bus.url.startswith("tcp://127.0.0.1:")

    run(answer, use)


@BUSES
@pytest.mark.parametrize("code", [1, 2, 11, 255])
def test_a_refusal_is_raised_with_its_code(run: Run, code: int) -> None:
    def use(bus: MeterBus) -> None:
        with pytest.raises(ExceptionReplyError) as refused:
            bus.read(1, 3, 10, 2, timeout_s=1)
        assert refused.value.code == code
        assert bus.stats.exceptions == 1

    run(lambda asked, device: device.send(device.refusal(asked, code)), use)


@BUSES
def test_silence_is_a_time_out(run: Run) -> None:
    def use(bus: MeterBus) -> None:
        with pytest.raises(ReplyTimeoutError, match="no answer"):
            bus.read(1, 3, 10, 2, timeout_s=SHORT_S)
        assert bus.stats.timeouts == 1

    run(lambda _asked, _meter: None, use)


@BUSES
def test_a_wrong_answer_is_rejected_with_its_reason(run: Run) -> None:
    def use(bus: MeterBus) -> None:
        with pytest.raises(ReplyError, match="unit 9 instead of 1"):
            bus.read(1, 3, 10, 2, timeout_s=SHORT_S)

    run(lambda asked, device: device.send(device.reply(Asked(9, 3, 10, 2, asked.transaction_id))), use)


@BUSES
def test_a_closed_bus_can_be_read_again(run: Run) -> None:
    def use(bus: MeterBus) -> None:
        for _ in range(2):
            assert bus.read(1, 4, 7, 3, timeout_s=1).words == words(Asked(1, 4, 7, 3))
            bus.close()

    run(answer, use)


@BUSES
def test_a_bus_that_is_down_is_said_to_be_so(run: Run) -> None:
    def use(bus: MeterBus) -> None:
        with pytest.raises(BusDownError):
            bus.read(1, 3, 0, 1, timeout_s=1)

    def leave(_asked: Asked, device: ScriptedMeter) -> None:
        device.leave()

    run(leave, use)


@BUSES
def test_two_answers_to_the_same_request_come_in_their_order(run: Run) -> None:
    numbers: Iterator[int] = iter(range(2))

    def script(asked: Asked, device: ScriptedMeter) -> None:
        device.send(device.reply(asked, next(numbers).to_bytes(2)))

    def use(bus: MeterBus) -> None:
        assert [bus.read(1, 3, 0, 1, timeout_s=1).words for _ in range(2)] == [b"\0\0", b"\0\1"]

    run(script, use)


@contextmanager
def recorded(bus: MeterBus) -> Iterator[tuple[MeterBus, list[str]]]:
    lines: list[str] = []
    yield RecordingBus.on(bus, CLOCK, lines.append), lines


def test_a_meter_that_was_recorded_is_read_and_named_again_without_it() -> None:
    model = load("eastron-sdm630")
    with recorded(bus_of([model])) as (bus, lines):
        meter = Meter(MeterSetup("m", model, 1), bus.gap_registers_max)
        then = [model.decode(meter.poll(bus, group, CLOCK).blocks) for group in PollGroup]
        named = identify(bus, 1, [model, load("janitza-umg96rm")], CLOCK)
    again = replay(lines, "record")
    meter = Meter(MeterSetup("m", model, 1), again.gap_registers_max)
    assert [model.decode(meter.poll(again, group, CLOCK).blocks) for group in PollGroup] == then
    assert identify(again, 1, [model, load("janitza-umg96rm")], CLOCK) == named


def test_another_model_is_tried_on_the_registers_that_are_in_the_record() -> None:
    with recorded(bus_of([load("eastron-sdm630")])) as (bus, lines):
        for address in (0, 40):
            bus.read(1, 4, address, 40, timeout_s=1)
    again = replay(lines, "record")
    other = load("eastron-sdm120")
    reading = Meter(MeterSetup("m", other, 1), again.gap_registers_max).poll(again, PollGroup.FAST, CLOCK)
    assert reading.quality is Quality.GOOD
    assert other.decode(reading.blocks)["voltage"] == pytest.approx(230, rel=0.05)
    with pytest.raises(ReplyTimeoutError, match="not asked when this session was recorded"):
        again.read(1, 4, 70, 20, timeout_s=1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no request is recorded"),
        (HEAD, "no request is recorded"),
        ("{}\n", "line 1: no header"),
        ("[1]\n", "line 1: no header"),
        ("nonsense\n", "line 1: is not JSON"),
        (HEAD.replace("1,", "2,", 1), "version 2"),
        (HEAD.replace("utc_ns", "utc"), "unknown utc"),
        (HEAD.replace('"tcp://h"', "7"), "url is no text"),
        (HEAD.replace("31", "-1"), "gap_registers_max"),
        (HEAD + "x\n" + GOOD, "line 2: is not JSON"),
        (HEAD + GOOD.replace("0001", "00") + GOOD, "words are 1 bytes for a count of 1"),
        (HEAD + GOOD.replace("0001", "zz") + GOOD, "line 2"),
        (HEAD + GOOD.replace('"latency_s": 0', '"latency_s": -1') + GOOD, "latency_s is no time"),
        (HEAD + GOOD.replace('"unit": 1, ', "") + GOOD, "'unit' is missing"),
        (HEAD + GOOD.replace('"unit": 1', '"unit": true') + GOOD, "unit is no whole number"),
        (HEAD + GOOD.replace('"latency_s": 0', '"error": "gone"') + GOOD, "error 'gone' is not known"),
    ],
)
def test_what_is_no_record_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(RecordingError) as wrong:
        replay(text.splitlines(keepends=True), "file")
    assert says in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_last_line_that_was_cut_off_is_left_out() -> None:
    bus = replay([HEAD, GOOD, GOOD[:40]], "file")
    assert bus.read(1, 3, 0, 1, timeout_s=1).words == b"\0\1"


ASKED = st.builds(
    RecordedRead, st.integers(1, 3), st.sampled_from([3, 4]), st.integers(0, 9), st.integers(1, 5)
)


@given(st.lists(st.tuples(ASKED, st.sampled_from(["words", "silent", "refused"])), min_size=1, max_size=20))
def test_whatever_was_recorded_is_said_again_in_the_same_order(asked: list[tuple[RecordedRead, str]]) -> None:
    outcomes = iter(asked)

    def says(_unit: int, _function: int, address: int, count: int) -> bytes | int | None:
        how = next(outcomes)[1]
        return {"words": bytes((address, 7)) * count, "silent": None, "refused": 2}[how]

    def read_words(bus: MeterBus, ask: RecordedRead) -> bytes | str:
        try:
            return bus.read(ask.unit, ask.function, ask.address, ask.count, timeout_s=1).words
        except DriverError as error:
            return repr(error)

    lines: list[str] = []
    bus = RecordingBus.on(SaysBus(says), CLOCK, lines.append)
    then = [read_words(bus, ask) for ask, _ in asked]
    again = replay(lines, "file")
    assert [read_words(again, ask) for ask, _ in asked] == then


@given(st.lists(st.text(max_size=60) | st.sampled_from([HEAD, GOOD]), max_size=6))
def test_any_lines_are_a_record_or_a_recording_error(lines: list[str]) -> None:
    with suppress(RecordingError):
        assert isinstance(replay(lines, "file"), ReplayBus)


def test_every_line_is_one_json_object_with_a_growing_time() -> None:
    with recorded(bus_of([load("eastron-sdm630")])) as (bus, lines):
        for unit in (1, 2):
            with suppress(DriverError):
                bus.read(unit, 4, 0, 2, timeout_s=1)
    entries = [json.loads(line) for line in lines]
    assert entries[0]["dianjian_record"] == 1
    assert [entry["at_s"] for entry in entries[1:]] == sorted(entry["at_s"] for entry in entries[1:])
    assert entries[2]["error"] == "timeout"


def test_a_recorded_error_that_is_no_exception_is_raised_again() -> None:
    with pytest.raises(ReplyError, match="noise"):
        Outcome(error="reply", reason="noise").to_answer()
