"""Who may have a certificate: the whole policy of an enrolment office. Pure.

A signing request, the ledger, the register and the time go in; a refusal or "go on" comes out. The order of
the checks is that of docs/format.md, section 14; the first that fails is the answer. Nothing is changed here,
so a refusal uses up no token. The register is looked up in last: what a stranger without a token sends costs
no more than parsing it.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from attrs import frozen

from centre.enrolment.ledger import Ledger
from centre.register import Entry
from evidence.cbor import FormatError
from evidence.statement import NO_KEY, EnrolledMeter
from wire.enrolment import certificates
from wire.enrolment.answer import Refused
from wire.enrolment.certificates import CertificateError, Csr
from wire.enrolment.request import EnrolRequest, RenewRequest, SignedRequest, enrolment_of, parse_attribute

RENEWALS_MAX: Final = 3
"""Renewals of one certificate: a gateway needs one, and another each time it lost the answer and its disk."""


@frozen
class Admitted:
    """A request that may go on; `is_auto` where no officer has to approve."""

    csr: Csr
    asked: SignedRequest
    is_auto: bool


LookUp = Callable[[str], Entry | None]
"""What the centre knows of a gateway; called only for a request with a token of this office."""


def check_request(raw: bytes, ledger: Ledger, look_up: LookUp, now_utc_ms: int) -> Admitted | Refused:
    """Whether a signing request may go on."""
    parsed = _parse(raw)
    if isinstance(parsed, Refused):
        return parsed
    csr, asked = parsed
    if isinstance(asked.request, RenewRequest):
        return _check_renewal(csr, asked, asked.request, ledger, now_utc_ms)
    return _check_enrolment(csr, asked, asked.request, ledger, look_up, now_utc_ms)


def _parse(raw: bytes) -> tuple[Csr, SignedRequest] | Refused:
    """A signing request that is well formed and names one gateway and one key."""
    try:
        csr = certificates.parse_csr(raw)
    except CertificateError as error:
        return Refused("csr" if "has not signed" in str(error) else "garbage")
    try:
        asked = parse_attribute(csr.attribute)
    except FormatError:
        return Refused("garbage")
    request = asked.request
    if csr.name != request.gateway:
        return Refused("name")
    if sha256(csr.spki).digest() != request.spki_sha256:
        return Refused("key")
    return csr, asked


def _check_enrolment(
    csr: Csr,
    asked: SignedRequest,
    request: EnrolRequest,
    ledger: Ledger,
    look_up: LookUp,
    now_utc_ms: int,
) -> Admitted | Refused:
    if not asked.is_signed_by_first_key():
        return Refused("signature")
    wrong = _check_token(csr, asked, ledger, now_utc_ms)
    if wrong:
        return Refused(wrong)
    token = ledger.tokens[request.token]
    if token.site is not None and token.site != request.site:
        return Refused("site")
    if token.meters is not None and sorted(map(_row, token.meters)) != sorted(map(_row, request.meters)):
        return Refused("meters")
    try:
        enrolment_of(request, now_utc_ms)
    except FormatError:
        return Refused("garbage")
    known = look_up(request.gateway)
    if known is not None and known.first_key != request.first_key:
        return Refused("first-key")
    if known is not None and known.recovery_key not in {NO_KEY, request.recovery_key}:
        return Refused("recovery-key")
    return Admitted(csr, asked, token.is_auto)


def _check_renewal(
    csr: Csr, asked: SignedRequest, request: RenewRequest, ledger: Ledger, now_utc_ms: int
) -> Admitted | Refused:
    old = ledger.certificates.get(request.certificate_sha256)
    if old is None or old.gateway != request.gateway:
        return Refused("certificate-unknown")
    parsed = certificates.parse_certificate(old.der)
    if not asked.is_signed_by(certificates.point_of(parsed.spki)):
        return Refused("signature")
    if old.revoked_utc_ms is not None:
        return Refused("certificate-revoked")
    if request.token:
        wrong = _check_token(csr, asked, ledger, now_utc_ms)
        return Refused(wrong) if wrong else Admitted(csr, asked, ledger.tokens[request.token].is_auto)
    if parsed.ends_utc_ms <= now_utc_ms and sha256(csr.der).digest() not in ledger.requests:
        return Refused("certificate-expired")
    if old.renewals >= RENEWALS_MAX and sha256(csr.der).digest() not in ledger.requests:
        return Refused("renewed")
    return Admitted(csr, asked, is_auto=True)


def _check_token(csr: Csr, asked: SignedRequest, ledger: Ledger, now_utc_ms: int) -> str:
    """Why the token of a request is refused, "" if it is not. A wrong MAC never uses up a token."""
    token = ledger.tokens.get(asked.request.token)
    if token is None:
        return "token-unknown"
    if not asked.has_mac_of(token.mac_key):
        return "token-secret"
    if token.gateway != asked.request.gateway:
        return "token-gateway"
    if token.used_by is not None:
        return "" if token.used_by == sha256(csr.der).digest() else "token-used"
    return "token-expired" if token.expires_utc_ms <= now_utc_ms else ""


def _row(meter: EnrolledMeter) -> tuple[str, str, int, str]:
    return meter.id, meter.model, meter.unit_id, meter.serial
