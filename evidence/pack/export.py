"""A chain as one file, which anyone can check with only the centre's public key.

A CBOR sequence (RFC 8742): first ["dianjian chain", 2, gateway], then in the order of the numbers for
each seal [cose, body], with null for a body that is not held: the same two byte strings that went over
MQTT. A statement (`evidence.statement`) is a lone byte string before the seal that it applies to,
a revocation behind the seal that it names, the enrolment before all of them. The file begins with the
first seal. Version 1, which has no statements, is still read. Version 3 is a part of a chain, such as a
month: its head has a fourth item, the centre's receipt for the first seal (`evidence.pack.middle`).

`verify_file` reads it in one pass with constant memory, and stops at the first thing that is wrong:
everything before that place has been verified, everything after it proves nothing. It remembers the last
STORED_MAX seals and statements, so that it can say what a seal with a number that was there before is (the
same again, or a fork), check a revocation that names an earlier seal than the one before it, and refuse a
statement that comes again. It begins with the
enrolment, which the centre's key must have signed, or with a first key that the caller knows from
elsewhere; with both they must agree, and so must a recovery key. Without the centre's key an enrolment in
the file is only compared with what the caller knows: its signature is not checked, and nothing is taken from
it. It cannot detect that a file ends too early: compare `tip_hash` with a receipt of the centre.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from attrs import define, field, frozen

from disk.files import Output
from evidence import cbor
from evidence.attested_chain import Passing
from evidence.body import BODY_BYTES_MAX
from evidence.chain import ChainState, Code, Finding, Outcome, Verdict
from evidence.continuation import continue_chain, open_enrolment
from evidence.held import Held
from evidence.pack.middle import Middle
from evidence.receipt import KEPT_BYTES_MAX
from evidence.seal import COSE_BYTES_MAX, NO_HASH, check_gateway, seal_hash
from evidence.statement import STATEMENT_BYTES_MAX, Continuation, Enrolment, Revoke, parse_statement
from evidence.verify import accept, check_records

MAGIC: Final = "dianjian chain"
VERSION: Final = 2
PART_VERSION: Final = 3
_READABLE: Final = (1, VERSION)
STORED_MAX: Final = 10_000
"""Seals that are remembered, a day of one in nine seconds, and as many statements; 8 MB in all."""
FINDINGS_MAX: Final = 1_000
"""Findings kept with their text; further ones are only counted."""
_PAIR: Final = b"\x82"
_NULL: Final = b"\xf6"


@frozen
class ExportedSeal:
    """One seal of a file."""

    cose: bytes
    body: bytes | None


Item = ExportedSeal | bytes
"""An item of a file: a seal or a statement."""


@define
class Report:
    """What the check of a file found.

    Attributes:
        error: Why the check stopped, "" if it reached the end.
        enrolment: The enrolment, if it is in the file and the centre's key was given.
        is_enrolment_unchecked: One is in the file and was compared; its signature was not checked.
        begin: The first seal of a file that begins with a receipt for it, 0 of any other.
        statements: Statements that were applied, without the enrolment.
        bodies: Bodies that are present and proved.
        absent: Seals whose body is not in the file.
        withheld: Those of them that no record of the file declares lost, as (first, last).
        attestations: Attestations of a TPM; what is wrong with one is a finding.
        counts: How many findings of each code there were; `findings` holds the first of them.
    """

    gateway: str = ""
    enrolment: Enrolment | None = None
    is_enrolment_unchecked: bool = False
    begin: int = 0
    statements: int = 0
    seals: int = 0
    records: int = 0
    bodies: int = 0
    absent: int = 0
    first_utc_ms: int = 0
    last_utc_ms: int = 0
    tip_hash: bytes = b""
    attestations: Passing = field(factory=Passing)
    error: str = ""
    findings: list[Finding] = field(factory=list)
    counts: Counter[Code] = field(factory=Counter)
    withheld: list[tuple[int, int]] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is a seal, and every seal, and every body present, is as it was sealed."""
        return not self.error and self.counts[Code.BODY] == 0

    def note(self, findings: Iterable[Finding]) -> None:
        """Count `findings`, and keep them while there is room."""
        for finding in findings:
            self.counts[finding.code] += 1
            if len(self.findings) < FINDINGS_MAX:
                self.findings.append(finding)


