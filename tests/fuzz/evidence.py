"""What travels as evidence. A payload is signed before it is decoded, as a hostile owner of the key could
do: bytes that are only refused for their signature test nothing."""

import zlib
from contextlib import suppress
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from agent.sealing.key_slots import _PUBLIC, SLOTS, Slot, _public_sum, _secret_sum, decode_slot, encode_slot
from centre.json_lines import JsonLines
from drivers.clock import ClockState, Stamp
from drivers.points.model import load
from drivers.reading import Block, PollGroup, Reading
from evidence import cbor, cose, keys
from evidence.attested_chain import Attestations
from evidence.body import (
    BODY_BYTES_MAX,
    CHECK_BYTES,
    COLUMNS,
    columns_body,
    decode_body,
    encode_body,
    plain_body,
)
from evidence.chain import ChainState, Outcome
from evidence.continuation import continue_chain
from evidence.held import Held
from evidence.pack.export import MAGIC, ExportedSeal, read_chain, verify_file, write_chain
from evidence.receipt import (
    BEACON_DOMAIN,
    RECEIPT_DOMAIN,
    Beacon,
    Conflict,
    Receipt,
    open_beacon,
    open_receipt,
    sign_beacon,
    sign_receipt,
)
from evidence.record import (
    NS_PER_MS,
    NS_PER_US,
    Kind,
    ReadingRecord,
    decode_record,
    encode_reading,
    encode_record,
)
from evidence.seal import (
    DOMAIN,
    NO_HASH,
    RECORDS_MAX,
    SealHeader,
    merkle_root,
    open_body,
    parse_seal,
    peek_header,
    sign_header,
)
from evidence.statement import (
    ENROLMENT_DOMAIN,
    REKEY_DOMAIN,
    REPLACE_DOMAIN,
    REVOKE_DOMAIN,
    EnrolledMeter,
    Enrolment,
    Rekey,
    Replace,
    Revoke,
    Statement,
    open_statement,
    sign_statement,
)
from evidence.verify import accept
from tests.evidence.attestations import GOLDEN
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.records import EPISODE
from tests.fuzz.target import CBOR, Target

CENTRE: Final = sha256(b"centre").digest()
CENTRE_PUBLIC: Final = keys.public(CENTRE)
HEAD_BYTES: Final = len(b"\x83") + len(cbor.encode(MAGIC)) + 1
FIRST_PUBLIC: Final = keys.public(secret(1))


def _payload(raw: bytes) -> bytes:
    return cose.parse(raw, 65_536).payload


def records() -> list[bytes]:
    """One record of each kind that there is."""
    model = load("eastron-sdm630")
    reading = Reading(
        "m1", PollGroup.FAST, stamp(1), model.hash, (Block(4, 0, bytes(160)), Block(4, 52, b"\1\2"))
    )
    bodies: dict[Kind, dict[str, object]] = {
        Kind.MANIFEST: {
            "site": "[site]",
            "meters": {"m1": {"model": model.hash[:8], "line": "p1", "ct_ratio": 40.0, "pt_ratio": 1}},
            "models": {model.hash[:8].hex(): model.table()},
        },
        Kind.BOOT: {"boot_id": bytes(16), "offset_ms": 1, "start": "clean"},
        Kind.DROP: {"first": 1, "last": 2, "why": "no room"},
        Kind.LOST_TAIL: {"first": 1, "last": 2, "recovered": 2},
        Kind.EPISODE: EPISODE,
        Kind.ATTESTATION: GOLDEN[0].to_body(),
        Kind.EVENT: {"what": "meter", "good": False, "nothing": None},
    }
    made = [encode_record(kind, stamp(2), body) for kind, body in bodies.items()]
    return [encode_reading(reading), *made]


