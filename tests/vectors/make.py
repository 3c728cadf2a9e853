"""Makes the byte-level examples of docs/format.md: `PYTHONPATH=. python -m tests.vectors.make FOLDER`.

Every file is JSON with byte strings in hexadecimal. A story is what one verifier meets, step by step:

    {"stories": [{"say", "gateway", "first_key", "centre_key"?, "enrolment"?, "steps": [{"say", "kind",
      "put", "body", "received_utc_ms"?, "outcome", "number", "hash", "findings", "body_held"}, …]}]}

With an enrolment the story begins there, else with the first key. `put` is a seal and `body` its body
or null, or `put` is a statement, as `kind` says; then `outcome` is accepted, duplicate, fork, gap or invalid,
and `number` and `hash` say where the chain stands. `body_held` tells whether the body proved itself.
`messages.json` has single messages, good ones and such as must be refused.

Keys are SHA-256 of short texts, so that everybody can make the same bytes again; only a deflated stream may
be another with another zlib, and then it opens to the same records. The outcomes are written down here
by hand and not asked of our verifier: the test compares.
"""

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
from attrs import evolve

from drivers.clock import ClockState
from drivers.reading import Block, PollGroup, Quality, Reading
from evidence import cbor, cose, keys
from evidence.body import columns_body, plain_body
from evidence.clues.file import Exported, encode_clues
from evidence.delegated import Signer
from evidence.orders.certificate import Certificate, Role, sign_root_statement
from evidence.orders.newest import Newest, sign_newest
from evidence.orders.order import ORDER_BYTES_MAX, ORDER_DOMAIN
from evidence.orders.trust import Reason
from evidence.receipt import Beacon, Conflict, Receipt, sign_beacon, sign_receipt
from evidence.record import Kind, encode_reading, encode_record
from evidence.seal import NO_HASH, StoredSeal
from evidence.statement import EnrolledMeter, Enrolment, Rekey, Replace, Revoke, sign_statement
from tests.drivers.hj212.packets import GOLDEN
from tests.evidence.chains import GATEWAY, NOON_NS, Chain, secret, stamp
from tests.evidence.clues.attacks import END, RAWS, list_ledgers
from tests.evidence.clues.ledgers import STATEMENTS
from tests.evidence.orders import made
from tests.evidence.orders.table import TABLE, WRONG_FIELDS
from tests.evidence.records import (
    BAREST,
    BODIES,
    MISSHAPEN,
    OTHER_WRONG,
    WRONG,
    nested,
    raw_of,
    raw_of_block,
)

CENTRE = bytes(range(32))
Step = dict[str, Any]
Story = dict[str, Any]


class Teller:
    """Writes a story down; the chain is told by hand."""

    def __init__(self, say: str, enrolment: bytes = b"") -> None:
        self.chain = Chain()
        self.number, self.hash = 0, NO_HASH
        self.story: Story = {"say": say, "gateway": GATEWAY, "first_key": keys.public(secret(1)).hex()}
        if enrolment:
            self.story |= {"centre_key": keys.public(CENTRE).hex(), "enrolment": enrolment.hex()}
        self.story["steps"] = []

    def accepted(
        self,
        say: str,
        seal: StoredSeal,
        *findings: str,
        held: bool = True,
        body: bytes | None = None,
        received: int | None = None,
    ) -> None:
        self.number, self.hash = seal.number, seal.hash
        body = body or (seal.body if held else None)
        extra = {} if received is None else {"received_utc_ms": received}
        self._put(say, "seal", seal.cose, body, "accepted", findings, held=held, **extra)

    def refused(self, say: str, outcome: str, raw: bytes, body: bytes | None = None) -> None:
        self._put(say, "seal", raw, body, outcome, (), held=False)

    def stated(self, say: str, raw: bytes, outcome: str, *findings: str) -> None:
        self._put(say, "statement", raw, None, outcome, findings, held=False)

    def _put(
        self,
        say: str,
        kind: str,
        raw: bytes,
        body: bytes | None,
        outcome: str,
        findings: tuple[str, ...],
        *,
        held: bool,
        **extra: int,
    ) -> None:
        step = {"say": say, "kind": kind, "put": raw.hex(), "body": None if body is None else body.hex()}
        found = {"outcome": outcome, "number": self.number, "hash": self.hash.hex()}
        self.story["steps"].append(
            {**step, **extra, **found, "findings": sorted(findings), "body_held": held}
        )


ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
PRIME = 2**255 - 19
UNSOUND_KEYS = {
    say: y.to_bytes(32, "little")
    for say, y in {
        "zeros, of order 4": 0,
        "the same with the other sign": 1 << 255,
        "the identity": 1,
        "the identity, in another form": PRIME + 1,
        "of order 2": PRIME - 1,
        "of order 8": ORDER_8,
        "of order 8, with the other sign": PRIME - ORDER_8 + (1 << 255),
        "y is the prime": PRIME,
        "y beyond the prime": 2**255 - 1,
    }.items()
}