@define
class _Bodies:
    """The seals without a body so far, and those that sealed records declare lost."""

    _bare: list[tuple[int, int]] = field(factory=list)
    _declared: Held = field(factory=Held)

    def note(self, verdict: Verdict) -> None:
        """Take an accepted seal."""
        for first, last in verdict.absent:
            self._declared.add(first, last)
        if verdict.records is None:
            number = verdict.state.number
            begin = self._bare.pop()[0] if self._bare and self._bare[-1][1] == number - 1 else number
            self._bare.append((begin, number))

    def list_withheld(self) -> list[tuple[int, int]]:
        """First and last of each run that is neither here nor declared lost."""
        return [gap for first, last in self._bare for gap in self._declared.list_missing_within(first, last)]


@define
class _Past:
    """The last seals and statements that were accepted, which later items are compared with."""

    seals: dict[int, bytes] = field(factory=dict)
    _applied: dict[bytes, Continuation | Revoke] = field(factory=dict)

    def note(self, item: Item, verdict: Verdict) -> None:
        """Take an accepted item."""
        if isinstance(item, ExportedSeal):
            self.seals[verdict.state.number] = item.cose
            self.seals.pop(verdict.state.number - STORED_MAX, None)
        elif verdict.statement is not None:
            self._applied[seal_hash(item)] = verdict.statement
            if len(self._applied) > STORED_MAX:
                del self._applied[next(iter(self._applied))]

    def has_applied(self, digest: bytes) -> bool:
        """Whether the statement with this hash was applied."""
        return digest in self._applied

    def list_stated(self, number: int) -> list[bytes]:
        """The keys that statements gave to seal `number`."""
        applied = self._applied.values()
        return [one.next_key for one in applied if not isinstance(one, Revoke) and one.number == number]


@frozen
class Keys:
    """The keys that a verifier trusts before it reads a file.

    Attributes:
        centre: The centre's public key.
        first: The enrolled first key, known from elsewhere.
        recovery: The enrolled recovery key, known from elsewhere; zeros for none.
    """

    centre: bytes | None = None
    first: bytes | None = None
    recovery: bytes = NO_HASH


@frozen
class Opened:
    """A file whose head was read.

    Attributes:
        receipt: For the first seal of a file that begins with a later one, else b"".
        items: Seals and statements as they are read; nothing is verified. Raises FormatError.
    """

    gateway: str
    receipt: bytes
    items: Iterator[Item]


def write_chain(stream: IO[bytes] | Output, gateway: str, items: Iterable[Item], receipt: bytes = b"") -> int:
    """Write a chain to `stream`; how many seals.

    It must begin with its first seal, or with the one that `receipt` names.
    """
    head = [MAGIC, PART_VERSION if receipt else VERSION, check_gateway(gateway)]
    stream.write(cbor.encode([*head, receipt] if receipt else head))
    written = 0
    for item in items:
        if isinstance(item, bytes):
            stream.write(cbor.encode(item))
        else:
            stream.write(cbor.encode([item.cose, item.body]))
            written += 1
    return written


def read_chain(stream: IO[bytes]) -> tuple[str, Iterator[Item]]:
    """The gateway of the file, and its seals and statements as they are read; nothing is verified.

    Raises:
        FormatError: The file has another format; also raised while items are read.
    """
    opened = open_chain(stream)
    return opened.gateway, opened.items


