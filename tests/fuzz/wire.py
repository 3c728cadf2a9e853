"""Messages of both directions and their topics."""

from contextlib import suppress
from json import dumps
from typing import Final

from agent.evidence.cbor import FormatError
from agent.evidence.seal import peek_header
from agent.uplink import wire
from tests.evidence.chains import Chain
from tests.fuzz.target import CBOR, JSON, Target


def run_seal(raw: bytes) -> None:
    with suppress(wire.WireError):
        message = wire.decode_seal(raw)
        assert wire.encode_seal(message.seal, message.body) == raw
        with suppress(FormatError):
            peek_header(message.seal)


def run_chain(raw: bytes) -> None:
    with suppress(wire.WireError):
        assert wire.encode_chain(wire.decode_chain(raw)) == raw


def run_body(raw: bytes) -> None:
    with suppress(wire.WireError):
        message = wire.decode_body(raw)
        assert wire.encode_body(message.number, message.body) == raw


def run_state(raw: bytes) -> None:
    """A state becomes a line of JSON at the centre; whatever is taken must be sayable there."""
    with suppress(wire.WireError):
        online, details = wire.decode_state(raw)
        dumps(details, ensure_ascii=False, allow_nan=False).encode()
        assert wire.decode_state(wire.encode_state(online=online, details=details)) == (online, details)


def run_topic(raw: bytes) -> None:
    topic = raw.decode("utf-8", errors="replace")
    with suppress(wire.WireError):
        gateway, kind = wire.parse_topic(topic)
        assert wire.Topics(gateway).of(kind) == topic


def _seals() -> list[tuple[bytes, bytes]]:
    chain = Chain()
    made = [chain.seal() for _ in range(3)]
    return [(seal.cose, seal.body or b"") for seal in made]


TARGETS: Final = (
    Target("wire_seal", run_seal, lambda: [wire.encode_seal(*seal) for seal in _seals()], form=CBOR),
    Target("wire_chain", run_chain, lambda: [wire.encode_chain([s for s, _ in _seals()])], form=CBOR),
    Target("wire_body", run_body, lambda: [wire.encode_body(4, body) for _, body in _seals()], form=CBOR),
    Target(
        "wire_state",
        run_state,
        lambda: [
            wire.encode_state(online=True, details={"version": "0.1.0", "n": 7, "nothing": None}),
            b'{"state":"offline"}',
        ],
        2_100,
        JSON,
    ),
    Target(
        "wire_topic",
        run_topic,
        lambda: [b"dj/1/plant-7/seal", b"dj/1/beacon", b"dj/1/a/receipt"],
        256,
    ),
)
