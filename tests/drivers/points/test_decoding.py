"""The quick way to values gives what the long way gives, to the last bit, for every shipped model."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.points.decoding import Decoder, shape_of
from drivers.points.model import Model, load, names
from drivers.points.point import Point, Ratio
from drivers.points.registers import RegisterType, Value, WordOrder
from drivers.poll.meter import Meter, MeterSetup
from drivers.reading import Block, PollGroup, Quantity


def the_long_way(
    model: Model, blocks: tuple[Block, ...], ct_ratio: float, pt_ratio: float
) -> dict[str, Value]:
    """Each point by itself, out of the first block that has it."""
    values: dict[str, Value] = {}
    for point in model.points:
        words = next((cut for block in blocks if (cut := point.cut(block)) is not None), None)
        exponent: int | None = 0
        if point.scale_point:
            scale = model.point(point.scale_point)
            held = next((cut for block in blocks if (cut := scale.cut(block)) is not None), None)
            power = None if held is None else scale.decode(held)
            exponent = power if isinstance(power, int) and abs(power) <= 10 else None
        if words is None or exponent is None or point.quantity is Quantity.SCALE:
            continue
        value = point.decode(words, exponent=exponent, ratio=point.ratio.factor(ct_ratio, pt_ratio))
        if value is not None:
            values[point.name] = value
    return values


def exactly(values: dict[str, Value]) -> list[tuple[str, str, str]]:
    """With their types and all their digits, in their order."""
    return [(name, type(value).__name__, repr(value)) for name, value in values.items()]


SPECIAL = [
    b"\x7f\xc0\x00\x00", b"\x7f\x80\x00\x00", b"\xff\x80\x00\x00", b"\xff\xff\xff\xff", b"\x80\x00\x80\x00",
    b"\x7f\x7f\xff\xff", b"\x00\x00\x00\x01", struct.pack(">f", 230.1), struct.pack(">f", -0.0),
]  # fmt: skip
RATIOS = [(1.0, 1.0), (20.0, 1.0), (0.1, 3.0), (40.0, 100.0), (1.3, 1.0)]


@pytest.mark.parametrize("name", names())
@given(data=st.data())
@settings(deadline=None, max_examples=8)
def test_every_shipped_model_is_decoded_as_by_the_long_way(name: str, data: st.DataObject) -> None:
    model = load(name)
    address = {"address": "123456789012"} if model.is_dlt645 else {"unit_id": 1}
    meter = Meter(MeterSetup("m", model, **address), 7)
    seed = data.draw(st.randoms(use_true_random=False))
    blocks = []
    for group in PollGroup:
        for span in meter.spans(group):
            size = span.count * (1 if model.is_dlt645 else 2)
            words = b"".join(
                seed.choice(SPECIAL) if seed.random() < 0.5 else seed.randbytes(4)
                for _ in range(size // 4 + 1)
            )
            blocks.append(Block(span.function, span.address, words[:size]))
    shown = tuple(seed.sample(blocks, seed.randint(0, len(blocks))))
    ratios = seed.choice(RATIOS)
    assert exactly(model.decode(shown, *ratios)) == exactly(the_long_way(model, shown, *ratios))


POINTS = st.builds(
    Point,
    name=st.just("p"),
    quantity=st.sampled_from([Quantity.VOLTAGE, Quantity.POWER_FACTOR, Quantity.ACTIVE_ENERGY_IMPORT]),
    phase=st.just(""),
    function=st.sampled_from([3, 4]),
    address=st.integers(0, 6),
    type=st.sampled_from([kind for kind in RegisterType if kind.name[0] in "USF"]),
    word_order=st.sampled_from(WordOrder),
    scale=st.sampled_from([1.0, 0.1, 0.001, 1000.0, 0.3, -1.0]),
    ratio=st.sampled_from(Ratio),
)


@given(st.lists(POINTS, max_size=6), st.binary(min_size=16, max_size=16), st.booleans())
@settings(deadline=None)
def test_points_of_any_kind_at_any_place_are_decoded_as_by_the_long_way(
    drawn: list[Point], words: bytes, has_absent: bool
) -> None:
    points = []
    for number, point in enumerate(drawn):
        absent = words[: point.size] if has_absent else b""
        points.append(
            Point(
                f"p{number}", point.quantity, "", point.function, point.address, point.type,
                point.word_order, point.scale, ratio=point.ratio, absent=absent,
            )
        )  # fmt: skip
    model = Model("drawn", tuple(points))
    blocks = (Block(3, 0, words), Block(4, 2, words))
    assert exactly(model.decode(blocks, 20.0, 0.1)) == exactly(the_long_way(model, blocks, 20.0, 0.1))


def test_answers_of_another_shape_have_a_decoder_of_their_own() -> None:
    model = load("eastron-sdm630")
    first = Block(4, 0, struct.pack(">3f", 230.0, 231.0, 232.0))
    assert model.decode((first,)) == {"voltage_l1": 230.0, "voltage_l2": 231.0, "voltage_l3": 232.0}
    assert model.decode((Block(4, 2, first.words),))["voltage_l2"] == 230.0
    assert model.decode(()) == {}
    assert Decoder(model.points, shape_of((first,)), lambda *_: 0, (1.0, 1.0)).values((first,))
