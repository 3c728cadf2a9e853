"""Topics and messages: what is written can be read, and nothing else can."""

import cbor2
import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from evidence.body import BODY_BYTES_MAX
from evidence.seal import COSE_BYTES_MAX, NUMBER_MAX
from evidence.statement import CONTINUE_BYTES_MAX
from wire import messages
from wire.messages import Kind, Topics, WireError

SEALS = st.binary(min_size=1, max_size=COSE_BYTES_MAX)
BODIES = st.binary(min_size=1, max_size=3_000)
DECODERS = [
    messages.decode_seal,
    messages.decode_chain,
    messages.decode_body,
    messages.decode_state,
    messages.decode_statement,
    messages.parse_topic,
]


@given(seal=SEALS, body=BODIES)
@settings(deadline=None)
def test_a_seal_message_reads_back(seal: bytes, body: bytes) -> None:
    payload = messages.encode_seal(seal, body)
    assert messages.decode_seal(payload) == messages.SealMessage(seal, body)
    assert len(payload) <= messages.message_bytes([len(seal), len(body)])


@given(seals=st.lists(SEALS, min_size=1, max_size=messages.CHAIN_SEALS_MAX))
@settings(deadline=None)
def test_a_chain_message_reads_back(seals: list[bytes]) -> None:
    payload = messages.encode_chain(seals)
    assert messages.decode_chain(payload) == tuple(seals)
    assert len(payload) <= messages.message_bytes([len(seal) for seal in seals])


@given(number=st.integers(1, NUMBER_MAX), body=BODIES)
@settings(deadline=None)
def test_a_body_message_reads_back(number: int, body: bytes) -> None:
    payload = messages.encode_body(number, body)
    assert messages.decode_body(payload) == messages.BodyMessage(number, body)


@given(body=BODIES, data=st.data(), number=st.integers(1, NUMBER_MAX))
@settings(deadline=None)
def test_a_part_reads_back(body: bytes, data: st.DataObject, number: int) -> None:
    offset = data.draw(st.integers(0, len(body) - 1))
    shortest = min(offset + messages.PART_BYTES_MIN, len(body))
    end = data.draw(st.integers(shortest, len(body)))
    payload = messages.encode_part(number, body, offset, end)
    read = messages.decode_body(payload)
    assert read == messages.PartMessage(number, len(body), offset, body[offset:end])
    topic = "dj/1/gw-7/body"
    packet = messages.packet_bytes(topic, len(payload))
    assert end - offset >= messages.piece_bytes_max(topic, packet) >= end - offset - 16, (
        "it fits, and is filled"
    )


@given(statement=st.binary(min_size=1, max_size=CONTINUE_BYTES_MAX))
@settings(deadline=None)
def test_a_statement_message_reads_back(statement: bytes) -> None:
    assert messages.decode_statement(messages.encode_statement(statement)) == statement


@pytest.mark.parametrize("size", [0, CONTINUE_BYTES_MAX + 1, 70_000])
def test_a_statement_message_of_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(WireError):
        messages.decode_statement(messages.encode_statement(bytes(size)))


def test_the_largest_messages_are_within_the_limit_and_a_64_kb_packet() -> None:
    whole = messages.encode_seal(bytes(COSE_BYTES_MAX), bytes(BODY_BYTES_MAX))
    chain = messages.encode_chain([bytes(COSE_BYTES_MAX)] * messages.CHAIN_SEALS_MAX)
    assert messages.decode_seal(whole)
    assert messages.decode_chain(chain)
    longest = Topics("g" * 32).chain
    assert messages.packet_bytes(longest, len(whole)) <= 65_536
    assert messages.packet_bytes(longest, len(chain)) <= 65_536


