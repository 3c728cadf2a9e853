"""Requests made by hand, good and forged, and an office to try them on."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from centre.enrolment.office import Office, make_office
from evidence.keys import create_key_file, public
from evidence.statement import EnrolledMeter
from wire.enrolment import certificates
from wire.enrolment.answer import Answer
from wire.enrolment.request import EnrolRequest, RenewRequest, ask_enrolment, ask_renewal
from wire.enrolment.token import Token

NOW = 1_767_268_800_000
HOUR = 3_600_000
DAY = 24 * HOUR
METERS = (EnrolledMeter("mp", "eastron-sdm630", 1), EnrolledMeter("mt", "eastron-sdm630", 2))


@define
class Device:
    """What a gateway's disk holds; a thief's looks the same."""

    gateway: str = "g1"
    first: bytes = bytes([1]) * 32
    key: bytes = field(factory=certificates.new_key)
    site: str = "Plant"
    meters: tuple[EnrolledMeter, ...] = METERS

    def request(self, token: Token, **changes: Any) -> EnrolRequest:
        request = EnrolRequest(
            gateway=self.gateway,
            site=self.site,
            first_key=public(self.first),
            recovery_key=bytes(32),
            meters=self.meters,
            spki_sha256=sha256(certificates.spki_of(self.key)).digest(),
            token=token.id,
            utc_ms=NOW,
        )
        return evolve(request, **changes)

    def asks(self, token: Token, **changes: Any) -> bytes:
        return self.wraps(ask_enrolment(self.request(token, **changes), self.first, token))

    def wraps(self, attribute: bytes) -> bytes:
        return certificates.make_csr(self.key, self.gateway, attribute)

    def renews(self, certificate: bytes, new_key: bytes, token: Token | None = None, **changes: Any) -> bytes:
        request = RenewRequest(
            self.gateway,
            sha256(certificate).digest(),
            sha256(certificates.spki_of(new_key)).digest(),
            "" if token is None else token.id,
            NOW,
        )
        attribute = ask_renewal(
            evolve(request, **changes), lambda message: certificates.sign_es256(self.key, message), token
        )
        return certificates.make_csr(new_key, self.gateway, attribute)


@define
class Desk:
    """An office in a folder, at a time that the test says."""

    office: Office
    now: int = NOW

    @classmethod
    def opened(cls, folder: Path, external: bytes | None = None) -> "Desk":
        folder.mkdir(parents=True, exist_ok=True)
        make_office(folder / "office", "dianjian", NOW, external)
        secret = create_key_file(folder / "centre.key")
        return cls(Office(folder / "office", folder / "register", secret))

    def again(self) -> "Desk":
        """The office after its process has ended."""
        return Desk(Office(self.office.folder, self.office.register, self.office.secret), self.now)

    def gives(self, gateway: str = "g1", **more: Any) -> Token:
        return self.office.give_token(gateway, self.now + DAY, self.now, **{"is_auto": True, **more})

    def hears(self, csr: bytes, sender: str = "") -> Answer:
        return self.office.receive(csr, self.now, sender)
