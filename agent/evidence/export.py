"""A chain as one file, which a stranger can check with nothing but the first key.

A CBOR sequence (RFC 8742): first ["dianjian chain", 1, gateway], then for each seal, in the order
of the numbers, [cose, body] with null for a body that is not held: the same two byte strings that
went over MQTT. The file begins with the first seal.

`verify_file` reads it in one pass with constant memory, and stops at the first thing that is wrong:
what stands before that place has been verified, what stands behind it proves nothing. That a file
ends too early it cannot see: compare `tip_hash` with a receipt of the centre.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from attrs import define, field, frozen

from agent.evidence import cbor
from agent.evidence.chain import ChainState, Code, Finding
from agent.evidence.seal import BODY_BYTES_MAX, COSE_BYTES_MAX, checked_gateway
from agent.evidence.verify import Outcome, accept

MAGIC: Final = "dianjian chain"
VERSION: Final = 1
FINDINGS_MAX: Final = 1_000
"""Kept with their text; beyond it they are only counted."""
_PAIR: Final = b"\x82"
_NULL: Final = b"\xf6"


@frozen
class ExportedSeal:
    """One seal of a file."""

    cose: bytes
    body: bytes | None


@define
class Report:
    """What the check of a file found.

    Attributes:
        error: Why the check stopped, "" if it reached the end.
        bodies: Bodies that are there and proved themselves.
        absent: Seals whose body is not in the file.
        counts: How many findings of each code there were; `findings` holds the first of them.
    """

    gateway: str = ""
    seals: int = 0
    records: int = 0
    bodies: int = 0
    absent: int = 0
    first_utc_ms: int = 0
    last_utc_ms: int = 0
    tip_hash: bytes = b""
    error: str = ""
    findings: list[Finding] = field(factory=list)
    counts: Counter[Code] = field(factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether every seal, and every body that is there, is what was sealed."""
        return not self.error and self.counts[Code.BODY] == 0

    def note(self, findings: Iterable[Finding]) -> None:
        """Count `findings`, and keep them while there is room."""
        for finding in findings:
            self.counts[finding.code] += 1
            if len(self.findings) < FINDINGS_MAX:
                self.findings.append(finding)


def write_chain(stream: IO[bytes], gateway: str, seals: Iterable[ExportedSeal]) -> int:
    """Write a chain, which must begin with its first seal, to `stream`; how many seals."""
    stream.write(cbor.encode([MAGIC, VERSION, checked_gateway(gateway)]))
    written = 0
    for seal in seals:
        stream.write(cbor.encode([seal.cose, seal.body]))
        written += 1
    return written


def read_chain(stream: IO[bytes]) -> tuple[str, Iterator[ExportedSeal]]:
    """The gateway that `stream` speaks of, and its seals as they are read; nothing is verified.

    Raises:
        FormatError: It is no such file; also while the seals are read.
    """
    head = _exactly(stream, 1 + 1 + len(MAGIC) + 1)
    if head != b"\x83" + cbor.encode(MAGIC) + cbor.encode(VERSION):
        raise cbor.FormatError("not an exported chain of version 1")
    return checked_gateway(_name(stream)), _seals(stream)


def verify_file(source: Path | IO[bytes], first_key: bytes) -> Report:
    """Check an exported chain against the enrolled first key."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return verify_file(stream, first_key)
    report = Report()
    try:
        report.gateway, seals = read_chain(source)
        state = ChainState.enrolled(report.gateway, first_key)
        for seal in seals:
            state = _step(report, state, seal)
            if report.error:
                break
    except cbor.FormatError as error:
        report.error = f"after seal {report.seals}: {error}"
    return report


def _step(report: Report, state: ChainState, seal: ExportedSeal) -> ChainState:
    verdict = accept(state, seal.cose, seal.body, received_utc_ms=None)
    report.note(verdict.findings)
    if verdict.outcome is not Outcome.ACCEPTED or verdict.header is None:
        reasons = "; ".join(finding.text for finding in verdict.findings)
        report.error = f"seal {state.number + 1}: {reasons or verdict.outcome}"
        return state
    header = verdict.header
    report.seals += 1
    report.records += header.count
    report.absent += seal.body is None
    report.bodies += verdict.records is not None
    report.first_utc_ms = report.first_utc_ms or header.utc_ms
    report.last_utc_ms = header.utc_ms
    report.tip_hash = verdict.state.hash
    return verdict.state


def _seals(stream: IO[bytes]) -> Iterator[ExportedSeal]:
    while lead := stream.read(1):
        if lead != _PAIR:
            raise cbor.FormatError("not a seal")
        cose = _byte_string(stream, _exactly(stream, 1), COSE_BYTES_MAX)
        kind = _exactly(stream, 1)
        body = None if kind == _NULL else _byte_string(stream, kind, BODY_BYTES_MAX)
        yield ExportedSeal(cose, body)


def _name(stream: IO[bytes]) -> str:
    """The gateway's id: a CBOR text, whose length is told in one byte or two."""
    lead = _exactly(stream, 1)
    more = _exactly(stream, 1) if lead == b"\x78" else b""
    size = more[0] if more else lead[0] - 0x60
    if not 0 <= size <= cbor.TEXT_BYTES_MAX or not (more or size < 24):
        raise cbor.FormatError("no gateway id")
    raw = lead + more + _exactly(stream, size)
    return cbor.text(cbor.decode(raw, len(raw)), "gateway")


def _byte_string(stream: IO[bytes], lead: bytes, bytes_max: int) -> bytes:
    """A byte string in its shortest form whose first byte has been read."""
    size_bytes = {0x58: 1, 0x59: 2}.get(lead[0], 0)
    if not size_bytes and not 0x40 <= lead[0] < 0x58:
        raise cbor.FormatError("not a byte string")
    size = int.from_bytes(_exactly(stream, size_bytes), "big") if size_bytes else lead[0] - 0x40
    if size > bytes_max or size < {0: 0, 1: 24, 2: 256}[size_bytes]:
        raise cbor.FormatError(f"a byte string of {size} bytes")
    return _exactly(stream, size)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    raw = b""
    while len(raw) < size:
        piece = stream.read(size - len(raw))
        if not piece:
            raise cbor.FormatError("the file ends within a seal")
        raw += piece
    return raw
