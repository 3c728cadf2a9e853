"""COSE_Sign1 (RFC 9052, section 4.2) with EdDSA, in the single form that dianjian uses.

Tag 18, protected header {1: -8} (alg EdDSA), empty unprotected header, the payload inside, no key id: the
verifier knows which key it must be. The external_aad (`domain`) names the kind of message, so that a
signature over one kind is not valid for another. Any COSE library can verify it; other algorithms (ES256
of a TPM, SM2) would be another protected header and another length.
"""

from typing import Final

from attrs import frozen

from evidence import cbor, keys

TAG_SIGN1: Final = b"\xd2"
"""CBOR tag 18."""
PROTECTED: Final = bytes.fromhex("a10127")
"""{1: -8}."""


def sign1(payload: bytes, secret: bytes, domain: bytes) -> bytes:
    """`payload` signed under `domain`."""
    signature = keys.sign(secret, to_be_signed(payload, domain))
    return TAG_SIGN1 + cbor.encode([PROTECTED, {}, payload, signature])


@frozen
class Signed:
    """A COSE_Sign1 of the right form; its signature is checked by `holds` only."""

    payload: bytes
    signature: bytes

    def holds(self, public_key: bytes, domain: bytes) -> bool:
        """Whether this key has signed this payload under `domain`."""
        return keys.verify(public_key, self.signature, to_be_signed(self.payload, domain))


def parse(raw: bytes, bytes_max: int) -> Signed:
    """The COSE_Sign1 in `raw`; raises FormatError if it has another form than `sign1` writes."""
    if raw[:1] != TAG_SIGN1:
        raise cbor.FormatError("not a COSE_Sign1")
    protected, unprotected, payload, signature = cbor.array(cbor.decode(raw[1:], bytes_max), "COSE_Sign1", 4)
    if protected != PROTECTED or unprotected != {}:
        raise cbor.FormatError("not EdDSA, or a header that is not used")
    if type(payload) is not bytes:
        raise cbor.FormatError("the payload is not inside")
    return Signed(payload, cbor.octets(signature, "signature", keys.SIGNATURE_BYTES))


def to_be_signed(payload: bytes, domain: bytes, protected: bytes = PROTECTED) -> bytes:
    """What a signature is over: the Sig_structure of RFC 9052, section 4.4."""
    return cbor.encode(["Signature1", protected, domain, payload])
