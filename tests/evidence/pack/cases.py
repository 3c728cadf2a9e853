"""Packs of every kind, good ones and others, made by hand."""

from hashlib import sha256

from attrs import evolve

from evidence import keys
from evidence.pack import container
from evidence.pack.content import (
    KEY_CHANGES,
    Content,
    PackedSeal,
    Question,
    encode_content,
    encode_evidence,
    index_of,
    sign_issue,
)
from evidence.record import Kind, encode_record
from evidence.seal import StoredSeal
from evidence.statement import Rekey, Replace, Revoke, sign_statement
from provisioning.evidence.check import NAMES
from provisioning.evidence.page import PAGE_VERSION
from tests.evidence.chains import GATEWAY, Chain, secret, stamp
from tests.evidence.pack.packs import (
    CENTRE,
    CENTRE_KEY,
    CERTIFIED,
    ENDED,
    FIRST_KEY,
    FORKS,
    NOON_MS,
    RECOVERY,
    SEALS,
    STRANGER,
    at_ms,
    broken,
    chain,
    content,
    enrolment,
    receipt,
    rekeyed,
    run,
)

PAGE = b"<!doctype html><title>drawn by another version</title>\n"
UNKNOWN_PAGE = PAGE_VERSION + 1


def pack(one: Content | bytes, issuer: bytes | None = None) -> bytes:
    """The file of a content, be it good or not."""
    if isinstance(one, Content):
        one = encode_content(evolve(one, page=UNKNOWN_PAGE, by_centre=issuer is not None))
    evidence = encode_evidence(one, None if issuer is None else sign_issue(one, PAGE, issuer))
    return zipped(evidence, PAGE, index_of(evidence, PAGE))


def zipped(*entries: bytes) -> bytes:
    return container.write(dict(zip(NAMES, entries, strict=True)))


def changed(kind: type[Rekey | Replace] | None, first: int, at: int = 5) -> tuple[PackedSeal, ...]:
    """Seals `first` to 9; those from the fifth on have keys of a statement, which stands before seal `at`."""
    packed, raw = rekeyed(kind or Rekey)
    packed[at - 1] = evolve(packed[at - 1], statements=(raw if kind else KEY_CHANGES,))
    return tuple(packed[first - 1 :])


def vouched(seals: tuple[PackedSeal, ...], number: int, first: int = 1) -> bytes:
    """A receipt for seal `number` of a run from seal `first` on."""
    cose = seals[number - first].cose
    return receipt(StoredSeal(number, sha256(cose).digest(), cose, b"", 1, 1))


def revoked(number: int, utc_ms: int = NOON_MS) -> bytes:
    return sign_statement(Revoke(GATEWAY, number, SEALS[number - 1].hash, utc_ms, "stolen"), CENTRE)


def lossy() -> list[StoredSeal]:
    made = Chain()
    lost = encode_record(Kind.DROP, stamp(5), {"first": 2, "last": 2, "why": "no room"})
    return [*chain(3, made), made.seal([lost, b"\xff"]), *chain(2, made)]


def renewed(by: bytes) -> Content:
    """A run from seal 7 behind a replacement that stands alone, with a re-key before its seal 8 by `by`."""
    made = Chain()
    seals = chain(7, made)
    made.signer_owner = "anew"
    key = keys.public(secret(8, "anew"))
    rekey = Rekey(GATEWAY, 8, made.previous, made.next_record, key, NOON_MS, "lost")
    packed = list(run([seals[6], *chain(2, made)]))
    packed[1] = evolve(packed[1], statements=(sign_statement(rekey, by),))
    return content(
        tuple(packed), first=7, last=9, statements=(*ENROLLED, REPLACED), receipts=(receipt(seals[6]),)
    )


def early() -> Content:
    """Seal 2 says that it is younger than a receipt that is of an hour later."""
    made = Chain()
    one = made.seal()
    late = receipt(one, centre_utc_ms=at_ms(400))
    seals = [one, made.seal(reference=sha256(late).digest()), made.seal()]
    return content(run(seals), last=3, statements=ENROLLED, receipts=(late,))


ENROLLED = (enrolment(),)
WINDOW = {"first": 3, "last": 9}
REPLACED = changed(Replace, 1)[4].statements[0]

