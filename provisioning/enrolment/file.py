"""Enrolment through a folder, e.g. on a USB stick: for plants whose gateways reach only a broker.

    dianjian-GATEWAY.csr       written by the gateway: the signing request, PEM
    dianjian-GATEWAY.p7c       written by the centre: the certificates, PKCS#7 certs-only, DER
    dianjian-GATEWAY.refused   written by the centre instead: one of REFUSALS, and its sentences

The bytes are those of the other transports. A holder of the stick can do no more than lose it: the request
is bound to the token, the answer to the gateway's key. Every file is written under another name and then
renamed, since a stick has FAT.
"""

from pathlib import Path
from typing import ClassVar, Final, Literal

from attrs import frozen

from disk.files import read_plain, replace_file
from provisioning.enrolment.trouble import trouble
from wire.enrolment.answer import Answer, Issued, Pending, Refused
from wire.enrolment.token import short_code

Kind = Literal["csr", "p7c", "refused"]

BYTES_MAX: Final = 256_000
"""Size limit: a stick may hold anything under these names."""
_KINDS: Final[tuple[Kind, ...]] = ("csr", "p7c", "refused")


@frozen
class FolderTransport:
    """See the module."""

    folder: Path
    gateway: str
    name: ClassVar[str] = "file"
    waits: ClassVar[bool] = False

    @property
    def place(self) -> str:
        """The folder of the request."""
        return str(stick_file(self.folder, self.gateway, "csr"))

    def exchange(self, csr: bytes, authority: bytes) -> Answer:
        """Write the request, take the answer if it is there; an answer to another request is removed."""
        from wire.enrolment import certificates  # noqa: PLC0415

        del authority  # the caller checks the answer; a folder has no authority
        try:
            asked, issued, refused = (stick_file(self.folder, self.gateway, kind) for kind in _KINDS)
            if read(asked) != certificates.csr_pem(csr):
                issued.unlink(missing_ok=True)
                refused.unlink(missing_ok=True)
                replace_file(asked, certificates.csr_pem(csr))
                return Pending(short_code(csr))
            if (answer := read(issued)) is not None:
                return Issued(answer)
            refusal = read(refused)
        except OSError as error:
            raise trouble("file", where=str(self.folder), why=error.strerror or str(error)) from error
        if refusal is None:
            return Pending(short_code(csr))
        reason = refusal.decode("utf-8", "replace").split()
        return Refused(reason[0][:60] if reason else "denied")


def stick_file(folder: Path, gateway: str, kind: Kind) -> Path:
    """The gateway's request, or the centre's certificates or refusal."""
    return folder / f"dianjian-{gateway}.{kind}"


def read(file: Path) -> bytes | None:
    """A file of the folder, None if missing; raises OSError, also if it is no plain file or far too large."""
    try:
        return read_plain(file, BYTES_MAX)
    except FileNotFoundError:
        return None
