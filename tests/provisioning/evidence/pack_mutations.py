"""Ways to change an evidence pack: blindly, or knowing the format and with this program at hand.

`mutants` gives a seeded stream of (what was done, bytes). The skilled ones write the index and the container
anew, draw the page again where the proof still holds, and sign with every key that they could have: a
stranger's, and for a seal none.
"""

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import cbor2

from evidence import cose
from evidence.cbor import FormatError
from evidence.pack import container
from evidence.pack.content import (
    EVIDENCE_NAME,
    INDEX_NAME,
    MAGIC,
    PAGE_NAME,
    decode_content,
    index_of,
    sign_issue,
)
from evidence.pack.proof import prove
from evidence.pack.proved import PackError
from evidence.receipt import RECEIPT_DOMAIN
from provisioning.evidence.check import NAMES
from provisioning.evidence.page import draw_evidence_page
from provisioning.evidence.story_builder import build_story
from tests.provisioning.evidence.plant import CENTRE_KEY, STRANGER

SPAN_BYTES_MAX = 64
GATEWAY, CENTRE, FIRST, BY_CENTRE, MADE, PAGE, QUESTION, STATEMENTS, RECEIPTS, RUNS = range(10)

Rng = random.Random
Mutant = tuple[str, bytes]


def mutants(pack: bytes, other: bytes, seed: int) -> Iterator[Mutant]:
    """Mutants of `pack` without end; `other` is a good pack of another gateway."""
    rng = Rng(seed)
    good, foreign = parts(pack), parts(other)
    truthful = frozenset() if good.items()[BY_CENTRE] else ANYBODYS
    blind = list(BLIND.items())
    skilled = [(name, alter) for name, alter in SKILLED.items() if name not in truthful]
    while True:
        if rng.random() < 0.5:
            name, change = rng.choice(blind)
            yield name, change(pack, rng)
        else:
            name, alter = rng.choice(skilled)
            made = alter(good, foreign, rng)
            if made is not None:
                yield name, made


# -- blind


def _flip(raw: bytes, rng: Rng) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ (1 << rng.randrange(8))]) + raw[at + 1 :]


def _byte(raw: bytes, rng: Rng) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([(raw[at] + rng.randrange(1, 256)) % 256]) + raw[at + 1 :]


def _spans(raw: bytes, rng: Rng) -> tuple[int, int, int, int]:
    a, b, c, d = sorted(rng.randrange(len(raw) + 1) for _ in range(4))
    return a, min(b, a + SPAN_BYTES_MAX), c, min(d, c + SPAN_BYTES_MAX)


def _delete(raw: bytes, rng: Rng) -> bytes:
    a, b, _, _ = _spans(raw, rng)
    return raw[:a] + raw[b:]


def _insert(raw: bytes, rng: Rng) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randrange(1, SPAN_BYTES_MAX)) + raw[at:]


def _swap(raw: bytes, rng: Rng) -> bytes:
    a, b, c, d = _spans(raw, rng)
    return raw[:a] + raw[c:d] + raw[b:c] + raw[a:b] + raw[d:]


def _double(raw: bytes, rng: Rng) -> bytes:
    a, b, c, _ = _spans(raw, rng)
    return raw[:c] + raw[a:b] + raw[c:]


def _zero(raw: bytes, rng: Rng) -> bytes:
    a, b, _, _ = _spans(raw, rng)
    return raw[:a] + bytes(b - a) + raw[b:]


BLIND: dict[str, Callable[[bytes, Rng], bytes]] = {
    "flip a bit": _flip,
    "change a byte": _byte,
    "cut off": lambda raw, rng: raw[: rng.randrange(len(raw))],
    "insert": _insert,
    "append": lambda raw, rng: raw + rng.randbytes(rng.randrange(1, SPAN_BYTES_MAX)),
    "delete a span": _delete,
    "swap two spans": _swap,
    "double a span": _double,
    "zero a span": _zero,
}

# -- with knowledge of the format


