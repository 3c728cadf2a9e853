"""The enrolment office: who may have a certificate, and who becomes known to the centre.

The whole policy is `centre.enrolment.policy`, and pure. `Office` is the rim: the folder with the
authority, the ledger and its lock, the register. Every request, by EST, MQTT or USB stick,
goes the same way:

    checked against the policy → its line in the ledger, which uses its token up → an officer compares the
    short code, unless the token needs no officer → the centre's signed enrolment in the register →
    the certificate in the ledger → the answer

After a crash between any two of these, the same request sent again goes on from there; another request under
the same token is refused for ever. The same request always gets the same answer.

The folder, mode 0700:

    authority.pem        the authority's certificate
    authority.key        its key, mode 0600; absent where an external authority signs
    enrolments.jsonl     the ledger (`centre.enrolment.ledger`)
    revoked.pem          the list of revoked certificates, for brokers

A reader of the key can certify any name; a writer of the register decides which gateways the centre trusts. A
certificate alone gives access to the broker and no trust: seals are checked with the first key.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import define, field

from centre.broker_config import CENTRE_NAME, is_reserved
from centre.enrolment.ledger import LEDGER_NAME, KeptCertificate, KeptRequest, KeptToken, Ledger, OfficeError
from centre.enrolment.policy import check_request
from centre.register import Entry, RegisterError, enrol_in, read_register
from disk.files import move, replace_file
from evidence.cbor import FormatError
from evidence.statement import EnrolledMeter
from wire.enrolment import certificates
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.certificates import CertificateError
from wire.enrolment.request import EnrolRequest, RenewRequest, enrolment_of, parse_attribute
from wire.enrolment.token import Token, new_token, short_code

AUTHORITY_NAME: Final = "authority.pem"
KEY_NAME: Final = "authority.key"
REVOKED_NAME: Final = "revoked.pem"
WAITING_MAX: Final = 200
"""Requests that wait for an officer; a flooder needs a token for each, so this is many sites at once."""
RESERVED: Final = frozenset({"claim", "beacon"})
"""Names that mean something else on the broker, beside those of the centre's own processes."""
OWN_DAYS: Final = 1_095.0
"""Validity of the broker's and the centre's own certificates, which no timer renews: three years."""
CERTIFICATE_DAYS: Final = 90.0
"""Short enough that a lost gateway's access expires, long enough for a plant that is shut in summer."""


