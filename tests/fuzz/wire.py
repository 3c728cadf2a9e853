"""Messages of both directions and their topics."""

from contextlib import suppress
from functools import cache
from json import dumps
from typing import Final

from agent.uplink.outbox import Outbox
from centre.gateway.parts import Parts
from evidence import cbor, cose
from evidence.cbor import FormatError
from evidence.receipt import RECEIPT_DOMAIN, Conflict, Receipt, open_receipt, sign_receipt
from evidence.seal import peek_header
from tests.evidence.chains import GATEWAY, Chain
from tests.fuzz.evidence import CENTRE, CENTRE_PUBLIC
from tests.fuzz.target import CBOR, JSON, Target
from wire import messages
from wire.files import Piece, decode_piece, encode_piece


def run_seal(raw: bytes) -> None:
    with suppress(messages.WireError):
        message = messages.decode_seal(raw)
        assert messages.encode_seal(message.seal, message.body) == raw
        with suppress(FormatError):
            peek_header(message.seal)


def run_chain(raw: bytes) -> None:
    with suppress(messages.WireError):
        assert messages.encode_chain(messages.decode_chain(raw)) == raw


def run_body(raw: bytes) -> None:
    with suppress(messages.WireError):
        message = messages.decode_body(raw)
        if isinstance(message, messages.PartMessage):
            parts = Parts()
            parts.put(message)
            assert cbor.encode([message.number, message.length, message.offset, message.piece]) == raw
        else:
            assert messages.encode_body(message.number, message.body) == raw


def run_file(raw: bytes) -> None:
    with suppress(messages.WireError):
        assert encode_piece(decode_piece(raw)) == raw


def run_state(raw: bytes) -> None:
    """A state becomes a line of JSON at the centre; whatever is taken must be sayable there."""
    with suppress(messages.WireError):
        online, details = messages.decode_state(raw)
        dumps(details, ensure_ascii=False, allow_nan=False).encode()
        assert messages.decode_state(messages.encode_state(online=online, details=details)) == (
            online,
            details,
        )


def run_topic(raw: bytes) -> None:
    topic = raw.decode("utf-8", errors="replace")
    with suppress(messages.WireError):
        gateway, kind = messages.parse_topic(topic)
        assert messages.Topics(gateway).of(kind) == topic


def run_outbox(raw: bytes) -> None:
    """Receipts that the centre has signed, whatever is in them, before an outbox of five own seals."""
    try:
        payloads = cbor.decode(raw, 8_192)
    except FormatError:
        return
    outbox = Outbox(messages.Topics(GATEWAY), received=0, tip=OWN_SEALS)
    outbox.on_connected(0.0, 20, 65_536)
    taken = 0
    for now_s, payload in enumerate(payloads if type(payloads) is list else (), 1):
        if type(payload) is not bytes:
            continue
        outbox.next(float(now_s), lambda _: 100)
        with suppress(FormatError):
            receipt = open_receipt(cose.sign1(payload, CENTRE, RECEIPT_DOMAIN), CENTRE_PUBLIC)
            outbox.on_receipt(receipt, _own_hashes().get, float(now_s))
            if _own_hashes().get(receipt.number) == receipt.seal_hash:
                taken = max(taken, receipt.number)
        assert outbox.prunable_below(lambda _: 100) <= max(taken, 1), "pruned without a receipt for it"
        assert 0 <= outbox.status().received <= OWN_SEALS


OWN_SEALS: Final = 5


@cache
def _own_hashes() -> dict[int, bytes]:
    chain = Chain()
    return {seal.number: seal.hash for seal in (chain.seal() for _ in range(OWN_SEALS))}


def _receipts() -> list[bytes]:
    own = _own_hashes()
    asking = Conflict(3, own[2])
    made = [
        Receipt(GATEWAY, 2, own[2], 1, (), 1, asking),
        Receipt(GATEWAY, 3, own[3], 3, (), 2),
        Receipt(GATEWAY, 5, own[5], 3, ((5, 5),), 3),
        Receipt(GATEWAY, 5, own[5], 5, (), 4),
    ]
    signed = [cose.parse(sign_receipt(one, CENTRE), 4_096).payload for one in made]
    return [cbor.encode(signed), cbor.encode(signed[2:]), cbor.encode(signed[:1])]


def _seals() -> list[tuple[bytes, bytes]]:
    chain = Chain()
    made = [chain.seal() for _ in range(3)]
    return [(seal.cose, seal.body or b"") for seal in made]


def _bodies() -> list[bytes]:
    whole = [messages.encode_body(4, body) for _, body in _seals()]
    return [
        *whole,
        messages.encode_part(4, bytes(200), 64, 128),
        messages.encode_part(4, bytes(200), 128, 200),
    ]


TARGETS: Final = (
    Target("outbox", run_outbox, _receipts, form=CBOR),
    Target("wire_seal", run_seal, lambda: [messages.encode_seal(*seal) for seal in _seals()], form=CBOR),
    Target("wire_chain", run_chain, lambda: [messages.encode_chain([s for s, _ in _seals()])], form=CBOR),
    Target("wire_body", run_body, _bodies, form=CBOR),
    Target("wire_file", run_file, lambda: [encode_piece(Piece(bytes(32), 9, 3, b"piece"))], form=CBOR),
    Target(
        "wire_state",
        run_state,
        lambda: [
            messages.encode_state(online=True, details={"version": "0.1.0", "n": 7, "nothing": None}),
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
