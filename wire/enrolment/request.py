"""A gateway's request to the centre: to be enrolled, or to have its certificate renewed.

One object travels, over whatever transport: a PKCS#10 signing request of the gateway's TLS key
(`wire.enrolment.certificates`), whose attribute is the deterministic CBOR array [signed, mac]:

    signed   a COSE_Sign1 over one of
        enrolment under dj1.enrol, EdDSA by the chain's first key
            [1, gateway, site, first_key, recovery_key, [[meter, model, unit_id, serial], …],
             SHA-256 of the signing request's public key, token id, utc_ms]
        renewal under dj1.renew, ES256 by the key of the certificate that is to be renewed
            [1, gateway, SHA-256 of that certificate, SHA-256 of the signing request's public key,
             token id or "", utc_ms]
    mac      HMAC-SHA256 of `signed` under the key of the token (`wire.enrolment.token`), empty without one

So the signing request and the request inside are bound both ways: the inner one names the outer key by
its hash, the outer key signs the attribute. A renewal needs a token only when the certificate has
expired: the chain's first key no longer exists by then, and the old TLS key alone no longer suffices.

Pure: bytes in, values out. `centre.enrolment.policy` decides who may ask for what.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from attrs import frozen

from evidence import cbor, cose, keys
from evidence.seal import HASH_BYTES, check_gateway
from evidence.statement import METERS_MAX, NO_KEY, SITE_BYTES_MAX, EnrolledMeter, Enrolment, sign_statement
from wire.enrolment.token import ALPHABET, ID_CHARACTERS, Token

VERSION: Final = 1
ENROL_DOMAIN: Final = b"dj1.enrol"
RENEW_DOMAIN: Final = b"dj1.renew"
REQUEST_BYTES_MAX: Final = 66_000
"""256 meters with the longest texts take 52 kB."""
MAC_BYTES: Final = 32

_ES256: Final = bytes.fromhex("a10126")
"""{1: -7}"""
_RENEWAL_ITEMS: Final = 6
_ENROLMENT_ITEMS: Final = 9


@frozen
class EnrolRequest:
    """A new gateway: its keys, its meters, and its token."""

    gateway: str
    site: str
    first_key: bytes
    recovery_key: bytes
    meters: tuple[EnrolledMeter, ...]
    spki_sha256: bytes
    token: str
    utc_ms: int


@frozen
class RenewRequest:
    """A known gateway: a new key in place of that of `certificate_sha256`; `token` may be ""."""

    gateway: str
    certificate_sha256: bytes
    spki_sha256: bytes
    token: str
    utc_ms: int


Request = EnrolRequest | RenewRequest


@frozen
class SignedRequest:
    """A well-formed request, its signature and MAC NOT checked yet."""

    request: Request
    signed: bytes
    signature: bytes
    mac: bytes

    def is_signed_by_first_key(self) -> bool:
        """Whether an enrolment is signed by the first key that it names."""
        assert isinstance(self.request, EnrolRequest)
        message = cose.to_be_signed(_encode(self.request), ENROL_DOMAIN)
        return keys.verify(self.request.first_key, self.signature, message)

    def is_signed_by(self, point: tuple[bytes, bytes]) -> bool:
        """Whether a renewal is signed by the P-256 key with this point."""
        assert isinstance(self.request, RenewRequest)
        message = cose.to_be_signed(_encode(self.request), RENEW_DOMAIN, _ES256)
        return keys.verify_es256(point, self.signature, message)

    def has_mac_of(self, mac_key: bytes) -> bool:
        """Whether the MAC was made with this token."""
        return hmac.compare_digest(self.mac, hmac.digest(mac_key, self.signed, sha256))


def ask_enrolment(request: EnrolRequest, first_secret: bytes, token: Token) -> bytes:
    """The attribute of a gateway that asks to be enrolled.

    Raises:
        FormatError: A value is out of its range.
    """
    payload = _encode(request)
    _decode(payload, _ENROLMENT_ITEMS)
    signed = cose.sign1(payload, first_secret, ENROL_DOMAIN)
    return cbor.encode([signed, hmac.digest(token.mac_key, signed, sha256)])


def ask_renewal(request: RenewRequest, sign: Callable[[bytes], bytes], token: Token | None = None) -> bytes:
    """The attribute of a gateway that asks for a new certificate; `sign` is ES256 by the old key.

    Raises:
        FormatError: A value is out of its range.
    """
    payload = _encode(request)
    _decode(payload, _RENEWAL_ITEMS)
    signature = sign(cose.to_be_signed(payload, RENEW_DOMAIN, _ES256))
    signed = cose.TAG_SIGN1 + cbor.encode([_ES256, {}, payload, signature])
    return cbor.encode([signed, b"" if token is None else hmac.digest(token.mac_key, signed, sha256)])


def parse_attribute(raw: bytes) -> SignedRequest:
    """The request in the attribute of a signing request; raises FormatError."""
    signed, mac = cbor.array(cbor.decode(raw, REQUEST_BYTES_MAX), "request", 2)
    cbor.octets(mac, "mac", 0, MAC_BYTES)
    if type(signed) is not bytes or signed[:1] != cose.TAG_SIGN1:
        raise cbor.FormatError("the request is not a COSE_Sign1")
    items = cbor.array(cbor.decode(signed[1:], REQUEST_BYTES_MAX), "COSE_Sign1", 4)
    protected, unprotected, payload, signature = items
    wanted = {cose.PROTECTED: _ENROLMENT_ITEMS, _ES256: _RENEWAL_ITEMS}
    if type(protected) is not bytes or protected not in wanted or unprotected != {}:
        raise cbor.FormatError("neither EdDSA nor ES256, or a header that is not used")
    if type(payload) is not bytes:
        raise cbor.FormatError("the payload is not inside")
    request = _decode(payload, wanted[protected])
    cbor.octets(signature, "signature", keys.SIGNATURE_BYTES)
    return SignedRequest(request, signed, signature, mac)


def _encode(request: Request) -> bytes:
    if isinstance(request, RenewRequest):
        hashes = [request.certificate_sha256, request.spki_sha256]
        return cbor.encode([VERSION, request.gateway, *hashes, request.token, request.utc_ms])
    meters = [[meter.id, meter.model, meter.unit_id, meter.serial] for meter in request.meters]
    head = [VERSION, request.gateway, request.site, request.first_key, request.recovery_key]
    return cbor.encode([*head, meters, request.spki_sha256, request.token, request.utc_ms])


def _decode(payload: bytes, count: int) -> Request:
    items = cbor.array(cbor.decode(payload, REQUEST_BYTES_MAX), "request", count)
    cbor.natural(items[0], "version", VERSION, VERSION)
    gateway = check_gateway(cbor.text(items[1], "gateway"))
    spki, token, utc_ms = items[-3:]
    common: dict[str, Any] = {
        "gateway": gateway,
        "spki_sha256": cbor.octets(spki, "spki_sha256", HASH_BYTES),
        "token": _decode_token_id(token, may_be_empty=count == _RENEWAL_ITEMS),
        "utc_ms": cbor.natural(utc_ms, "utc_ms"),
    }
    if count == _RENEWAL_ITEMS:
        return RenewRequest(certificate_sha256=cbor.octets(items[2], "certificate", HASH_BYTES), **common)
    return EnrolRequest(
        site=cbor.text(items[2], "site", SITE_BYTES_MAX),
        first_key=_decode_key(items[3]),
        recovery_key=cbor.octets(items[4], "recovery_key", HASH_BYTES),
        meters=_decode_meters(items[5]),
        **common,
    )


def _decode_meters(items: Any) -> tuple[EnrolledMeter, ...]:
    if type(items) is not list or len(items) > METERS_MAX:
        raise cbor.FormatError(f"meters is not an array of at most {METERS_MAX}")
    found = []
    for item in items:
        id_, model, unit_id, serial = cbor.array(item, "meter", 4)
        if type(unit_id) is not int:
            raise cbor.FormatError("unit_id is not a number")
        found.append(
            EnrolledMeter(
                cbor.text(id_, "meter"), cbor.text(model, "model"), unit_id, cbor.text(serial, "serial")
            )
        )
    return tuple(found)


def enrolment_of(request: EnrolRequest, utc_ms: int) -> Enrolment:
    """The enrolment for the centre to sign; raises FormatError for a meter that does not fit a statement."""
    one = Enrolment(
        gateway=request.gateway,
        site=request.site,
        first_key=request.first_key,
        recovery_key=request.recovery_key,
        meters=request.meters,
        centre_utc_ms=utc_ms,
    )
    sign_statement(one, NO_KEY)  # refuses what cannot be signed
    return one


def _decode_key(value: Any) -> bytes:
    key = cbor.octets(value, "first_key", HASH_BYTES)
    if key == NO_KEY:
        raise cbor.FormatError("first_key is no key")
    return key


def _decode_token_id(value: Any, *, may_be_empty: bool) -> str:
    text = cbor.text(value, "token")
    if not (text == "" and may_be_empty) and (len(text) != ID_CHARACTERS or not set(text) <= set(ALPHABET)):
        raise cbor.FormatError("token is not the id of one")
    return text
