import io
from pathlib import Path

import cbor2
import pytest
from hypothesis import given, settings

import evidence
from drivers.reading import Reading
from evidence import cbor, cose, keys
from evidence.body import BODY_BYTES_MAX, columns_body, plain_body
from evidence.clues.file import Exported, encode_clues
from evidence.clues.step import STEP_DOMAIN, parse_step
from evidence.orders.newest import Newest, sign_newest
from evidence.pack.content import encode_content, encode_evidence, sign_issue
from evidence.pack.export import ExportedSeal, write_chain
from evidence.receipt import Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from evidence.record import decode_record, encode_reading
from evidence.statement import EnrolledMeter, Enrolment, Rekey, Replace, Revoke, sign_statement
from tests.evidence.cddl import Schema
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret
from tests.evidence.clues import ledgers
from tests.evidence.orders import made
from tests.evidence.orders.table import WRONG_FIELDS
from tests.evidence.pack import packs
from tests.evidence.test_record import READING, READINGS
from wire import messages, orders

SCHEMA = Schema((Path(evidence.__file__).parent / "records.cddl").read_text())
CENTRE = secret(0, "centre")
HASH = b"h" * 32


def test_real_seals_and_their_messages_match_the_schema() -> None:
    chain = Chain()
    for seal in (chain.seal(), chain.seal([heartbeat(1)] * 300, reference=HASH)):
        assert SCHEMA.matches("seal", seal.cose)
        assert seal.body is not None
        assert SCHEMA.matches("body", seal.body)
        assert SCHEMA.matches("seal-message", cbor.encode([seal.cose, seal.body]))
        assert SCHEMA.matches("seal-message", cbor.encode([seal.cose, None]))
        assert SCHEMA.matches("chain-message", cbor.encode([seal.cose, seal.cose]))
        assert SCHEMA.matches("body-message", cbor.encode([seal.number, seal.body]))
        part = messages.encode_part(seal.number, seal.body, 0, len(seal.body))
        assert SCHEMA.matches("part-message", part)
        assert not SCHEMA.matches("body-message", part)
        assert not SCHEMA.matches("receipt", seal.cose)
        assert not SCHEMA.matches("beacon", seal.cose)


def test_a_real_pack_matches_the_schema() -> None:
    seals = packs.chain(3)
    one = packs.content(
        packs.run(seals, bare=[2]),
        last=3,
        statements=(packs.enrolment(),),
        receipts=(packs.receipt(seals[2]),),
    )
    raw = encode_content(one)
    for issue in (None, sign_issue(raw, b"page", packs.CENTRE)):
        assert SCHEMA.matches("evidence", encode_evidence(raw, issue))
        assert issue is None or SCHEMA.matches("issue", issue)
    short = cbor.encode(cbor.decode(raw, len(raw))[:-1])
    assert not SCHEMA.matches("evidence", encode_evidence(short, None))


def test_the_header_of_a_real_file_matches_the_schema() -> None:
    stream = io.BytesIO()
    seal = Chain().seal()
    write_chain(stream, GATEWAY, [ExportedSeal(seal.cose, seal.body)])
    raw = stream.getvalue()
    assert SCHEMA.matches("file-header", raw)
    header = len(cbor.encode(["dianjian chain", 2, GATEWAY]))
    assert SCHEMA.matches("seal-message", raw[header:])


def test_both_forms_of_a_body_match_the_schema() -> None:
    records = [heartbeat(number) for number in range(9)]
    assert SCHEMA.matches("plain", plain_body(records))
    assert SCHEMA.matches("columns", columns_body(records))
    for body in (plain_body(records), columns_body(records)):
        assert SCHEMA.matches("body", body)
        assert SCHEMA.matches("body-message", cbor.encode([1, body]))
    _, check, stream = cbor.decode(columns_body(records), BODY_BYTES_MAX)
    for wrong in ([], [1], [2, check, stream], [1, check[1:], stream], [1, check, stream, 1]):
        assert not SCHEMA.matches("body", cbor.encode(wrong))


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(GATEWAY, 0, bytes(32), 0, (), 5),
        Receipt(GATEWAY, 9, HASH, 3, ((5, 6), (8, 9)), 5, Conflict(10, HASH)),
    ],
)
def test_real_receipts_match_the_schema(receipt: Receipt) -> None:
    assert SCHEMA.matches("receipt", sign_receipt(receipt, CENTRE))
    assert not SCHEMA.matches("seal", sign_receipt(receipt, CENTRE))


def test_a_real_beacon_matches_the_schema() -> None:
    assert SCHEMA.matches("beacon", sign_beacon(Beacon(5, 6), CENTRE))


