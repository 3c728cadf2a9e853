"""A TPM's attestation of a chain: its counter, certified over a seal. Pure; checked without a TPM.

Hourly and at boot the gateway increments a counter in its TPM and has the TPM certify it over the last seal
(`agent.sealing.tpm`). This reveals a copy of the disk that is put back later or run on other hardware: the
counter has gone on, or the key is another. The record's body:

    {"seal": number, "seal_hash", "attest", "signature", "alg": "ES256", "ak"}

- `seal` and `seal_hash`: the last seal at that time (0 and zeros before the first).
- `attest`: the TPMS_ATTEST as the TPM signed it (TPM 2.0 Library, part 2, 10.12.12), in the one form that
  TPM2_NV_Certify gives here: its extraData is `seal_hash`, its contents the 8 bytes of the counter.
- `signature`: ECDSA over P-256 and SHA-256, r and s with 32 bytes each, as in COSE.
- `ak`: the key's TPMT_PUBLIC, 88 bytes: exactly `AK_TEMPLATE` and a point. The key is restricted (it signs
  only what the TPM itself has made), never leaves this TPM, and has no dictionary-attack lock.

`check_attestation` checks that the qualified signer is the name of `ak` as a primary key of the endorsement
hierarchy, and that the certified index has the name of a counter (`COUNTER_PUBLIC`, written), which its
owner can increment and never set. Only the maker's certificate could prove that the key is in a TPM at all;
proven here is that it is the same key as in every earlier attestation.

`evidence.attested_chain` judges attestations along a chain. If the TPM is absent or fails,
there is no attestation, and no seal is refused.
"""

import struct
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from attrs import asdict, frozen

from evidence import cbor, keys
from evidence.seal import HASH_BYTES, NO_HASH, NUMBER_MAX

ALGORITHM: Final = "ES256"
NV_INDEX: Final = 0x0181D1A0
"""In the range that TPM owners define (TCG registry of reserved handles, 0x01800000 to 0x01BFFFFF)."""
HIERARCHY: Final = 0x4000000B
"""TPM_RH_ENDORSEMENT: its seed survives a TPM2_Clear, and its counts of resets are not obfuscated."""
COORDINATE_BYTES: Final = 32
COUNTER_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64
_SHA256: Final = b"\x00\x0b"

AK_TEMPLATE: Final = struct.pack(
    ">HHIHHHHHH",
    0x0023,  # ECC
    0x000B,  # names are SHA-256
    0x00050472,  # restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA
    0,  # no policy
    0x0010,  # no symmetric algorithm
    0x0018,  # ECDSA
    0x000B,  # with SHA-256
    0x0003,  # P-256
    0x0010,  # no key derivation
)
"""A TPMT_PUBLIC without its point."""
_AK: Final = struct.Struct(f">{len(AK_TEMPLATE)}sH{COORDINATE_BYTES}sH{COORDINATE_BYTES}s")
AK_BYTES: Final = _AK.size
_COUNTER_ATTRIBUTES: Final = 0x02060014
"""Counter; read and written with its (empty) authorisation, read by the owner; no dictionary-attack lock."""
_WRITTEN: Final = 0x20000000
_COUNTER: Final = struct.Struct(">IHIHH")


def _counter_public(attributes: int) -> bytes:
    return _COUNTER.pack(NV_INDEX, 0x000B, attributes, 0, COUNTER_BYTES)


COUNTER_PUBLIC: Final = _counter_public(_COUNTER_ATTRIBUTES)
"""The TPMS_NV_PUBLIC of the counter as it is defined."""
COUNTER_NAME: Final = _SHA256 + sha256(_counter_public(_COUNTER_ATTRIBUTES | _WRITTEN)).digest()
"""Its name once it has been incremented: a hash over all its attributes."""

_HEAD: Final = struct.Struct(">IHH34sH32sQIIBQH34sHH8s")
_MAGIC: Final = 0xFF544347
_TYPE_NV: Final = 0x8014
_NAME_BYTES: Final = 34
ATTEST_BYTES: Final = _HEAD.size
_ITEMS: Final = frozenset({"seal", "seal_hash", "attest", "signature", "alg", "ak"})

