"""The evidence pack: one file that proves some hours of one gateway to anyone with the centre's key.

The file is a container (`evidence.pack.container`) of three entries: `evidence.cbor`, the proof;
`report.html`, the proof drawn for people; `index.txt`, the SHA-256 of the other two as `sha256sum` writes
it. This module handles the proof, and of the page only its hash. Pure; limits on every count.

    evidence.cbor = ["dianjian evidence", 1, content: bstr, issue: bstr / null]
    content = [gateway, centre_key, first_key / null, by_centre: bool, made_utc_ms, page, question,
               statements: [* bstr], receipts: [* bstr], runs: [+ [+ (bstr / [cose, body / null])]]]
    question = [from_utc_ms, to_utc_ms, first, last, linkage, episode]     "" where none was named

`issue` is present if the centre made the pack: a COSE_Sign1 by its key under `dj1.evidence` over
    [1, SHA-256 of content, SHA-256 of report.html]
so that not even the question can be changed; `by_centre` states that it must be present. A gateway's pack has
none: its seals are the proof, and anyone who has it may make a smaller pack out of it.

`statements` are those of the centre that concern the whole life: the enrolment, then replacements and
revocations that no run holds. `first_key` is present only if no enrolment was signed.

A run is seals without a hole, each [cose, body] as stored and sent, null for a body that is not held or not
needed; a lone byte string is a statement that applies to the seal behind it. Runs ascend and do not touch.
The window, seals `first` to `last`, lies within one run. What a run may rest on:

- **enrolment**: it begins with seal 1, whose key the centre's statement (or `--first-key`) names;
- **receipt**: the centre's signature that it has verified everything up to (number, seal hash). That seal is
  in the run. The seals before it are proved by the hash that each carries of its predecessor; the seals
  after it by signatures under the key that each certifies for the next.

An empty byte string in place of a statement means that the key changes here on an authority that cannot be
checked: only in a pack without enrolment, and only where a receipt covers the seal after it.

A run that rests on neither is refused. Every signature that can be checked is checked, even under a
receipt, against the key that the seal before certified. A receipt that no run needs is refused, and so is
any other encoding of the same evidence.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose
from evidence.body import BODY_BYTES_MAX
from evidence.receipt import KEPT_BYTES_MAX
from evidence.seal import COSE_BYTES_MAX, FIRST_NUMBER, HASH_BYTES, NUMBER_MAX, check_gateway
from evidence.statement import STATEMENT_BYTES_MAX

MAGIC: Final = "dianjian evidence"
VERSION: Final = 1
ISSUE_DOMAIN: Final = b"dj1.evidence"
EVIDENCE_NAME: Final = "evidence.cbor"
PAGE_NAME: Final = "report.html"
INDEX_NAME: Final = "index.txt"
EVIDENCE_BYTES_MAX: Final = 128 * 1024 * 1024
"""Two hours of 400 readings a second, or the headers of 46 days; more is a matter for `dianjian export`."""
SEALS_MAX: Final = 400_000
RUNS_MAX: Final = 1_000
RECEIPTS_MAX: Final = 2_000
STATEMENTS_MAX: Final = 1_000
"""A gateway's hardware is replaced a few times in its life."""
ISSUE_BYTES_MAX: Final = 512
KEY_CHANGES: Final = b""
WINDOW_MS_MAX: Final = 32 * 86_400_000
"""A month; more needs several packs, each short enough to be read."""
TIME_MS_MAX: Final = 253_402_300_799_000
"""The end of the year 9999, the last that datetime can represent."""
WORD_BYTES_MAX: Final = 256
"""Of a linkage or an episode that somebody asked for."""
_ITEMS: Final = 10


@frozen
class Question:
    """The request: a time, the seals made in it, and optionally (else "") a linkage and an episode."""

    from_ms: int
    to_ms: int
    first: int
    last: int
    linkage: str = ""
    episode: str = ""


@frozen
class PackedSeal:
    """A seal of a pack, and the statements that stand before it."""

    cose: bytes
    body: bytes | None
    statements: tuple[bytes, ...] = ()


@frozen
class Content:
    """What a pack holds; see the module."""

    gateway: str
    centre_key: bytes
    first_key: bytes | None
    by_centre: bool
    made_utc_ms: int
    page: int
    question: Question
    statements: tuple[bytes, ...]
    receipts: tuple[bytes, ...]
    runs: tuple[tuple[PackedSeal, ...], ...]


def encode_content(content: Content) -> bytes:
    """The one encoding of `content`; raises FormatError if it is more than a pack may hold."""
    asked = content.question
    question = [asked.from_ms, asked.to_ms, asked.first, asked.last, asked.linkage, asked.episode]
    runs = [
        [item for seal in run for item in (*seal.statements, [seal.cose, seal.body])] for run in content.runs
    ]
    items = [
        content.gateway, content.centre_key, content.first_key, content.by_centre, content.made_utc_ms,
        content.page, question, list(content.statements), list(content.receipts), runs,
    ]  # fmt: skip
    raw = cbor.encode(items)
    decode_content(raw)  # refuses what would not be read
    return raw


def encode_evidence(content: bytes, issue: bytes | None) -> bytes:
    """`evidence.cbor`."""
    return cbor.encode([MAGIC, VERSION, content, issue])