@define
class Office:
    """See the module. `register` and `secret` are the centre's register and key."""

    folder: Path
    register: Path | None = None
    secret: bytes = field(default=b"", repr=False)
    days: float = CERTIFICATE_DAYS
    ledger: Ledger = field(init=False)
    authority: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        file = self.folder / AUTHORITY_NAME
        with _office_errors(file, "; `dianjian centre authority` makes one"):
            self.authority = file.read_bytes()
            certificates.parse_certificate(self.authority)
        self.ledger = Ledger(self.folder / LEDGER_NAME)

    @property
    def is_external(self) -> bool:
        """Whether an external authority signs."""
        return not (self.folder / KEY_NAME).exists()

    def give_token(
        self,
        gateway: str,
        expires_utc_ms: int,
        now_utc_ms: int,
        *,
        site: str | None = None,
        meters: tuple[EnrolledMeter, ...] | None = None,
        is_auto: bool = False,
    ) -> Token:
        """A fresh token for one gateway."""
        if gateway in RESERVED or is_reserved(gateway):
            raise OfficeError(f"no gateway can be called {gateway}")
        with self.ledger.locked() as ledger:
            token = new_token()
            while token.id in ledger.tokens:  # one in a thousand million
                token = new_token()
            kept = KeptToken(token.id, gateway, token.mac_key, expires_utc_ms, site, meters, is_auto)
            ledger.add_token(kept, now_utc_ms)
        return token

    def receive(self, raw: bytes, now_utc_ms: int, sender: str = "") -> Answer:
        """The answer to a request; `sender` is the gateway whose certificate it arrived under, if any.

        Raises:
            OfficeError: The office's own files are wrong.
        """
        with self.ledger.locked() as ledger:
            admitted = check_request(raw, ledger, self._look_up, now_utc_ms)
            if isinstance(admitted, Refused):
                return admitted
            if sender not in {"", admitted.csr.name}:
                return Refused("name")
            code = sha256(admitted.csr.der).digest()
            kept = ledger.requests.get(code)
            if kept is None:
                if sum(1 for one in ledger.requests.values() if not one.decision) >= WAITING_MAX:
                    return Refused("busy")
                request = admitted.asked.request
                renews = request.certificate_sha256 if isinstance(request, RenewRequest) else b""
                new = KeptRequest(code, admitted.csr.der, request.gateway, request.token, renews, now_utc_ms)
                ledger.add_request(new)
            if admitted.is_auto and not ledger.requests[code].decision:
                ledger.add_decision(code, "approved", "auto", now_utc_ms)
            return self._go_on(ledger, code, now_utc_ms)

    def approve(self, code: bytes, by: str, now_utc_ms: int, *, decision: str = "approved") -> Answer:
        """Record an officer's decision, "approved" or "denied", and go on; the first decision stands."""
        with self.ledger.locked() as ledger:
            if code not in ledger.requests:
                raise OfficeError("no such request")
            if not ledger.requests[code].decision:
                ledger.add_decision(code, decision, by, now_utc_ms)
            return self._go_on(ledger, code, now_utc_ms)

    def take_external(self, raw: bytes, now_utc_ms: int, gateway: str = "") -> KeptRequest:
        """Take the certificate that an external authority has made for an approved request."""
        with self.ledger.locked() as ledger:
            with _office_errors():
                certificate = certificates.parse_certificate(raw)
            spki = certificate.spki
            fits = [r for r in ledger.requests.values() if certificates.parse_csr(r.csr).spki == spki]
            if not fits:
                raise OfficeError("the certificate is for a key that no request has")
            request = fits[-1]
            if gateway not in {"", request.gateway}:
                raise OfficeError(f"the certificate is for {request.gateway}, not for {gateway}")
            if request.decision != "approved":
                raise OfficeError(f"the request of {request.gateway} is not approved")
            if certificate.name != request.gateway or not certificate.is_for_clients:
                raise OfficeError(f"the certificate is not a client's with CN = {request.gateway}")
            if not certificates.is_issued_by(certificate.der, self.authority):
                raise OfficeError("the certificate is not signed by the authority of this office")
            if not request.certificate:
                ledger.add_issued(request.code, certificate.der, now_utc_ms)
            return ledger.requests[request.code]

    def revoke(self, gateway: str, reason: str, now_utc_ms: int) -> list[KeptCertificate]:
        """Revoke every certificate of a gateway; brokers refuse them once they have the new list."""
        with self.ledger.locked() as ledger:
            wanted = [one for one in ledger.certificates.values() if one.gateway == gateway]
            if not wanted:
                raise OfficeError(f"{gateway} has no certificate of this office")
            fresh = [one for one in wanted if one.revoked_utc_ms is None]
            for one in fresh:
                ledger.add_revoked(one.sha256, reason, now_utc_ms)
            self._write_revoked(ledger, now_utc_ms)
            return fresh

    def write_revoked(self, now_utc_ms: int) -> Path:
        """Rewrite the list of revoked certificates; an external authority makes its own."""
        with self.ledger.locked() as ledger:
            self._write_revoked(ledger, now_utc_ms)
        return self.folder / REVOKED_NAME

    def chain(self, certificate: bytes) -> bytes:
        """The bytes of the answer: certificate and authority."""
        return certificates.certs_only([certificate, self.authority])

    def serve(self, hosts: list[str], now_utc_ms: int) -> tuple[bytes, bytes]:
        """Key and certificate (PEM) of a server that is reached under `hosts`."""
        key = certificates.new_key()
        der = self._sign(certificates.spki_of(key), hosts[0], now_utc_ms, hosts, OWN_DAYS)
        return key, certificates.pem(der)

    def introduce(self, now_utc_ms: int, name: str = CENTRE_NAME) -> tuple[bytes, bytes]:
        """Key and certificate (PEM) of a process of the centre on the broker; `name` is one of ROLES."""
        key = certificates.new_key()
        return key, certificates.pem(self._sign(certificates.spki_of(key), name, now_utc_ms, [], OWN_DAYS))

    def _go_on(self, ledger: Ledger, code: bytes, now_utc_ms: int) -> Answer:
        """Do everything that follows a decision and is not done yet."""
        request = ledger.requests[code]
        if request.decision == "denied":
            return Refused("denied")
        if request.certificate:
            return Issued(self.chain(request.certificate))
        if request.decision != "approved":
            return Pending(short_code(request.csr))
        csr = certificates.parse_csr(request.csr)
        asked = parse_attribute(csr.attribute).request
        if isinstance(asked, EnrolRequest):
            self._enrol(asked, now_utc_ms)
        if self.is_external:
            return Pending(short_code(request.csr))
        der = self._sign(csr.spki, request.gateway, now_utc_ms, [], self.days)
        ledger.add_issued(code, der, now_utc_ms)
        return Issued(self.chain(der))

    def _enrol(self, asked: EnrolRequest, now_utc_ms: int) -> None:
        if self.register is None or not self.secret:
            raise OfficeError("the centre's register and key are needed: --register and --key")
        with _office_errors(self.register):
            enrol_in(self.register, enrolment_of(asked, now_utc_ms), self.secret)

    def _sign(self, spki: bytes, name: str, now_utc_ms: int, hosts: list[str], days: float) -> bytes:
        key = self.folder / KEY_NAME
        with _office_errors(key):
            if key.stat().st_mode & 0o077:
                raise OfficeError(f"{key}: others may read it; chmod 600")
            now = _when(now_utc_ms)
            return certificates.issue(key.read_bytes(), self.authority, spki, name, now, days, hosts=hosts)

    def _write_revoked(self, ledger: Ledger, now_utc_ms: int) -> None:
        if self.is_external:
            return
        revoked = [
            (certificates.parse_certificate(one.der).serial, _when(one.revoked_utc_ms))
            for one in ledger.certificates.values()
            if one.revoked_utc_ms is not None
        ]
        key = (self.folder / KEY_NAME).read_bytes()
        raw = certificates.make_revocations(key, self.authority, revoked, _when(now_utc_ms))
        replace_file(self.folder / REVOKED_NAME, raw, 0o644)

    def _look_up(self, gateway: str) -> Entry | None:
        """What the register has of a gateway; with a thousand of them reading it takes 0.1 s."""
        return self._read_register().get(gateway)

    def _read_register(self) -> dict[str, Entry]:
        if self.register is None or not self.register.exists():
            return {}
        with _office_errors():
            return read_register(self.register)