UNSEEN_MAX: Final = 1
"""Increments without a record that an unclean end, between the TPM's answer and the commit, explains."""


@frozen
class Attestation:
    """The body of an ATTESTATION record; see the module's specification."""

    seal: int
    seal_hash: bytes
    attest: bytes
    signature: bytes
    ak: bytes

    def to_body(self) -> dict[str, object]:
        """The record's body."""
        return {**asdict(self), "alg": ALGORITHM}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Attestation":
        """The inverse of `to_body`; raises FormatError."""
        if body.keys() != _ITEMS or body["alg"] != ALGORITHM:
            raise cbor.FormatError("not the items of an attestation")
        made = cls(
            seal=cbor.natural(body["seal"], "seal", NUMBER_MAX),
            seal_hash=cbor.octets(body["seal_hash"], "seal_hash", HASH_BYTES),
            attest=cbor.octets(body["attest"], "attest", ATTEST_BYTES),
            signature=cbor.octets(body["signature"], "signature", SIGNATURE_BYTES),
            ak=cbor.octets(body["ak"], "ak", AK_BYTES),
        )
        if (made.seal == 0) != (made.seal_hash == NO_HASH):
            raise cbor.FormatError("a seal hash without a seal, or a seal without")
        return made


@frozen
class Attested:
    """What the TPM has certified.

    Attributes:
        counter: Grows by one with each attestation, and never falls.
        clock_ms: Time for which the TPM has been powered, over all its boots.
        reset_count: Boots of the TPM.
        safe: `clock_ms` has certainly not been reported before.
    """

    counter: int
    clock_ms: int
    reset_count: int
    restart_count: int
    safe: bool
    firmware: int


def check_attestation(attestation: Attestation) -> Attested:
    """What the TPM has certified.

    Raises:
        FormatError: The attestation proves nothing; the message says why.
    """
    x, y = _parse_point(attestation.ak)
    if not keys.verify_es256((x, y), attestation.signature, attestation.attest):
        raise cbor.FormatError("not signed by the attestation key")
    magic, kind, signer_size, signer, data_size, data, *clock, name_size, name, offset, size, counter = (
        _HEAD.unpack(attestation.attest)
    )
    if (magic, kind) != (_MAGIC, _TYPE_NV):
        raise cbor.FormatError("not made by a TPM, or no certificate of an NV index")
    if (signer_size, name_size) != (_NAME_BYTES, _NAME_BYTES) or (data_size, offset) != (HASH_BYTES, 0):
        raise cbor.FormatError("the attestation has another structure")
    if signer != qualified_name(attestation.ak):
        raise cbor.FormatError("the signer is not the attestation key of this TPM")
    if name != COUNTER_NAME or size != COUNTER_BYTES:
        raise cbor.FormatError("what is certified is not the counter")
    if data != attestation.seal_hash:
        raise cbor.FormatError("certified over another seal hash")
    clock_ms, reset_count, restart_count, safe, firmware = clock
    if safe > 1:
        raise cbor.FormatError("safe is neither yes nor no")
    return Attested(int.from_bytes(counter), clock_ms, reset_count, restart_count, bool(safe), firmware)


def qualified_name(ak: bytes) -> bytes:
    """The qualified name of a primary key of the endorsement hierarchy."""
    name = _SHA256 + sha256(ak).digest()
    return _SHA256 + sha256(struct.pack(">I", HIERARCHY) + name).digest()


def _parse_point(ak: bytes) -> tuple[bytes, bytes]:
    if len(ak) == AK_BYTES:
        template, x_size, x, y_size, y = _AK.unpack(ak)
        if template == AK_TEMPLATE and x_size == y_size == COORDINATE_BYTES:
            return x, y
    raise cbor.FormatError("the key is not a restricted P-256 key that stays in its TPM")
