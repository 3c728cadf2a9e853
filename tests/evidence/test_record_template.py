"""What a template recognises is a record for the decoder too, whatever is changed in it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Reading
from evidence.record import encode_reading
from evidence.record_template import TEMPLATES_MAX, Templates
from tests.evidence.records import is_taken
from tests.evidence.test_record import READINGS
from tests.vectors.make import reading


@given(READINGS, st.data())
@settings(deadline=None, max_examples=300)
def test_a_changed_reading_that_is_recognised_is_a_record(one: Reading, data: st.DataObject) -> None:
    raw = encode_reading(one)
    known = Templates()
    known.learn(raw)
    assert known.knows(raw)
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw) - 1))
        changed[at] = data.draw(st.sampled_from([0, 1, 0x17, 0x18, 0x7F, 0x80, 0xFF, changed[at] ^ 1]))
    assert not known.knows(bytes(changed)) or is_taken(bytes(changed))
    assert not known.knows(raw + b"\0")
    assert not known.knows(raw[:-1])


@given(READINGS, READINGS)
@settings(deadline=None, max_examples=200)
def test_another_reading_that_is_recognised_is_a_record(one: Reading, other: Reading) -> None:
    known = Templates()
    known.learn(encode_reading(one))
    raw = encode_reading(other)
    assert not known.knows(raw) or is_taken(raw)


def test_readings_of_one_meter_are_recognised_and_the_memory_is_bounded() -> None:
    known = Templates()
    known.learn(reading(1))
    assert all(known.knows(reading(number)) for number in range(2, 50))
    for _ in range(TEMPLATES_MAX + 1):
        known.learn(reading(1))
    assert known._count <= TEMPLATES_MAX