@given(READINGS)
@settings(deadline=None)
def test_real_readings_match_the_schema(reading: Reading) -> None:
    assert SCHEMA.matches("reading", encode_reading(reading))
    assert SCHEMA.matches("record", encode_reading(reading))


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, 0),
        (3, 3),
        (4, "m" * 65),
        (5, 3),
        (7, [[5, 0, b"ab"]]),
        (7, [[3, 0x02010100, b"ab"]]),
        (7, [[17, 2**32, b"ab"]]),
        (7, [[17, 0, b""]]),
        (7, [[17, 0, bytes(201)]]),
        (9, 1),
    ],
)
def test_schema_and_decoder_refuse_the_same_reading(position: int, value: object) -> None:
    assert SCHEMA.matches("reading", cbor.encode(READING))
    items = list(READING)
    items[position] = value
    raw = cbor.encode(items)
    assert not SCHEMA.matches("record", raw)
    with pytest.raises(cbor.FormatError):
        decode_record(raw)


def test_a_real_ledger_of_clues_matches_its_rules_and_nothing_else() -> None:
    writer = ledgers.Writer()
    writer.course()
    for raw in writer.raws:
        assert SCHEMA.matches("step", raw)
        assert not SCHEMA.matches("end", raw)
    assert SCHEMA.matches("end", writer.end())
    root, statements = keys.public(made.ROOT), ledgers.STATEMENTS
    for end in (writer.end(), None):
        whole = encode_clues(Exported(root, statements, tuple(writer.raws), end))
        assert SCHEMA.matches("clues-file", whole)
        assert not SCHEMA.matches("evidence", whole)
    payload = cbor.decode(cose.parse(writer.raws[0], 20_000).payload, 20_000)
    for at, value in ledgers.WRONG_FIELDS:
        raw = cose.sign1(cbor.encode([*payload[:at], value, *payload[at + 1 :]]), ledgers.WANG, STEP_DOMAIN)
        assert not SCHEMA.matches("step", raw), (at, value)
        with pytest.raises(cbor.FormatError):
            parse_step(raw)


def test_real_orders_numbers_and_statements_match_their_own_rule_and_no_other() -> None:
    newest = sign_newest(Newest("g1", 3, HASH, (1, 3), bytes(32), 5), CENTRE)
    signed = {
        "order": made.signed(),
        "newest": newest,
        "certificate": made.CITY_CERTIFICATE,
        "withdrawal": made.WITHDRAWAL,
        "placement": made.PLACEMENT,
    }
    for rule, raw in signed.items():
        assert [other for other in signed if SCHEMA.matches(other, raw)] == [rule]
    attested = orders.encode_attested(orders.Attested(signed["order"], made.STATEMENTS))
    assert SCHEMA.matches("order-message", attested)
    assert SCHEMA.matches("orders-message", orders.encode_attested(orders.Attested(newest, ())))
    assert SCHEMA.matches("keys-message", orders.encode_keys([made.WITHDRAWAL]))
    assert SCHEMA.matches("message", attested)
    for at, value in WRONG_FIELDS:
        items = cbor.decode(cose.parse(signed["order"], 20_000).payload, 20_000)
        items[at] = value
        if (at, type(value)) not in {(9, int), (10, int)}:  # CDDL does not compare two times
            raw = cose.sign1(cbor2.dumps(items, canonical=True), CENTRE, b"dj1.order")
            assert not SCHEMA.matches("order", raw), (at, value)


METER = EnrolledMeter("m1", "eastron-sdm630", 1, "20231234")
REKEY = Rekey(GATEWAY, 3, HASH, 7, HASH, 9, "key file lost")
STATEMENTS = {
    "enrolment": Enrolment(GATEWAY, "一号厂", HASH, bytes(32), (METER, METER), 5),
    "rekey": REKEY,
    "replace": Replace(GATEWAY, 3, HASH, 7, HASH, HASH, 9, "new hardware"),
    "revoke": Revoke(GATEWAY, 0, bytes(32), 9, ""),
}


@pytest.mark.parametrize("rule", STATEMENTS)
def test_real_statements_match_their_own_rule_and_no_other(rule: str) -> None:
    raw = sign_statement(STATEMENTS[rule], CENTRE)
    assert SCHEMA.matches("statement", raw)
    assert [other for other in STATEMENTS if SCHEMA.matches(other, raw)] == [rule]
    assert SCHEMA.matches("file-item", cbor.encode(raw))
    assert SCHEMA.matches("rekey-message", messages.encode_statement(raw))
