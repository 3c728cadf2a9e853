"""Contents of evidence packs, made by hand so that each of them can be made wrong."""

from collections.abc import Iterable
from hashlib import sha256

from attrs import evolve

from evidence import keys
from evidence.delegated import Signer
from evidence.orders.certificate import Certificate, Role, sign_root_statement
from evidence.pack.content import Content, PackedSeal, Question, encode_content
from evidence.pack.proof import prove
from evidence.pack.proved import Evidence
from evidence.receipt import Receipt, sign_receipt
from evidence.seal import StoredSeal
from evidence.statement import Enrolment, Rekey, Replace, Statement, sign_statement
from provisioning.evidence.page import PAGE_VERSION
from tests.evidence.chains import GATEWAY, NOON_NS, SEAL_S, Chain, heartbeat, secret

CENTRE = secret(1, "centre")
CENTRE_KEY = keys.public(CENTRE)
RECOVERY = secret(1, "recovery")
FIRST_KEY = keys.public(secret(1))
NOON_MS = NOON_NS // 10**6
VERIFIER = secret(7, "verifier")
CERTIFICATE = Certificate(
    Role.RECEIPT, "verifier 1", keys.public(VERIFIER), (), "", NOON_MS, NOON_MS + 10**9, NOON_MS
)
CERTIFIED = Signer(VERIFIER, CENTRE_KEY, sign_root_statement(CERTIFICATE, CENTRE))
ENDED = Signer(VERIFIER, CENTRE_KEY, sign_root_statement(evolve(CERTIFICATE, until_utc_ms=NOON_MS), CENTRE))


def at_ms(number: int) -> int:
    """When seal `number` was made."""
    return NOON_MS + number * SEAL_S * 1000


def chain(count: int, made: Chain | None = None) -> list[StoredSeal]:
    """`count` seals of three records."""
    made = made or Chain()
    return [made.seal([heartbeat(made.number)] * 3) for _ in range(count)]


def run(seals: Iterable[StoredSeal], *, bare: Iterable[int] = ()) -> tuple[PackedSeal, ...]:
    """A run; those of `bare` without their bodies."""
    without = set(bare)
    return tuple(PackedSeal(seal.cose, None if seal.number in without else seal.body) for seal in seals)


def receipt(seal: StoredSeal, signer: Signer | bytes = CENTRE, **changes: object) -> bytes:
    """The centre's receipt for a seal."""
    one = Receipt(GATEWAY, seal.number, seal.hash, seal.number, (), at_ms(seal.number) + 500)
    return sign_receipt(evolve(one, **changes), signer)


def enrolment(signer: bytes = CENTRE, **changes: object) -> bytes:
    """What the centre says of the gateway."""
    one: Statement = Enrolment(GATEWAY, "Works", FIRST_KEY, keys.public(RECOVERY), (), NOON_MS)
    return sign_statement(evolve(one, **changes), signer)


def content(*runs: tuple[PackedSeal, ...], first: int = 1, last: int = 1, **more: object) -> Content:
    """A content whose window is `first` to `last`."""
    plain = Content(
        gateway=GATEWAY,
        centre_key=CENTRE_KEY,
        first_key=None,
        by_centre=False,
        made_utc_ms=NOON_MS,
        page=PAGE_VERSION,
        question=Question(at_ms(first), at_ms(last), first, last),
        statements=(),
        receipts=(),
        runs=runs,
    )
    return evolve(plain, **more)


STRANGER = secret(1, "a stranger")
SEALS = chain(9)
_FORKED = Chain()
FORKS = [_FORKED.seal([heartbeat(100 + number)]) for number in range(9)]


def broken(at: int, **change: object) -> tuple[PackedSeal, ...]:
    """The run of all SEALS, of which one is changed."""
    whole = list(run(SEALS))
    whole[at] = evolve(whole[at], **change)
    return tuple(whole)


def rekeyed(kind: type[Rekey | Replace]) -> tuple[list[PackedSeal], bytes]:
    """Nine seals, of which those from the fifth on are signed under keys that a statement brought."""
    made = Chain()
    seals = chain(4, made)
    made.signer_owner = "new"
    fields = {"next_key": keys.public(secret(5, "new")), "first_record": made.next_record, "reason": "lost"}
    if kind is Rekey:
        one: Rekey | Replace = Rekey(GATEWAY, 5, made.previous, utc_ms=NOON_MS, **fields)
    else:
        other = keys.public(secret(2, "recovery"))
        one = Replace(GATEWAY, 5, made.previous, recovery_key=other, utc_ms=NOON_MS, **fields)
    raw = sign_statement(one, RECOVERY if kind is Rekey else CENTRE)
    seals += chain(5, made)
    return list(run(seals)), raw


def proved(one: Content, first_key: bytes | None = None) -> Evidence:
    """The evidence of a content, or PackError."""
    return prove(one, sha256(encode_content(one)).digest(), CENTRE_KEY, first_key)