def open_chain(stream: IO[bytes]) -> Opened:
    """The same, with the receipt at its begin; raises FormatError."""
    head = _read_exactly(stream, 1 + 1 + len(MAGIC) + 1)
    for version in _READABLE:
        if head == b"\x83" + cbor.encode(MAGIC) + cbor.encode(version):
            gateway = check_gateway(_read_name(stream))
            return Opened(gateway, b"", _read_items(stream, with_statements=version > 1))
    if head == b"\x84" + cbor.encode(MAGIC) + cbor.encode(PART_VERSION):
        gateway = check_gateway(_read_name(stream))
        receipt = _read_byte_string(stream, _read_exactly(stream, 1), KEPT_BYTES_MAX)
        return Opened(gateway, receipt, _read_items(stream, with_statements=True))
    raise cbor.FormatError(f"not an exported chain of version 1 to {PART_VERSION}")


def verify_file(
    source: Path | IO[bytes],
    first_key: bytes | None = None,
    *,
    centre_key: bytes | None = None,
    recovery_key: bytes = NO_HASH,
    each: Callable[[Verdict], object] = lambda _: None,
) -> Report:
    """Check an exported chain with the centre's public key, or against the enrolled keys.

    `each` is called with every accepted seal; its results count only if the report is good.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return verify_file(stream, first_key, centre_key=centre_key, recovery_key=recovery_key, each=each)
    report, known, bodies = Report(), Keys(centre_key, first_key, recovery_key), _Bodies()
    past = _Past()
    try:
        opened = open_chain(source)
        report.gateway = opened.gateway
        state: ChainState | None = None
        middle = Middle.open(opened.gateway, opened.receipt, known.centre) if opened.receipt else None
        for item in opened.items:
            if state is None:
                state, verdict = _start(report, item, known, past, middle)
            else:
                verdict = _step(report, state, item, centre_key, past)
            if verdict is None:
                continue
            state = verdict.state
            if report.error:
                break
            past.note(item, verdict)
            if verdict.header is not None:
                bodies.note(verdict)
                each(verdict)
        if not report.seals and not report.error:
            report.error = "the file holds no seal, which proves nothing"
    except cbor.FormatError as error:
        report.error = f"after seal {report.seals}: {error}"
    report.withheld = bodies.list_withheld()
    return report


def _start(
    report: Report, item: Item, known: Keys, past: _Past, middle: Middle | None
) -> tuple[ChainState | None, Verdict | None]:
    """What the first items make: the state, and the verdict on a seal; None for what is not there yet."""
    if middle is not None:
        verdict = _begin_later(report, middle, item, known)
        return (None if verdict is None else verdict.state), verdict
    state, applied = _begin(report, item, known)
    return state, None if applied else _step(report, state, item, known.centre, past)


def _begin(report: Report, item: Item, known: Keys) -> tuple[ChainState, bool]:
    """The state before the first seal, and whether `item` was the enrolment that it comes from.

    Raises:
        FormatError: No trusted source gives the first key.
    """
    one = parse_statement(item).statement if isinstance(item, bytes) else None
    if not isinstance(item, bytes) or not isinstance(one, Enrolment):
        if known.first is None:
            raise cbor.FormatError("no enrolment is in the file: the first key must be given")
        return ChainState.enrolled(report.gateway, known.first, known.recovery), False
    if known.centre is not None:
        state, report.enrolment = open_enrolment(item, known.centre)
    elif known.first is not None:
        state = ChainState.enrolled(report.gateway, known.first, known.recovery)
        report.is_enrolment_unchecked = True
    else:
        raise cbor.FormatError("the enrolment cannot be checked without the centre's key")
    if one.gateway != report.gateway:
        raise cbor.FormatError("the enrolment is another one than the file or the first key says")
    _agree(one, known)
    return state, True


def _begin_later(report: Report, middle: Middle, item: Item, known: Keys) -> Verdict | None:
    """The first seal of a file that begins with a later one, None for a statement; raises FormatError."""
    if isinstance(item, bytes):
        middle.read_statement(item)
        return None
    verdict = middle.begin(item.cose, item.body)
    report.begin, report.enrolment = middle.receipt.number, middle.enrolment
    _agree(middle.enrolment, known)
    report.note(verdict.findings)
    report.attestations.skip()
    _count(report, item, verdict)
    return verdict


def _agree(one: Enrolment | None, known: Keys) -> None:
    """See that the enrolment names the keys that were given."""
    if one is None:
        return
    if known.first not in {None, one.first_key}:
        raise cbor.FormatError("the enrolment is another one than the file or the first key says")
    if NO_HASH not in {known.recovery, one.recovery_key} and known.recovery != one.recovery_key:
        raise cbor.FormatError("the enrolment names another recovery key than was given")


def _step(report: Report, state: ChainState, item: Item, centre_key: bytes | None, past: _Past) -> Verdict:
    if isinstance(item, bytes):
        verdict = continue_chain(state, item, centre_key, stored=past.seals.get, applied=past.has_applied)
    else:
        stored, stated_keys = past.seals.get, past.list_stated
        verdict = accept(state, item.cose, item.body, None, stored=stored, stated_keys=stated_keys)
    report.note(verdict.findings)
    if verdict.outcome is not Outcome.ACCEPTED:
        reasons = "; ".join(finding.text for finding in verdict.findings)
        what = "statement after" if isinstance(item, bytes) else "seal"
        report.error = f"{what} {state.number + (what == 'seal')}: {reasons or verdict.outcome}"
    elif isinstance(item, bytes):
        report.statements += 1
    else:
        _count(report, item, verdict)
    return verdict


def _count(report: Report, seal: ExportedSeal, verdict: Verdict) -> None:
    header = verdict.header
    assert header is not None
    report.seals += 1
    report.records += header.count
    report.absent += seal.body is None
    report.bodies += verdict.records is not None
    report.first_utc_ms = report.first_utc_ms or header.utc_ms
    report.last_utc_ms = header.utc_ms
    report.tip_hash = verdict.state.hash
    wrong = report.attestations.judge(header.number, report.tip_hash, verdict.records)
    report.note(Finding(Code.ATTESTATION, text, header.number) for text in wrong)
    report.note(check_records(verdict.records or (), header))


def _read_items(stream: IO[bytes], *, with_statements: bool) -> Iterator[Item]:
    while lead := stream.read(1):
        if lead == _PAIR:
            cose = _read_byte_string(stream, _read_exactly(stream, 1), COSE_BYTES_MAX)
            tail = _read_exactly(stream, 1)
            yield ExportedSeal(
                cose, None if tail == _NULL else _read_byte_string(stream, tail, BODY_BYTES_MAX)
            )
        elif with_statements and 0x40 <= lead[0] <= 0x59:
            yield _read_byte_string(stream, lead, STATEMENT_BYTES_MAX)
        else:
            raise cbor.FormatError("not a seal")


def _read_name(stream: IO[bytes]) -> str:
    """The gateway's id: a CBOR text, whose length takes one byte or two."""
    lead = _read_exactly(stream, 1)
    more = _read_exactly(stream, 1) if lead == b"\x78" else b""
    size = more[0] if more else lead[0] - 0x60
    if not 0 <= size <= cbor.TEXT_BYTES_MAX or not (more or size < 24):
        raise cbor.FormatError("no gateway id")
    raw = lead + more + _read_exactly(stream, size)
    return cbor.text(cbor.decode(raw, len(raw)), "gateway")


def _read_byte_string(stream: IO[bytes], lead: bytes, bytes_max: int) -> bytes:
    """A byte string in its shortest form whose first byte has been read."""
    size_bytes = {0x58: 1, 0x59: 2}.get(lead[0], 0)
    if not size_bytes and not 0x40 <= lead[0] < 0x58:
        raise cbor.FormatError("not a byte string")
    size = int.from_bytes(_read_exactly(stream, size_bytes), "big") if size_bytes else lead[0] - 0x40
    if size > bytes_max or size < {0: 0, 1: 24, 2: 256}[size_bytes]:
        raise cbor.FormatError(f"a byte string of {size} bytes")
    return _read_exactly(stream, size)


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    raw = b""
    while len(raw) < size:
        piece = stream.read(size - len(raw))
        if not piece:
            raise cbor.FormatError("the file ends within a seal")
        raw += piece
    return raw
