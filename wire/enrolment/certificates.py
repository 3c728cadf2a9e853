"""X.509 for enrolment: TLS keys, signing requests, a small authority. The only user of cryptography.x509.

Never imported by the daemon (43 ms and 9 MiB); code that enrols, renews or runs a centre imports it late.

Keys and authority are ECDSA P-256 with SHA-256, which every TLS library and every external authority
takes. A signing request (PKCS#10) has one name (CN, the gateway's id) and carries one attribute:

    2.25.160830131924135104575626328675028262539    UTF8String: base64 of the CBOR of wire.enrolment.request

(an identifier from a UUID needs no registration). A gateway's certificate has CN = gateway,
clientAuth and no more; anything wrong with bytes from outside raises a CertificateError of one line.
"""

import base64
import binascii
import datetime as dt
import ipaddress
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

REQUEST_OID: Final = "2.25.160830131924135104575626328675028262539"
CSR_BYTES_MAX: Final = 96_000
"""256 meters with the longest texts take 52 kB, a third more as base64; a broker takes packets of 131 kB."""
CERTIFICATE_BYTES_MAX: Final = 16_384
"""One of our certificates has 500 bytes; an external authority's with many names has a few thousand."""
CHAIN_MAX: Final = 8
"""Certificates in one answer: the gateway's, the authority's, and an external authority's intermediates."""
LEEWAY: Final = dt.timedelta(days=2)
"""A certificate is valid from two days before it was made: the clock of a new gateway may be wrong."""
AUTHORITY_DAYS: Final = 7_300
"""An authority outlives the gateways that it names: twenty years."""
POINT_BYTES: Final = 64
"""X and y of a P-256 key, the end of its SubjectPublicKeyInfo."""


