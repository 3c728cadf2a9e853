import random
import tracemalloc
import zlib
from hashlib import sha256

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.reading import Block, PollGroup, Reading
from evidence import cbor
from evidence.body import BODY_BYTES_MAX, columns_body, decode_body, encode_body, plain_body
from evidence.record import RECORD_BYTES_MAX, encode_reading
from evidence.seal import open_body, peek_header
from tests.evidence.chains import Chain, heartbeat, stamp

RECORDS = st.lists(
    st.binary(min_size=1, max_size=40) | st.integers(1, 300).map(lambda n: bytes([n % 256]) * n),
    min_size=1,
    max_size=60,
)


def reading(second: int, meter: int) -> bytes:
    words = random.Random(second * 100 + meter).randbytes(20) + bytes(20)
    block = Block(4, 0, words)
    return encode_reading(
        Reading(f"meter-{meter}", PollGroup.FAST, stamp(second), bytes(32), (block,), latency_ns=9**9)
    )


MIXED = [heartbeat(1), *(reading(second, meter) for second in range(5) for meter in (7, 8, 12)), heartbeat(2)]


def deflated(plain: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(plain) + deflate.flush()


def compressed(stream: bytes, check: bytes | None = None) -> bytes:
    return cbor.encode([1, sha256(stream).digest()[:4] if check is None else check, stream])


@given(RECORDS)
@settings(deadline=None, max_examples=200)
def test_records_come_back_from_either_form_and_from_the_shorter_one(records: list[bytes]) -> None:
    for body in (plain_body(records), columns_body(records), encode_body(records)):
        assert decode_body(body, len(records)) == tuple(records)
    assert len(encode_body(records)) == min(len(plain_body(records)), len(columns_body(records)))


@given(RECORDS, st.data())
@settings(deadline=None, max_examples=300)
def test_a_mutated_body_is_refused_or_opens_to_other_records(
    records: list[bytes], data: st.DataObject
) -> None:
    body = bytearray(data.draw(st.sampled_from([plain_body(records), columns_body(records)])))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        found = decode_body(bytes(body), len(records))
    except cbor.FormatError:
        return
    assert found != tuple(records)


@pytest.mark.parametrize("form", [plain_body, columns_body])
def test_every_changed_bit_cut_and_appended_byte_of_a_sealed_body_is_refused(form: object) -> None:
    assert callable(form)
    header, body = peek_header(Chain().seal(MIXED).cose), form(MIXED)
    assert open_body(header, body) == tuple(MIXED)
    for bit in range(len(body) * 8):
        mutated = bytearray(body)
        mutated[bit // 8] ^= 1 << bit % 8
        with pytest.raises(cbor.FormatError):
            open_body(header, bytes(mutated))
    for wrong in [*(body[:end] for end in range(len(body))), body + b"\0"]:
        with pytest.raises(cbor.FormatError):
            open_body(header, wrong)


@given(st.binary(max_size=200), st.integers(1, 16_000))
@settings(deadline=None, max_examples=300)
def test_foreign_bytes_are_refused_in_either_form(raw: bytes, count: int) -> None:
    for body in (raw, compressed(raw), compressed(deflated(raw)), cbor.encode([1, raw[:4], raw])):
        try:
            found = decode_body(body, count)
        except cbor.FormatError:
            continue
        assert len(found) == count


@pytest.mark.parametrize("inflated_bytes", [BODY_BYTES_MAX + 3, 10**6, 50_000_000])
def test_a_bomb_is_refused_before_it_is_held(inflated_bytes: int) -> None:
    body = compressed(deflated(bytes(inflated_bytes)))
    assert len(body) <= BODY_BYTES_MAX
    tracemalloc.start()
    try:
        with pytest.raises(cbor.FormatError, match="too long"):
            decode_body(body, 1)
        assert tracemalloc.get_traced_memory()[1] < 10 * BODY_BYTES_MAX
    finally:
        tracemalloc.stop()


ONE = bytes([0, 3]) + b"abc"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (cbor.encode([]), "something in it"),
        (cbor.encode({}), "no array"),
        (cbor.encode([b"abc", 1]), "no record"),
        (cbor.encode([b"abc", b"d"]), "not the 1 records"),
        (cbor.encode(["abc"]), "no record"),
        (cbor.encode([b""]), "1 to 60000"),
        (cbor.encode([bytes(RECORD_BYTES_MAX + 1)]), "1 to 60000"),
        (cbor.encode([True, bytes(4), b""]), "no record"),
        (cbor.encode([1, bytes(4)]), "array of 3"),
        (cbor.encode([1, bytes(4), b"", b""]), "array of 3"),
        (cbor.encode([0, bytes(4), b""]), "method"),
        (cbor.encode([2, bytes(4), b""]), "method"),
        (cbor.encode([1, bytes(4), "text"]), "check"),
        (cbor.encode([1, "text", deflated(ONE)]), "check"),
        (compressed(deflated(ONE), bytes(4)), "check"),
        (compressed(deflated(ONE), sha256(deflated(ONE)).digest()[:5]), "check"),
        (compressed(zlib.compress(ONE)), "does not inflate"),
        (compressed(b""), "cut"),
        (compressed(deflated(ONE)[:-1]), "cut"),
        (compressed(deflated(ONE) + b"\0"), "follows"),
        (compressed(deflated(ONE) * 2), "follows"),
        (compressed(deflated(ONE[:-1])), "length that it names"),
        (compressed(deflated(ONE + b"d")), "length that it names"),
        (compressed(deflated(ONE[:1])), "ends within its lengths"),
        (compressed(deflated(b"")), "ends within its lengths"),
        (compressed(deflated(bytes(2))), "1 to 60000"),
        (b"\x9f\x43abc\xff", "CBOR"),
        (cbor2.dumps([1, sha256(deflated(ONE)).digest()[:4], deflated(ONE)])[:1] + b"\x18\x01", "CBOR"),
    ],
)
def test_a_body_that_is_none_is_refused_with_its_reason(body: bytes, why: str) -> None:
    with pytest.raises(cbor.FormatError, match=why):
        decode_body(body, 1)


