"""Receipts and beacons with a certified key: its verifiers can say what the root can, and nobody else."""

import pytest
from attrs import evolve

from evidence import cbor, keys
from evidence.anchors import Anchors
from evidence.delegated import MORE_BYTES_MAX, Signer
from evidence.orders.certificate import sign_root_statement
from evidence.receipt import (
    KEPT_BYTES_MAX,
    Beacon,
    Receipt,
    open_beacon,
    open_receipt,
    sign_beacon,
    sign_receipt,
)
from tests.evidence.chains import Chain
from tests.evidence.pack import packs

ROOT, VERIFIER, SIGNER = packs.CENTRE, packs.VERIFIER, packs.CERTIFIED
ROOT_KEY = keys.public(ROOT)
AT_MS = packs.NOON_MS
RECEIPT = Receipt("gw-7", 9, b"h" * 32, 3, ((5, 6), (8, 9)), AT_MS)


def test_both_come_back_under_the_root_and_the_root_itself_writes_what_it_always_wrote() -> None:
    assert open_receipt(sign_receipt(RECEIPT, SIGNER), ROOT_KEY) == RECEIPT
    assert open_beacon(sign_beacon(Beacon(AT_MS, 1), SIGNER), ROOT_KEY) == Beacon(AT_MS, 1)
    assert sign_receipt(RECEIPT, Signer.of_root(ROOT)) == sign_receipt(RECEIPT, ROOT)
    with pytest.raises(cbor.FormatError):
        open_receipt(sign_receipt(RECEIPT, SIGNER), keys.public(VERIFIER))


def test_every_changed_bit_is_refused() -> None:
    raw = sign_receipt(RECEIPT, SIGNER)
    for bit in range(0, len(raw) * 8, 3):
        mutated = bytearray(raw)
        mutated[bit // 8] ^= 1 << bit % 8
        with pytest.raises(cbor.FormatError):
            open_receipt(bytes(mutated), ROOT_KEY)


@pytest.mark.parametrize(
    ("utc_ms", "heard_ms", "withdrawn", "is_good"),
    [
        (AT_MS, 0, (), True),
        (AT_MS + 10**9, 0, (), True),
        (AT_MS - 1, 0, (), False),
        (AT_MS + 10**9 + 1, 0, (), False),
        (AT_MS, AT_MS + 10**9, (), True),
        (AT_MS, AT_MS + 10**9 + 1, (), False),
        (AT_MS, 0, (ROOT_KEY,), True),
        (AT_MS, 0, (keys.public(VERIFIER),), False),
    ],
)
def test_it_counts_while_the_key_is_in_force(
    utc_ms: int, heard_ms: int, withdrawn: tuple[bytes, ...], is_good: bool
) -> None:
    receipt = sign_receipt(evolve(RECEIPT, centre_utc_ms=utc_ms), SIGNER)
    beacon = sign_beacon(Beacon(utc_ms, 1), SIGNER)
    for read in (
        lambda: open_receipt(receipt, ROOT_KEY, withdrawn, heard_ms),
        lambda: open_beacon(beacon, ROOT_KEY, withdrawn, heard_ms),
    ):
        if is_good:
            read()
        else:
            with pytest.raises(cbor.FormatError, match=r"in force|withdrawn"):
                read()


def test_the_longest_receipt_with_the_longest_certificate_is_kept() -> None:
    name = "x" * 64
    longest = sign_root_statement(evolve(packs.CERTIFICATE, name=name, area="9" * 32, utc_ms=2**64 - 1), ROOT)
    ranges = tuple((2**39 + 4 * n, 2**39 + 4 * n + 1) for n in range(64))
    big = evolve(RECEIPT, number=2**40 - 1, ranges=ranges, gateway="g" * 32)
    raw = sign_receipt(big, evolve(SIGNER, certificate=longest))
    assert len(raw) <= KEPT_BYTES_MAX
    assert len(longest) < MORE_BYTES_MAX
    assert open_receipt(raw, ROOT_KEY) == big


def test_a_chain_is_anchored_by_it() -> None:
    chain = Chain()
    seal = [chain.seal() for _ in range(3)][-1]
    raw = sign_receipt(Receipt(packs.GATEWAY, 3, seal.hash, 3, (), AT_MS), SIGNER)
    anchors = Anchors(packs.GATEWAY, centre_key=ROOT_KEY, receipts=(raw,))
    assert [one.number for one in anchors.check_receipts()] == [3]