class Parts:
    """A pack taken apart."""

    def __init__(self, evidence: bytes, page: bytes) -> None:
        self.evidence, self.page = evidence, page
        _, self.version, self.content, self.issue = cbor2.loads(evidence)

    def items(self) -> list[Any]:
        """The content, to be changed."""
        items: list[Any] = cbor2.loads(self.content)
        return items

    def with_content(self, items: list[Any], rng: Rng) -> bytes:
        """The file around another content, as well made as it can be."""
        content = cbor2.dumps(items, canonical=True)
        page = self.page
        with suppress(FormatError, PackError):  # who can draw the page anew does
            page = draw_evidence_page(
                build_story(prove(decode_content(content), sha256(content).digest(), CENTRE_KEY))
            )
        issue = self.issue
        if issue is not None and rng.random() < 0.5:
            issue = sign_issue(content, page, STRANGER)
        return assembled(cbor2.dumps([MAGIC, self.version, content, issue], canonical=True), page)


def parts(pack: bytes) -> Parts:
    """`pack` taken apart."""
    entries = container.read(pack, NAMES).entries
    return Parts(entries[EVIDENCE_NAME], entries[PAGE_NAME])


def assembled(evidence: bytes, page: bytes) -> bytes:
    """The file with a fitting index."""
    index = index_of(evidence, page)
    return container.write({EVIDENCE_NAME: evidence, PAGE_NAME: page, INDEX_NAME: index})


def _page(good: Parts, _: Parts, rng: Rng) -> bytes:
    return assembled(good.evidence, _byte(good.page, rng))


def _word(good: Parts, _: Parts, rng: Rng) -> bytes | None:
    """A number on the page that somebody would rather have."""
    digits = [at for at, letter in enumerate(good.page) if letter in b"0123456789"]
    at = rng.choice(digits)
    page = good.page[:at] + b"%d" % rng.randrange(10) + good.page[at + 1 :]
    return None if page == good.page else assembled(good.evidence, page)


def _bits(good: Parts, _: Parts, rng: Rng) -> bytes:
    return assembled(rng.choice([_flip, _byte, _delete, _double, _swap])(good.evidence, rng) + b"", good.page)


def _in_content(change: Callable[[list[Any], list[Any], Rng], object]) -> Callable[..., bytes | None]:
    def alter(good: Parts, foreign: Parts, rng: Rng) -> bytes | None:
        items, before = good.items(), good.content
        change(items, foreign.items(), rng)
        if cbor2.dumps(items, canonical=True) == before:
            return None
        return good.with_content(items, rng)

    return alter


def _seal(items: list[Any], rng: Rng, *, inner: bool = False) -> tuple[list[Any], int]:
    """A run and a place in it; `inner` not at an end."""
    run = rng.choice([run for run in items[RUNS] if len(run) > 3] or items[RUNS])
    return run, rng.randrange(1, len(run) - 1) if inner else rng.randrange(len(run))


def _drop_seal(items: list[Any], _: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng, inner=True)
    del run[at]


def _drop_end(items: list[Any], _: list[Any], rng: Rng) -> None:
    run = items[RUNS][-1]
    del run[-rng.randrange(1, len(run)) :]


def _swap_seals(items: list[Any], _: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng, inner=True)
    run[at], run[at + 1] = run[at + 1], run[at]


def _swap_bodies(items: list[Any], _: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng, inner=True)
    run[at][1], run[at + 1][1] = run[at + 1][1], run[at][1]


def _other_body(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng)
    run[at][1] = _seal(foreign, rng)[0][-1][1] or b"\x80"


def _other_seal(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng)
    run[at] = rng.choice(foreign[RUNS][-1])


def _bit_of_seal(items: list[Any], _: list[Any], rng: Rng) -> None:
    run, at = _seal(items, rng)
    which = 1 if run[at][1] is not None and rng.random() < 0.5 else 0
    run[at][which] = _flip(run[at][which], rng)


def _resigned_seal(items: list[Any], _: list[Any], rng: Rng) -> None:
    """A header that says what somebody wants, under a key of his own."""
    run, at = _seal(items, rng)
    payload = cbor2.loads(cbor2.loads(run[at][0]).value[2])
    payload[rng.choice([3, 4, 8, 9])] += rng.randrange(1, 1000)
    run[at][0] = cose.sign1(cbor2.dumps(payload, canonical=True), STRANGER, b"dj1.seal")


