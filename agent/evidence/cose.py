"""COSE_Sign1 (RFC 9052, section 4.2) with EdDSA, in the single form that dianjian uses.

Tag 18, protected header {1: -8} (alg EdDSA), empty unprotected header, the payload inside, no key
id: whoever checks knows which one key it must be. The external_aad names what is signed, so that a
signature over one kind of message is worth nothing as another kind. A stock COSE library verifies
it; other algorithms (ES256 of a TPM, SM2) are another protected header and another length.
"""

from typing import Final

from agent.evidence import cbor, keys

TAG_SIGN1: Final = b"\xd2"
"""CBOR tag 18."""
PROTECTED: Final = bytes.fromhex("a10127")
"""{1: -8}."""


def sign1(payload: bytes, secret: bytes, domain: bytes) -> bytes:
    """`payload` signed under `domain`."""
    signature = keys.sign(secret, _to_be_signed(payload, domain))
    return TAG_SIGN1 + cbor.encode([PROTECTED, {}, payload, signature])


def open1(raw: bytes, public_key: bytes, domain: bytes, bytes_max: int) -> bytes | None:
    """The payload of `raw`, or None if this key has not signed it under `domain`.

    Raises:
        FormatError: `raw` is not in the form that `sign1` writes.
    """
    payload, signature = split1(raw, bytes_max)
    return payload if keys.verify(public_key, signature, _to_be_signed(payload, domain)) else None


def split1(raw: bytes, bytes_max: int) -> tuple[bytes, bytes]:
    """Payload and signature of `raw`, both unchecked.

    Raises:
        FormatError: `raw` is not in the form that `sign1` writes.
    """
    if raw[:1] != TAG_SIGN1:
        raise cbor.FormatError("not a COSE_Sign1")
    protected, unprotected, payload, signature = cbor.array(cbor.decode(raw[1:], bytes_max), "COSE_Sign1", 4)
    if protected != PROTECTED or unprotected != {}:
        raise cbor.FormatError("not EdDSA, or a header that is not used")
    if type(payload) is not bytes:
        raise cbor.FormatError("the payload is not inside")
    return payload, cbor.octets(signature, "signature", keys.SIGNATURE_BYTES)


def _to_be_signed(payload: bytes, domain: bytes) -> bytes:
    return cbor.encode(["Signature1", PROTECTED, domain, payload])
