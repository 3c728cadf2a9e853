"""Evidence packs: a file that anybody may hand to anybody."""

from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import Final

from evidence import cbor
from evidence.pack import container
from evidence.pack import content as pack
from evidence.pack.proof import prove
from evidence.pack.proved import PackError
from tests.evidence.pack import packs
from tests.fuzz.target import CBOR, Target

NAMES: Final = (pack.EVIDENCE_NAME, pack.PAGE_NAME, pack.INDEX_NAME)


def run_container(raw: bytes) -> None:
    """A ZIP file in which no byte is free."""
    opened = container.read(raw, NAMES)
    if not opened.problem:
        assert container.write(opened.entries) == raw


def run_content(raw: bytes) -> None:
    """What a pack says, checked in full: it is what was sealed, or refused."""
    try:
        content = pack.decode_content(raw)
    except cbor.FormatError:
        return
    assert pack.encode_content(content) == raw
    with suppress(PackError):
        evidence = prove(content, sha256(raw).digest(), packs.CENTRE_KEY)
        real = set(_sealed())
        assert all(seal.cose in real for run in content.runs for seal in run), "a seal that nobody made"
        assert evidence.window


def run_evidence(raw: bytes) -> None:
    with suppress(cbor.FormatError):
        content, issue = pack.open_evidence(raw)
        assert pack.encode_evidence(content, issue) == raw
        if issue is not None:
            assert pack.check_issue(issue, content, b"page", packs.CENTRE_KEY) or issue in _issues()


@cache
def _contents() -> tuple[bytes, ...]:
    seals = packs.chain(6)
    whole = packs.content(packs.run(seals), statements=(packs.enrolment(),), last=3)
    later = packs.content(packs.run(seals[2:5]), receipts=(packs.receipt(seals[4]),), first=3, last=4)
    return tuple(pack.encode_content(one) for one in (whole, later))


@cache
def _sealed() -> tuple[bytes, ...]:
    return tuple(seal.cose for raw in _contents() for run in pack.decode_content(raw).runs for seal in run)


@cache
def _issues() -> tuple[bytes, ...]:
    return tuple(pack.sign_issue(content, b"page", packs.CENTRE) for content in _contents())


def _evidences() -> list[bytes]:
    issued = [pack.encode_evidence(*pair) for pair in zip(_contents(), _issues(), strict=True)]
    return [*issued, pack.encode_evidence(_contents()[0], None)]


def _containers() -> list[bytes]:
    evidence = _evidences()[0]
    parts = (evidence, b"page", pack.index_of(evidence, b"page"))
    return [container.write(dict(zip(NAMES, parts, strict=True)))]


TARGETS: Final = (
    Target("container", run_container, _containers, 8_192),
    Target("pack", run_content, lambda: list(_contents()), 8_192, CBOR),
    Target("pack_file", run_evidence, _evidences, 8_192, CBOR),
)
