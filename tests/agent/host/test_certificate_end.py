"""The end of a certificate, found in its DER without a library, as a library finds it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.host.certificate_end import CERTIFICATE_BYTES_MAX, certificate_end, end_of

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(end: datetime, name: str = "g1", key: ec.EllipticCurvePrivateKey = KEY) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=1))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )


@given(st.integers(-18_900, 84_000), st.integers(0, 86_399), st.text("ab电", min_size=1, max_size=60))
@settings(max_examples=50)
def test_it_is_what_the_library_says(days: int, seconds: int, name: str) -> None:
    wanted = datetime(2003, 1, 1, tzinfo=UTC) + timedelta(days=days, seconds=seconds)
    one = certificate(wanted, name)
    assert end_of(one.public_bytes(Encoding.DER)) == one.not_valid_after_utc == wanted


def test_the_first_certificate_of_a_chain_counts(tmp_path: Path) -> None:
    first, second = (certificate(datetime(year, 1, 1, tzinfo=UTC)) for year in (2031, 2049))
    file = tmp_path / "chain.pem"
    file.write_bytes(b"words\n" + first.public_bytes(Encoding.PEM) + second.public_bytes(Encoding.PEM))
    assert certificate_end(file) == datetime(2031, 1, 1, tzinfo=UTC)


def test_one_of_openssl_without_a_version_is_read(tmp_path: Path) -> None:
    """X.509 version 1 has no version field, as hand-made CAs still make them."""
    key, file = tmp_path / "k", tmp_path / "c.pem"
    ask = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=g1", "-keyout", str(key)]
    request = subprocess.run(ask, check=True, capture_output=True).stdout
    sign = ["openssl", "x509", "-req", "-days", "9", "-signkey", str(key), "-out", str(file)]
    subprocess.run(sign, check=True, capture_output=True, input=request)
    one = x509.load_pem_x509_certificate(file.read_bytes())
    assert isinstance(one.public_key(), rsa.RSAPublicKey)
    assert certificate_end(file) == one.not_valid_after_utc


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA", b"\xff" * 99])
def test_what_is_none_is_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "c.pem"
    if content is not None:
        file.write_bytes(content)
    assert certificate_end(file) is None


DER = certificate(datetime(2031, 1, 1, tzinfo=UTC)).public_bytes(Encoding.DER)
OCTETS = st.dictionaries(st.integers(0, 120), st.integers(0, 255), max_size=4)


@given(OCTETS, st.integers(0, 400))
def test_damage_is_one_kind_of_error(octets: dict[int, int], length: int) -> None:
    cut = bytes(octets.get(at, octet) for at, octet in enumerate(DER))[:length]
    try:
        assert end_of(cut).tzinfo is UTC
    except ValueError:
        return


def test_a_file_without_an_end_is_not_read_whole() -> None:
    assert certificate_end(Path("/dev/zero")) is None
    assert CERTIFICATE_BYTES_MAX < 1 << 20
