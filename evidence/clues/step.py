"""A step of a clue, signed by an officer, and the end of a ledger of them.

Payload of a COSE_Sign1 by an officer's key under `dj1.clue`:

    [1, seq, previous, clue, stage, officer, key, utc_ms, text, links, body]

- `seq` counts the steps of the whole ledger from 1 without a hole; `previous` is the SHA-256 of the bytes of
  the step before, zeros before the first. So no step and no whole clue can be left out, put in or moved.
- `clue` names the clue; `stage` is 0 screening, 1 verifying, 2 disposing, 3 rectifying, 4 improving
  (线索排查, 问题核实, 调查处置, 整改反馈, 规范提升).
- `officer` and `key` are those of a certificate of the root with the role officer, in force at `utc_ms`. The
  key stands inside, so that an altered step and one by a stranger are told apart.
- `links` are what the step rests on: [what, id, hash, gateway, seal]. `what` is episode, mark, verdict
  (the hash is that of the record's bytes, which stands in `seal` of `gateway`), order (of its bytes), finding
  (of the centre's line), pack or file (of the bytes of the file); `seal` is 0 where there is none.
- `body` is a map: of the first step of a clue {"gateway", "rule", "lines", "begin_s", "end_s"}; of a review,
  in stage 1, {"outcome": "plant" | "device"}; of a step in stage 3 {"recheck": see `evidence.clues.recheck`};
  {"closed": true} ends a clue. Which of them may stand where is in `evidence.clues.course`.

The end of an exported ledger, under `dj1.clues`, by an officer as well: [1, seq, hash, officer, key, utc_ms],
the number and the hash of the last step: without it nobody could tell that the last ones were cut off.
"""

from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.orders.certificate import parse_name
from evidence.orders.order import parse_id
from evidence.seal import HASH_BYTES, NUMBER_MAX, check_gateway, parse_key

VERSION: Final = 1
STEP_DOMAIN: Final = b"dj1.clue"
END_DOMAIN: Final = b"dj1.clues"
STEP_BYTES_MAX: Final = 16_384
"""A page of text, 16 links and a recheck; as an order."""
END_BYTES_MAX: Final = 512
TEXT_BYTES_MAX: Final = 3_000
"""A thousand Chinese characters: a page."""
LINKS_MAX: Final = 16
ID_BYTES_MAX: Final = 256
"""As an episode's (`evidence.record_body.NAME_BYTES_MAX`)."""
SEQ_MAX: Final = (1 << 32) - 1


class Stage(IntEnum):
    """How far a clue has come."""

    SCREENING = 0
    VERIFYING = 1
    DISPOSING = 2
    RECTIFYING = 3
    IMPROVING = 4


class Linked(StrEnum):
    """What a step may rest on."""

    EPISODE = "episode"
    MARK = "mark"
    VERDICT = "verdict"
    ORDER = "order"
    FINDING = "finding"
    PACK = "pack"
    FILE = "file"


@frozen
class Link:
    """See the module."""

    what: Linked
    id: str
    hash: bytes
    gateway: str = ""
    seal: int = 0

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        head = {"what": self.what.value, "id": self.id, "sha256": self.hash.hex()}
        return {**head, "gateway": self.gateway, "seal": self.seal or None}


@frozen
class Step:
    """See the module."""

    seq: int
    previous: bytes
    clue: str
    stage: Stage
    officer: str
    key: bytes
    utc_ms: int
    text: str
    links: tuple[Link, ...]
    body: dict[str, Any]


@frozen
class SignedStep:
    """Of the right form; its signature is checked by `holds` only."""

    step: Step
    signed: cose.Signed

    @property
    def holds(self) -> bool:
        """Whether the key that it names has signed it."""
        return self.signed.holds(self.step.key, STEP_DOMAIN)


@frozen
class End:
    """See the module."""

    seq: int
    hash: bytes
    officer: str
    key: bytes
    utc_ms: int