def _receipts(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    receipts = items[RECEIPTS]
    deed = rng.randrange(5)
    if deed == 0 or not receipts:
        receipts += foreign[RECEIPTS][:1]
    elif deed == 1:
        receipts[rng.randrange(len(receipts))] = rng.choice(foreign[RECEIPTS])
    elif deed == 2:
        receipts.append(receipts[-1])
    elif deed == 3:
        receipts.reverse()
    else:
        at = rng.randrange(len(receipts))
        payload = cbor2.loads(cbor2.loads(receipts[at]).value[2])
        payload[rng.choice([2, 4, 6])] += 1
        receipts[at] = cose.sign1(cbor2.dumps(payload, canonical=True), STRANGER, RECEIPT_DOMAIN)


def _bit_of_receipt(items: list[Any], _: list[Any], rng: Rng) -> None:
    at = rng.randrange(len(items[RECEIPTS]))
    items[RECEIPTS][at] = _flip(items[RECEIPTS][at], rng)


def _statements(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    """Those of another gateway, or twice, or a bit of one."""
    if items[STATEMENTS] and rng.random() < 0.5:
        items[STATEMENTS][0] = _flip(items[STATEMENTS][0], rng)
    else:
        items[STATEMENTS] += foreign[STATEMENTS] or [b"\x80"]


def _who(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    at = rng.choice([GATEWAY, CENTRE])
    items[at] = foreign[at] if foreign[at] != items[at] else items[at] + items[at][:1]


def _question(items: list[Any], _: list[Any], rng: Rng) -> None:
    at = rng.choice([2, 3])
    items[QUESTION][at] = max(0, items[QUESTION][at] + rng.choice([-1000, 1000]))


def _runs(items: list[Any], foreign: list[Any], rng: Rng) -> None:
    runs = items[RUNS]
    deed = rng.randrange(3)
    if deed == 0:
        runs.append(runs[-1])
    elif deed == 1:
        runs.reverse()
        runs += foreign[RUNS][:1] if len(runs) == 1 else []
    else:
        run = runs.pop()
        at = rng.randrange(1, len(run))
        runs += [run[:at], run[at:]]


def _issue(good: Parts, foreign: Parts, rng: Rng) -> bytes | None:
    """The centre's signature for the pack: gone, of another pack, or a stranger's."""
    if good.issue is None:
        issue = foreign.issue or sign_issue(good.content, good.page, STRANGER)
    else:
        issue = rng.choice([None, foreign.issue or b"", sign_issue(good.content, good.page, STRANGER)])
        issue = _flip(good.issue, rng) if rng.random() < 0.3 else issue
    return assembled(cbor2.dumps([MAGIC, good.version, good.content, issue], canonical=True), good.page)


def _rezipped(good: Parts, _: Parts, rng: Rng) -> bytes:
    """The same entries by somebody else's program."""
    made, deed = io.BytesIO(), rng.randrange(5)
    entries = [(EVIDENCE_NAME, good.evidence), (PAGE_NAME, good.page)]
    entries.append((INDEX_NAME, index_of(good.evidence, good.page)))
    if deed == 1:
        rng.shuffle(entries)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if deed == 2 else zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            year = 1980 + rng.randrange(40)
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data)
        if deed == 3:
            archive.writestr("more.txt", "more")
        if deed == 4:
            archive.comment = b"seen"
    return made.getvalue()


SKILLED: dict[str, Callable[[Parts, Parts, Rng], bytes | None]] = {
    "a byte of the page, index made anew": _page,
    "a digit of the page, index made anew": _word,
    "bytes of the evidence, index made anew": _bits,
    "a seal left out": _in_content(_drop_seal),
    "the end left out": _in_content(_drop_end),
    "two seals swapped": _in_content(_swap_seals),
    "two bodies swapped": _in_content(_swap_bodies),
    "another body": _in_content(_other_body),
    "a seal of another chain": _in_content(_other_seal),
    "a bit of a seal or body": _in_content(_bit_of_seal),
    "a seal signed by a stranger": _in_content(_resigned_seal),
    "other receipts": _in_content(_receipts),
    "a bit of a receipt": _in_content(_bit_of_receipt),
    "other statements": _in_content(_statements),
    "another gateway or centre": _in_content(_who),
    "another question": _in_content(_question),
    "other runs": _in_content(_runs),
    "another signature of the pack": _issue,
    "zipped again": _rezipped,
}
ANYBODYS = frozenset({"the end left out"})
"""Whoever has the pack of a gateway may make a smaller one out of it, which is as true."""