_USAGES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_PARSER_ERRORS: Final = (
    ValueError, TypeError, Warning, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip


class CertificateError(ValueError):
    """Not a certificate, request or key of the kind that is wanted; one line says why."""


@frozen
class Csr:
    """A signing request that its own key has signed.

    Attributes:
        spki: The public key as DER, which the request inside names by its hash.
        attribute: What the attribute carries, b"" without one.
    """

    der: bytes
    name: str
    spki: bytes
    attribute: bytes


@frozen
class Certificate:
    """A certificate; who signed it is unknown until `is_issued_by` has checked it."""

    der: bytes
    name: str
    spki: bytes
    serial: int
    begins_utc_ms: int
    ends_utc_ms: int
    is_authority: bool
    is_for_clients: bool

    @property
    def sha256(self) -> bytes:
        """Its fingerprint."""
        return sha256(self.der).digest()


def new_key() -> bytes:
    """A fresh P-256 key as PKCS#8 PEM, not encrypted: the file's mode protects it."""
    return _to_private_pem(ec.generate_private_key(ec.SECP256R1()))


def spki_of(key_pem: bytes) -> bytes:
    """The public half of a key, as SubjectPublicKeyInfo."""
    return _spki(_load_key(key_pem).public_key())


def sign_es256(key_pem: bytes, message: bytes) -> bytes:
    """ECDSA P-256 over SHA-256: r and s, 32 bytes each."""
    r, s = utils.decode_dss_signature(_load_key(key_pem).sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def point_of(spki: bytes) -> tuple[bytes, bytes]:
    """X and y of a P-256 key, for `evidence.keys.verify_es256`."""
    return spki[-POINT_BYTES : -POINT_BYTES // 2], spki[-POINT_BYTES // 2 :]


def make_csr(key_pem: bytes, name: str, attribute: bytes = b"") -> bytes:
    """The signing request (DER) of a key under a name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_to_name(name))
    if attribute:
        builder = builder.add_attribute(x509.ObjectIdentifier(REQUEST_OID), base64.b64encode(attribute))
    return builder.sign(_load_key(key_pem), hashes.SHA256()).public_bytes(Encoding.DER)


def parse_csr(raw: bytes) -> Csr:
    """The signing request in `raw`, DER or PEM.

    Raises:
        CertificateError: Not a signing request, its key is not P-256, or it is not signed by its own key.
    """
    if len(raw) > 2 * CSR_BYTES_MAX:
        raise CertificateError(f"a signing request of {len(raw)} bytes")
    with _strict("not a signing request (PKCS#10)"):
        csr = x509.load_pem_x509_csr(raw) if raw[:1] == b"-" else x509.load_der_x509_csr(raw)
        der = csr.public_bytes(Encoding.DER)
        public_key, name = csr.public_key(), _common_name(csr.subject)
        is_signed = csr.is_signature_valid
        extras = [one for one in csr.attributes if one.oid.dotted_string == REQUEST_OID]
    if len(der) > CSR_BYTES_MAX:
        raise CertificateError(f"a signing request of {len(der)} bytes; at most {CSR_BYTES_MAX} are taken")
    if not is_signed:
        raise CertificateError("the key of the signing request has not signed it")
    return Csr(der, name, _p256(public_key), _from_base64(extras[0].value) if extras else b"")


def make_authority(name: str, now: dt.datetime) -> tuple[bytes, bytes]:
    """A new authority: its key (PEM) and its certificate (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(**{one: one in {"key_cert_sign", "crl_sign"} for one in _USAGES})
    builder = (
        _make_builder(_to_name(name), _to_name(name), key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _to_private_pem(key), builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def issue(
    authority_key: bytes,
    authority: bytes,
    spki: bytes,
    name: str,
    now: dt.datetime,
    days: float,
    *,
    hosts: Sequence[str] = (),
) -> bytes:
    """A certificate (DER) for a key: for a client, or with `hosts` for a server with these names."""
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    key, issuer = _load_key(authority_key), _load(authority)
    if _spki(key.public_key()) != _spki(issuer.public_key()):
        raise CertificateError("the authority's key is not that of its certificate")
    public_key = load_der_public_key(spki)
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _make_builder(_to_name(name), issuer.subject, public_key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(_issuer_id(issuer), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_to_host, hosts)), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_revocations(
    authority_key: bytes, authority: bytes, revoked: Iterable[tuple[int, dt.datetime]], now: dt.datetime
) -> bytes:
    """The list of revoked certificates (CRL, PEM), as brokers read it."""
    issuer = _load(authority)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - LEEWAY)
        .next_update(now + dt.timedelta(days=AUTHORITY_DAYS))  # an expired list would end every connection
        .add_extension(_issuer_id(issuer), critical=False)
    )
    for serial, at in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(one)
    return builder.sign(_load_key(authority_key), hashes.SHA256()).public_bytes(Encoding.PEM)


def parse_certificate(raw: bytes) -> Certificate:
    """The certificate in `raw`, DER or PEM; raises CertificateError."""
    one = _load(raw)
    with _strict("not a certificate (X.509)"):
        extensions: dict[type[Any], Any] = {type(each.value): each.value for each in one.extensions}
        constraints = extensions.get(x509.BasicConstraints)
        usage = extensions.get(x509.ExtendedKeyUsage)
        return Certificate(
            der=one.public_bytes(Encoding.DER),
            name=_common_name(one.subject),
            spki=_spki(one.public_key()),
            serial=one.serial_number,
            begins_utc_ms=_ms(one.not_valid_before_utc),
            ends_utc_ms=_ms(one.not_valid_after_utc),
            is_authority=constraints is not None and constraints.ca,
            is_for_clients=usage is None or ExtendedKeyUsageOID.CLIENT_AUTH in usage,
        )


def is_issued_by(certificate: bytes, authority: bytes) -> bool:
    """Whether `authority` has signed `certificate`; the caller checks the validity."""
    try:
        _load(certificate).verify_directly_issued_by(_load(authority))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def certs_only(certificates: Iterable[bytes]) -> bytes:
    """Certificates (DER) as one unsigned PKCS#7 (DER): the answer of EST, RFC 7030, 4.2.3."""
    return pkcs7.serialize_certificates([_load(one) for one in certificates], Encoding.DER)


def open_certs_only(raw: bytes) -> list[Certificate]:
    """The certificates in a PKCS#7.

    Raises:
        CertificateError: Not a PKCS#7, or it has more certificates than an answer may have.
    """
    if len(raw) > CHAIN_MAX * CERTIFICATE_BYTES_MAX:
        raise CertificateError(f"an answer of {len(raw)} bytes")
    with _strict("not certificates in PKCS#7"):
        found = pkcs7.load_der_pkcs7_certificates(raw)
    if not 1 <= len(found) <= CHAIN_MAX:
        raise CertificateError(f"{len(found)} certificates, 1 to {CHAIN_MAX} are wanted")
    return [parse_certificate(one.public_bytes(Encoding.DER)) for one in found]


def pem(der: bytes) -> bytes:
    """A certificate (DER) as PEM."""
    return _load(der).public_bytes(Encoding.PEM)


def csr_pem(der: bytes) -> bytes:
    """A signing request (DER) as PEM, for people and external authorities."""
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM)


def load_many(raw: bytes) -> list[bytes]:
    """Every certificate (DER) of a PEM file, in its order; raises CertificateError if there is none."""
    if len(raw) > CHAIN_MAX * CERTIFICATE_BYTES_MAX:
        raise CertificateError(f"certificates of {len(raw)} bytes")
    with _strict("no certificates (PEM)"):
        return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(raw)]


def _make_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _issuer_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    key = issuer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _load(raw: bytes) -> x509.Certificate:
    if len(raw) > CERTIFICATE_BYTES_MAX:
        raise CertificateError(f"a certificate of {len(raw)} bytes")
    with _strict("not a certificate (X.509)"):
        # Text may stand before the certificate, as openssl writes it.
        return (
            x509.load_der_x509_certificate(raw) if raw[:1] == b"\x30" else x509.load_pem_x509_certificate(raw)
        )


def _load_key(raw: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("not a private key (PEM, without password)") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise CertificateError("a private key that is not ECDSA P-256")
    return key


def _to_private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _spki(key: Any) -> bytes:
    raw: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return raw


def _p256(key: Any) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise CertificateError("the key of the signing request is not ECDSA P-256")
    return _spki(key)


def _to_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _common_name(name: x509.Name) -> str:
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _to_host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _from_base64(text: bytes) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CertificateError("the attribute of the signing request is not base64") from error
    if base64.b64encode(raw) != text:
        raise CertificateError("the attribute of the signing request is not the one base64 of its bytes")
    return raw


def _ms(when: dt.datetime) -> int:
    return int(when.timestamp() * 1000)


@contextmanager
def _strict(what: str) -> Iterator[None]:
    """Turn everything that the parser raises or warns of into a CertificateError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            yield
        except CertificateError:
            raise
        except _PARSER_ERRORS as error:
            raise CertificateError(f"{what}: {' '.join(str(error).split())[:120]}") from None