def sign_step(step: Step, secret: bytes) -> bytes:
    """The COSE_Sign1 of `step`; raises FormatError if a value is out of its range, or it is too long."""
    links = [[one.what.value, one.id, one.hash, one.gateway, one.seal] for one in step.links]
    head = [VERSION, step.seq, step.previous, step.clue, int(step.stage), step.officer, step.key]
    raw = cose.sign1(cbor.encode([*head, step.utc_ms, step.text, links, step.body]), secret, STEP_DOMAIN)
    parse_step(raw)
    return raw


def parse_step(raw: bytes) -> SignedStep:
    """The step in `raw`; raises FormatError."""
    if len(raw) > STEP_BYTES_MAX:
        raise cbor.FormatError(f"{len(raw)} bytes, a step has at most {STEP_BYTES_MAX}")
    signed = cose.parse(raw, STEP_BYTES_MAX)
    items = cbor.array(cbor.decode(signed.payload, STEP_BYTES_MAX), "step", 11)
    version, seq, previous, clue, stage, officer, key, utc_ms, text, links, body = items
    cbor.natural(version, "version", VERSION, VERSION)
    if type(body) is not dict:
        raise cbor.FormatError("the body is no map")
    if type(links) is not list or len(links) > LINKS_MAX:
        raise cbor.FormatError(f"links is not an array of at most {LINKS_MAX}")
    step = Step(
        seq=cbor.natural(seq, "seq", SEQ_MAX, 1),
        previous=cbor.octets(previous, "previous", HASH_BYTES),
        clue=parse_id(clue),
        stage=Stage(cbor.natural(stage, "stage", max(Stage))),
        officer=parse_name(officer, "officer"),
        key=parse_key(key, "key"),
        utc_ms=cbor.natural(utc_ms, "utc_ms"),
        text=cbor.text(text, "text", TEXT_BYTES_MAX),
        links=tuple(map(_parse_link, links)),
        body=cbor.plain(body, "body"),
    )
    return SignedStep(step, signed)


def sign_end(end: End, secret: bytes) -> bytes:
    """The COSE_Sign1 of `end`; raises FormatError if a value is out of its range."""
    payload = [VERSION, end.seq, end.hash, end.officer, end.key, end.utc_ms]
    raw = cose.sign1(cbor.encode(payload), secret, END_DOMAIN)
    open_end(raw)
    return raw


def open_end(raw: bytes) -> End:
    """The end in `raw`; raises FormatError, also if the key that it names has not signed it."""
    signed = cose.parse(raw, END_BYTES_MAX)
    items = cbor.array(cbor.decode(signed.payload, END_BYTES_MAX), "end", 6)
    version, seq, digest, officer, key, utc_ms = items
    cbor.natural(version, "version", VERSION, VERSION)
    end = End(
        cbor.natural(seq, "seq", SEQ_MAX),
        cbor.octets(digest, "hash", HASH_BYTES),
        parse_name(officer, "officer"),
        parse_key(key, "key"),
        cbor.natural(utc_ms, "utc_ms"),
    )
    if not signed.holds(end.key, END_DOMAIN):
        raise cbor.FormatError("the end is not signed with the key that it names")
    return end


def hash_step(raw: bytes) -> bytes:
    """What the next step names."""
    return sha256(raw).digest()


def _parse_link(item: Any) -> Link:
    what, id_, digest, gateway, seal = cbor.array(item, "link", 5)
    if type(what) is not str or what not in set(Linked):
        raise cbor.FormatError("a link to what nobody knows")
    name = cbor.text(id_, "id", ID_BYTES_MAX)
    if not name or not name.isprintable():
        raise cbor.FormatError("the id of a link is empty or cannot be printed")
    place = cbor.text(gateway, "gateway")
    return Link(
        Linked(what),
        name,
        cbor.octets(digest, "hash", HASH_BYTES),
        check_gateway(place) if place else "",
        cbor.natural(seal, "seal", NUMBER_MAX),
    )