def run_cbor(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        value = cbor.decode(raw, 65_536)
        assert cbor.encode(value) == raw
        cbor.plain(value, "value")


def run_cose(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        signed = cose.parse(raw, 65_536)
        again = cose.TAG_SIGN1 + cbor.encode([cose.PROTECTED, {}, signed.payload, signed.signature])
        assert again == raw
        assert not signed.holds(CENTRE_PUBLIC, DOMAIN), "a signature that nobody made"


def run_record(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        record = decode_record(raw)
        moment = Stamp(
            record.utc_ms * NS_PER_MS, record.boottime_ms * NS_PER_MS, bytes(16), record.clock_state
        )
        if isinstance(record, ReadingRecord):
            reading = Reading(
                record.meter,
                record.group,
                moment,
                record.model,
                record.blocks,
                record.quality,
                record.reason,
                latency_ns=record.latency_us * NS_PER_US,
            )
            assert encode_reading(reading) == raw
        else:
            assert encode_record(record.kind, moment, record.body) == raw


def run_seal(payload: bytes) -> None:
    raw = cose.sign1(payload, secret(1), DOMAIN)
    with suppress(cbor.FormatError):
        header, signed = parse_seal(raw)
        assert sign_header(header, secret(1)) == raw
        assert signed.holds(FIRST_PUBLIC, DOMAIN)


def run_body(raw: bytes) -> None:
    """A body is taken only if it is the one that was sealed, whatever its form."""
    chain = Chain()
    sealed = records()[:3]
    header = peek_header(chain.seal(sealed).cose)
    with suppress(cbor.FormatError):
        assert open_body(header, raw) == tuple(sealed)


def _body_seeds() -> list[bytes]:
    return [encode_body(records()[:3]), encode_body(records()), encode_body([b"\1" * 40] * 200)]


def run_accept(raw: bytes) -> None:
    """[payload, body]: a seal under the right key, with what it says about itself made up."""
    try:
        payload, body = cbor.array(cbor.decode(raw, 65_536), "input", 2)
    except cbor.FormatError:
        return
    if type(payload) is not bytes or type(body) is not bytes:
        return
    before = Chain().enrolled()
    verdict = accept(before, cose.sign1(payload, secret(1), DOMAIN), body, 1)
    assert ChainState.from_cbor(verdict.state.to_cbor()) == verdict.state
    if verdict.outcome is not Outcome.ACCEPTED:
        assert verdict.state == before
        assert verdict.findings
    elif verdict.records is not None:
        assert verdict.header is not None
        assert merkle_root(verdict.records) == verdict.header.root
    again = accept(verdict.state, cose.sign1(payload, secret(1), DOMAIN), body, 1)
    assert (again.outcome is Outcome.DUPLICATE) == (verdict.outcome is Outcome.ACCEPTED)


def _accept_seeds() -> list[bytes]:
    chain = Chain()
    seals = [chain.seal(records()), chain.seal()]
    return [cbor.encode([_payload(seal.cose), seal.body]) for seal in seals]


def run_receipt(payload: bytes) -> None:
    raw = cose.sign1(payload, CENTRE, RECEIPT_DOMAIN)
    with suppress(cbor.FormatError):
        assert sign_receipt(open_receipt(raw, CENTRE_PUBLIC), CENTRE) == raw


def run_beacon(payload: bytes) -> None:
    raw = cose.sign1(payload, CENTRE, BEACON_DOMAIN)
    with suppress(cbor.FormatError):
        assert sign_beacon(open_beacon(raw, CENTRE_PUBLIC), CENTRE) == raw


def _receipt_seeds() -> list[bytes]:
    full = Receipt(GATEWAY, 90, bytes([1]) * 32, 3, ((5, 9), (20, 90)), 1_767_268_800_000)
    asking = Receipt(GATEWAY, 0, NO_HASH, 0, (), 1, Conflict(1, NO_HASH))
    return [_payload(sign_receipt(receipt, CENTRE)) for receipt in (full, asking)]


def run_held(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        held = Held.from_cbor(raw)
        assert held.to_cbor() == raw
        assert not held.add(1, held.up_to) or held.up_to == 0
        assert held.find_missing_from(held.up_to + 100) not in held


def _held_seeds() -> list[bytes]:
    held = Held(4)
    held.add(9, 12)
    held.add(40)
    return [Held().to_cbor(), held.to_cbor()]


def run_state(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        assert ChainState.from_cbor(raw).to_cbor() == raw


def run_slot(raw: bytes) -> None:
    """A sector whose sums fit, whatever it says; and one as it is."""
    for position in (0, 1, SLOTS - 1):
        assert decode_slot(raw, position) is None, "a sum that nobody made"
    public = raw[: _PUBLIC.size].ljust(_PUBLIC.size, b"\0")
    number = int.from_bytes(public[4:12], "big")
    key = sha256(raw).digest()
    sector = public + _public_sum(public) + key + _secret_sum(number, key)
    slot = decode_slot(sector, number % SLOTS)
    if slot is not None:
        assert slot.secret == key
        assert decode_slot(encode_slot(slot), number % SLOTS) == slot
        assert decode_slot(sector, (number + 1) % SLOTS) is None


def _slot_seeds() -> list[bytes]:
    seal = Chain().seal()
    return [encode_slot(Slot(2, secret(2), 2, seal.hash, seal.cose))[: _PUBLIC.size]]


def run_export(raw: bytes) -> None:
    report = verify_file(BytesIO(raw), FIRST_PUBLIC)
    assert report.seals <= len(raw)
    with suppress(cbor.FormatError):
        gateway, seals = read_chain(BytesIO(raw))
        again = BytesIO()
        write_chain(again, gateway, seals)
        assert again.getvalue()[HEAD_BYTES:] == raw[HEAD_BYTES:], "the same but for the version"


def _export_seeds() -> list[bytes]:
    chain = Chain()
    seals = [chain.seal(records()), chain.seal(), chain.seal()]
    whole, holed, empty = BytesIO(), BytesIO(), BytesIO()
    write_chain(whole, GATEWAY, [ExportedSeal(seal.cose, seal.body) for seal in seals])
    write_chain(holed, GATEWAY, [ExportedSeal(seal.cose, None) for seal in seals])
    write_chain(empty, GATEWAY, [])
    return [whole.getvalue(), holed.getvalue(), empty.getvalue()]


def run_unpack(raw: bytes) -> None:
    """[count, body]: the records of a body that no root holds together, in bounded memory."""
    try:
        count, body = cbor.array(cbor.decode(raw, 70_000), "input", 2)
    except cbor.FormatError:
        return
    if type(body) is not bytes or type(count) is not int or not 1 <= count <= RECORDS_MAX:
        return
    with suppress(cbor.FormatError):
        made = decode_body(body, count)
        assert len(made) == count
        assert sum(map(len, made)) <= BODY_BYTES_MAX
        assert decode_body(columns_body(made), count) == made
        assert body in {plain_body(made), columns_body(made)} or body[:2] == b"\x83\x01"


def _unpack_seeds() -> list[bytes]:
    rows = records()[:1] * 30 + records()
    bodies = (plain_body(rows), columns_body(rows))
    return [*(cbor.encode([len(rows), body]) for body in bodies), cbor.encode([1, plain_body(rows[:1])])]


def run_inflate(stream: bytes) -> None:
    """The stream of a compressed body, under the check that fits it."""
    for count in (1, 40, RECORDS_MAX):
        run_unpack(
            cbor.encode([count, cbor.encode([COLUMNS, sha256(stream).digest()[:CHECK_BYTES], stream])])
        )


def _inflate_seeds() -> list[bytes]:
    rows = records()[:1] * 40
    bomb = zlib.compress(bytes(10_000_000), 9, wbits=-zlib.MAX_WBITS)
    return [cbor.decode(columns_body(rows), 70_000)[2], bomb]


def run_statement(payload: bytes) -> None:
    for domain in (ENROLMENT_DOMAIN, REKEY_DOMAIN, REPLACE_DOMAIN, REVOKE_DOMAIN):
        raw = cose.sign1(payload, CENTRE, domain)
        with suppress(cbor.FormatError):
            assert sign_statement(open_statement(raw, CENTRE_PUBLIC), CENTRE) == raw


def run_continue(raw: bytes) -> None:
    """[domain, payload]: a statement that is rightly signed, whatever it says, on a chain of two seals."""
    try:
        domain, payload = cbor.array(cbor.decode(raw, 4_096), "input", 2)
    except cbor.FormatError:
        return
    if type(domain) is not int or type(payload) is not bytes:
        return
    named = (ENROLMENT_DOMAIN, REKEY_DOMAIN, REPLACE_DOMAIN, REVOKE_DOMAIN)[domain % 4]
    before = _continued_chain()
    verdict = continue_chain(before, cose.sign1(payload, CENTRE, named), CENTRE_PUBLIC)
    assert ChainState.from_cbor(verdict.state.to_cbor()) == verdict.state
    if verdict.outcome is not Outcome.ACCEPTED:
        assert verdict.state == before
    else:
        assert verdict.state.number == before.number
        assert verdict.state.next_record >= before.next_record


@cache
def _continued_chain() -> ChainState:
    chain = Chain()
    state = ChainState.enrolled(GATEWAY, keys.public(secret(1)), CENTRE_PUBLIC)
    for _ in range(2):
        seal = chain.seal()
        state = accept(state, seal.cose, seal.body, None).state
    return state


def _statements() -> list[Statement]:
    tip = _continued_chain()
    meters = (EnrolledMeter("m1", "eastron-sdm630", 1, "X-1"), EnrolledMeter("m2", "abb-b23", 247))
    key, other = bytes([7]) * 32, bytes([8]) * 32
    return [
        Enrolment(GATEWAY, "plant", keys.public(secret(1)), CENTRE_PUBLIC, meters, 1),
        Rekey(GATEWAY, 3, tip.hash, tip.next_record, key, 1, "lost"),
        Replace(GATEWAY, 3, tip.hash, 32_001, key, other, 1, "burnt"),
        Revoke(GATEWAY, 2, tip.hash, 1, "stolen"),
    ]


def _statement_seeds() -> list[bytes]:
    return [_payload(sign_statement(one, CENTRE)) for one in _statements()]


def _continue_seeds() -> list[bytes]:
    return [cbor.encode([at, payload]) for at, payload in enumerate(_statement_seeds())]


def run_attestation(raw: bytes) -> None:
    """The body of an ATTESTATION record, as a hostile gateway would write it."""
    try:
        body = cbor.decode(raw, 1_024)
    except cbor.FormatError:
        return
    if type(body) is not dict or any(type(key) is not str for key in body):
        return
    known = Attestations()
    judged = known.judge(10, body, lambda _: None)
    real = {one.attest for one in GOLDEN}
    assert judged or body["attest"] in real, "an attestation that no TPM has made"
    assert Attestations.from_plain(cbor.decode(cbor.encode(known.to_plain()), 100_000)) == known


def run_known(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        items = cbor.decode(raw, 16_384)
        assert cbor.encode(Attestations.from_plain(items).to_plain()) == raw


def _known_seeds() -> list[bytes]:
    known = Attestations()
    for one in GOLDEN:
        known.judge(one.seal + 1, one.to_body(), lambda _: None)
    return [cbor.encode(known.to_plain()), cbor.encode(Attestations().to_plain())]


def run_lines(raw: bytes) -> None:
    """Records that a hostile gateway has sealed, as the lines that the centre hands on."""
    from json import dumps  # noqa: PLC0415

    try:
        items = cbor.decode(raw, 65_536)
    except cbor.FormatError:
        return
    rows = tuple(item for item in items if type(item) is bytes) if type(items) is list else ()
    lines = JsonLines(GATEWAY)
    header = SealHeader(
        GATEWAY, 1, 1, max(len(rows), 1), NO_HASH, NO_HASH, NO_HASH, 0, 0, bytes(16), ClockState.SYNCHRONISED
    )
    for _ in range(2):
        for line in lines.of_body(header, rows):
            dumps(line, ensure_ascii=False, allow_nan=False).encode()
    again = JsonLines(GATEWAY)
    again.restore(lines.encode_memory())
    assert again.encode_memory() == lines.encode_memory()


def _line_seeds() -> list[bytes]:
    first, manifest, *others = records()
    return [cbor.encode([manifest, first, *others]), cbor.encode([first, manifest]), cbor.encode([first])]


def _cbor_seeds() -> list[bytes]:
    values: list[Any] = [0, -1, 2**64 - 1, 1.5, "text", b"bytes", [1, [2]], {"a": 1, "bb": [None, True]}]
    return [cbor.encode(value) for value in values]


TARGETS: Final = (
    Target("cbor", run_cbor, _cbor_seeds, form=CBOR),
    Target("cose", run_cose, lambda: [Chain().seal().cose], 1_024, form=CBOR),
    Target("record", run_record, records, 8_192, form=CBOR),
    Target("seal", run_seal, lambda: [_payload(Chain().seal().cose)], 512, form=CBOR),
    Target("body", run_body, _body_seeds, 70_000, form=CBOR),
    Target("accept", run_accept, _accept_seeds, 16_384, form=CBOR),
    Target("receipt", run_receipt, _receipt_seeds, 2_048, form=CBOR),
    Target("beacon", run_beacon, lambda: [_payload(sign_beacon(Beacon(7, 8), CENTRE))], 128, form=CBOR),
    Target("held", run_held, _held_seeds, 4_096, form=CBOR),
    Target("state", run_state, lambda: [Chain().enrolled().to_cbor()], 512, form=CBOR),
    Target("slot", run_slot, _slot_seeds, 512),
    Target("export", run_export, _export_seeds, 16_384),
    Target("unpack", run_unpack, _unpack_seeds, 16_384, CBOR),
    Target("inflate", run_inflate, _inflate_seeds, 16_384),
    Target("statement", run_statement, _statement_seeds, 4_096, CBOR),
    Target("continue", run_continue, _continue_seeds, 1_024, CBOR),
    Target(
        "attestation",
        run_attestation,
        lambda: [cbor.encode(one.to_body()) for one in GOLDEN],
        512,
        CBOR,
    ),
    Target("known", run_known, _known_seeds, 4_096, CBOR),
    Target("lines", run_lines, _line_seeds, 16_384, form=CBOR),
)
