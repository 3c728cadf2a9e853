"""What the centre signs with the root, or with a receipt key that the root has certified. Pure.

    signed with the root           the COSE_Sign1 alone, as ever
    signed with a receipt key      CBOR [COSE_Sign1, certificate]: the certificate travels with it

So whoever has the root's key can check it wherever it lies: at the gateway, in a chain's database, in a pack
made years later. The certificate (`evidence.orders.certificate`) is of the role receipt, and in force at the
time that the message says. That the key was withdrawn is known to those who were told: a gateway, from the
withdrawals that it has sealed.
"""

from collections.abc import Collection
from typing import Any, Final

from attrs import field, frozen

from evidence import cbor, cose
from evidence.keys import public
from evidence.orders.certificate import CERTIFICATE_BYTES_MAX, Certificate, Role, open_root_statement

HEADS_BYTES: Final = 8
"""Of the array and its two byte strings."""
MORE_BYTES_MAX: Final = CERTIFICATE_BYTES_MAX + HEADS_BYTES
"""What a certificate adds to a message."""


@frozen
class Signer:
    """Who signs receipts, beacons and numbers of orders: a secret, the root, the certificate of the key.

    `certificate` is b"" where the secret is the root's own.
    """

    secret: bytes = field(repr=False)
    root: bytes
    certificate: bytes = b""

    @classmethod
    def of_root(cls, secret: bytes) -> "Signer":
        """The root itself."""
        return cls(secret, public(secret))

    @property
    def statements(self) -> tuple[bytes, ...]:
        """What a gateway needs to believe it."""
        return (self.certificate,) if self.certificate else ()

    def sign(self, payload: bytes, domain: bytes) -> bytes:
        """`payload` signed under `domain`, with the certificate."""
        raw = cose.sign1(payload, self.secret, domain)
        return cbor.encode([raw, self.certificate]) if self.certificate else raw


def to_signer(given: Signer | bytes) -> Signer:
    """A signer; bytes are the root's secret."""
    return Signer.of_root(given) if isinstance(given, bytes) else given


@frozen
class Opened:
    """A message with a good signature; `certificate` is None where the root has signed it."""

    value: Any
    certificate: Certificate | None

    def check_time(self, utc_ms: int, heard_utc_ms: int = 0) -> None:
        """Raise FormatError if the key was not in force at the time that the message says.

        Nor at `heard_utc_ms`, where the reader knows that it is later: a key that has ended can write any.
        """
        if self.certificate is not None and not self.certificate.covers(max(utc_ms, heard_utc_ms)):
            raise cbor.FormatError("its receipt key is not in force at its time")


def open_delegated(
    raw: bytes, root: bytes, domain: bytes, bytes_max: int, withdrawn: Collection[bytes] = ()
) -> Opened:
    """The value in a message of at most `bytes_max` bytes without its certificate.

    Args:
        raw: The message.
        root: The root's public key.
        domain: What it has to be signed as.
        bytes_max: Of the COSE_Sign1.
        withdrawn: Receipt keys that are not believed any more.

    Raises:
        FormatError: Neither the root nor a receipt key that it has certified has signed it.
    """
    certificate = None
    if raw[:1] != cose.TAG_SIGN1:
        items = cbor.array(cbor.decode(raw, bytes_max + MORE_BYTES_MAX), "signed message", 2)
        if type(items[0]) is not bytes or type(items[1]) is not bytes:
            raise cbor.FormatError("neither a COSE_Sign1 nor one with its certificate")
        raw, certificate = items[0], _open_certificate(items[1], root)
        if certificate.key in withdrawn:
            raise cbor.FormatError("its receipt key is withdrawn")
    signed = cose.parse(raw, bytes_max)
    if not signed.holds(root if certificate is None else certificate.key, domain):
        raise cbor.FormatError("not signed by the centre")
    return Opened(cbor.decode(signed.payload, bytes_max), certificate)


def _open_certificate(raw: bytes, root: bytes) -> Certificate:
    one = open_root_statement(raw, root)
    if not isinstance(one, Certificate) or one.role is not Role.RECEIPT:
        raise cbor.FormatError("its certificate is not that of a receipt key")
    return one
