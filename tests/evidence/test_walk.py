"""The walk yields records only of seals that an anchor reaches: a table of cases, and a property."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import keys
from evidence.anchors import Anchors
from evidence.receipt import Receipt, sign_receipt
from evidence.record import Kind, encode_record
from evidence.seal import NO_HASH, StoredSeal, seal_hash
from evidence.statement import NO_KEY, Rekey, Replace, sign_statement
from evidence.walk import PIECE_SEALS, Walk, survey
from tests.evidence.chains import GATEWAY, Chain, heartbeat, secret, stamp

CENTRE = bytes(range(32))
CENTRE_KEY = keys.public(CENTRE)
RECOVERY = secret(1, "recovery")
FIRST_KEY = keys.public(secret(1))
LENGTH = 20


@define
class Stored:
    """Seals in a store; counts what was read of it at once."""

    seals: list[StoredSeal]
    reads: int = 0

    def rows(self, first: int, last: int, *, bodies: bool = True) -> Iterator[StoredSeal]:
        for seal in self.seals:
            if first <= seal.number <= last:
                self.reads += 1
                yield seal if bodies else evolve(seal, body=None)


def chain_of(length: int = LENGTH) -> list[StoredSeal]:
    chain = Chain()
    return [chain.seal() for _ in range(length)]


def receipt(seal: StoredSeal, *, digest: bytes = b"", by: bytes = CENTRE, gateway: str = GATEWAY) -> bytes:
    return sign_receipt(Receipt(gateway, seal.number, digest or seal.hash, seal.number, (), 0), by)


def anchors(*receipts: bytes, first_key: bytes | None = FIRST_KEY, **more: object) -> Anchors:
    known = Anchors(GATEWAY, first_key, NO_KEY, CENTRE_KEY, receipts)
    return evolve(known, **more)


def walked(seals: Sequence[StoredSeal], known: Anchors, first: int = 1) -> Walk:
    last = max((seal.number for seal in seals), default=0)
    return survey(Stored(list(seals)), known, first, last)


def numbers(walk: Walk, **asked: int) -> list[int]:
    return [seal.header.number for seal in walk.seals(**asked)]


def span(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


def without(seals: Sequence[StoredSeal], *gone: int) -> list[StoredSeal]:
    return [seal for seal in seals if seal.number not in gone]


def forged(seals: Sequence[StoredSeal], first: int, last: int = LENGTH) -> list[StoredSeal]:
    """Seals `first` to `last` as an owner would make them: linked to what is there, under keys of his own."""
    before = seals[first - 2] if first > 1 else None
    mine = Chain(
        number=first,
        next_record=1 if before is None else before.first_record + before.count,
        previous=NO_HASH if before is None else before.hash,
        signer_owner="the owner",
    )
    return [mine.seal([event(number)]) for number in range(first, last + 1)]


def event(number: int) -> bytes:
    return encode_record(Kind.EVENT, stamp(number), {"forged": number})


def moved(seal: StoredSeal, number: int) -> StoredSeal:
    return evolve(seal, number=number)


def rekeyed(
    length: int, at: int, how: Callable[[StoredSeal, bytes], bytes]
) -> tuple[list[StoredSeal], bytes]:
    """A chain that goes on under another key from seal `at` on, and the statement of it."""
    chain = Chain()
    seals = [chain.seal() for _ in range(at - 1)]
    statement = how(seals[-1], keys.public(secret(at, "new")))
    chain.signer_owner = "new"
    return [*seals, *(chain.seal() for _ in range(at, length + 1))], statement


def rekey(before: StoredSeal, key: bytes, by: bytes = RECOVERY, at_ms: int = 2) -> bytes:
    count = before.first_record + before.count
    return sign_statement(Rekey(GATEWAY, before.number + 1, before.hash, count, key, at_ms, "lost"), by)


def replace(before: StoredSeal, key: bytes, by: bytes = CENTRE) -> bytes:
    count = before.first_record + before.count
    one = Replace(GATEWAY, before.number + 1, before.hash, count, key, NO_KEY, 1, "new hardware")
    return sign_statement(one, by)


HONEST = chain_of()
REKEYED, REKEY = rekeyed(LENGTH, 11, rekey)
REPLACED, REPLACE = rekeyed(LENGTH, 11, replace)
KNOWN = keys.public(RECOVERY)
NOTHING: list[tuple[int, int, bool]] = []


@frozen
class Case:
    """What is stored, what is believed, and what comes of it."""

    seals: Sequence[StoredSeal]
    known: Anchors
    accepted: list[int]
    refused: list[tuple[int, int, bool]] = NOTHING
    says: str = ""


CASES = {
    "fresh, on the first key": Case(HONEST, anchors(), span(1, LENGTH)),
    "empty": Case([], anchors(), []),
    "without any anchor": Case(
        HONEST, anchors(first_key=None), [], [(1, 20, False)], "no receipt of the centre and no first key"
    ),
    "zeros are no first key": Case(HONEST, anchors(first_key=NO_KEY), [], [(1, 20, False)], "no first key"),
    "on another first key": Case(
        HONEST, anchors(first_key=KNOWN), [], [(1, 20, False)], "seal 1: does not follow the seal before it"
    ),
    "on a receipt alone": Case(HONEST, anchors(receipt(HONEST[14]), first_key=None), span(1, LENGTH)),
    "pruned, on a receipt": Case(HONEST[7:], anchors(receipt(HONEST[14])), span(8, LENGTH)),
    "pruned, on a receipt of its first seal": Case(HONEST[7:], anchors(receipt(HONEST[7])), span(8, LENGTH)),
    "pruned, on a receipt of its last seal": Case(HONEST[7:], anchors(receipt(HONEST[19])), span(8, LENGTH)),
    "pruned, on the own tip": Case(HONEST[7:], anchors(tip=(20, HONEST[19].hash)), span(8, LENGTH)),
    "begins above 1, nothing vouches": Case(
        HONEST[7:], anchors(), [], [(8, 20, False)], "seals 8 to 20 lie behind missing seals (from 1 on)"
    ),
    "begins above 1, not even a key": Case(
        HONEST[7:], anchors(first_key=None), [], [(8, 20, False)], "connect until"
    ),
    "a receipt of another centre": Case(
        HONEST[7:], anchors(receipt(HONEST[9], by=RECOVERY)), [], [(8, 20, False)]
    ),
    "a receipt of another gateway": Case(
        HONEST[7:], anchors(receipt(HONEST[9], gateway="g")), [], [(8, 20, False)]
    ),
    "a receipt, the centre's key not known": Case(
        HONEST[7:], anchors(receipt(HONEST[9]), centre_key=None), [], [(8, 20, False)]
    ),
    "a hole, a receipt behind it": Case(
        without(HONEST, 9, 10), anchors(receipt(HONEST[14])), [*span(1, 8), *span(11, LENGTH)]
    ),
    "a hole, no receipt behind it": Case(
        without(HONEST, 9, 10), anchors(receipt(HONEST[4])), span(1, 8), [(11, 20, False)], "(from 9 on)"
    ),
    "pruned with a hole, a receipt on both sides": Case(
        without(HONEST[5:], 9), anchors(receipt(HONEST[6]), receipt(HONEST[14])), [6, 7, 8, *span(10, LENGTH)]
    ),
    "pruned with a hole, a receipt behind it alone": Case(
        without(HONEST[5:], 9), anchors(receipt(HONEST[14])), span(10, LENGTH), [(6, 9, True)]
    ),
    "two holes, nothing between them vouches": Case(
        without(HONEST, 5, 12),
        anchors(receipt(HONEST[14])),
        [*span(1, 4), *span(13, LENGTH)],
        [(6, 12, True)],
    ),
    "re-keyed": Case(REKEYED, anchors(recovery_key=KNOWN, statements=(REKEY,)), span(1, LENGTH)),
    "re-keyed, the rows before are lost": Case(
        REKEYED[10:], anchors(recovery_key=KNOWN, statements=(REKEY,), first_key=None), span(11, LENGTH)
    ),
    "re-keyed, the recovery key is not known": Case(
        REKEYED, anchors(statements=(REKEY,)), span(1, 10), [(11, 20, False)], "seal 11: does not follow"
    ),
    "re-keyed, not known, and receipted since": Case(
        REKEYED, anchors(receipt(REKEYED[14]), statements=(REKEY,)), span(1, LENGTH)
    ),
    "re-keyed by a stranger": Case(
        REKEYED,
        anchors(recovery_key=KNOWN, statements=(rekey(REKEYED[9], keys.public(secret(11, "new")), CENTRE),)),
        span(1, 10),
        [(11, 20, False)],
    ),
    "re-keyed twice for one seal": Case(
        REKEYED,
        anchors(recovery_key=KNOWN, statements=(rekey(REKEYED[9], KNOWN, at_ms=1), REKEY)),
        span(1, LENGTH),
    ),
    "re-keyed twice for one seal, the rows before are lost": Case(
        REKEYED[10:],
        anchors(recovery_key=KNOWN, statements=(rekey(REKEYED[9], KNOWN, at_ms=1), REKEY)),
        span(11, LENGTH),
    ),
    "a statement that never came into force": Case(
        HONEST, anchors(recovery_key=KNOWN, statements=(rekey(HONEST[9], KNOWN),)), span(1, LENGTH)
    ),
    "an owner's re-key between two holes, receipts around it": Case(
        [*HONEST[:8], *REKEYED[10:13], *HONEST[14:]],
        anchors(receipt(HONEST[7]), receipt(HONEST[18]), recovery_key=KNOWN, statements=(REKEY,)),
        [*span(1, 8), *span(15, LENGTH)],
        [(11, 14, True)],
    ),
    "an owner's re-key with nothing before it, although the centre has signed": Case(
        REKEYED[10:],
        anchors(receipt(HONEST[9]), recovery_key=KNOWN, statements=(REKEY,), first_key=None),
        [],
        [(11, 20, False)],
    ),
    "replaced": Case(REPLACED, anchors(statements=(REPLACE,)), span(1, LENGTH)),
    "replaced, on the new hardware": Case(REPLACED[10:], anchors(statements=(REPLACE,)), span(11, LENGTH)),
    "replaced by a stranger": Case(
        REPLACED[10:],
        anchors(statements=(replace(REPLACED[9], keys.public(secret(11, "new")), RECOVERY),)),
        [],
        [(11, 20, False)],
    ),
    "a statement that is none": Case(HONEST, anchors(statements=(b"", b"\x80")), span(1, LENGTH)),
    "bodies dropped": Case([evolve(seal, body=None) for seal in HONEST], anchors(), span(1, LENGTH)),
    "forged behind a missing seal": Case(
        [*HONEST[:9], *forged(HONEST, 11)], anchors(), span(1, 9), [(11, 20, False)], "behind missing seals"
    ),
    "forged from above 1": Case(forged(HONEST, 8), anchors(receipt(HONEST[6])), [], [(8, 20, False)]),
    "forged behind the last receipt": Case(
        [*HONEST[:9], *forged(HONEST, 10)],
        anchors(receipt(HONEST[4])),
        span(1, 9),
        [(10, 20, False)],
        "seal 10: does not follow the seal before it (not signed with the certified key)",
    ),
    "forged under a receipt": Case(
        [*HONEST[:9], *forged(HONEST, 10)],
        anchors(receipt(HONEST[14])),
        span(1, 9),
        [(10, 14, False), (15, 20, False)],
        "seal 10: does not follow",
    ),
    "forged below a receipt": Case(
        [*forged(HONEST, 1, 9), *HONEST[9:]],
        anchors(receipt(HONEST[14])),
        span(10, LENGTH),
        [(1, 9, False)],
        "seals 1 to 9: seal 10, which is proved, does not follow them",
    ),
    "two seals in each other's place": Case(
        [*HONEST[:9], moved(HONEST[10], 10), moved(HONEST[9], 11), *HONEST[11:]],
        anchors(),
        span(1, 9),
        [(10, 20, False)],
        "seal 10: does not follow",
    ),
    "a seal that is none": Case(
        [*HONEST[:9], evolve(HONEST[9], cose=b"\0"), *HONEST[10:]], anchors(), span(1, 9), [(10, 20, False)]
    ),
    "a seal that is none, below a receipt": Case(
        [*HONEST[:9], evolve(HONEST[9], cose=b"\0"), *HONEST[10:]],
        anchors(receipt(HONEST[14])),
        span(11, LENGTH),
        [(1, 10, False)],
    ),
    "of another gateway": Case(
        HONEST, evolve(anchors(), gateway="gw-8"), [], [(1, 20, False)], "seal of gateway gw-7"
    ),
    "the centre holds another seal": Case(
        HONEST,
        anchors(receipt(HONEST[4]), receipt(HONEST[14], digest=HONEST[1].hash)),
        span(1, 14),
        [(15, 20, False)],
        "the centre's receipt is for another seal 15",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_accepted_and_what_is_refused(name: str) -> None:
    case = CASES[name]
    walk = walked(case.seals, case.known)
    assert numbers(walk) == case.accepted
    assert [(one.first, one.last, one.is_gap) for one in walk.refused] == case.refused
    assert (walk.problem is None) == all(one.is_gap for one in walk.refused)
    if case.says:
        assert walk.problem is not None
        assert case.says in walk.problem.en
        assert "\n" not in walk.problem.zh + walk.problem.en


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("first", [3, 9, 10, 11, 20])
def test_a_part_is_accepted_as_in_the_whole(name: str, first: int) -> None:
    case = CASES[name]
    assert numbers(walked(case.seals, case.known, first)) == [one for one in case.accepted if one >= first]


@pytest.mark.parametrize("name", CASES)
def test_pieces_of_any_length_give_the_same(name: str) -> None:
    case = CASES[name]
    whole = walked(case.seals, case.known)
    for length in (1, 3, 7):
        last = max((seal.number for seal in case.seals), default=0)
        walk = Walk(Stored(list(case.seals)), case.known, 1, last, length)
        for _ in walk.steps():
            pass
        assert list(walk.seals()) == list(whole.seals())
        assert list(walk.seals(backwards=True)) == list(whole.seals())[::-1]
        assert walk.refused == whole.refused


def test_a_wrong_body_keeps_its_seal_and_says_why() -> None:
    seals = [*HONEST[:4], evolve(HONEST[4], body=HONEST[5].body), *HONEST[5:]]
    fifth = next(walked(seals, anchors()).seals(5, 5))
    assert (fifth.records, fifth.problem) == (None, "the body is not the one that was sealed")
    dropped = next(walked([evolve(one, body=None) for one in HONEST], anchors()).seals(5, 5))
    assert (dropped.records, dropped.problem) == (None, "")


def test_records_are_told_apart_by_their_kind_and_unreadable_ones_passed_over() -> None:
    made = Chain().seal([heartbeat(1), event(1), b"\x85\x17", b"\x80"])
    (seal,) = walked([made], anchors()).seals()
    assert [one.kind for one in seal.decode()] == [Kind.HEARTBEAT, Kind.EVENT]
    assert [one.body for one in seal.events(Kind.EVENT)] == [{"forged": 1}]


def test_up_to_a_receipt_no_signature_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[int] = []
    original = Anchors.accept
    monkeypatch.setattr(
        Anchors,
        "accept",
        lambda self, state, row: (checked.append(row.number), original(self, state, row))[1],
    )
    assert numbers(walked(HONEST, anchors(receipt(HONEST[14])))) == span(1, LENGTH)
    assert checked == span(16, LENGTH)


def test_a_walk_goes_on_with_what_is_sealed_later() -> None:
    source = Stored(HONEST[:12])
    walk = survey(source, anchors(), 1, 12)
    source.seals = HONEST
    for _ in walk.extend(LENGTH):
        pass
    assert numbers(walk) == span(1, LENGTH)
    assert numbers(walk, first=13) == span(13, LENGTH)
    source.seals = [*HONEST, *forged(HONEST, 21, 22)]
    for _ in walk.extend(22):
        pass
    assert numbers(walk) == span(1, LENGTH)
    assert walk.problem is not None


def test_pieces_of_another_time_are_passed_over() -> None:
    source = Stored(HONEST)
    walk = Walk(source, anchors(), 1, LENGTH, 5)
    assert [*walk.steps()] == [5, 10, 15, 20]
    source.reads = 0
    made = HONEST[6]
    at_ms = stamp(70).utc_ns // 10**6
    assert made.number in [one.header.number for one in walk.seals(made_ms=(at_ms, at_ms))]
    assert source.reads == 5


def test_a_long_chain_is_never_in_memory_as_a_whole() -> None:
    chain = Chain()
    seals = [chain.seal() for _ in range(PIECE_SEALS + 20)]

    class Counting(Stored):
        most = 0

        def rows(self, first: int, last: int, *, bodies: bool = True) -> Iterator[StoredSeal]:
            for count, seal in enumerate(super().rows(first, last, bodies=bodies), 1):
                Counting.most = max(Counting.most, count if bodies else 0)
                yield seal

    walk = survey(Counting(seals), anchors(receipt(seals[-1])), 1, len(seals))
    assert sum(1 for _ in walk.seals()) == len(seals)
    assert Counting.most == PIECE_SEALS


# -- whatever is done to a store, nothing comes out of it that the gateway did not seal

FORGED = {number: forged(HONEST, number) for number in span(1, LENGTH)}
number_of = st.integers(1, LENGTH)


@frozen
class Deed:
    """One thing that is done to the rows of a store."""

    what: str
    at: int
    other: int

    def apply(self, rows: dict[int, StoredSeal]) -> None:
        if self.what in {"remove", "cut"}:
            first = self.at if self.what == "remove" else 1
            for number in range(first, first + (4 if self.what == "remove" else self.at)):
                rows.pop(number, None)
        elif self.what == "forge":
            rows |= {made.number: made for made in FORGED[self.at][: self.other]}
        elif self.at in rows and self.other in rows:
            rows |= self._changed(rows[self.at], rows[self.other])

    def _changed(self, seal: StoredSeal, other: StoredSeal) -> dict[int, StoredSeal]:
        bent = bytearray(seal.cose)
        bent[self.other * 7 % len(bent)] ^= 1 << self.other % 8
        return {
            "swap": {self.at: moved(other, self.at), self.other: moved(seal, self.other)},
            "copy": {self.at: moved(other, self.at)},
            "body": {self.at: evolve(seal, body=other.body)},
            "bend": {self.at: evolve(seal, cose=bytes(bent), hash=seal_hash(bytes(bent)))},
        }[self.what]


deeds = st.lists(
    st.builds(
        Deed,
        st.sampled_from(["remove", "cut", "forge", "swap", "copy", "body", "bend"]),
        number_of,
        number_of,
    ),
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(
    done=deeds,
    later=deeds,
    receipts=st.lists(number_of, max_size=3),
    by_owner=st.lists(number_of, max_size=2),
    key=st.sampled_from([FIRST_KEY, None, NO_KEY]),
    first=number_of,
)
def test_nothing_comes_out_that_was_not_sealed(
    done: list[Deed],
    later: list[Deed],
    receipts: list[int],
    by_owner: list[int],
    key: bytes | None,
    first: int,
) -> None:
    rows = {seal.number: seal for seal in HONEST}
    for deed in done:
        deed.apply(rows)
    signed = [receipt(HONEST[number - 1]) for number in receipts]
    signed += [receipt(rows[number], by=secret(1, "the owner")) for number in by_owner if number in rows]
    before = [seal for number, seal in rows.items() if number < first][-1:]
    stated = tuple(rekey(seal, keys.public(secret(first, "the owner")), secret(0, "me")) for seal in before)
    source = Stored([rows[number] for number in sorted(rows)])
    walk = survey(
        source, anchors(*signed, first_key=key, recovery_key=KNOWN, statements=stated), first, LENGTH
    )
    for deed in later:
        deed.apply(rows)
    source.seals = [rows[number] for number in sorted(rows)]
    for seal in walk.seals():
        number = seal.header.number
        assert seal.records in (None, (heartbeat(number),))
        assert first <= number <= LENGTH


# -- and nobody has a way of his own


OPENERS = {
    "agent/emissions/watching.py": "the own chain's, to ask about analysers; a question accuses nobody",
    "agent/platforms/feed.py": "the own chain to platforms by HJ 212, which proves nothing to them",
    "agent/sealing/sealer.py": "compares the spool with the last seals, takes no record from them",
    "agent/store/salvage.py": "copies only rows whose body is the one that was sealed",
    "agent/uplink/courier.py": "sends only bodies that are the ones that were sealed",
    "centre/archive/month_file.py": "looks into no record; a file has only bodies that are what was sealed",
    "centre/batch/bodies.py": "a body that came later than its seal, which the centre has accepted",
    "centre/clues/candidates.py": "the centre's own store, which holds only what it has accepted",
    "centre/orders/board.py": "the centre's own store, which holds only what it has accepted",
    "centre/files/sealed.py": "the centre's own store, which holds only what it has accepted",
    "centre/fleet/watcher.py": "the centre's own store, which holds only what it has accepted",
    "centre/feed.py": "the centre's own store, which holds only what it has accepted",
    "centre/store/journal_table.py": "the same, to see whether a body has a manifest in it",
    "centre/memory.py": "the centre's own store, which holds only what it has accepted",
    "provisioning/care/sites.py": "the centre's own store, which holds only what it has accepted",
    "evidence/pack/middle.py": "the first seal of a file, which the centre's receipt names",
    "evidence/pack/proof.py": "the check of a pack, which has rules of its own",
    "evidence/seal.py": "where it is",
    "evidence/verify.py": "the check of one seal",
    "evidence/walk.py": "the walk",
    "provisioning/centre/clues/chains.py": "the centre's own store, which holds only what it has accepted",
    "provisioning/hj212/sealed.py": "shows packets, and says each time that it proves nothing",
}
"""Who may open the body of a stored seal; the first two look at no record."""


def test_bodies_of_stored_seals_are_opened_by_the_walk_alone() -> None:
    root = Path(__file__).parents[2]
    packages = ("agent", "centre", "evidence", "provisioning", "wire")
    files = [file for package in packages for file in (root / package).rglob("*.py")]
    using = {file.relative_to(root).as_posix() for file in files if "open_body(" in file.read_text("utf-8")}
    assert using == set(OPENERS)
