"""What a template recognises is a record for the decoder too, whatever is changed in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Reading
from evidence import record_template
from evidence.record import ReadingRecord, decode_record, encode_reading
from evidence.record_template import ALIKE_MAX, Templates
from tests.evidence.records import is_taken
from tests.evidence.test_record import READINGS
from tests.vectors.make import reading


@given(READINGS, st.data())
@settings(deadline=None, max_examples=300)
def test_a_changed_reading_that_is_recognised_is_a_record(one: Reading, data: st.DataObject) -> None:
    raw = encode_reading(one)
    known = Templates()
    known.learn(raw)
    assert known.find(raw) is not None
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw) - 1))
        changed[at] = data.draw(st.sampled_from([0, 1, 0x17, 0x18, 0x7F, 0x80, 0xFF, changed[at] ^ 1]))
    assert known.find(bytes(changed)) is None or is_taken(bytes(changed))
    assert known.find(raw + b"\0") is None
    assert known.find(raw[:-1]) is None


@given(READINGS, READINGS)
@settings(deadline=None, max_examples=200)
def test_another_reading_that_is_recognised_is_a_record(one: Reading, other: Reading) -> None:
    known = Templates()
    known.learn(encode_reading(one))
    raw = encode_reading(other)
    found = known.find(raw)
    if found is not None:
        record = decode_record(raw)
        assert isinstance(record, ReadingRecord)
        assert (found.meter, found.model) == (record.meter, record.model)


def test_readings_of_one_meter_are_recognised_and_what_is_compared_is_bounded() -> None:
    known = Templates()
    known.learn(reading(1))
    assert all(known.find(reading(number)) for number in range(2, 50))
    for _ in range(2 * ALIKE_MAX):
        known.learn(reading(1))
    assert (known._count, [len(one) for one in known._known.values()]) == (ALIKE_MAX, [ALIKE_MAX])


@given(st.lists(READINGS, min_size=1, max_size=20))
def test_the_memory_is_bounded(readings: list[Reading]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_template, "TEMPLATES_MAX", 5)
        known = Templates()
        for one in readings:
            known.learn(encode_reading(one))
            assert known.find(encode_reading(one)) is not None
            assert known._count == sum(map(len, known._known.values())) <= 5