@given(raw=st.binary(max_size=200), decoder=st.sampled_from(DECODERS[:5]))
@example(b"\x81" * 5_000, messages.decode_chain)
@example(b"\x9f" + b"\x41a" * 10 + b"\xff", messages.decode_chain)
@example(b"\x82\xd8\x23\x61(\x41a", messages.decode_seal)
@example(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", messages.decode_chain)
@example(b"[" * 2_000, messages.decode_state)
@example(b'{"state":"online","x":1e999}', messages.decode_state)
@settings(deadline=None, max_examples=400)
def test_random_bytes_are_read_or_refused_and_never_more(raw: bytes, decoder: object) -> None:
    try:
        decoder(raw)  # type: ignore[operator]
    except WireError:
        return
    if decoder is not messages.decode_state:
        assert cbor2.dumps(cbor2.loads(raw), canonical=True) == raw


@given(seal=SEALS, body=BODIES, data=st.data())
@settings(deadline=None)
def test_a_message_that_was_cut_or_lengthened_is_refused(
    seal: bytes, body: bytes, data: st.DataObject
) -> None:
    payload = messages.encode_seal(seal, body)
    with pytest.raises(WireError):
        messages.decode_seal(payload[: data.draw(st.integers(0, len(payload) - 1))])
    with pytest.raises(WireError):
        messages.decode_seal(payload + b"\0")


@pytest.mark.parametrize(
    ("decoder", "items"),
    [
        (messages.decode_seal, [b"s"]),
        (messages.decode_seal, [b"s", b"b", b"x"]),
        (messages.decode_seal, [b"", b"b"]),
        (messages.decode_seal, [b"s", b""]),
        (messages.decode_seal, [1, b"b"]),
        (messages.decode_seal, ["s", b"b"]),
        (messages.decode_seal, [bytes(COSE_BYTES_MAX + 1), b"b"]),
        (messages.decode_seal, [b"s", bytes(BODY_BYTES_MAX + 1)]),
        (messages.decode_chain, []),
        (messages.decode_chain, [b"s"] * (messages.CHAIN_SEALS_MAX + 1)),
        (messages.decode_chain, [b"s", 7]),
        (messages.decode_body, [0, b"b"]),
        (messages.decode_body, [NUMBER_MAX + 1, b"b"]),
        (messages.decode_body, [-1, b"b"]),
        (messages.decode_body, [True, b"b"]),
        (messages.decode_body, [b"1", b"b"]),
        (messages.decode_body, {"a": 1}),
        (messages.decode_body, []),
        (messages.decode_body, [1]),
        (messages.decode_body, [1, 200, b"b" * 64]),
        (messages.decode_body, [1, 200, 0, b"b" * 64, 1]),
        (messages.decode_body, [0, 200, 0, b"b" * 64]),
        (messages.decode_body, [1, 0, 0, b"b" * 64]),
        (messages.decode_body, [1, BODY_BYTES_MAX + 1, 0, b"b" * 64]),
        (messages.decode_body, [1, True, 0, b"b"]),
        (messages.decode_body, [1, 200, -1, b"b" * 64]),
        (messages.decode_body, [1, 200, False, b"b" * 64]),
        (messages.decode_body, [1, 200, 137, b"b" * 64]),
        (messages.decode_body, [1, 200, 0, b"b" * 63]),
        (messages.decode_body, [1, 200, 200, b"b"]),
        (messages.decode_body, [1, 200, 0, b""]),
        (messages.decode_body, [1, 200, 0, "b" * 64]),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused(decoder: object, items: object) -> None:
    with pytest.raises(WireError):
        decoder(cbor2.dumps(items, canonical=True))  # type: ignore[operator]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_topic_names_its_gateway_and_kind(kind: Kind) -> None:
    assert messages.parse_topic(Topics("Plant-7.a_b").of(kind)) == ("Plant-7.a_b", kind)


@pytest.mark.parametrize(
    "topic",
    [
        "", "dj/1/beacon", "dj/1/gw", "dj/2/gw/seal", "xx/1/gw/seal", "dj/1/gw/seal/x", "dj/1/gw/other",
        "dj/1//seal", "dj/1/+/seal", "dj/1/#", "dj/1/g w/seal", "dj/1/-gw/seal", "dj/1/gw\n/seal",
        "dj/1/电/seal", "dj/1/" + "g" * 33 + "/seal",
    ],
)  # fmt: skip
def test_another_topic_is_refused(topic: str) -> None:
    with pytest.raises(WireError):
        messages.parse_topic(topic)


@pytest.mark.parametrize("name", ["", "+", "a/b", "a#", "x" * 33, "-a", "a b"])
def test_a_gateway_id_that_is_no_topic_level_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        Topics(name)


def test_birth_and_will_read_back() -> None:
    assert messages.decode_state(
        messages.encode_state(online=True, details={"version": "0.1", "at_ms": 5})
    ) == (
        True,
        {"version": "0.1", "at_ms": 5},
    )
    assert messages.decode_state(messages.encode_state(online=False, details={})) == (False, {})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"online"',
        b'{"state":"up"}',
        b'{"state":["online"]}',
        b'{"state":"online","x":{}}',
        b"\xff",
    ],
)
def test_another_state_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        messages.decode_state(raw)


def test_a_state_beyond_its_limit_is_refused() -> None:
    with pytest.raises(WireError):
        messages.decode_state(
            messages.encode_state(online=True, details={"x": "y" * messages.STATE_BYTES_MAX})
        )
