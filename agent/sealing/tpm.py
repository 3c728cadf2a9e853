"""The gateway's TPM 2.0: a counter that only goes up, certified over a seal.

The only file that imports tpm2_pytss. Between two calls only the counter is kept: the key is a primary key of
the endorsement hierarchy, which the TPM derives from its own seed each time, so it never changes and is in no
file. `evidence.attestation` defines key and counter bit by bit.

No object has a dictionary-attack lock: three power cuts would otherwise lock a TPM for hours. Authorisations
are empty: root on this gateway can use the TPM too, but can only increment the counter, which is noticed.

Calls block: a hardware TPM takes about a second, a broken one up to minutes (`agent.sealing.tpm_task` has the
thread). The libraries cost 9 MiB and are loaded only where a site file has [tpm].
"""

import logging
import os
from contextlib import suppress
from typing import Final

from tpm2_pytss import ESAPI, TSS2_Exception
from tpm2_pytss.constants import ESYS_TR, TPM2_ALG, TPM2_SU
from tpm2_pytss.types import (
    TPM2B_NV_PUBLIC,
    TPM2B_PUBLIC,
    TPM2B_SENSITIVE_CREATE,
    TPMS_NV_PUBLIC,
    TPMT_PUBLIC,
    TPMT_SIG_SCHEME,
)

from evidence.attestation import (
    AK_TEMPLATE,
    COORDINATE_BYTES,
    COUNTER_BYTES,
    COUNTER_PUBLIC,
    NV_INDEX,
    Attestation,
)

LOG: Final = logging.getLogger("dianjian.tpm")

_NO_POINT: Final = bytes(4)
_INITIALIZED: Final = 0x100
"""TPM_RC_INITIALIZE: it is started already, usually by the kernel."""
_NO_SUCH_HANDLE: Final = 0x18B
"""TPM_RC_HANDLE for the first handle: the index is not defined."""


class TpmError(Exception):
    """The TPM cannot be used now; it may work the next time."""


class Tpm:
    """The TPM behind `tcti`, such as `device:/dev/tpmrm0`."""

    def __init__(self, tcti: str) -> None:
        self._tcti = tcti
        # The libraries would print a line to stderr for every refusal; our own errors have what matters.
        os.environ.setdefault("TSS2_LOG", "all+NONE")

    def attest(self, seal: int, seal_hash: bytes) -> Attestation:
        """One step of the counter, certified over a seal.

        Raises:
            TpmError: It failed; the counter may have been incremented.
        """
        try:
            with ESAPI(self._tcti) as tpm:
                _start(tpm)
                key, public, *_ = tpm.create_primary(
                    TPM2B_SENSITIVE_CREATE(),
                    TPM2B_PUBLIC(publicArea=TPMT_PUBLIC.unmarshal(AK_TEMPLATE + _NO_POINT)[0]),
                    ESYS_TR.ENDORSEMENT,
                )
                try:
                    return _certify(tpm, key, public, seal, seal_hash)
                finally:
                    with suppress(TSS2_Exception):
                        tpm.flush_context(key)
        except (TSS2_Exception, OSError, ValueError, RuntimeError) as error:
            raise TpmError(f"{self._tcti}: {error}") from error


def _start(tpm: ESAPI) -> None:
    try:
        tpm.startup(TPM2_SU.CLEAR)
    except TSS2_Exception as error:
        if error.rc != _INITIALIZED:
            raise


def _certify(tpm: ESAPI, key: ESYS_TR, public: TPM2B_PUBLIC, seal: int, seal_hash: bytes) -> Attestation:
    counter = _counter(tpm)
    tpm.nv_increment(counter, auth_handle=counter)
    attest, signature = tpm.nv_certify(
        key,
        counter,
        seal_hash,
        TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL),
        COUNTER_BYTES,
        0,
        auth_handle=counter,
        session1=ESYS_TR.PASSWORD,
        session2=ESYS_TR.PASSWORD,
    )
    point = signature.signature.ecdsa
    halves = bytes(point.signatureR), bytes(point.signatureS)
    raw = b"".join(half.rjust(COORDINATE_BYTES, b"\0") for half in halves)
    return Attestation(seal, seal_hash, bytes(attest), raw, public.publicArea.marshal())


def _counter(tpm: ESAPI) -> ESYS_TR:
    """Find the counter, or define it."""
    try:
        return tpm.tr_from_tpmpublic(NV_INDEX)
    except TSS2_Exception as error:
        if error.rc != _NO_SUCH_HANDLE:
            raise
    LOG.info("defining the TPM's counter")
    return tpm.nv_define_space(b"", TPM2B_NV_PUBLIC(nvPublic=TPMS_NV_PUBLIC.unmarshal(COUNTER_PUBLIC)[0]))