def sign_issue(content: bytes, page: bytes, secret: bytes) -> bytes:
    """The centre's signature for a pack that it makes."""
    payload = [VERSION, sha256(content).digest(), sha256(page).digest()]
    return cose.sign1(cbor.encode(payload), secret, ISSUE_DOMAIN)


def index_of(evidence: bytes, page: bytes) -> bytes:
    """`index.txt`."""
    named = ((EVIDENCE_NAME, evidence), (PAGE_NAME, page))
    return "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in named).encode()


def open_evidence(raw: bytes) -> tuple[bytes, bytes | None]:
    """Content and issue of an `evidence.cbor`; raises FormatError if it is none."""
    items = cbor.array(cbor.decode(raw, EVIDENCE_BYTES_MAX), EVIDENCE_NAME, 4)
    if items[0] != MAGIC:
        raise cbor.FormatError("not an evidence pack")
    cbor.natural(items[1], "version", VERSION, VERSION)
    if type(items[2]) is not bytes:
        raise cbor.FormatError("the content is no byte string")
    return items[2], None if items[3] is None else _check_bytes(items[3], "issue", ISSUE_BYTES_MAX)


def check_issue(issue: bytes, content: bytes, page: bytes, centre_key: bytes) -> str:
    """The fault in the centre's signature for the pack, "" if there is none."""
    try:
        signed = cose.parse(issue, ISSUE_BYTES_MAX)
        items = cbor.array(cbor.decode(signed.payload, ISSUE_BYTES_MAX), "issue", 3)
        if not signed.holds(centre_key, ISSUE_DOMAIN):
            return "the centre has not signed this pack"
        cbor.natural(items[0], "version", VERSION, VERSION)
    except cbor.FormatError as error:
        return f"the centre's signature for the pack: {error}"
    if items[1] != sha256(content).digest():
        return "the centre has signed another evidence than this"
    return "" if items[2] == sha256(page).digest() else f"the centre has signed another {PAGE_NAME} than this"


def decode_content(raw: bytes) -> Content:
    """The content in `raw`; nothing is verified.

    Raises:
        FormatError: It is none.
    """
    items = cbor.array(cbor.decode(raw, EVIDENCE_BYTES_MAX), "content", _ITEMS)
    gateway, centre_key, first_key, by_centre, made_utc_ms, page, question, statements, receipts, runs = items
    if type(by_centre) is not bool:
        raise cbor.FormatError("by_centre is neither true nor false")
    for name, value, most in (
        ("statements", statements, STATEMENTS_MAX),
        ("receipts", receipts, RECEIPTS_MAX),
        ("runs", runs, RUNS_MAX),
    ):
        if type(value) is not list or len(value) > most:
            raise cbor.FormatError(f"{name} is not an array of at most {most}")
    if not runs or sum(len(run) if type(run) is list else SEALS_MAX for run in runs) > SEALS_MAX:
        raise cbor.FormatError(f"the runs have not 1 to {SEALS_MAX} seals together")
    return Content(
        gateway=check_gateway(cbor.text(gateway, "gateway")),
        centre_key=cbor.octets(centre_key, "centre_key", HASH_BYTES),
        first_key=None if first_key is None else cbor.octets(first_key, "first_key", HASH_BYTES),
        by_centre=by_centre,
        made_utc_ms=cbor.natural(made_utc_ms, "made_utc_ms", TIME_MS_MAX),
        page=cbor.natural(page, "page", 1 << 16),
        question=_read_question(question),
        statements=tuple(_check_bytes(one, "statement", STATEMENT_BYTES_MAX) for one in statements),
        receipts=tuple(_check_bytes(receipt, "receipt", KEPT_BYTES_MAX) for receipt in receipts),
        runs=tuple(tuple(_read_seals(run)) for run in runs),
    )


def _read_question(value: Any) -> Question:
    from_ms, to_ms, first, last, linkage, episode = cbor.array(value, "question", 6)
    first = cbor.natural(first, "first", NUMBER_MAX, FIRST_NUMBER)
    from_ms = cbor.natural(from_ms, "from", TIME_MS_MAX)
    return Question(
        from_ms,
        cbor.natural(to_ms, "to", min(from_ms + WINDOW_MS_MAX, TIME_MS_MAX), from_ms),
        first,
        cbor.natural(last, "last", NUMBER_MAX, first),
        cbor.text(linkage, "linkage", WORD_BYTES_MAX),
        cbor.text(episode, "episode", WORD_BYTES_MAX),
    )


def _read_seals(run: Any) -> Iterator[PackedSeal]:
    if type(run) is not list:
        raise cbor.FormatError("a run is not an array")
    statements: list[bytes] = []
    for item in run:
        if type(item) is bytes:
            statements.append(_check_bytes(item, "statement", STATEMENT_BYTES_MAX))
            continue
        raw, body = cbor.array(item, "seal", 2)
        raw = _check_bytes(raw, "seal", COSE_BYTES_MAX)
        yield PackedSeal(
            raw, None if body is None else _check_bytes(body, "body", BODY_BYTES_MAX), tuple(statements)
        )
        statements = []
    if statements or not run:
        raise cbor.FormatError("a run ends without a seal")


def _check_bytes(value: Any, name: str, bytes_max: int) -> bytes:
    if type(value) is not bytes or len(value) > bytes_max:
        raise cbor.FormatError(f"{name} is not a byte string of at most {bytes_max}")
    return value