def test_a_stream_of_another_deflate_is_as_good() -> None:
    stored = b"\x01" + len(ONE).to_bytes(2, "little") + (len(ONE) ^ 0xFFFF).to_bytes(2, "little") + ONE
    assert decode_body(compressed(stored), 1) == decode_body(compressed(deflated(ONE)), 1) == (b"abc",)


def test_the_form_on_the_wire_has_not_changed() -> None:
    records = [b"aAx", b"bb", b"aBy", b"aCz"]
    plain = bytes([0, 0, 0, 0, 3, 2, 3, 3]) + b"aaaABCxyz" + b"bb"
    assert decode_body(compressed(deflated(plain)), 4) == tuple(records)
    assert zlib.decompress(cbor2.loads(columns_body(records))[2], -15) == plain


def test_the_longest_body_goes_through_and_the_next_longer_does_not() -> None:
    for records in ([bytes([n % 256]) * 3 for n in range(15_999)], [bytes(RECORD_BYTES_MAX), bytes(3_990)]):
        body = encode_body(records)
        assert len(plain_body(records)) in range(BODY_BYTES_MAX - 4, BODY_BYTES_MAX + 1)
        assert (
            decode_body(body, len(records))
            == decode_body(plain_body(records), len(records))
            == tuple(records)
        )
        with pytest.raises(ValueError, match=f"1 record to {BODY_BYTES_MAX} bytes"):
            encode_body([*records, bytes(5)])
    with pytest.raises(ValueError, match="1 record"):
        encode_body([])


def test_readings_of_some_meters_take_less_room_and_a_lone_reading_takes_no_more() -> None:
    many = [reading(second, meter) for second in range(10) for meter in range(20)]
    assert len(encode_body(many)) < 0.6 * len(plain_body(many))
    assert encode_body([random.Random(1).randbytes(60)]) == plain_body([random.Random(1).randbytes(60)])