def make_office(folder: Path, name: str, now_utc_ms: int, external: bytes | None = None) -> Office:
    """A new office: with an authority of its own, or under the external one whose certificate is given.

    Raises:
        OfficeError: There is one already, or the folder cannot be written.
    """
    with _office_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (folder / AUTHORITY_NAME).exists():
            raise OfficeError(f"{folder}: an authority is there already; a key is never overwritten")
        if (folder / KEY_NAME).exists():  # a crash before its certificate was written
            move(folder / KEY_NAME, folder / f"{KEY_NAME}.unused")
        if external is None:
            key, certificate = certificates.make_authority(name, _when(now_utc_ms))
            replace_file(folder / KEY_NAME, key, 0o600)
        else:
            with _office_errors():
                parsed = certificates.parse_certificate(external)
            if not parsed.is_authority:
                raise OfficeError("the certificate is not that of an authority")
            certificate = certificates.pem(parsed.der)
        replace_file(folder / AUTHORITY_NAME, certificate, 0o644)
        office = Office(folder)
        office.write_revoked(now_utc_ms)
    return office


@contextmanager
def _office_errors(path: Path | None = None, hint: str = "") -> Iterator[None]:
    """Turn a fault in the file at `path`, or in the input, into an OfficeError of one line."""
    try:
        yield
    except OSError as error:
        raise OfficeError(f"{path or error.filename}: {error.strerror}{hint}") from error
    except CertificateError as error:
        raise OfficeError(str(error) if path is None else f"{path}: {error}") from error
    except (RegisterError, FormatError) as error:
        raise OfficeError(str(error)) from error


def _when(utc_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(utc_ms / 1000, dt.UTC).replace(microsecond=0)