FIRST = ("boot", "clock_state")
"""Said of every first seal: nothing was known before it."""


def beat(number: int) -> bytes:
    return encode_record(Kind.HEARTBEAT, stamp(number), {"beat": number, "of": "vectors"})


def reading(number: int) -> bytes:
    words = bytes.fromhex("43660000 43660000 43660000 461c4000".replace(" ", ""))
    block = Block(4, 0, words)
    at = stamp(number)
    return encode_reading(
        Reading("m1", PollGroup.FAST, at, bytes(range(32)), (block,), Quality.GOOD, "", latency_ns=12_345_678)
    )


def whole_chain() -> Story:
    tell = Teller("a chain of five seals; trees of 1, 2, 3, 5 and 8 leaves")
    for number, count in enumerate((1, 2, 3, 5, 8), 1):
        made = tell.chain.seal([reading(n) if n % 2 else beat(n) for n in range(count)])
        tell.accepted(f"seal {number}, {count} records", made, *(FIRST if number == 1 else ()))
    return tell.story


def order() -> Story:
    tell = Teller("seals that come twice, too early, and without their bodies")
    one, two, three, four = (tell.chain.seal() for _ in range(4))
    tell.accepted("the first", one, *FIRST)
    tell.refused("the third before the second", "gap", three.cose, three.body)
    tell.accepted("the second without its body", two, held=False)
    tell.refused("the second again", "duplicate", two.cose)
    tell.refused("the first again", "duplicate", one.cose)
    tell.accepted("the third", three)
    tell.accepted("the fourth", four)
    return tell.story


def forks() -> Story:
    tell = Teller("two seals of one number under one key")
    one = tell.chain.seal()
    twin = Chain(number=2, next_record=tell.chain.next_record, previous=one.hash)
    two = tell.chain.seal()
    other = twin.seal([beat(99)])
    wrong = Chain(number=2, next_record=2, previous=one.hash).seal([beat(98)], signer=secret(7))
    tell.accepted("the first", one, *FIRST)
    tell.accepted("the second", two)
    tell.refused("another second, signed with the same key", "fork", other.cose, other.body)
    tell.refused("another second, signed with some key", "invalid", wrong.cose, wrong.body)
    tell.accepted("the third", tell.chain.seal())
    tell.refused("the other second, later", "fork", other.cose)
    return tell.story


def strangers() -> Story:
    tell = Teller("seals that do not follow")
    one = tell.chain.seal()
    tell.accepted("the first", one, *FIRST)

    def wrong(**fields: object) -> StoredSeal:
        return Chain(number=2, next_record=tell.chain.next_record, previous=one.hash).seal(**fields)  # type: ignore[arg-type]

    tell.refused("signed with the key of the seal before", "invalid", wrong(signer=secret(1)).cose)
    tell.refused("another previous", "invalid", wrong(previous=bytes(32)).cose)
    tell.refused("a record is missing between two seals", "invalid", wrong(first_record=3).cose)
    tell.refused("another gateway", "invalid", wrong(gateway="gw-8").cose)
    tell.refused("no records", "invalid", wrong(count=0).cose)
    tell.refused("more records than a seal has", "invalid", wrong(count=16_001).cose)
    tell.refused("number 0", "invalid", wrong(number=0).cose)
    tell.refused("a number beyond 2^40 - 1", "invalid", wrong(number=1 << 40).cose)
    tell.refused("a short root", "invalid", wrong(root=bytes(31)).cose)
    tell.refused("a gateway id with a slash", "invalid", wrong(gateway="gw/7").cose)
    for say, key in UNSOUND_KEYS.items():
        tell.refused(f"names a key after it: {say}", "invalid", wrong(next_key=key).cose)
    tell.accepted("the second after all", tell.chain.seal())
    return tell.story


