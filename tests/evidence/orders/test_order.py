"""The envelope, the number of the newest and the root's statements: one form each, every other is refused."""

from typing import Any

import cbor2
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import cbor, cose, keys
from evidence.cbor import FormatError
from evidence.orders.certificate import (
    CERTIFICATE_BYTES_MAX,
    CERTIFY_DOMAIN,
    PLACE_DOMAIN,
    REASON_BYTES_MAX,
    WITHDRAW_DOMAIN,
    Certificate,
    Placement,
    Role,
    Withdrawal,
    open_root_statement,
    sign_root_statement,
)
from evidence.orders.newest import LIVE_MAX, NEWEST_BYTES_MAX, Newest, parse_newest, sign_newest
from evidence.orders.order import (
    ORDER_BYTES_MAX,
    ORDER_DOMAIN,
    PRIORITY_MAX,
    REV_MAX,
    SEQ_MAX,
    Order,
    parse_order,
    sign_order,
)
from tests.evidence.orders import made
from tests.evidence.orders.table import WRONG_FIELDS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ORDERS = st.builds(
    Order,
    id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", fullmatch=True),
    rev=st.integers(1, REV_MAX),
    seq=st.integers(1, SEQ_MAX),
    kind=st.sampled_from(["list", "alert", "supervise", "later_1"]),
    gateway=st.just("g1"),
    issuer=TEXT.filter(bool),
    issued_utc_ms=st.integers(0, 1 << 50),
    effective_utc_ms=st.integers(0, 1 << 49),
    expires_utc_ms=st.integers(1 << 49, 1 << 50),
    body=st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(0, 9) | TEXT | st.binary(max_size=9)),
    number=TEXT,
    due_utc_ms=st.none() | st.integers(0, 1 << 50),
    priority=st.integers(0, PRIORITY_MAX),
    test=st.booleans(),
)


@given(ORDERS)
@settings(deadline=None, max_examples=60)
def test_an_order_is_read_as_it_was_signed(order: Order) -> None:
    raw = sign_order(order, made.CITY)
    read = parse_order(raw)
    assert read.order == order
    assert read.holds(keys.public(made.CITY))
    assert not read.holds(keys.public(made.DISTRICT))


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(deadline=None, max_examples=150)
def test_no_changed_bit_of_an_order_is_believed(at: int, bit: int) -> None:
    raw = bytearray(made.signed())
    raw[at % len(raw)] ^= 1 << bit
    try:
        read = parse_order(bytes(raw))
    except FormatError:
        return
    assert not read.holds(keys.public(made.CITY))


def changed(payload: list[Any], at: int, value: Any) -> bytes:
    payload[at] = value
    return cose.sign1(cbor2.dumps(payload, canonical=True), made.CITY, ORDER_DOMAIN)


@pytest.mark.parametrize(("at", "value"), WRONG_FIELDS)
def test_each_field_has_its_limits(at: int, value: Any) -> None:
    payload = cbor.decode(cose.parse(made.signed(), ORDER_BYTES_MAX).payload, ORDER_BYTES_MAX)
    assert parse_order(changed(list(payload), 0, 1)).order.id == "o1"
    with pytest.raises(FormatError):
        parse_order(changed(payload, at, value))


@pytest.mark.parametrize("body", [{}, {"order": 5}, {"order": "a/b"}, {"order": None}])
def test_a_cancel_names_an_order(body: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        made.signed(kind="cancel", body=body)
    assert parse_order(made.signed(kind="cancel", body={"order": "o7"})).order.cancels == "o7"


def test_the_longest_order_is_read_and_a_longer_one_is_not() -> None:
    head = len(made.signed(body={"text": ""}))
    longest = ORDER_BYTES_MAX - head - 3  # two heads of strings grow
    assert len(made.signed(body={"text": "x" * longest})) == ORDER_BYTES_MAX
    with pytest.raises(FormatError, match="bytes"):
        made.signed(body={"text": "x" * (longest + 1)})


NAME = "市" * 21 + "x"


def test_the_longest_statements_and_numbers_are_read() -> None:
    root = keys.public(made.ROOT)
    last = (1 << 64) - 1
    kinds = tuple(sorted(f"{'k' * 14}{n:02d}" for n in range(16)))
    longest = [
        Certificate(Role.BUREAU, NAME, keys.public(made.CITY), kinds, "9" * 32, last, last, last),
        Withdrawal(keys.public(made.CITY), last, last, "x" * REASON_BYTES_MAX),
        Placement("g" * 32, "9" * 32, last),
    ]
    for one, size in zip(longest, (513, 332, 154), strict=True):
        raw = sign_root_statement(one, made.ROOT)
        assert len(raw) == size <= CERTIFICATE_BYTES_MAX
        assert open_root_statement(raw, root) == one
        with pytest.raises(FormatError, match="root"):
            open_root_statement(raw, keys.public(made.CITY))
    live = tuple(range(SEQ_MAX - LIVE_MAX + 1, SEQ_MAX + 1))
    newest = Newest("g" * 32, SEQ_MAX, bytes(31) + b"1", live, bytes(31) + b"2", last)
    raw = sign_newest(newest, made.ROOT)
    assert len(raw) == 516 <= NEWEST_BYTES_MAX
    assert parse_newest(raw).newest == newest


STATEMENT = Certificate(Role.BUREAU, "a", keys.public(made.CITY), ("list",), "37", 1, 2, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": ()}, {"kinds": ("list", "alert")}, {"kinds": ("list", "list")}, {"kinds": ("List",)},
        {"role": Role.OFFICER}, {"role": Role.RECEIPT}, {"name": ""}, {"name": "x" * 65}, {"area": "37 02"},
        {"area": "3" * 33}, {"from_utc_ms": 3}, {"key": bytes(32)}, {"key": b"1"}, {"utc_ms": -1},
    ],
)  # fmt: skip
def test_a_certificate_of_another_form_is_not_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        sign_root_statement(evolve(STATEMENT, **changes), made.ROOT)


def test_a_statement_of_one_kind_is_worth_nothing_as_another() -> None:
    payload = cose.parse(made.PLACEMENT, CERTIFICATE_BYTES_MAX).payload
    assert open_root_statement(cose.sign1(payload, made.ROOT, PLACE_DOMAIN), keys.public(made.ROOT))
    for domain in (CERTIFY_DOMAIN, WITHDRAW_DOMAIN, ORDER_DOMAIN, b"dj1.receipt"):
        with pytest.raises(FormatError, match="root"):
            open_root_statement(cose.sign1(payload, made.ROOT, domain), keys.public(made.ROOT))


@pytest.mark.parametrize(
    "changes",
    [{"seq": 0}, {"order_hash": bytes(32)}, {"live": (2, 1)}, {"live": (1, 1)}, {"live": (0,)},
     {"live": (9,)}, {"live": tuple(range(1, LIVE_MAX + 2)), "seq": 99}, {"keys_hash": b""},
     {"gateway": "a/b"}],
)  # fmt: skip
def test_a_number_of_the_newest_of_another_form_is_not_signed(changes: dict[str, Any]) -> None:
    one = Newest("g1", 3, b"h" * 32, (1, 3), bytes(32), 5)
    assert parse_newest(sign_newest(one, made.ROOT)).newest == one
    with pytest.raises(FormatError):
        sign_newest(evolve(one, **changes), made.ROOT)
