"""Attestations that a TPM (libtpms 0.9.2) has made, kept to be checked without one."""

from hashlib import sha256
from typing import Final

from evidence.attestation import Attestation

AK: Final = bytes.fromhex(
    "0023000b00050472000000100018000b000300100020cbd612554905ee2cd44ea105a5900a6a16012702b5cfd748202f"
    "e44166361f4c0020065b858cb7f6bb333040e8daf150f912c99d0d5a7d2e100dca61a406b37d902b"
)
_MADE: Final = (
    (
        1,
        (
            "ff54434780140022000bda65f1b76d513ca89a57823dba5dba1b60f774f025254a23a9f8ff38ff5481c50020a65e708b"
            "f319065a6e3e2635aae02596bc6cce2467fe91e66b168a07a661c66d000000000000000f000000010000000001201910"
            "23001636360022000bc1058c780d281b8f38f4ca415f050748560499f90221b3dc3f2968c00628cb0e00000008000000"
            "0000000001"
        ),
        (
            "ee4666858d4af2a801286de4c67b12bd2956a2312bf5d8b738155f5cede857438f87a87c6c23c92cd4c3983a2e1be871"
            "8c6e6df4d0a849bdc023354fca5e79c1"
        ),
    ),
    (
        2,
        (
            "ff54434780140022000bda65f1b76d513ca89a57823dba5dba1b60f774f025254a23a9f8ff38ff5481c500200c5442af"
            "192dd6d3145e17f505473422cbf0c28755e06cec9d60456f283099ac0000000000000012000000010000000001201910"
            "23001636360022000bc1058c780d281b8f38f4ca415f050748560499f90221b3dc3f2968c00628cb0e00000008000000"
            "0000000002"
        ),
        (
            "cc4a4746014a8da5e82ef51ca2d5d08528ede2aec0660cfb91b6ab656dc74a4fa4b35a890c0d76e28b6837559c3e9680"
            "fdafc267fb640f151a33874bae1e4b05"
        ),
    ),
    (
        4,
        (
            "ff54434780140022000bda65f1b76d513ca89a57823dba5dba1b60f774f025254a23a9f8ff38ff5481c50020f4bb65ce"
            "671243325be1725a6e9a6884ffe13d9fb06acea1cd7cf9adaff23ca90000000000000015000000010000000001201910"
            "23001636360022000bc1058c780d281b8f38f4ca415f050748560499f90221b3dc3f2968c00628cb0e00000008000000"
            "0000000003"
        ),
        (
            "56a7a4bb0444e3e6914bc7652c687a9f84ea6a4b6fcdf8d1444faf22351d8d090713ffffbb9844a95092995b66c5b576"
            "2cef1093173d5c3c9d70495be853e524"
        ),
    ),
    (
        9,
        (
            "ff54434780140022000bda65f1b76d513ca89a57823dba5dba1b60f774f025254a23a9f8ff38ff5481c50020102169a1"
            "9cf1d70ebee6bfcf1a811bedd3fd8f1c84e78f8533a15a5f48fb0b600000000000000026000000010000000001201910"
            "23001636360022000bc1058c780d281b8f38f4ca415f050748560499f90221b3dc3f2968c00628cb0e00000008000000"
            "0000000006"
        ),
        (
            "9066ad09ece32f5b36499afc65caac8a1ff3d37e0cb748e84532e8baab1fad3fb5ed827c72c48400763289a2a53ee98a"
            "811f63e16ec3a4a8b828e0f335ff50ef"
        ),
    ),
)
"""Seal, TPMS_ATTEST and signature; the counter went on by two between the last ones without a record."""

GOLDEN: Final = tuple(
    Attestation(
        seal, sha256(f"golden {seal}".encode()).digest(), bytes.fromhex(attest), bytes.fromhex(signature), AK
    )
    for seal, attest, signature in _MADE
)
