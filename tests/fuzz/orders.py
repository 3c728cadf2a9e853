"""Orders, numbers of the newest and statements of a root, signed whatever is in them; and their messages."""

from contextlib import suppress
from typing import Final

from agent.orders.book import Book
from evidence import cbor, cose, keys
from evidence.cbor import FormatError
from evidence.orders.certificate import (
    CERTIFY_DOMAIN,
    PLACE_DOMAIN,
    WITHDRAW_DOMAIN,
    open_root_statement,
    sign_root_statement,
)
from evidence.orders.newest import NEWEST_DOMAIN, Newest, parse_newest, sign_newest
from evidence.orders.order import ORDER_DOMAIN, parse_order, sign_order
from evidence.orders.trust import Trust
from evidence.record import Kind
from tests.evidence.orders import made
from tests.fuzz.target import CBOR, Target
from wire import orders as wire
from wire.messages import WireError

ROOT: Final = keys.public(made.ROOT)
NEWEST: Final = Newest("g1", 3, b"h" * 32, (1, 3), bytes(32), 5)


def run_order(raw: bytes) -> None:
    with suppress(FormatError):
        whole = cose.sign1(raw, made.CITY, ORDER_DOMAIN)
        order = parse_order(whole).order
        assert sign_order(order, made.CITY) == whole
        made.trust().judge(parse_order(whole), "g1")


def run_newest(raw: bytes) -> None:
    with suppress(FormatError):
        whole = cose.sign1(raw, made.ROOT, NEWEST_DOMAIN)
        assert sign_newest(parse_newest(whole).newest, made.ROOT) == whole


def run_statement(raw: bytes) -> None:
    for domain in (CERTIFY_DOMAIN, WITHDRAW_DOMAIN, PLACE_DOMAIN):
        with suppress(FormatError):
            whole = cose.sign1(raw, made.ROOT, domain)
            assert sign_root_statement(open_root_statement(whole, ROOT), made.ROOT) == whole


def run_message(raw: bytes) -> None:
    for decode in (wire.decode_order, wire.decode_newest):
        with suppress(WireError):
            assert wire.encode_attested(decode(raw)) == raw
    with suppress(WireError):
        assert wire.encode_keys(wire.decode_keys(raw)) == raw


def run_book(raw: bytes) -> None:
    """A checkpoint from the disk."""
    with suppress(FormatError):
        read = Book.from_cbor(raw, "g1", ROOT).to_cbor()
        assert Book.from_cbor(read, "g1", ROOT).to_cbor() == read


def _books() -> list[bytes]:
    book = Book("g1", Trust(ROOT))
    digest = bytes(32)
    head = {"what": "order", "state": "held", "hash": digest, "rev": 1, "seq": 1, "id": "o1"}
    book.apply(Kind.ORDER, {**head, "order": made.signed(), "statements": list(made.STATEMENTS)}, made.NOW_MS)
    book.apply(Kind.ORDER, {"what": "newest", "newest": sign_newest(NEWEST, made.ROOT)}, made.NOW_MS)
    return [Book("g1", Trust(ROOT)).to_cbor(), book.to_cbor()]


def _payload(raw: bytes) -> bytes:
    return cose.parse(raw, 20_000).payload


TARGETS: Final = (
    Target("order", run_order, lambda: [_payload(made.signed())], 20_000, CBOR),
    Target("newest", run_newest, lambda: [_payload(sign_newest(NEWEST, made.ROOT))], 1_024, CBOR),
    Target(
        "root_statement",
        run_statement,
        lambda: [_payload(one) for one in (*made.STATEMENTS, made.WITHDRAWAL)],
        1_200,
        CBOR,
    ),
    Target(
        "order_message",
        run_message,
        lambda: [made.message(), cbor.encode([made.WITHDRAWAL])],
        30_000,
        CBOR,
    ),
    Target("book", run_book, _books, 30_000, CBOR),
)
