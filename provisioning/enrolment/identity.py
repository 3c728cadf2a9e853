"""Where a gateway's TLS key and certificate are stored, and how they are replaced atomically.

Below the state folder:

    tls/pending/key.pem        the key of the requested certificate, mode 0600, made once
    tls/pending/request.csr    the signing request, the same bytes until it is answered
    tls/ID/                    key.pem, certificate.pem, ca.pem, request.csr of one certificate
    tls/current                a symbolic link to the ID in use
    tls/broker.toml            the lines for [broker] of the site file
    tls/token-id               the id of the token that the gateway was enrolled with
    tls/est                    the address of the centre's EST server, empty without one

The site file names the files below `current`. The link is replaced in one step, so key and certificate
change together; a running agent uses them from its next connect. Nothing is lost when a process is
killed between any two steps, and the next call goes on with the same key and the same bytes.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen

from agent.site.file import Site
from disk.files import move, replace_file

TLS_NAME: Final = "tls"
PENDING_NAME: Final = "pending"
CURRENT_NAME: Final = "current"
KEY_NAME: Final = "key.pem"
CERTIFICATE_NAME: Final = "certificate.pem"
AUTHORITY_NAME: Final = "ca.pem"
REQUEST_NAME: Final = "request.csr"
BROKER_NAME: Final = "broker.toml"
USED_NAME: Final = "token-id"
EST_NAME: Final = "est"
ID_BYTES: Final = 8
KEPT: Final = 2
"""Certificates kept: the one in use and the previous one, which an agent may be reading."""


@frozen
class Identity:
    """The TLS files of one gateway; `folder` is its tls/."""

    folder: Path

    @classmethod
    def of(cls, site: Site) -> "Identity":
        """The identity of the gateway of `site`."""
        return cls(site.path(site.store.path) / TLS_NAME)

    @property
    def current(self) -> Path:
        """The files in use."""
        return self.folder / CURRENT_NAME

    @property
    def pending(self) -> Path:
        """The files of the requested certificate."""
        return self.folder / PENDING_NAME

    def has_current(self) -> bool:
        """Whether there is a certificate."""
        return (self.current / CERTIFICATE_NAME).exists()

    def read_est(self) -> str:
        """The address at which the centre takes renewals by EST, "" without one."""
        file = self.folder / EST_NAME
        return file.read_text("utf-8").strip() if file.exists() else ""

    def read_token_id(self) -> str:
        """The id of the token that was used, "" where none was."""
        file = self.folder / USED_NAME
        return file.read_text("utf-8").strip() if file.exists() else ""

    def make_key(self, make: Callable[[], bytes]) -> bytes:
        """The key of the requested certificate; made if there is none."""
        file = self.pending / KEY_NAME
        if not file.exists():
            for folder in (self.folder.parent, self.folder, self.pending):
                folder.mkdir(mode=0o700, exist_ok=True)
            replace_file(file, make(), 0o600)
        return file.read_bytes()

    def read_request(self) -> bytes | None:
        """The signing request that was made for it."""
        file = self.pending / REQUEST_NAME
        return file.read_bytes() if file.exists() else None

    def keep_request(self, raw: bytes) -> None:
        """Keep the signing request before it is sent."""
        replace_file(self.pending / REQUEST_NAME, raw, 0o600)

    def install(self, name: str, certificate: bytes, authority: bytes) -> None:
        """Put the pending key and its certificate (PEM) into use under an id."""
        home = self.folder / name
        if not home.exists():
            draft = self.folder / f"{name}.new"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            for file in (KEY_NAME, REQUEST_NAME):
                replace_file(draft / file, (self.pending / file).read_bytes(), 0o600)
            replace_file(draft / AUTHORITY_NAME, authority, 0o600)
            replace_file(draft / CERTIFICATE_NAME, certificate, 0o600)
            move(draft, home)
        link = self.folder / f"{CURRENT_NAME}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        move(link, self.current)
        self.tidy()

    def tidy(self) -> None:
        """Remove pending files no longer needed, and certificates before the previous one."""
        now = self.current / KEY_NAME
        asked = self.pending / KEY_NAME
        if now.exists() and asked.exists() and now.read_bytes() == asked.read_bytes():
            shutil.rmtree(self.pending)
        special = {PENDING_NAME, CURRENT_NAME}
        homes = [one for one in self.folder.iterdir() if one.is_dir() and one.name not in special]
        homes.sort(key=lambda one: one.stat().st_mtime_ns, reverse=True)
        in_use = self.current.resolve()
        for old in [one for one in homes if one.resolve() != in_use][KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
