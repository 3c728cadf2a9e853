"""The counter and the key in a real TPM."""

from hashlib import sha256
from pathlib import Path

import pytest

from evidence import cbor
from evidence.attestation import COUNTER_PUBLIC, NV_INDEX, Attestation, check_attestation
from tests.tpm.swtpm import Swtpm, needed

HASH = sha256(b"a seal").digest()


def attest(swtpm: Swtpm, seal_hash: bytes = HASH) -> Attestation:
    needed()
    from agent.sealing.tpm import Tpm  # noqa: PLC0415 -- an extra of the distribution

    return Tpm(swtpm.tcti).attest(7, seal_hash)


def test_each_attestation_is_one_step_of_the_counter_under_one_key(swtpm: Swtpm) -> None:
    made = [attest(swtpm) for _ in range(3)]
    first, *_ = counters = [check_attestation(one).counter for one in made]
    assert counters == [first, first + 1, first + 2]
    assert len({one.ak for one in made}) == 1
    assert len({one.signature for one in made}) == 3


def test_counter_and_key_outlive_the_process_of_the_tpm(swtpm: Swtpm) -> None:
    before = attest(swtpm)
    swtpm.kill()
    swtpm.start()
    after = attest(swtpm)
    assert after.ak == before.ak
    assert check_attestation(after).counter == check_attestation(before).counter + 1
    assert check_attestation(after).reset_count > check_attestation(before).reset_count


def test_six_power_cuts_lock_nothing(swtpm: Swtpm) -> None:
    counters = []
    for _ in range(6):
        counters.append(check_attestation(attest(swtpm)).counter)
        swtpm.kill()
        swtpm.start()
    assert counters == list(range(counters[0], counters[0] + 6))
    assert check_attestation(attest(swtpm)).counter == counters[-1] + 1


def test_a_counter_that_is_made_anew_never_begins_below_the_old_one(swtpm: Swtpm) -> None:
    needed()
    from tpm2_pytss import ESAPI  # noqa: PLC0415

    before = check_attestation(attest(swtpm)).counter
    with ESAPI(swtpm.tcti) as tpm:
        tpm.nv_undefine_space(tpm.tr_from_tpmpublic(NV_INDEX))
    assert check_attestation(attest(swtpm)).counter > before


def test_another_tpm_is_another_key(swtpm: Swtpm, tmp_path: Path) -> None:
    other = Swtpm(tmp_path / "other")
    other.start()
    try:
        assert attest(other).ak != attest(swtpm).ak
    finally:
        other.close()


def test_a_tpm_that_is_away_is_one_error_and_works_again_later(swtpm: Swtpm) -> None:
    from agent.sealing.tpm import TpmError  # noqa: PLC0415

    swtpm.kill()
    with pytest.raises(TpmError, match="swtpm:host="):
        attest(swtpm)
    swtpm.start()
    attest(swtpm)


def test_an_index_that_its_owner_can_set_is_no_counter(swtpm: Swtpm) -> None:
    """Under the counter's own number, with contents that somebody wrote."""
    needed()
    from tpm2_pytss import ESAPI, TPM2B_NV_PUBLIC, TPMS_NV_PUBLIC  # noqa: PLC0415
    from tpm2_pytss.constants import ESYS_TR, TPM2_ALG  # noqa: PLC0415
    from tpm2_pytss.types import (  # noqa: PLC0415
        TPM2B_PUBLIC,
        TPM2B_SENSITIVE_CREATE,
        TPMT_PUBLIC,
        TPMT_SIG_SCHEME,
    )

    from evidence.attestation import AK_TEMPLATE  # noqa: PLC0415

    settable = COUNTER_PUBLIC[:6] + (0x02060004).to_bytes(4) + COUNTER_PUBLIC[10:]
    with ESAPI(swtpm.tcti) as tpm:
        index = tpm.nv_define_space(b"", TPM2B_NV_PUBLIC(nvPublic=TPMS_NV_PUBLIC.unmarshal(settable)[0]))
        tpm.nv_write(index, (1).to_bytes(8), auth_handle=index)
        key, public, *_ = tpm.create_primary(
            TPM2B_SENSITIVE_CREATE(),
            TPM2B_PUBLIC(publicArea=TPMT_PUBLIC.unmarshal(AK_TEMPLATE + bytes(4))[0]),
            ESYS_TR.ENDORSEMENT,
        )
        attest_, signature = tpm.nv_certify(
            key, index, HASH, TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL), 8, 0, auth_handle=index,
            session1=ESYS_TR.PASSWORD, session2=ESYS_TR.PASSWORD,
        )  # fmt: skip
        halves = bytes(signature.signature.ecdsa.signatureR), bytes(signature.signature.ecdsa.signatureS)
        raw = b"".join(half.rjust(32, b"\0") for half in halves)
        forged = Attestation(7, HASH, bytes(attest_), raw, public.publicArea.marshal())
    with pytest.raises(cbor.FormatError, match="not the counter"):
        check_attestation(forged)