def forms() -> Story:
    tell = Teller("other encodings of a seal that is good")
    one = tell.chain.seal()
    protected, _unprotected, payload, signature = cbor2.loads(one.cose[1:])
    body = cbor2.loads(payload)

    def signed(changed: bytes, domain: bytes = b"dj1.seal") -> bytes:
        return cose.sign1(changed, secret(1), domain)

    def message(*items: object) -> bytes:
        return b"\xd2" + cbor2.dumps(list(items))

    tell.refused("without its tag", "invalid", one.cose[1:])
    tell.refused("with tag 98, COSE_Sign", "invalid", b"\xd8\x62" + one.cose[1:])
    tell.refused("with the tag in its long form", "invalid", b"\xd8\x12" + one.cose[1:])
    tell.refused("a byte more", "invalid", one.cose + b"\0")
    tell.refused(
        "an array of indefinite length", "invalid", b"\xd2\x9f" + cbor2.dumps([protected])[1:] + b"\xff"
    )
    tell.refused("an unprotected header", "invalid", message(protected, {4: b"1"}, payload, signature))
    tell.refused("the payload elsewhere", "invalid", message(protected, {}, None, signature))
    tell.refused("ES256", "invalid", message(bytes.fromhex("a10126"), {}, payload, signature))
    tell.refused("signed as a receipt", "invalid", signed(payload, b"dj1.receipt"))
    tell.refused("signed as nothing", "invalid", signed(payload, b""))
    tell.refused(
        "a number in a long form", "invalid", signed(payload.replace(b"\x8d\x01", b"\x8d\x18\x01", 1))
    )
    tell.refused("version 2", "invalid", signed(cbor.encode([2, *body[1:]])))
    tell.refused("a field more", "invalid", signed(cbor.encode([*body, 0])))
    tell.refused("a number as a float", "invalid", signed(cbor.encode([1, body[1], 1.0, *body[3:]])))
    tell.refused("true as the version", "invalid", signed(cbor.encode([True, *body[1:]])))
    tell.accepted("as it was made", one, *FIRST)
    return tell.story


def bodies() -> Story:
    tell = Teller("bodies that are not what was sealed")
    rows = [beat(1), beat(2), beat(3)]
    tell.accepted("records in another order", tell.chain.seal(rows), *FIRST, "body", held=False,
                  body=plain_body([rows[1], rows[0], rows[2]]))  # fmt: skip
    tell.accepted("a record less", tell.chain.seal(rows), "body", held=False, body=plain_body(rows[:2]))
    tell.accepted(
        "a record twice", tell.chain.seal(rows), "body", held=False, body=plain_body([*rows, rows[2]])
    )
    tell.accepted("not an array", tell.chain.seal(rows), "body", held=False, body=cbor.encode("body"))
    tell.accepted("a record that is a text", tell.chain.seal(rows), "body", held=False,
                  body=cbor.encode([*rows[:2], "record"]))  # fmt: skip
    tell.accepted("an array of indefinite length", tell.chain.seal(rows), "body", held=False,
                  body=b"\x9f" + b"".join(cbor.encode(row) for row in rows) + b"\xff")  # fmt: skip
    lost = encode_record(Kind.LOST_TAIL, stamp(70), {"first": 2, "last": 5, "recovered": 2})
    tell.accepted("what a disk has lost", tell.chain.seal([lost, beat(7)]), "lost_tail")
    drop = encode_record(Kind.DROP, stamp(80), {"first": 1, "last": 3, "why": "no room"})
    tell.accepted("what was given up", tell.chain.seal([drop]), "drop")
    ahead = encode_record(Kind.DROP, stamp(90), {"first": 1, "last": 9, "why": "no room"})
    tell.accepted("nobody gives up what is not made yet", tell.chain.seal([ahead]))
    return tell.story


