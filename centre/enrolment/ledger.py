"""The ledger of an enrolment office: tokens, requests, officers' decisions, certificates. Append-only.

`enrolments.jsonl`, mode 0600, one JSON object a line, each on the disk before anything that
depends on it is done:

    {"what": "token", "id", "gateway", "mac_key", "expires_utc_ms", "site", "meters", "auto", "at"}
    {"what": "request", "code", "csr", "gateway", "token", "renews", "at"}     the token is used from here on
    {"what": "approved" | "denied", "code", "by", "at"}
    {"what": "issued", "code", "certificate", "at"}
    {"what": "revoked", "certificate", "reason", "at"}

`code` is the SHA-256 of the signing request, `mac_key` the centre's part of a token, `site` and `meters` are
null where the token is not bound to them, `renews` the SHA-256 of a certificate or "". The line that
holds the request uses the token up: the two are never on the disk one without the other, and no
certificate is out while its token is still valid.

Several processes may use one office (`listen` and an officer's `approve`): each takes the lock, reads what
is new, and writes. A last line without its end was torn by a crash before anything depended on it,
and is cut off. Any other line that cannot be read is an error that a person has to resolve.
"""

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen

from disk.files import sync_folder
from disk.lines import append_all
from evidence.statement import EnrolledMeter

LEDGER_NAME: Final = "enrolments.jsonl"


class OfficeError(Exception):
    """The office cannot do what is asked, or its files are wrong; one line."""


@frozen
class KeptToken:
    """What the centre knows of a token.

    Attributes:
        mac_key: The key that checks the token's MAC; not the token.
        site, meters: What the request must name; None for anything.
        is_auto: No officer has to approve.
    """

    id: str
    gateway: str
    mac_key: bytes = field(repr=False)
    expires_utc_ms: int
    site: str | None = None
    meters: tuple[EnrolledMeter, ...] | None = None
    is_auto: bool = False
    used_by: bytes | None = None


@frozen
class KeptRequest:
    """A request that passed the policy; `decision` is "", "approved" or "denied"."""

    code: bytes
    csr: bytes
    gateway: str
    token: str
    renews: bytes
    at_utc_ms: int
    decision: str = ""
    certificate: bytes = b""


@frozen
class KeptCertificate:
    """An issued certificate."""

    der: bytes
    gateway: str
    at_utc_ms: int
    renewals: int = 0
    revoked_utc_ms: int | None = None
    reason: str = ""

    @property
    def sha256(self) -> bytes:
        """Its fingerprint."""
        return sha256(self.der).digest()


