"""A little certificate authority: P-256, made in milliseconds, valid for an hour."""

import datetime as dt
import ipaddress
from pathlib import Path

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioning.demo.broker import ServerTls
from wire.mqtt_settings import TlsFiles

HOUR = dt.timedelta(hours=1)


@define
class Authority:
    directory: Path
    name: str = "ca"
    _key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __attrs_post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        own = self._builder(self.name, self._key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self._write(self.ca, own)

    @property
    def ca(self) -> Path:
        return self.directory / f"{self.name}.pem"

    def client(self, name: str, *, expired: bool = False) -> TlsFiles:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name, key, ended=expired)
        return TlsFiles(
            self.ca, self._write(self.directory / f"{name}.pem", builder), self._key_file(name, key)
        )

    def server(self) -> ServerTls:
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = self._builder("broker", key).add_extension(x509.SubjectAlternativeName([address]), False)
        return ServerTls(
            self.ca, self._write(self.directory / "broker.pem", builder), self._key_file("broker", key)
        )

    def _builder(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, ended: bool = False
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * HOUR)
            .not_valid_after(now - HOUR if ended else now + HOUR)
        )

    def _write(self, path: Path, builder: x509.CertificateBuilder) -> Path:
        signed = builder.sign(self._key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return path

    def _key_file(self, name: str, key: ec.EllipticCurvePrivateKey) -> Path:
        path = self.directory / f"{name}.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
