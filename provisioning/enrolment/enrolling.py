"""Enrol this gateway at its centre: what `dianjian enrol` and the guided setup call.

    enrol(site, offer, transport, report) -> Enrolled

makes the chain's keys and the TLS key on the device, binds both into one signing request, sends it, waits
for an officer where one must approve, checks the answer against the offer's fingerprint, and puts the
files in place. Every step first stores its result on the disk: after a kill anywhere, the next call
with the same offer goes on with the same keys and bytes. A call after the end returns the same result.

A `Transport` only carries bytes (`file`, `mqtt`, `est`); nothing it returns is used before `check_answer`
has compared it with the gateway's key and name and the authority of the offer.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Final, Protocol

from attrs import frozen

from agent.sealing.key_slots import KeySlots
from agent.sealing.opening import open_chain
from agent.sealing.recovery import Start
from agent.site.enrolment import make_recovery_key, meters_of, note_first_key, read_enrolment
from agent.site.file import Site
from agent.store.names import KEYS_NAME
from disk.files import replace_file
from disk.lock import SecondInstanceError
from evidence.cbor import FormatError
from evidence.keys import public
from evidence.moments import iso_utc
from evidence.seal import FIRST_NUMBER
from evidence.statement import NO_KEY
from evidence.words import Words
from provisioning.enrolment.identity import (
    AUTHORITY_NAME,
    BROKER_NAME,
    CERTIFICATE_NAME,
    CURRENT_NAME,
    EST_NAME,
    ID_BYTES,
    KEY_NAME,
    REQUEST_NAME,
    TLS_NAME,
    USED_NAME,
    Identity,
)
from provisioning.enrolment.trouble import refusal_of, short_fingerprint, trouble
from provisioning.journal.entries import Enrolled
from wire.enrolment.answer import Answer, Issued, Refused
from wire.enrolment.offer import Offer
from wire.enrolment.request import EnrolRequest, ask_enrolment, parse_attribute
from wire.enrolment.token import short_code

NS_PER_MS: Final = 1_000_000
RETRY_S: Final = 5.0
"""The poll interval while an officer compares twelve characters."""
PATIENCE_S: Final = 600.0
"""How long one call waits for an officer; the next call goes on."""

Report = Callable[[str, Words], None]
"""Takes a code for scripts (code, pending, issued, installed) and the sentence for a person."""


class Transport(Protocol):
    """A way to the centre.

    Attributes:
        name: est, mqtt or file.
        waits: Whether a retry soon makes sense; a stick has to be carried first.
        place: The destination, for display.
    """

    name: ClassVar[str]
    waits: ClassVar[bool]

    @property
    def place(self) -> str:
        """See the class."""

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Carry a signing request to the centre and return its answer; `authority` is its fingerprint.

        Raises:
            EnrolTroubleError: No centre answers, or the wrong one does.
        """
        ...


@frozen
class CertificatePair:
    """A checked certificate and its authority, as DER."""

    certificate: bytes
    authority: bytes


def prepare(site: Site, recovery: Path | None) -> None:
    """Make the chain's keys and, with `recovery`, the recovery key; a repetition changes nothing.

    Raises:
        ConfigError, EnrolmentError, StoreError, KeySlotsError: As `dianjian-agent init`.
    """
    try:
        folder, store, _, found = open_chain(site)
        store.close()
        if found.start is Start.NEW:
            note_first_key(folder, site.site.gateway, found.next_key)
    except SecondInstanceError:
        pass  # the agent runs, so its keys exist already
    if recovery is not None:
        make_recovery_key(site, recovery)