CASES: dict[str, Content] = {
    "under the enrolment": content(run(SEALS), last=9, statements=ENROLLED),
    "under a first key": content(run(SEALS), last=9, first_key=FIRST_KEY),
    "a receipt for the first": content(run(SEALS[2:8]), first=3, last=8, receipts=(receipt(SEALS[2]),)),
    "a receipt for the last": content(run(SEALS[2:8]), first=3, last=8, receipts=(receipt(SEALS[7]),)),
    "a receipt with a certified key": content(
        run(SEALS[2:8]), first=3, last=8, receipts=(receipt(SEALS[7], CERTIFIED),)
    ),
    "from seal 1 under a receipt alone": content(run(SEALS), last=9, receipts=(receipt(SEALS[7]),)),
    "two runs": content(
        run(SEALS[:2]),
        run(SEALS[3:9], bare=[4]),
        first=5,
        last=8,
        receipts=(receipt(SEALS[1]), receipt(SEALS[3])),
    ),
    "lost, withheld, malformed": content(run(lossy(), bare=[2, 5]), last=6, statements=ENROLLED),
    "not asked for": content(run(SEALS, bare=[1, 2]), first=3, last=9, statements=ENROLLED),
    "ahead of its receipt": content(
        run(SEALS),
        last=9,
        statements=ENROLLED,
        receipts=(receipt(SEALS[4], centre_utc_ms=at_ms(5) - 60_000),),
    ),
    "a hole": content(run(SEALS[:4] + SEALS[5:]), last=9, statements=ENROLLED),
    "seals that run back": content(run(SEALS[:4] + SEALS[5:4:-1] + SEALS[6:]), last=9, statements=ENROLLED),
    "another body": content(broken(4, body=SEALS[5].body), last=9, statements=ENROLLED),
    "another signature": content(broken(4, cose=SEALS[4].cose[:-1] + b"\x00"), last=9, statements=ENROLLED),
    "a seal of a fork": content(broken(4, cose=FORKS[4].cose), last=9, statements=ENROLLED),
    "a seal of another gateway": content(
        broken(4, cose=Chain(owner="gw-8").seal().cose), last=9, statements=ENROLLED
    ),
    "a window beyond": content(run(SEALS), first=3, last=11, statements=ENROLLED),
    "nothing vouches": content(run(SEALS[:4]), run(SEALS[5:]), last=4, statements=ENROLLED),
    "runs that touch": content(
        run(SEALS[:4]), run(SEALS[4:]), last=4, statements=ENROLLED, receipts=(receipt(SEALS[8]),)
    ),
    "runs that descend": content(
        run(SEALS[5:]), run(SEALS[:4]), last=4, statements=ENROLLED, receipts=(receipt(SEALS[8]),)
    ),
    "another time": content(run(SEALS), last=9, statements=ENROLLED, question=Question(0, 1, 1, 9)),
    "the last but one in time": content(
        run(SEALS), statements=ENROLLED, question=Question(at_ms(1), at_ms(8), 1, 9)
    ),
    "the last two out of time": content(
        run(SEALS), statements=ENROLLED, question=Question(at_ms(1), at_ms(7), 1, 9)
    ),
    "one seal, out of time": content(
        run(SEALS), statements=ENROLLED, question=Question(at_ms(1), at_ms(3), 4, 4)
    ),
    "a stranger's receipt": content(
        run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(SEALS[1], STRANGER),)
    ),
    "a receipt whose key had ended": content(
        run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(SEALS[1], ENDED),)
    ),
    "a receipt of a fork": content(run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(FORKS[1]),)),
    "a receipt of another gateway": content(
        run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(SEALS[1], gateway="gw-8"),)
    ),
    "a receipt twice": content(run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(SEALS[3]),) * 2),
    "receipts that descend": content(
        run(SEALS), last=9, statements=ENROLLED, receipts=(receipt(SEALS[3]), receipt(SEALS[2]))
    ),
    "a receipt for none of them": content(
        run(SEALS[:4]), last=4, statements=ENROLLED, receipts=(receipt(SEALS[6]),)
    ),
    "another gateway": content(run(SEALS), last=9, statements=ENROLLED, gateway="gw-8"),
    "another centre": content(run(SEALS), last=9, statements=ENROLLED, centre_key=FIRST_KEY),
    "a first key beside the enrolment": content(run(SEALS), last=9, statements=ENROLLED, first_key=FIRST_KEY),
    "a stranger's enrolment": content(run(SEALS), last=9, statements=(enrolment(STRANGER),)),
    "an enrolment of another": content(run(SEALS), last=9, statements=(enrolment(gateway="gw-8"),)),
    "an enrolment of another key": content(run(SEALS), last=9, statements=(enrolment(first_key=CENTRE_KEY),)),
    "two enrolments": content(run(SEALS), last=9, statements=ENROLLED * 2),
    "no statement": content(run(SEALS), last=9, statements=(b"\x80",)),
    "a re-key among the statements": content(
        changed(Rekey, 1), last=9, statements=(*ENROLLED, changed(Rekey, 1)[4].statements[0])
    ),
    "an enrolment behind": content(run(SEALS[:4]), last=4, statements=(REPLACED, *ENROLLED)),
    "statements that descend": content(run(SEALS[:2]), last=2, statements=(*ENROLLED, REPLACED, revoked(3))),
    "revoked behind": content(run(SEALS[:4]), last=4, statements=(*ENROLLED, revoked(4))),
    "revoked": content(run(SEALS), last=9, statements=(*ENROLLED, revoked(4))),
    "revoked and lifted": content(
        changed(Replace, 1), last=9, statements=(*ENROLLED, revoked(4, NOON_MS - 1))
    ),
    "revoked and lifted before": content(changed(Replace, 1), last=9, statements=(*ENROLLED, revoked(4))),
    "a statement before the first of a run": content(
        changed(Rekey, 5), first=5, last=9, statements=ENROLLED, receipts=(vouched(changed(Rekey, 5), 5, 5),)
    ),
    "a revocation within a run": content(broken(4, statements=(revoked(4),)), last=9, statements=ENROLLED),
    "an enrolment within a run": content(broken(4, statements=ENROLLED), last=9, statements=ENROLLED),
    "an unknown key before seal 1": content(
        broken(0, statements=(KEY_CHANGES,)), last=9, first_key=FIRST_KEY, receipts=(receipt(SEALS[6]),)
    ),
    "an unknown key": content(changed(None, 3), **WINDOW, receipts=(vouched(changed(None, 3), 7, 3),)),
    "an unknown key that its receipt is before": content(
        changed(None, 3), **WINDOW, receipts=(vouched(changed(None, 3), 4, 3),)
    ),
    "an unknown key beside an enrolment": content(
        changed(None, 3), **WINDOW, statements=ENROLLED, receipts=(vouched(changed(None, 3), 7, 3),)
    ),
    "an unknown key and another": content(
        broken(4, statements=(KEY_CHANGES, KEY_CHANGES)), last=9, receipts=(receipt(SEALS[6]),)
    ),
}
CASES["a re-key by the recovery key of a replacement before"] = renewed(secret(2, "recovery"))
CASES["a re-key by the recovery key before that"] = renewed(RECOVERY)
CASES["before what it refers to"] = early()
for kind in (Rekey, Replace):
    for first in (1, 3):
        for at in (4, 5, 6):
            seals = changed(kind, first, at)
            receipts = () if first == 1 else (vouched(seals, 3, 3),)
            CASES[f"{kind.__name__} before seal {at} of a run from {first}"] = content(
                seals, first=first, last=9, statements=ENROLLED, receipts=receipts
            )


GOOD = {
    "under the enrolment",
    "a receipt for the first",
    "a receipt for the last",
    "a receipt with a certified key",
    "from seal 1 under a receipt alone",
    "two runs",
    "lost, withheld, malformed",
    "not asked for",
    "ahead of its receipt",
    "before what it refers to",
    "the last but one in time",
    "revoked behind",
    "revoked and lifted",
    "an unknown key",
    "a re-key by the recovery key of a replacement before",
    *(f"{kind} before seal 5 of a run from {first}" for kind in ("Rekey", "Replace") for first in (1, 3)),
}
GOOD_BY = {
    "no first key": (None, GOOD),
    "its first key": (FIRST_KEY, GOOD | {"under a first key"}),
    "another": (
        CENTRE_KEY,
        {
            "a receipt for the first",
            "a receipt for the last",
            "a receipt with a certified key",
            "an unknown key",
        },
    ),
}
