"""Enrolment by a folder, such as that of a USB stick: for plants whose gateways reach nothing but a broker.

    dianjian-GATEWAY.csr       written by the gateway: the signing request, PEM
    dianjian-GATEWAY.p7c       written by the centre: the certificates, PKCS#7 certs-only, DER
    dianjian-GATEWAY.refused   written by the centre instead: one of REFUSALS, and its sentences

The bytes are those of the other transports. Whoever holds the stick can do no more than lose it: the request
is bound to the token, the answer to the gateway's key. Every file is written whole under another name and
then renamed, since a stick is FAT.
"""

from pathlib import Path
from typing import ClassVar, Final

from attrs import frozen

from disk.files import replace_file
from provisioning.enrolment.trouble import trouble
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.token import short_code

BYTES_MAX: Final = 256_000
"""A stick may hold anything under these names."""


@frozen
class FolderTransport:
    """See the module."""

    folder: Path
    gateway: str
    name: ClassVar[str] = "file"
    waits: ClassVar[bool] = False

    @property
    def place(self) -> str:
        """Where the request lies."""
        return str(request_file(self.folder, self.gateway))

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Write the request, take the answer if it is there; an answer to another request is removed."""
        from wire.enrolment import certificates  # noqa: PLC0415

        del authority  # the caller checks what comes; a folder has no authority of its own
        try:
            asked = request_file(self.folder, self.gateway)
            known = read(asked)
            if known != certificates.csr_pem(csr):
                answer_file(self.folder, self.gateway).unlink(missing_ok=True)
                refusal_file(self.folder, self.gateway).unlink(missing_ok=True)
                replace_file(asked, certificates.csr_pem(csr))
                return Pending(short_code(csr))
            issued = read(answer_file(self.folder, self.gateway))
            if issued is not None:
                return Issued(issued)
            refusal = read(refusal_file(self.folder, self.gateway))
        except OSError as error:
            raise trouble("file", where=str(self.folder), why=error.strerror or str(error)) from error
        if refusal is None:
            return Pending(short_code(csr))
        reason = refusal.decode("utf-8", "replace").split()
        return Refused(reason[0][:60] if reason else "denied")


def request_file(folder: Path, gateway: str) -> Path:
    """The gateway's request."""
    return folder / f"dianjian-{gateway}.csr"


def answer_file(folder: Path, gateway: str) -> Path:
    """The centre's certificates."""
    return folder / f"dianjian-{gateway}.p7c"


def refusal_file(folder: Path, gateway: str) -> Path:
    """The centre's refusal."""
    return folder / f"dianjian-{gateway}.refused"


def read(file: Path) -> bytes | None:
    """A file of the folder, None without it; raises OSError, also for one that is far too large."""
    if not file.exists():
        return None
    if file.stat().st_size > BYTES_MAX:
        raise OSError(f"{file.name} has {file.stat().st_size} bytes; at most {BYTES_MAX} are read")
    return file.read_bytes()
