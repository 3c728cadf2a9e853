"""The offer: everything that a technician needs to enrol a gateway, as one line of text.

    dianjian:1?g=GATEWAY&t=TOKEN&k=CENTRE_KEY&a=AUTHORITY&b=BROKER[&e=EST][&c=CLAIM][&x=EXPIRES]

TOKEN as `wire.enrolment.token` prints it; CENTRE_KEY (Ed25519) and AUTHORITY (SHA-256 of the authority's
certificate) in base64url; BROKER the URL for the site file; EST an https:// address and CLAIM an mqtts://
address where requests are taken; EXPIRES in seconds since 1970. It is short enough for a QR code, and
secret until it has been used: it holds the token.

With only a typed token the other facts are given by options. A gateway trusts nothing of the centre beyond
the two fingerprints: they are what the technician brings from the centre by hand.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from attrs import field, frozen

from evidence.seal import GATEWAY_PATTERN, HASH_BYTES
from wire.enrolment.token import Token, TokenError, parse_token

SCHEME: Final = "dianjian:1?"
OFFER_CHARACTERS_MAX: Final = 1_000
"""More than a QR code that a telephone can read from a screen holds."""
URL_CHARACTERS_MAX: Final = 200

_URL: Final = re.compile(r"(mqtts?|https)://[A-Za-z0-9.\[\]:_-]+(/[A-Za-z0-9._~/-]*)?")


class OfferError(ValueError):
    """The scanned or typed text is not an offer; one line, without the token."""


@frozen
class Offer:
    """What the centre has given the technician.

    Attributes:
        gateway: The gateway to be enrolled; the name in its certificate and topics.
        centre_key: The key that receipts are checked with from now on.
        authority: SHA-256 of the authority's certificate; all others are refused.
        broker: Where seals will go.
        est, claim: Addresses for requests, "" for none.
        expires_s: When the token ends, in seconds since 1970; 0 if unknown.
    """

    gateway: str
    token: Token = field(repr=False)
    centre_key: bytes
    authority: bytes
    broker: str = ""
    est: str = ""
    claim: str = ""
    expires_s: int = 0

    @property
    def text(self) -> str:
        """The line for a QR code; it holds the token."""
        parts = {
            "g": self.gateway,
            "t": self.token.text,
            "k": _to_base64(self.centre_key),
            "a": _to_base64(self.authority),
            "b": self.broker,
            "e": self.est,
            "c": self.claim,
            "x": str(self.expires_s) if self.expires_s else "",
        }
        kept = {name: value for name, value in parts.items() if value}
        return SCHEME + urlencode(kept, safe=":/[]", quote_via=quote)


def parse_offer(text: str) -> Offer:
    """The offer in a scanned or pasted line; raises OfferError."""
    line = text.strip()
    if len(line) > OFFER_CHARACTERS_MAX or not line.startswith(SCHEME):
        raise OfferError(f"not an offer: it begins with {SCHEME}")
    try:
        pairs = parse_qsl(line[len(SCHEME) :], keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError as error:
        raise OfferError("not an offer: it is torn") from error
    parts = dict(pairs)
    if len(parts) != len(pairs) or not set(parts) <= set("gtkabecx"):
        raise OfferError("not an offer: a part is there twice, or is not known to this version")
    if not set("gtka") <= set(parts):
        raise OfferError("not an offer: a part is missing")
    read: dict[str, tuple[str, Callable[[str], Any]]] = {
        "gateway": ("g", parse_gateway_id),
        "token": ("t", _parse_token),
        "centre_key": ("k", parse_fingerprint),
        "authority": ("a", parse_fingerprint),
        "broker": ("b", _parse_url),
        "est": ("e", _parse_url),
        "claim": ("c", _parse_url),
        "expires_s": ("x", _parse_seconds),
    }
    return Offer(**{name: check(parts.get(key, "")) for name, (key, check) in read.items()})


def parse_gateway_id(text: str) -> str:
    """A gateway's id; raises OfferError."""
    if not GATEWAY_PATTERN.fullmatch(text):
        raise OfferError("the gateway's id is missing or has other than letters, digits and . _ -")
    return text


def parse_fingerprint(text: str) -> bytes:
    """32 bytes in hexadecimal or base64url; raises OfferError."""
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * HASH_BYTES else base64.urlsafe_b64decode(text + "=")
    except (ValueError, binascii.Error) as error:
        raise OfferError("a fingerprint is neither 64 hexadecimal digits nor 43 characters") from error
    if len(raw) != HASH_BYTES or (len(text) != 2 * HASH_BYTES and _to_base64(raw) != text):
        raise OfferError("a fingerprint is neither 64 hexadecimal digits nor 43 characters")
    return raw


def _parse_token(text: str) -> Token:
    try:
        return parse_token(text)
    except TokenError as error:
        raise OfferError(str(error)) from error


def _parse_url(text: str) -> str:
    if text and (len(text) > URL_CHARACTERS_MAX or not _URL.fullmatch(text)):
        raise OfferError("an address in the offer is not mqtts://host:port or https://host:port")
    return text


def _parse_seconds(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise OfferError("the end of the offer is not a number of seconds")
    return int(text or "0")


def _to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