@define
class Ledger:
    """The content of all lines; rebuilt by reading the file, changed only by its `add_` methods."""

    path: Path
    tokens: dict[str, KeptToken] = field(factory=dict)
    requests: dict[bytes, KeptRequest] = field(factory=dict)
    certificates: dict[bytes, KeptCertificate] = field(factory=dict)
    _read: int = field(default=0, init=False)

    @contextmanager
    def locked(self) -> Iterator["Ledger"]:
        """Hold the lock, with the content up to date."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OfficeError(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_mode & 0o077:
                raise OfficeError(f"{self.path}: others may read it; chmod 600")
            self._catch_up(descriptor)
            yield self
        finally:
            os.close(descriptor)  # and the lock with it

    def add_token(self, kept: KeptToken, at_utc_ms: int) -> None:
        """A token that is given out now."""
        meters = kept.meters
        fields: dict[str, Any] = {"id": kept.id, "gateway": kept.gateway, "mac_key": kept.mac_key.hex()}
        fields |= {"expires_utc_ms": kept.expires_utc_ms, "site": kept.site}
        rows = None if meters is None else [[m.id, m.model, m.unit_id, m.serial] for m in meters]
        self._add("token", at_utc_ms, **fields, meters=rows, auto=kept.is_auto)

    def add_request(self, one: KeptRequest) -> None:
        """A request; its token is used from here on."""
        fields = {"code": one.code.hex(), "csr": base64.b64encode(one.csr).decode(), "gateway": one.gateway}
        self._add("request", one.at_utc_ms, **fields, token=one.token, renews=one.renews.hex())

    def add_decision(self, code: bytes, decision: str, by: str, at_utc_ms: int) -> None:
        """An officer's decision, "approved" or "denied"."""
        self._add(decision, at_utc_ms, code=code.hex(), by=by)

    def add_issued(self, code: bytes, der: bytes, at_utc_ms: int) -> None:
        """A certificate, before it is given out."""
        self._add("issued", at_utc_ms, code=code.hex(), certificate=base64.b64encode(der).decode())

    def add_revoked(self, certificate: bytes, reason: str, at_utc_ms: int) -> None:
        """A certificate that is revoked."""
        self._add("revoked", at_utc_ms, certificate=certificate.hex(), reason=reason)

    def _add(self, what: str, at_utc_ms: int, **fields: Any) -> None:
        """Put a line on the disk, then take it in; only within `locked`."""
        raw = (json.dumps({"what": what, **fields, "at": at_utc_ms}) + "\n").encode()
        self._take(json.loads(raw))  # so a line that could not be read again is never written
        try:
            self._append(raw)
        except OSError as error:
            self._forget()
            raise OfficeError(f"{self.path}: {error.strerror}") from error
        self._read += len(raw)

    def _append(self, raw: bytes) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            append_all(descriptor, raw)  # a line torn all the same is cut off at the next read
        finally:
            os.close(descriptor)
        if not self._read:
            sync_folder(self.path.parent)

    def _forget(self) -> None:
        """The disk's content is unknown: read everything again next time."""
        self._read = 0
        self.tokens, self.requests, self.certificates = {}, {}, {}

    def _catch_up(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        if size < self._read:
            raise OfficeError(f"{self.path}: has become shorter; lines of it are missing")
        raw = os.pread(descriptor, size - self._read, self._read)
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) != len(raw):
            os.ftruncate(descriptor, self._read + len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                where = f"{self.path}, line {number} after byte {self._read}"
                raise OfficeError(f"{where}: {type(error).__name__} {error}") from error
        self._read += len(whole)

    def _take(self, line: Any) -> None:
        at = int(line["at"])
        match line["what"]:
            case "token":
                self._take_token(line)
            case "request":
                self._take_request(line, at)
            case "approved" | "denied" as decision:
                code = bytes.fromhex(line["code"])
                self.requests[code] = evolve(self.requests[code], decision=decision)
            case "issued":
                self._take_issued(line, at)
            case "revoked":
                key = bytes.fromhex(line["certificate"])
                kept = evolve(self.certificates[key], revoked_utc_ms=at, reason=str(line["reason"]))
                self.certificates[key] = kept
            case other:
                raise ValueError(f"no line is called {other!r}")

    def _take_token(self, line: Any) -> None:
        meters = line["meters"]
        kept = KeptToken(
            id=str(line["id"]),
            gateway=str(line["gateway"]),
            mac_key=bytes.fromhex(line["mac_key"]),
            expires_utc_ms=int(line["expires_utc_ms"]),
            site=None if line["site"] is None else str(line["site"]),
            meters=None if meters is None else tuple(EnrolledMeter(*one) for one in meters),
            is_auto=line["auto"] is True,
        )
        if kept.id in self.tokens:
            raise ValueError(f"token {kept.id} is there twice")
        self.tokens[kept.id] = kept

    def _take_request(self, line: Any, at: int) -> None:
        try:
            csr = base64.b64decode(line["csr"], validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from error
        one = KeptRequest(
            code=bytes.fromhex(line["code"]),
            csr=csr,
            gateway=str(line["gateway"]),
            token=str(line["token"]),
            renews=bytes.fromhex(line["renews"]),
            at_utc_ms=at,
        )
        if sha256(csr).digest() != one.code:
            raise ValueError("a request that is not the one its code names")
        if one.token:
            if self.tokens[one.token].used_by not in {None, one.code}:
                raise ValueError(f"token {one.token} is used twice")
            self.tokens[one.token] = evolve(self.tokens[one.token], used_by=one.code)
        self.requests[one.code] = one

    def _take_issued(self, line: Any, at: int) -> None:
        code = bytes.fromhex(line["code"])
        der = base64.b64decode(line["certificate"], validate=True)
        request = self.requests[code]
        kept = KeptCertificate(der, request.gateway, at)
        self.requests[code] = evolve(request, certificate=der)
        self.certificates[kept.sha256] = kept
        if request.renews in self.certificates:
            old = self.certificates[request.renews]
            self.certificates[request.renews] = evolve(old, renewals=old.renewals + 1)
