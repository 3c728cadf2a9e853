"""The fault script, byte by byte; the driver's strict judge says what it would make of each answer."""

from collections import Counter
from collections.abc import Callable

import pytest

from drivers.link.verdict import Foreign, Framing, NeedMore, Refusal, Request, Words
from drivers.modbus.frame import encode_request, parse
from firmware_sim.plant import Plant
from firmware_sim.server_bus import ModbusCore
from tests.drivers.frames import encode_reply

Answer = tuple[bytes | None, float]
Answers = Callable[..., list[Answer]]

READ = Request(2, 4, 0, 20)
"""20 registers of meter m2, on the RTU bus b2."""


def fault(what: str, share: float = 1.0, **keys: object) -> str:
    lines = [f'what = "{what}"', f"share = {share}", *(f"{key} = {value}" for key, value in keys.items())]
    place = "" if "meter" in keys or "bus" in keys else 'bus = "b2"\n'
    return "\n[[fault]]\n" + place + "\n".join(lines) + "\n"


@pytest.fixture
def answers(plant: Callable[..., Plant], start_s: float) -> Answers:
    """The answers of bus b2 to the same read again and again: (frame or None, delay)."""

    def run(more: str, times: int = 300, request: Request = READ, bus: str = "b2") -> list[Answer]:
        works = plant(more)
        core = ModbusCore(next(plan for plan in works.layout.buses if plan.id == bus), works)
        frames = []
        for number in range(times):
            framing = Framing.TCP if bus == "b1" else Framing.RTU
            (asked,) = core.stream().feed(encode_request(framing, request, number % 65_536))
            out = core.handle(asked, start_s + 0.5)
            frames.append((None, 0.0) if out is None else (out.frame, out.delay_s))
        return frames

    return run


@pytest.fixture
def right(answers: Answers) -> bytes:
    """What the meter truly says."""
    (frame, _), *_ = answers("", times=1)
    return frame


def test_without_a_script_every_answer_is_right_and_prompt(answers: Answers, right: bytes) -> None:
    assert isinstance(parse(Framing.RTU, right, READ), Words)
    for frame, delay_s in answers(""):
        assert frame == right
        asking_s = 8 * 11 / 9600
        assert asking_s + 0.7 * 0.02 <= delay_s <= asking_s + 1.3 * 0.02


def test_30_percent_late_answers_are_whole_and_late(answers: Answers, right: bytes) -> None:
    late = answers(fault("late", 0.3, delay_s=0.5, delay_max_s=0.8))
    assert all(frame == right for frame, _ in late)
    delays = [delay_s for _, delay_s in late if delay_s > 0.1]
    assert len(delays) == pytest.approx(90, abs=25)
    assert all(0.5 < delay_s < 0.84 for delay_s in delays)
    assert max(delays) - min(delays) > 0.2


@pytest.mark.parametrize(
    ("what", "keys", "verdicts"),
    [
        ("wrong_unit", {}, {"unit 3 instead of 2"}),
        ("wrong_function", {}, {"function 3 instead of 4"}),
        ("wrong_count", {}, {"38 bytes instead of 40", "42 bytes instead of 40"}),
        ("odd_bytes", {}, {"39 bytes instead of 40", "41 bytes instead of 40"}),
        ("exception", {"code": 6}, {"exception 6"}),
        ("exception", {"code": 255}, {"exception 255"}),
        ("silence", {}, {"silence"}),
    ],
)
def test_what_a_fault_makes_of_answers(
    answers: Answers, right: bytes, what: str, keys: dict[str, float], verdicts: set[str]
) -> None:
    seen = Counter()
    for frame, _ in answers(fault(what, 0.5, **keys)):
        if frame == right:
            seen["right"] += 1
            continue
        verdict = NeedMore() if frame is None else parse(Framing.RTU, frame, READ)
        match verdict:
            case NeedMore():
                seen["silence"] += 1
            case Refusal(code):
                seen[f"exception {code}"] += 1
            case Foreign(reason):
                seen[reason] += 1
    assert set(seen) == verdicts | {"right"}
    assert seen["right"] == pytest.approx(150, abs=35)


def test_noise_never_passes_for_the_answer_unless_the_answer_is_whole(answers: Answers, right: bytes) -> None:
    kinds = Counter()
    for frame, _ in answers(fault("crc_noise")):
        assert frame != right
        kinds[
            "longer" if len(frame) > len(right) else "shorter" if len(frame) < len(right) else "flipped"
        ] += 1
        verdict = parse(Framing.RTU, frame, READ)
        if isinstance(verdict, Words):
            assert frame.endswith(right)
        elif len(frame) == len(right):
            differing = [a ^ b for a, b in zip(frame, right, strict=True) if a != b]
            assert len(differing) == 1
            assert differing[0].bit_count() == 1
    assert set(kinds) == {"longer", "shorter", "flipped"}


def test_a_babbling_meter_keeps_the_line_busy_and_says_nothing(answers: Answers) -> None:
    bursts = [frame for frame, _ in answers(fault("babble"), times=100)]
    assert not any(isinstance(parse(Framing.RTU, burst, READ), Words | Refusal) for burst in bursts if burst)
    assert len(set(bursts)) > 90
    assert max(len(burst) for burst in bursts if burst) > 256, "longer than any frame"


def test_the_frame_around_a_wrong_answer_is_right(answers: Answers) -> None:
    (frame, _), *_ = answers(fault("wrong_count"), times=1)
    body, crc = frame[:-2], frame[-2:]
    assert body[2] == len(body) - 3
    assert encode_reply(Framing.RTU, READ, body[3:])[-2:] == crc


def test_on_tcp_the_transaction_id_stays_right(answers: Answers) -> None:
    read = Request(1, 4, 0, 10)
    more = fault("wrong_function", bus='"b1"')
    for number, (frame, _) in enumerate(answers(more, 5, read, "b1")):
        assert frame[:2] == number.to_bytes(2)
        assert isinstance(parse(Framing.TCP, frame, read, number), Foreign)


@pytest.mark.parametrize(
    ("keys", "struck"), [({"from": 1}, False), ({"to": 0}, False), ({"from": -9, "to": 9}, True)]
)
def test_a_fault_keeps_its_time(answers: Answers, keys: dict[str, float], struck: bool) -> None:
    assert (answers(fault("silence", **keys), times=1)[0][0] is None) is struck


@pytest.mark.parametrize(("meter", "struck"), [("m1", False), ("m2", True)])
def test_a_fault_of_a_meter_leaves_the_others_alone(answers: Answers, meter: str, struck: bool) -> None:
    assert (answers(fault("silence", meter=f'"{meter}"'), times=1)[0][0] is None) is struck


def test_the_first_fault_that_strikes_is_taken(answers: Answers) -> None:
    frames = [frame for frame, _ in answers(fault("silence", 0.5) + fault("exception", code=4))]
    assert None in frames
    assert {len(frame) for frame in frames if frame} == {5}


def test_a_script_can_be_repeated(answers: Answers) -> None:
    script = fault("wrong_count", 0.3) + fault("crc_noise", 0.3) + fault("late", 0.3)
    assert answers(script) == answers(script)
