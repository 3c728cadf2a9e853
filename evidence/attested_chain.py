"""The attestations of a chain compared with each other: the counter grows, one key, none missing. Pure.

Three problems are reported; none of them makes a seal invalid:

- an attestation that proves nothing, or names a later seal or one of another chain: at once;
- a counter that does not grow, or another key than its neighbours': at once;
- a counter that went on without the chain (`UNSEEN_MAX`): once no body before it is awaited any more, since
  bodies arrive in any order, and a body still in transit does not mean that a disk was put back.

`Attestations` is what the centre keeps of a gateway; `Passing` is for reading a whole chain once.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from attrs import define, field, frozen

from evidence import cbor
from evidence.attestation import UNSEEN_MAX, Attestation, check_attestation
from evidence.record import Kind, ReadingRecord, Record, decode_record, kind_of
from evidence.seal import NO_HASH, NUMBER_MAX

REMEMBERED_MAX: Final = 500
"""Attestations that later ones are compared with: three weeks of one an hour."""
HASHES_MAX: Final = 10_000
"""How many seals older than its record an attestation may be, when a file is read: a day of them."""
KEY_ID_BYTES: Final = 8
"""Of the key's SHA-256, to tell it from another."""


@frozen
class Known:
    """An attestation that later ones are compared with; `seal` holds its record."""

    seal: int
    counter: int
    key: bytes


@define
class Attestations:
    """The attestations of one chain, in the order of their seals; bodies may come in any order.

    Attributes:
        complete_up_to: Up to this seal no attestation can be missing because a body is.
    """

    complete_up_to: int = 0
    _known: list[Known] = field(factory=list)

    def judge(self, at: int, body: Mapping[str, Any], hash_of: Callable[[int], bytes | None]) -> list[str]:
        """What is wrong with an attestation in seal `at`; `hash_of` gives the hashes of earlier seals.

        A verifier that holds only part of the chain compares the hashes that it knows.
        """
        try:
            attestation = Attestation.from_body(body)
            certified = check_attestation(attestation)
        except cbor.FormatError as error:
            return [f"an attestation that proves nothing: {error}"]
        if attestation.seal >= at:
            return ["an attestation over a seal that comes later"]
        expected = NO_HASH if attestation.seal == 0 else hash_of(attestation.seal)
        if expected is not None and expected != attestation.seal_hash:
            return [f"an attestation over a seal {attestation.seal} that is not in this chain"]
        return self._insert(Known(at, certified.counter, sha256(attestation.ak).digest()[:KEY_ID_BYTES]))

    def _insert(self, new: Known) -> list[str]:
        """Compare with the neighbours, and remember."""
        if new in self._known:
            return []
        place = bisect_left(self._known, (new.seal, new.counter), key=lambda one: (one.seal, one.counter))
        before, after = self._known[max(place - 1, 0) : place], self._known[place : place + 1]
        self._known.insert(place, new)
        del self._known[:-REMEMBERED_MAX]
        if any(one.key != new.key for one in (*before, *after)):
            return ["another attestation key than before: other hardware, or a TPM that was made anew"]
        counters = [one.counter for one in (*before, new, *after)]
        if any(first >= second for first, second in pairwise(counters)):
            return [f"the TPM's counter {new.counter} does not grow along the chain"]
        return []

    def find_gaps(self, up_to: int) -> list[tuple[int, str]]:
        """Seals whose counter went on without this chain, each reported once.

        No body up to seal `up_to` is awaited any more.
        """
        found = []
        for before, after in pairwise(self._known):
            unseen = after.counter - before.counter - 1
            if self.complete_up_to < after.seal <= up_to and before.key == after.key and unseen > UNSEEN_MAX:
                text = f"the TPM made {unseen} attestations before {after.counter} that this chain has not"
                found.append((after.seal, f"{text}: the disk was put back, or bodies are lost"))
        self.complete_up_to = max(self.complete_up_to, up_to)
        return found

    def to_plain(self) -> list[Any]:
        """The attestations as CBOR types."""
        return [self.complete_up_to, [[one.seal, one.counter, one.key] for one in self._known]]

    @classmethod
    def from_plain(cls, items: Any) -> "Attestations":
        """The inverse of `to_plain`; raises FormatError."""
        up_to, known = cbor.array(items, "attestations", 2)
        made = cls(cbor.natural(up_to, "complete_up_to", NUMBER_MAX))
        if type(known) is not list or len(known) > REMEMBERED_MAX:
            raise cbor.FormatError(f"known attestations are not an array of at most {REMEMBERED_MAX}")
        for entry in known:
            seal, counter, key = cbor.array(entry, "attestation", 3)
            seal, counter = cbor.natural(seal, "seal", NUMBER_MAX), cbor.natural(counter, "counter")
            made._known.append(Known(seal, counter, cbor.octets(key, "key", KEY_ID_BYTES)))
        return made


@define
class Passing:
    """The attestations of a chain, or of what there is of it, read once, seal by seal, in bounded memory.

    Attributes:
        count: Attestations so far.
    """

    count: int = 0
    _known: Attestations = field(factory=Attestations)
    _hashes: dict[int, bytes] = field(factory=dict)
    _absent: bool = False

    def skip(self) -> None:
        """Seals are missing before the next one, and with them perhaps attestations."""
        self._absent = True

    def judge(self, number: int, digest: bytes, records: tuple[bytes, ...] | None) -> list[str]:
        """What is wrong with the attestations of a verified seal; `records` None if it has no body."""
        problems: list[str] = []
        self._absent |= records is None
        for raw in records or ():
            if kind_of(raw) == Kind.ATTESTATION and isinstance(record := _decode(raw), Record):
                problems += self._known.judge(number, record.body, self._hashes.get)
                self.count += 1
                gaps = [text for _, text in self._known.find_gaps(number)]
                problems += [] if self._absent else gaps
                self._absent = False
        self._hashes[number] = digest
        self._hashes.pop(number - HASHES_MAX, None)
        return problems


def _decode(raw: bytes) -> Record | ReadingRecord | None:
    try:
        return decode_record(raw)
    except cbor.FormatError:
        return None