def clocks() -> Story:
    tell = Teller("clocks: findings, never a refusal")
    chain = tell.chain
    tell.accepted("the first", chain.seal(at=stamp(0)), *FIRST)
    tell.accepted("two seconds off are within the tolerance", chain.seal(at=stamp(10, offset_s=2)))
    tell.accepted("2,001 ms more", chain.seal(at=stamp(20, offset_s=4.001)), "clock_step")
    tell.accepted("boottime runs back", chain.seal(at=stamp(15, offset_s=9)), "clock_step")
    tell.accepted("another boot", chain.seal(at=stamp(30, boot=2, offset_s=-3600)), "boot")
    unsure = chain.seal(at=stamp(40, boot=2, offset_s=-3600), clock_state=ClockState.UNSYNCHRONISED)
    tell.accepted("no longer synchronised", unsure, "clock_state")
    at = stamp(50, boot=2, offset_s=-3600)
    tell.accepted("later than it came", chain.seal(at=at), "clock_state", "clock_ahead",
                  received=at.utc_ns // 1_000_000 - 2_001)  # fmt: skip
    at = stamp(60, boot=2, offset_s=-3600)
    tell.accepted("two seconds before", chain.seal(at=at), received=at.utc_ns // 1_000_000 - 2_000)
    return tell.story


def columns() -> Story:
    tell = Teller("compressed bodies")
    rows = [reading(n) for n in range(12)]
    mixed = [row for n in range(6) for row in (reading(n), beat(n))]
    tell.accepted("twelve records of one length", tell.chain.seal(rows), *FIRST, body=columns_body(rows))
    tell.accepted("records of two lengths in turn", tell.chain.seal(mixed), body=columns_body(mixed))
    tell.accepted("a single record", tell.chain.seal(rows[:1]), body=columns_body(rows[:1]))
    tell.accepted("the plain form is as good", tell.chain.seal(rows), body=plain_body(rows))
    stored = deflated(rows, 0)
    tell.accepted("another deflate of the same", tell.chain.seal(rows), body=form(stored))
    wrong = partial(tell.accepted, held=False)
    wrong("another record", tell.chain.seal(rows), "body", body=columns_body([*rows[:11], rows[0]]))
    wrong("a record less", tell.chain.seal(rows), "body", body=columns_body(rows[:11]))
    wrong(
        "a check that is not the stream's", tell.chain.seal(rows), "body", body=form(stored, check=bytes(4))
    )
    wrong("a byte behind the stream", tell.chain.seal(rows), "body", body=form(stored + b"\0"))
    wrong("a stream that is cut", tell.chain.seal(rows), "body", body=form(stored[:-1]))
    wrong(
        "a byte left over in the stream", tell.chain.seal(rows), "body", body=form(deflated(rows, 0, b"\0"))
    )
    wrong("method 2", tell.chain.seal(rows), "body", body=form(stored, method=2))
    bomb = deflated([bytes(60_000)] * 2, 9)
    wrong("what inflates beyond all limits", tell.chain.seal(rows), "body", body=form(bomb))
    short = [raw_of(Kind.EVENT, {"a": n}) for n in range(16, 24)] * 2_000
    whole = short[: (64_000 - 3) // (len(short[0]) + 1)]
    tell.accepted("just short enough in the plain form", tell.chain.seal(whole), body=columns_body(whole))
    beyond = short[: len(whole) + 1]
    wrong("a record too many for the plain form", tell.chain.seal(beyond), "body", body=columns_body(beyond))
    return tell.story


def malformed() -> Story:
    tell = Teller("sealed, and no records: they count for nothing, and the chain stands")
    chain = tell.chain
    tell.accepted("the first", chain.seal(), *FIRST)
    tell.accepted("the second", chain.seal())
    tell.accepted("no CBOR", chain.seal([beat(1), b"\xff" * 5]), "record")
    tell.accepted("two of them, one finding", chain.seal([b"\0", raw_of(99, {})]), "record")
    lost = raw_of(8, {"first": 1, "last": 2})
    tell.accepted("a lost-tail without recovered declares nothing", chain.seal([lost]), "record")
    dropped = raw_of(7, {"first": 2, "last": 1})
    tell.accepted("nor does a drop whose last is below its first", chain.seal([dropped]), "record")
    tell.accepted("records as ever", chain.seal())
    return tell.story


def records() -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def put(say: str, raw: bytes, *, good: bool) -> None:
        found.append({"say": say, "put": raw.hex(), "good": good})

    for kind, body in BODIES.items():
        put(f"{kind.name.lower()}, whole", raw_of(kind, body), good=True)
        put(f"{kind.name.lower()}, as bare as may be", raw_of(kind, BAREST[kind]), good=True)
    put("a reading", reading(1), good=True)
    put("a reading that is a packet", raw_of_block([212, 2011, GOLDEN[1]]), good=True)
    put("a packet of whatever bytes", raw_of_block([212, 9_999, b"\0" * 10_011]), good=True)
    put("12 deep", nested(12, [0]), good=True)
    put("12 deep, an empty array", nested(12, []), good=True)
    put("12 deep, an empty map", nested(12, {}), good=True)
    extreme = [
        1.7e308,
        -1.7e308,
        5e-324,
        5.960464477539063e-08,
        65504.0,
        65505.0,
        1e-40,
        0.1,
        -0.0,
        (1 << 64) - 1,
    ]
    put(
        "numbers as far as they go",
        raw_of(Kind.EVENT, {"numbers": [*extreme, -(1 << 64) + 1, 1 << 53]}),
        good=True,
    )
    put(
        "all that a terminal could obey",
        raw_of(Kind.EVENT, {"text": "\x1b[2J\n\x9b8m\u202e\x7f\0"}),
        good=True,
    )
    for kind, key, value in WRONG:
        shown = f"{kind.name.lower()}: {key or 'its body'} is {str(value)[:40]}"
        put(shown, raw_of(kind, {**BODIES[kind], key: value} if key else value), good=False)
    for kind, body in BAREST.items():
        for key in body:
            bare = {name: one for name, one in body.items() if name != key}
            put(f"{kind.name.lower()} without {key}", raw_of(kind, bare), good=False)
    for say, raw in {**MISSHAPEN, **OTHER_WRONG}.items():
        put(say, raw, good=False)
    return {"records": found}


def form(stream: bytes, *, method: int = 1, check: bytes = b"") -> bytes:
    """The compressed form around `stream`."""
    return cbor.encode([method, check or sha256(stream).digest()[:4], stream])


def deflated(records: Sequence[bytes], level: int, more: bytes = b"") -> bytes:
    """Raw deflate of records of one length, by columns."""
    joined, length = b"".join(records), len(records[0])
    lengths = bytes([length >> 8]) * len(records) + bytes([length & 255]) * len(records)
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    by_columns = b"".join(joined[at::length] for at in range(length))
    return deflate.compress(lengths + by_columns + more) + deflate.flush()


RECOVERY = bytes(range(100, 132))
ENROLMENT = Enrolment(
    GATEWAY,
    "Cement works, line 2",
    keys.public(secret(1)),
    keys.public(RECOVERY),
    (EnrolledMeter("m1", "eastron-sdm630", 1, "19031234"), EnrolledMeter("m2", "abb-b23", 2)),
    NOON_NS // 1_000_000,
)


class Renewed:
    """The chain goes on from `tell` under the key of some other owner."""

    def __init__(self, tell: Teller, owner: str) -> None:
        before = tell.chain
        self.key = keys.public(secret(before.number, owner))
        self.at = {
            "gateway": GATEWAY, "number": before.number, "previous": before.previous,
            "first_record": before.next_record, "next_key": self.key,
        }  # fmt: skip
        self.owner = owner

    def rekey(self, by: bytes = RECOVERY, **changes: Any) -> bytes:
        said = {"utc_ms": 1_767_269_000_000, "reason": "key slots lost"}
        return sign_statement(Rekey(**{**self.at, **said, **changes}), by)

    def replace(self, by: bytes = CENTRE, **changes: Any) -> bytes:
        said = {"recovery_key": bytes(32), "utc_ms": 1_767_269_100_000, "reason": "new hardware"}
        return sign_statement(Replace(**{**self.at, **said, **changes}), by)

    def go_on(self, tell: Teller) -> None:
        """The chain signs with the new keys from here on."""
        tell.chain.signer_owner = self.owner


def rekeyed() -> Story:
    tell = Teller(
        "a chain goes on under a key that the recovery key names", sign_statement(ENROLMENT, CENTRE)
    )
    one = tell.chain.seal()
    tell.accepted("the first", one, *FIRST)
    tell.accepted("the second", tell.chain.seal())
    new = Renewed(tell, "anew")
    tell.stated("signed by the centre instead", new.rekey(CENTRE), "invalid")
    tell.stated("for another gateway", new.rekey(gateway="gw-8"), "invalid")
    tell.stated("one that skips ahead", new.rekey(number=4, first_record=4), "gap")
    tell.stated("one that rewrites the past", new.rekey(number=2, previous=one.hash, first_record=2), "fork")
    tell.stated("another previous", new.rekey(previous=bytes(31) + b"1"), "fork")
    tell.stated("records counted again", new.rekey(first_record=2), "invalid")
    tell.stated("a re-key", new.rekey(), "accepted", "rekeyed")
    tell.stated("the same again", new.rekey(), "duplicate")
    tell.stated("an older one for the same seal", new.rekey(utc_ms=1_767_268_999_999), "invalid")
    tell.refused("the old key is worth nothing now", "invalid", evolve(tell.chain).seal().cose)
    new.go_on(tell)
    tell.accepted("the third, under the new key", tell.chain.seal())
    tell.stated("the re-key, long after", new.rekey(), "duplicate")
    tell.accepted("the fourth", tell.chain.seal())
    return tell.story


def replaced() -> Story:
    tell = Teller("new hardware, and a revocation", sign_statement(ENROLMENT, CENTRE))
    one = tell.chain.seal()
    tell.accepted("the first", one, *FIRST)

    def revoke(number: int, digest: bytes, by: bytes = CENTRE) -> bytes:
        return sign_statement(Revoke(GATEWAY, number, digest, 1_767_269_050_000, "stolen"), by)

    tell.stated("a revocation by the recovery key", revoke(1, one.hash, RECOVERY), "invalid")
    tell.stated("of a seal that has not come", revoke(2, bytes(31) + b"1"), "gap")
    tell.stated("of another seal", revoke(1, bytes(31) + b"1"), "invalid")
    tell.stated("a revocation", revoke(1, one.hash), "accepted", "revoked")
    tell.refused("no seal counts after it", "invalid", evolve(tell.chain).seal().cose)
    tell.refused("those before it do", "duplicate", one.cose)
    new = Renewed(tell, "new hardware")
    tell.stated("a replacement by the recovery key", new.replace(RECOVERY), "invalid")
    tell.stated("a replacement lifts it", new.replace(), "accepted", "replaced")
    new.go_on(tell)
    tell.accepted("the second, by the new hardware", tell.chain.seal())
    later = Renewed(tell, "later")
    tell.stated("the revocation that was lifted, again", revoke(1, one.hash), "duplicate")
    tell.stated("a re-key, but the new hardware has no recovery key", later.rekey(), "invalid")
    tell.stated("a key of zeros signs nothing", later.rekey(bytes(32)), "invalid")
    return tell.story


def _delegated(receipt: Receipt) -> Iterator[tuple[str, str, bytes, bool]]:
    """Kind, what it is, the message, whether it is good: with a key that is certified, and others."""
    verifier, at_ms = secret(7, "verifier"), receipt.centre_utc_ms
    one = Certificate(Role.RECEIPT, "verifier 1", keys.public(verifier), (), "", at_ms, at_ms, at_ms)

    def signer(by: bytes = CENTRE, secret_: bytes = verifier, **changes: Any) -> Signer:
        return Signer(secret_, keys.public(CENTRE), sign_root_statement(evolve(one, **changes), by))

    good = sign_receipt(receipt, signer())
    yield "receipt", "a receipt with a certified key", good, True
    for say, wrong in (
        ("its certificate has ended", signer(from_utc_ms=0, until_utc_ms=at_ms - 1)),
        ("its certificate has not begun", signer(from_utc_ms=at_ms + 1, until_utc_ms=at_ms + 1)),
        ("its certificate is an officer's", signer(role=Role.OFFICER)),
        ("its certificate is a bureau's", signer(role=Role.BUREAU, kinds=("alert",))),
        ("its certificate is signed by somebody else", signer(by=RECOVERY)),
        ("its certificate names another key", signer(secret_=RECOVERY)),
    ):
        yield "receipt", say, sign_receipt(receipt, wrong), False
    beacon = sign_beacon(Beacon(at_ms, 18), signer())
    yield "beacon", "a beacon with a certified key", beacon, True
    yield "receipt", "a beacon with a certified key is no receipt", beacon, False
    inner, certificate = cbor.decode(good, len(good))
    yield "receipt", "a certified key without its certificate", inner, False
    yield "receipt", "a certificate and no receipt", cbor.encode([certificate, certificate]), False
    yield "receipt", "a certificate too many", cbor.encode([inner, certificate, certificate]), False


def messages() -> dict[str, Any]:
    one = Chain().seal()

    def receipt(**changes: Any) -> Receipt:
        return Receipt(**{
            "gateway": GATEWAY, "number": 9, "seal_hash": one.hash, "bodies_up_to": 4,
            "ranges": ((6, 7), (9, 9)), "centre_utc_ms": 1_767_268_800_000, **changes,
        })  # fmt: skip

    found: list[dict[str, Any]] = []

    def put(kind: str, say: str, raw: bytes, *, good: bool) -> None:
        found.append({"kind": kind, "say": say, "put": raw.hex(), "good": good})

    def signed(say: str, *, good: bool = False, by: bytes = CENTRE, **changes: Any) -> None:
        put("receipt", say, sign_receipt(receipt(**changes), by), good=good)

    signed("a receipt", good=True)
    signed("nothing is held yet", good=True, number=0, seal_hash=NO_HASH, bodies_up_to=0, ranges=())
    signed("something else came", good=True, conflict=Conflict(10, one.hash))
    signed("signed by somebody else", by=bytes(32))
    signed("ranges that touch", ranges=((6, 7), (8, 9)))
    signed("a range that touches what is whole", ranges=((5, 7),))
    signed("ranges that run back", ranges=((8, 8), (6, 6)))
    signed("a range that ends before it begins", ranges=((8, 7),))
    signed("bodies beyond the last seal", ranges=((6, 10),))
    signed("no seal, but a hash", number=0, bodies_up_to=0, ranges=())
    signed("a seal, but no hash", seal_hash=NO_HASH)
    signed("65 ranges", number=300, ranges=tuple((6 + 2 * n, 6 + 2 * n) for n in range(65)))
    beacon = sign_beacon(Beacon(1_767_268_800_000, 17), CENTRE)
    put("beacon", "a beacon", beacon, good=True)
    for kind, say, raw, good in _delegated(receipt()):
        put(kind, say, raw, good=good)
    enrolment = sign_statement(ENROLMENT, CENTRE)
    put("enrolment", "an enrolment", enrolment, good=True)
    dlt645 = EnrolledMeter("m1", "dlt645-2007-3p", 0, "123456789012")
    known = sign_statement(evolve(ENROLMENT, meters=(dlt645,)), CENTRE)
    put("enrolment", "a meter that is known by its address", known, good=True)
    items = cbor.decode(cose.parse(known, len(known)).payload, len(known))
    items[5][0][3] = ""
    nameless = cose.sign1(cbor.encode(items), CENTRE, b"dj1.enrolment")
    put("enrolment", "a device at unit 0 of Modbus TCP", nameless, good=True)
    items[5][0][2] = 256
    beyond = cose.sign1(cbor.encode(items), CENTRE, b"dj1.enrolment")
    put("enrolment", "a unit id that one byte does not hold", beyond, good=False)
    items[5][0][2] = 1
    for say, key in UNSOUND_KEYS.items():
        for at, name in ((3, "first"), (4, "recovery")):
            changed = cbor.encode([key if n == at else one for n, one in enumerate(items)])
            good = name == "recovery" and not any(key)  # zeros: there is none
            put("enrolment", f"{name} key {say}", cose.sign1(changed, CENTRE, b"dj1.enrolment"), good=good)
    put("enrolment", "enrolled by somebody else", sign_statement(ENROLMENT, RECOVERY), good=False)
    put("enrolment", "a receipt is no enrolment", sign_receipt(receipt(), CENTRE), good=False)
    put("receipt", "an enrolment is no receipt", enrolment, good=False)
    put("beacon", "a receipt is no beacon", sign_receipt(receipt(), CENTRE), good=False)
    put("receipt", "a beacon is no receipt", beacon, good=False)
    return {"centre_key": keys.public(CENTRE).hex(), "messages": found}


def revoked_late() -> Story:
    tell = Teller("a revocation that names an earlier seal than the last", sign_statement(ENROLMENT, CENTRE))
    one = tell.chain.seal()
    tell.accepted("the first", one, *FIRST)
    tell.accepted("the second", tell.chain.seal())
    tell.accepted("the third", tell.chain.seal())
    late = Revoke(GATEWAY, 1, one.hash, 1_767_269_050_000, "stolen")
    tell.stated(
        "of another first", sign_statement(evolve(late, seal_hash=bytes(31) + b"1"), CENTRE), "invalid"
    )
    tell.stated("after the first", sign_statement(late, CENTRE), "accepted", "revoked")
    tell.refused("no seal counts after it", "invalid", evolve(tell.chain).seal().cose)
    new = Renewed(tell, "new hardware")
    tell.stated("a replacement goes on behind the third", new.replace(), "accepted", "replaced")
    new.go_on(tell)
    tell.accepted("the fourth, by the new hardware", tell.chain.seal())
    never = Revoke(GATEWAY, 0, bytes(32), 1_767_269_150_000, "never installed")
    tell.stated("of all seals, of which some were accepted", sign_statement(never, CENTRE), "invalid")
    return tell.story


def keys_of_one_number() -> Story:
    tell = Teller("a seal has several keys where statements replaced one", sign_statement(ENROLMENT, CENTRE))
    tell.accepted("the first", tell.chain.seal(), *FIRST)
    before = evolve(tell.chain)
    between, new = Renewed(tell, "for a moment"), Renewed(tell, "anew")
    tell.stated("a re-key", between.rekey(), "accepted", "rekeyed")
    tell.stated("a younger one", new.rekey(utc_ms=1_767_269_000_001), "accepted", "rekeyed")
    passed = evolve(before, signer_owner="for a moment")
    tell.refused("under the key of the elder", "invalid", evolve(passed).seal().cose)
    new.go_on(tell)
    after = evolve(tell.chain)
    tell.accepted("the second, under the new key", tell.chain.seal())
    other = [beat(77)]
    tell.refused("another under the key that was replaced", "fork", before.seal(other).cose)
    tell.refused("another under the key of the elder re-key", "fork", passed.seal(other).cose)
    tell.refused("another under the new key", "fork", after.seal(other).cose)
    stranger = evolve(before, number=2, next_record=2, signer_owner="a stranger", previous=tell.hash)
    tell.refused("another under no key of that number", "invalid", stranger.seal(other).cose)
    return tell.story


def times_of_re_keys() -> Story:
    tell = Teller(
        "a re-key is younger than the one before it, until a replacement", sign_statement(ENROLMENT, CENTRE)
    )
    tell.accepted("the first", tell.chain.seal(), *FIRST)
    new = Renewed(tell, "anew")
    tell.stated("of no time", new.rekey(utc_ms=0), "invalid")
    tell.stated("of the first time that there is", new.rekey(utc_ms=1), "accepted", "rekeyed")
    tell.stated("of a later one", new.rekey(utc_ms=1_000), "accepted", "rekeyed")
    tell.stated("of the same, for another reason", new.rekey(utc_ms=1_000, reason="again"), "invalid")
    tell.stated("of one between", new.rekey(utc_ms=999), "invalid")
    other = sha256(b"recovery of new hardware").digest()
    hardware = new.replace(recovery_key=keys.public(other))
    tell.stated("a replacement", hardware, "accepted", "replaced")
    tell.stated("its recovery key begins anew, but not at no time", new.rekey(other, utc_ms=0), "invalid")
    tell.stated("an earlier one by its recovery key", new.rekey(other, utc_ms=500), "accepted", "rekeyed")
    new.go_on(tell)
    tell.accepted("the second, under the new key", tell.chain.seal())
    later = Renewed(tell, "later")
    tell.stated("behind a seal any time will do", later.rekey(other, utc_ms=2), "accepted", "rekeyed")
    return tell.story


def far_times() -> Story:
    tell = Teller("times beyond 2^53, which not every language counts exactly")
    for say, utc_ms, boottime_ms, *findings in (
        ("the first", 2**53 + 1, 2**53 + 1, *FIRST),
        ("2,000 ms apart", 2**53 + 2_002, 2**53 + 2),
        ("2,001 ms more", 2**53 + 4_004, 2**53 + 3, "clock_step"),
        ("the last that there is", 2**64 - 1, 2**64 - 1, "clock_step"),
        ("boottime runs back by one", 2**64 - 2, 2**64 - 2, "clock_step"),
        ("the last again", 2**64 - 1, 2**64 - 1),
    ):
        tell.accepted(say, tell.chain.seal(utc_ms=utc_ms, boottime_ms=boottime_ms), *findings)
    return tell.story


STORIES: tuple[Callable[[], Story], ...] = (
    whole_chain, order, forks, strangers, forms, bodies, columns, malformed, clocks, rekeyed, replaced,
    revoked_late, keys_of_one_number, times_of_re_keys, far_times,
)  # fmt: skip


def orders() -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def put(kind: str, say: str, raw: bytes, reason: str, statements: tuple[bytes, ...], **more: Any) -> None:
        row = {"kind": kind, "say": say, "put": raw.hex(), "reason": reason}
        found.append({**row, "statements": [one.hex() for one in statements], **more})

    for say, wanted, by, statements, changes in TABLE:
        reason = str(wanted.value) if isinstance(wanted, Reason) else ""
        put("order", say, made.signed(by, **changes), reason, statements, mutate=say == TABLE[0][0])
    payload = cbor.decode(cose.parse(made.signed(), ORDER_BYTES_MAX).payload, ORDER_BYTES_MAX)
    for at, value in WRONG_FIELDS:
        items = [*payload[:at], value, *payload[at + 1 :]]
        raw = cose.sign1(cbor2.dumps(items, canonical=True), made.CITY, ORDER_DOMAIN)
        put("order", f"field {at} is {str(value)[:20]!r}", raw, "form", made.STATEMENTS)
    newest = Newest(made.GATEWAY, 3, bytes(31) + b"1", (1, 3), NO_HASH, made.NOW_MS)
    known = (made.VERIFIER_CERTIFICATE,)
    put("newest", "the root's", sign_newest(newest, made.ROOT), "", (), mutate=True)
    put("newest", "a verifier's", sign_newest(newest, made.VERIFIER), "", known)
    put("newest", "a verifier's that is not certified", sign_newest(newest, made.VERIFIER), "key", ())
    late = evolve(newest, centre_utc_ms=made.NOW_MS * 2)
    put("newest", "a verifier's after its time", sign_newest(late, made.VERIFIER), "key", known)
    put("newest", "a bureau's", sign_newest(newest, made.CITY), "key", made.STATEMENTS)
    other = evolve(newest, gateway="g2")
    put("newest", "another gateway's", sign_newest(other, made.ROOT), "gateway", ())
    return {"root": keys.public(made.ROOT).hex(), "gateway": made.GATEWAY, "orders": found}


def clues() -> dict[str, Any]:
    """Ledgers of clues; steps, statements and ends are numbers of the pool."""
    pool: dict[bytes, int] = {}

    def number(raw: bytes) -> int:
        return pool.setdefault(raw, len(pool))

    found = [
        {
            "say": say,
            "statements": list(map(number, statements)),
            "steps": list(map(number, raws)),
            "end": None if end is None else number(end),
            "wrong": [list(one) for one in wanted],
        }
        for say, statements, raws, end, wanted in list_ledgers()
    ]
    whole = Exported(keys.public(made.ROOT), STATEMENTS, tuple(RAWS), END)
    head = {"root": keys.public(made.ROOT).hex(), "file": encode_clues(whole).hex()}
    return {**head, "pool": [raw.hex() for raw in pool], "ledgers": found}


def files() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and content of every file."""
    yield "messages.json", messages()
    yield "records.json", records()
    yield "orders_sent.json", orders()
    yield "clues.json", clues()
    for make in STORIES:
        yield f"{make.__name__}.json", {"stories": [make()]}


def written(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for file_name, what in files():
        (folder / file_name).write_text(written(what), "utf-8")