def enrol(
    site: Site,
    offer: Offer,
    transport: Transport,
    report: Report,
    *,
    patience_s: float = PATIENCE_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Enrolled:
    """See the module. Call `prepare` first to make a recovery key, else the gateway has none.

    Raises:
        EnrolTroubleError: The enrolment failed; with the code "pending" or "carry" it goes on later.
        ConfigError, EnrolmentError, StoreError, KeySlotsError, OSError: The gateway's own files are wrong.
    """
    if offer.gateway != site.site.gateway:
        raise trouble("offer-gateway", offered=offer.gateway, own=site.site.gateway)
    prepare(site, None)
    identity = Identity.of(site)
    if not _is_done(identity, offer):
        csr = _make_request(site, offer, identity)
        code = short_code(csr)
        report("code", Words(f"核对码 {code}", f"the code to compare is {code}"))
        certificate = await_answer(csr, offer.authority, offer.gateway, transport, report, patience_s, sleep)
        put_in_place(identity, certificate)
        report("installed", Words("证书已就位", "the certificate is in place"))
    done = _describe(site, offer, transport.name, identity)
    replace_file(identity.folder / BROKER_NAME, broker_lines(done).encode(), 0o600)
    replace_file(identity.folder / EST_NAME, offer.est.encode(), 0o600)
    replace_file(identity.folder / USED_NAME, offer.token.id.encode(), 0o600)
    return done


def await_answer(
    csr: bytes,
    authority: bytes,
    gateway: str,
    transport: Transport,
    report: Report,
    patience_s: float,
    sleep: Callable[[float], None],
) -> CertificatePair:
    """Ask until the centre has decided; the certificate it issued, checked."""
    deadline_s = time.monotonic() + patience_s
    reported = False
    while True:
        answer = transport.exchange(csr, authority)
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        if isinstance(answer, Issued):
            report("issued", Words("中心已签发证书", "the centre has issued the certificate"))
            return check_answer(answer.certificates, csr, authority, gateway, utc_ms())
        code = answer.code or short_code(csr)
        pending = trouble("pending" if transport.waits else "carry", code=code, where=transport.place)
        if not transport.waits or time.monotonic() + RETRY_S > deadline_s:
            raise pending
        if not reported:
            report("pending", pending.sentence)
            reported = True
        sleep(RETRY_S)


def check_answer(raw: bytes, csr: bytes, authority: bytes, gateway: str, now_utc_ms: int) -> CertificatePair:
    """The certificates of an answer, if they are this gateway's and the right authority's.

    Raises:
        EnrolTroubleError: They are not.
    """
    from wire.enrolment import certificates  # noqa: PLC0415 -- 43 ms that only an enrolment needs

    try:
        found = certificates.open_certs_only(raw)
        own_spki = certificates.parse_csr(csr).spki
    except certificates.CertificateError as error:
        raise trouble("answer-garbage", why=str(error)) from error
    wanted = short_fingerprint(authority)
    root = next((one for one in found if one.sha256 == authority and one.is_authority), None)
    leaf = next((one for one in found if one.sha256 != authority), None)
    if root is None or leaf is None or not certificates.is_issued_by(leaf.der, root.der):
        raise trouble("answer-authority", wanted=wanted)
    if leaf.spki != own_spki:
        raise trouble("answer-key")
    if leaf.name != gateway or not leaf.is_for_clients:
        raise trouble("answer-name", found=leaf.name[:40], wanted=gateway)
    now = iso_utc(now_utc_ms)
    if leaf.ends_utc_ms <= now_utc_ms:
        raise trouble("answer-expired", end=iso_utc(leaf.ends_utc_ms), now=now)
    if leaf.begins_utc_ms > now_utc_ms:
        raise trouble("answer-early", begin=iso_utc(leaf.begins_utc_ms), now=now)
    return CertificatePair(leaf.der, root.der)


def put_in_place(identity: Identity, found: CertificatePair) -> None:
    """Use the certificate from now on."""
    from wire.enrolment import certificates  # noqa: PLC0415

    name = sha256(found.certificate).hexdigest()[: 2 * ID_BYTES]
    identity.install(name, certificates.pem(found.certificate), certificates.pem(found.authority))


def broker_lines(done: Enrolled) -> str:
    """[broker] for the site file."""
    keys = {
        "url": done.broker_url,
        "ca": done.ca,
        "certificate": done.certificate,
        "key": done.key,
        "centre_key": done.centre_key,
    }
    return "[broker]\n" + "".join(f'{name} = "{value}"\n' for name, value in keys.items())


def utc_ms() -> int:
    """The time of this machine."""
    return time.time_ns() // NS_PER_MS


def _is_done(identity: Identity, offer: Offer) -> bool:
    """Whether the certificate in use was requested with this token."""
    if not identity.has_current():
        return False
    identity.tidy()
    known = _token_of(identity.current / REQUEST_NAME) or identity.read_token_id()
    return known == offer.token.id  # renewals since then do not use a token


def _token_of(file: Path) -> str:
    from wire.enrolment import certificates  # noqa: PLC0415

    try:
        return parse_attribute(certificates.parse_csr(file.read_bytes()).attribute).request.token
    except (OSError, ValueError):
        return ""


def _make_request(site: Site, offer: Offer, identity: Identity) -> bytes:
    """The signing request under this token: the existing one, else a new one."""
    from wire.enrolment import certificates  # noqa: PLC0415

    known = identity.read_request()
    if known is not None and _token_of(identity.pending / REQUEST_NAME) == offer.token.id:
        return known
    folder = site.path(site.store.path)
    secret = next((s.secret for s in KeySlots(folder / KEYS_NAME).load() if s.number == FIRST_NUMBER), None)
    enrolled = read_enrolment(folder)
    if secret is None or public(secret).hex() != enrolled["first_key"]:
        raise trouble("first-key-gone")
    key = identity.make_key(certificates.new_key)
    request = EnrolRequest(
        gateway=offer.gateway,
        site=site.site.name,
        first_key=public(secret),
        recovery_key=bytes.fromhex(enrolled["recovery_key"]) or NO_KEY,
        meters=meters_of(site),
        spki_sha256=sha256(certificates.spki_of(key)).digest(),
        token=offer.token.id,
        utc_ms=utc_ms(),
    )
    try:
        attribute = ask_enrolment(request, secret, offer.token)
    except FormatError as error:
        raise trouble("file", where=str(site.file), why=str(error)) from error
    csr = certificates.make_csr(key, offer.gateway, attribute)
    identity.keep_request(csr)
    return csr


def _describe(site: Site, offer: Offer, transport: str, identity: Identity) -> Enrolled:
    from wire.enrolment import certificates  # noqa: PLC0415

    known = read_enrolment(site.path(site.store.path))
    current = f"{site.store.path}/{TLS_NAME}/{CURRENT_NAME}"
    certificate = certificates.parse_certificate((identity.current / CERTIFICATE_NAME).read_bytes())
    return Enrolled(
        transport=transport,
        first_key=known["first_key"],
        recovery_key=known["recovery_key"],
        certificate_sha256=certificate.sha256.hex(),
        centre_key=offer.centre_key.hex(),
        at=iso_utc(utc_ms()),
        broker_url=offer.broker,
        ca=f"{current}/{AUTHORITY_NAME}",
        certificate=f"{current}/{CERTIFICATE_NAME}",
        key=f"{current}/{KEY_NAME}",
    )
