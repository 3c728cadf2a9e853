"""When a certificate expires, for the status, without loading an X.509 library into the daemon.

Reads the DER of RFC 5280 as far as the validity and judges nothing: whether the certificate is good is for
TLS, for `wire.enrolment.certificates` and for `dianjian doctor`.

    Certificate ::= SEQUENCE { tbsCertificate SEQUENCE {
        version [0] OPTIONAL, serialNumber, signature, issuer, validity SEQUENCE { notBefore, notAfter }, …
"""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from disk.files import read_plain

CERTIFICATE_BYTES_MAX: Final = 65_536
"""A chain of a dozen certificates; a longer file is not read."""
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_BEFORE_VALIDITY: Final = 3
"""serialNumber, signature and issuer."""


def certificate_end(path: Path) -> datetime | None:
    """The notAfter of the first certificate in the PEM file `path`; None if it cannot be read."""
    try:
        text = read_plain(path, CERTIFICATE_BYTES_MAX, follow=True).decode("ascii", "replace")
        begin = text.index(_BEGIN)
        pem = text[begin : text.index(_END, begin) + len(_END)]
        return end_of(ssl.PEM_cert_to_DER_cert(pem))
    except (OSError, ValueError):
        return None


def end_of(der: bytes) -> datetime:
    """The notAfter of a certificate.

    Raises:
        ValueError: `der` is not a certificate.
    """
    certificate = _inside(der, _SEQUENCE)
    rest = _inside(certificate, _SEQUENCE)
    if rest[:1] == bytes([_VERSION]):
        rest = _element(rest)[2]
    for _ in range(_BEFORE_VALIDITY):
        rest = _element(rest)[2]
    tag, text, _ = _element(_element(_inside(rest, _SEQUENCE))[2])
    return _moment(tag, text)


def _inside(der: bytes, wanted: int) -> bytes:
    tag, value, _ = _element(der)
    if tag != wanted:
        raise ValueError(f"tag {tag:#04x} where {wanted:#04x} is to be")
    return value


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag, value and what follows of the first element."""
    if len(der) < 2:
        raise ValueError("ends too early")
    length, at = der[1], 2
    if length & 0x80:
        octets = length & 0x7F
        length, at = int.from_bytes(der[2 : 2 + octets], "big"), 2 + octets
        if not 1 <= octets <= 3:
            raise ValueError("a length that no certificate has")
    if len(der) < at + length:
        raise ValueError("ends too early")
    return der[0], der[at : at + length], der[at + length :]


def _moment(tag: int, text: bytes) -> datetime:
    if tag not in {_UTC_TIME, _GENERALIZED_TIME}:
        raise ValueError(f"tag {tag:#04x} where a time is to be")
    digits = text.decode("ascii")
    if tag == _UTC_TIME:  # RFC 5280, section 4.1.2.5.1: two digits of the year, from 1950 to 2049
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
